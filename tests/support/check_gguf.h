/* GGUF files in memory, built piece by piece: what is wrong with a file is written on purpose.
 * Thread rule: test thread only. */
#ifndef WN_TESTS_CHECK_GGUF_H
#define WN_TESTS_CHECK_GGUF_H

#include "base/buf.h"
#include "data/gguf.h"

typedef struct check_gguf {
    wn_buf pairs, table, data;
    uint64_t n_pairs, n_tensors;
} check_gguf;

/* Append a number of n bytes, or a string with its length. */
void check_gguf_number(wn_buf *out, uint64_t value, size_t bytes);
void check_gguf_text(wn_buf *out, const char *text);

/* Add a key with one value. */
void check_gguf_u32(check_gguf *file, const char *key, uint32_t value);
void check_gguf_f32(check_gguf *file, const char *key, float value);
void check_gguf_bool(check_gguf *file, const char *key, bool value);
void check_gguf_string(check_gguf *file, const char *key, const char *value);

/* Add a key with an array; strings are separated by spaces, numbers by none. */
void check_gguf_strings(check_gguf *file, const char *key, const char *words);
void check_gguf_i32s(check_gguf *file, const char *key, const int32_t *values, size_t n);
void check_gguf_f32s(check_gguf *file, const char *key, const float *values, size_t n);

/* Add a tensor of so many bytes of zeros; dims with the fastest first, 0 behind the last. */
void check_gguf_tensor(check_gguf *file, const char *name, uint32_t type, const uint64_t dims[4],
                       size_t bytes);

/* The file, version 3, alignment 32.
 * Owns:    caller frees with wn_buf_deinit(); the builder is empty again. */
wn_buf check_gguf_end(check_gguf *file);

#endif
