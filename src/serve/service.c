/* See service.h.  Exchanges wait in one queue for the workers, whether they begin or go on.  A
 * request that would only wait too long is refused when its head is there, before its body costs
 * anything. */
#include "serve/service.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/str.h"
#include "base/thread.h"
#include "data/json_bind.h"
#include "serve/api.h"
#include "serve/limit_reply.h"
#include "serve/model_names.h"
#include "serve/openapi.h"
#include "serve/watchdog.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define WN_WHERE         "serve/service"
#define MOD              "serve.service"
#define SMALL_BODY_BYTES (64 << 10)
#define MEMORY_PERCENT   80
/* Of one request; `make bench-serve-memory` holds these against what requests really take. */
#define REQUEST_BYTES      65536
#define BYTES_A_TEXT_BYTE  16 /* copies in JSON, reply and tokens, which may be a token a byte */
#define BYTES_A_VALUE      160
#define RESERVED_BYTES     (32 << 20) /* stacks, buffers, what an allocator keeps */
#define REQUESTS_BYTES_MIN (32 << 20)
#define STUCK_AFTER_MS     30000
#define REQUEST_TIMEOUT_MS 55000 /* inside the 60 s that SageMaker and others wait */
#define NS_PER_MS          1000000
#define STATUS_CLIENT_GONE 499 /* nginx's word for a client that did not wait */

/* What workers do first: end what was begun, then what takes them a moment, then the rest. */
enum { LEVEL_RESUMED = 0, LEVEL_SMALL, LEVEL_LARGE };

typedef struct worker {
    wn_service *service;
    wn_thread *thread;
    int32_t index;
} worker;

struct wn_service {
    wn_service_options options;
    wn_accounts *accounts;
    wn_queue work;
    worker *workers; /* [options.backend.n_workers] */
    wn_model_set *models;
    void (*loaded)(void *owner, const wn_error *err);
    void *owner;
    wn_metrics metrics;
    wn_budget budget;
    uint64_t memory_limit;
    uint64_t started_ns;
    wn_watchdog watchdogs[WN_MODELS_MAX];
    int64_t started_unix_s;
    wn_buf openapi, docs; /* never changed */
    wn_lock lock;         /* guards the rest */
    wn_life life;
};

/* ---- workers --------------------------------------------------------------------------------- */

/* The line of a request in the log: what it cost, never what it said. */
static void log_request(const wn_exchange *x, uint64_t now_ns)
{
    const wn_route *route = x->match.route;
    wn_log_line line = wn_log_begin(x->service->options.log, WN_LOG_INFO, MOD, "request");
    wn_log_text(&line, "req", wn_str_from(x->request_id));
    wn_log_text(&line, "route", wn_str_from(route == NULL ? "none" : route->name));
    wn_log_text(&line, "dialect", wn_str_from(x->dialect->name));
    if (x->model != NULL)
        wn_log_text(&line, "model", wn_str_from(wn_model_name(x->model)));
    wn_log_int(&line, "status", wn_flag_is_up(&x->gone) ? STATUS_CLIENT_GONE : x->reply.status);
    wn_log_text(&line, "key",
                wn_str_from(x->identity.has_key ? x->identity.record.id.text : "none"));
    wn_log_text(&line, "client", wn_str_from(x->client));
    wn_log_int(&line, "bytes_in", (int64_t)x->bytes_in);
    wn_log_int(&line, "bytes_out", (int64_t)x->reply.body.len);
    wn_log_int(&line, "docs", (int64_t)x->bill.documents);
    wn_log_int(&line, "tokens", (int64_t)x->bill.tokens);
    wn_log_real(&line, "ms_total", (double)(now_ns - x->began_ns) / 1e6);
    wn_log_real(&line, "ms_tokenize", (double)x->times.tokenize_ns / 1e6);
    wn_log_real(&line, "ms_queue", (double)x->times.queue_ns / 1e6);
    wn_log_real(&line, "ms_compute", (double)x->times.compute_ns / 1e6);
    if (x->problem.code != NULL)
        wn_log_text(&line, "code", wn_str_from(x->problem.code));
    wn_log_end(&line);
}

/* Of the n rows of a task that are first; rows run from short to long, so a count would not do. */
static uint64_t tokens_of(const wn_task *task, uint32_t n)
{
    uint64_t tokens = 0;
    for (uint32_t i = 0; i < n; i++)
        tokens += task->row_tokens[task->order[i]];
    return tokens;
}

