/* Text to ids: the order of the reference, and the path that all text takes.
 *
 *   raw text -> [added tokens, not normalized] -> piece -> normalizer
 *            -> [added tokens, normalized] -> segment -> splitter -> pre-token -> model -> ids
 *
 * Buffers are kept between texts; a pre-token costs no allocation.  Pre-tokens that were seen
 * before come from the cache. */
#include "base/mem.h"
#include "base/str.h"
#include "data/unicode.h"
#include "token/cache.h"
#include "token/tokenizer.h"
#include "token/tokenizer_parts.h"

#define WN_WHERE "token/encode"

#define KEPT_SCRATCH_BYTES (1u << 20) /* of the model, between two texts */

struct wn_encoder {
    const wn_tokenizer *tokenizer;
    wn_text piece, segment, spare;
    wn_spans spans;
    wn_split_scratch split;
    wn_model_scratch scratch;
    wn_token_list tokens;
    wn_cache_slot *cache; /* [WN_CACHE_SLOTS] */
};

/* What is being encoded now. */
typedef struct run {
    wn_encoder *encoder;
    wn_ids *out;
    bool plain_specials;
    wn_error *err;
} run;

wn_status wn_encoder_new(wn_encoder **out, const wn_tokenizer *tokenizer, wn_error *err)
{
    wn_encoder *encoder = wn_mem_zalloc(1, sizeof *encoder);
    wn_cache_slot *cache = wn_mem_aligned(WN_CACHE_SLOTS * sizeof *cache);
    if (encoder == NULL || cache == NULL) {
        wn_mem_free(encoder);
        wn_mem_free(cache);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for an encoder");
    }
    encoder->tokenizer = tokenizer;
    encoder->cache = cache;
    *out = encoder;
    return WN_OK;
}

void wn_encoder_free(wn_encoder *encoder)
{
    if (encoder == NULL)
        return;
    wn_text_deinit(&encoder->piece);
    wn_text_deinit(&encoder->segment);
    wn_text_deinit(&encoder->spare);
    wn_spans_deinit(&encoder->spans);
    wn_split_scratch_deinit(&encoder->split);
    wn_mem_free(encoder->scratch.ptr);
    wn_mem_free(encoder->tokens.items);
    wn_mem_free(encoder->cache);
    wn_mem_free(encoder);
}

/* ---- ids ------------------------------------------------------------------------------------- */

void wn_ids_deinit(wn_ids *ids)
{
    wn_mem_free(ids->ids);
    wn_mem_free(ids->start);
    wn_mem_free(ids->end);
    *ids = (wn_ids){.with_offsets = ids->with_offsets};
}

/* Room for `need` ids; the ranges have a capacity of their own, for not every text wants them. */
static bool grow_ids(wn_ids *ids, size_t need)
{
    size_t start_cap = ids->ranges_cap, end_cap = ids->ranges_cap;
    if (!wn_mem_grow(&ids->ids, &ids->cap, need, sizeof *ids->ids))
        return false;
    if (!ids->with_offsets)
        return true;
    bool ok = wn_mem_grow(&ids->start, &start_cap, need, sizeof *ids->start) &&
              wn_mem_grow(&ids->end, &end_cap, need, sizeof *ids->end);
    if (ok)
        ids->ranges_cap = end_cap;
    return ok;
}

/* Room for `more` ids; asked for every pre-token. */
static inline bool reserve_ids(wn_ids *ids, size_t more)
{
    size_t need = ids->n + more;
    bool fits = need <= ids->cap && (!ids->with_offsets || need <= ids->ranges_cap);
    return fits || grow_ids(ids, need);
}

static wn_status no_memory(const run *r)
{
    WN_FAIL(r->err, WN_ERR_MEMORY, "no memory for token %zu", r->out->n);
}

/* Append one id for original bytes [start, end). */
static wn_status push_id(const run *r, int32_t id, size_t start, size_t end)
{
    wn_ids *out = r->out;
    if (!reserve_ids(out, 1))
        return no_memory(r);
    out->ids[out->n] = id;
    if (out->with_offsets) {
        out->start[out->n] = (uint32_t)start;
        out->end[out->n] = (uint32_t)end;
    }
    out->n++;
    return WN_OK;
}

/* Original range of bytes [from, to) of a text with offsets; from < to. */
static void original_range(const wn_text *text, size_t from, size_t to, uint32_t *start,
                           uint32_t *end)
{
    *start = text->start[from];
    *end = text->end[to - 1];
}

/* ---- pre-tokens ------------------------------------------------------------------------------ */

/* Append the pieces in a slot; `at` is where the pre-token starts in text. */
static wn_status push_cached(const run *r, const wn_cache_slot *slot, const wn_text *text,
                             size_t at)
{
    wn_ids *out = r->out;
    if (!reserve_ids(out, WN_CACHE_TOKENS))
        return no_memory(r);
    memcpy(out->ids + out->n, slot->ids, sizeof slot->ids);
    if (out->with_offsets)
        for (size_t i = 0; i < slot->n_tokens; i++)
            original_range(text, at + slot->start[i], at + slot->end[i], &out->start[out->n + i],
                           &out->end[out->n + i]);
    out->n += slot->n_tokens;
    return WN_OK;
}

