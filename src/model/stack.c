/* See stack.h.  Tables of words, positions and types stay in the mapping; matrices are packed
 * a layer at a time.  Each linear layer is told which norm it reads, since an i8 product balances
 * its columns by that norm's gain. */
#include "model/stack.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/config_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WN_WHERE "model/stack"

/* The name of a part of layer i. */
typedef struct part_name {
    char text[128];
} part_name;

static part_name name_of(const char *format, size_t layer)
{
    part_name name = {""};
    const char *star = strstr(format, "%zu");
    if (star == NULL)
        snprintf(name.text, sizeof name.text, "%s", format);
    else
        snprintf(name.text, sizeof name.text, "%.*s%zu%s", (int)(star - format), format, layer,
                 star + 3);
    return name;
}

/* ---- finding --------------------------------------------------------------------------------- */

/* The sources of a linear layer [n][k] whose parts have these rows. */
static wn_linear_source find_linear(wn_tensor_binder *binder, const wn_linear_names *names,
                                    size_t layer, const size_t *rows, size_t k)
{
    wn_linear_source source = {.has_bias = names->has_bias};
    for (size_t i = 0; i < WN_ARRAY_LEN(names->parts) && names->parts[i] != NULL; i++) {
        part_name name = name_of(names->parts[i], layer);
        source.parts[i] = wn_tensor_binder_get_matrix(binder, rows[i], k, "%s.weight", name.text);
        if (names->has_bias)
            source.biases[i] = wn_tensor_binder_get(binder, 1, rows[i], "%s.bias", name.text);
        source.n_parts++;
    }
    return source;
}

wn_status wn_bind_linear(wn_linear *out, wn_tensor_binder *binder, const wn_model_options *options,
                         const char *name, bool has_bias, size_t n, size_t k, wn_error *err)
{
    wn_linear_source source = {.parts = {wn_tensor_binder_get(binder, n, k, "%s.weight", name)},
                               .n_parts = 1,
                               .has_bias = has_bias};
    if (has_bias)
        source.biases[0] = wn_tensor_binder_get(binder, 1, n, "%s.bias", name);
    if (!wn_tensor_binder_ok(binder))
        return WN_OK;
    return wn_linear_init(out, options->kernels->gemm_f32, &source, options->pool, err);
}

wn_status wn_bind_norm(wn_norm *out, wn_norm_source *source, wn_tensor_binder *binder,
                       wn_norm_kind kind, const char *name, bool has_bias, size_t n, double eps,
                       wn_error *err)
{
    *source = (wn_norm_source){.gain = wn_tensor_binder_get(binder, 1, n, "%s.weight", name)};
    source->gain.plus = kind == WN_NORM_RMS_ONE ? 1 : 0;
    if (has_bias)
        source->bias = wn_tensor_binder_get(binder, 1, n, "%s.bias", name);
    if (!wn_tensor_binder_ok(binder))
        return WN_OK;
    return wn_norm_init(out, kind, &source->gain, has_bias ? &source->bias : NULL, (float)eps, err);
}

/* What binding a stack goes by. */
typedef struct binding {
    const wn_config *config;
    const wn_layout *layout;
    wn_tensor_binder *binder;
} binding;

/* A norm of a layer, or of the whole stack; name NULL: there is none. */
static wn_status bind_norm(const binding *b, wn_norm *out, wn_norm_source *source, const char *name,
                           size_t layer, size_t n, wn_error *err)
{
    *source = (wn_norm_source){0};
    if (name == NULL)
        return WN_OK;
    return wn_bind_norm(out, source, b->binder, b->layout->norm_kind, name_of(name, layer).text,
                        b->layout->norm_bias, n, b->config->norm_eps, err);
}

static void reads(wn_linear_source *linear, const wn_norm_source *norm)
{
    linear->input_gain = norm->gain;
    linear->input_bias = norm->bias;
}

/* Find the tensors of layer i; *input is the norm whose output it reads, and becomes the one that
 * the next layer reads. */
