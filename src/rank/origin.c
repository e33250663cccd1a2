/* See origin.h. */
#define _GNU_SOURCE
#include "rank/origin.h"

#include "base/str.h"
#include "data/safetensors.h"
#include "model/gguf_directory.h"
#include "rank/builtin.h"
#include "token/gguf_tokenizer.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define WN_WHERE "rank/origin"

#define TYPES_MAX 24 /* of weights in one model that are counted */

static bool is_gguf_name(const char *name)
{
    return wn_str_ends(wn_str_from(name), WN_STR(".gguf"));
}

/* The path of the one GGUF file in a directory. */
static wn_status find_gguf(wn_buf *out, const char *dir, wn_error *err)
{
    DIR *entries = opendir(dir);
    size_t n = 0;
    bool ok = true;
    if (entries == NULL)
        WN_FAIL(err, WN_ERR_IO, "model '%s': %s", dir, strerror(errno));
    for (struct dirent *e; (e = readdir(entries)) != NULL;) {
        if (is_gguf_name(e->d_name) && n++ == 0)
            ok = wn_file_join(out, dir, e->d_name);
    }
    closedir(entries);
    if (!ok)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a path");
    if (n == 0)
        WN_FAIL(err, WN_ERR_IO,
                "model '%s': has no config.json, expected a Hugging Face directory with "
                "config.json, tokenizer.json and model.safetensors, or a GGUF file",
                dir);
    if (n > 1)
        WN_FAIL(err, WN_ERR_IO,
                "model '%s': has %zu GGUF files; give the path of the one that is meant, such as "
                "that of '%s'",
                dir, n, strrchr(out->ptr, '/') + 1);
    return WN_OK;
}

static wn_status has_config(bool *out, const char *dir, wn_error *err)
{
    wn_buf path = WN_BUF_INIT;
    bool joined = wn_file_join(&path, dir, "config.json");
    *out = joined && wn_file_exists(path.ptr);
    wn_buf_deinit(&path);
    if (!joined)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a path");
    return WN_OK;
}

wn_status wn_origin_open(wn_origin *out, const char *path, wn_error *err)
{
    struct stat info;
    bool is_directory = true;
    wn_origin origin = {.dir = path};
    wn_buf found = WN_BUF_INIT;
    wn_status status = WN_OK;
    bool is_file = path != NULL && stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
    if (is_file && !is_gguf_name(path) && !wn_gguf_is_file(path))
        WN_FAIL(err, WN_ERR_FORMAT,
                "model '%s': is a file, expected a directory or a GGUF file (*.gguf)", path);
    if (path != NULL && !is_file)
        WN_TRY(has_config(&is_directory, path, err));
    if (!is_directory)
        status = find_gguf(&found, path, err);
    if (status == WN_OK && (is_file || !is_directory)) {
        origin.dir = NULL;
        status = wn_gguf_open(&origin.gguf, is_file ? path : found.ptr, err);
    }
    wn_buf_deinit(&found);
    if (status == WN_OK)
        *out = origin;
    return status;
}

void wn_origin_close(wn_origin *origin)
{
    if (origin->gguf == NULL)
        wn_tensors_close(origin->tensors);
    wn_gguf_close(origin->gguf);
    *origin = (wn_origin){0};
}

static wn_status read_in_dir(const char *dir, wn_buf *buf, const char *name, size_t max_bytes,
                             bool required, bool *found, wn_error *err)
{
    wn_buf path = WN_BUF_INIT;
    wn_status status = WN_OK;
    if (!wn_file_join(&path, dir, name)) {
        wn_buf_deinit(&path);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a path");
    }
    *found = required || wn_file_exists(path.ptr);
    if (*found)
        status = wn_file_read(buf, path.ptr, max_bytes, err);
    wn_buf_deinit(&path);
    return status;
}

wn_status wn_origin_read(const wn_origin *origin, wn_buf *buf, wn_str *out, const char *name,
                         size_t max_bytes, bool required, wn_error *err)
{
    bool found = true;
    *out = (wn_str){NULL, 0};
    wn_buf_clear(buf);
    if (origin->gguf != NULL) {
        if (strcmp(name, "tokenizer.json") == 0)
            WN_TRY(wn_gguf_tokenizer_write(buf, origin->gguf, err));
        else
            WN_TRY(wn_gguf_write_file(buf, origin->gguf, name, err));
        found = buf->len > 0;
    } else if (origin->dir != NULL) {
        WN_TRY(read_in_dir(origin->dir, buf, name, max_bytes, required, &found, err));
    } else {
        *out = wn_builtin_file(name);
        if (out->ptr == NULL && required)
            WN_FAIL(err, WN_ERR_INTERNAL,
                    "this build has no built-in model: give a model directory");
        return WN_OK;
    }
    if (found)
        *out = buf->len == 0 ? (wn_str){"", 0} : wn_buf_str(buf);
    return WN_OK;
}

wn_status wn_origin_tensors(wn_origin *origin, wn_error *err)
{
    if (origin->gguf != NULL) {
        origin->tensors = wn_gguf_tensors(origin->gguf);
        return wn_gguf_name_tensors(origin->gguf, err);
    }
    if (origin->dir != NULL)
        return wn_safetensors_open(&origin->tensors, origin->dir, err);
    return wn_safetensors_parse(&origin->tensors, wn_builtin_file("model.safetensors"),
                                "built-in model.safetensors", err);
}

/* Bytes of the weights of one type. */
typedef struct type_share {
    const char *name;
    size_t bytes;
} type_share;

/* The types with their bytes, the largest first; their number. */
static size_t count_types(type_share *out, const wn_tensors *set)
{
    size_t n = 0;
    for (size_t i = 0; i < wn_tensors_count(set); i++) {
        const wn_tensor_view *view = wn_tensors_at(set, i);
        size_t j = 0;
        while (j < n && strcmp(out[j].name, view->dtype_name) != 0)
            j++;
        if (j == TYPES_MAX)
            continue;
        if (j == n)
            out[n++] = (type_share){view->dtype_name, 0};
        out[j].bytes += view->bytes;
        for (; j > 0 && out[j].bytes > out[j - 1].bytes; j--) {
            type_share larger = out[j];
            out[j] = out[j - 1];
            out[j - 1] = larger;
        }
    }
    return n;
}

wn_status wn_origin_describe(const char **out, wn_arena *arena, const wn_origin *origin,
                             wn_error *err)
{
    type_share types[TYPES_MAX];
    size_t n = count_types(types, origin->tensors), all = 0;
    wn_buf text = WN_BUF_INIT;
    for (size_t i = 0; i < n; i++)
        all += types[i].bytes;
    wn_buf_printf(&text, "%s", origin->gguf != NULL ? "GGUF" : "safetensors");
    for (size_t i = 0; i < n; i++) {
        wn_buf_printf(&text, ", %s", types[i].name);
        if (n > 1)
            wn_buf_printf(&text, " %.0f%%", 100 * (double)types[i].bytes / (double)all);
    }
    *out = text.failed ? NULL : wn_arena_str(arena, wn_buf_str(&text)).ptr;
    wn_buf_deinit(&text);
    if (*out == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for an engine");
    return WN_OK;
}
