/* What stands behind the sockets: keys, routes, workers, models.  It takes exchanges whose request
 * is there and gives them back answered; it knows no socket and no event loop.
 * Thread rule: as each function says. */
#ifndef WN_SERVE_SERVICE_H
#define WN_SERVE_SERVICE_H

#include "base/log.h"
#include "serve/budget.h"
#include "serve/exchange.h"
#include "serve/metrics.h"
#include "serve/model_set.h"
#include "serve/prices.h"

typedef enum wn_life {
    WN_LIFE_STARTING = 0, /* the model is being loaded */
    WN_LIFE_READY,
    WN_LIFE_DRAINING, /* asked to end: no new work for long */
    WN_LIFE_FAILED    /* the model cannot be used */
} wn_life;

typedef struct wn_service_options {
    wn_backend_options backend;    /* of each model, but for its directory */
    const wn_model_source *models; /* [n_models], at least one; the first is the default */
    size_t n_models;
    const char *model_root; /* models may be loaded from below it; NULL: none may */
    wn_accounts_options accounts;
    const char *open_address;  /* that others can reach, so that a key is needed; NULL: none */
    bool share_scores;         /* a key may be given scores that another key paid for */
    const char *predict_route; /* one more path of /vertex; NULL: none */
    const char *health_route;  /* one more path of /healthz/ready; NULL: none */
    bool tei_headers;          /* answers in TEI's shape carry its fields of times */
    const char *cors_origins;  /* of pages that may use it, see cors.h; NULL: none */
    wn_networks trusted_proxies;
    const char *reports_dir;    /* what it has is shown to everybody; NULL: none */
    uint64_t body_bytes;        /* the most that a body may have, which clients are told */
    const wn_prices *prices;    /* of statements; NULL: none */
    bool no_ui;                 /* the pages for people are not there */
    bool strict_models;         /* answer to the model's own name only */
    int32_t max_requests;       /* at a time; 0: no limit of its own */
    int32_t request_timeout_ms; /* 0: the default */
    int32_t stuck_after_ms;     /* see wn_service_watch(); 0: the default */
    bool metrics_of_tei;        /* also under the names of text-embeddings-inference */
    uint64_t memory_limit;      /* bytes of the whole process; 0: 80% of what it may have */
    wn_log *log;                /* access lines; NULL: none */
} wn_service_options;

/* What handlers tell of the service itself. */
typedef struct wn_service_facts {
    bool open; /* no key is needed */
    bool has_ui;
    bool metrics_of_tei;
    int32_t n_workers, max_requests;
    uint64_t body_bytes, request_timeout_ms, max_queue_wait_ms;
    const char *reports_dir; /* NULL: none */
} wn_service_facts;

typedef struct wn_service wn_service;

/* Start the workers and, on a thread of its own, load the model.  When that has ended, loaded() is
 * called on it with the outcome.
 * Owns:    caller frees *out with wn_service_free(); borrows the strings of options until then. */
WN_MUST_USE wn_status wn_service_new(wn_service **out, const wn_service_options *options,
                                     void (*loaded)(void *owner, const wn_error *err), void *owner,
                                     wn_error *err);

/* Take over what others have changed in the store of keys; may wait for it.
 * Fails:   as wn_accounts_reload().
 * Thread:  any that may wait. */
WN_MUST_USE wn_status wn_service_reload(wn_service *service, wn_error *err);

/* Finish all exchanges and stop the threads: those that were begun are answered when this returns.
 * Cancel first what need not be finished.  NULL is allowed.
 * Thread:  I/O. */
void wn_service_stop(wn_service *service);

/* Stop and free, after the last exchange.  NULL is allowed. */
void wn_service_free(wn_service *service);

/* All models.
 * Thread:  any. */
wn_model_set *wn_service_models(wn_service *service);

/* The default model's name. */
const char *wn_service_model_name(const wn_service *service);

/* Whether a request may ask for this model: by a name, or, unless names are strict, by that of a
 * well-known one, for which the default stands. */
bool wn_service_serves(wn_service *service, wn_str model);

