/* Binding a model's tensors: which names and spellings are taken, and that everything missing, odd
 * or unknown is told at once.  What the graphs compute is tested by tests/golden. */
#include "tests/support/check.h"

#include "base/buf.h"
#include "base/str.h"
#include "model/family.h"
#include "data/safetensors.h"
#include "model/model.h"

static wn_error err;

enum { HIDDEN = 4, INTER = 6, VOCAB = 9, POSITIONS = 12, LAYERS = 2 };

/* A file under construction: tensors of one byte's value, in order. */
typedef struct draft {
    wn_buf header;
    size_t data_bytes;
    unsigned char fill;
    bool i8;              /* the matrices of layers are I8 with scales and factors */
    const char *left_out; /* the tensor whose name ends so is not there; or NULL */
} draft;

static void add(draft *d, const char *name, const char *dtype, size_t rows, size_t cols)
{
    if (d->left_out != NULL && wn_str_ends(wn_str_from(name), wn_str_from(d->left_out)))
        return;
    size_t size = strcmp(dtype, "F32") == 0 ? 4 : strcmp(dtype, "I64") == 0 ? 8 : 1;
    size_t bytes = rows * cols * size;
    char shape[40];
    snprintf(shape, sizeof shape, rows == 1 ? "[%zu]" : "[%zu,%zu]", rows == 1 ? cols : rows, cols);
    wn_buf_printf(&d->header, "%c\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%zu,%zu]}",
                  d->header.len == 0 ? '{' : ',', name, dtype, shape, d->data_bytes,
                  d->data_bytes + bytes);
    d->data_bytes += bytes;
}

static void add_linear(draft *d, const char *prefix, const char *name, size_t n, size_t k)
{
    char full[200];
    bool i8 = d->i8 && strstr(prefix, "layer.") != NULL;
    snprintf(full, sizeof full, "%s%s.weight", prefix, name);
    add(d, full, i8 ? "I8" : "F32", n == 1 ? 1 : n, k);
    snprintf(full, sizeof full, "%s%s.weight_scale", prefix, name);
    if (i8)
        add(d, full, "F32", 1, n);
    snprintf(full, sizeof full, "%s%s.weight_factor", prefix, name);
    if (i8)
        add(d, full, "F32", 1, k);
    snprintf(full, sizeof full, "%s%s.bias", prefix, name);
    add(d, full, "F32", 1, n);
}

static void add_norm(draft *d, const char *prefix, const char *name, bool legacy)
{
    char full[200];
    snprintf(full, sizeof full, "%s%s.%s", prefix, name, legacy ? "gamma" : "weight");
    add(d, full, "F32", 1, HIDDEN);
    snprintf(full, sizeof full, "%s%s.%s", prefix, name, legacy ? "beta" : "bias");
    add(d, full, "F32", 1, HIDDEN);
}

static void add_encoder(draft *d, const char *prefix, bool legacy)
{
    static const char *const tables[] = {"word", "position", "token_type"};
    static const size_t rows[] = {VOCAB, POSITIONS, 2};
    char full[200];
    for (size_t i = 0; i < 3; i++) {
        snprintf(full, sizeof full, "%sembeddings.%s_embeddings.weight", prefix, tables[i]);
        add(d, full, "F32", rows[i], HIDDEN);
    }
    add_norm(d, prefix, "embeddings.LayerNorm", legacy);
    for (size_t i = 0; i < LAYERS; i++) {
        char layer[100];
        snprintf(layer, sizeof layer, "%sencoder.layer.%zu.", prefix, i);
        add_linear(d, layer, "attention.self.query", HIDDEN, HIDDEN);
        add_linear(d, layer, "attention.self.key", HIDDEN, HIDDEN);
        add_linear(d, layer, "attention.self.value", HIDDEN, HIDDEN);
        add_linear(d, layer, "attention.output.dense", HIDDEN, HIDDEN);
        add_norm(d, layer, "attention.output.LayerNorm", legacy);
        add_linear(d, layer, "intermediate.dense", INTER, HIDDEN);
        add_linear(d, layer, "output.dense", HIDDEN, INTER);
        add_norm(d, layer, "output.LayerNorm", legacy);
    }
}

static void add_bert(draft *d, const char *prefix)
{
    add_encoder(d, prefix, false);
    add_linear(d, prefix, "pooler.dense", HIDDEN, HIDDEN);
    add_linear(d, "", "classifier", 1, HIDDEN);
}