static wn_status push_tokens(const run *r, const wn_text *text, size_t at)
{
    const wn_token_list *tokens = &r->encoder->tokens;
    wn_ids *out = r->out;
    if (!reserve_ids(out, tokens->count))
        return no_memory(r);
    for (size_t i = 0; i < tokens->count; i++) {
        const wn_token *token = &tokens->items[i];
        out->ids[out->n + i] = token->id;
        if (out->with_offsets)
            original_range(text, at + token->start, at + token->end, &out->start[out->n + i],
                           &out->end[out->n + i]);
    }
    out->n += tokens->count;
    return WN_OK;
}

static wn_status encode_word(const run *r, const wn_text *text, wn_span span)
{
    wn_encoder *encoder = r->encoder;
    const wn_token_model *model = encoder->tokenizer->model;
    wn_str word = {text->bytes.ptr + span.start, span.end - span.start};
    wn_cache_slot *slot = NULL;
    uint32_t hash = 0;
    if (word.len <= WN_CACHE_KEY) {
        hash = wn_cache_hash(word);
        slot = wn_cache_slot_of(encoder->cache, hash);
        if (wn_cache_hit(slot, word, hash))
            return push_cached(r, slot, text, span.start);
    }
    encoder->tokens.count = 0;
    WN_TRY(model->ops->encode(model, &encoder->tokens, word, &encoder->scratch, r->err));
    if (slot != NULL)
        wn_cache_keep(slot, word, hash, encoder->tokens.items, encoder->tokens.count);
    return push_tokens(r, text, span.start);
}

/* ---- text ------------------------------------------------------------------------------------ */

/* Bytes [from, to) of the normalized piece, free of added tokens. */
static wn_status encode_segment(const run *r, size_t from, size_t to, bool at_start)
{
    wn_encoder *encoder = r->encoder;
    wn_text *text = &encoder->piece;
    if (from == to)
        return WN_OK;
    if (from > 0 || to < text->bytes.len) {
        wn_text_clear(&encoder->segment, r->out->with_offsets);
        if (!wn_text_push_text(&encoder->segment, text, from, to))
            return no_memory(r);
        text = &encoder->segment;
    }
    WN_TRY(wn_splitter_run(encoder->tokenizer->splitter, text, at_start && from == 0,
                           &encoder->spans, &encoder->split, r->err));
    for (size_t i = 0; i < encoder->spans.count; i++)
        WN_TRY(encode_word(r, text, encoder->spans.items[i]));
    return WN_OK;
}

/* Raw text that starts at byte `at` of the original, free of raw added tokens. */
static wn_status encode_piece(const run *r, wn_str raw, size_t at)
{
    wn_encoder *encoder = r->encoder;
    const wn_tokenizer *tokenizer = encoder->tokenizer;
    wn_text *text = &encoder->piece;
    wn_text_clear(text, r->out->with_offsets);
    if (!wn_text_push_original(text, raw, at))
        return no_memory(r);
    WN_TRY(wn_normalizer_run(tokenizer->normalizer, text, &encoder->spare, r->err));
    if (text->bytes.len == 0)
        return WN_OK;
    wn_added_cursor cursor = {0};
    wn_added_hit hit;
    while (wn_added_next(&tokenizer->added, &tokenizer->added.normalized, wn_buf_str(&text->bytes),
                         r->plain_specials, &cursor, &hit)) {
        WN_TRY(encode_segment(r, hit.before, hit.start, at == 0));
        uint32_t start = 0, end = 0;
        if (r->out->with_offsets && hit.start < hit.end)
            original_range(text, hit.start, hit.end, &start, &end);
        WN_TRY(push_id(r, hit.id, start, end));
    }
    return encode_segment(r, cursor.done, text->bytes.len, at == 0);
}

static wn_status encode_raw(const run *r, wn_str text)
{
    const wn_added *added = &r->encoder->tokenizer->added;
    wn_added_cursor cursor = {0};
    wn_added_hit hit;
    while (wn_added_next(added, &added->raw, text, r->plain_specials, &cursor, &hit)) {
        if (hit.before < hit.start)
            WN_TRY(encode_piece(r, wn_str_slice(text, hit.before, hit.start), hit.before));
        WN_TRY(push_id(r, hit.id, hit.start, hit.end));
    }
    if (cursor.done == text.len)
        return WN_OK;
    return encode_piece(r, wn_str_slice(text, cursor.done, text.len), cursor.done);
}

wn_status wn_encode_check(wn_str text, wn_error *err)
{
    if (text.len > WN_TEXT_BYTES_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "text of %zu bytes, at most %u are encoded", text.len,
                WN_TEXT_BYTES_MAX);
    if (text.len == 0)
        return WN_OK;
    size_t valid = wn_utf8_check(text);
    if (valid < text.len)
        WN_FAIL(err, WN_ERR_INPUT, "text is not UTF-8 at byte %zu (0x%02X)", valid,
                (unsigned char)text.ptr[valid]);
    return WN_OK;
}

wn_status wn_encode(wn_encoder *encoder, wn_ids *out, wn_str text, bool plain_specials,
                    wn_error *err)
{
    WN_TRY(wn_encode_check(text, err));
    if (text.len == 0)
        return WN_OK;
    const run r = {encoder, out, plain_specials, err};
    size_t n_before = out->n;
    wn_status status = encode_raw(&r, text);
    if (status != WN_OK)
        out->n = n_before;
    if (encoder->scratch.bytes > KEPT_SCRATCH_BYTES) {
        wn_mem_free(encoder->scratch.ptr);
        encoder->scratch = (wn_model_scratch){NULL, 0};
    }
    return status;
}
