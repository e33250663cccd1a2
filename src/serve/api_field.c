/* See api_field.h. */
#include "serve/api_field.h"

#include "base/str.h"
#include "data/json_bind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define NAME_BYTES_MAX 256 /* of a member to rank by */

static wn_str text_of(const json_t *string)
{
    return (wn_str){json_string_value(string), json_string_length(string)};
}

bool wn_field_is_given(const json_t *value)
{
    return value != NULL && json_typeof(value) != JSON_NULL;
}

static bool is_number(const json_t *value)
{
    return json_typeof(value) == JSON_INTEGER || json_typeof(value) == JSON_REAL;
}

/* Whether an object stands for an image, as the APIs of models that read images write one. */
static bool is_image(const json_t *object)
{
    static const char *const names[] = {"image", "url", "bytes"};
    for (size_t i = 0; i < WN_ARRAY_LEN(names); i++) {
        if (wn_field_is_given(json_object_get(object, names[i])))
            return true;
    }
    return false;
}

/* The text of a string or of an object that has one; false and a note when it has none. */
static bool read_text(wn_str *out, const json_t *value, const char *name, wn_problem *problem)
{
    bool is_object = json_typeof(value) == JSON_OBJECT;
    const json_t *text = is_object ? json_object_get(value, "text") : value;
    *out = text_of(text);
    if (out->ptr != NULL)
        return true;
    if (is_object && !wn_field_is_given(text) && is_image(value))
        wn_problem_note(problem, name, "missing", value,
                        "Images are not read: an object here needs a string 'text'");
    else if (is_object && !wn_field_is_given(text))
        wn_problem_note(problem, name, "missing", value,
                        "Field required: an object here needs a string 'text'");
    else
        wn_problem_note(problem, name, "string_type", value,
                        "Input should be a string or an object with a string 'text', it is %s",
                        wn_json_type_name(value));
    return false;
}

/* One member of a document that is ranked by its members: a string as it is, else as JSON. */
static void push_member(wn_buf *out, const json_t *value)
{
    if (out->len > 0)
        wn_buf_push_byte(out, '\n');
    if (json_typeof(value) == JSON_STRING) {
        wn_buf_push_str(out, text_of(value));
        return;
    }
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    size_t n = json_dumpb(value, NULL, 0, flags); /* 0: memory is short, within, too */
    if (n > 0 && wn_buf_reserve(out, n) && json_dumpb(value, out->ptr + out->len, n, flags) == n)
        out->len += n;
    else
        out->failed = true;
}

static void note_no_member(const char *name, wn_problem *problem)
{
    wn_problem_note(problem, name, "missing", NULL,
                    "Field required: the document has none of the rank_fields");
}

static void out_of_memory(wn_problem *problem)
{
    wn_problem_set_error(problem, &(wn_error){.status = WN_ERR_MEMORY});
}

/* Append the member of a document that a name stands for, on a line of its own. */
static void push_named(wn_buf *text, const json_t *document, wn_str name)
{
    const json_t *value = json_object_get(document, name.ptr);
    if (wn_field_is_given(value))
        push_member(text, value);
}

/* Keep a text in the arena; an empty one is {0}. */
static bool keep_text(wn_str *out, wn_buf *text, wn_arena *arena)
{
    *out = text->len == 0 ? (wn_str){0} : wn_arena_str(arena, wn_buf_str(text));
    bool kept = !text->failed && out->len == text->len;
    wn_buf_deinit(text);
    return kept;
}

/* The members that the names list, a line each. */
static void read_members(wn_str *out, const json_t *document, const wn_rank_fields *fields,
                         const char *name, wn_arena *arena, wn_problem *problem)
{
    wn_buf text = WN_BUF_INIT;
    for (size_t i = 0; i < fields->n; i++)
        push_named(&text, document, fields->names[i]);
    if (!keep_text(out, &text, arena))
        out_of_memory(problem);
    else if (out->len == 0)
        note_no_member(name, problem);
}

/* The same, each for itself.
 * Shapes:  out [fields->n]. */
static void read_fields(wn_str *out, const json_t *document, const wn_rank_fields *fields,
                        const char *name, wn_arena *arena, wn_problem *problem)
{
    size_t len = 0;
    for (size_t i = 0; i < fields->n; i++) {
        wn_buf text = WN_BUF_INIT;
        push_named(&text, document, fields->names[i]);
        if (!keep_text(&out[i], &text, arena))
            out_of_memory(problem);
        len += out[i].len;
    }
    if (len == 0)
        note_no_member(name, problem);
}