#define BERT    "{\"model_type\":\"bert\"}"
#define XLMR    "{\"model_type\":\"xlm-roberta\"}"
#define COLBERT "{\"model_type\":\"bert\",\"architectures\":[\"HF_ColBERT\"]}"
#define M0      "{\"model_type\":\"qwen2_vl\",\"architectures\":[\"JinaVLForRanking\"]}"
#define FLASH   "{\"auto_map\":{\"AutoConfig\":\"c.XLMRobertaFlashConfig\"}}"

/* A configuration of the family that this config.json names. */
static wn_config config_of(const char *json_text, wn_kind kind)
{
    wn_config found = {0};
    const wn_model_files files = {0};
    json_t *json = json_loads(json_text, 0, NULL);
    assert_ok(wn_family_find(&found, json, &files, &err), &err);
    json_decref(json);
    return (wn_config){.family = found.family,
                       .family_name = "test",
                       .kind = kind,
                       .n_layers = LAYERS,
                       .hidden = HIDDEN,
                       .n_heads = 2,
                       .n_kv_heads = 2,
                       .head_dim = HIDDEN / 2,
                       .intermediate = INTER,
                       .vocab = VOCAB,
                       .type_vocab = 2,
                       .max_positions = POSITIONS,
                       .max_tokens = POSITIONS,
                       .norm_eps = 1e-12,
                       .act = WN_ACT_GELU};
}

/* A model and the file that it borrows. */
typedef struct loaded {
    wn_buf file;
    wn_tensors *set;
    wn_model *model;
} loaded;

/* Finish the draft and load it. */
static wn_status load(loaded *out, draft *d, const wn_config *config)
{
    *out = (loaded){0};
    wn_buf_push_byte(&d->header, '}');
    for (size_t i = 0; i < 8; i++)
        wn_buf_push_byte(&out->file, (char)((uint64_t)d->header.len >> 8 * i));
    wn_buf_push_str(&out->file, wn_buf_str(&d->header));
    for (size_t i = 0; i < d->data_bytes; i++)
        wn_buf_push_byte(&out->file, (char)d->fill);
    wn_buf_deinit(&d->header);
    assert_ok(wn_safetensors_parse(&out->set, wn_buf_str(&out->file), "m", &err), &err);
    const char *reason;
    memset(&err, 0, sizeof err);
    const wn_kernels *kernels = wn_kernels_get("scalar", &reason);
    const wn_model_options options = {.kernels = kernels, .gemm = kernels->gemm_f32};
    return wn_model_load(&out->model, config, out->set, &options, &err);
}

static void unload(loaded *l)
{
    wn_model_free(l->model);
    wn_tensors_close(l->set);
    wn_buf_deinit(&l->file);
}

static void loads(draft *d, const wn_config *config, uint64_t n_parameters)
{
    loaded l;
    assert_ok(load(&l, d, config), &err);
    assert_int_equal(wn_model_n_parameters(l.model), n_parameters);
    assert_int_equal(wn_model_mapped_bytes(l.model),
                     (VOCAB + POSITIONS + 2) * HIDDEN * sizeof(float));
    assert_true(wn_model_weight_bytes(l.model) >=
                n_parameters * sizeof(float) - wn_model_mapped_bytes(l.model));
    unload(&l);
}

static void refuses(draft *d, const wn_config *config, wn_status status, const char *message)
{
    loaded l;
    assert_int_equal(load(&l, d, config), status);
    assert_null(l.model);
    if (strstr(err.message, message) == NULL)
        fail_msg("message '%s' does not contain '%s'", err.message, message);
    unload(&l);
}

enum {
    NORM = 2 * HIDDEN,
    SQUARE = HIDDEN * HIDDEN + HIDDEN,
    LAYER = 4 * SQUARE + 2 * NORM + 2 * INTER * HIDDEN + INTER + HIDDEN,
    ENCODER = (VOCAB + POSITIONS + 2) * HIDDEN + NORM + LAYERS * LAYER,
};

static void bert_loads_with_and_without_prefix_and_in_the_legacy_spelling(void **state)
{
    (void)state;
    wn_config head = config_of(BERT, WN_KIND_CROSS_ENCODER),
              body = config_of(BERT, WN_KIND_EMBEDDER);
    draft d = {0};
    add_bert(&d, "bert.");
    loads(&d, &head, ENCODER + SQUARE + HIDDEN + 1);
    d = (draft){0};
    add_bert(&d, "");
    loads(&d, &head, ENCODER + SQUARE + HIDDEN + 1);
    d = (draft){0};
    add_encoder(&d, "", true);
    loads(&d, &body, ENCODER);
    d = (draft){0};
    add_encoder(&d, "bert.", true);
    loads(&d, &body, ENCODER);
}

