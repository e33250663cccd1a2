/* safetensors files: one file or a sharded index, memory-mapped, every header field checked once at
 * open, so that the views handed out need no check.
 * Refuses: a header over 100 MB or longer than the file, JSON that is not flat or nests deeper than
 * the format needs, duplicate names, an unknown dtype's use, shape x dtype other than the range,
 * ranges that overlap, leave gaps or do not cover the file.
 * Source: huggingface/safetensors, README "Format".
 * Thread rule: shared read-only after open. */
#ifndef WN_DATA_SAFETENSORS_H
#define WN_DATA_SAFETENSORS_H

#include "base/dtype.h"
#include "base/status.h"

#define WN_SAFETENSORS_HEADER_MAX  (100u * 1000 * 1000)
#define WN_SAFETENSORS_DIMS_MAX    8
#define WN_SAFETENSORS_FILES_MAX   1024
#define WN_SAFETENSORS_TENSORS_MAX (128 * 1024) /* in a whole set */

typedef struct wn_safetensors wn_safetensors;

/* A tensor of the set; pointers are valid until close. */
typedef struct wn_tensor_view {
    wn_str name;
    wn_dtype dtype;
    const char *dtype_name; /* as written in the file */
    size_t n_dims, dims[WN_SAFETENSORS_DIMS_MAX];
    const unsigned char *data; /* any alignment */
    size_t bytes;
} wn_tensor_view;

/* Open dir/model.safetensors, or the files that dir/model.safetensors.index.json names.  An index
 * must place exactly the tensors that its files hold, each in one file of the same directory.
 * Fails:   WN_ERR_IO, WN_ERR_LIMIT, WN_ERR_MEMORY, WN_ERR_FORMAT (names file, tensor and values).
 * Owns:    caller closes with wn_safetensors_close(). */
WN_MUST_USE wn_status wn_safetensors_open(wn_safetensors **out, const char *dir, wn_error *err);

/* The same from bytes in memory (the built-in model, tests, fuzzers); borrows them until close.
 * name is used in error messages. */
WN_MUST_USE wn_status wn_safetensors_parse(wn_safetensors **out, wn_str bytes, const char *name,
                                           wn_error *err);

/* Add dir/folder/model.safetensors, where it is there; its tensors are called FOLDER.NAME.
 * Fails:   as wn_safetensors_open(). */
WN_MUST_USE wn_status wn_safetensors_add(wn_safetensors *set, const char *dir, const char *folder,
                                         wn_error *err);

/* Let go of the pages of a tensor (NULL: of all files) that were read so far, when its file is
 * mapped; views stay valid, and what is read again comes from the page cache.
 * Thread rule: any, also while others read. */
void wn_safetensors_release(const wn_safetensors *set, const wn_tensor_view *view);

/* Free a set; NULL is allowed. */
void wn_safetensors_close(wn_safetensors *set);

/* The tensors by number (file after file, in each in the order of their data) and by name; valid
 * until wn_safetensors_close(). */
size_t wn_safetensors_count(const wn_safetensors *set);
const wn_tensor_view *wn_safetensors_at(const wn_safetensors *set, size_t i);
const wn_tensor_view *wn_safetensors_find(const wn_safetensors *set, wn_str name); /* NULL: none */

#endif
