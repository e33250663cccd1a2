/* winnow serve: turns the command line into the server's options, and refuses those that would open
 * it to everybody by accident. */
#include "cli/program.h"

#include "base/str.h"
#include "base/thread.h"
#include "serve/server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WN_WHERE "cli/serve"

static int64_t number(const wn_args *args, wn_option_id id, int64_t fallback)
{
    return wn_args_has(args, id) ? wn_args_int(args, id) : fallback;
}

static const char *text(const wn_args *args, wn_option_id id, const char *fallback)
{
    return wn_args_has(args, id) ? wn_args_text(args, id) : fallback;
}

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

static int32_t default_workers(const wn_args *args)
{
    int32_t threads = (int32_t)number(args, WN_OPT_THREADS, wn_thread_count());
    return WN_MAX(threads / 4, 1);
}

wn_status wn_cmd_serve(wn_program *program, wn_error *err)
{
    static const wn_log_level levels[] = {WN_LOG_INFO, WN_LOG_DEBUG, WN_LOG_WARN, WN_LOG_ERROR};
    const wn_args *args = &program->args;
    const char *host = text(args, WN_OPT_HOST, "127.0.0.1");
    const char *key = wn_args_text(args, WN_OPT_API_KEY);
    if (key != NULL && key[0] == '\0')
        WN_FAIL(err, WN_ERR_ARGUMENT, "--api-key is empty");
    WN_TRY(wn_program_check_model(wn_args_text(args, WN_OPT_MODEL), err));
    wn_buf state = WN_BUF_INIT;
    const char *state_dir;
    WN_TRY(wn_program_state_dir(&state, &state_dir, program, err));
    wn_log log = {.fd = STDERR_FILENO,
                  .level = levels[wn_args_int(args, WN_OPT_LOG_LEVEL)],
                  .json = wn_args_int(args, WN_OPT_LOG_FORMAT) == 1};
    wn_server_options options = {
        .service =
            {
                .backend = {.model_dir = wn_args_text(args, WN_OPT_MODEL),
                            .cpu_level = wn_args_text(args, WN_OPT_CPU_LEVEL),
                            .n_threads = (int32_t)wn_args_int(args, WN_OPT_THREADS),
                            .batch_tokens = (int32_t)wn_args_int(args, WN_OPT_BATCH_TOKENS),
                            .max_wait_ns =
                                (uint64_t)wn_args_int(args, WN_OPT_MAX_QUEUE_WAIT) * 1000000,
                            .n_workers =
                                (int32_t)number(args, WN_OPT_WORKERS, default_workers(args))},
                .accounts = {.state_dir = state_dir,
                             .static_keys = &key,
                             .n_static_keys = key != NULL,
                             .static_rpm = wn_args_int(args, WN_OPT_RPM),
                             .static_tpm = wn_args_int(args, WN_OPT_TPM),
                             .log = &log},
                .needs_keys = !is_loopback(host) && !wn_args_has(args, WN_OPT_INSECURE_NO_AUTH),
                .served_model_name = wn_args_text(args, WN_OPT_SERVED_MODEL_NAME),
                .strict_models = wn_args_has(args, WN_OPT_STRICT_MODELS),
                .request_timeout_ms = (int32_t)wn_args_int(args, WN_OPT_REQUEST_TIMEOUT),
                .memory_limit = (uint64_t)wn_args_int(args, WN_OPT_MEMORY_LIMIT) << 20,
                .log = &log,
            },
        .limits = WN_CONN_LIMITS_DEFAULT,
        .host = host,
        .port = (int32_t)number(args, WN_OPT_PORT, 8080),
        .max_connections = (int32_t)number(args, WN_OPT_MAX_CONNECTIONS, 10000),
        .drain_delay_ms = (int32_t)number(args, WN_OPT_DRAIN_DELAY, 5000),
        .drain_timeout_ms = (int32_t)number(args, WN_OPT_DRAIN_TIMEOUT, 25000),
        .cancel_on_eof = wn_args_int(args, WN_OPT_HALF_CLOSE) == 0,
        .log = &log,
        .ready = say_ready,
        .user = program,
    };
    options.limits.body_bytes = (size_t)number(args, WN_OPT_BODY_LIMIT, 32 << 20);
    wn_status status = wn_server_run(&options, err);
    wn_buf_deinit(&state);
    return status;
}