/* Give x the model that it asks for, or the default when it asks for none (empty), until its end.
 * False, and a problem, while it is being loaded.
 * Needs:   wn_service_serves(). */
bool wn_service_choose_model(wn_exchange *x, wn_str model);

/* Whether the models of the start are there; a false one is a problem. */
bool wn_service_is_started(wn_exchange *x);

/* Where models may be loaded from; NULL: nowhere.
 * Thread:  any. */
const char *wn_service_model_root(const wn_service *service);

/* Whether answers in TEI's shape carry its fields.
 * Thread:  any. */
bool wn_service_sends_tei_headers(const wn_service *service);

/* The API's description as JSON and as a page, made once: see openapi.h.
 * Thread:  any. */
wn_str wn_service_openapi(const wn_service *service);
wn_str wn_service_docs(const wn_service *service);

/* What tokens cost; NULL: that is not known.
 * Thread:  any. */
const wn_prices *wn_service_prices(const wn_service *service);

/* Of pages that may use it.
 * Thread:  any. */
wn_str wn_service_cors_origins(const wn_service *service);

/* Thread:  any. */
wn_service_facts wn_service_facts_of(const wn_service *service);

/* What it counts, and what is measured when it is asked for.
 * Thread:  any. */
wn_metrics *wn_service_metrics(wn_service *service);
wn_gauges wn_service_gauges(wn_service *service);

/* Keys and usage.
 * Thread:  any. */
wn_accounts *wn_service_accounts(wn_service *service);

/* Note in the log that who sends x has done this to that, as an administrator. */
void wn_service_log_act(const wn_exchange *x, const char *event, const char *target);

/* The memory of all requests together.
 * Thread:  any. */
wn_budget *wn_service_budget(wn_service *service);

/* Whose scores a request may be given; see wn_backend_make_job(). */
uint64_t wn_service_cache_scope(const wn_exchange *x);

/* Hold so many bytes in all for a request, until it ends; a false one is a problem. */
bool wn_service_hold(wn_exchange *x, uint64_t n_bytes);

/* Charge a request's tokens to its key; a false one is a problem. */
bool wn_service_charge(wn_exchange *x, uint64_t tokens);

/* Look whether every model that has work gets on with it, as often as once a second or so.  Returns
 * whether one does not: for longer than stuck_after_ms beyond the time of a full batch it has
 * finished none; metrics and log tell it.
 * Thread:  I/O. */
bool wn_service_watch(wn_service *service, uint64_t now_ns);

/* Where it stands in its life; and: it is asked to end.
 * Thread:  any. */
wn_life wn_service_life(wn_service *service);
void wn_service_drain(wn_service *service);

/* Look at a request's head: find its route, check its key.  Returns whether its body is wanted;
 * otherwise the answer is decided and wn_service_begin() will give it.
 * Thread:  I/O. */
bool wn_service_admit(wn_exchange *x);

/* Answer a request that is complete; x->answered(x) is called in the end, maybe before this
 * returns.
 * Thread:  I/O. */
void wn_service_begin(wn_exchange *x);

/* Call the handler that begins x once more, when others have had their turn on a worker.
 * Needs:   that handler returns false at once; x may already be with another thread.
 * Thread:  worker. */
void wn_service_yield(wn_exchange *x);

/* The scheduler is done with x: go on with it on a worker.
 * Thread:  any. */
void wn_service_resume(wn_exchange *x);

/* How far a request is; false while that is not known.
 * Thread:  I/O. */
bool wn_service_progress(const wn_exchange *x, uint64_t *n_done, uint64_t *n_total);

/* The client has gone: what is not yet computed need not be.
 * Thread:  I/O. */
void wn_service_cancel(wn_exchange *x);

/* The reply of a request that cannot be read to its end: the client broke a rule or a limit, or
 * memory is short.
 * Needs:   wn_service_begin() was not called.
 * Thread:  I/O. */
void wn_service_fail(wn_exchange *x, int status, const char *detail);

/* The client has gone before its request was complete.
 * Needs:   wn_service_begin() was not called.
 * Thread:  I/O. */
void wn_service_abandon(wn_exchange *x);

#endif
