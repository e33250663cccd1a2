/* See tensors.h. */
#include "data/tensors.h"

#include "base/mem.h"
#include "base/str.h"

#define WN_WHERE "data/tensors"

wn_status wn_tensors_new(wn_tensors **out, wn_error *err)
{
    wn_tensors *set = wn_mem_zalloc(1, sizeof *set);
    if (set == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a set of tensors");
    *out = set;
    return WN_OK;
}

wn_status wn_tensors_map(wn_tensors *set, wn_str *out, const char *path, wn_error *err)
{
    if (!wn_mem_grow(&set->maps, &set->maps_cap, set->n_maps + 1, sizeof *set->maps))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the mapping of '%s'", path);
    wn_file_map *map = &set->maps[set->n_maps];
    WN_TRY(wn_file_map_open(map, path, err));
    set->n_maps++;
    *out = (wn_str){(const char *)map->ptr, map->len};
    return WN_OK;
}

wn_status wn_tensors_add(wn_tensors *set, const wn_tensor_view *view, const char *file,
                         wn_error *err)
{
    if (set->n == WN_TENSORS_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "%s: over %zu tensors", file, set->n);
    if (!wn_mem_grow(&set->views, &set->cap, set->n + 1, sizeof *set->views))
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory for %zu tensors", file, set->n + 1);
    set->views[set->n++] = *view;
    return WN_OK;
}

wn_status wn_tensors_index(wn_tensors *set, size_t first, const char *file, wn_error *err)
{
    if (first == 0)
        wn_map_deinit(&set->by_name);
    if (!wn_map_reserve(&set->by_name, set->n))
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory for %zu names", file, set->n);
    for (size_t i = first; i < set->n; i++) {
        wn_str name = set->views[i].name;
        int32_t before = wn_map_get(&set->by_name, name, -1);
        if (before >= 0)
            WN_FAIL(
                err, WN_ERR_FORMAT, "%s: tensor '%.*s' is there twice, %s", file, WN_STR_ARG(name),
                (size_t)before >= first ? "both in this file" : "also in another file of the set");
        if (!wn_map_put(&set->by_name, name, (int32_t)i, NULL))
            WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory for a name", file);
    }
    return WN_OK;
}

wn_status wn_tensors_check_finite(const wn_tensors *set, wn_error *err)
{
    for (size_t i = 0; i < set->n; i++) {
        const wn_tensor_view *view = &set->views[i];
        bool finite = wn_dtype_is_finite(view->data, view->dtype, view->bytes);
        wn_tensors_release(set, view);
        if (!finite)
            WN_FAIL(err, WN_ERR_FORMAT,
                    "tensor '%.*s': has a value that is infinite or not a number",
                    WN_STR_ARG(view->name));
    }
    return WN_OK;
}

size_t wn_tensors_count(const wn_tensors *set)
{
    return set->n;
}

const wn_tensor_view *wn_tensors_at(const wn_tensors *set, size_t i)
{
    return &set->views[i];
}

const wn_tensor_view *wn_tensors_find(const wn_tensors *set, wn_str name)
{
    int32_t i = wn_map_get(&set->by_name, name, -1);
    return i < 0 ? NULL : &set->views[i];
}

void wn_tensors_release(const wn_tensors *set, const wn_tensor_view *view)
{
    for (size_t i = 0; i < set->n_maps; i++) {
        const wn_file_map *map = &set->maps[i];
        if (view == NULL)
            wn_file_map_release(map, map->ptr, map->len);
        else if ((uintptr_t)view->data - (uintptr_t)map->ptr < map->len)
            wn_file_map_release(map, view->data, view->bytes);
    }
}

void wn_tensors_close(wn_tensors *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->n_maps; i++)
        wn_file_unmap(&set->maps[i]);
    wn_mem_free(set->maps);
    wn_map_deinit(&set->by_name);
    wn_arena_deinit(&set->arena);
    wn_mem_free(set->views);
    wn_mem_free(set);
}
