/* The decoder of a tokenizer.json: pieces of a vocabulary become text again.  A list of steps, each
 * of which makes new pieces of the ones before.
 * Source: huggingface/tokenizers 0.23, decoders/.
 * Thread rule: a decoder is shared read-only; pieces are one thread's. */
#ifndef WN_TOKEN_DECODER_H
#define WN_TOKEN_DECODER_H

#include "base/buf.h"
#include "base/status.h"

#include <jansson.h>

typedef struct wn_decoder wn_decoder;

/* Strings in order, behind each other; what could not be pushed is told by wn_decoder_run(). */
typedef struct wn_pieces {
    wn_buf bytes;
    size_t *ends; /* [n] in bytes */
    size_t n, cap;
    bool too_long;
} wn_pieces;

#define WN_PIECES_INIT                                                                             \
    {                                                                                              \
        0                                                                                          \
    }

/* Append a piece. */
void wn_pieces_push(wn_pieces *pieces, wn_str piece);
void wn_pieces_deinit(wn_pieces *pieces);

/* Build from the value of "decoder" (NULL or JSON null: pieces with a space between them).
 * Fails:   WN_ERR_FORMAT with the JSON path, WN_ERR_UNSUPPORTED naming the type, WN_ERR_LIMIT,
 *          WN_ERR_MEMORY.
 * Owns:    caller frees with wn_decoder_free(). */
WN_MUST_USE wn_status wn_decoder_parse(wn_decoder **out, const json_t *node, wn_error *err);
void wn_decoder_free(wn_decoder *decoder);

/* Replace the pieces by those of their text; pieces->bytes is all of it.
 * Fails:   WN_ERR_MEMORY, WN_ERR_LIMIT when it is over WN_TEXT_BYTES_MAX. */
WN_MUST_USE wn_status wn_decoder_run(const wn_decoder *decoder, wn_pieces *pieces, wn_error *err);

#endif