/* Whether a list of n items is one that the field may have. */
static bool check_list(const wn_field *field, const json_t *value, const wn_rank_fields *by,
                       wn_problem *problem)
{
    size_t n = json_array_size(value), n_texts = by->weights == NULL ? n : n * by->n;
    if (json_typeof(value) != JSON_ARRAY)
        wn_problem_note(problem, field->name, "list_type", value,
                        "Input should be a list, it is %s", wn_json_type_name(value));
    else if ((double)n < field->min)
        wn_problem_note(problem, field->name, "too_short", value,
                        "List should have at least %.0f item after validation, not %zu", field->min,
                        n);
    else if ((double)n > field->max)
        wn_problem_note(problem, field->name, "too_long", NULL,
                        "List should have at most %.0f items after validation, not %zu", field->max,
                        n);
    else if ((double)n_texts > field->max)
        wn_problem_note(problem, field->name, "too_long", NULL,
                        "List should have at most %.0f items times rank_fields with weights, not "
                        "%zu times %zu",
                        field->max, n, by->n);
    else
        return true;
    return false;
}

static void *member_of(void *out, const wn_field *field)
{
    return (char *)out + field->offset;
}

/* Documents of a wn_rank_call, whose rank_fields are read. */
static void read_texts(void *out, const wn_field *field, const json_t *value, wn_problem *problem)
{
    wn_rank_call *call = out;
    wn_rank_fields *by = &call->rank_fields;
    size_t n = json_array_size(value);
    bool apart = by->weights != NULL;
    if (!check_list(field, value, by, problem))
        return;
    wn_str *texts = wn_arena_alloc(call->arena, n, sizeof *texts);
    wn_str *parts = apart ? wn_arena_alloc(call->arena, n * by->n, sizeof *parts) : NULL;
    if (texts == NULL || (apart && parts == NULL)) {
        out_of_memory(problem);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char name[64];
        const json_t *item = json_array_get(value, i);
        bool is_object = json_typeof(item) == JSON_OBJECT;
        snprintf(name, sizeof name, "%s -> %zu", field->name, i);
        if (field->kind == WN_FIELD_STRINGS && json_typeof(item) != JSON_STRING)
            wn_problem_note(problem, name, "string_type", item,
                            "Input should be a string, it is %s", wn_json_type_name(item));
        else if (apart && is_object)
            read_fields(&parts[i * by->n], item, by, name, call->arena, problem);
        else if (by->n > 0 && is_object)
            read_members(&texts[i], item, by, name, call->arena, problem);
        else
            (void)read_text(&texts[i], item, name, problem);
        if (apart && !is_object)
            parts[i * by->n] = texts[i];
    }
    *(wn_texts *)member_of(out, field) = (wn_texts){.at = texts, .source = value, .n = n};
    by->texts = parts;
}

static void read_query(void *out, const wn_field *field, const json_t *value, wn_problem *problem)
{
    wn_str *query = member_of(out, field);
    if (read_text(query, value, field->name, problem) && query->len == 0)
        wn_problem_note(problem, field->name, "too_short", value,
                        "String should have at least 1 character");
}

static void read_string(void *out, const wn_field *field, const json_t *value, wn_problem *problem)
{
    if (json_typeof(value) == JSON_STRING)
        *(wn_str *)member_of(out, field) = text_of(value);
    else
        wn_problem_note(problem, field->name, "string_type", value,
                        "Input should be a string, it is %s", wn_json_type_name(value));
}

static void read_bool(void *out, const wn_field *field, const json_t *value, wn_problem *problem)
{
    json_type type = json_typeof(value);
    if (type == JSON_TRUE || type == JSON_FALSE)
        *(bool *)member_of(out, field) = type == JSON_TRUE;
    else
        wn_problem_note(problem, field->name, "bool_type", value,
                        "Input should be true or false, it is %s", wn_json_type_name(value));
}

static void read_int(void *out, const wn_field *field, const json_t *value, wn_problem *problem)
{
    double number = json_number_value(value);
    if (!is_number(value) || number != floor(number))
        wn_problem_note(problem, field->name, "int_type", value,
                        "Input should be a whole number, it is %s",
                        is_number(value) ? "a number with a fraction" : wn_json_type_name(value));
    else if (number < field->min)
        wn_problem_note(problem, field->name, "greater_than_equal", value,
                        "Input should be greater than or equal to %.0f", field->min);
    else if (number > field->max)
        wn_problem_note(problem, field->name, "less_than_equal", value,
                        "Input should be less than or equal to %.0f", field->max);
    else
        *(int64_t *)member_of(out, field) = (int64_t)number;
}

static void read_limit(void *out, const wn_field *field, const json_t *value, wn_problem *problem)
{
    if (json_typeof(value) == JSON_NULL)
        *(int64_t *)member_of(out, field) = WN_FIELD_NULL;
    else
        read_int(out, field, value, problem);
}