static void roberta_head_has_its_own_names(void **state)
{
    (void)state;
    wn_config c = config_of(XLMR, WN_KIND_CROSS_ENCODER);
    draft d = {0};
    add_encoder(&d, "roberta.", false);
    add_linear(&d, "", "classifier.dense", HIDDEN, HIDDEN);
    add_linear(&d, "", "classifier.out_proj", 1, HIDDEN);
    loads(&d, &c, ENCODER + SQUARE + HIDDEN + 1);
    d = (draft){0};
    add_bert(&d, "roberta.");
    refuses(&d, &c, WN_ERR_FORMAT, "6 mistakes: tensor 'classifier.dense.weight' is missing");
}

static void flash_layout_has_one_matrix_for_query_key_and_value(void **state)
{
    (void)state;
    wn_config c = config_of(FLASH, WN_KIND_EMBEDDER);
    draft d = {0};
    add(&d, "roberta.embeddings.word_embeddings.weight", "F32", VOCAB, HIDDEN);
    add(&d, "roberta.embeddings.position_embeddings.weight", "F32", POSITIONS, HIDDEN);
    add(&d, "roberta.embeddings.token_type_embeddings.weight", "F32", 2, HIDDEN);
    add_norm(&d, "roberta.", "emb_ln", false);
    for (size_t i = 0; i < LAYERS; i++) {
        char layer[100];
        snprintf(layer, sizeof layer, "roberta.encoder.layers.%zu.", i);
        add_linear(&d, layer, "mixer.Wqkv", 3 * HIDDEN, HIDDEN);
        add_linear(&d, layer, "mixer.out_proj", HIDDEN, HIDDEN);
        add_norm(&d, layer, "norm1", false);
        add_linear(&d, layer, "mlp.fc1", INTER, HIDDEN);
        add_linear(&d, layer, "mlp.fc2", HIDDEN, INTER);
        add_norm(&d, layer, "norm2", false);
    }
    loads(&d, &c, ENCODER);
}

static void tensors_that_no_pass_reads_are_ignored_and_unknown_ones_named(void **state)
{
    (void)state;
    wn_config c = config_of(BERT, WN_KIND_EMBEDDER);
    draft d = {0};
    add_encoder(&d, "bert.", false);
    add(&d, "bert.embeddings.position_ids", "I64", 1, POSITIONS);
    add(&d, "embeddings.token_type_ids", "I64", 1, POSITIONS);
    add_linear(&d, "bert.", "pooler.dense", HIDDEN, HIDDEN);
    add_linear(&d, "", "cls.predictions.transform.dense", HIDDEN, HIDDEN);
    add_linear(&d, "", "cls.seq_relationship", 2, HIDDEN);
    add_linear(&d, "", "lm_head.dense", HIDDEN, HIDDEN);
    loads(&d, &c, ENCODER);
    d = (draft){0};
    add_encoder(&d, "bert.", false);
    add(&d, "bert.encoder.layer.2.output.dense.weight", "F32", HIDDEN, INTER);
    add(&d, "adapter.weight", "F32", 1, 3);
    refuses(&d, &c, WN_ERR_FORMAT,
            "2 mistakes: tensor 'bert.encoder.layer.2.output.dense.weight' is unknown to this "
            "family; tensor 'adapter.weight' is unknown to this family");
}

static void every_missing_or_odd_tensor_is_told_at_once(void **state)
{
    (void)state;
    wn_config c = config_of(BERT, WN_KIND_CROSS_ENCODER);
    draft d = {0};
    add_encoder(&d, "bert.", false);
    add(&d, "bert.pooler.dense.weight", "F32", HIDDEN, HIDDEN + 1);
    add(&d, "bert.pooler.dense.bias", "I64", 1, HIDDEN);
    add(&d, "classifier.weight", "I8", 1, HIDDEN);
    refuses(&d, &c, WN_ERR_FORMAT,
            "4 mistakes: tensor 'pooler.dense.weight': shape [4,5], expected [4,4]; "
            "tensor 'pooler.dense.bias': type I64, expected F32, F16 or BF16; "
            "tensor 'classifier.weight': type I8, expected F32, F16 or BF16; "
            "tensor 'classifier.bias' is missing");
    d = (draft){0};
    add(&d, "bert.embeddings.word_embeddings.weight", "F32", VOCAB - 1, HIDDEN);
    refuses(&d, &c, WN_ERR_FORMAT,
            "41 mistakes: tensor 'embeddings.word_embeddings.weight': shape");
    const char *tail = strstr(err.message, "' is missing; and ");
    size_t n_named = 1; /* whole entries, and the number of those that are not there */
    for (const char *s = err.message; (s = strstr(s, "; tensor '")) != NULL; s++)
        n_named++;
    assert_true(tail != NULL && n_named > 3);
    assert_int_equal(strtoul(tail + strlen("' is missing; and "), NULL, 10), 41 - n_named);
    assert_string_equal(err.message + strlen(err.message) - 5, " more");
}

