/* The table of families, and telling from config.json which one a model is of: by what a family
 * claims, by model_type, by the name of its class; never by the directory's name.  What no family
 * computes is refused here by name. */
#include "model/family.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define WN_WHERE "model/family"

#define CONFIG_FILE "config.json"

#define BERT_CODE                                                                                  \
    .configure = wn_bert_configure, .lay_out = wn_bert_lay_out, .forward = wn_bert_forward
#define ROBERTA_CODE                                                                               \
    .type_vocab = 2, .pad_id = 1, .skips_pads = true, .late = &colbert_habits,                     \
    .configure = wn_bert_configure, .lay_out = wn_roberta_lay_out, .forward = wn_bert_forward

/* Stanford's, and jina-colbert-v2's as its card and other programs run it. */
static const wn_late_habits colbert_habits = {"[unused0]", "[unused1]", false, false};
static const wn_late_habits jina_v2_habits = {"[QueryMarker]", "[DocumentMarker]", true, true};

/* Both references read 8,192 tokens; that of mxbai-rerank does not count what is around the texts:
 * 24 before them, 55 behind. */
#define QWEN3_PAIR_TOKENS 8192
#define MXBAI_PAIR_TOKENS (8192 + 79)

/* compute_score() of jina-reranker-m0's own code: a query and a document have so many tokens of
 * their own, and 4 of the words in front of them; a document has one behind it. */
#define M0_PAIR_TOKENS  10240
#define M0_QUERY_TOKENS (512 + 4)
#define M0_DOC_TOKENS   (10240 - 512 + 5)

/* FlagEmbedding's reranker for language models, the words in front of both texts included; the pair
 * has a limit of its own, see rank/prompt.c. */
#define GEMMA_QUERY_TOKENS 384
#define GEMMA_DOC_TOKENS   512

/* Of jina-reranker-v3, whose reference reads up to 131,072 at once. */
#define BLOCK_TOKENS 16384

/* Those that claim first.  Classes of neighbours that share their code are one layout, so that the
 * class may come from one of them: camembert's from roberta, say. */
