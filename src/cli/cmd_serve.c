/* winnow serve: turns the command line into the server's options, and refuses those that would open
 * it to everybody by accident. */
#define _DEFAULT_SOURCE /* realpath */
#include "cli/program.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "cli/model_list.h"
#include "cli/pid_file.h"
#include "cli/price_file.h"
#include "cli/settings.h"
#include "cli/systemd.h"
#include "serve/cors.h"
#include "serve/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WN_WHERE "cli/serve"
#define MOD      "cli.serve"

/* Whether only this machine can reach the address. */
static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcmp(host, "localhost") == 0;
}

/* A server that runs. */
typedef struct serving {
    const wn_program *program;
    wn_log *log;
    const char *pid_file; /* NULL: none */
    uint64_t n_reloads;
} serving;

static void say_ready(void *user, const char *url, const char *model)
{
    const serving *own = user;
    wn_program_note(
        own->program,
        "winnow: ready at %s with %s\n"
        "try:    curl %s/v1/rerank -H 'Content-Type: application/json' \\\n"
        "          -d '{\"query\": \"capital of France\", \"documents\": [\"Berlin is in "
        "Germany.\", \"Paris is the capital of France.\"]}'\n",
        url, model, url);
}

static int32_t n_workers(const wn_args *args)
{
    int64_t threads = wn_args_int(args, WN_OPT_THREADS);
    if (wn_args_has(args, WN_OPT_WORKERS))
        return (int32_t)wn_args_int(args, WN_OPT_WORKERS);
    return WN_MAX((int32_t)(threads > 0 ? threads : wn_thread_count()) / 4, 1);
}

/* The certificates of the settings; NULL when there are none. */
static wn_status open_tls(wn_tls **out, const wn_args *args, wn_error *err)
{
    const wn_tls_options options = {.cert_file = wn_args_text(args, WN_OPT_TLS_CERT),
                                    .key_file = wn_args_text(args, WN_OPT_TLS_KEY),
                                    .client_ca_file = wn_args_text(args, WN_OPT_TLS_CLIENT_CA)};
    *out = NULL;
    if ((options.cert_file == NULL) != (options.key_file == NULL))
        WN_FAIL(err, WN_ERR_ARGUMENT, "--tls-cert and --tls-key go together");
    if (options.client_ca_file != NULL && options.cert_file == NULL)
        WN_FAIL(err, WN_ERR_ARGUMENT, "--tls-client-ca needs --tls-cert and --tls-key");
    return options.cert_file == NULL ? WN_OK : wn_tls_new(out, &options, err);
}

static wn_status check_origins(const char *origins, wn_error *err)
{
    wn_str wrong;
    if (origins != NULL && !wn_cors_is_valid(wn_str_from(origins), &wrong))
        WN_FAIL(err, WN_ERR_ARGUMENT,
                "--cors-allow-origin: '%.*s' is no origin, such as https://app.example",
                WN_STR_ARG(wrong));
    return WN_OK;
}

static wn_status read_proxies(wn_networks *out, const wn_args *args, wn_error *err)
{
    wn_str list = wn_str_from(wn_args_text(args, WN_OPT_TRUSTED_PROXIES));
    wn_status status = wn_networks_parse(out, list, err);
    return status == WN_OK ? WN_OK : wn_error_prefix(err, status, "--trusted-proxies");
}

static wn_status check_reports(const char *dir, wn_error *err)
{
    struct stat info;
    if (dir == NULL || (stat(dir, &info) == 0 && S_ISDIR(info.st_mode)))
        return WN_OK;
    WN_FAIL(err, WN_ERR_ARGUMENT, "--reports: '%s' is no folder", dir);
}

wn_status wn_serve_check(wn_args *args, wn_error *err)
{
    wn_networks proxies;
    WN_TRY(check_origins(wn_args_text(args, WN_OPT_CORS_ALLOW_ORIGIN), err));
    WN_TRY(read_proxies(&proxies, args, err));
    WN_TRY(check_reports(wn_args_text(args, WN_OPT_REPORTS), err));
    static const wn_option_id keys[] = {WN_OPT_API_KEY, WN_OPT_ADMIN_KEY};
    for (size_t i = 0; i < WN_ARRAY_LEN(keys); i++) {
        const char *key = wn_args_text(args, keys[i]);
        if (key != NULL && key[0] == '\0')
            WN_FAIL(err, WN_ERR_ARGUMENT, "--%s is empty", wn_options[keys[i]].name);
    }
    wn_tls *tls;
    WN_TRY(open_tls(&tls, args, err));
    wn_tls_free(tls);
    wn_prices *prices;
    WN_TRY(wn_price_file_read(&prices, wn_args_text(args, WN_OPT_PRICES), err));
    wn_mem_free(prices);
    wn_model_list models;
    WN_TRY(wn_model_list_read(&models, args, err));
    for (size_t i = 0; i < models.n; i++)
        WN_TRY(wn_program_check_model(models.at[i].dir, err));
    return WN_OK;
}

