/* See shard_index.h. */
#include "data/shard_index.h"

#include "base/str.h"
#include "data/json_bind.h"

#include <string.h>

#define WN_WHERE "data/shard_index"

#define INDEX_FILE WN_SHARD_INDEX_FILE

/* A file name of this directory, not a way out of it. */
static bool is_plain_name(const json_t *value)
{
    const char *name = json_string_value(value);
    size_t len = json_string_length(value);
    if (name == NULL || len == 0 || len > 255 || name[0] == '.' || strlen(name) != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '/' || name[i] == '\\' || (unsigned char)name[i] < 0x20 || name[i] == 0x7F)
            return false;
    }
    return true;
}

static wn_status collect_names(wn_shard_index *index, wn_error *err)
{
    json_t *weight_map = index->weight_map;
    const char *tensor;
    json_t *value;
    if (!json_is_object(weight_map) || json_object_size(weight_map) == 0)
        WN_FAIL(err, WN_ERR_FORMAT, "%s: no 'weight_map' with tensors", INDEX_FILE);
    if (json_object_size(weight_map) > WN_TENSORS_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "%s: %zu tensors, at most %d", INDEX_FILE,
                json_object_size(weight_map), WN_TENSORS_MAX);
    json_object_foreach(weight_map, tensor, value)
    {
        if (!is_plain_name(value))
            WN_FAIL(err, WN_ERR_FORMAT,
                    "%s: tensor '%.200s': its file is not the plain name of a file", INDEX_FILE,
                    tensor);
        wn_str name = wn_str_from(json_string_value(value));
        if (wn_map_get(&index->numbers, name, -1) >= 0)
            continue;
        if (index->n_files == WN_SAFETENSORS_FILES_MAX)
            WN_FAIL(err, WN_ERR_LIMIT, "%s: over %d files", INDEX_FILE, WN_SAFETENSORS_FILES_MAX);
        if (!wn_map_put(&index->numbers, name, (int32_t)index->n_files, NULL))
            WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory for a file name", INDEX_FILE);
        index->files[index->n_files++] = name.ptr;
    }
    return WN_OK;
}

wn_status wn_shard_index_parse(wn_shard_index *out, wn_str text, wn_error *err)
{
    WN_TRY(wn_json_parse(&out->json, text, INDEX_FILE, err));
    out->weight_map = json_object_get(out->json, "weight_map");
    return collect_names(out, err);
}

wn_status wn_shard_index_check_file(const wn_shard_index *index, const wn_tensors *set,
                                    size_t first, const char *file, wn_error *err)
{
    for (size_t i = first; i < set->n; i++) {
        wn_str name = set->views[i].name;
        const json_t *value = json_object_getn(index->weight_map, name.ptr, name.len);
        if (value == NULL)
            WN_FAIL(err, WN_ERR_FORMAT, "%s: tensor '%.*s' of '%s' is not in the index", INDEX_FILE,
                    WN_STR_ARG(name), file);
        if (strcmp(json_string_value(value), file) != 0)
            WN_FAIL(err, WN_ERR_FORMAT, "%s: tensor '%.*s' is placed in '%s', but is in '%s'",
                    INDEX_FILE, WN_STR_ARG(name), json_string_value(value), file);
    }
    return WN_OK;
}

wn_status wn_shard_index_check_all(const wn_shard_index *index, const wn_tensors *set,
                                   wn_error *err)
{
    const char *tensor;
    json_t *value;
    json_object_foreach(index->weight_map, tensor, value)
    {
        if (wn_map_get(&set->by_name, wn_str_from(tensor), -1) < 0)
            WN_FAIL(err, WN_ERR_FORMAT, "%s: tensor '%.200s' is placed in '%s', but is not there",
                    INDEX_FILE, tensor, json_string_value(value));
    }
    return WN_OK;
}

void wn_shard_index_deinit(wn_shard_index *index)
{
    wn_map_deinit(&index->numbers);
    json_decref(index->json);
    *index = (wn_shard_index){0};
}
