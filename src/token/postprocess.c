/* See postprocess.h. */
#include "token/postprocess.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/json_bind.h"
#include "token/component.h"

#include <stdio.h>

#define WN_WHERE "token/postprocess"

static wn_status push_item(wn_template *template, int32_t id, int32_t type_id, wn_error *err)
{
    size_t n = template->count + 1;
    if (!wn_mem_grow(&template->items, &template->cap, n, sizeof *template->items))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a template of %zu items", n);
    template->items[template->count++] = (wn_template_item){id, type_id};
    template->n_special += id >= 0;
    return WN_OK;
}

/* Replace a template by n items. */
static wn_status set_template(wn_template *template, const wn_template_item *items, size_t n,
                              wn_error *err)
{
    wn_mem_free(template->items);
    *template = (wn_template){0};
    for (size_t i = 0; i < n; i++)
        WN_TRY(push_item(template, items[i].id, items[i].type_id, err));
    return WN_OK;
}

/* ---- TemplateProcessing ---------------------------------------------------------------------- */

/* Append the ids that special_tokens gives for a name. */
static wn_status push_special(wn_template *template, const json_t *specials, wn_str name,
                              int32_t type_id, const char *path, wn_error *err)
{
    const json_t *special = json_object_getn(specials, name.ptr, name.len);
    const json_t *ids = json_object_get(special, "ids");
    if (!json_is_array(ids))
        WN_FAIL(err, WN_ERR_FORMAT, "%s: special_tokens has no array of ids for '%.*s'", path,
                WN_STR_ARG(name));
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        if (!json_is_integer(id) || json_integer_value(id) < 0 ||
            json_integer_value(id) > INT32_MAX)
            WN_FAIL(err, WN_ERR_FORMAT,
                    "%s: special token '%.*s' has an id that is %s, expected 0..%d", path,
                    WN_STR_ARG(name), wn_json_type_name(id), INT32_MAX);
        WN_TRY(push_item(template, (int32_t)json_integer_value(id), type_id, err));
    }
    return WN_OK;
}

/* One piece: {"SpecialToken": {"id", "type_id"}} or {"Sequence": {"id": "A", "type_id"}}. */
static wn_status push_piece(wn_template *template, const json_t *piece, const json_t *specials,
                            const char *path, wn_error *err)
{
    const json_t *special = json_object_get(piece, "SpecialToken");
    const json_t *sequence = json_object_get(piece, "Sequence");
    if (json_object_size(piece) != 1 || (special == NULL && sequence == NULL))
        WN_FAIL(err, WN_ERR_FORMAT, "%s: expected an object with SpecialToken or Sequence", path);
    const wn_fields fields = {special != NULL ? special : sequence, path};
    wn_str id;
    uint32_t type_id;
    WN_TRY(wn_field_str(&id, &fields, "id", WN_REQUIRED, err));
    WN_TRY(wn_field_uint(&type_id, &fields, "type_id", WN_REQUIRED, err));
    if (special != NULL)
        return push_special(template, specials, id, (int32_t)type_id, path, err);
    bool is_a = wn_str_equal(id, WN_STR("A")), is_b = wn_str_equal(id, WN_STR("B"));
    if (!is_a && !is_b)
        WN_FAIL(err, WN_ERR_FORMAT, "%s.id: is '%.*s', expected A or B", path, WN_STR_ARG(id));
    return push_item(template, is_a ? WN_SEQUENCE_A : WN_SEQUENCE_B, (int32_t)type_id, err);
}

static wn_status parse_template(wn_template *template, const wn_fields *fields, bool pair,
                                wn_error *err)
{
    const char *name = pair ? "pair" : "single";
    const json_t *pieces = json_object_get(fields->object, name);
    const json_t *specials = json_object_get(fields->object, "special_tokens");
    if (!json_is_array(pieces))
        WN_FAIL(err, WN_ERR_FORMAT, "%s.%s: is %s, expected an array", fields->path, name,
                wn_json_type_name(pieces));
    WN_TRY(set_template(template, NULL, 0, err));
    for (size_t i = 0; i < json_array_size(pieces); i++) {
        char path[WN_COMPONENT_PATH_MAX + 32];
        snprintf(path, sizeof path, "%s.%s[%zu]", fields->path, name, i);
        WN_TRY(push_piece(template, json_array_get(pieces, i), specials, path, err));
    }
    size_t n_a = 0, n_b = 0;
    for (size_t i = 0; i < template->count; i++) {
        n_a += template->items[i].id == WN_SEQUENCE_A;
        n_b += template->items[i].id == WN_SEQUENCE_B;
    }
    if (n_a != 1 || n_b != pair)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "%s.%s: uses sequence A %zu times and B %zu times, only %s is supported",
                fields->path, name, n_a, n_b, pair ? "once each" : "A once");
    return WN_OK;
}

