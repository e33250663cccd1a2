/* See server.h. */
#define _GNU_SOURCE /* getaddrinfo */
#include "serve/server.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "base/thread.h"
#include "serve/loop.h"
#include "serve/notify.h"
#include "serve/state.h"

#include <errno.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WN_WHERE        "serve/server"
#define MOD             "serve"
#define BACKLOG         1024
#define ACCEPT_AGAIN_MS 100 /* after running out of descriptors */
#define HEARTBEAT_US    1000000
#define PATIENCE_US     30000000 /* more than a heartbeat, asked of the service manager */
#define LISTENERS_MAX   8        /* addresses of one host */
/* What the kernel takes of answers beyond what it has sent, which is megabytes if it may. */
#define UNSENT_BYTES_MAX (128 * 1024)

typedef struct server {
    const wn_server_options *options;
    wn_service *service;
    wn_loop loop;
    struct evconnlistener *listeners[LISTENERS_MAX]; /* [n_listeners] */
    size_t n_listeners;
    struct event *signals[4];
    struct event *loaded, *reloaded, *accept_again, *drain, *heartbeat;
    wn_notify notify;
    uint64_t beat_ns, period_ns; /* the last heartbeat; between two */
    wn_sandbox sandbox;
    wn_server_tunable tunable;
    wn_thread *reloader; /* NULL: no reload is under way */
    bool reload_again;   /* behind the one under way */
    wn_server_tunable next;
    wn_error reload_error;  /* status WN_OK: none */
    bool draining, closing; /* unready; not accepting any more */
    bool cut_short;
    wn_error load_error; /* status WN_OK: none */
    char url[320];
} server;

static void log_event(server *s, wn_log_level level, const char *event)
{
    wn_log_line line = wn_log_begin(s->options->log, level, MOD, event);
    wn_log_end(&line);
}

static void log_failure(server *s, const char *event, const char *reason)
{
    wn_log_line line = wn_log_begin(s->options->log, WN_LOG_ERROR, MOD, event);
    wn_log_text(&line, "reason", wn_str_from(reason));
    wn_log_end(&line);
}

/* ---- ending ---------------------------------------------------------------------------------- */

static void start_timer(struct event *timer, int32_t ms)
{
    const struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(timer, &wait);
}

static void stop(server *s)
{
    event_base_loopbreak(s->loop.base);
}

static void on_emptied(void *owner)
{
    stop(owner);
}

static void free_listeners(server *s)
{
    while (s->n_listeners > 0)
        evconnlistener_free(s->listeners[--s->n_listeners]);
}

static void close_listener(server *s)
{
    s->closing = true;
    free_listeners(s);
    log_event(s, WN_LOG_INFO, "listener_closed");
    start_timer(s->drain, s->tunable.drain_timeout_ms);
    wn_loop_drain(&s->loop);
}

/* The delay is over, or the patience. */
static void on_drain(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    server *s = arg;
    if (!s->closing) {
        close_listener(s);
        return;
    }
    s->cut_short = true;
    stop(s);
}

/* ---- reloading ------------------------------------------------------------------------------- */

/* On its own thread: files and the store may be slow. */
static void reload(void *arg)
{
    server *s = arg;
    const wn_server_options *o = s->options;
    wn_status status = o->reload(o->user, &s->next, &s->reload_error);
    if (status == WN_OK) {
        status = wn_service_reload(s->service, &s->reload_error);
        if (status != WN_OK)
            wn_tls_free(s->next.tls);
    }
    if (status == WN_OK)
        s->reload_error.status = WN_OK;
    event_active(s->reloaded, EV_READ, 1);
}

/* Tell log, service manager and the options' owner how a reload went; NULL: well. */
static void tell_reload(server *s, const wn_error *failure)
{
    if (failure == NULL)
        log_event(s, WN_LOG_INFO, "reloaded");
    else
        log_failure(s, "reload_failed", failure->message);
    wn_notify_send(&s->notify, "READY=1\nSTATUS=%s",
                   failure == NULL ? "serving" : "serving; the last reload was refused");
    s->options->reloaded(s->options->user, failure);
}

static void begin_reload(server *s)
{
    wn_error err;
    s->reload_again = s->reloader != NULL;
    if (s->reload_again)
        return;
    wn_notify_send(&s->notify, "RELOADING=1\nMONOTONIC_USEC=%llu",
                   (unsigned long long)(wn_clock_ns() / 1000));
    if (wn_thread_start(&s->reloader, "wn-reload", reload, s, &err) != WN_OK)
        tell_reload(s, &err);
}

static void take_over(server *s)
{
    wn_tls_free(s->tunable.tls);
    s->tunable = s->next;
    s->loop.tls = s->tunable.tls;
    s->loop.n_links_max = (size_t)s->tunable.max_connections;
    s->options->log->level = s->tunable.log_level;
}

