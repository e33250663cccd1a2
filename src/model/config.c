/* Reading a model directory's configuration.  The family comes from architectures, model_type,
 * auto_map and _name_or_path, because JinaBERT calls itself "bert" and jina-reranker-v2 has no
 * model_type at all.  Whatever would be computed wrongly is refused by name.
 * Source: transformers configuration_bert.py, configuration_xlm_roberta.py; sentence-transformers
 * CrossEncoder; stanford-futuredata/ColBERT settings.py. */
#include "model/config.h"
#include "base/str.h"
#include "data/json_bind.h"

#include <math.h>

#define WN_WHERE      "model/config"
#define WIDTH_MAX     65536
#define VOCAB_MAX     (1 << 24)
#define POSITIONS_MAX (1 << 20)

/* What a model_type means, and the defaults of its configuration class. */
typedef struct family_row {
    const char *model_type;
    wn_family family;
    const char *name;
    int64_t type_vocab, pad_id;
} family_row;

static const family_row families[] = {
    {"bert", WN_FAMILY_BERT, "bert", 2, 0},
    {"xlm-roberta", WN_FAMILY_XLM_ROBERTA, "xlm-roberta", 2, 1},
    {"roberta", WN_FAMILY_XLM_ROBERTA, "roberta", 2, 1},
    {"camembert", WN_FAMILY_XLM_ROBERTA, "camembert", 2, 1},
};
static const family_row flash_family = {"", WN_FAMILY_XLM_ROBERTA, "xlm-roberta-flash", 1, 1};

static const struct {
    const char *name;
    wn_act act;
} activations[] = {
    {"gelu", WN_ACT_GELU},
    {"gelu_python", WN_ACT_GELU},
    {"gelu_new", WN_ACT_GELU_TANH},
    {"gelu_fast", WN_ACT_GELU_TANH},
    {"gelu_pytorch_tanh", WN_ACT_GELU_TANH},
    {"relu", WN_ACT_RELU},
    {"silu", WN_ACT_SILU},
    {"swish", WN_ACT_SILU},
};

static const char *string_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

/* Does a value, or any string inside an object, contain the text? */
static bool mentions(const json_t *value, const char *text)
{
    if (json_is_string(value))
        return strstr(json_string_value(value), text) != NULL;
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        if (json_is_string(member) && strstr(json_string_value(member), text) != NULL)
            return true;
    }
    return false;
}

static bool comes_from(const json_t *config, const char *text)
{
    return mentions(json_object_get(config, "_name_or_path"), text) ||
           mentions(json_object_get(config, "auto_map"), text);
}

static wn_status find_family(const family_row **out, const json_t *config, wn_error *err)
{
    if (comes_from(config, "jina-bert") ||
        strcmp(string_at(config, "position_embedding_type"), "alibi") == 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "config.json: this is a JinaBERT model (ALiBi positions), which is not supported");
    const char *type = string_at(config, "model_type");
    if (type[0] == '\0' && comes_from(config, "XLMRobertaFlashConfig")) {
        *out = &flash_family;
        return WN_OK;
    }
    for (size_t i = 0; i < WN_ARRAY_LEN(families); i++) {
        if (strcmp(families[i].model_type, type) == 0) {
            *out = &families[i];
            return WN_OK;
        }
    }
    if (type[0] == '\0')
        WN_FAIL(
            err, WN_ERR_UNSUPPORTED,
            "config.json: no model_type and no auto_map that is known, so the family is unknown");
    WN_FAIL(err, WN_ERR_UNSUPPORTED,
            "config.json: model_type '%.60s' is not supported; supported are bert, xlm-roberta, "
            "roberta, camembert",
            type);
}

/* Head or not, and late interaction, from architectures. */
static wn_status read_architecture(wn_config *c, const json_t *config, wn_error *err)
{
    const json_t *list = json_object_get(config, "architectures");
    const char *name = json_string_value(json_array_get(list, 0));
    if (name == NULL)
        return WN_OK;
    wn_str s = wn_str_from(name);
    if (wn_str_equal(s, WN_STR("HF_ColBERT"))) {
        if (c->family != WN_FAMILY_BERT)
            WN_FAIL(err, WN_ERR_UNSUPPORTED, "config.json: HF_ColBERT over '%s', supported is bert",
                    c->family_name);
        c->family = WN_FAMILY_COLBERT;
        c->family_name = "colbert";
    } else if (wn_str_ends(s, WN_STR("ForSequenceClassification"))) {
        c->has_head = true;
    } else if (!wn_str_ends(s, WN_STR("Model")) && !wn_str_ends(s, WN_STR("ForMaskedLM")) &&
               !wn_str_ends(s, WN_STR("ForPreTraining"))) {
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "config.json: architecture '%.60s' is neither a cross-encoder "
                "(ForSequenceClassification), an encoder (Model) nor HF_ColBERT",
                name);
    }
    return WN_OK;
}

