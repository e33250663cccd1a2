/* A set of named tensors, whatever file they come from: one map of names over views into mapped
 * files.  Readers fill a set, each view proven to lie in its file; everyone else looks it up.
 * Thread rule: shared read-only once it is filled. */
#ifndef WN_DATA_TENSORS_H
#define WN_DATA_TENSORS_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/file.h"
#include "base/map.h"
#include "base/status.h"

#define WN_TENSOR_DIMS_MAX 8
#define WN_TENSORS_MAX     (128 * 1024) /* in a whole set */

/* A tensor; pointers are valid until the set is closed. */
typedef struct wn_tensor_view {
    wn_str name;
    wn_dtype dtype;
    const char *dtype_name; /* as the file calls it */
    size_t n_dims, dims[WN_TENSOR_DIMS_MAX];
    const unsigned char *data; /* any alignment */
    size_t bytes;
} wn_tensor_view;

/* Members are for the readers that fill it. */
typedef struct wn_tensors {
    wn_tensor_view *views; /* [n] */
    size_t n, cap;
    wn_map by_name;    /* number of a view */
    wn_arena arena;    /* names and data that are in no file */
    wn_file_map *maps; /* [n_maps] */
    size_t n_maps, maps_cap;
} wn_tensors;

/* Make an empty set.
 * Fails:   WN_ERR_MEMORY.
 * Owns:    caller closes with wn_tensors_close(). */
WN_MUST_USE wn_status wn_tensors_new(wn_tensors **out, wn_error *err);

/* Map a file; the mapping belongs to the set.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_tensors_map(wn_tensors *set, wn_str *out, const char *path, wn_error *err);

/* Append a tensor, which is not found by name before wn_tensors_index().
 * Fails:   WN_ERR_LIMIT over WN_TENSORS_MAX, WN_ERR_MEMORY; file is named. */
WN_MUST_USE wn_status wn_tensors_add(wn_tensors *set, const wn_tensor_view *view, const char *file,
                                     wn_error *err);

/* Enter the names of the tensors from `first` on, those of a file; 0 begins anew.
 * Fails:   WN_ERR_FORMAT for a name that is there twice, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_tensors_index(wn_tensors *set, size_t first, const char *file,
                                       wn_error *err);

/* See that no weight is infinite or no number.  Pages that were read are let go again.
 * Fails:   WN_ERR_FORMAT, naming the tensor. */
WN_MUST_USE wn_status wn_tensors_check_finite(const wn_tensors *set, wn_error *err);

/* The tensors by number and by name; valid until wn_tensors_close(). */
size_t wn_tensors_count(const wn_tensors *set);
const wn_tensor_view *wn_tensors_at(const wn_tensors *set, size_t i);
const wn_tensor_view *wn_tensors_find(const wn_tensors *set, wn_str name); /* NULL: none */

/* Let go of the pages of a tensor (NULL: of all files) that were read so far, when its file is
 * mapped; views stay valid, and what is read again comes from the page cache.
 * Thread rule: any, also while others read. */
void wn_tensors_release(const wn_tensors *set, const wn_tensor_view *view);

/* Free a set and its mappings; NULL is allowed. */
void wn_tensors_close(wn_tensors *set);

#endif