static void on_reloaded(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    server *s = arg;
    bool ok = s->reload_error.status == WN_OK;
    wn_thread_join(s->reloader);
    s->reloader = NULL;
    if (ok)
        take_over(s);
    tell_reload(s, ok ? NULL : &s->reload_error);
    if (s->reload_again)
        begin_reload(s);
}

/* ---- signals --------------------------------------------------------------------------------- */

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    server *s = arg;
    wn_log_line line = wn_log_begin(s->options->log, WN_LOG_INFO, MOD, "signal");
    wn_log_int(&line, "number", number);
    wn_log_end(&line);
    if (number == SIGQUIT) {
        s->cut_short = s->loop.n_links > 0;
        stop(s);
    } else if (number == SIGHUP) {
        begin_reload(s);
    } else if (!s->draining) {
        s->draining = true;
        wn_service_drain(s->service);
        int64_t patience_ms = s->tunable.drain_delay_ms + (int64_t)s->tunable.drain_timeout_ms;
        wn_notify_send(&s->notify, "STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC=%lld",
                       (long long)(patience_ms * 1000 + PATIENCE_US));
        start_timer(s->drain, number == SIGINT ? 0 : s->tunable.drain_delay_ms);
    } else if (!s->closing) {
        close_listener(s);
    }
}

/* ---- beginning ------------------------------------------------------------------------------- */

/* On the loader's thread. */
static void model_loaded(void *owner, const wn_error *err)
{
    server *s = owner;
    if (err != NULL)
        s->load_error = *err;
    event_active(s->loaded, EV_READ, 1);
}

/* Before the first thread, behind all that needs the user who started us. */
static wn_status enter_sandbox(server *s, wn_error *err)
{
    wn_sandbox_options options = s->options->sandbox;
    const char *state_dir = s->options->service.accounts.state_dir;
    if (state_dir != NULL && !wn_file_exists(state_dir))
        options.gift = state_dir;
    if (state_dir != NULL)
        WN_TRY(wn_state_make_dir(state_dir, err));
    wn_sandbox_add(&options.writable, state_dir);
    for (size_t i = 0; i < s->options->service.n_models; i++)
        wn_sandbox_add(&options.readable, s->options->service.models[i].dir);
    wn_sandbox_add(&options.readable, s->options->service.model_root);
    wn_sandbox_add(&options.readable, s->options->service.reports_dir);
    return wn_sandbox_enter(&s->sandbox, &options, err);
}

/* When the model is loaded, whose libraries and threads are then there. */
static wn_status seal_sandbox(server *s, wn_error *err)
{
    wn_sandbox_mode mode = s->options->sandbox.mode;
    WN_TRY(wn_sandbox_seal(&s->sandbox, mode, err));
    bool whole = s->sandbox.seccomp && s->sandbox.landlock_abi > 0;
    wn_log_line line =
        wn_log_begin(s->options->log, whole ? WN_LOG_INFO : WN_LOG_WARN, MOD, "sandbox");
    wn_log_text(&line, "mode", wn_str_from(mode == WN_SANDBOX_OFF ? "off" : "on"));
    wn_log_int(&line, "landlock_abi", s->sandbox.landlock_abi);
    wn_log_int(&line, "seccomp", s->sandbox.seccomp);
    wn_log_int(&line, "uid", getuid());
    wn_log_end(&line);
    return WN_OK;
}

static void on_loaded(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    server *s = arg;
    if (s->load_error.status != WN_OK || seal_sandbox(s, &s->load_error) != WN_OK) {
        stop(s);
        return;
    }
    wn_notify_send(&s->notify, "READY=1\nSTATUS=serving %s at %s",
                   wn_service_model_name(s->service), s->url);
    wn_log_line line = wn_log_begin(s->options->log, WN_LOG_INFO, MOD, "ready");
    wn_log_text(&line, "url", wn_str_from(s->url));
    wn_log_text(&line, "model", wn_str_from(wn_service_model_name(s->service)));
    wn_log_end(&line);
    s->options->ready(s->options->user, s->url, wn_service_model_name(s->service));
}

/* How late the timer is tells how long the loop is busy with something else. */
static void measure_lag(server *s, uint64_t now_ns)
{
    uint64_t due_ns = s->beat_ns + s->period_ns;
    bool late = s->beat_ns > 0 && now_ns > due_ns;
    wn_counter_set(&wn_service_metrics(s->service)->loop_lag_ns, late ? now_ns - due_ns : 0);
    s->beat_ns = now_ns;
}

/* While this is sent, the event loop turns and no model is stuck; while models are loaded, nobody
 * has to lose patience. */
