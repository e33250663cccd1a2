/* Tokens of one text as a user wants to see them: ids, types, byte ranges, vocabulary strings, in
 * one arena that the caller frees; and the text of ids. */
#include "base/mem.h"
#include "rank/abi.h"
#include "rank/engine.h"

#include <string.h>

#define WN_WHERE "rank/tokens"

/* What wn_tokenize() returns, and the memory behind it. */
typedef struct tokens {
    wn_tokens shown; /* first, so that the public pointer is this one */
    wn_arena arena;
} tokens;

static wn_status fill(tokens *t, const wn_engine *engine, const wn_ids *body, bool specials,
                      size_t text_len, wn_error *err)
{
    size_t n_items, n = body->n + (specials ? wn_tokenizer_n_special(engine->tokenizer, false) : 0);
    const wn_template_item *items = wn_tokenizer_template(engine->tokenizer, false, &n_items);
    int32_t *ids = wn_arena_alloc(&t->arena, n, sizeof *ids);
    int32_t *types = wn_arena_alloc(&t->arena, n, sizeof *types);
    size_t *start = wn_arena_alloc(&t->arena, n, sizeof *start);
    size_t *end = wn_arena_alloc(&t->arena, n, sizeof *end);
    wn_str *strings = wn_arena_alloc(&t->arena, n, sizeof *strings);
    if (ids == NULL || types == NULL || start == NULL || end == NULL || strings == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu tokens", n);
    size_t at =
        wn_tokenizer_assemble(engine->tokenizer, ids, types, body->ids, body->n, NULL, 0, specials);
    WN_ASSERT(at == n);
    at = 0;
    bool after_text = false;
    for (size_t i = 0; i < n_items; i++) {
        if (items[i].id == WN_SEQUENCE_A) {
            for (size_t j = 0; j < body->n; j++, at++) {
                start[at] = body->start[j];
                end[at] = body->end[j];
            }
            after_text = true;
        } else if (items[i].id >= 0 && specials) {
            start[at] = end[at] = after_text ? text_len : 0;
            at++;
        }
    }
    for (size_t i = 0; i < n; i++)
        strings[i] = wn_tokenizer_token(engine->tokenizer, ids[i]);
    t->shown = (wn_tokens){n, ids, types, start, end, strings};
    return WN_OK;
}

wn_status wn_tokenize(wn_tokens **out, const wn_engine *engine, wn_str text,
                      const wn_tokenize_options *given, wn_error *err)
{
    wn_tokenize_options options;
    WN_TRY(wn_abi_read(&options, sizeof options, given, "wn_tokenize_options", err));
    WN_TRY(wn_abi_check_text(text, err));
    wn_encoder *encoder = NULL;
    wn_ids body = {.with_offsets = true};
    wn_status status;
    tokens *t = wn_mem_zalloc(1, sizeof *t);
    if (t == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for tokens");
    WN_TRY_OUT(wn_encoder_new(&encoder, engine->tokenizer, err));
    WN_TRY_OUT(wn_encode(encoder, &body, text, options.plain_specials, err));
    WN_TRY_OUT(fill(t, engine, &body, !options.no_specials, text.len, err));
    *out = &t->shown;
    t = NULL;
out:
    wn_tokens_free(t == NULL ? NULL : &t->shown);
    wn_encoder_free(encoder);
    wn_ids_deinit(&body);
    return status;
}

void wn_tokens_free(wn_tokens *shown)
{
    if (shown == NULL)
        return;
    tokens *t = (tokens *)shown;
    wn_arena_deinit(&t->arena);
    wn_mem_free(t);
}

wn_status wn_detokenize(wn_str *out, const wn_engine *engine, const int32_t *ids, size_t n,
                        const wn_detokenize_options *given, wn_error *err)
{
    wn_detokenize_options options;
    wn_buf text = WN_BUF_INIT;
    WN_TRY(wn_abi_read(&options, sizeof options, given, "wn_detokenize_options", err));
    if (ids == NULL && n > 0)
        WN_FAIL(err, WN_ERR_ARGUMENT, "ids is NULL, n is %zu", n);
    wn_status status = wn_decode(engine->tokenizer, &text, ids, n, options.keep_specials, err);
    if (status != WN_OK)
        wn_buf_deinit(&text);
    else
        *out = wn_buf_str(&text);
    return status;
}

void wn_text_free(wn_str text)
{
    wn_mem_free((void *)(uintptr_t)text.ptr);
}