/* ---- BertProcessing, RobertaProcessing ------------------------------------------------------- */

/* Read ["[CLS]", 101]; the string is for people. */
static wn_status parse_pair(int32_t *id, const wn_fields *fields, const char *key, wn_error *err)
{
    const json_t *value = json_object_get(fields->object, key);
    const json_t *number = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !json_is_string(json_array_get(value, 0)) ||
        !json_is_integer(number) || json_integer_value(number) < 0 ||
        json_integer_value(number) > INT32_MAX)
        WN_FAIL(err, WN_ERR_FORMAT, "%s.%s: expected [token, id]", fields->path, key);
    *id = (int32_t)json_integer_value(number);
    return WN_OK;
}

static wn_status parse_bert(wn_postprocessor *out, const wn_fields *fields, wn_error *err)
{
    int32_t cls, sep;
    WN_TRY(parse_pair(&cls, fields, "cls", err));
    WN_TRY(parse_pair(&sep, fields, "sep", err));
    const wn_template_item items[] = {
        {cls, 0}, {WN_SEQUENCE_A, 0}, {sep, 0}, {WN_SEQUENCE_B, 1}, {sep, 1}};
    WN_TRY(set_template(&out->single, items, 3, err));
    return set_template(&out->pair, items, 5, err);
}

static wn_status parse_roberta(wn_postprocessor *out, const wn_fields *fields, wn_error *err)
{
    int32_t cls, sep;
    WN_TRY(parse_pair(&cls, fields, "cls", err));
    WN_TRY(parse_pair(&sep, fields, "sep", err));
    const wn_template_item items[] = {{cls, 0}, {WN_SEQUENCE_A, 0}, {sep, 0},
                                      {sep, 0}, {WN_SEQUENCE_B, 0}, {sep, 0}};
    WN_TRY(set_template(&out->single, items, 3, err));
    return set_template(&out->pair, items, 6, err);
}

/* ---- all ------------------------------------------------------------------------------------- */

typedef struct reader {
    wn_postprocessor *out;
    bool decided; /* an earlier step has set the templates */
} reader;

/* Apply one step. */
static wn_status take_step(void *arg, const wn_fields *fields, wn_str type, wn_error *err)
{
    reader *r = arg;
    if (wn_str_equal(type, WN_STR("ByteLevel")))
        return WN_OK;
    if (r->decided)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s: a second template, %.*s, is not supported",
                fields->path, WN_STR_ARG(type));
    r->decided = true;
    if (wn_str_equal(type, WN_STR("TemplateProcessing"))) {
        WN_TRY(parse_template(&r->out->single, fields, false, err));
        return parse_template(&r->out->pair, fields, true, err);
    }
    if (wn_str_equal(type, WN_STR("BertProcessing")))
        return parse_bert(r->out, fields, err);
    if (wn_str_equal(type, WN_STR("RobertaProcessing")))
        return parse_roberta(r->out, fields, err);
    WN_FAIL(err, WN_ERR_UNSUPPORTED, "%s.type: '%.*s' is not supported", fields->path,
            WN_STR_ARG(type));
}

wn_status wn_postprocessor_parse(wn_postprocessor *out, const json_t *node, wn_error *err)
{
    const wn_template_item items[] = {{WN_SEQUENCE_A, 0}, {WN_SEQUENCE_B, 1}};
    reader r = {out, false};
    *out = (wn_postprocessor){0};
    WN_TRY(set_template(&out->single, items, 1, err));
    WN_TRY(set_template(&out->pair, items, 2, err));
    if (node == NULL || json_is_null(node))
        return WN_OK;
    return wn_component_walk(node, "post_processor", "processors", take_step, &r, err);
}

void wn_postprocessor_deinit(wn_postprocessor *postprocessor)
{
    wn_mem_free(postprocessor->single.items);
    wn_mem_free(postprocessor->pair.items);
    *postprocessor = (wn_postprocessor){0};
}
