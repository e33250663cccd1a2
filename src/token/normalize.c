/* The list of steps behind a normalizer: parsing by a table of types, running in order. */
#include "token/normalize.h"
#include "base/mem.h"
#include "data/unicode.h"
#include "token/component.h"
#include "token/normalize_steps.h"

#include <stdio.h>

#define WN_WHERE     "token/normalize"
#define GROWTH_FLOOR ((size_t)64 << 10)

typedef enum kind {
    KIND_BERT,
    KIND_FORM,
    KIND_LOWERCASE,
    KIND_STRIP_ACCENTS,
    KIND_NMT,
    KIND_STRIP,
    KIND_PREPEND,
    KIND_REPLACE,
    KIND_PRECOMPILED
} kind;

typedef struct step {
    kind kind;
    wn_form form;
    wn_bert bert;
    bool left, right;
    char *content; /* Prepend, Replace */
    size_t content_len;
    wn_pattern *pattern;
    wn_charsmap *map;
} step;

struct wn_normalizer {
    step *steps;
    size_t count, cap;
};

static const struct {
    const char *type;
    kind kind;
    wn_form form;
} types[] = {
    {"BertNormalizer", KIND_BERT, 0},
    {"NFC", KIND_FORM, WN_FORM_NFC},
    {"NFKC", KIND_FORM, WN_FORM_NFKC},
    {"NFD", KIND_FORM, WN_FORM_NFD},
    {"NFKD", KIND_FORM, WN_FORM_NFKD},
    {"Lowercase", KIND_LOWERCASE, 0},
    {"StripAccents", KIND_STRIP_ACCENTS, 0},
    {"Nmt", KIND_NMT, 0},
    {"Strip", KIND_STRIP, 0},
    {"Prepend", KIND_PREPEND, 0},
    {"Replace", KIND_REPLACE, 0},
    {"Precompiled", KIND_PRECOMPILED, 0},
};

/* strip_accents null means "as lowercase". */
static wn_status parse_bert(wn_bert *bert, const wn_fields *component, wn_error *err)
{
    WN_TRY(wn_field_bool(&bert->clean_text, component, "clean_text", WN_REQUIRED, err));
    WN_TRY(wn_field_bool(&bert->handle_chinese_chars, component, "handle_chinese_chars",
                         WN_REQUIRED, err));
    WN_TRY(wn_field_bool(&bert->lowercase, component, "lowercase", WN_REQUIRED, err));
    bert->strip_accents = bert->lowercase;
    WN_TRY(wn_field_bool(&bert->strip_accents, component, "strip_accents", WN_OPTIONAL, err));
    wn_bert_init(bert);
    return WN_OK;
}

