/* See service.h.  Exchanges wait in one queue for the workers, whether they begin or go on. */
#include "serve/service.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"
#include "serve/model_names.h"

#include <stdio.h>
#include <string.h>

#define WN_WHERE "serve/service"

typedef struct worker {
    wn_service *service;
    wn_thread *thread;
    int32_t index;
} worker;

struct wn_service {
    wn_service_options options;
    wn_auth *auth;
    wn_queue work;
    worker *workers; /* [options.backend.n_workers] */
    wn_thread *loader;
    void (*loaded)(void *owner, const wn_error *err);
    void *owner;
    char model_name[256];
    wn_lock lock; /* guards the rest */
    wn_backend *backend;
    wn_life life;
};

/* ---- workers --------------------------------------------------------------------------------- */

static void answer(wn_exchange *x)
{
    wn_exchange_seal(x);
    x->answered(x);
}

static void work(void *arg)
{
    worker *own = arg;
    for (wn_queue_item *item; (item = wn_queue_pop(&own->service->work)) != NULL;) {
        wn_exchange *x = (wn_exchange *)item;
        const wn_route *route = x->match.route;
        x->worker = own->index;
        if (wn_flag_is_up(&x->gone) || (x->resumed ? route->resume : route->begin)(x))
            answer(x);
    }
}

void wn_service_resume(wn_exchange *x)
{
    x->resumed = true;
    wn_queue_push(&x->service->work, &x->item);
}

/* ---- the model ------------------------------------------------------------------------------- */

static void set_model_name(wn_service *service)
{
    const char *name = service->options.served_model_name;
    const char *dir = service->options.backend.model_dir;
    wn_str base = wn_str_from(name != NULL ? name : dir != NULL ? dir : "winnow-multilingual-v1");
    while (base.len > 1 && base.ptr[base.len - 1] == '/')
        base.len--;
    for (size_t i = base.len; name == NULL && i > 0; i--) {
        if (base.ptr[i - 1] == '/') {
            base = wn_str_slice(base, i, base.len);
            break;
        }
    }
    snprintf(service->model_name, sizeof service->model_name, "%.*s", WN_STR_ARG(base));
}

static void load(void *arg)
{
    wn_service *service = arg;
    wn_backend *backend = NULL;
    wn_error err = {0};
    wn_status status = wn_backend_open(&backend, &service->options.backend, &err);
    if (status == WN_OK)
        status = wn_backend_self_test(backend, &err);
    wn_lock_enter(&service->lock);
    service->backend = backend;
    if (service->life == WN_LIFE_STARTING)
        service->life = status == WN_OK ? WN_LIFE_READY : WN_LIFE_FAILED;
    wn_lock_leave(&service->lock);
    service->loaded(service->owner, status == WN_OK ? NULL : &err);
}

wn_backend *wn_service_backend(wn_service *service)
{
    wn_lock_enter(&service->lock);
    wn_backend *backend = service->life == WN_LIFE_FAILED ? NULL : service->backend;
    wn_lock_leave(&service->lock);
    return backend;
}

const char *wn_service_model_name(const wn_service *service)
{
    return service->model_name;
}

bool wn_service_serves(const wn_service *service, wn_str model)
{
    if (wn_model_name_equal(model, wn_str_from(service->model_name)))
        return true;
    return !service->options.strict_models && wn_model_name_is_known(model);
}

wn_life wn_service_life(wn_service *service)
{
    wn_lock_enter(&service->lock);
    wn_life life = service->life;
    wn_lock_leave(&service->lock);
    return life;
}

void wn_service_drain(wn_service *service)
{
    wn_lock_enter(&service->lock);
    service->life = WN_LIFE_DRAINING;
    wn_lock_leave(&service->lock);
}

/* ---- making ---------------------------------------------------------------------------------- */

static wn_status start(wn_service *service, wn_error *err)
{
    size_t n = (size_t)service->options.backend.n_workers;
    WN_TRY(wn_auth_new(&service->auth, &service->options.auth, err));
    service->workers = wn_mem_zalloc(n, sizeof *service->workers);
    if (service->workers == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu workers", n);
    for (size_t i = 0; i < n; i++) {
        worker *own = &service->workers[i];
        *own = (worker){.service = service, .index = (int32_t)i};
        WN_TRY(wn_thread_start(&own->thread, "wn-work", work, own, err));
    }
    return wn_thread_start(&service->loader, "wn-load", load, service, err);
}

wn_status wn_service_new(wn_service **out, const wn_service_options *options,
                         void (*loaded)(void *owner, const wn_error *err), void *owner,
                         wn_error *err)
{
    wn_service *service = wn_mem_zalloc(1, sizeof *service);
    if (service == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a service");
    service->options = *options;
    service->loaded = loaded;
    service->owner = owner;
    wn_lock_init(&service->lock);
    wn_queue_init(&service->work);
    set_model_name(service);
    wn_status status = start(service, err);
    if (status != WN_OK) {
        wn_service_free(service);
        return status;
    }
    *out = service;
    return WN_OK;
}

void wn_service_free(wn_service *service)
{
    if (service == NULL)
        return;
    wn_thread_join(service->loader);
    wn_queue_close(&service->work);
    for (int32_t i = 0; service->workers != NULL && i < service->options.backend.n_workers; i++)
        wn_thread_join(service->workers[i].thread);
    wn_mem_free(service->workers);
    wn_backend_close(service->backend);
    wn_auth_free(service->auth);
    wn_queue_deinit(&service->work);
    wn_lock_deinit(&service->lock);
    wn_mem_free(service);
}

/* ---- requests -------------------------------------------------------------------------------- */

bool wn_service_admit(wn_exchange *x)
{
    x->match = wn_route_find(x->request);
    const wn_route *route = x->match.route;
    unsigned scope = route == NULL ? WN_SCOPE_RERANK : route->scope;
    wn_exchange_choose_dialect(x);
    if (!wn_auth_check(x->service->auth, &x->identity, x->request, scope, &x->problem))
        return false;
    if (route == NULL && x->match.path_exists)
        wn_problem_set(&x->problem, 405, "METHOD_NOT_ALLOWED", "Method not allowed. Use %s.",
                       x->match.allow);
    else if (route == NULL)
        wn_problem_set(&x->problem, 404, "RESOURCE_NOT_FOUND", "Not Found: no route '%.*s'.",
                       WN_STR_ARG(x->request->path));
    return route != NULL;
}

void wn_service_begin(wn_exchange *x)
{
    const wn_route *route = x->match.route;
    if (x->problem.status != 0 || (!route->on_worker && route->begin(x)))
        answer(x);
    else
        wn_queue_push(&x->service->work, &x->item);
}

void wn_service_cancel(wn_exchange *x)
{
    (void)x;
}

const char *wn_service_fault_code(int status)
{
    switch (status) {
    case 408:
        return "REQUEST_TIMEOUT";
    case 413:
        return "INPUT_BODY_TOO_LARGE";
    case 415:
        return "INPUT_UNSUPPORTED_MEDIA_TYPE";
    case 503:
        return "SERVICE_UNAVAILABLE";
    default:
        return "INPUT_INVALID_HTTP";
    }
}
