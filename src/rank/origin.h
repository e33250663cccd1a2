/* Where the files of a model come from: the library itself, a Hugging Face directory, or a GGUF
 * file that stands for one.
 * Thread rule: shared read-only after open, but for wn_origin_tensors(). */
#ifndef WN_RANK_ORIGIN_H
#define WN_RANK_ORIGIN_H

#include "base/buf.h"
#include "data/gguf.h"

typedef struct wn_origin {
    const char *dir;     /* NULL: no directory with files of their own */
    wn_gguf *gguf;       /* NULL: no GGUF file */
    wn_tensors *tensors; /* NULL until wn_origin_tensors() */
} wn_origin;

/* path is a directory, a GGUF file of any name, a directory that holds one GGUF file in place of
 * config.json, or NULL: the built-in model.
 * Fails:   WN_ERR_IO, WN_ERR_FORMAT, WN_ERR_UNSUPPORTED, WN_ERR_MEMORY.
 * Owns:    borrows path; caller closes with wn_origin_close(). */
WN_MUST_USE wn_status wn_origin_open(wn_origin *out, const char *path, wn_error *err);
void wn_origin_close(wn_origin *origin);

/* The bytes of a file by its name in a directory, in *buf or in the library; ptr NULL when it is
 * not there.
 * Fails:   as above; WN_ERR_LIMIT over max_bytes; WN_ERR_IO when it is required and not there. */
WN_MUST_USE wn_status wn_origin_read(const wn_origin *origin, wn_buf *buf, wn_str *out,
                                     const char *name, size_t max_bytes, bool required,
                                     wn_error *err);

/* Open the weights, once the files of the model were read; origin->tensors.
 * Fails:   as wn_safetensors_open() and wn_gguf_name_tensors().
 * Owns:    the origin. */
WN_MUST_USE wn_status wn_origin_tensors(wn_origin *origin, wn_error *err);

/* Format and types of the weights, for people: "GGUF, Q4_K 74%, Q6_K 25%, F32 1%".
 * Fails:   WN_ERR_MEMORY.
 * Needs:   wn_origin_tensors().
 * Owns:    the arena. */
WN_MUST_USE wn_status wn_origin_describe(const char **out, wn_arena *arena, const wn_origin *origin,
                                         wn_error *err);

#endif
