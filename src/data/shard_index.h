/* model.safetensors.index.json: which file of a directory has which tensor.  Pure: bytes in, names
 * out.
 * Refuses: JSON without tensors, names of files that lead out of the directory, too many of either.
 * Source: huggingface/transformers, save_pretrained() with shards.
 * Thread rule: shared read-only once it is parsed. */
#ifndef WN_DATA_SHARD_INDEX_H
#define WN_DATA_SHARD_INDEX_H

#include "data/safetensors.h"

#include <jansson.h>

#define WN_SHARD_INDEX_FILE "model.safetensors.index.json"

typedef struct wn_shard_index {
    json_t *json;                                /* holds the names */
    json_t *weight_map;                          /* of it: tensor -> file */
    const char *files[WN_SAFETENSORS_FILES_MAX]; /* [n_files] in the order of their first tensor */
    size_t n_files;
    wn_map numbers; /* of the files, by name */
} wn_shard_index;

/* Read an index; *out is zeros.
 * Fails:   WN_ERR_FORMAT, WN_ERR_LIMIT, WN_ERR_MEMORY; names the tensor.
 * Owns:    caller ends it with wn_shard_index_deinit(), also after a failure. */
WN_MUST_USE wn_status wn_shard_index_parse(wn_shard_index *out, wn_str text, wn_error *err);

/* See that the tensors of a file, those of the set from `first` on, are placed in it.
 * Fails:   WN_ERR_FORMAT, naming tensor and files. */
WN_MUST_USE wn_status wn_shard_index_check_file(const wn_shard_index *index, const wn_tensors *set,
                                                size_t first, const char *file, wn_error *err);

/* See that no tensor of the index is missing.
 * Fails:   WN_ERR_FORMAT, naming tensor and file. */
WN_MUST_USE wn_status wn_shard_index_check_all(const wn_shard_index *index, const wn_tensors *set,
                                               wn_error *err);

/* Free; zeros are allowed. */
void wn_shard_index_deinit(wn_shard_index *index);

#endif
