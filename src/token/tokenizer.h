/* tokenizer.json as one read-only object: text in, ids out, bit for bit as huggingface/tokenizers
 * 0.23 does.  Order: added tokens on the raw text, normalizer, added tokens on the normalized text,
 * pre-tokenizer, model; template and truncation are separate functions on ids.  And back by the
 * file's decoder, without which a model can still rank.
 * Truncation and padding presets of the file are ignored.
 * Thread rule: wn_tokenizer is shared read-only; wn_encoder is scratch for one thread at a time. */
#ifndef WN_TOKEN_TOKENIZER_H
#define WN_TOKEN_TOKENIZER_H

#include "base/buf.h"
#include "token/postprocess.h"

typedef struct wn_tokenizer wn_tokenizer;
typedef struct wn_encoder wn_encoder; /* per-thread scratch */

/* Tokens of one text, a growing array that the caller keeps and reuses. */
typedef struct wn_ids {
    int32_t *ids;
    uint32_t *start, *end; /* byte range in the text of each id; only with_offsets */
    size_t n, cap, ranges_cap;
    bool with_offsets; /* set by the caller while n is 0 */
} wn_ids;

#define WN_IDS_INIT                                                                                \
    {                                                                                              \
        0                                                                                          \
    }

/* Free the memory; the array is empty and usable again. */
void wn_ids_deinit(wn_ids *ids);

/* Build from the bytes of a tokenizer.json.
 * Fails:   WN_ERR_FORMAT (JSON position or path, and both values), WN_ERR_UNSUPPORTED naming the
 *          part that we do not have, WN_ERR_LIMIT, WN_ERR_MEMORY.
 * Owns:    caller frees with wn_tokenizer_free(); json is not kept. */
WN_MUST_USE wn_status wn_tokenizer_parse(wn_tokenizer **out, wn_str json, wn_error *err);
void wn_tokenizer_free(wn_tokenizer *tokenizer);

/* Scratch for encoding.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    borrows tokenizer until wn_encoder_free(). */
WN_MUST_USE wn_status wn_encoder_new(wn_encoder **out, const wn_tokenizer *tokenizer,
                                     wn_error *err);
void wn_encoder_free(wn_encoder *encoder);

/* Whether a text can be encoded.
 * Fails:   WN_ERR_INPUT when it is not UTF-8 (names the byte), WN_ERR_LIMIT when it is over
 *          WN_TEXT_BYTES_MAX. */
WN_MUST_USE wn_status wn_encode_check(wn_str text, wn_error *err);

/* Append the ids of text to *out, without the template's special tokens.
 * plain_specials: special tokens typed in the text are text (the crate's encode_special_tokens).
 * Fails:   as wn_encode_check(); WN_ERR_MEMORY.  *out then holds what it held before. */
WN_MUST_USE wn_status wn_encode(wn_encoder *encoder, wn_ids *out, wn_str text, bool plain_specials,
                                wn_error *err);

/* Append the text of ids to *out; ids without a token are left out.
 * keep_specials: special tokens are part of the text.
 * Fails:   WN_ERR_UNSUPPORTED for a decoder that we do not have, WN_ERR_LIMIT when the text is over
 *          WN_TEXT_BYTES_MAX, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_decode(const wn_tokenizer *tokenizer, wn_buf *out, const int32_t *ids,
                                size_t n, bool keep_specials, wn_error *err);

/* Template of a single text or a pair, in order; always holds the sequences themselves.
 * Owns:    the tokenizer. */
const wn_template_item *wn_tokenizer_template(const wn_tokenizer *tokenizer, bool pair, size_t *n);

/* Special tokens that the template adds. */
size_t wn_tokenizer_n_special(const wn_tokenizer *tokenizer, bool pair);

/* Write template(a) or template(a, b) to ids and types.
 * Shapes:  a [n_a], b [n_b]; b NULL for a single text; ids, types [n_a + n_b + n_special].
 * Returns the number written.  with_specials false leaves special tokens out. */
size_t wn_tokenizer_assemble(const wn_tokenizer *tokenizer, int32_t *ids, int32_t *types,
                             const int32_t *a, size_t n_a, const int32_t *b, size_t n_b,
                             bool with_specials);

typedef enum wn_truncation {
    WN_TRUNCATE_LONGEST_FIRST = 0,
    WN_TRUNCATE_ONLY_FIRST,
    WN_TRUNCATE_ONLY_SECOND
} wn_truncation;

/* How many ids of a and b remain so that both together have at most max (specials already taken
 * off).  A pure function; the caller drops from the right (or the left).
 * Fails:   false when only_first or only_second cannot remove enough. */
bool wn_truncate(size_t *n_a, size_t *n_b, size_t max, wn_truncation strategy);

/* Vocabulary, added tokens included. */
size_t wn_tokenizer_vocab_size(const wn_tokenizer *tokenizer);          /* highest id + 1 */
wn_str wn_tokenizer_token(const wn_tokenizer *tokenizer, int32_t id);   /* ptr NULL: no such id */
int32_t wn_tokenizer_find(const wn_tokenizer *tokenizer, wn_str token); /* -1: none */
const char *wn_tokenizer_model_name(const wn_tokenizer *tokenizer);     /* "WordPiece", ... */

#endif