static void read_act(wn_config *c, wn_binder *b, const char **unknown)
{
    const char *name;
    wn_bind_string(b, "hidden_act", &name, "gelu");
    for (size_t i = 0; i < WN_ARRAY_LEN(activations); i++) {
        if (strcmp(activations[i].name, name) == 0) {
            c->act = activations[i].act;
            return;
        }
    }
    *unknown = name;
}

static void read_widths(wn_config *c, const family_row *row, wn_binder *b)
{
    int64_t layers, hidden, heads, inter, vocab, types, positions, pad;
    wn_bind_int(b, "num_hidden_layers", &layers, 1, 1024, 12);
    wn_bind_int(b, "hidden_size", &hidden, 1, WIDTH_MAX, 768);
    wn_bind_int(b, "num_attention_heads", &heads, 1, 1024, 12);
    wn_bind_int(b, "intermediate_size", &inter, 1, WIDTH_MAX, 3072);
    wn_bind_int(b, "vocab_size", &vocab, 1, VOCAB_MAX, 30522);
    wn_bind_int(b, "type_vocab_size", &types, 0, 256, row->type_vocab);
    wn_bind_int(b, "max_position_embeddings", &positions, 8, POSITIONS_MAX, 512);
    wn_bind_int(b, "pad_token_id", &pad, 0, VOCAB_MAX, row->pad_id);
    wn_bind_double(b, "layer_norm_eps", &c->norm_eps, 0, 1, 1e-12);
    if (hidden % heads != 0)
        wn_binder_note(b, "hidden_size %lld is not a multiple of num_attention_heads %lld",
                       (long long)hidden, (long long)heads);
    c->n_layers = (size_t)layers;
    c->hidden = (size_t)hidden;
    c->n_heads = (size_t)heads;
    c->head_dim = (size_t)(hidden / heads);
    c->intermediate = (size_t)inter;
    c->vocab = (size_t)vocab;
    c->type_vocab = (size_t)types;
    c->max_positions = (size_t)positions;
    c->pad_id = (int32_t)pad;
    c->position_offset = row->family == WN_FAMILY_XLM_ROBERTA ? (size_t)pad + 1 : 0;
    if (c->position_offset + 8 > c->max_positions)
        wn_binder_note(b, "max_position_embeddings %zu leaves no room behind pad_token_id %lld",
                       c->max_positions, (long long)pad);
}

/* transformers derives the number of labels from id2label, then num_labels, else 2. */
static size_t label_count(const json_t *config)
{
    const json_t *map = json_object_get(config, "id2label");
    if (json_is_object(map))
        return json_object_size(map);
    const json_t *n = json_object_get(config, "num_labels");
    return json_is_integer(n) && json_integer_value(n) >= 0 ? (size_t)json_integer_value(n) : 2;
}

static wn_status check_supported(const wn_config *c, const json_t *config, const char *unknown_act,
                                 wn_error *err)
{
    if (unknown_act != NULL)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "config.json: hidden_act '%.60s' is not supported",
                unknown_act);
    const char *positions = string_at(config, "position_embedding_type");
    if (positions[0] != '\0' && strcmp(positions, "absolute") != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "config.json: position_embedding_type '%.60s' is not supported, only 'absolute'",
                positions);
    if (json_is_true(json_object_get(config, "is_decoder")))
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "config.json: is_decoder is true, expected an encoder");
    if (c->has_head && label_count(config) != 1)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "config.json: the head has %zu labels, a reranker has exactly 1",
                label_count(config));
    return WN_OK;
}

/* The activation that sentence-transformers would apply: a dotted Python class name. */
static wn_status read_score_rule(wn_config *c, const json_t *config, const json_t *st,
                                 wn_error *err)
{
    if (c->family == WN_FAMILY_COLBERT || !c->has_head) {
        c->score_rule = c->family == WN_FAMILY_COLBERT ? WN_SCORE_MEAN : WN_SCORE_COSINE;
        return WN_OK;
    }
    const json_t *nested = json_object_get(config, "sentence_transformers");
    const char *names[] = {
        string_at(nested, "activation_fn"),
        string_at(config, "sbert_ce_default_activation_function"),
        string_at(st, "activation_fn"),
    };
    c->score_rule = WN_SCORE_SIGMOID;
    for (size_t i = 0; i < WN_ARRAY_LEN(names); i++) {
        wn_str name = wn_str_from(names[i]);
        if (name.len == 0)
            continue;
        if (wn_str_ends(name, WN_STR("Identity")))
            c->score_rule = WN_SCORE_IDENTITY;
        else if (!wn_str_ends(name, WN_STR("Sigmoid")))
            WN_FAIL(err, WN_ERR_UNSUPPORTED,
                    "the activation function '%.80s' of the scores is not supported, only Sigmoid "
                    "and Identity",
                    names[i]);
        return WN_OK;
    }
    return WN_OK;
}