/* What a request that has ended is charged for: its tokens, or of one whose client has gone those
 * that were computed. */
static void settle(wn_exchange *x, int status)
{
    if (!x->begun)
        return;
    const wn_route *route = x->match.route;
    wn_charge charge = {.route = route->scope == WN_SCOPE_RERANK ? route->name : NULL,
                        .model = x->model != NULL ? wn_model_name(x->model)
                                                  : wn_service_model_name(x->service),
                        .tokens = x->identity.tokens,
                        .cached_tokens = x->bill.cached_tokens,
                        .status = status >= 400 && status != STATUS_CLIENT_GONE ? status : 0,
                        .code = x->problem.code,
                        .request_id = x->request_id};
    if (status == STATUS_CLIENT_GONE) {
        uint64_t all = 0, done = 0;
        for (size_t i = 0; i < x->n_tickets; i++) {
            all += tokens_of(&x->tickets[i].task, x->tickets[i].task.n_rows);
            done += tokens_of(&x->tickets[i].task, x->tickets[i].task.n_done);
        }
        charge.tokens = all == 0 ? 0 : charge.tokens * done / all;
    }
    wn_accounts_settle(x->service->accounts, &x->identity, &charge);
    x->begun = false;
}

/* An exchange ends, with its reply or because its client has gone: count it. */
static void record(wn_exchange *x)
{
    wn_metrics *metrics = &x->service->metrics;
    const wn_route *route = x->match.route;
    uint64_t now_ns = wn_clock_ns();
    int status = wn_flag_is_up(&x->gone) ? STATUS_CLIENT_GONE : x->reply.status;
    wn_metrics_request(metrics, x->model == NULL ? 0 : wn_model_place(x->model),
                       route == NULL ? NULL : route->name, status, now_ns - x->began_ns);
    wn_counter_add(&metrics->bytes_in, x->bytes_in);
    wn_counter_add(&metrics->bytes_out, x->reply.body.len);
    log_request(x, now_ns);
    settle(x, status);
}

static void answer(wn_exchange *x)
{
    (void)wn_limit_push_fields(&x->reply, &x->identity.decision, true);
    wn_exchange_seal(x);
    wn_counter_subtract(&x->service->metrics.in_flight, 1);
    record(x);
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

void wn_service_yield(wn_exchange *x)
{
    wn_queue_push(&x->service->work, &x->item, LEVEL_LARGE);
}

void wn_service_resume(wn_exchange *x)
{
    x->resumed = true;
    wn_queue_push(&x->service->work, &x->item, LEVEL_RESUMED);
}

/* ---- the model ------------------------------------------------------------------------------- */

/* What the models' caches may grow to. */
static uint64_t cache_bytes(const wn_service *service)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < WN_MODELS_MAX; i++) {
        wn_model *model = wn_model_set_take_at(service->models, i);
        bytes += model == NULL ? 0 : wn_backend_cache_bytes(wn_model_backend(model));
        wn_model_give(model);
    }
    return bytes;
}

/* What is left for requests when the model has taken its part. */
static wn_status set_budget(wn_service *service, wn_error *err)
{
    uint64_t caches = cache_bytes(service);
    uint64_t used = wn_process_look().resident_bytes + RESERVED_BYTES + caches;
    uint64_t limit = service->memory_limit;
    if (limit < used + REQUESTS_BYTES_MIN)
        WN_FAIL(err, WN_ERR_LIMIT,
                "memory limit of %llu MiB: the models take %llu MiB, caches may take %llu MiB, and "
                "requests need at least %d MiB",
                (unsigned long long)(limit >> 20), (unsigned long long)((used - caches) >> 20),
                (unsigned long long)(caches >> 20), REQUESTS_BYTES_MIN >> 20);
    wn_budget_set_limit(&service->budget, limit - used);
    wn_log_line line = wn_log_begin(service->options.log, WN_LOG_INFO, MOD, "memory");
    wn_log_int(&line, "limit_bytes", (int64_t)limit);
    wn_log_int(&line, "model_bytes", (int64_t)(used - caches));
    wn_log_int(&line, "cache_bytes", (int64_t)caches);
    wn_log_int(&line, "requests_bytes", (int64_t)(limit - used));
    wn_log_end(&line);
    return WN_OK;
}

/* The first models are there, or will not be. */
static void models_loaded(void *owner, const wn_error *failure)
{
    wn_service *service = owner;
    wn_error err = {0};
    if (failure == NULL && set_budget(service, &err) != WN_OK)
        failure = &err;
    wn_lock_enter(&service->lock);
    if (service->life == WN_LIFE_STARTING)
        service->life = failure == NULL ? WN_LIFE_READY : WN_LIFE_FAILED;
    wn_lock_leave(&service->lock);
    service->loaded(service->owner, failure);
}

