/* See safetensors.h.  A set is one file or the shards of an index, which shard_index.c reads;
 * the header of each file is read by safetensors_header.c. */
#include "data/safetensors.h"

#include "base/file.h"
#include "base/str.h"
#include "data/safetensors_header.h"
#include "data/shard_index.h"

#define WN_WHERE "data/safetensors"

#define SINGLE_FILE "model.safetensors"
#define INDEX_FILE  WN_SHARD_INDEX_FILE
#define PICKLE_ADVICE                                                                              \
    ": a pickle may run any program and is not read; where that is safe, transformers' "           \
    "save_pretrained(\"DIR\") makes safetensors of it"
#define ONNX_ADVICE ": ONNX is not read; fetch the safetensors of the same model"

/* Largest index file that is read: room for WN_TENSORS_MAX names of 128 bytes. */
#define INDEX_MAX_BYTES (16u << 20)

/* Put "FOLDER." in front of the names from tensor first on. */
static wn_status put_in_front(wn_tensors *set, size_t first, const char *folder, wn_error *err)
{
    wn_buf name = WN_BUF_INIT;
    bool ok = true;
    for (size_t i = first; i < set->n && ok; i++) {
        wn_str *own = &set->views[i].name;
        name.len = 0;
        ok = wn_buf_printf(&name, "%s.%.*s", folder, WN_STR_ARG(*own));
        *own = ok ? wn_arena_str(&set->arena, wn_buf_str(&name)) : *own;
        ok = ok && own->ptr != NULL;
    }
    wn_buf_deinit(&name);
    if (!ok)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the names of '%s'", folder);
    return WN_OK;
}

/* Read one file's tensors and enter them by name, with the folder (NULL: none) in front. */
static wn_status add_file(wn_tensors *set, wn_str bytes, const char *file, const char *folder,
                          wn_error *err)
{
    size_t first = set->n;
    WN_TRY(wn_safetensors_header_read(set, bytes, file, err));
    if (folder != NULL)
        WN_TRY(put_in_front(set, first, folder, err));
    return wn_tensors_index(set, first, file, err);
}

/* Map dir/file and read it. */
static wn_status add_mapped(wn_tensors *set, const char *dir, const char *file, const char *folder,
                            wn_error *err)
{
    wn_buf path = WN_BUF_INIT;
    wn_status status = WN_OK;
    wn_str bytes;
    if (!wn_file_join(&path, dir, file))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for the path of '%s'", file);
    WN_TRY_OUT(wn_tensors_map(set, &bytes, path.ptr, err));
    status = add_file(set, bytes, file, folder, err);
out:
    wn_buf_deinit(&path);
    return status;
}

static wn_status open_shards(wn_tensors *set, const char *dir, const char *index_path,
                             wn_error *err)
{
    wn_buf text = WN_BUF_INIT;
    wn_shard_index index = {.n_files = 0};
    wn_status status = WN_OK;
    WN_TRY_OUT(wn_file_read(&text, index_path, INDEX_MAX_BYTES, err));
    WN_TRY_OUT(wn_shard_index_parse(&index, wn_buf_str(&text), err));
    for (size_t i = 0; i < index.n_files; i++) {
        size_t first = set->n;
        WN_TRY_OUT(add_mapped(set, dir, index.files[i], NULL, err));
        WN_TRY_OUT(wn_shard_index_check_file(&index, set, first, index.files[i], err));
    }
    status = wn_shard_index_check_all(&index, set, err);
out:
    wn_shard_index_deinit(&index);
    wn_buf_deinit(&text);
    return status;
}

/* Weights of other kinds that lie there, and how to come by safetensors. */
static const struct {
    const char *file;
    const char *advice;
} others[] = {
    {"pytorch_model.bin", PICKLE_ADVICE},
    {"pytorch_model.bin.index.json", PICKLE_ADVICE},
    {"model.onnx", ONNX_ADVICE},
    {"onnx", ONNX_ADVICE},
};

static wn_status fail_without_weights(const char *dir, wn_error *err)
{
    wn_buf path = WN_BUF_INIT;
    size_t i = 0;
    while (i < WN_ARRAY_LEN(others) &&
           !(wn_file_join(&path, dir, others[i].file) && wn_file_exists(path.ptr)))
        i++;
    wn_buf_deinit(&path);
    if (i == WN_ARRAY_LEN(others))
        WN_FAIL(err, WN_ERR_IO, "'%s' has neither %s nor %s", dir, SINGLE_FILE, INDEX_FILE);
    WN_FAIL(err, WN_ERR_IO, "'%s' has neither %s nor %s, but %s%s", dir, SINGLE_FILE, INDEX_FILE,
            others[i].file, others[i].advice);
}

wn_status wn_safetensors_open(wn_tensors **out, const char *dir, wn_error *err)
{
    wn_tensors *set = NULL;
    wn_buf path = WN_BUF_INIT;
    wn_status status = WN_OK;
    WN_TRY_OUT(wn_tensors_new(&set, err));
    if (!wn_file_join(&path, dir, SINGLE_FILE))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for the path of '%s'", SINGLE_FILE);
    if (wn_file_exists(path.ptr)) {
        WN_TRY_OUT(add_mapped(set, dir, SINGLE_FILE, NULL, err));
    } else {
        if (!wn_file_join(&path, dir, INDEX_FILE))
            WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for the path of '%s'", INDEX_FILE);
        if (!wn_file_exists(path.ptr))
            WN_TRY_OUT(fail_without_weights(dir, err));
        WN_TRY_OUT(open_shards(set, dir, path.ptr, err));
    }
    *out = set;
out:
    wn_buf_deinit(&path);
    if (status != WN_OK)
        wn_tensors_close(set);
    return status;
}

wn_status wn_safetensors_add(wn_tensors *set, const char *dir, const char *folder, wn_error *err)
{
    wn_buf file = WN_BUF_INIT, path = WN_BUF_INIT;
    wn_status status = WN_OK;
    if (!wn_file_join(&file, folder, SINGLE_FILE) || !wn_file_join(&path, dir, file.ptr))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for the path of '%s'", folder);
    if (wn_file_exists(path.ptr))
        status = add_mapped(set, dir, file.ptr, folder, err);
out:
    wn_buf_deinit(&path);
    wn_buf_deinit(&file);
    return status;
}

wn_status wn_safetensors_parse(wn_tensors **out, wn_str bytes, const char *name, wn_error *err)
{
    wn_tensors *set = NULL;
    WN_TRY(wn_tensors_new(&set, err));
    wn_status status = add_file(set, bytes, name, NULL, err);
    if (status == WN_OK)
        *out = set;
    else
        wn_tensors_close(set);
    return status;
}