/* Tokens that a file allows, when it says something sensible (1e30 means "no limit"). */
static void lower_limit(size_t *limit, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        return;
    double n = json_number_value(value);
    if (n >= 8 && n < (double)*limit)
        *limit = (size_t)n;
}

static wn_status read_pooling(wn_config *c, const json_t *pooling, wn_error *err)
{
    if (pooling == NULL)
        return WN_OK;
    static const char *const others[] = {
        "pooling_mode_max_tokens", "pooling_mode_mean_sqrt_len_tokens",
        "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"};
    for (size_t i = 0; i < WN_ARRAY_LEN(others); i++) {
        if (json_is_true(json_object_get(pooling, others[i])))
            WN_FAIL(err, WN_ERR_UNSUPPORTED, "1_Pooling/config.json: %s is not supported",
                    others[i]);
    }
    bool cls = json_is_true(json_object_get(pooling, "pooling_mode_cls_token"));
    bool mean = json_is_true(json_object_get(pooling, "pooling_mode_mean_tokens"));
    if (cls && mean)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "1_Pooling/config.json: CLS and mean pooling together are not supported");
    c->pool_cls = cls;
    return WN_OK;
}

/* Stanford ColBERT's conventions: [unused0] and [unused1] are ids 1 and 2, queries are filled to 32
 * tokens with [MASK], document vectors of punctuation are dropped. */
static wn_status read_colbert(wn_config *c, const json_t *metadata, wn_error *err)
{
    wn_binder b;
    int64_t dim, query_max, doc_max;
    bool attend, skip;
    wn_binder_init(&b, metadata, "artifact.metadata");
    wn_bind_int(&b, "dim", &dim, 1, WIDTH_MAX, 0);
    wn_bind_int(&b, "query_maxlen", &query_max, 8, (int64_t)c->max_tokens, 32);
    wn_bind_int(&b, "doc_maxlen", &doc_max, 8, POSITIONS_MAX, 512);
    wn_bind_bool(&b, "attend_to_mask_tokens", &attend, false);
    wn_bind_bool(&b, "mask_punctuation", &skip, true);
    WN_TRY(wn_binder_end(&b, err));
    c->late = (wn_late_config){
        .dim = (size_t)dim,
        .query_marker = 1,
        .doc_marker = 2,
        .cls_id = -1,
        .sep_id = -1,
        .mask_id = -1,
        .max_query_tokens = (size_t)query_max,
        .max_doc_tokens = WN_MIN(c->max_tokens, (size_t)512),
        .query_pad_to = (size_t)query_max,
        .attend_to_mask = attend,
        .query_normalize = true,
        .doc_normalize = true,
        .skip_punctuation = skip,
    };
    return WN_OK;
}

/* The "winnow" object of config.json: our own late-interaction models. */
static wn_status read_winnow(wn_config *c, const json_t *config, wn_error *err)
{
    const json_t *own = json_object_get(config, "winnow");
    const json_t *calibration = json_object_get(own, "calibration");
    int64_t dim, query_max, doc_max, ids[4];
    const char *scoring, *weight;
    wn_binder b;
    wn_binder_init(&b, config, "config.json");
    wn_bind_int(&b, "dim", &dim, 1, WIDTH_MAX, 0);
    WN_TRY(wn_binder_end(&b, err));
    wn_binder_init(&b, own, "config.json 'winnow'");
    int64_t longest = (int64_t)c->max_tokens, vocab = (int64_t)c->vocab;
    static const char *const id_keys[] = {"cls_id", "sep_id", "query_prefix_id", "doc_prefix_id"};
    for (size_t i = 0; i < 4; i++)
        wn_bind_int_required(&b, id_keys[i], &ids[i], 0, vocab - 1);
    wn_bind_int(&b, "max_query_tokens", &query_max, 8, longest, WN_MIN(longest, 128));
    wn_bind_int(&b, "max_doc_tokens", &doc_max, 8, longest, longest);
    wn_bind_string(&b, "scoring", &scoring, "maxsim");
    wn_bind_string(&b, "token_weight", &weight, "");
    if (strcmp(scoring, "maxsim") != 0)
        wn_binder_note(&b, "field 'scoring': is '%.40s', expected 'maxsim'", scoring);
    if (weight[0] != '\0' && strcmp(weight, "token_weight") != 0)
        wn_binder_note(&b, "field 'token_weight': is '%.40s', expected 'token_weight'", weight);
    c->late = (wn_late_config){
        .dim = (size_t)dim,
        .cls_id = (int32_t)ids[0],
        .sep_id = (int32_t)ids[1],
        .query_marker = (int32_t)ids[2],
        .doc_marker = (int32_t)ids[3],
        .mask_id = -1,
        .max_query_tokens = (size_t)query_max,
        .max_doc_tokens = (size_t)doc_max,
        .token_weight = weight[0] != '\0',
    };
    wn_bind_bool(&b, "query_normalize", &c->late.query_normalize, true);
    wn_bind_bool(&b, "doc_normalize", &c->late.doc_normalize, true);
    WN_TRY(wn_binder_end(&b, err));
    if (calibration == NULL)
        return WN_OK;
    wn_binder_init(&b, calibration, "config.json 'winnow.calibration'");
    wn_bind_double(&b, "a", &c->late.calibration_a, 0, 1e6, 1);
    wn_bind_double(&b, "b", &c->late.calibration_b, -1e6, 1e6, 0);
    c->score_rule = WN_SCORE_CALIBRATED;
    return wn_binder_end(&b, err);
}