static void on_heartbeat(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    server *s = arg;
    uint64_t now_ns = wn_clock_ns();
    measure_lag(s, now_ns);
    if (!wn_service_watch(s->service, now_ns))
        wn_notify_send(&s->notify, "WATCHDOG=1");
    if (wn_service_life(s->service) == WN_LIFE_STARTING)
        wn_notify_send(&s->notify, "EXTEND_TIMEOUT_USEC=%d", PATIENCE_US);
}

static wn_status start_heartbeat(server *s, wn_error *err)
{
    const wn_server_options *o = s->options;
    uint64_t us = o->watchdog_us > 0 ? WN_MIN(o->watchdog_us / 2, HEARTBEAT_US) : HEARTBEAT_US;
    const struct timeval period = {.tv_sec = (time_t)(us / 1000000),
                                   .tv_usec = (suseconds_t)(us % 1000000)};
    s->period_ns = us * 1000;
    WN_TRY(wn_notify_open(&s->notify, o->notify_socket, err));
    s->heartbeat = event_new(s->loop.base, -1, EV_PERSIST, on_heartbeat, s);
    if (s->heartbeat == NULL || event_add(s->heartbeat, &period) != 0)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a timer");
    wn_notify_send(&s->notify, "STATUS=loading the model\nEXTEND_TIMEOUT_USEC=%d", PATIENCE_US);
    return WN_OK;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int n, void *arg)
{
    (void)listener;
    server *s = arg;
    char client[64] = "";
    int on = 1, unsent = UNSENT_BYTES_MAX;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    (void)getnameinfo(address, (socklen_t)n, client, sizeof client, NULL, 0, NI_NUMERICHOST);
    wn_loop_accept(&s->loop, fd, client);
}

/* Out of descriptors: without a pause this would be called again at once, for ever. */
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
    server *s = arg;
    wn_log_line line = wn_log_begin(s->options->log, WN_LOG_WARN, MOD, "accept_failed");
    wn_log_text(&line, "reason", wn_str_from(strerror(EVUTIL_SOCKET_ERROR())));
    wn_log_end(&line);
    evconnlistener_disable(listener);
    start_timer(s->accept_again, ACCEPT_AGAIN_MS);
}

static void on_accept_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    server *s = arg;
    for (size_t i = 0; i < s->n_listeners; i++)
        evconnlistener_enable(s->listeners[i]);
}

static void add_listener(server *s, struct evconnlistener *listener)
{
    evconnlistener_set_error_cb(listener, on_accept_error);
    s->listeners[s->n_listeners++] = listener;
}

/* The port of the first listener: of port 0 it is any free one. */
static int port_of(const server *s)
{
    struct sockaddr_storage address;
    socklen_t n = sizeof address;
    if (s->n_listeners == 0 ||
        getsockname(evconnlistener_get_fd(s->listeners[0]), (struct sockaddr *)&address, &n) != 0)
        return s->options->port;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

static void set_url(server *s)
{
    bool bare_v6 = strchr(s->options->host, ':') != NULL;
    snprintf(s->url, sizeof s->url, "http%s://%s%s%s:%d", s->tunable.tls != NULL ? "s" : "",
             bare_v6 ? "[" : "", s->options->host, bare_v6 ? "]" : "", port_of(s));
}

/* Listen on one address of the host.  One of a family that this machine has no address of is no
 * failure: it may have another.
 * Fails:   false with errno. */
static bool listen_on(server *s, const struct addrinfo *found, unsigned flags)
{
    struct sockaddr_storage address;
    memcpy(&address, found->ai_addr, found->ai_addrlen);
    in_port_t port = htons((uint16_t)port_of(s));
    if (found->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)&address)->sin6_port = port;
    else
        ((struct sockaddr_in *)&address)->sin_port = port;
    struct evconnlistener *listener = evconnlistener_new_bind(
        s->loop.base, on_accept, s,
        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE | flags, BACKLOG,
        (struct sockaddr *)&address, (int)found->ai_addrlen);
    if (listener != NULL)
        add_listener(s, listener);
    return listener != NULL || errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT;
}

/* Listen on every address of the host: of localhost they are 127.0.0.1 and ::1. */
static wn_status open_listeners(server *s, wn_error *err)
{
    const wn_server_options *o = s->options;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    char port[16];
    snprintf(port, sizeof port, "%d", o->port);
    int code = getaddrinfo(o->host, port, &hints, &found);
    if (code != 0)
        WN_FAIL(err, WN_ERR_IO, "host '%s': %s", o->host, gai_strerror(code));
    bool ok = true;
    int reason = 0;
    for (const struct addrinfo *at = found; ok && at != NULL && s->n_listeners < LISTENERS_MAX;
         at = at->ai_next) {
        ok = listen_on(s, at, found->ai_next != NULL ? LEV_OPT_BIND_IPV6ONLY : 0);
        reason = errno;
    }
    freeaddrinfo(found);
    if (!ok || s->n_listeners == 0)
        WN_FAIL(err, WN_ERR_IO, "cannot listen on %s port %d: %s", o->host, o->port,
                strerror(reason));
    return WN_OK;
}