static const wn_family families[] = {
    {.name = "xlm-roberta-flash",
     .model_type = "",
     .class_prefix = "XLMRoberta",
     .claims = wn_flash_claims,
     .type_vocab = 1,
     .pad_id = 1,
     .skips_pads = true,
     .pair_tokens = 1024, /* of rerank() in jina-reranker-v2's own code */
     .has_tasks = true,   /* jina-embeddings-v3 */
     .late = &jina_v2_habits,
     .configure = wn_flash_configure,
     .lay_out = wn_flash_lay_out,
     .forward = wn_bert_forward},
    {.name = "jina-bert-qk-norm",
     .model_type = "",
     .class_prefix = "JinaBert",
     .other_prefix = "Bert",
     .claims = wn_jina_bert_qk_claims,
     .type_vocab = 2,
     .has_types = true,
     .configure = wn_jina_bert_qk_configure,
     .lay_out = wn_jina_bert_qk_lay_out,
     .forward = wn_jina_bert_qk_forward},
    {.name = "jina-bert",
     .model_type = "",
     .class_prefix = "JinaBert",
     .other_prefix = "Bert",
     .claims = wn_jina_bert_claims,
     .type_vocab = 2,
     .has_types = true,
     .late = &colbert_habits, /* jina-colbert-v1 */
     .configure = wn_jina_bert_configure,
     .lay_out = wn_jina_bert_lay_out,
     .forward = wn_bert_forward},
    {.name = "bert",
     .model_type = "bert",
     .class_prefix = "Bert",
     .type_vocab = 2,
     .has_types = true,
     .late = &colbert_habits,
     BERT_CODE},
    {.name = "xlm-roberta",
     .model_type = "xlm-roberta",
     .class_prefix = "XLMRoberta",
     ROBERTA_CODE},
    {.name = "new",
     .model_type = "new",
     .class_prefix = "New",
     .type_vocab = 1,
     .may_lack_types = true,
     .configure = wn_new_model_configure,
     .lay_out = wn_new_model_lay_out,
     .forward = wn_bert_forward},
    {.name = "roberta", .model_type = "roberta", .class_prefix = "Roberta", ROBERTA_CODE},
    {.name = "camembert", .model_type = "camembert", .class_prefix = "Camembert", ROBERTA_CODE},
    {.name = "distilbert",
     .model_type = "distilbert",
     .class_prefix = "DistilBert",
     .configure = wn_distilbert_configure,
     .lay_out = wn_distilbert_lay_out,
     .forward = wn_bert_forward},
    {.name = "electra",
     .model_type = "electra",
     .class_prefix = "Electra",
     .type_vocab = 2,
     .has_types = true,
     .hidden = 256,
     .n_heads = 4,
     .intermediate = 1024,
     .configure = wn_electra_configure,
     .lay_out = wn_electra_lay_out,
     .forward = wn_bert_forward},
    {.name = "mpnet",
     .model_type = "mpnet",
     .class_prefix = "MPNet",
     .vocab = 30527,
     .pad_id = 1,
     .may_lack_types = true,
     .skips_pads = true,
     .configure = wn_mpnet_configure,
     .lay_out = wn_mpnet_lay_out,
     .forward = wn_bert_forward},
    {.name = "deberta-v2",
     .model_type = "deberta-v2",
     .class_prefix = "DebertaV2",
     .may_lack_types = true,
     .vocab = 128100,
     .hidden = 1536,
     .n_layers = 24,
     .n_heads = 24,
     .intermediate = 6144,
     .norm_eps = 1e-7,
     .configure = wn_deberta_configure,
     .lay_out = wn_deberta_lay_out,
     .forward = wn_bert_forward},
    {.name = "modernbert",
     .model_type = "modernbert",
     .class_prefix = "ModernBert",
     .configure = wn_modernbert_configure,
     .lay_out = wn_modernbert_lay_out,
     .forward = wn_modernbert_forward},
    {.name = "jina-reranker-v3",
     .model_type = "",
     .class_prefix = "Jina",
     .claims = wn_jina_v3_claims,
     .is_decoder = true,
     .pair_tokens = BLOCK_TOKENS,
     .configure = wn_jina_v3_configure,
     .lay_out = wn_qwen3_lay_out,
     .forward = wn_causal_forward},
    {.name = "jina-reranker-m0",
     .model_type = "",
     .class_prefix = "Jina",
     .claims = wn_jina_m0_claims,
     .is_decoder = true,
     .pair_tokens = M0_PAIR_TOKENS,
     .query_tokens = M0_QUERY_TOKENS,
     .doc_tokens = M0_DOC_TOKENS,
     .one_label = true,
     .configure = wn_jina_m0_configure,
     .lay_out = wn_jina_m0_lay_out,
     .forward = wn_causal_forward},
    {.name = "qwen3",
     .model_type = "qwen3",
     .class_prefix = "Qwen3",
     .is_decoder = true,
     .pair_tokens = QWEN3_PAIR_TOKENS,
     .configure = wn_qwen3_configure,
     .lay_out = wn_qwen3_lay_out,
     .forward = wn_causal_forward},
    {.name = "qwen2",
     .model_type = "qwen2",
     .class_prefix = "Qwen2",
     .is_decoder = true,
     .pair_tokens = MXBAI_PAIR_TOKENS,
     .configure = wn_qwen2_configure,
     .lay_out = wn_qwen2_lay_out,
     .forward = wn_causal_forward},
    {.name = "gemma",
     .model_type = "gemma",
     .class_prefix = "Gemma",
     .is_decoder = true,
     .query_tokens = GEMMA_QUERY_TOKENS,
     .doc_tokens = GEMMA_DOC_TOKENS,
     .configure = wn_gemma_configure,
     .lay_out = wn_gemma_lay_out,
     .forward = wn_causal_forward},
};

/* What the ending of a class says about its head. */
typedef struct class
{
    const char *ending;
    wn_kind kind;
    bool is_decoder;
    bool asks; /* it scores by the words that it would go on with */
} class;

static const class classes[] = {
    {"ForSequenceClassification", WN_KIND_CROSS_ENCODER, false, false},
    {"Model", WN_KIND_EMBEDDER, false, false},
    {"ForMaskedLM", WN_KIND_EMBEDDER, false, false},
    {"ForPreTraining", WN_KIND_EMBEDDER, false, false},
    {"ForSequenceClassification", WN_KIND_CROSS_ENCODER, true, false},
    {"ForCausalLM", WN_KIND_CROSS_ENCODER, true, true},
    {"ForRanking", WN_KIND_LISTWISE, true, false},
    {"VLForRanking", WN_KIND_CROSS_ENCODER, true, false},
};

static wn_status read_identity(wn_identity *out, const json_t *json, wn_error *err)
{
    wn_binder b;
    wn_binder_init(&b, json, CONFIG_FILE);
    wn_bind_string(&b, "model_type", &out->model_type, "");
    wn_bind_string(&b, "_name_or_path", &out->name_or_path, "");
    const json_t *list = json_object_get(json, "architectures");
    const json_t *first = json_array_get(list, 0);
    out->architecture = json_is_string(first) ? json_string_value(first) : "";
    if (list != NULL && !json_is_null(list) && !json_is_string(first))
        wn_binder_note(&b, "field 'architectures': is not a list of names");
    const json_t *map = json_object_get(json, "auto_map");
    const json_t *config = json_object_get(map, "AutoConfig");
    out->auto_config = json_is_string(config) ? json_string_value(config) : "";
    return wn_binder_end(&b, err);
}