static wn_status find_layer(const binding *b, wn_layer *layer, wn_layer_source *source,
                            wn_norm_source *input, size_t i, wn_error *err)
{
    const wn_layout *names = b->layout;
    const wn_config *c = b->config;
    wn_norm_source attention, again, output, head;
    size_t heads = c->n_heads * c->head_dim, kv = c->n_kv_heads * c->head_dim,
           inter = c->intermediate;
    size_t up = c->gate == WN_GATE_NONE ? inter : 2 * inter;
    const size_t split[] = {heads, kv, kv}, fused[] = {heads + 2 * kv}, halves[] = {inter, inter};
    bool is_fused = names->qkv.parts[1] == NULL, in_halves = names->up.parts[1] != NULL;
    bool bare = names->starts_without && i == 0;
    size_t query = names->norms_span_heads ? heads : c->head_dim;
    size_t key = names->norms_span_heads ? kv : c->head_dim;
    source->qkv = find_linear(b->binder, &names->qkv, i, is_fused ? fused : split, c->hidden);
    source->out = find_linear(b->binder, &names->out, i, &c->hidden, heads);
    source->up = find_linear(b->binder, &names->up, i, in_halves ? halves : &up, c->hidden);
    source->down = find_linear(b->binder, &names->down, i, &c->hidden, inter);
    WN_TRY(bind_norm(b, &layer->attention_norm, &attention, bare ? NULL : names->attention_norm, i,
                     c->hidden, err));
    WN_TRY(bind_norm(b, &layer->again_norm, &again, names->again_norm, i, c->hidden, err));
    WN_TRY(bind_norm(b, &layer->output_norm, &output, names->output_norm, i, c->hidden, err));
    WN_TRY(bind_norm(b, &layer->query_norm, &head, names->query_norm, i, query, err));
    WN_TRY(bind_norm(b, &layer->key_norm, &head, names->key_norm, i, key, err));
    reads(&source->qkv, names->norm_first && !bare ? &attention : input);
    reads(&source->up, names->norm_first           ? &output
                       : names->again_norm != NULL ? &again
                                                   : &attention);
    *input = names->norm_first ? (wn_norm_source){0} : output;
    return WN_OK;
}

/* ---- packing --------------------------------------------------------------------------------- */

/* Memory for the matrices of so many layers like this one, together so that huge pages hold them.
 * Where their sizes wrap there is none, and each matrix asks for its own. */