wn_model_set *wn_service_models(wn_service *service)
{
    return service->models;
}

const char *wn_service_model_name(const wn_service *service)
{
    return wn_model_set_default_name(service->models);
}

const char *wn_service_model_root(const wn_service *service)
{
    return service->options.model_root;
}

bool wn_service_sends_tei_headers(const wn_service *service)
{
    return service->options.tei_headers;
}

wn_str wn_service_openapi(const wn_service *service)
{
    return wn_buf_str(&service->openapi);
}

wn_str wn_service_docs(const wn_service *service)
{
    return wn_buf_str(&service->docs);
}

const wn_prices *wn_service_prices(const wn_service *service)
{
    return service->options.prices;
}

wn_str wn_service_cors_origins(const wn_service *service)
{
    return wn_str_from(service->options.cors_origins);
}

static uint64_t request_timeout_ms(const wn_service *service)
{
    int32_t ms = service->options.request_timeout_ms;
    return ms > 0 ? (uint64_t)ms : REQUEST_TIMEOUT_MS;
}

wn_service_facts wn_service_facts_of(const wn_service *service)
{
    return (wn_service_facts){.open = wn_accounts_is_open(service->accounts),
                              .has_ui = !service->options.no_ui,
                              .n_workers = service->options.backend.n_workers,
                              .metrics_of_tei = service->options.metrics_of_tei,
                              .max_requests = service->options.max_requests,
                              .body_bytes = service->options.body_bytes,
                              .request_timeout_ms = request_timeout_ms(service),
                              .max_queue_wait_ms = service->options.backend.max_wait_ns / NS_PER_MS,
                              .reports_dir = service->options.reports_dir};
}

wn_metrics *wn_service_metrics(wn_service *service)
{
    return &service->metrics;
}

uint64_t wn_service_cache_scope(const wn_exchange *x)
{
    bool own = x->identity.has_key && !x->service->options.share_scores;
    return own ? x->identity.number : 0;
}

bool wn_service_charge(wn_exchange *x, uint64_t tokens)
{
    return wn_accounts_charge(x->service->accounts, &x->identity, tokens, &x->problem);
}

wn_accounts *wn_service_accounts(wn_service *service)
{
    return service->accounts;
}

void wn_service_log_act(const wn_exchange *x, const char *event, const char *target)
{
    wn_log_line line = wn_log_begin(x->service->options.log, WN_LOG_INFO, MOD, event);
    wn_log_text(&line, "req", wn_str_from(x->request_id));
    wn_log_text(&line, "by", wn_str_from(x->identity.record.id.text));
    wn_log_text(&line, "target", wn_str_from(target));
    wn_log_end(&line);
}

wn_budget *wn_service_budget(wn_service *service)
{
    return &service->budget;
}

/* Add what a model has waiting, and its labels. */
static void look_at_model(wn_gauges *gauges, wn_model_label *label, wn_model *model)
{
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    wn_backend *backend = wn_model_backend(model);
    wn_sched_stats stats = wn_backend_look(backend);
    wn_score_cache_stats cache = wn_backend_look_cache(backend);
    gauges->queue_rows += stats.waiting_rows;
    gauges->queue_tokens += stats.waiting_tokens;
    gauges->queue_wait_seconds = WN_MAX(gauges->queue_wait_seconds, stats.wait_s);
    gauges->tokens_per_second += stats.tokens_per_s;
    gauges->cache_scores += cache.n_scores;
    gauges->cache_places += cache.n_places;
    gauges->cache_evictions += cache.evictions;
    wn_vector_cache_stats vectors = wn_backend_look_vectors(backend);
    gauges->vector_rows += vectors.n_rows;
    gauges->vector_bytes += vectors.n_bytes;
    gauges->vector_limit_bytes += vectors.max_bytes;
    gauges->vector_evictions += vectors.evictions;
    if (wn_engine_get_info(wn_backend_engine(backend), &info, NULL) != WN_OK)
        return;
    snprintf(label->name, sizeof label->name, "%s", wn_model_name(model));
    snprintf(label->family, sizeof label->family, "%s", info.family);
    snprintf(label->cpu_level, sizeof label->cpu_level, "%s", info.cpu_level);
}

