/* Writing a model with 8-bit matrices.  A matrix "NAME.weight" becomes I8 of the same shape with
 * "NAME.weight_scale" [rows] and, where its layer reads a norm, "NAME.weight_factor" [cols]: w is
 * their product.  Scales and factors are those that an i8 product chooses, so that loading for one
 * gives its bytes back.  All other tensors keep their bytes.
 * Memory: scales and factors of all matrices, one block of rows, and of the file the pages of a
 * layer's matrices. */
#include "base/file.h"
#include "base/mem.h"
#include "base/new_dir.h"
#include "base/str.h"
#include "data/safetensors_writer.h"
#include "rank/abi.h"
#include "rank/builtin.h"
#include "rank/engine.h"

#include <math.h>
#include <stdio.h>

#define WN_WHERE       "rank/quantize"
#define FILE_BYTES_MAX (256u << 20)
#define BLOCK_BYTES    (1u << 20) /* written between two looks at should_stop() */

/* The files beside the weights that are copied, where they are there.  Not reference.jsonl: its
 * scores are those of the weights as they were. */
static const char *const companions[] = {
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "modules.json",
    "1_Pooling/config.json",
    "1_LogitScore/config.json",
    "artifact.metadata",
    "README.md",
    "MODEL_CARD.md",
    "LICENSE",
};

/* A tensor of the new file: its bytes lie at view.data, or are made from a matrix. */
typedef struct item {
    wn_tensor_view view;
    const wn_source *matrix;
    const float *factor; /* [cols] of the matrix, or NULL */
} item;

typedef struct quantizer {
    const wn_engine *engine;
    wn_quantize_options options;
    wn_model *model; /* by turns: knows where the matrices lie */
    wn_arena arena;
    item *items; /* [n_items] */
    size_t n_items, n_matrices;
    wn_safetensors_writer writer;
    float *row;    /* [the widest row] */
    int8_t *block; /* [BLOCK_BYTES], or one row that is longer */
} quantizer;

/* ---- what is written ------------------------------------------------------------------------- */

static void *take(quantizer *q, size_t n, size_t size, wn_error *err)
{
    void *memory = wn_arena_alloc(&q->arena, n, size);
    if (memory == NULL)
        (void)wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "no memory for %zu values", n);
    return memory;
}

/* The tensor whose bytes a matrix has. */
static item *find_item(quantizer *q, const wn_source *matrix)
{
    for (size_t i = 0; i < q->n_items; i++) {
        if (q->items[i].view.data == matrix->data && q->items[i].view.bytes > 0)
            return &q->items[i];
    }
    WN_ASSERT(false); /* matrices lie in the set */
    return NULL;
}

/* Append "NAME_suffix", n values of F32. */
static wn_status add_values(quantizer *q, wn_str name, const char *suffix, const float *values,
                            size_t n, wn_error *err)
{
    char *text = take(q, name.len + strlen(suffix) + 1, 1, err);
    if (text == NULL)
        return WN_ERR_MEMORY;
    memcpy(text, name.ptr, name.len);
    memcpy(text + name.len, suffix, strlen(suffix));
    q->items[q->n_items++].view = (wn_tensor_view){.name = wn_str_from(text),
                                                   .dtype = WN_DTYPE_F32,
                                                   .dtype_name = "F32",
                                                   .n_dims = 1,
                                                   .dims = {n},
                                                   .data = (const unsigned char *)values,
                                                   .bytes = n * sizeof *values};
    return WN_OK;
}

/* The scales of a matrix; a row of zeros has 1, as 0 would be no scale. */
static wn_status make_scales(quantizer *q, float **out, const item *it, wn_error *err)
{
    const wn_source *matrix = it->matrix;
    float *scales = take(q, matrix->rows, sizeof *scales, err);
    if (scales == NULL)
        return WN_ERR_MEMORY;
    for (size_t j = 0; j < matrix->rows; j++) {
        scales[j] = wn_source_quantize_row(q->block, matrix, j, it->factor, q->row);
        if (isnan(scales[j]))
            WN_FAIL(err, WN_ERR_FORMAT, "tensor '%.*s': row %zu has a value that is no number",
                    WN_STR_ARG(it->view.name), j);
        scales[j] = scales[j] == 0 ? 1 : scales[j];
    }
    *out = scales;
    return WN_OK;
}

/* Make one tensor I8 and append what belongs to it. */
static wn_status add_matrix(quantizer *q, const wn_source *matrix, const float *factor,
                            wn_error *err)
{
    item *it = find_item(q, matrix);
    wn_str name = it->view.name;
    float *scales = NULL;
    if (matrix->dtype == WN_DTYPE_I8)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "tensor '%.*s': is I8 already", WN_STR_ARG(name));
    it->matrix = matrix;
    it->factor = factor;
    WN_TRY(make_scales(q, &scales, it, err));
    it->view.dtype = WN_DTYPE_I8;
    it->view.dtype_name = "I8";
    it->view.bytes = matrix->rows * matrix->cols;
    q->n_matrices++;
    WN_TRY(add_values(q, name, "_scale", scales, matrix->rows, err));
    return factor == NULL ? WN_OK : add_values(q, name, "_factor", factor, matrix->cols, err);
}

