/* See hub_options.h. */
#define _DEFAULT_SOURCE /* stat */
#include "cli/hub_options.h"

#include "base/file.h"
#include "base/str.h"
#include "hub/hub_cache.h"
#include "hub/inventory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define WN_WHERE         "cli/hub"
#define ENDPOINT         "https://huggingface.co"
#define TOKEN_BYTES_MAX  4096
#define ENDPOINT_LEN_MAX 1024

/* ---- environment ----------------------------------------------------------------------------- */

static wn_status no_memory(wn_error *err)
{
    WN_FAIL(err, WN_ERR_MEMORY, "no memory for settings of the hub");
}

/* A variable that holds a path; NULL when it is not set.  What no shell has read may begin with
 * "~/", as in the settings of a service: Hugging Face's tools take that for the user's home too. */
static const char *path_of(wn_args *args, const char *name)
{
    const char *value = wn_options_env(name), *home = wn_options_env("HOME");
    if (value == NULL || home == NULL || value[0] != '~' || (value[1] != '/' && value[1] != '\0'))
        return value;
    return wn_args_printf(args, "%s%s", home, value + 1);
}

/* HF_HOME, or where it is without that variable; NULL when there is no place. */
static const char *home_of(wn_args *args)
{
    const char *hub = path_of(args, "HF_HOME"), *cache = path_of(args, "XDG_CACHE_HOME");
    const char *home = wn_options_env("HOME");
    if (hub != NULL)
        return hub;
    if (cache != NULL)
        return wn_args_printf(args, "%s/huggingface", cache);
    return home != NULL ? wn_args_printf(args, "%s/.cache/huggingface", home) : NULL;
}

wn_status wn_hub_cache_dir(const char **out, wn_args *args, wn_error *err)
{
    const char *dir = path_of(args, "HF_HUB_CACHE");
    if (dir == NULL)
        dir = path_of(args, "HUGGINGFACE_HUB_CACHE");
    if (dir == NULL) {
        const char *home = home_of(args);
        if (home == NULL)
            WN_FAIL(err, WN_ERR_ARGUMENT, "no place for models: set HF_HUB_CACHE");
        dir = wn_args_printf(args, "%s/hub", home);
    }
    if (dir == NULL)
        return no_memory(err);
    *out = dir;
    return WN_OK;
}

/* A token is one word; what stands around it in a file is not part of it. */
static wn_status read_token(const char **out, wn_args *args, wn_error *err)
{
    const char *token = wn_options_env("HF_TOKEN"), *path = path_of(args, "HF_TOKEN_PATH");
    wn_buf text = WN_BUF_INIT;
    wn_status status = WN_OK;
    *out = token;
    if (token == NULL && path == NULL) {
        const char *home = home_of(args);
        path = home != NULL ? wn_args_printf(args, "%s/token", home) : NULL;
    }
    if (token == NULL && path != NULL && wn_file_exists(path)) {
        WN_TRY_OUT(wn_file_read(&text, path, TOKEN_BYTES_MAX, err));
        if (!wn_buf_push_byte(&text, '\0'))
            WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a token");
        const char *start = text.ptr + strspn(text.ptr, " \t\r\n");
        token = wn_args_printf(args, "%.*s", (int)strcspn(start, " \t\r\n"), start);
        if (token == NULL)
            WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a token");
        *out = token[0] != '\0' ? token : NULL;
    }
    for (const char *c = *out; c != NULL && *c != '\0'; c++)
        if (*c < '!' || *c > '~')
            WN_FAIL_OUT(err, WN_ERR_ARGUMENT, "the token of the hub is no word of ASCII");
out:
    wn_buf_deinit(&text);
    return status;
}

/* The address as messages show it: without a user and password. */
static const char *shown_endpoint(wn_args *args, const char *endpoint)
{
    const char *host = strstr(endpoint, "://") + 3;
    const char *at = memchr(host, '@', strcspn(host, "/"));
    return at == NULL ? endpoint
                      : wn_args_printf(args, "%.*s%s", (int)(host - endpoint), endpoint, at + 1);
}

static wn_status read_endpoint(wn_hub_settings *out, wn_args *args, wn_error *err)
{
    const char *given = wn_options_env("HF_ENDPOINT");
    size_t n = given == NULL ? 0 : strlen(given);
    out->endpoint = out->shown_endpoint = ENDPOINT;
    if (given == NULL)
        return WN_OK;
    while (n > 0 && given[n - 1] == '/')
        n--;
    size_t scheme = strncmp(given, "https://", 8) == 0 ? 8 : 7;
    if ((scheme == 7 && strncmp(given, "http://", 7) != 0) || n <= scheme || n > ENDPOINT_LEN_MAX)
        WN_FAIL(err, WN_ERR_ARGUMENT, "HF_ENDPOINT is '%.200s', expected https:// and a host",
                given);
    out->endpoint = wn_args_printf(args, "%.*s", (int)n, given);
    if (out->endpoint == NULL)
        return no_memory(err);
    out->shown_endpoint = shown_endpoint(args, out->endpoint);
    return out->shown_endpoint == NULL ? no_memory(err) : WN_OK;
}

