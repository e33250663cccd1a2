/* winnow serve: turns the command line into the server's options, and refuses those that would open
 * it to everybody by accident. */
#include "cli/program.h"

#include "base/thread.h"
#include "cli/settings.h"
#include "serve/server.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#define WN_WHERE "cli/serve"

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

static void say_ready(void *user, const char *url, const char *model)
{
    wn_program_note(
        user,
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

wn_status wn_serve_check(const wn_args *args, wn_error *err)
{
    const char *key = wn_args_text(args, WN_OPT_API_KEY);
    if (key != NULL && key[0] == '\0')
        WN_FAIL(err, WN_ERR_ARGUMENT, "--api-key is empty");
    return wn_program_check_model(wn_args_text(args, WN_OPT_MODEL), err);
}

static void note_ignored(const wn_program *program)
{
    for (size_t i = 0; wn_aliases[i].name != NULL || wn_aliases[i].variable != NULL; i++) {
        const wn_alias *alias = &wn_aliases[i];
        if ((program->args.ignored >> i & 1) != 0)
            wn_program_note(program, "winnow: note: '%s' has no effect: %s\n",
                            alias->name != NULL ? alias->name : alias->variable, alias->note);
    }
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

static wn_service_options service_options(const wn_args *args, const char *const *key, wn_log *log)
{
    bool open_to_others = !is_loopback(wn_args_text(args, WN_OPT_HOST));
    return (wn_service_options){
        .backend = {.model_dir = wn_args_text(args, WN_OPT_MODEL),
                    .cpu_level = wn_args_text(args, WN_OPT_CPU_LEVEL),
                    .n_threads = (int32_t)wn_args_int(args, WN_OPT_THREADS),
                    .batch_tokens = (int32_t)wn_args_int(args, WN_OPT_BATCH_TOKENS),
                    .max_wait_ns = (uint64_t)wn_args_int(args, WN_OPT_MAX_QUEUE_WAIT) * 1000000,
                    .n_workers = n_workers(args)},
        .accounts = {.static_keys = key,
                     .n_static_keys = *key != NULL,
                     .static_rpm = wn_args_int(args, WN_OPT_RPM),
                     .static_tpm = wn_args_int(args, WN_OPT_TPM),
                     .log = log},
        .needs_keys = open_to_others && !wn_args_has(args, WN_OPT_INSECURE_NO_AUTH),
        .served_model_name = wn_args_text(args, WN_OPT_SERVED_MODEL_NAME),
        .strict_models = wn_args_has(args, WN_OPT_STRICT_MODELS),
        .request_timeout_ms = (int32_t)wn_args_int(args, WN_OPT_REQUEST_TIMEOUT),
        .memory_limit = (uint64_t)wn_args_int(args, WN_OPT_MEMORY_LIMIT) << 20,
        .log = log,
    };
}

wn_status wn_cmd_serve(wn_program *program, wn_error *err)
{
    static const wn_log_level levels[] = {WN_LOG_INFO, WN_LOG_DEBUG, WN_LOG_WARN, WN_LOG_ERROR};
    const wn_args *args = &program->args;
    const char *key = wn_args_text(args, WN_OPT_API_KEY);
    if (wn_args_has(args, WN_OPT_PRINT_CONFIG))
        return print_config(program, err);
    WN_TRY(wn_serve_check(args, err));
    note_ignored(program);
    wn_log log = {.fd = STDERR_FILENO,
                  .level = levels[wn_args_int(args, WN_OPT_LOG_LEVEL)],
                  .json = wn_args_int(args, WN_OPT_LOG_FORMAT) == 1};
    wn_server_options options = {
        .service = service_options(args, &key, &log),
        .limits = WN_CONN_LIMITS_DEFAULT,
        .host = wn_args_text(args, WN_OPT_HOST),
        .port = (int32_t)wn_args_int(args, WN_OPT_PORT),
        .max_connections = (int32_t)wn_args_int(args, WN_OPT_MAX_CONNECTIONS),
        .drain_delay_ms = (int32_t)wn_args_int(args, WN_OPT_DRAIN_DELAY),
        .drain_timeout_ms = (int32_t)wn_args_int(args, WN_OPT_DRAIN_TIMEOUT),
        .cancel_on_eof = wn_args_int(args, WN_OPT_HALF_CLOSE) == 0,
        .log = &log,
        .ready = say_ready,
        .user = program,
    };
    options.limits.body_bytes = (size_t)wn_args_int(args, WN_OPT_BODY_LIMIT);
    wn_buf state = WN_BUF_INIT;
    wn_status status =
        wn_program_state_dir(&state, &options.service.accounts.state_dir, program, err);
    if (status == WN_OK)
        status = wn_server_run(&options, err);
    wn_buf_deinit(&state);
    return status;
}
