/* The environment, the files to read, and what came of it.  See settings.h. */
#include "cli/settings.h"

#include "base/file.h"
#include "base/str.h"
#include "data/json_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WN_WHERE       "cli/settings"
#define FILE_BYTES_MAX (1 << 20)

/* ---- environment ----------------------------------------------------------------------------- */

/* The value of a variable; NULL when it is unset or empty. */
static const char *find_variable(const char *const *environment, const char *name)
{
    size_t n = strlen(name);
    for (; *environment != NULL; environment++) {
        const char *entry = *environment;
        if (strncmp(entry, name, n) == 0 && entry[n] == '=')
            return entry[n + 1] == '\0' ? NULL : entry + n + 1;
    }
    return NULL;
}

#define PREFIX "WINNOW_"

/* "BODY_LIMIT" */
static wn_str upper_of(char out[64], const char *option)
{
    size_t n = 0;
    for (; option[n] != '\0' && n < 64; n++)
        out[n] = option[n] == '-' ? '_' : (char)toupper((unsigned char)option[n]);
    return (wn_str){out, n};
}

/* "WINNOW_BODY_LIMIT" */
static const char *variable_of(wn_args *args, const char *option, const char *suffix)
{
    char upper[64];
    return wn_args_printf(args, PREFIX "%.*s%s", WN_STR_ARG(upper_of(upper, option)), suffix);
}

/* Kubernetes tells a pod of a service named "winnow" by WINNOW_PORT=tcp://10.0.0.1:80. */
static bool is_service_link(const char *value)
{
    return strncmp(value, "tcp://", 6) == 0 || strncmp(value, "udp://", 6) == 0;
}

