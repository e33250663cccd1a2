/* The YAML of a configuration file, by libyaml's events: one document, one mapping, scalars in it,
 * and lists of scalars for options that repeat.
 * Refuses: names that no option has, names given twice, nested values, anchors.
 * See settings.h. */
#include "cli/settings.h"

#include "base/str.h"

#include <yaml.h>

#define WN_WHERE "cli/settings"

typedef struct reader {
    wn_args *args;
    const char *name; /* of the file */
    yaml_parser_t parser;
    yaml_event_t event;
    bool seen[WN_OPT_COUNT];
} reader;

static size_t line_of(const reader *r)
{
    return r->event.start_mark.line + 1;
}

static wn_status next(reader *r, wn_error *err)
{
    yaml_event_delete(&r->event);
    if (yaml_parser_parse(&r->parser, &r->event))
        return WN_OK;
    if (r->parser.error == YAML_MEMORY_ERROR)
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory to read it", r->name);
    WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: %s", r->name, r->parser.problem_mark.line + 1,
            r->parser.problem);
}

static wn_status find_key(reader *r, wn_args_target *out, wn_error *err)
{
    wn_str key = {(const char *)r->event.data.scalar.value, r->event.data.scalar.length};
    if (!wn_args_find(out, r->args->command, key) ||
        (out->alias == NULL && wn_options[out->id].reach != WN_REACH_ALL)) {
        wn_str meant = wn_args_nearest(r->args->command, key);
        if (meant.len > 0)
            WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: unknown setting '%.*s'; did you mean '%.*s'?",
                    r->name, line_of(r), WN_STR_ARG(key), WN_STR_ARG(meant));
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: unknown setting '%.*s'", r->name, line_of(r),
                WN_STR_ARG(key));
    }
    bool counts = out->id != WN_OPT_COUNT;
    if (counts && r->seen[out->id])
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: '%.*s' is set a second time", r->name, line_of(r),
                WN_STR_ARG(key));
    if (counts)
        r->seen[out->id] = true;
    return WN_OK;
}

/* The scalar that has come, as a text of its own. */
static wn_status read_scalar(reader *r, const char **out, wn_str key, wn_error *err)
{
    if (r->event.type != YAML_SCALAR_EVENT)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: '%.*s' is no single value", r->name, line_of(r),
                WN_STR_ARG(key));
    wn_str value = {(const char *)r->event.data.scalar.value, r->event.data.scalar.length};
    bool plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (plain &&
        (value.len == 0 || wn_str_equal(value, WN_STR("~")) || wn_str_equal(value, WN_STR("null"))))
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: '%.*s' has no value", r->name, line_of(r),
                WN_STR_ARG(key));
    if (value.len > 0 && memchr(value.ptr, '\0', value.len) != NULL)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: '%.*s' holds a NUL", r->name, line_of(r),
                WN_STR_ARG(key));
    *out = wn_arena_str(&r->args->arena, value).ptr;
    if (*out == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory to read it", r->name);
    return WN_OK;
}

/* Values of an option that repeats are kept a line each. */
static wn_status check_line(const reader *r, const char *value, wn_str key, wn_error *err)
{
    if (strchr(value, '\n') != NULL)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: '%.*s' holds a line break", r->name, line_of(r),
                WN_STR_ARG(key));
    return WN_OK;
}

/* The scalars of a list that has begun, a line each. */
static wn_status read_list(reader *r, const char **out, wn_str key, wn_error *err)
{
    const char *text = NULL, *item;
    WN_TRY(next(r, err));
    while (r->event.type != YAML_SEQUENCE_END_EVENT) {
        WN_TRY(read_scalar(r, &item, key, err));
        WN_TRY(check_line(r, item, key, err));
        if (*item == '\0')
            WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: '%.*s' has an empty value", r->name,
                    line_of(r), WN_STR_ARG(key));
        text = text == NULL ? item : wn_args_printf(r->args, "%s\n%s", text, item);
        if (text == NULL)
            WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory to read it", r->name);
        WN_TRY(next(r, err));
    }
    if (text == NULL)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: '%.*s' is an empty list", r->name, line_of(r),
                WN_STR_ARG(key));
    *out = text;
    return WN_OK;
}

/* The value behind a key that has been found. */
static wn_status read_value(reader *r, wn_args_target target, wn_str key, wn_error *err)
{
    const char *text;
    WN_TRY(next(r, err));
    const char *origin = wn_args_printf(r->args, "%s line %zu", r->name, line_of(r));
    if (origin == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory to read it", r->name);
    bool repeats = target.id != WN_OPT_COUNT &&
                   (wn_options[target.id].repeats & (1u << r->args->command)) != 0;
    if (repeats && r->event.type == YAML_SEQUENCE_START_EVENT) {
        WN_TRY(read_list(r, &text, key, err));
    } else {
        WN_TRY(read_scalar(r, &text, key, err));
        if (repeats)
            WN_TRY(check_line(r, text, key, err));
    }
    return wn_args_set(r->args, target, text, WN_SOURCE_FILE, origin, err);
}

static wn_status read_pair(reader *r, wn_error *err)
{
    if (r->event.type != YAML_SCALAR_EVENT)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: expected the name of a setting", r->name,
                line_of(r));
    wn_args_target target;
    WN_TRY(find_key(r, &target, err));
    wn_str key = {(const char *)r->event.data.scalar.value, r->event.data.scalar.length};
    key = wn_arena_str(&r->args->arena, key);
    if (key.ptr == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory to read it", r->name);
    return read_value(r, target, key, err);
}

static wn_status read_document(reader *r, wn_error *err)
{
    WN_TRY(next(r, err)); /* the stream begins */
    WN_TRY(next(r, err));
    if (r->event.type == YAML_STREAM_END_EVENT)
        return WN_OK; /* nothing but comments */
    WN_TRY(next(r, err));
    if (r->event.type != YAML_MAPPING_START_EVENT)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: expected 'name: value'", r->name, line_of(r));
    WN_TRY(next(r, err));
    while (r->event.type != YAML_MAPPING_END_EVENT) {
        WN_TRY(read_pair(r, err));
        WN_TRY(next(r, err));
    }
    WN_TRY(next(r, err)); /* the document ends */
    WN_TRY(next(r, err));
    if (r->event.type != YAML_STREAM_END_EVENT)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: a second document", r->name, line_of(r));
    return WN_OK;
}

wn_status wn_settings_parse(wn_args *args, wn_str text, const char *name, wn_error *err)
{
    reader r = {.args = args, .name = name};
    if (!yaml_parser_initialize(&r.parser))
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory to read it", name);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.len > 0 ? text.ptr : ""),
                                 text.len);
    wn_status status = read_document(&r, err);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    return status;
}