#define LAYER_1 "bert.encoder.layer.1."

static draft quantized(unsigned char fill, const char *left_out)
{
    draft d = {.fill = fill, .i8 = true, .left_out = left_out};
    add_bert(&d, "bert.");
    return d;
}

static void matrices_of_layers_may_be_i8_with_scales_and_factors(void **state)
{
    (void)state;
    wn_config c = config_of(BERT, WN_KIND_CROSS_ENCODER);
    draft d = quantized(1, NULL);
    loads(&d, &c, ENCODER + SQUARE + HIDDEN + 1);
    d = quantized(1, LAYER_1 "output.dense.weight_factor"); /* not every layer has one */
    loads(&d, &c, ENCODER + SQUARE + HIDDEN + 1);
}

static void scales_that_are_missing_odd_or_no_scales_are_named(void **state)
{
    (void)state;
    wn_config c = config_of(BERT, WN_KIND_CROSS_ENCODER);
    draft d = quantized(1, LAYER_1 "output.dense.weight_scale");
    refuses(&d, &c, WN_ERR_FORMAT,
            "1 mistake: tensor 'encoder.layer.1.output.dense.weight_scale' is missing");
    d = quantized(1, LAYER_1 "output.dense.weight_scale");
    d.left_out = NULL;
    add(&d, LAYER_1 "output.dense.weight_scale", "F32", 1, HIDDEN + 1);
    refuses(
        &d, &c, WN_ERR_FORMAT,
        "1 mistake: tensor 'encoder.layer.1.output.dense.weight_scale': shape [5], expected [4]");
    d = quantized(1, LAYER_1 "output.dense.weight_scale");
    d.left_out = NULL;
    add(&d, LAYER_1 "output.dense.weight_scale", "I8", 1, HIDDEN);
    refuses(&d, &c, WN_ERR_FORMAT,
            "1 mistake: tensor 'encoder.layer.1.output.dense.weight_scale': type I8, expected F32");
    d = quantized(1, LAYER_1 "output.dense.weight_factor");
    d.left_out = NULL;
    add(&d, LAYER_1 "output.dense.weight_factor", "F32", 1, HIDDEN);
    refuses(&d, &c, WN_ERR_FORMAT,
            "1 mistake: tensor 'encoder.layer.1.output.dense.weight_factor': shape [4], expected "
            "[6]");
    d = quantized(0, NULL);
    refuses(&d, &c, WN_ERR_FORMAT,
            "24 mistakes: tensor 'encoder.layer.0.attention.self.query.weight_scale': value 0 is "
            "0, expected a finite one above 0");
    d = quantized(0x80, NULL);
    refuses(&d, &c, WN_ERR_FORMAT, "value 0 is -1.1801e-38, expected a finite one above 0");
    d = quantized(0xFF, NULL);
    refuses(&d, &c, WN_ERR_FORMAT, "nan, expected a finite one above 0");
}

static void scales_of_other_weights_are_unknown(void **state)
{
    (void)state;
    wn_config c = config_of(BERT, WN_KIND_CROSS_ENCODER);
    draft d = {.fill = 1};
    add_bert(&d, "bert.");
    add(&d, LAYER_1 "output.dense.weight_scale", "F32", 1, HIDDEN);
    refuses(&d, &c, WN_ERR_FORMAT,
            "1 mistake: tensor 'bert.encoder.layer.1.output.dense.weight_scale' is unknown");
    d = (draft){.fill = 1, .left_out = LAYER_1 "output.dense.weight"};
    add_bert(&d, "bert.");
    d.left_out = NULL;
    add(&d, LAYER_1 "output.dense.weight", "U8", HIDDEN, INTER);
    refuses(&d, &c, WN_ERR_FORMAT,
            "1 mistake: tensor 'encoder.layer.1.output.dense.weight': type U8, expected F32, F16, "
            "BF16 or I8");
}