static wn_status take_variable(wn_args *args, wn_args_target target, const char *name,
                               const char *const *environment, wn_error *err)
{
    if (name == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a name");
    const char *value = find_variable(environment, name);
    if (value == NULL || (target.id == WN_OPT_PORT && is_service_link(value)))
        return WN_OK;
    return wn_args_set(args, target, value, WN_SOURCE_ENVIRONMENT, name, err);
}

/* systemd's LoadCredential=: a file of the option's name. */
static wn_status take_credential(wn_args *args, wn_option_id id, const char *folder, wn_error *err)
{
    const char *path = wn_args_printf(args, "%s/%s", folder, wn_options[id].name);
    if (path == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a path");
    if (!wn_file_exists(path))
        return WN_OK;
    const wn_args_target target = {.id = id, .is_file = true};
    return wn_args_set(args, target, path, WN_SOURCE_ENVIRONMENT, path, err);
}

static wn_status take_option(wn_args *args, wn_option_id id, const char *const *environment,
                             wn_error *err)
{
    const wn_option *option = &wn_options[id];
    wn_args_target target = {.id = id};
    if (option->secret) {
        target.is_file = true;
        WN_TRY(take_variable(args, target, variable_of(args, option->name, "_FILE"), environment,
                             err));
        target.is_file = false;
    }
    return take_variable(args, target, variable_of(args, option->name, ""), environment, err);
}

static bool is_open(const wn_args *args, int id, wn_reach least)
{
    return (wn_options[id].commands & (1u << args->command)) != 0 && wn_options[id].reach <= least;
}

/* What counts more comes later: it overrides. */
static wn_status take_environment(wn_args *args, const char *const *environment, wn_error *err)
{
    const char *credentials = find_variable(environment, "CREDENTIALS_DIRECTORY");
    for (int i = 0; i < WN_OPT_COUNT && credentials != NULL; i++)
        if (is_open(args, i, WN_REACH_ENVIRONMENT) && wn_options[i].secret)
            WN_TRY(take_credential(args, (wn_option_id)i, credentials, err));
    size_t n = 0;
    while (wn_aliases[n].name != NULL || wn_aliases[n].variable != NULL)
        n++;
    for (size_t i = n; i > 0 && args->command == WN_CMD_SERVE; i--) {
        const wn_alias *alias = &wn_aliases[i - 1];
        const wn_args_target target = {.id = alias->option, .alias = alias};
        if (alias->variable != NULL)
            WN_TRY(take_variable(args, target, alias->variable, environment, err));
    }
    for (int i = 0; i < WN_OPT_COUNT; i++)
        if (is_open(args, i, WN_REACH_ENVIRONMENT))
            WN_TRY(take_option(args, (wn_option_id)i, environment, err));
    return WN_OK;
}

/* Whether some command reads the variable, or Kubernetes made it for a service named "winnow". */
static bool is_known(wn_str name)
{
    if (wn_str_starts(name, WN_STR("SERVICE_")) || wn_str_starts(name, WN_STR("PORT_")))
        return true;
    for (size_t i = 0; i < WN_OPT_COUNT; i++) {
        char upper[64];
        wn_str option = upper_of(upper, wn_options[i].name);
        if (!wn_str_starts(name, option) || wn_options[i].reach == WN_REACH_FLAG)
            continue;
        wn_str rest = wn_str_slice(name, option.len, name.len);
        if (rest.len == 0 || (wn_options[i].secret && wn_str_equal(rest, WN_STR("_FILE"))))
            return true;
    }
    return false;
}

bool wn_settings_find_unknown(wn_str *name, const char *const **environment)
{
    while (**environment != NULL) {
        wn_str entry = wn_str_from(*(*environment)++);
        *name = wn_str_slice(entry, 0, strcspn(entry.ptr, "="));
        if (wn_str_starts(*name, WN_STR(PREFIX)) &&
            !is_known(wn_str_slice(*name, strlen(PREFIX), name->len)))
            return true;
    }
    return false;
}

/* ---- files ----------------------------------------------------------------------------------- */

static wn_status read_file(wn_args *args, const char *path, wn_error *err)
{
    wn_buf text = WN_BUF_INIT;
    wn_status status = wn_file_read(&text, path, FILE_BYTES_MAX, err);
    if (status == WN_OK)
        status = wn_settings_parse(args, wn_buf_str(&text), path, err);
    wn_buf_deinit(&text);
    return status;
}

const char *wn_settings_user_file(wn_args *args, const char *const *environment)
{
    const char *folder = find_variable(environment, "XDG_CONFIG_HOME");
    const char *home = find_variable(environment, "HOME");
    if (folder != NULL)
        return wn_args_printf(args, "%s/winnow/winnow.yaml", folder);
    return home == NULL ? NULL : wn_args_printf(args, "%s/.config/winnow/winnow.yaml", home);
}

wn_status wn_settings_load(wn_args *args, const char *const *environment, wn_error *err)
{
    WN_TRY(take_environment(args, environment, err));
    if (args->command != WN_CMD_SERVE)
        return WN_OK;
    const char *path = wn_args_text(args, WN_OPT_CONFIG);
    if (path != NULL)
        return read_file(args, path, err);
    if (wn_file_exists(WN_SETTINGS_SYSTEM_FILE))
        WN_TRY(read_file(args, WN_SETTINGS_SYSTEM_FILE, err));
    path = wn_settings_user_file(args, environment);
    return path != NULL && wn_file_exists(path) ? read_file(args, path, err) : WN_OK;
}

/* ---- what came of it ------------------------------------------------------------------------- */

static bool is_setting(const wn_args *args, int id)
{
    return is_open(args, id, WN_REACH_ALL);
}

/* The lines of a text as a list; empty ones do not count. */
static void push_list(wn_buf *out, const char *text)
{
    const char *before = "[";
    for (size_t n; *text != '\0'; text += n + (text[n] != '\0')) {
        n = strcspn(text, "\n");
        if (n == 0)
            continue;
        wn_buf_printf(out, "%s", before);
        wn_json_push_string(out, (wn_str){text, n});
        before = ", ";
    }
    wn_buf_push_byte(out, ']');
}

/* The value in YAML, which a value of JSON is too. */
static void push_value(wn_buf *out, const wn_option *option, const wn_option_value *value)
{
    if (option->kind == WN_VALUE_NONE)
        wn_buf_printf(out, value->number != 0 ? "true" : "false");
    else if (option->secret && value->text != NULL)
        wn_buf_printf(out, "\"********\"");
    else if (option->kind == WN_VALUE_INT && value->text != NULL)
        wn_buf_printf(out, "%" PRId64, value->number);
    else if (value->text != NULL && option->repeats != 0 && strchr(value->text, '\n') != NULL)
        push_list(out, value->text);
    else if (value->text != NULL)
        wn_json_push_string(out, wn_str_from(value->text));
    else if (option->kind == WN_VALUE_CHOICE)
        wn_json_push_string(out, (wn_str){option->choices, strcspn(option->choices, "|")});
    else
        wn_buf_printf(out, "null");
}

bool wn_settings_push(wn_buf *out, const wn_args *args)
{
    for (int i = 0; i < WN_OPT_COUNT; i++) {
        const wn_option *option = &wn_options[i];
        const wn_option_value *value = &args->values[i];
        if (!is_setting(args, i))
            continue;
        size_t start = out->len;
        bool has_value =
            value->text != NULL || option->kind == WN_VALUE_CHOICE || option->kind == WN_VALUE_NONE;
        wn_buf_printf(out, "%s%s: ", has_value && !option->secret ? "" : "#", option->name);
        if (has_value)
            push_value(out, option, value);
        int columns = (int)(out->len - start);
        wn_buf_printf(out, "%*s  # %s", columns < 34 ? 34 - columns : 0, "",
                      value->origin != NULL ? value->origin : "default");
        if (!has_value && option->fallback != NULL)
            wn_buf_printf(out, ": %s", option->fallback);
        wn_buf_push_byte(out, '\n');
    }
    return !out->failed;
}

bool wn_settings_push_json(wn_buf *out, const wn_args *args)
{
    static const char *const sources[] = {"default", "file", "environment", "flag"};
    const char *before = "{";
    for (int i = 0; i < WN_OPT_COUNT; i++) {
        const wn_option_value *value = &args->values[i];
        if (!is_setting(args, i))
            continue;
        wn_buf_printf(out, "%s\"%s\":{\"value\":", before, wn_options[i].name);
        push_value(out, &wn_options[i], value);
        wn_buf_printf(out, ",\"source\":\"%s\",\"origin\":", sources[value->source]);
        if (value->origin != NULL)
            wn_json_push_string(out, wn_str_from(value->origin));
        else
            wn_buf_printf(out, "null");
        wn_buf_push_byte(out, '}');
        before = ",\n ";
    }
    wn_buf_printf(out, "}\n");
    return !out->failed;
}