wn_gauges wn_service_gauges(wn_service *service)
{
    wn_gauges gauges = {
        .started_unix_s = (uint64_t)service->started_unix_s,
        .usage_lost = wn_accounts_n_lost(service->accounts),
        .has_store = wn_accounts_has_state(service->accounts),
        .ready = wn_service_life(service) == WN_LIFE_READY,
    };
    snprintf(gauges.models[0].name, sizeof gauges.models[0].name, "%s",
             wn_service_model_name(service));
    wn_budget_look(&service->budget, &gauges.requests_bytes, &gauges.requests_peak_bytes,
                   &gauges.requests_limit_bytes);
    for (size_t i = 0; i < WN_MODELS_MAX; i++) {
        wn_model *model = wn_model_set_take_at(service->models, i);
        if (model != NULL)
            look_at_model(&gauges, &gauges.models[i], model);
        wn_model_give(model);
    }
    return gauges;
}

/* Whether a model has work and finishes no batch. */
static bool is_stuck(wn_service *service, size_t place, wn_model *model, uint64_t now_ns)
{
    int32_t after_ms = service->options.stuck_after_ms;
    wn_sched_stats stats = wn_backend_look(wn_model_backend(model));
    double batch_s = stats.tokens_per_s > 0
                         ? wn_backend_batch_tokens(wn_model_backend(model)) / stats.tokens_per_s
                         : 0;
    uint64_t limit_ns = (uint64_t)(after_ms > 0 ? after_ms : STUCK_AFTER_MS) * 1000000;
    return wn_watchdog_look(&service->watchdogs[place], stats.batches,
                            stats.waiting_rows + stats.running_rows > 0,
                            limit_ns + (uint64_t)(batch_s * 1e9), now_ns);
}

bool wn_service_watch(wn_service *service, uint64_t now_ns)
{
    uint64_t n_stuck = 0, before = wn_counter_get(&service->metrics.stuck_models);
    for (size_t i = 0; i < WN_MODELS_MAX; i++) {
        wn_model *model = wn_model_set_take_at(service->models, i);
        n_stuck += model != NULL && is_stuck(service, i, model, now_ns);
        wn_model_give(model);
    }
    wn_counter_set(&service->metrics.stuck_models, n_stuck);
    if (n_stuck != before) {
        wn_log_line line = wn_log_begin(service->options.log, WN_LOG_ERROR, MOD,
                                        n_stuck > before ? "stuck" : "goes_on");
        wn_log_int(&line, "stuck_models", (int64_t)n_stuck);
        wn_log_end(&line);
    }
    return n_stuck > 0;
}

bool wn_service_serves(wn_service *service, wn_str model)
{
    return wn_model_set_has(service->models, model) ||
           (!service->options.strict_models && wn_model_name_is_known(model));
}

static void refuse_loading(wn_exchange *x)
{
    wn_problem_set(&x->problem, 503, "SERVICE_UNAVAILABLE",
                   "Service temporarily unavailable: the model is being loaded. Please retry with "
                   "exponential backoff.");
    x->problem.retry_after_s = 1;
    wn_counter_add(&x->service->metrics.rejected[WN_REJECT_LOADING], 1);
}

bool wn_service_is_started(wn_exchange *x)
{
    wn_life life = wn_service_life(x->service);
    bool started = life != WN_LIFE_STARTING && life != WN_LIFE_FAILED;
    if (!started)
        refuse_loading(x);
    return started;
}

