/* See model_list.h. */
#include "cli/model_list.h"

#include "base/str.h"
#include "cli/hub_options.h"
#include "serve/model_names.h"

#include <string.h>

#define WN_WHERE "cli/models"

#define BUILTIN "built-in"

/* What stands behind a directory. */
typedef struct line_options {
    wn_str dtype, task; /* empty: not there */
} line_options;

/* Take ",dtype=NAME" and ",task=NAME", in any order, off the end of a line. */
static wn_status take_options(wn_str *line, line_options *out, wn_error *err)
{
    const wn_str dtype = WN_STR("dtype="), task = WN_STR("task=");
    *out = (line_options){0};
    for (size_t i = line->len; i-- > 0;) {
        if (line->ptr[i] != ',')
            continue;
        wn_str tail = wn_str_slice(*line, i + 1, line->len);
        if (wn_str_starts(tail, dtype))
            out->dtype = wn_str_slice(tail, dtype.len, tail.len);
        else if (wn_str_starts(tail, task))
            out->task = wn_str_slice(tail, task.len, tail.len);
        else
            break;
        if (wn_str_starts(tail, dtype) && !wn_model_dtype_is_valid(out->dtype))
            WN_FAIL(err, WN_ERR_ARGUMENT,
                    "--model '%.*s': the dtype is '%.*s', expected f32, bf16, int8 or auto",
                    WN_STR_ARG(*line), WN_STR_ARG(out->dtype));
        if (out->task.len > WN_MODEL_TASK_MAX)
            WN_FAIL(err, WN_ERR_ARGUMENT, "--model '%.*s': the task has %zu bytes, at most %d",
                    WN_STR_ARG(*line), out->task.len, WN_MODEL_TASK_MAX);
        line->len = i;
    }
    return WN_OK;
}

/* A copy that lives as long as args; NULL for an empty text. */
static wn_status keep(const char **out, wn_args *args, wn_str text, wn_error *err)
{
    *out = NULL;
    if (text.len > 0 && (*out = wn_args_printf(args, "%.*s", WN_STR_ARG(text))) == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the name of a model");
    return WN_OK;
}

/* "NAME=DIR", where NAME has no slash before it has a name's form: "./a=b" is a directory. */
static wn_status read_source(wn_model_source *out, wn_args *args, wn_str line, wn_error *err)
{
    wn_str whole = line;
    line_options options;
    WN_TRY(take_options(&line, &options, err));
    const char *equals = memchr(line.ptr, '=', line.len);
    wn_str name = {line.ptr, equals == NULL ? 0 : (size_t)(equals - line.ptr)};
    bool named = equals != NULL && line.ptr[0] != '/' && line.ptr[0] != '.';
    wn_str dir = named ? wn_str_slice(line, name.len + 1, line.len) : line;
    if (dir.len == 0)
        WN_FAIL(err, WN_ERR_ARGUMENT, "--model '%.*s' names no directory", WN_STR_ARG(whole));
    if (wn_str_equal(dir, WN_STR(BUILTIN)))
        dir.len = 0;
    const char *id;
    WN_TRY(keep(&out->dir, args, dir, err));
    WN_TRY(wn_hub_find_model(&out->dir, &id, args, out->dir, err));
    WN_TRY(keep(&out->name, args, named ? name : wn_str_from(id), err));
    WN_TRY(keep(&out->task, args, options.task, err));
    return keep(&out->dtype, args, options.dtype, err);
}

static const char *dir_of(const wn_model_source *source)
{
    return source->dir != NULL ? source->dir : BUILTIN;
}

/* Names go into paths, fields and labels as they are. */
static wn_status check_names(const wn_model_list *list, wn_error *err)
{
    for (size_t i = 0; i < list->n; i++) {
        wn_str name = wn_model_source_name(&list->at[i]);
        if (name.len > WN_MODEL_NAME_MAX || !wn_model_name_is_valid(name))
            WN_FAIL(err, WN_ERR_ARGUMENT,
                    "the name '%.*s' of a model is not of 1 to %d letters, digits, '-', '_', '.', "
                    "':' and '/' between them: write --model NAME=DIR, and ./ before a directory "
                    "with '='",
                    WN_STR_ARG(name), WN_MODEL_NAME_MAX);
        for (size_t j = 0; j < i; j++)
            if (wn_model_name_equal(name, wn_model_source_name(&list->at[j])))
                WN_FAIL(err, WN_ERR_ARGUMENT,
                        "--model: '%s' and '%s' are both called '%.*s'; write NAME=DIR",
                        dir_of(&list->at[j]), dir_of(&list->at[i]), WN_STR_ARG(name));
    }
    return WN_OK;
}

wn_status wn_model_list_read(wn_model_list *out, wn_args *args, wn_error *err)
{
    const char *text = wn_args_text(args, WN_OPT_MODEL);
    const char *name = wn_args_text(args, WN_OPT_SERVED_MODEL_NAME);
    wn_model_list list = {.n = text == NULL};
    for (size_t n; text != NULL && *text != '\0'; text += n + (text[n] != '\0')) {
        n = strcspn(text, "\n");
        if (list.n == WN_MODELS_MAX)
            WN_FAIL(err, WN_ERR_ARGUMENT, "--model: more than %d models", WN_MODELS_MAX);
        if (n > 0)
            WN_TRY(read_source(&list.at[list.n++], args, (wn_str){text, n}, err));
    }
    if (name != NULL && list.at[0].name != NULL)
        WN_FAIL(err, WN_ERR_ARGUMENT,
                "--served-model-name is '%s' and --model names the first one "
                "'%s': give one of them",
                name, list.at[0].name);
    if (name != NULL)
        list.at[0].name = name;
    WN_TRY(check_names(&list, err));
    *out = list;
    return WN_OK;
}