/* ---- reloading ------------------------------------------------------------------------------- */

static wn_status tunable_of(wn_server_tunable *out, const wn_args *args, wn_error *err)
{
    static const wn_log_level levels[] = {WN_LOG_INFO, WN_LOG_DEBUG, WN_LOG_WARN, WN_LOG_ERROR};
    wn_tls *tls;
    WN_TRY(open_tls(&tls, args, err));
    *out = (wn_server_tunable){
        .log_level = levels[wn_args_int(args, WN_OPT_LOG_LEVEL)],
        .max_connections = (int32_t)wn_args_int(args, WN_OPT_MAX_CONNECTIONS),
        .drain_delay_ms = (int32_t)wn_args_int(args, WN_OPT_DRAIN_DELAY),
        .drain_timeout_ms = (int32_t)wn_args_int(args, WN_OPT_DRAIN_TIMEOUT),
        .tls = tls,
    };
    return WN_OK;
}

/* Say which changed settings only a new start takes over. */
static void log_unchanged(wn_log *log, const wn_args *then, const wn_args *now)
{
    for (int i = 0; i < WN_OPT_COUNT; i++) {
        const wn_option *option = &wn_options[i];
        if ((option->commands & WN_FOR(SERVE)) == 0 || option->reload ||
            wn_str_equal(wn_str_from(then->values[i].text), wn_str_from(now->values[i].text)))
            continue;
        wn_log_line line = wn_log_begin(log, WN_LOG_WARN, MOD, "needs_restart");
        wn_log_text(&line, "setting", wn_str_from(option->name));
        wn_log_end(&line);
    }
}

static wn_status reload(void *user, wn_server_tunable *out, wn_error *err)
{
    const serving *own = user;
    const wn_program *program = own->program;
    wn_args args;
    WN_TRY(wn_args_parse(&args, program->argc, program->argv, err));
    wn_status status = wn_settings_load(&args, program->environment, err);
    if (status == WN_OK)
        status = wn_serve_check(&args, err);
    if (status == WN_OK)
        status = tunable_of(out, &args, err);
    if (status == WN_OK)
        log_unchanged(own->log, &program->args, &args);
    wn_args_deinit(&args);
    return status;
}

static void reloaded(void *user, const wn_error *failure)
{
    serving *own = user;
    wn_error err;
    own->n_reloads++;
    if (own->pid_file == NULL ||
        wn_pid_file_report(own->pid_file, own->n_reloads, failure == NULL ? "ok" : failure->message,
                           &err) == WN_OK)
        return;
    wn_log_line line = wn_log_begin(own->log, WN_LOG_ERROR, MOD, "report_failed");
    wn_log_text(&line, "reason", wn_str_from(err.message));
    wn_log_end(&line);
}

/* ---- running --------------------------------------------------------------------------------- */

static void note_ignored(const wn_program *program)
{
    for (size_t i = 0; wn_aliases[i].name != NULL || wn_aliases[i].variable != NULL; i++) {
        const wn_alias *alias = &wn_aliases[i];
        if ((program->args.ignored >> i & 1) != 0)
            wn_program_note(program, "winnow: note: '%s' has no effect: %s\n",
                            alias->name != NULL ? alias->name : alias->variable, alias->note);
    }
}

/* A mistyped name would be a setting that is silently not made. */
static void note_unknown(const wn_program *program)
{
    wn_str name;
    for (const char *const *at = program->environment; wn_settings_find_unknown(&name, &at);)
        wn_program_note(program,
                        "winnow: note: '%.*s' in the environment is the name of no option\n",
                        WN_STR_ARG(name));
}

static wn_status print_config(wn_program *program, wn_error *err)
{
    wn_buf out = WN_BUF_INIT;
    if (wn_args_has(&program->args, WN_OPT_JSON))
        wn_settings_push_json(&out, &program->args);
    else
        wn_settings_push(&out, &program->args);
    wn_status status = wn_program_write(program, &out, err);
    wn_buf_deinit(&out);
    return status;
}