static void read_number(void *out, const wn_field *field, const json_t *value, wn_problem *problem)
{
    double number = json_number_value(value);
    if (!is_number(value))
        wn_problem_note(problem, field->name, "float_type", value,
                        "Input should be a number, it is %s", wn_json_type_name(value));
    else if (number < field->min || number > field->max)
        wn_problem_note(problem, field->name, "out_of_range", value,
                        "Input should be a number from %g to %g", field->min, field->max);
    else
        *(double *)member_of(out, field) = number;
}

/* A result may tell its member's name, so a long one would be written for each; a member that is
 * named twice would be there twice. */
static bool is_good_name(const wn_str *names, size_t i)
{
    bool good = names[i].len <= NAME_BYTES_MAX;
    for (size_t k = 0; k < i && good; k++)
        good = strcmp(names[k].ptr, names[i].ptr) != 0;
    return good;
}

/* A list of names, or an object of names and weights, for a wn_rank_call. */
static void read_names(void *out, const wn_field *field, const json_t *value, wn_problem *problem)
{
    wn_rank_call *call = out;
    bool weighted = json_typeof(value) == JSON_OBJECT;
    size_t n = weighted ? json_object_size(value) : json_array_size(value), n_good = 0;
    size_t n_read = n <= WN_FIELDS_MAX ? n : 0;
    wn_str *names = wn_arena_alloc(call->arena, n_read, sizeof *names);
    float *weights = weighted ? wn_arena_alloc(call->arena, n_read, sizeof *weights) : NULL;
    void *at = json_object_iter((json_t *)(uintptr_t)value);
    if (names == NULL || (weighted && weights == NULL)) {
        out_of_memory(problem);
        return;
    }
    for (size_t i = 0; i < n_read; i++) {
        const json_t *item = weighted ? json_object_iter_value(at) : json_array_get(value, i);
        float weight = (float)json_number_value(item);
        names[i] = weighted ? wn_str_from(json_object_iter_key(at)) : text_of(item);
        if (weighted) {
            weights[i] = weight;
            at = json_object_iter_next((json_t *)(uintptr_t)value, at);
        }
        bool good = weighted ? weight > 0 && isfinite(weight) : names[i].ptr != NULL;
        n_good += n_good == i && good && is_good_name(names, i);
    }
    if (n == 0 || n_good < n)
        wn_problem_note(
            problem, field->name, "list_type", value,
            "Input should be a list of 1 to %d different strings of at most %d bytes, or "
            "an object of as many weights above 0",
            WN_FIELDS_MAX, NAME_BYTES_MAX);
    else
        *(wn_rank_fields *)member_of(out, field) =
            (wn_rank_fields){.names = names, .weights = weights, .n = n};
}

typedef void read_fn(void *out, const wn_field *field, const json_t *value, wn_problem *problem);

/* By kind; NULL: there is nothing to read. */
static read_fn *const readers[] = {
    [WN_FIELD_NONE] = NULL,          [WN_FIELD_BOOL] = read_bool,
    [WN_FIELD_INT] = read_int,       [WN_FIELD_LIMIT] = read_limit,
    [WN_FIELD_NUMBER] = read_number, [WN_FIELD_STRING] = read_string,
    [WN_FIELD_QUERY] = read_query,   [WN_FIELD_DOCUMENTS] = read_texts,
    [WN_FIELD_STRINGS] = read_texts, [WN_FIELD_NAMES] = read_names,
};

void wn_fields_read(void *out, const wn_field *fields, size_t n, const json_t *body,
                    wn_problem *problem)
{
    if (!json_is_object(body)) {
        wn_problem_set(problem, 422, NULL,
                       "Validation error: 'body' Input should be a JSON object, it is %s",
                       wn_json_type_name(body));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *value = json_object_get(body, fields[i].name);
        read_fn *read = readers[fields[i].kind];
        bool is_null_value = value != NULL && fields[i].kind == WN_FIELD_LIMIT;
        if (!wn_field_is_given(value) && !is_null_value) {
            if (fields[i].required)
                wn_problem_note(problem, fields[i].name, "missing", NULL, "Field required");
        } else if (read != NULL) {
            read(out, &fields[i], value, problem);
        }
    }
}

void wn_form_refuse_others(const wn_form *form, json_t *body, wn_problem *problem)
{
    for (void *at = json_object_iter(body); at != NULL; at = json_object_iter_next(body, at)) {
        const char *name = json_object_iter_key(at);
        size_t i = 0;
        while (i < form->n_fields && strcmp(form->fields[i].name, name) != 0)
            i++;
        if (i == form->n_fields)
            wn_problem_note(problem, name, "extra_forbidden", json_object_iter_value(at),
                            "is no field of this request");
    }
}
