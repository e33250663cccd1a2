/* See bind.h. */
#include "model/bind.h"
#include "base/mem.h"
#include "base/str.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WN_WHERE "model/bind"
#define NAME_MAX 256

/* Tensors that published files carry and no forward pass reads. */
static const char *const harmless_endings[] = {"position_ids", "token_type_ids", "inv_freq",
                                               ".lora_A", ".lora_B"};
static const char *const harmless_parts[] = {"cls.predictions.",  "cls.seq_relationship.",
                                             "lm_head.",          "lm_predictions.",
                                             "mask_predictions.", "pooler.",
                                             "decoder.",          "head."};

wn_status wn_tensor_binder_begin(wn_tensor_binder *binder, const wn_tensors *set,
                                 const char *prefix, wn_error *err)
{
    *binder = (wn_tensor_binder){.set = set, .prefix = prefix};
    binder->used = wn_mem_zalloc(wn_tensors_count(set), 1);
    if (binder->used == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory to bind %zu tensors", wn_tensors_count(set));
    return WN_OK;
}

static void note(wn_tensor_binder *binder, const char *format, ...) WN_PRINTF(2, 3);
static void note(wn_tensor_binder *binder, const char *format, ...)
{
    size_t at = strlen(binder->mistakes), gap = at > 0 ? strlen("; ") : 0;
    size_t room = sizeof binder->mistakes - at;
    if (binder->n_named < binder->n_mistakes++ || room <= gap)
        return;
    char *end = binder->mistakes + at;
    va_list args;
    va_start(args, format);
    memcpy(end, "; ", gap);
    int len = vsnprintf(end + gap, room - gap, format, args);
    va_end(args);
    if (at > 0 && (size_t)len >= room - gap)
        *end = '\0';
    else
        binder->n_named++;
}

static const wn_tensor_view *find_plain(const wn_tensor_binder *binder, const char *name)
{
    char full[NAME_MAX + 32];
    snprintf(full, sizeof full, "%s%s", binder->prefix, name);
    const wn_tensor_view *view = wn_tensors_find(binder->set, wn_str_from(full));
    return view != NULL ? view : wn_tensors_find(binder->set, wn_str_from(name));
}

#define ADAPTED "parametrizations.weight."

/* By name; old BERT files call a norm's weight gamma and its bias beta, and what has adapters is
 * the original of a parametrization. */
static const wn_tensor_view *find(const wn_tensor_binder *binder, const char *name)
{
    const wn_tensor_view *view = find_plain(binder, name);
    const char *dot = strrchr(name, '.');
    char old[NAME_MAX + sizeof ADAPTED "original"];
    if (view != NULL || dot == NULL)
        return view;
    if (strcmp(dot, ".weight") == 0 && binder->adapters != NULL && binder->adapters->n_tasks > 0) {
        snprintf(old, sizeof old, "%.*s." ADAPTED "original", (int)(dot - name), name);
        return find_plain(binder, old);
    }
    if (strstr(name, "LayerNorm") == NULL)
        return NULL;
    snprintf(old, sizeof old, "%.*s.%s", (int)(dot - name), name,
             strcmp(dot, ".weight") == 0 ? "gamma" : "beta");
    return find_plain(binder, old);
}

bool wn_tensor_binder_has(const wn_tensor_binder *binder, const char *name)
{
    return find(binder, name) != NULL;
}

/* A view as rows and columns; false when it has more than two dimensions. */
static bool as_matrix(size_t *rows, size_t *cols, const wn_tensor_view *view)
{
    *rows = view->n_dims == 2 ? view->dims[0] : 1;
    *cols = view->n_dims == 2 ? view->dims[1] : view->n_dims == 1 ? view->dims[0] : 0;
    return view->n_dims == 1 || view->n_dims == 2;
}

static void shape_text(char *out, size_t size, const wn_tensor_view *view)
{
    size_t at = 0;
    for (size_t i = 0; i < view->n_dims && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%zu", i > 0 ? "," : "", view->dims[i]);
}

/* Find a tensor of a shape and count it as used; NULL and a mistake when there is none. */
static const wn_tensor_view *take(wn_tensor_binder *binder, size_t rows, size_t cols,
                                  const char *name)
{
    char shape[96] = "";
    const wn_tensor_view *view = find(binder, name);
    if (view == NULL) {
        note(binder, "tensor '%s' is missing", name);
        return NULL;
    }
    binder->used[view - wn_tensors_at(binder->set, 0)] = 1;
    size_t got_rows, got_cols;
    bool matrix = as_matrix(&got_rows, &got_cols, view);
    if (matrix && got_cols == cols && (rows == 0 || got_rows == rows) && got_rows != 0)
        return view;
    shape_text(shape, sizeof shape, view);
    if (rows == 1)
        note(binder, "tensor '%s': shape [%s], expected [%zu]", name, shape, cols);
    else if (rows == 0)
        note(binder, "tensor '%s': shape [%s], expected [any,%zu]", name, shape, cols);
    else
        note(binder, "tensor '%s': shape [%s], expected [%zu,%zu]", name, shape, rows, cols);
    return NULL;
}

static bool is_adapted(wn_str name)
{
    return wn_str_ends(name, wn_str_from("." ADAPTED "original"));
}

/* A task's part of a tensor [n_tasks][rows][cols] of an adapter; NULL and a mistake when it is
 * something else. */
static const void *take_adapter(wn_tensor_binder *binder, wn_dtype *dtype, size_t rows, size_t cols,
                                const char *name)
{
    const wn_adapters *a = binder->adapters;
    const wn_tensor_view *view = wn_tensors_find(binder->set, wn_str_from(name));
    if (view == NULL) {
        note(binder, "tensor '%s' is missing", name);
        return NULL;
    }
    char shape[96] = "";
    shape_text(shape, sizeof shape, view);
    bool fits = view->n_dims == 3 && view->dims[0] == a->n_tasks && view->dims[1] == rows &&
                view->dims[2] == cols;
    if (!fits || view->dtype == WN_DTYPE_OTHER || view->dtype == WN_DTYPE_I8) {
        note(binder, "tensor '%s': %s of shape [%s], expected numbers of [%zu,%zu,%zu]", name,
             view->dtype_name, shape, a->n_tasks, rows, cols);
        return NULL;
    }
    *dtype = view->dtype;
    binder->n_parameters += (uint64_t)rows * cols;
    return view->data + a->task * rows * cols * wn_dtype_size(view->dtype);
}

/* The adapter of a matrix whose tensor is NAME.parametrizations.weight.original.  That of a table
 * has its factors the other way round. */
static void take_added(wn_tensor_binder *binder, wn_source *source, wn_str original)
{
    const wn_adapters *a = binder->adapters;
    char first[NAME_MAX], second[NAME_MAX];
    wn_low_rank added = {.rank = a->rank, .scale = (float)a->scale};
    int stem = (int)(original.len - strlen("original"));
    snprintf(first, sizeof first, "%.*s0.lora_A", stem, original.ptr);
    snprintf(second, sizeof second, "%.*s0.lora_B", stem, original.ptr);
    bool is_table = strstr(first, "embeddings.") != NULL;
    added.shares =
        take_adapter(binder, &added.shares_dtype, source->rows, a->rank, is_table ? first : second);
    added.directions = take_adapter(binder, &added.directions_dtype, a->rank, source->cols,
                                    is_table ? second : first);
    source->added = added;
}

/* A weight, counted as parameters. */
static wn_source take_weight(wn_tensor_binder *binder, size_t rows, size_t cols, const char *name,
                             bool may_be_i8)
{
    const wn_tensor_view *view = take(binder, rows, cols, name);
    if (view == NULL)
        return (wn_source){0};
    if (view->dtype == WN_DTYPE_OTHER || (view->dtype == WN_DTYPE_I8 && !may_be_i8)) {
        note(binder, "tensor '%s': type %s, expected F32, F16%s", name, view->dtype_name,
             may_be_i8 ? ", BF16 or I8" : " or BF16");
        return (wn_source){0};
    }
    wn_source source = {.data = view->data, .dtype = view->dtype};
    (void)as_matrix(&source.rows, &source.cols, view);
    binder->n_parameters += (uint64_t)source.rows * source.cols;
    if (is_adapted(view->name) && binder->adapters->task < binder->adapters->n_tasks)
        take_added(binder, &source, view->name);
    return source;
}

wn_source wn_tensor_binder_get(wn_tensor_binder *binder, size_t rows, size_t cols,
                               const char *format, ...)
{
    char name[NAME_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    return take_weight(binder, rows, cols, name, false);
}

/* n values of F32, any alignment, that weights may be multiplied by; NULL and a mistake when they
 * are something else. */
static const void *take_scales(wn_tensor_binder *binder, size_t n, const char *name)
{
    const wn_tensor_view *view = take(binder, 1, n, name);
    if (view == NULL)
        return NULL;
    if (view->dtype != WN_DTYPE_F32) {
        note(binder, "tensor '%s': type %s, expected F32", name, view->dtype_name);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        float value;
        memcpy(&value, view->data + i * sizeof value, sizeof value);
        if (!(value > 0 && isfinite(value))) {
            note(binder, "tensor '%s': value %zu is %g, expected a finite one above 0", name, i,
                 (double)value);
            return NULL;
        }
    }
    return view->data;
}

wn_source wn_tensor_binder_get_matrix(wn_tensor_binder *binder, size_t rows, size_t cols,
                                      const char *format, ...)
{
    char name[NAME_MAX], other[NAME_MAX + 8];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    wn_source source = take_weight(binder, rows, cols, name, true);
    if (source.dtype != WN_DTYPE_I8 || source.data == NULL)
        return source;
    wn_str own = find(binder, name)->name;
    own = is_adapted(own) ? own : wn_str_from(name);
    snprintf(other, sizeof other, "%.*s_scale", WN_STR_ARG(own));
    source.scale = take_scales(binder, source.rows, other);
    snprintf(other, sizeof other, "%.*s_factor", WN_STR_ARG(own));
    if (wn_tensor_binder_has(binder, other))
        source.factor = take_scales(binder, source.cols, other);
    return source;
}

bool wn_tensor_binder_ok(const wn_tensor_binder *binder)
{
    return binder->n_mistakes == 0;
}

static bool is_harmless(const wn_tensor_binder *binder, wn_str name)
{
    wn_str unread = wn_str_from(binder->unread == NULL ? "" : binder->unread);
    if (unread.len > 0 && wn_str_starts(name, unread) && name.ptr[unread.len] == '.')
        return true;
    for (size_t i = 0; i < WN_ARRAY_LEN(harmless_endings); i++) {
        if (wn_str_ends(name, wn_str_from(harmless_endings[i])))
            return true;
    }
    for (size_t i = 0; i < WN_ARRAY_LEN(harmless_parts); i++) {
        wn_str part = wn_str_from(harmless_parts[i]);
        for (size_t at = 0; at + part.len <= name.len; at++) {
            if (memcmp(name.ptr + at, part.ptr, part.len) == 0)
                return true;
        }
    }
    return false;
}

wn_status wn_tensor_binder_end(wn_tensor_binder *binder, wn_error *err)
{
    for (size_t i = 0; i < wn_tensors_count(binder->set); i++) {
        wn_str name = wn_tensors_at(binder->set, i)->name;
        if (!binder->used[i] && !is_harmless(binder, name))
            note(binder, "tensor '%.*s' is unknown to this family", WN_STR_ARG(name));
    }
    wn_mem_free(binder->used);
    binder->used = NULL;
    size_t n = binder->n_mistakes, n_more = n - binder->n_named;
    char more[40] = "";
    if (n == 0)
        return WN_OK;
    if (n_more > 0)
        snprintf(more, sizeof more, "; and %zu more", n_more);
    WN_FAIL(err, WN_ERR_FORMAT, "model.safetensors: %zu mistake%s: %s%s", n, n == 1 ? "" : "s",
            binder->mistakes, more);
}