/* Whether a variable says yes, in any case of letters. */
static bool is_on(const char *value)
{
    static const char *const words[] = {"1", "on", "yes", "true"};
    for (size_t i = 0; value != NULL && i < WN_ARRAY_LEN(words); i++)
        if (strcasecmp(value, words[i]) == 0)
            return true;
    return false;
}

static void note(void *user, const char *text)
{
    wn_program_note(user, "winnow: %s\n", text);
}

static void no_progress(void *user, uint64_t n_done, uint64_t n_bytes)
{
    (void)user, (void)n_done, (void)n_bytes;
}

wn_status wn_hub_settings_read(wn_hub_settings *out, wn_program *program, wn_error *err)
{
    wn_args *args = &program->args;
    wn_hub_settings settings = {.timeout_s = (int32_t)wn_args_int(args, WN_OPT_FETCH_TIMEOUT),
                                .n_retries = (int32_t)wn_args_int(args, WN_OPT_RETRIES),
                                .n_connections = (int32_t)wn_args_int(args, WN_OPT_CONNECTIONS),
                                .ca_file = wn_options_env("SSL_CERT_FILE"),
                                .should_stop = wn_program_should_stop,
                                .progress = no_progress,
                                .note = note,
                                .user = program};
    WN_TRY(wn_hub_cache_dir(&settings.cache, args, err));
    WN_TRY(read_endpoint(&settings, args, err));
    WN_TRY(read_token(&settings.token, args, err));
    *out = settings;
    return WN_OK;
}

wn_status wn_hub_check_online(wn_error *err)
{
    static const char *const names[] = {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"};
    const char *first = wn_options_env(names[0]);
    const char *name = names[first == NULL];
    if (is_on(wn_options_env(name)))
        WN_FAIL(err, WN_ERR_ARGUMENT, "%s is set: nothing is fetched", name);
    return WN_OK;
}

/* ---- names ----------------------------------------------------------------------------------- */

wn_status wn_hub_repo_read(wn_repo *out, const char *text, wn_error *err)
{
    if (wn_repo_parse(out, wn_str_from(text)))
        return WN_OK;
    WN_FAIL(err, WN_ERR_ARGUMENT,
            "'%s' is no name of a model: those look like ORG/NAME or ORG/NAME@REVISION, such as "
            "cross-encoder/ms-marco-MiniLM-L6-v2",
            text);
}

/* Neither is it there; other revisions of it may be. */
static wn_status fail_missing(const char *given, const char *cache, const wn_repo *repo,
                              wn_error *err)
{
    wn_inventory others;
    wn_error why = {0};
    bool some = wn_inventory_read(&others, cache, repo, false, &why) == WN_OK;
    const wn_cached_model *first = some ? &others.models[0] : NULL;
    const char *revision = !some ? "" : first->refs[0] != '\0' ? first->refs : first->commit;
    wn_status status = wn_error_set(
        err, WN_ERR_FORMAT, WN_WHERE,
        "model '%s' is neither a directory nor in the cache '%s'%s%s%s%s: winnow pull %s", given,
        cache, some ? ", which has " : "", some ? repo->id : "", some ? "@" : "", revision, given);
    wn_inventory_deinit(&others);
    return status;
}

wn_status wn_hub_find_model(const char **dir, const char **id, wn_args *args, const char *given,
                            wn_error *err)
{
    wn_repo repo;
    struct stat info;
    const char *cache;
    wn_buf path = WN_BUF_INIT;
    bool found = false;
    *dir = given;
    *id = NULL;
    if (given == NULL || stat(given, &info) == 0 || !wn_repo_parse(&repo, wn_str_from(given)))
        return WN_OK;
    WN_TRY(wn_hub_cache_dir(&cache, args, err));
    wn_status status = wn_cache_find(&path, &found, cache, &repo, err);
    if (status == WN_OK && !found)
        status = fail_missing(given, cache, &repo, err);
    if (status == WN_OK) {
        *dir = wn_args_printf(args, "%s", path.ptr);
        *id = wn_args_printf(args, "%s", repo.id);
        status = *dir == NULL || *id == NULL ? no_memory(err) : WN_OK;
    }
    wn_buf_deinit(&path);
    return status;
}

wn_status wn_hub_resolve_option(wn_args *args, wn_error *err)
{
    const char *dir, *id, *given = wn_args_text(args, WN_OPT_MODEL);
    struct stat info;
    WN_TRY(wn_hub_find_model(&dir, &id, args, given, err));
    if (dir != NULL && stat(dir, &info) != 0 && errno == ENOENT)
        WN_FAIL(err, WN_ERR_FORMAT,
                "model '%s': %s; a published model is called ORG/NAME, and fetched by winnow pull",
                dir, strerror(errno));
    if (dir != given)
        args->values[WN_OPT_MODEL].text = dir;
    return WN_OK;
}