static wn_status add_linear(quantizer *q, const wn_linear_source *linear, wn_error *err)
{
    size_t k = linear->parts[0].cols;
    float *factor = take(q, k, sizeof *factor, err);
    float *scratch = wn_mem_alloc(2 * sizeof *scratch, k);
    if (factor == NULL || scratch == NULL) {
        wn_mem_free(scratch);
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu values", k);
    }
    bool has_factor = wn_linear_choose_factor(factor, linear, NULL, scratch);
    wn_mem_free(scratch);
    for (size_t i = 0; i < linear->n_parts; i++)
        WN_TRY(add_matrix(q, &linear->parts[i], has_factor ? factor : NULL, err));
    wn_tensors_release(q->engine->origin.tensors, NULL);
    return WN_OK;
}

/* Find the matrices, make their scales. */
static wn_status plan(quantizer *q, wn_error *err)
{
    const wn_tensors *set = q->engine->origin.tensors;
    const wn_linear_source *linear;
    size_t n = wn_tensors_count(set), n_new = 0, widest = 1;
    for (size_t i = 0; (linear = wn_model_linear(q->model, i)) != NULL; i++) {
        n_new += 2 * linear->n_parts;
        widest = WN_MAX(widest, linear->parts[0].cols);
    }
    q->items = take(q, n + n_new, sizeof *q->items, err);
    q->row = take(q, widest, sizeof *q->row, err);
    q->block = take(q, WN_MAX(widest, (size_t)BLOCK_BYTES), 1, err);
    if (q->items == NULL || q->row == NULL || q->block == NULL)
        return WN_ERR_MEMORY;
    for (size_t i = 0; i < n; i++)
        q->items[q->n_items++].view = *wn_tensors_at(set, i);
    for (size_t i = 0; (linear = wn_model_linear(q->model, i)) != NULL; i++)
        WN_TRY(add_linear(q, linear, err));
    return WN_OK;
}

/* Bytes of one element; 1 where it has none or a part of a byte. */
static size_t element_bytes(const wn_tensor_view *view)
{
    size_t n = 1;
    for (size_t i = 0; i < view->n_dims; i++)
        n *= view->dims[i];
    return n == 0 || view->bytes < n ? 1 : view->bytes / n;
}