static void late_interaction_takes_its_width_from_the_projection(void **state)
{
    (void)state;
    wn_config c = config_of(COLBERT, WN_KIND_LATE_INTERACTION);
    draft d = {0};
    loaded l;
    add_encoder(&d, "bert.", false);
    add(&d, "linear.weight", "F32", 3, HIDDEN);
    assert_ok(load(&l, &d, &c), &err);
    assert_int_equal(wn_model_dims(l.model).out_dim, 3);
    assert_true(wn_model_token_weight(l.model, VOCAB - 1) == 1.0f);
    unload(&l);
    c.late.dim = 2;
    d = (draft){0};
    add_encoder(&d, "bert.", false);
    add(&d, "linear.weight", "F32", 3, HIDDEN);
    refuses(&d, &c, WN_ERR_FORMAT, "tensor 'linear.weight': shape [3,4], expected [2,4]");
    c.late.token_weight = true;
    d = (draft){0};
    add_encoder(&d, "bert.", false);
    add(&d, "linear.weight", "F32", 2, HIDDEN);
    refuses(&d, &c, WN_ERR_FORMAT, "1 mistake: tensor 'token_weight' is missing");
}

/* The text half of a model that reads images, too: the tower beside it has a name of its own. */
static void add_text_half(draft *d)
{
    add(d, "model.embed_tokens.weight", "F32", VOCAB, HIDDEN);
    for (size_t i = 0; i < LAYERS; i++) {
        static const char *const square[] = {"q_proj", "k_proj", "v_proj"};
        static const char *const norms[] = {"input_layernorm", "post_attention_layernorm"};
        char prefix[60], name[100];
        snprintf(prefix, sizeof prefix, "model.layers.%zu.self_attn.", i);
        for (size_t j = 0; j < 3; j++)
            add_linear(d, prefix, square[j], HIDDEN, HIDDEN);
        snprintf(name, sizeof name, "%so_proj.weight", prefix);
        add(d, name, "F32", HIDDEN, HIDDEN);
        for (size_t j = 0; j < 2; j++) {
            snprintf(name, sizeof name, "model.layers.%zu.%s.weight", i, norms[j]);
            add(d, name, "F32", 1, HIDDEN);
            snprintf(name, sizeof name, "model.layers.%zu.mlp.%s.weight", i,
                     j == 0 ? "gate_proj" : "up_proj");
            add(d, name, "F32", INTER, HIDDEN);
        }
        snprintf(name, sizeof name, "model.layers.%zu.mlp.down_proj.weight", i);
        add(d, name, "F32", HIDDEN, INTER);
    }
    add(d, "model.norm.weight", "F32", 1, HIDDEN);
    add_linear(d, "", "score.0", HIDDEN, HIDDEN);
    add_linear(d, "", "score.2", 1, HIDDEN);
}

static void the_tower_for_images_is_left_out_by_its_name_alone(void **state)
{
    (void)state;
    loaded l;
    wn_config c = config_of(M0, WN_KIND_CROSS_ENCODER);
    c.gate = WN_GATE_FIRST;
    c.rope_base = 10000;
    draft d = {0};
    add_text_half(&d);
    add(&d, "visual.blocks.0.attn.qkv.weight", "F32", 3, 5);
    add(&d, "visual.patch_embed.proj.weight", "F32", 2, 7);
    assert_ok(load(&l, &d, &c), &err);
    unload(&l);
    d = (draft){0};
    add_text_half(&d);
    add(&d, "visualize.weight", "F32", 3, 5);
    refuses(&d, &c, WN_ERR_FORMAT, "1 mistake: tensor 'visualize.weight' is unknown");
    d = (draft){0};
    add_text_half(&d);
    add(&d, "model.visual.weight", "F32", 3, 5);
    refuses(&d, &c, WN_ERR_FORMAT, "1 mistake: tensor 'model.visual.weight' is unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bert_loads_with_and_without_prefix_and_in_the_legacy_spelling),
        cmocka_unit_test(roberta_head_has_its_own_names),
        cmocka_unit_test(flash_layout_has_one_matrix_for_query_key_and_value),
        cmocka_unit_test(tensors_that_no_pass_reads_are_ignored_and_unknown_ones_named),
        cmocka_unit_test(every_missing_or_odd_tensor_is_told_at_once),
        cmocka_unit_test(matrices_of_layers_may_be_i8_with_scales_and_factors),
        cmocka_unit_test(scales_that_are_missing_odd_or_no_scales_are_named),
        cmocka_unit_test(scales_of_other_weights_are_unknown),
        cmocka_unit_test(the_tower_for_images_is_left_out_by_its_name_alone),
        cmocka_unit_test(late_interaction_takes_its_width_from_the_projection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