/* The parsed files; NULL where a file is not there. */
typedef struct documents {
    json_t *config, *tokenizer, *st, *sbert, *pooling, *colbert;
} documents;

static void documents_deinit(documents *d)
{
    json_t *all[] = {d->config, d->tokenizer, d->st, d->sbert, d->pooling, d->colbert};
    for (size_t i = 0; i < WN_ARRAY_LEN(all); i++)
        json_decref(all[i]);
}

static wn_status documents_parse(documents *d, const wn_model_files *files, wn_error *err)
{
    const struct {
        json_t **out;
        wn_str text;
        const char *name;
    } all[] = {
        {&d->config, files->config, "config.json"},
        {&d->tokenizer, files->tokenizer_config, "tokenizer_config.json"},
        {&d->st, files->sentence_transformers, "config_sentence_transformers.json"},
        {&d->sbert, files->sentence_bert_config, "sentence_bert_config.json"},
        {&d->pooling, files->pooling, "1_Pooling/config.json"},
        {&d->colbert, files->colbert_metadata, "artifact.metadata"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(all); i++) {
        if (all[i].text.ptr == NULL)
            continue;
        WN_TRY(wn_json_parse(all[i].out, all[i].text, all[i].name, err));
        if (!json_is_object(*all[i].out))
            WN_FAIL(err, WN_ERR_FORMAT, "%s: the document is not an object", all[i].name);
    }
    if (d->config == NULL)
        WN_FAIL(err, WN_ERR_FORMAT, "config.json is missing");
    return WN_OK;
}

static wn_status read_limits(wn_config *c, const documents *d, wn_error *err)
{
    c->max_tokens = c->max_positions - c->position_offset;
    lower_limit(&c->max_tokens, d->tokenizer, "model_max_length");
    if (!c->has_head)
        lower_limit(&c->max_tokens, d->sbert, "max_seq_length");
    c->window_overlap = 80;
    if (c->is_flash && c->has_head) {
        c->windows_by_reference = true;
        c->max_query_tokens = c->max_tokens / 2;
    }
    if (c->family != WN_FAMILY_COLBERT)
        return c->has_head ? WN_OK : read_pooling(c, d->pooling, err);
    if (json_is_object(json_object_get(d->config, "winnow")))
        return read_winnow(c, d->config, err);
    return read_colbert(c, d->colbert, err);
}

static wn_status read_all(wn_config *c, const documents *d, wn_error *err)
{
    const family_row *row = NULL;
    WN_TRY(find_family(&row, d->config, err));
    c->family = row->family;
    c->family_name = row->name;
    c->is_flash = row == &flash_family;
    WN_TRY(read_architecture(c, d->config, err));
    const char *unknown_act = NULL;
    wn_binder b;
    wn_binder_init(&b, d->config, "config.json");
    read_widths(c, row, &b);
    read_act(c, &b, &unknown_act);
    WN_TRY(wn_binder_end(&b, err));
    WN_TRY(check_supported(c, d->config, unknown_act, err));
    WN_TRY(read_score_rule(c, d->config, d->st, err));
    return read_limits(c, d, err);
}

wn_status wn_config_parse(wn_config *out, const wn_model_files *files, wn_error *err)
{
    documents d = {0};
    wn_config config = {0};
    wn_status status = documents_parse(&d, files, err);
    if (status == WN_OK)
        status = read_all(&config, &d, err);
    documents_deinit(&d);
    if (status == WN_OK)
        *out = config;
    return status;
}