bool wn_identity_has_tensor(const wn_identity *id, const char *part)
{
    wn_str wanted = wn_str_from(part);
    size_t n = id->tensors == NULL ? 0 : wn_tensors_count(id->tensors);
    for (size_t i = 0; i < n; i++) {
        wn_str name = wn_tensors_at(id->tensors, i)->name;
        for (size_t at = 0; at + wanted.len <= name.len; at++) {
            if (memcmp(name.ptr + at, wanted.ptr, wanted.len) == 0)
                return true;
        }
    }
    return false;
}

/* The names of all model types, for a message. */
static void list_types(char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < WN_ARRAY_LEN(families) && at < size; i++) {
        if (families[i].model_type[0] != '\0')
            at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "",
                                   families[i].model_type);
    }
}

static bool is_of(const wn_family *family, const wn_identity *id)
{
    if (family->claims != NULL)
        return family->claims(id);
    if (id->model_type[0] != '\0')
        return strcmp(id->model_type, family->model_type) == 0;
    return wn_str_starts(wn_str_from(id->architecture), wn_str_from(family->class_prefix));
}

/* The row of an identity. */
static wn_status find_row(const wn_family **out, const wn_identity *id, wn_error *err)
{
    char types[400];
    for (size_t i = 0; i < WN_ARRAY_LEN(families); i++) {
        if (is_of(&families[i], id)) {
            *out = &families[i];
            return WN_OK;
        }
    }
    list_types(types, sizeof types);
    if (id->model_type[0] != '\0')
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: model_type '%.100s' is not supported; supported are %s", CONFIG_FILE,
                id->model_type, types);
    WN_FAIL(err, WN_ERR_UNSUPPORTED,
            "%s: neither model_type nor auto_map nor architectures ('%.100s') name a family "
            "that is supported",
            CONFIG_FILE, id->architecture);
}

/* What the ending of a class says, when a prefix stands before it; NULL: nothing. */
static const class *class_of(wn_str name, const char *prefix, bool is_decoder)
{
    wn_str start = wn_str_from(prefix == NULL ? "" : prefix);
    if (start.len == 0 || !wn_str_starts(name, start))
        return NULL;
    wn_str ending = wn_str_slice(name, start.len, name.len);
    for (size_t i = 0; i < WN_ARRAY_LEN(classes); i++) {
        if (classes[i].is_decoder == is_decoder &&
            wn_str_equal(ending, wn_str_from(classes[i].ending)))
            return &classes[i];
    }
    return NULL;
}

/* The class agrees with the family, and its ending tells whether there is a head.  Without a class
 * a directory of sentence-transformers modules is an embedder, any other one has a head. */
static wn_status read_class(wn_config *config, const wn_identity *id, bool has_modules,
                            wn_error *err)
{
    wn_str name = wn_str_from(id->architecture);
    config->kind = has_modules ? WN_KIND_EMBEDDER : WN_KIND_CROSS_ENCODER;
    if (name.len == 0)
        return WN_OK;
    for (size_t i = 0; i < WN_ARRAY_LEN(families); i++) {
        const wn_family *family = &families[i];
        bool is_decoder = config->family->is_decoder;
        const class *found = class_of(name, family->class_prefix, is_decoder);
        found = found != NULL ? found : class_of(name, family->other_prefix, is_decoder);
        if (family->lay_out == config->family->lay_out && found != NULL) {
            config->kind = found->kind;
            config->asks = found->asks;
            return WN_OK;
        }
    }
    WN_FAIL(err, WN_ERR_UNSUPPORTED,
            "%s: architecture '%.100s' of a %s model is not supported; supported are its classes "
            "ForSequenceClassification and %s",
            CONFIG_FILE, id->architecture, config->family_name,
            config->family->is_decoder ? "ForCausalLM" : "Model");
}

wn_status wn_family_find(wn_config *config, const json_t *json, const wn_model_files *files,
                         wn_error *err)
{
    wn_identity id;
    WN_TRY(read_identity(&id, json, err));
    id.tensors = files->tensors;
    WN_TRY(find_row(&config->family, &id, err));
    config->family_name = config->family->name;
    if (strcmp(id.architecture, "HF_ColBERT") != 0) {
        config->has_types = config->family->has_types;
        return read_class(config, &id, files->modules.ptr != NULL, err);
    }
    if (config->family->late == NULL)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: HF_ColBERT over %s is not supported", CONFIG_FILE,
                config->family_name);
    config->kind = WN_KIND_LATE_INTERACTION;
    config->family_name = "colbert";
    return WN_OK;
}
