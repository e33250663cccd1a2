/* See text.h. */
#include "token/text.h"
#include "base/mem.h"
#include "data/unicode.h"

#include <string.h>

void wn_text_clear(wn_text *text, bool want_offsets)
{
    wn_buf_clear(&text->bytes);
    text->want_offsets = want_offsets;
}

/* Let start and end hold as many entries as the buffer has bytes. */
static bool grow_offsets(wn_text *text)
{
    size_t cap = text->bytes.cap;
    uint32_t *start = wn_mem_realloc(text->start, cap, sizeof *start);
    if (start != NULL)
        text->start = start;
    uint32_t *end = wn_mem_realloc(text->end, cap, sizeof *end);
    if (end != NULL)
        text->end = end;
    if (start == NULL || end == NULL) {
        text->bytes.failed = true;
        return false;
    }
    text->offsets_cap = cap;
    return true;
}

bool wn_text_reserve(wn_text *text, size_t n)
{
    if (!wn_buf_reserve(&text->bytes, n))
        return false;
    return !text->want_offsets || text->bytes.len + n <= text->offsets_cap || grow_offsets(text);
}

bool wn_text_push(wn_text *text, const char *bytes, size_t n, size_t start, size_t end)
{
    if (!wn_text_reserve(text, n))
        return false;
    if (text->want_offsets) {
        for (size_t i = 0; i < n; i++) {
            text->start[text->bytes.len + i] = (uint32_t)start;
            text->end[text->bytes.len + i] = (uint32_t)end;
        }
    }
    return wn_buf_push(&text->bytes, bytes, n);
}

bool wn_text_push_original(wn_text *text, wn_str piece, size_t at)
{
    if (!wn_text_reserve(text, piece.len))
        return false;
    for (size_t i = 0, len = 0; text->want_offsets && i < piece.len; i += len) {
        len = WN_MIN(wn_utf8_len(piece.ptr[i]), piece.len - i);
        for (size_t k = 0; k < len; k++) {
            text->start[text->bytes.len + i + k] = (uint32_t)(at + i);
            text->end[text->bytes.len + i + k] = (uint32_t)(at + i + len);
        }
    }
    return wn_buf_push(&text->bytes, piece.ptr, piece.len);
}

bool wn_text_push_text(wn_text *text, const wn_text *src, size_t from, size_t to)
{
    size_t n = to - from, at = text->bytes.len;
    if (!wn_text_reserve(text, n))
        return false;
    if (text->want_offsets && n > 0) {
        memcpy(text->start + at, src->start + from, n * sizeof *text->start);
        memcpy(text->end + at, src->end + from, n * sizeof *text->end);
    }
    return n == 0 || wn_buf_push(&text->bytes, src->bytes.ptr + from, n);
}

bool wn_text_push_like(wn_text *text, const char *bytes, size_t n, const wn_text *src, size_t like)
{
    if (!text->want_offsets)
        return wn_buf_push(&text->bytes, bytes, n);
    return wn_text_push(text, bytes, n, src->start[like], src->end[like]);
}

void wn_text_cut(wn_text *text, size_t from, size_t to)
{
    size_t n = to - from;
    if (from > 0 && n > 0) {
        memmove(text->bytes.ptr, text->bytes.ptr + from, n);
        if (text->want_offsets) {
            memmove(text->start, text->start + from, n * sizeof *text->start);
            memmove(text->end, text->end + from, n * sizeof *text->end);
        }
    }
    text->bytes.len = n;
}

void wn_text_swap(wn_text *a, wn_text *b)
{
    wn_text c = *a;
    *a = *b;
    *b = c;
}

void wn_text_deinit(wn_text *text)
{
    wn_buf_deinit(&text->bytes);
    wn_mem_free(text->start);
    wn_mem_free(text->end);
    *text = (wn_text)WN_TEXT_INIT;
}

bool wn_spans_push(wn_spans *spans, size_t start, size_t end)
{
    if (start == end)
        return true;
    if (!wn_mem_grow(&spans->items, &spans->cap, spans->count + 1, sizeof *spans->items))
        return false;
    spans->items[spans->count++] = (wn_span){(uint32_t)start, (uint32_t)end};
    return true;
}

void wn_spans_deinit(wn_spans *spans)
{
    wn_mem_free(spans->items);
    *spans = (wn_spans)WN_SPANS_INIT;
}