static wn_status take_weights(wn_stack *out, const wn_layer_source *source, size_t n_layers,
                              const wn_gemm *gemm, wn_error *err)
{
    const wn_linear_source *linears[] = {&source->qkv, &source->out, &source->up, &source->down};
    size_t bytes = 0;
    for (size_t i = 0; i < WN_ARRAY_LEN(linears); i++)
        if (!wn_add_size(&bytes, bytes, wn_linear_packed_bytes(gemm, linears[i])))
            return WN_OK;
    if (!wn_mul_size(&bytes, bytes, n_layers))
        return WN_OK;
    out->weights = wn_mem_aligned_raw(bytes);
    if (out->weights == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu layers", n_layers);
    out->weight_bytes = bytes;
    return WN_OK;
}

static wn_status init_linear(wn_stack *stack, wn_linear *out, const wn_linear_source *source,
                             const wn_model_options *options, wn_error *err)
{
    size_t bytes = wn_linear_packed_bytes(options->gemm, source);
    unsigned char *at = NULL;
    if (bytes <= stack->weight_bytes - stack->weights_used) {
        at = stack->weights + stack->weights_used;
        stack->weights_used += bytes;
    }
    return wn_linear_init_at(out, at, options->gemm, source, options->pool, err);
}

static wn_status init_layer(wn_stack *stack, wn_layer *layer, const wn_layer_source *source,
                            const wn_model_options *options, wn_error *err)
{
    WN_TRY(init_linear(stack, &layer->qkv, &source->qkv, options, err));
    WN_TRY(init_linear(stack, &layer->out, &source->out, options, err));
    WN_TRY(init_linear(stack, &layer->up, &source->up, options, err));
    return init_linear(stack, &layer->down, &source->down, options, err);
}

/* Whether of the last layer single rows are wanted that can do without keys and values: nothing is
 * done to heads and scores, and queries are whole panels, so that they are made apart. */
static bool attends_states(const wn_config *config, const wn_layout *layout,
                           const wn_places *places, const wn_gemm *gemm)
{
    bool single = config->kind == WN_KIND_CROSS_ENCODER
                      ? layout->head.pool != WN_POOL_MEAN
                      : config->kind == WN_KIND_EMBEDDER && config->pool != WN_POOL_MEAN;
    return single && layout->n_ropes == 0 && layout->query_norm == NULL &&
           layout->key_norm == NULL && !layout->alibi && places->n_buckets == 0 &&
           config->n_heads == config->n_kv_heads &&
           config->n_heads * config->head_dim % (size_t)gemm->nr == 0;
}

static wn_status allocate_layers(wn_stack *out, const wn_config *config,
                                 const wn_model_options *options, wn_error *err)
{
    size_t n = config->n_layers, context = config->n_heads * config->head_dim;
    size_t widest = WN_MAX(WN_MAX(config->hidden, context), config->intermediate);
    bool by_turns = options->by_turns;
    out->layers = wn_mem_zalloc(n, sizeof *out->layers);
    out->n_layers = out->layers != NULL ? n : 0;
    if (by_turns) {
        out->sources = wn_mem_zalloc(n, sizeof *out->sources);
        out->pool = options->pool;
        out->scratch = wn_mem_aligned_raw(wn_linear_scratch(options->gemm, widest, out->pool) *
                                          sizeof *out->scratch);
    }
    if (out->layers == NULL || (by_turns && (out->sources == NULL || out->scratch == NULL)))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu layers", n);
    return WN_OK;
}

/* ---- the stack ------------------------------------------------------------------------------- */

static wn_table find_table(wn_tensor_binder *binder, const char *name, size_t rows, size_t cols)
{
    if (name == NULL)
        return (wn_table){0};
    wn_source source = wn_tensor_binder_get(binder, rows, cols, "%s.weight", name);
    return (wn_table){source.data, source.dtype, source.rows, source.cols, source.added};
}

static wn_status init_embedding(const binding *b, wn_stack *out, wn_norm_source *norm,
                                const wn_model_options *options, wn_error *err)
{
    const wn_layout *names = b->layout;
    const wn_config *c = b->config;
    wn_embedding *e = &out->embedding;
    size_t width = c->embedding > 0 ? c->embedding : c->hidden;
    e->word = find_table(b->binder, names->word, c->vocab, width);
    e->position = find_table(b->binder, names->position, c->max_positions, width);
    e->type = find_table(b->binder, names->type, c->type_vocab, width);
    e->position_offset = c->position_offset;
    e->pads_apart = c->family->skips_pads;
    e->scale = (float)c->embedding_scale;
    e->norm = names->embedding_norm != NULL ? &out->embedding_norm : NULL;
    WN_TRY(bind_norm(b, &out->embedding_norm, norm, names->embedding_norm, 0, width, err));
    if (names->projection == NULL)
        return WN_OK;
    *norm = (wn_norm_source){0}; /* which layers do not read */
    return wn_bind_linear(&out->projection, b->binder, options, names->projection, true, c->hidden,
                          width, err);
}

/* What the places of tokens need that is not in the file.  Slopes are a falling geometric series;
 * for a number of heads that is no power of two, that of the next lower one and then every other
 * slope of the next higher one.
 * Source: Press et al. 2022, and its published code. */
static wn_status init_places(wn_stack *out, const wn_config *c, const wn_layout *layout,
                             wn_error *err)
{
    for (size_t i = 0; i < layout->n_ropes; i++)
        WN_TRY(wn_rotary_init(&out->rotary[i], layout->ropes[i].base, layout->ropes[i].divisor,
                              c->head_dim, c->max_tokens, err));
    if (!layout->alibi)
        return WN_OK;
    size_t n = c->n_heads, lower = 1;
    while (lower * 2 <= n)
        lower *= 2;
    out->slopes = wn_mem_alloc(n, sizeof *out->slopes);
    if (out->slopes == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu slopes", n);
    for (size_t i = 0; i < n; i++) {
        double power = i < lower ? (double)(i + 1) / (double)lower
                                 : ((double)(i - lower) + 0.5) / (double)lower;
        out->slopes[i] = (float)exp2(-8.0 * power);
    }
    return WN_OK;
}

wn_status wn_stack_init(wn_stack *out, const wn_config *config, const wn_layout *layout,
                        wn_tensor_binder *binder, const wn_model_options *options, wn_error *err)
{
    const binding b = {config, layout, binder};
    wn_norm_source input, last;
    *out = (wn_stack){.set = binder->set};
    WN_TRY(init_places(out, config, layout, err));
    WN_TRY(init_embedding(&b, out, &input, options, err));
    WN_TRY(wn_places_init(&out->places, config, layout, binder, options, err));
    WN_TRY(bind_norm(&b, &out->final_norm, &last, layout->final_norm, 0, config->hidden, err));
    WN_TRY(allocate_layers(out, config, options, err));
    for (size_t i = 0; i < config->n_layers; i++) {
        wn_layer_source source;
        WN_TRY(find_layer(&b, &out->layers[i], &source, &input, i, err));
        if (options->by_turns)
            out->sources[i] = source;
        if (!wn_tensor_binder_ok(binder))
            continue;
        if (!options->by_turns || i == 0) {
            if (i == 0)
                WN_TRY(take_weights(out, &source, options->by_turns ? 1 : config->n_layers,
                                    options->gemm, err));
            WN_TRY(init_layer(out, &out->layers[i], &source, options, err));
            WN_TRY(wn_layer_places_init(&out->layers[i].places, &out->places,
                                        wn_kernels_scores_gemm(options->kernels, options->gemm),
                                        err));
            wn_layer_places_pack(&out->layers[i].places, &out->places, &out->layers[i].qkv,
                                 options->pool);
        }
        /* By turns, the last layer's bias will lie where the first one's is. */
        WN_ASSERT(!options->by_turns || options->gemm->dtype == WN_DTYPE_F32);
        if (i + 1 == config->n_layers &&
            attends_states(config, layout, &out->places, options->gemm))
            WN_TRY(wn_state_weights_init(&out->layers[i].states, options->kernels->gemm_f32,
                                         &out->layers[options->by_turns ? 0 : i].qkv, &source.qkv,
                                         config->n_heads, config->head_dim, err));
        wn_tensors_release(out->set, NULL);
    }
    if (!options->by_turns)
        wn_places_trim(&out->places);
    return WN_OK;
}

void wn_stack_deinit(wn_stack *stack)
{
    for (size_t i = 0; i < stack->n_layers; i++) {
        wn_layer *layer = &stack->layers[i];
        wn_linear_deinit(&layer->qkv);
        wn_linear_deinit(&layer->out);
        wn_linear_deinit(&layer->up);
        wn_linear_deinit(&layer->down);
        wn_norm_deinit(&layer->attention_norm);
        wn_norm_deinit(&layer->again_norm);
        wn_norm_deinit(&layer->output_norm);
        wn_norm_deinit(&layer->query_norm);
        wn_norm_deinit(&layer->key_norm);
        wn_layer_places_deinit(&layer->places);
        wn_state_weights_deinit(&layer->states);
    }
    for (size_t i = 0; i < WN_ROPES_MAX; i++)
        wn_rotary_deinit(&stack->rotary[i]);
    wn_mem_free(stack->layers);
    wn_mem_free(stack->weights);
    wn_mem_free(stack->slopes);
    wn_mem_free(stack->sources);
    wn_mem_free(stack->scratch);
    wn_norm_deinit(&stack->embedding_norm);
    wn_norm_deinit(&stack->final_norm);
    wn_linear_deinit(&stack->projection);
    wn_places_deinit(&stack->places);
    *stack = (wn_stack){0};
}

const wn_linear_source *wn_stack_linear(const wn_stack *stack, size_t i)
{
    size_t layer = i / WN_LAYER_LINEARS;
    if (layer >= stack->n_layers)
        return NULL;
    const wn_layer_source *source = &stack->sources[layer];
    const wn_linear_source *const linears[WN_LAYER_LINEARS] = {&source->qkv, &source->out,
                                                               &source->up, &source->down};
    return linears[i % WN_LAYER_LINEARS];
}

size_t wn_stack_bytes(const wn_stack *stack)
{
    size_t bytes = stack->embedding_norm.bytes + stack->final_norm.bytes + stack->projection.bytes +
                   wn_places_bytes(&stack->places);
    for (size_t i = 0; i < WN_ROPES_MAX; i++)
        bytes += stack->rotary[i].bytes;
    for (size_t i = 0; i < stack->n_layers; i++) {
        const wn_layer *layer = &stack->layers[i];
        bytes += layer->qkv.bytes + layer->out.bytes + layer->up.bytes + layer->down.bytes +
                 layer->attention_norm.bytes + layer->again_norm.bytes + layer->output_norm.bytes +
                 layer->query_norm.bytes + layer->key_norm.bytes + layer->places.bytes +
                 layer->states.bytes;
    }
    return bytes;
}

static size_t table_bytes(const wn_table *table)
{
    return table->rows == 0 ? 0 : table->rows * wn_dtype_bytes(table->dtype, table->cols);
}

size_t wn_stack_mapped_bytes(const wn_stack *stack)
{
    const wn_embedding *e = &stack->embedding;
    return table_bytes(&e->word) + table_bytes(&e->position) + table_bytes(&e->type);
}

wn_layer wn_stack_layer(const wn_stack *stack, size_t i)
{
    wn_layer layer = stack->layers[i];
    if (stack->sources == NULL)
        return layer;
    const wn_layer_source *source = &stack->sources[i];
    layer.qkv = stack->layers[0].qkv;
    layer.out = stack->layers[0].out;
    layer.up = stack->layers[0].up;
    layer.down = stack->layers[0].down;
    wn_linear_pack(&layer.qkv, &source->qkv, stack->pool, stack->scratch);
    wn_linear_pack(&layer.out, &source->out, stack->pool, stack->scratch);
    wn_linear_pack(&layer.up, &source->up, stack->pool, stack->scratch);
    wn_linear_pack(&layer.down, &source->down, stack->pool, stack->scratch);
    layer.places = stack->layers[0].places;
    wn_layer_places_pack(&layer.places, &stack->places, &layer.qkv, stack->pool);
    wn_tensors_release(stack->set, NULL);
    return layer;
}

/* A row of each sequence. */
static wn_tensor pool_rows(wn_exec *exec, const wn_tensor *x, const wn_batch *batch, wn_rows rows)
{
    wn_tensor y = wn_exec_tensor(exec, batch->n_seqs, x->cols);
    wn_exec_ops(exec)->pool(exec, &y, x, batch,
                            rows == WN_ROWS_LAST ? WN_POOL_LAST : WN_POOL_FIRST);
    return y;
}

/* What attention of a group of sequences is made with. */
typedef struct group_job {
    const wn_attention_tensors *t;
    const wn_linear *w;
    const wn_attention *a;
    const wn_head_turn *turn;
    const wn_tensor *queries; /* [n_seqs] of the batch, those that are wanted; NULL: w makes all */
} group_job;

/* The queries of single rows, apart from keys and values, as far as whole panels make them; false:
 * they are not apart. */
static bool make_queries(wn_tensor *out, wn_exec *exec, const group_job *job, const wn_batch *batch)
{
    wn_linear queries = *job->w;
    queries.n = job->a->n_heads * job->a->head_dim;
    if (job->a->rows == WN_ROWS_ALL || queries.n % (size_t)queries.gemm->nr != 0)
        return false;
    wn_tensor kept = pool_rows(exec, job->t->x, batch, job->a->rows);
    *out = wn_exec_tensor(exec, batch->n_seqs, queries.n);
    wn_exec_ops(exec)->linear(exec, out, &kept, &queries, WN_ACT_NONE);
    return true;
}

/* Sequences from the first on, whose rows begin with token `token` of x; qkv is space for them. */
static void attend_group(wn_exec *exec, const group_job *job, const wn_batch *group, size_t first,
                         size_t token)
{
    const wn_ops *ops = wn_exec_ops(exec);
    const wn_attention *a = job->a;
    bool is_all = a->rows == WN_ROWS_ALL;
    wn_tensor x = wn_tensor_rows(job->t->x, token, group->n_tokens);
    wn_tensor qkv = wn_tensor_rows(job->t->qkv, 0, group->n_tokens);
    if (job->turn == NULL && group->past == NULL)
        wn_exec_keep_queries(exec, &qkv, job->w, a);
    if (job->queries == NULL) {
        ops->linear(exec, &qkv, &x, job->w, WN_ACT_NONE);
    } else {
        wn_tensor queries = wn_tensor_rows(job->queries, first, group->n_seqs);
        ops->linear_from(exec, &qkv, &x, job->w, queries.cols);
        ops->put_rows(exec, &qkv, &queries, group, a->rows);
    }
    if (job->turn != NULL)
        ops->turn_heads(exec, &qkv, group, a, job->turn);
    if (group->past != NULL && group->past_len == NULL)
        ops->keep_past(exec, &qkv, group, a);
    if (job->t->context == NULL)
        return;
    wn_tensor context = wn_tensor_rows(job->t->context, is_all ? token : first,
                                       is_all ? group->n_tokens : group->n_seqs);
    ops->attention(exec, &context, &qkv, group, a);
}

void wn_self_attention(wn_exec *exec, const wn_attention_tensors *t, const wn_layer *layer,
                       const wn_batch *batch, const wn_attention *a, const wn_head_turn *turn)
{
    group_job job = {t, &layer->qkv, a, turn, NULL};
    wn_tensor queries;
    if (a->rows != WN_ROWS_ALL)
        t->context->rows = batch->n_seqs;
    if (make_queries(&queries, exec, &job, batch))
        job.queries = &queries;
    if (job.queries != NULL && layer->states.keys != NULL) {
        t->context->halves = false;
        wn_exec_ops(exec)->attend_states(exec, t->context, &queries, t->x, batch, a,
                                         &layer->states);
    } else {
        if (t->context != NULL)
            wn_exec_keep_outputs(exec, t->context, &layer->out, a);
        for (size_t first = 0, end; first < batch->n_seqs; first = end) {
            end = wn_exec_group_end(exec, batch, first);
            wn_batch group = wn_exec_group(exec, batch, first, end);
            attend_group(exec, &job, &group, first, batch->seq_start[first]);
        }
    }
    if (a->rows != WN_ROWS_ALL)
        *t->hidden = pool_rows(exec, t->hidden, batch, a->rows);
}
