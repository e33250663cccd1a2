/* GGUF files, version 3: metadata and tensors of an untrusted file, memory-mapped, every length,
 * number and range checked once at open, so that what is handed out needs no check.
 * Refuses: another magic or version, the other byte order, keys and names that are empty, not
 * UTF-8, not printable or there twice, types that are not in the tables of ggml, arrays of arrays,
 * rows that are no whole blocks, and tensors that do not lie one behind the other, each at the next
 * multiple of the alignment, inside the file.
 * Strings of values are bytes: whoever makes text of them checks their UTF-8.
 * Source: ggml-org/ggml docs/gguf.md; src/gguf.cpp for the order of tensors.
 * Thread rule: shared read-only after open. */
#ifndef WN_DATA_GGUF_H
#define WN_DATA_GGUF_H

#include "data/tensors.h"

#include <jansson.h>

#define WN_GGUF_PAIRS_MAX     (64 * 1024)
#define WN_GGUF_KEY_BYTES_MAX (64 * 1024 - 1)
#define WN_GGUF_NAME_MAX      64 /* bytes of a tensor's name */
#define WN_GGUF_DIMS_MAX      4
#define WN_GGUF_ALIGN_MAX     (1024 * 1024)

/* As numbered in files. */
typedef enum wn_gguf_type {
    WN_GGUF_U8 = 0,
    WN_GGUF_I8,
    WN_GGUF_U16,
    WN_GGUF_I16,
    WN_GGUF_U32,
    WN_GGUF_I32,
    WN_GGUF_F32,
    WN_GGUF_BOOL,
    WN_GGUF_STRING,
    WN_GGUF_ARRAY,
    WN_GGUF_U64,
    WN_GGUF_I64,
    WN_GGUF_F64
} wn_gguf_type;

/* A value of the metadata, or the items of an array; valid until close. */
typedef struct wn_gguf_value {
    wn_gguf_type type; /* of the items; never WN_GGUF_ARRAY */
    bool is_array;
    size_t n;                  /* items; 1 of a single value */
    const unsigned char *data; /* any alignment; strings with their lengths */
} wn_gguf_value;

typedef struct wn_gguf wn_gguf;

/* Whether a path is a regular file that begins as GGUF: stores that name files by their digests, as
 * Ollama's, keep no ending.
 * Returns: false also for what cannot be read. */
bool wn_gguf_is_file(const char *path);

/* Map a file and read its header.
 * Fails:   WN_ERR_IO, WN_ERR_LIMIT, WN_ERR_MEMORY, WN_ERR_FORMAT (names what, and both values).
 * Owns:    caller closes with wn_gguf_close(). */
WN_MUST_USE wn_status wn_gguf_open(wn_gguf **out, const char *path, wn_error *err);

/* The same from bytes in memory (tests, fuzzers); borrows them until close.  name is used in error
 * messages. */
WN_MUST_USE wn_status wn_gguf_parse(wn_gguf **out, wn_str bytes, const char *name, wn_error *err);

/* Free; NULL is allowed. */
void wn_gguf_close(wn_gguf *gguf);

/* The value of a key; NULL: there is none. */
const wn_gguf_value *wn_gguf_find(const wn_gguf *gguf, const char *key);

/* Key i in file order; ptr NULL: there are not so many. */
wn_str wn_gguf_key_at(const wn_gguf *gguf, size_t i);

/* The value of a key as a JSON value; JSON's null when the key is not there, has an array, or a
 * string that is not UTF-8; NULL when memory is short.
 * Owns:    caller gives it back with json_decref(). */
json_t *wn_gguf_json(const wn_gguf *gguf, const char *key);

/* A single string; ptr NULL when the key is not there or has something else. */
wn_str wn_gguf_string(const wn_gguf *gguf, const char *key);

/* Read the next of an array's strings; *at is where it begins, first value->data, and becomes where
 * the one behind it does.
 * Needs:   value is of type WN_GGUF_STRING, and has a string there. */
wn_str wn_gguf_next_string(const unsigned char **at);

/* Item i of a value of numbers or of WN_GGUF_BOOL.
 * Needs:   i < value->n. */
double wn_gguf_number(const wn_gguf_value *value, size_t i);

/* The tensors in file order; dims as in PyTorch: rows before columns.
 * Owns:    the file; its owner may change names and shapes. */
wn_tensors *wn_gguf_tensors(const wn_gguf *gguf);

#endif
