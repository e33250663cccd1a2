/* The server: listens, runs the event loop, and ends gracefully.
 * Life: the port opens at once; requests get 503 until the model is loaded and has passed its
 * self-test; SIGTERM makes it unready, keeps accepting for a while, then lets what is under way
 * finish; a second one skips the while; SIGINT does that at once; SIGQUIT ends without waiting.
 * SIGHUP reads settings, keys and certificates again; when something is wrong with one of them, all
 * stay as they are.
 * Thread rule: main thread. */
#ifndef WN_SERVE_SERVER_H
#define WN_SERVE_SERVER_H

#include "base/log.h"
#include "serve/http_conn.h"
#include "serve/sandbox.h"
#include "serve/service.h"
#include "serve/tls.h"

/* What a running server can take over. */
typedef struct wn_server_tunable {
    wn_log_level log_level;
    int32_t max_connections;
    int32_t drain_delay_ms, drain_timeout_ms;
    wn_tls *tls; /* of new connections; NULL: none */
} wn_server_tunable;

typedef struct wn_server_options {
    wn_service_options service;
    wn_conn_limits limits;
    const char *host;          /* address or name */
    int32_t port;              /* 0: any free one */
    int listen_fd;             /* a socket that listens already, in their place; -1: none */
    const char *notify_socket; /* of the service manager; NULL: none */
    uint64_t watchdog_us;      /* how often it wants to hear of us at least; 0: it does not */
    wn_server_tunable tunable;
    wn_sandbox_options sandbox; /* the state directory is added to it */
    bool cancel_on_eof;
    wn_log *log;
    void (*ready)(void *user, const char *url, const char *model); /* told once */
    /* At SIGHUP, on a thread of its own: the tunables as they shall be from now on. */
    wn_status (*reload)(void *user, wn_server_tunable *out, wn_error *err);
    void (*reloaded)(void *user, const wn_error *err); /* told after each; NULL: all is well */
    void *user;
} wn_server_options;

/* Serve until a signal ends it.
 * Fails:   WN_ERR_IO when the address cannot be used, WN_ERR_MEMORY, and as wn_engine_open() when
 *          the model cannot be loaded; WN_ERR_LIMIT when requests were cut short at the end.
 * Owns:    frees options->tunable.tls and those that reload() gives. */
WN_MUST_USE wn_status wn_server_run(const wn_server_options *options, wn_error *err);

#endif