/* A socket that the service manager listens on for us, so that clients can wait while we start. */
static wn_status inherit_listener(server *s, wn_error *err)
{
    int fd = s->options->listen_fd;
    struct evconnlistener *listener = NULL;
    if (evutil_make_socket_nonblocking(fd) == 0 && evutil_make_socket_closeonexec(fd) == 0)
        listener = evconnlistener_new(s->loop.base, on_accept, s, LEV_OPT_CLOSE_ON_FREE, 0, fd);
    if (listener == NULL)
        WN_FAIL(err, WN_ERR_IO, "cannot accept from the inherited descriptor %d: %s", fd,
                strerror(errno));
    add_listener(s, listener);
    return WN_OK;
}

static wn_status start_listening(server *s, wn_error *err)
{
    WN_TRY(s->options->listen_fd >= 0 ? inherit_listener(s, err) : open_listeners(s, err));
    set_url(s);
    return WN_OK;
}

static wn_status start(server *s, wn_error *err)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    const wn_server_options *o = s->options;
    s->loop.limits = o->limits;
    s->loop.cancel_on_eof = o->cancel_on_eof;
    s->loop.n_links_max = (size_t)s->tunable.max_connections;
    s->loop.tls = s->tunable.tls;
    s->loop.emptied = on_emptied;
    s->loop.owner = s;
    WN_TRY(wn_loop_init(&s->loop, err));
    WN_TRY(wn_crypto_begin(err));
    struct event_base *base = s->loop.base;
    for (size_t i = 0; i < WN_ARRAY_LEN(numbers); i++) {
        s->signals[i] = evsignal_new(base, numbers[i], on_signal, s);
        if (s->signals[i] == NULL || event_add(s->signals[i], NULL) != 0)
            WN_FAIL(err, WN_ERR_MEMORY, "signal %d cannot be handled", numbers[i]);
    }
    s->loaded = event_new(base, -1, EV_PERSIST, on_loaded, s);
    s->reloaded = event_new(base, -1, EV_PERSIST, on_reloaded, s);
    s->accept_again = evtimer_new(base, on_accept_again, s);
    s->drain = evtimer_new(base, on_drain, s);
    if (s->loaded == NULL || s->reloaded == NULL || s->accept_again == NULL || s->drain == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the server's events");
    WN_TRY(start_listening(s, err));
    WN_TRY(start_heartbeat(s, err));
    WN_TRY(enter_sandbox(s, err));
    WN_TRY(wn_service_new(&s->service, &o->service, model_loaded, s, err));
    s->loop.service = s->service;
    return WN_OK;
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

/* The service stops before the loop ends, so that no exchange of its connections is with another
 * thread when they are freed. */
static void end(server *s)
{
    if (s->reloader != NULL) {
        wn_thread_join(s->reloader);
        if (s->reload_error.status == WN_OK)
            wn_tls_free(s->next.tls);
    }
    wn_loop_cancel(&s->loop);
    wn_service_stop(s->service);
    free_listeners(s);
    for (size_t i = 0; i < WN_ARRAY_LEN(s->signals); i++)
        free_event(s->signals[i]);
    free_event(s->loaded);
    free_event(s->reloaded);
    free_event(s->accept_again);
    free_event(s->drain);
    free_event(s->heartbeat);
    wn_notify_close(&s->notify);
    wn_loop_deinit(&s->loop);
    wn_service_free(s->service);
    wn_tls_free(s->tunable.tls);
}

wn_status wn_server_run(const wn_server_options *options, wn_error *err)
{
    server s = {.options = options, .tunable = options->tunable, .notify = {.fd = -1}};
    if (evthread_use_pthreads() != 0)
        WN_FAIL(err, WN_ERR_INTERNAL, "the event library has no threads");
    wn_status status = start(&s, err);
    if (status == WN_OK) {
        wn_log_line line = wn_log_begin(options->log, WN_LOG_INFO, MOD, "listening");
        wn_log_text(&line, "url", wn_str_from(s.url));
        wn_log_end(&line);
        event_base_dispatch(s.loop.base);
        status = s.load_error.status;
        if (status != WN_OK && err != NULL)
            *err = s.load_error;
    }
    size_t n_left = s.loop.n_links;
    end(&s);
    if (status == WN_OK && s.cut_short && n_left > 0)
        WN_FAIL(err, WN_ERR_LIMIT, "%zu connections were still open when the server had to end",
                n_left);
    return status;
}