/* Sort by falling size of elements, so that each tensor is aligned; else as they were. */
static wn_status sort_items(quantizer *q, wn_error *err)
{
    item *sorted = take(q, q->n_items, sizeof *sorted, err);
    size_t n = 0;
    if (sorted == NULL)
        return WN_ERR_MEMORY;
    for (size_t size = 8; size > 0; size /= 2) {
        for (size_t i = 0; i < q->n_items; i++) {
            if (element_bytes(&q->items[i].view) == size)
                sorted[n++] = q->items[i];
        }
    }
    WN_ASSERT(n == q->n_items);
    q->items = sorted;
    return WN_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Write, and let go of the pages that were read for it. */
static wn_status write_bytes(quantizer *q, const void *bytes, size_t n, wn_error *err)
{
    const wn_quantize_options *o = &q->options;
    WN_TRY(wn_safetensors_writer_write(&q->writer, bytes, n, err));
    wn_tensors_release(q->engine->origin.tensors, NULL);
    if (o->progress != NULL)
        o->progress(o->user, q->writer.written, q->writer.data_bytes);
    if (o->should_stop != NULL && o->should_stop(o->user))
        WN_FAIL(err, WN_ERR_CANCELLED, "stopped after %llu of %llu bytes",
                (unsigned long long)q->writer.written, (unsigned long long)q->writer.data_bytes);
    return WN_OK;
}

static wn_status write_item(quantizer *q, const item *it, wn_error *err)
{
    const wn_source *matrix = it->matrix;
    if (matrix == NULL) {
        for (size_t at = 0; at < it->view.bytes; at += BLOCK_BYTES)
            WN_TRY(write_bytes(q, it->view.data + at,
                               WN_MIN(it->view.bytes - at, (size_t)BLOCK_BYTES), err));
        return WN_OK;
    }
    size_t k = matrix->cols, block = WN_MAX(BLOCK_BYTES / k, (size_t)1);
    for (size_t j = 0; j < matrix->rows; j += block) {
        size_t rows = WN_MIN(block, matrix->rows - j);
        for (size_t i = 0; i < rows; i++)
            (void)wn_source_quantize_row(q->block + i * k, matrix, j + i, it->factor, q->row);
        WN_TRY(write_bytes(q, q->block, rows * k, err));
    }
    return WN_OK;
}

static wn_status write_tensors(quantizer *q, const char *path, wn_error *err)
{
    wn_tensor_view *views = take(q, q->n_items, sizeof *views, err);
    if (views == NULL)
        return WN_ERR_MEMORY;
    for (size_t i = 0; i < q->n_items; i++)
        views[i] = q->items[i].view;
    wn_status status = wn_safetensors_writer_open(&q->writer, path, views, q->n_items, err);
    for (size_t i = 0; status == WN_OK && i < q->n_items; i++)
        status = write_item(q, &q->items[i], err);
    if (status == WN_OK)
        status = wn_safetensors_writer_commit(&q->writer, err);
    wn_safetensors_writer_deinit(&q->writer);
    return status;
}

/* Copy a companion, if it is there. */
static wn_status copy_file(const quantizer *q, wn_new_dir *dir, const char *name, wn_error *err)
{
    wn_str builtin = wn_builtin_file(name);
    if (q->engine->origin.dir == NULL)
        return builtin.ptr == NULL ? WN_OK : wn_new_dir_write(dir, name, builtin, err);
    wn_buf path = WN_BUF_INIT, bytes = WN_BUF_INIT;
    wn_status status = WN_OK;
    if (!wn_file_join(&path, q->engine->origin.dir, name))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for the path of '%s'", name);
    if (wn_file_exists(path.ptr)) {
        WN_TRY_OUT(wn_file_read(&bytes, path.ptr, FILE_BYTES_MAX, err));
        status = wn_new_dir_write(dir, name, wn_buf_str(&bytes), err);
    }
out:
    wn_buf_deinit(&bytes);
    wn_buf_deinit(&path);
    return status;
}

/* The config.json of each module that makes a head; their weights are among the tensors. */
static wn_status copy_modules(const quantizer *q, wn_new_dir *dir, wn_error *err)
{
    const wn_module_head *head = &q->engine->config.modules;
    const wn_module *const modules[] = {&head->dense, &head->norm, &head->out};
    for (size_t i = 0; i < WN_ARRAY_LEN(modules); i++) {
        char name[WN_FOLDER_MAX + sizeof "/config.json"];
        snprintf(name, sizeof name, "%s/config.json", modules[i]->folder);
        if (modules[i]->folder[0] != '\0')
            WN_TRY(copy_file(q, dir, name, err));
    }
    return WN_OK;
}

/* The weights come last: a directory without them is no model. */
static wn_status write_dir(quantizer *q, const char *out_dir, wn_error *err)
{
    wn_new_dir dir;
    wn_buf path = WN_BUF_INIT;
    wn_status status;
    WN_TRY_OUT(wn_new_dir_open(&dir, out_dir, err));
    for (size_t i = 0; i < WN_ARRAY_LEN(companions); i++)
        WN_TRY_OUT(copy_file(q, &dir, companions[i], err));
    WN_TRY_OUT(copy_modules(q, &dir, err));
    if (!wn_file_join(&path, out_dir, "model.safetensors"))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for the path of the weights");
    status = write_tensors(q, path.ptr, err);
out:
    wn_buf_deinit(&path);
    wn_new_dir_deinit(&dir, status == WN_OK);
    return status;
}

wn_status wn_quantize(wn_quantize_report *out, const wn_engine *engine, const char *out_dir,
                      const wn_quantize_options *options, wn_error *err)
{
    quantizer q = {.engine = engine};
    const wn_model_options by_turns = {
        .kernels = engine->kernels, .gemm = engine->kernels->gemm_f32, .by_turns = true};
    wn_quantize_report report; /* checked first: what is written is not taken back */
    WN_TRY(wn_abi_read(&report, sizeof report, out, "wn_quantize_report", err));
    WN_TRY(wn_abi_read(&q.options, sizeof q.options, options, "wn_quantize_options", err));
    if (out_dir == NULL)
        WN_FAIL(err, WN_ERR_ARGUMENT, "out_dir is NULL, expected a directory");
    if (engine->origin.gguf != NULL)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "'%s' is a GGUF file; quantise the safetensors that it was made from",
                engine->name);
    WN_TRY(wn_model_load(&q.model, &engine->config, engine->origin.tensors, &by_turns, err));
    wn_status status = plan(&q, err);
    if (status == WN_OK)
        status = sort_items(&q, err);
    if (status == WN_OK)
        status = write_dir(&q, out_dir, err);
    report.bytes_before = 0;
    for (size_t i = 0; i < wn_tensors_count(engine->origin.tensors); i++)
        report.bytes_before += wn_tensors_at(engine->origin.tensors, i)->bytes;
    report.bytes_after = q.writer.data_bytes;
    report.n_matrices = q.n_matrices;
    wn_model_free(q.model);
    wn_arena_deinit(&q.arena);
    WN_TRY(status);
    return wn_abi_write(out, &report, sizeof report, "wn_quantize_report", err);
}
