/* See config_parts.h.  The modules that sentence-transformers puts behind the pooling of
 * a cross-encoder, as of ettin rerankers: Dense and LayerNorm, each in a folder of its own.  They
 * become the head z = out(norm(act(dense h))); a chain that is not of this form is refused.
 * Source: sentence-transformers 6.2 base/modules/dense.py, sentence_transformer/modules/
 * layer_norm.py. */
#include "model/config_parts.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define WN_WHERE "model/config"

/* The class behind the last dot of its path in torch.nn, and the activation that it is. */
static const struct {
    const char *name;
    wn_act act;
} activations[] = {
    {"Identity", WN_ACT_NONE}, {"GELU", WN_ACT_GELU}, {"Tanh", WN_ACT_TANH},
    {"ReLU", WN_ACT_RELU},     {"SiLU", WN_ACT_SILU},
};

/* A folder of this directory, not a way out of it. */
static bool is_plain_folder(wn_str path)
{
    if (path.len == 0 || path.len > WN_FOLDER_MAX || path.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '/' || path.ptr[i] == '\\' || (unsigned char)path.ptr[i] < 0x20)
            return false;
    }
    return true;
}

wn_status wn_config_list_folders(wn_folders *out, wn_str modules, wn_error *err)
{
    json_t *json = NULL;
    *out = (wn_folders){.n = 0};
    if (modules.ptr == NULL)
        return WN_OK;
    WN_TRY(wn_json_parse(&json, modules, "modules.json", err));
    for (size_t i = 0; i < json_array_size(json) && out->n < WN_MODULES_MAX; i++) {
        const json_t *path = json_object_get(json_array_get(json, i), "path");
        wn_str name = {json_string_value(path), json_string_length(path)};
        char *folder = out->at[out->n++];
        if (json_is_string(path) && is_plain_folder(name))
            memcpy(folder, name.ptr, name.len);
    }
    json_decref(json);
    return WN_OK;
}

/* ---- one module ------------------------------------------------------------------------------ */

/* What a Dense module's config.json says. */
typedef struct dense_fields {
    size_t in, out;
    bool has_bias, adds_input;
    const char *activation, *input, *output;
} dense_fields;

static void set_module(wn_module *out, const char *folder, const char *weights, bool has_bias)
{
    snprintf(out->folder, sizeof out->folder, "%s", folder);
    snprintf(out->name, sizeof out->name, "%s.%s", folder, weights);
    out->has_bias = has_bias;
}

static wn_status bind_dense(dense_fields *out, const wn_config *config, const json_t *json,
                            const char *name, wn_error *err)
{
    wn_binder b;
    wn_binder_init(&b, json, name);
    wn_bind_size(&b, "in_features", &out->in, 1, WN_HIDDEN_MAX, config->hidden);
    wn_bind_size(&b, "out_features", &out->out, 1, WN_HIDDEN_MAX, config->hidden);
    wn_bind_bool(&b, "bias", &out->has_bias, true);
    wn_bind_bool(&b, "use_residual", &out->adds_input, false);
    wn_bind_string(&b, "activation_function", &out->activation, "torch.nn.modules.activation.Tanh");
    wn_bind_string(&b, "module_input_name", &out->input, "sentence_embedding");
    wn_bind_string(&b, "module_output_name", &out->output, out->input);
    if (out->in != config->hidden)
        wn_binder_note(&b, "field 'in_features': is %zu, hidden_size is %zu", out->in,
                       config->hidden);
    return wn_binder_end(&b, err);
}

static wn_status find_activation(wn_act *out, const char *path, const char *name, wn_error *err)
{
    const char *dot = strrchr(path, '.');
    const char *class = dot == NULL ? path : dot + 1;
    for (size_t i = 0; i < WN_ARRAY_LEN(activations); i++) {
        if (strncmp(path, "torch.", 6) == 0 && strcmp(class, activations[i].name) == 0) {
            *out = activations[i].act;
            return WN_OK;
        }
    }
    WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: activation_function '%.100s' is not supported", name,
            path);
}