static wn_service_options service_options(const wn_args *args, const char *host,
                                          const wn_model_list *models, wn_log *log)
{
    bool needs_keys = !is_loopback(host) && !wn_args_has(args, WN_OPT_INSECURE_NO_AUTH);
    return (wn_service_options){
        .backend = {.cpu_level = wn_args_text(args, WN_OPT_CPU_LEVEL),
                    .dtype = wn_program_dtype(args),
                    .task = wn_args_text(args, WN_OPT_TASK),
                    .n_threads = (int32_t)wn_args_int(args, WN_OPT_THREADS),
                    .batch_tokens = (int32_t)wn_args_int(args, WN_OPT_BATCH_TOKENS),
                    .max_wait_ns = (uint64_t)wn_args_int(args, WN_OPT_MAX_QUEUE_WAIT) * 1000000,
                    .n_workers = n_workers(args),
                    .cache_bytes = (uint64_t)wn_args_int(args, WN_OPT_SCORE_CACHE) << 20,
                    .vector_bytes = (uint64_t)wn_args_int(args, WN_OPT_VECTOR_CACHE) << 20,
                    .vector_format = wn_args_int(args, WN_OPT_VECTOR_FORMAT) == 1 ? WN_VECTOR_INT8
                                                                                  : WN_VECTOR_F32,
                    .cache_dir = wn_args_text(args, WN_OPT_CACHE_DIR),
                    .commercial = wn_args_int(args, WN_OPT_REQUIRE_LICENCE) == 1,
                    .log = log},
        .accounts = {.api_key = wn_args_text(args, WN_OPT_API_KEY),
                     .admin_key = wn_args_text(args, WN_OPT_ADMIN_KEY),
                     .static_rpm = wn_args_int(args, WN_OPT_RPM),
                     .static_tpm = wn_args_int(args, WN_OPT_TPM),
                     .log = log},
        .open_address = needs_keys ? host : NULL,
        .models = models->at,
        .n_models = models->n,
        .model_root = wn_args_text(args, WN_OPT_MODEL_ROOT),
        .share_scores = wn_args_int(args, WN_OPT_CACHE_SCOPE) == 1,
        .predict_route = wn_args_text(args, WN_OPT_PREDICT_ROUTE),
        .health_route = wn_args_text(args, WN_OPT_HEALTH_ROUTE),
        .tei_headers = wn_args_has(args, WN_OPT_TEI_HEADERS),
        .cors_origins = wn_args_text(args, WN_OPT_CORS_ALLOW_ORIGIN),
        .reports_dir = wn_args_text(args, WN_OPT_REPORTS),
        .body_bytes = (uint64_t)wn_args_int(args, WN_OPT_BODY_LIMIT),
        .no_ui = wn_args_has(args, WN_OPT_NO_UI),
        .strict_models = wn_args_has(args, WN_OPT_STRICT_MODELS),
        .request_timeout_ms = (int32_t)wn_args_int(args, WN_OPT_REQUEST_TIMEOUT),
        .stuck_after_ms = (int32_t)wn_args_int(args, WN_OPT_STUCK_AFTER),
        .metrics_of_tei = wn_args_int(args, WN_OPT_METRICS_COMPAT) == 1,
        .memory_limit = (uint64_t)wn_args_int(args, WN_OPT_MEMORY_LIMIT) << 20,
        .log = log,
    };
}

/* The folder of a file, and that of the file which a link there leads to: files are replaced by
 * others of their name. */
static void add_folder(wn_sandbox_paths *paths, wn_args *texts, const char *file)
{
    char real[PATH_MAX];
    const char *names[] = {file, file != NULL ? realpath(file, real) : NULL};
    for (size_t i = 0; i < WN_ARRAY_LEN(names); i++) {
        const char *slash = names[i] != NULL ? strrchr(names[i], '/') : NULL;
        if (names[i] == NULL || slash == names[i])
            wn_sandbox_add(paths, names[i]); /* not all of the root */
        else if (slash == NULL)
            wn_sandbox_add(paths, ".");
        else
            wn_sandbox_add(paths, wn_args_printf(texts, "%.*s", (int)(slash - names[i]), names[i]));
    }
}