bool wn_service_choose_model(wn_exchange *x, wn_str model)
{
    wn_model_set *models = x->service->models;
    if (!wn_service_is_started(x))
        return false;
    x->model = model.len > 0 && wn_model_set_has(models, model) ? wn_model_set_take(models, model)
                                                                : wn_model_set_take_at(models, 0);
    if (x->model == NULL) {
        refuse_loading(x);
        return false;
    }
    x->backend = wn_model_backend(x->model);
    return true;
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
    if (!wn_openapi_push(&service->openapi) || !wn_openapi_push_page(&service->docs))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the description of the API");
    WN_TRY(wn_accounts_new(&service->accounts, &service->options.accounts, err));
    if (service->options.open_address != NULL && wn_accounts_is_open(service->accounts))
        WN_FAIL(err, WN_ERR_ARGUMENT,
                "others can reach %s and there is no key: make one with 'winnow keys create', "
                "give --api-key, or --insecure-no-auth if everybody may use it",
                service->options.open_address);
    service->workers = wn_mem_zalloc(n, sizeof *service->workers);
    if (service->workers == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu workers", n);
    for (size_t i = 0; i < n; i++) {
        worker *own = &service->workers[i];
        *own = (worker){.service = service, .index = (int32_t)i};
        WN_TRY(wn_thread_start(&own->thread, "wn-work", work, own, err));
    }
    const wn_model_set_options models = {.backend = service->options.backend,
                                         .sources = service->options.models,
                                         .n_sources = service->options.n_models,
                                         .budget = &service->budget,
                                         .budget_min = REQUESTS_BYTES_MIN,
                                         .log = service->options.log,
                                         .loaded = models_loaded,
                                         .owner = service};
    return wn_model_set_new(&service->models, &models, err);
}

wn_status wn_service_new(wn_service **out, const wn_service_options *options,
                         void (*loaded)(void *owner, const wn_error *err), void *owner,
                         wn_error *err)
{
    wn_service *service = wn_mem_zalloc(1, sizeof *service);
    if (service == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a service");
    service->options = *options;
    service->options.backend.metrics = &service->metrics;
    service->options.accounts.metrics = &service->metrics;
    service->loaded = loaded;
    service->owner = owner;
    service->started_ns = wn_clock_ns();
    service->started_unix_s = time(NULL);
    service->memory_limit = options->memory_limit > 0
                                ? options->memory_limit
                                : wn_process_memory_bytes() / 100 * MEMORY_PERCENT;
    wn_budget_init(&service->budget, REQUESTS_BYTES_MIN);
    wn_lock_init(&service->lock);
    wn_queue_init(&service->work);
    wn_status status = start(service, err);
    if (status != WN_OK) {
        wn_service_free(service);
        return status;
    }
    *out = service;
    return WN_OK;
}

wn_status wn_service_reload(wn_service *service, wn_error *err)
{
    return wn_accounts_reload(service->accounts, err);
}

void wn_service_stop(wn_service *service)
{
    if (service == NULL)
        return;
    wn_model_set_stop(service->models);
    wn_queue_close(&service->work);
    for (int32_t i = 0; service->workers != NULL && i < service->options.backend.n_workers; i++) {
        wn_thread_join(service->workers[i].thread);
        service->workers[i].thread = NULL;
    }
}

void wn_service_free(wn_service *service)
{
    if (service == NULL)
        return;
    wn_service_stop(service);
    wn_mem_free(service->workers);
    wn_model_set_free(service->models);
    wn_accounts_free(service->accounts);
    wn_queue_deinit(&service->work);
    wn_lock_deinit(&service->lock);
    wn_budget_deinit(&service->budget);
    wn_buf_deinit(&service->openapi);
    wn_buf_deinit(&service->docs);
    wn_mem_free(service);
}

/* ---- requests -------------------------------------------------------------------------------- */

/* The route of a request whose path may be one that the platform gave a known one. */
static wn_route_match find_route(const wn_service *service, const wn_http_request *request)
{
    const char *predict = service->options.predict_route, *health = service->options.health_route;
    wn_http_request known = *request;
    if (predict != NULL && wn_str_equal(request->path, wn_str_from(predict)))
        known.path = WN_STR("/vertex");
    else if (health != NULL && wn_str_equal(request->path, wn_str_from(health)))
        known.path = WN_STR("/healthz/ready");
    return wn_route_find(&known);
}

bool wn_service_admit(wn_exchange *x)
{
    wn_forwarded_client(x->client, x->peer, x->request, &x->service->options.trusted_proxies);
    x->match = find_route(x->service, x->request);
    const wn_route *route = x->match.route;
    wn_scope scope = route == NULL ? WN_SCOPE_RERANK : route->scope;
    wn_exchange_choose_dialect(x);
    if (x->request->method == WN_HTTP_OPTIONS && x->match.path_exists) {
        wn_reply_push_field(&x->reply, "Allow", "%s, OPTIONS", x->match.allow);
        x->reply.status = 204;
        return false;
    }
    if (!wn_accounts_identify(x->service->accounts, &x->identity, x->request, x->client, scope,
                              &x->problem)) {
        wn_counter_add(&x->service->metrics.rejected[WN_REJECT_AUTH], 1);
        return false;
    }
    if (route != NULL && route->on_worker) {
        x->begun = true;
        if (!wn_accounts_begin(x->service->accounts, &x->identity, &x->problem) ||
            (route->dialects != NULL && !wn_api_rank_foresee(x)))
            return false;
    }
    if (route == NULL && x->match.path_exists)
        wn_problem_set(&x->problem, 405, "METHOD_NOT_ALLOWED", "Method not allowed. Use %s.",
                       x->match.allow);
    else if (route == NULL)
        wn_problem_set(&x->problem, 404, "RESOURCE_NOT_FOUND", "Not Found: no route '%.*s'.",
                       WN_STR_ARG(x->request->path));
    return route != NULL;
}

/* The server's limit, which a request may lower. */
static void set_deadline(wn_exchange *x)
{
    uint64_t ms = request_timeout_ms(x->service), own = 0;
    wn_str given;
    if (wn_http_find(x->request, "X-Request-Timeout-Ms", &given) && given.len > 0 &&
        given.len < 10) {
        for (size_t i = 0; i < given.len && own != UINT64_MAX; i++) {
            bool digit = given.ptr[i] >= '0' && given.ptr[i] <= '9';
            own = digit ? own * 10 + (uint64_t)(given.ptr[i] - '0') : UINT64_MAX;
        }
        ms = WN_MIN(ms, own);
    }
    x->deadline_ns = x->began_ns + ms * 1000000;
}

bool wn_service_hold(wn_exchange *x, uint64_t n_bytes)
{
    wn_budget *budget = &x->service->budget;
    uint64_t more = n_bytes - WN_MIN(n_bytes, x->held_bytes), used, peak, limit;
    if (wn_budget_take(budget, more)) {
        x->held_bytes += more;
        return true;
    }
    wn_counter_add(&x->service->metrics.rejected[WN_REJECT_MEMORY], 1);
    wn_budget_look(budget, &used, &peak, &limit);
    if (n_bytes > limit) {
        wn_problem_set(&x->problem, 413, "INPUT_PAYLOAD_TOO_LARGE",
                       "The request may need %llu MiB, all requests together have %llu MiB.",
                       (unsigned long long)(n_bytes >> 20), (unsigned long long)(limit >> 20));
        return false;
    }
    wn_problem_set(&x->problem, 503, "SERVICE_UNAVAILABLE",
                   "Service temporarily unavailable: no memory for the request now. Please retry "
                   "with exponential backoff.");
    x->problem.retry_after_s = 1;
    return false;
}

/* What the request may need at most: its JSON values, its texts as JSON, tokens and answer. */
static bool hold_request(wn_exchange *x)
{
    uint64_t bytes = x->bytes_in;
    uint64_t values = WN_MIN(bytes / 2, (uint64_t)WN_JSON_VALUES_MAX);
    return wn_service_hold(x, REQUEST_BYTES + bytes * BYTES_A_TEXT_BYTE + values * BYTES_A_VALUE);
}

/* A report of usage has no body, but looks through all that was used. */
static int level_of(const wn_exchange *x)
{
    bool small = x->bytes_in <= SMALL_BODY_BYTES && x->match.route->scope != WN_SCOPE_USAGE;
    return small ? LEVEL_SMALL : LEVEL_LARGE;
}

void wn_service_begin(wn_exchange *x)
{
    const wn_route *route = x->match.route;
    x->bytes_in = x->body.len;
    set_deadline(x);
    wn_counter_add(&x->service->metrics.in_flight, 1);
    if (x->problem.status == 0 && x->reply.status != 0) {
        answer(x);
        return;
    }
    if (x->problem.status == 0 && route->on_worker)
        (void)hold_request(x);
    if (x->problem.status != 0 || (!route->on_worker && route->begin(x)))
        answer(x);
    else
        wn_queue_push(&x->service->work, &x->item, level_of(x));
}

/* The code of a problem that no route has found. */
static const char *fault_code(int status)
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

void wn_service_fail(wn_exchange *x, int status, const char *detail)
{
    wn_problem_deinit(&x->problem);
    wn_problem_set(&x->problem, status, fault_code(status), "%s", detail);
    wn_exchange_seal(x);
    record(x);
}

void wn_service_abandon(wn_exchange *x)
{
    wn_flag_raise(&x->gone);
    record(x);
}

bool wn_service_progress(const wn_exchange *x, uint64_t *n_done, uint64_t *n_total)
{
    if (!wn_flag_is_up(&x->submitted))
        return false;
    wn_api_rank_progress(x, n_done, n_total);
    return true;
}

/* Either this sees the tickets, or their worker sees the flag. */
void wn_service_cancel(wn_exchange *x)
{
    wn_flag_raise(&x->gone);
    if (wn_flag_is_up(&x->submitted))
        wn_api_rank_cancel(x);
}