/* One output is the score, as many as there are inputs the layer before it. */
static wn_status add_dense(wn_config *config, const char *folder, const json_t *json,
                           const char *name, wn_error *err)
{
    wn_module_head *head = &config->modules;
    dense_fields f;
    wn_act act = WN_ACT_NONE;
    WN_TRY(bind_dense(&f, config, json, name, err));
    WN_TRY(find_activation(&act, f.activation, name, err));
    bool is_last = f.out == 1;
    const char *output = is_last && strcmp(f.output, "scores") == 0 ? f.input : f.output;
    if (strcmp(f.input, "sentence_embedding") != 0 || strcmp(output, f.input) != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: reads '%.50s' and writes '%.50s', expected 'sentence_embedding'", name,
                f.input, f.output);
    if (f.adds_input)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: 'use_residual' is set, which is not supported", name);
    if (is_last && act != WN_ACT_NONE)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: activation_function '%.100s' of the score is not supported, only Identity",
                name, f.activation);
    if (!is_last && f.out != config->hidden)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: out_features %zu is not supported, only 1 and hidden_size, %zu", name, f.out,
                config->hidden);
    if (!is_last && (head->dense.folder[0] != '\0' || head->norm.folder[0] != '\0'))
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "modules.json: '%s' behind '%s' is not supported", folder,
                head->norm.folder[0] != '\0' ? head->norm.folder : head->dense.folder);
    set_module(is_last ? &head->out : &head->dense, folder, "linear", f.has_bias);
    head->act = is_last ? head->act : act;
    return WN_OK;
}

static wn_status add_norm(wn_config *config, const char *folder, const json_t *json,
                          const char *name, wn_error *err)
{
    wn_module_head *head = &config->modules;
    size_t width;
    wn_binder b;
    wn_binder_init(&b, json, name);
    wn_bind_size(&b, "dimension", &width, 1, WN_HIDDEN_MAX, config->hidden);
    if (width != config->hidden)
        wn_binder_note(&b, "field 'dimension': is %zu, hidden_size is %zu", width, config->hidden);
    WN_TRY(wn_binder_end(&b, err));
    if (head->norm.folder[0] != '\0')
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "modules.json: '%s' behind '%s' is not supported", folder,
                head->norm.folder);
    set_module(&head->norm, folder, "norm", true);
    return WN_OK;
}

wn_status wn_config_add_module(wn_config *config, const char *type, const char *path, wn_str text,
                               wn_error *err)
{
    char name[WN_FOLDER_MAX + sizeof "/config.json"];
    json_t *json = NULL;
    if (!is_plain_folder(wn_str_from(path)) || config->modules.out.folder[0] != '\0' ||
        config->kind != WN_KIND_EMBEDDER)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "modules.json: %s in '%.100s' is not supported there",
                type, path);
    snprintf(name, sizeof name, "%s/config.json", path);
    if (text.ptr == NULL)
        WN_FAIL(err, WN_ERR_FORMAT, "modules.json names %s, which is missing", name);
    WN_TRY(wn_config_object(&json, text, name, err));
    wn_status status = strcmp(type, "Dense") == 0 ? add_dense(config, path, json, name, err)
                                                  : add_norm(config, path, json, name, err);
    json_decref(json);
    return status;
}

wn_status wn_config_end_modules(wn_config *config, wn_error *err)
{
    const wn_module_head *head = &config->modules;
    if (head->out.folder[0] != '\0') {
        config->kind = WN_KIND_CROSS_ENCODER;
        return WN_OK;
    }
    if (head->dense.folder[0] != '\0' || head->norm.folder[0] != '\0')
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "modules.json: '%s' makes vectors, which is not supported; supported are modules "
                "that end in a Dense with one output",
                head->norm.folder[0] != '\0' ? head->norm.folder : head->dense.folder);
    return WN_OK;
}