/* What a reload reads again, and where it tells how it went. */
static wn_sandbox_options sandbox_options(wn_args *args, const char *const *environment,
                                          const char *pid_file)
{
    static const wn_sandbox_mode modes[] = {WN_SANDBOX_AUTO, WN_SANDBOX_ON, WN_SANDBOX_OFF};
    wn_sandbox_options options = {.mode = modes[wn_args_int(args, WN_OPT_SANDBOX)],
                                  .user = wn_args_text(args, WN_OPT_USER)};
    for (int i = 0; i < WN_OPT_COUNT; i++) {
        const wn_option_value *value = &args->values[i];
        if ((wn_options[i].commands & WN_FOR(SERVE)) != 0 && i != WN_OPT_PID_FILE)
            add_folder(&options.readable, args,
                       wn_options[i].kind == WN_VALUE_FILE ? value->text : value->file);
    }
    add_folder(&options.readable, args, WN_SETTINGS_SYSTEM_FILE);
    add_folder(&options.readable, args, wn_settings_user_file(args, environment));
    add_folder(&options.writable, args, pid_file);
    wn_sandbox_add(&options.writable, wn_args_text(args, WN_OPT_CACHE_DIR));
    return options;
}

/* Before the sandbox, which knows directories that are there. */
static wn_status make_cache_dir(const char *path, wn_error *err)
{
    if (path != NULL && mkdir(path, 0700) != 0 && errno != EEXIST)
        WN_FAIL(err, WN_ERR_IO, "cannot make the cache's directory '%s': %s", path,
                strerror(errno));
    return WN_OK;
}

static wn_status run(serving *own, wn_args *args, const wn_systemd *systemd, wn_error *err)
{
    const char *host =
        systemd->listen_fd >= 0 ? systemd->listen_host : wn_args_text(args, WN_OPT_HOST);
    wn_buf state = WN_BUF_INIT;
    wn_model_list models;
    WN_TRY(wn_model_list_read(&models, args, err));
    wn_server_options options = {
        .service = service_options(args, host, &models, own->log),
        .limits = WN_CONN_LIMITS_DEFAULT,
        .host = host,
        .listen_fd = systemd->listen_fd,
        .sandbox = sandbox_options(args, own->program->environment, own->pid_file),
        .notify_socket = systemd->notify_socket,
        .watchdog_us = systemd->watchdog_us,
        .port = (int32_t)wn_args_int(args, WN_OPT_PORT),
        .cancel_on_eof = wn_args_int(args, WN_OPT_HALF_CLOSE) == 0,
        .log = own->log,
        .ready = say_ready,
        .reload = reload,
        .reloaded = reloaded,
        .user = own,
    };
    options.limits.body_bytes = (size_t)options.service.body_bytes;
    wn_prices *prices = NULL;
    wn_status status;
    WN_TRY_OUT(wn_price_file_read(&prices, wn_args_text(args, WN_OPT_PRICES), err));
    options.service.prices = prices;
    WN_TRY_OUT(
        wn_program_state_dir(&state, &options.service.accounts.state_dir, own->program, err));
    WN_TRY_OUT(read_proxies(&options.service.trusted_proxies, args, err));
    WN_TRY_OUT(make_cache_dir(wn_args_text(args, WN_OPT_CACHE_DIR), err));
    WN_TRY_OUT(tunable_of(&options.tunable, args, err));
    own->log->level = options.tunable.log_level;
    status = wn_server_run(&options, err);
out:
    wn_mem_free(prices);
    wn_buf_deinit(&state);
    return status;
}

wn_status wn_cmd_serve(wn_program *program, wn_error *err)
{
    wn_args *args = &program->args;
    wn_buf path = WN_BUF_INIT;
    wn_systemd systemd;
    wn_log log = {.fd = STDERR_FILENO, .json = wn_args_int(args, WN_OPT_LOG_FORMAT) == 1};
    serving own = {.program = program, .log = &log};
    if (wn_args_has(args, WN_OPT_PRINT_CONFIG))
        return print_config(program, err);
    WN_TRY(wn_serve_check(args, err));
    WN_TRY(wn_systemd_read(&systemd, err));
    log.priorities = systemd.journal;
    note_ignored(program);
    note_unknown(program);
    if (!wn_pid_file_path(&path, &own.pid_file, wn_args_text(args, WN_OPT_PID_FILE)))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a path");
    wn_status status = WN_OK;
    if (own.pid_file != NULL)
        status = wn_pid_file_write(own.pid_file, err);
    if (status == WN_OK) {
        status = run(&own, args, &systemd, err);
        if (own.pid_file != NULL)
            wn_pid_file_remove(own.pid_file);
    }
    wn_buf_deinit(&path);
    return status;
}