static wn_status parse_content(step *s, const wn_fields *component, const char *key, wn_error *err)
{
    wn_str content;
    WN_TRY(wn_field_str(&content, component, key, WN_REQUIRED, err));
    s->content = wn_mem_alloc(content.len, 1);
    if (s->content == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu bytes", content.len);
    memcpy(s->content, content.ptr, content.len);
    s->content_len = content.len;
    return WN_OK;
}

static wn_status parse_replace(step *s, const wn_fields *component, wn_error *err)
{
    char path[WN_COMPONENT_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s.pattern", component->path);
    const json_t *node = json_object_get(component->object, "pattern");
    WN_TRY(wn_pattern_parse(&s->pattern, node, path, err));
    if (wn_pattern_is_foreign(s->pattern))
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s: Replace with the expression '%.100s' is not supported", path,
                json_string_value(json_object_get(node, "Regex")));
    return parse_content(s, component, "content", err);
}

static wn_status parse_precompiled(step *s, const wn_fields *component, wn_error *err)
{
    wn_str base64;
    char path[WN_COMPONENT_PATH_MAX + 32];
    WN_TRY(wn_field_str(&base64, component, "precompiled_charsmap", WN_REQUIRED, err));
    snprintf(path, sizeof path, "%s.precompiled_charsmap", component->path);
    return wn_charsmap_parse(&s->map, base64, path, err);
}

static wn_status parse_step(step *s, const wn_fields *component, wn_error *err)
{
    switch (s->kind) {
    case KIND_BERT:
        return parse_bert(&s->bert, component, err);
    case KIND_STRIP:
        WN_TRY(wn_field_bool(&s->left, component, "strip_left", WN_REQUIRED, err));
        return wn_field_bool(&s->right, component, "strip_right", WN_REQUIRED, err);
    case KIND_PREPEND:
        return parse_content(s, component, "prepend", err);
    case KIND_REPLACE:
        return parse_replace(s, component, err);
    case KIND_PRECOMPILED:
        return parse_precompiled(s, component, err);
    case KIND_FORM:
    case KIND_LOWERCASE:
    case KIND_STRIP_ACCENTS:
    case KIND_NMT:
        break;
    }
    return WN_OK;
}

static wn_status add_step(void *arg, const wn_fields *component, wn_str type, wn_error *err)
{
    wn_normalizer *normalizer = arg;
    for (size_t i = 0; i < WN_ARRAY_LEN(types); i++) {
        if (!wn_str_equal(type, wn_str_from(types[i].type)))
            continue;
        if (!wn_mem_grow(&normalizer->steps, &normalizer->cap, normalizer->count + 1, sizeof(step)))
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for a normalizer");
        step *s = &normalizer->steps[normalizer->count++];
        *s = (step){.kind = types[i].kind, .form = types[i].form};
        return parse_step(s, component, err);
    }
    WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: normalizer '%.*s' is not supported", component->path,
            WN_STR_ARG(type));
}

wn_status wn_normalizer_parse(wn_normalizer **out, const json_t *node, wn_error *err)
{
    wn_normalizer *normalizer = wn_mem_zalloc(1, sizeof *normalizer);
    if (normalizer == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a normalizer");
    wn_status status = WN_OK;
    if (node != NULL && !json_is_null(node))
        status = wn_component_walk(node, "normalizer", "normalizers", add_step, normalizer, err);
    if (status != WN_OK)
        wn_normalizer_free(normalizer);
    else
        *out = normalizer;
    return status;
}

void wn_normalizer_free(wn_normalizer *normalizer)
{
    if (normalizer == NULL)
        return;
    for (size_t i = 0; i < normalizer->count; i++) {
        wn_pattern_free(normalizer->steps[i].pattern);
        wn_charsmap_free(normalizer->steps[i].map);
        wn_mem_free(normalizer->steps[i].content);
    }
    wn_mem_free(normalizer->steps);
    wn_mem_free(normalizer);
}

static wn_status run_step(const step *s, wn_text *text, wn_text *spare, wn_error *err)
{
    wn_str content = {s->content, s->content_len};
    switch (s->kind) {
    case KIND_BERT:
        return wn_bert_run(&s->bert, text, spare, err);
    case KIND_FORM:
        return wn_form_run(s->form, text, spare, err);
    case KIND_LOWERCASE:
        return wn_lowercase_run(text, spare, err);
    case KIND_STRIP_ACCENTS:
        return wn_filter_run(WN_UC_ACCENT, text, spare, err);
    case KIND_NMT:
        return wn_nmt_run(text, spare, err);
    case KIND_STRIP:
        wn_strip_run(s->left, s->right, text);
        return WN_OK;
    case KIND_PREPEND:
        return wn_prepend_run(content, text, spare, err);
    case KIND_REPLACE:
        return wn_replace_run(s->pattern, content, text, spare, err);
    case KIND_PRECOMPILED:
        break;
    }
    return wn_precompiled_run(s->map, text, spare, err);
}

wn_status wn_normalizer_run(const wn_normalizer *normalizer, wn_text *text, wn_text *spare,
                            wn_error *err)
{
    size_t growth = GROWTH_FLOOR + WN_TEXT_GROWTH_MAX * text->bytes.len;
    text->limit = spare->limit = WN_MIN(growth, (size_t)WN_TEXT_BYTES_MAX);
    for (size_t i = 0; i < normalizer->count; i++)
        WN_TRY(run_step(&normalizer->steps[i], text, spare, err));
    return WN_OK;
}
