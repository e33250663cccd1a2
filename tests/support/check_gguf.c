/* See check_gguf.h. */
#include "tests/support/check_gguf.h"

#include <string.h>

#define ALIGN 32

void check_gguf_number(wn_buf *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        wn_buf_push_byte(out, (char)(value >> 8 * i));
}

static void push_string(wn_buf *out, const char *text, size_t len)
{
    check_gguf_number(out, len, 8);
    wn_buf_push(out, text, len);
}

void check_gguf_text(wn_buf *out, const char *text)
{
    push_string(out, text, strlen(text));
}

static void begin(check_gguf *file, const char *key, wn_gguf_type type)
{
    check_gguf_text(&file->pairs, key);
    check_gguf_number(&file->pairs, (uint64_t)type, 4);
    file->n_pairs++;
}

static void begin_array(check_gguf *file, const char *key, wn_gguf_type type, size_t n)
{
    begin(file, key, WN_GGUF_ARRAY);
    check_gguf_number(&file->pairs, (uint64_t)type, 4);
    check_gguf_number(&file->pairs, n, 8);
}

void check_gguf_u32(check_gguf *file, const char *key, uint32_t value)
{
    begin(file, key, WN_GGUF_U32);
    check_gguf_number(&file->pairs, value, 4);
}

void check_gguf_f32(check_gguf *file, const char *key, float value)
{
    begin(file, key, WN_GGUF_F32);
    wn_buf_push(&file->pairs, &value, sizeof value);
}

void check_gguf_bool(check_gguf *file, const char *key, bool value)
{
    begin(file, key, WN_GGUF_BOOL);
    wn_buf_push_byte(&file->pairs, value);
}

void check_gguf_string(check_gguf *file, const char *key, const char *value)
{
    begin(file, key, WN_GGUF_STRING);
    check_gguf_text(&file->pairs, value);
}

void check_gguf_strings(check_gguf *file, const char *key, const char *words)
{
    size_t n = 0;
    for (const char *p = words; *p != '\0'; p += strcspn(p, " "), p += *p == ' ')
        n++;
    begin_array(file, key, WN_GGUF_STRING, n);
    for (const char *p = words; *p != '\0';) {
        size_t len = strcspn(p, " ");
        push_string(&file->pairs, p, len);
        p += len + (p[len] == ' ');
    }
}

void check_gguf_i32s(check_gguf *file, const char *key, const int32_t *values, size_t n)
{
    begin_array(file, key, WN_GGUF_I32, n);
    wn_buf_push(&file->pairs, values, n * sizeof *values);
}

void check_gguf_f32s(check_gguf *file, const char *key, const float *values, size_t n)
{
    begin_array(file, key, WN_GGUF_F32, n);
    wn_buf_push(&file->pairs, values, n * sizeof *values);
}

static void pad(wn_buf *out)
{
    while (out->len % ALIGN != 0)
        wn_buf_push_byte(out, 0);
}

void check_gguf_tensor(check_gguf *file, const char *name, uint32_t type, const uint64_t dims[4],
                       size_t bytes)
{
    uint32_t n = 0;
    while (n < 4 && dims[n] != 0)
        n++;
    check_gguf_text(&file->table, name);
    check_gguf_number(&file->table, n, 4);
    for (size_t i = 0; i < n; i++)
        check_gguf_number(&file->table, dims[i], 8);
    check_gguf_number(&file->table, type, 4);
    check_gguf_number(&file->table, file->data.len, 8);
    for (size_t i = 0; i < bytes; i++)
        wn_buf_push_byte(&file->data, 0);
    pad(&file->data);
    file->n_tensors++;
}

wn_buf check_gguf_end(check_gguf *file)
{
    wn_buf out = WN_BUF_INIT;
    wn_buf_push(&out, "GGUF", 4);
    check_gguf_number(&out, 3, 4);
    check_gguf_number(&out, file->n_tensors, 8);
    check_gguf_number(&out, file->n_pairs, 8);
    wn_buf_push_str(&out, wn_buf_str(&file->pairs));
    wn_buf_push_str(&out, wn_buf_str(&file->table));
    pad(&out);
    wn_buf_push_str(&out, wn_buf_str(&file->data));
    wn_buf_deinit(&file->pairs);
    wn_buf_deinit(&file->table);
    wn_buf_deinit(&file->data);
    *file = (check_gguf){0};
    WN_ASSERT(!out.failed);
    return out;
}
