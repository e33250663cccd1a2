/* An index of safetensors files from strangers: read, or refused with a reason.  Files that hold
 * what it places there agree with it; a tensor that is missing, is in another file or was never
 * named does not.  The first byte says which of these is tried. */
#include "data/shard_index.h"

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { AS_PLACED, ONE_MISSING, ONE_ELSEWHERE, ONE_MORE, N_MODES };

static wn_status add(wn_tensors *set, const char *name, wn_error *err)
{
    const wn_tensor_view view = {
        .name = wn_str_from(name), .dtype = WN_DTYPE_F32, .dtype_name = "F32"};
    return wn_tensors_add(set, &view, "fuzz", err);
}

/* Give a set the tensors of a file, the first of all files' as the mode says. */
static wn_status fill(wn_tensors *set, const wn_shard_index *index, size_t file, int mode,
                      wn_error *err)
{
    const char *tensor;
    json_t *value;
    bool is_first = true;
    size_t first = set->n;
    json_object_foreach(index->weight_map, tensor, value)
    {
        bool own = strcmp(json_string_value(value), index->files[file]) == 0;
        if (is_first && mode == ONE_MISSING)
            own = false;
        if (is_first && mode == ONE_ELSEWHERE)
            own = file + 1 == index->n_files;
        is_first = false;
        if (own)
            WN_TRY(add(set, tensor, err));
    }
    if (mode == ONE_MORE && file == 0)
        WN_TRY(add(set, "a tensor\nthat no index names", err));
    WN_TRY(wn_tensors_index(set, first, "fuzz", err));
    return wn_shard_index_check_file(index, set, first, index->files[file], err);
}

static void try_files(const wn_shard_index *index, int mode)
{
    wn_tensors *set = NULL;
    wn_error err = {0};
    wn_status status = wn_tensors_new(&set, &err);
    bool has_more = json_object_get(index->weight_map, "a tensor\nthat no index names") != NULL;
    for (size_t i = 0; status == WN_OK && i < index->n_files; i++)
        status = fill(set, index, i, mode, &err);
    if (status == WN_OK)
        status = wn_shard_index_check_all(index, set, &err);
    bool agrees = mode == AS_PLACED || (mode == ONE_ELSEWHERE && index->n_files == 1);
    WN_ASSERT(has_more || (status == WN_OK) == agrees);
    WN_ASSERT(status == WN_OK || err.message[0] != '\0');
    wn_tensors_close(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn_shard_index index = {.n_files = 0};
    wn_error err = {0};
    if (size == 0)
        return 0;
    const wn_str text = {(const char *)data + 1, size - 1};
    if (wn_shard_index_parse(&index, text, &err) == WN_OK)
        try_files(&index, data[0] % N_MODES);
    else
        WN_ASSERT(err.message[0] != '\0');
    wn_shard_index_deinit(&index);
    return 0;
}
