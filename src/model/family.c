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
    .type_vocab = 2, .pad_id = 1, .skips_pads = true, .configure = wn_bert_configure,              \
    .lay_out = wn_roberta_lay_out, .forward = wn_bert_forward

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
     .configure = wn_bert_configure,
     .lay_out = wn_flash_lay_out,
     .forward = wn_bert_forward},
    {.name = "bert",
     .model_type = "bert",
     .class_prefix = "Bert",
     .type_vocab = 2,
     .has_types = true,
     BERT_CODE},
    {.name = "xlm-roberta",
     .model_type = "xlm-roberta",
     .class_prefix = "XLMRoberta",
     ROBERTA_CODE},
    {.name = "roberta", .model_type = "roberta", .class_prefix = "Roberta", ROBERTA_CODE},
    {.name = "camembert", .model_type = "camembert", .class_prefix = "Camembert", ROBERTA_CODE},
};

/* What the ending of a class says about its head. */
static const struct {
    const char *ending;
    wn_kind kind;
} classes[] = {
    {"ForSequenceClassification", WN_KIND_CROSS_ENCODER},
    {"Model", WN_KIND_EMBEDDER},
    {"ForMaskedLM", WN_KIND_EMBEDDER},
    {"ForPreTraining", WN_KIND_EMBEDDER},
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

/* JinaBERT calls itself "bert", but has ALiBi instead of positions and a gated feed-forward. */
static wn_status refuse_look_alikes(const wn_identity *id, wn_error *err)
{
    static const char *const origins[] = {"jina-bert-implementation", "jina-bert-v2-qk-post-norm"};
    bool is_jina_bert =
        strstr(id->auto_config, "JinaBert") != NULL || strstr(id->architecture, "JinaBert") != NULL;
    for (size_t i = 0; i < WN_ARRAY_LEN(origins); i++)
        is_jina_bert |= strstr(id->name_or_path, origins[i]) != NULL ||
                        strstr(id->auto_config, origins[i]) != NULL;
    if (is_jina_bert)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: this is a JinaBERT model (ALiBi positions, gated feed-forward), which is not "
                "supported",
                CONFIG_FILE);
    return WN_OK;
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
    char types[200];
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
        wn_str prefix = wn_str_from(families[i].class_prefix);
        if (families[i].lay_out != config->family->lay_out || !wn_str_starts(name, prefix))
            continue;
        wn_str ending = wn_str_slice(name, prefix.len, name.len);
        for (size_t j = 0; j < WN_ARRAY_LEN(classes); j++) {
            if (wn_str_equal(ending, wn_str_from(classes[j].ending))) {
                config->kind = classes[j].kind;
                return WN_OK;
            }
        }
    }
    WN_FAIL(err, WN_ERR_UNSUPPORTED,
            "%s: architecture '%.100s' of a %s model is not supported; supported are its classes "
            "ForSequenceClassification and Model, and HF_ColBERT over bert",
            CONFIG_FILE, id->architecture, config->family_name);
}

wn_status wn_family_find(wn_config *config, const json_t *json, bool has_modules, wn_error *err)
{
    wn_identity id;
    WN_TRY(read_identity(&id, json, err));
    WN_TRY(refuse_look_alikes(&id, err));
    WN_TRY(find_row(&config->family, &id, err));
    config->family_name = config->family->name;
    if (strcmp(id.architecture, "HF_ColBERT") != 0) {
        config->has_types = config->family->has_types;
        return read_class(config, &id, has_modules, err);
    }
    if (strcmp(config->family->name, "bert") != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: HF_ColBERT over %s is not supported, only over bert",
                CONFIG_FILE, config->family_name);
    config->kind = WN_KIND_LATE_INTERACTION;
    config->family_name = "colbert";
    return WN_OK;
}
