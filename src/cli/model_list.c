/* See model_list.h. */
#include "cli/model_list.h"

#include "base/str.h"
#include "serve/model_names.h"

#include <string.h>

#define WN_WHERE "cli/models"

/* "NAME=DIR", where NAME has no slash before it has a name's form: "./a=b" is a directory. */
static wn_status read_source(wn_model_source *out, wn_args *args, wn_str line, wn_error *err)
{
    const char *equals = memchr(line.ptr, '=', line.len);
    wn_str name = {line.ptr, equals == NULL ? 0 : (size_t)(equals - line.ptr)};
    bool named = equals != NULL && line.ptr[0] != '/' && line.ptr[0] != '.';
    wn_str dir = named ? wn_str_slice(line, name.len + 1, line.len) : line;
    *out = (wn_model_source){.dir = wn_args_printf(args, "%.*s", WN_STR_ARG(dir)),
                             .name = named ? wn_args_printf(args, "%.*s", WN_STR_ARG(name)) : NULL};
    if (out->dir == NULL || (named && out->name == NULL))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the name of a model");
    if (dir.len == 0)
        WN_FAIL(err, WN_ERR_ARGUMENT, "--model '%.*s' names no directory", WN_STR_ARG(line));
    return WN_OK;
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
                        list->at[j].dir, list->at[i].dir, WN_STR_ARG(name));
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
