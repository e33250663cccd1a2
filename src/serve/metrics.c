/* See metrics.h. */
#include "serve/metrics.h"

#include "base/process.h"
#include "base/str.h"
#include "serve/reply.h"
#include "serve/route.h"

#include <stdio.h>

/* Upper bounds; unused ones are 0. */
static const double second_bounds[WN_HISTOGRAM_BUCKETS] = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60};
static const double token_bounds[WN_HISTOGRAM_BUCKETS] = {
    16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};
static const double row_bounds[WN_HISTOGRAM_BUCKETS] = {1,  2,   4,   8,   16,  32,
                                                        64, 128, 256, 512, 1024};
static const double ratio_bounds[WN_HISTOGRAM_BUCKETS] = {0.1, 0.2, 0.3, 0.4, 0.5,
                                                          0.6, 0.7, 0.8, 0.9, 1};
#define SECONDS 1e9 /* scale of a sum: nanoseconds */
#define RATIO   1e6

static const char *const stages[] = {"parse", "tokenize", "queue", "compute", "write"};
static const char *const row_states[] = {"computed", "deduped", "cached", "vectors", "cancelled"};
static const char *const rejects[] = {"auth",     "rate",   "quota",  "queue",
                                      "deadline", "memory", "loading"};

static void observe(wn_histogram *histogram, const double *bounds, double value, double scale)
{
    size_t i = 0;
    while (i < WN_HISTOGRAM_BUCKETS && bounds[i] > 0 && value > bounds[i])
        i++;
    bool unbounded = i < WN_HISTOGRAM_BUCKETS && bounds[i] == 0;
    wn_counter_add(&histogram->counts[unbounded ? WN_HISTOGRAM_BUCKETS : i], 1);
    wn_counter_add(&histogram->sum, (uint64_t)(value * scale));
}

/* The index of a route's name among the different ones of the table; the last is everything that
 * has no route. */
static size_t route_index(const char *name)
{
    size_t n, index = 0;
    const wn_route *routes = wn_routes(&n);
    const char *last = NULL;
    for (size_t i = 0; i < n; i++) {
        if (last != NULL && strcmp(routes[i].name, last) == 0)
            continue;
        last = routes[i].name;
        if (name != NULL && strcmp(name, last) == 0)
            return index;
        index++;
    }
    WN_ASSERT(index < WN_METRIC_ROUTES);
    return index;
}

void wn_metrics_request(wn_metrics *metrics, size_t model, const char *route, int status,
                        uint64_t took_ns)
{
    size_t r = route_index(route), s = 0;
    while (s + 1 < WN_METRIC_STATUSES && wn_reply_status(s) != 0 && wn_reply_status(s) != status)
        s++;
    wn_counter_add(&metrics->requests[model][r][s], 1);
    observe(&metrics->request_seconds[model][r], second_bounds, (double)took_ns / SECONDS, SECONDS);
}

void wn_metrics_forget_model(wn_metrics *metrics, size_t model)
{
    for (size_t r = 0; r < WN_METRIC_ROUTES; r++) {
        wn_histogram *seconds = &metrics->request_seconds[model][r];
        for (size_t s = 0; s < WN_METRIC_STATUSES; s++)
            wn_counter_set(&metrics->requests[model][r][s], 0);
        for (size_t i = 0; i <= WN_HISTOGRAM_BUCKETS; i++)
            wn_counter_set(&seconds->counts[i], 0);
        wn_counter_set(&seconds->sum, 0);
    }
}

void wn_metrics_stage(wn_metrics *metrics, wn_stage stage, uint64_t took_ns)
{
    observe(&metrics->stage_seconds[stage], second_bounds, (double)took_ns / SECONDS, SECONDS);
}

void wn_metrics_batch(wn_metrics *metrics, size_t rows, size_t tokens, size_t budget_tokens,
                      uint64_t took_ns)
{
    observe(&metrics->batch_tokens, token_bounds, (double)tokens, 1);
    observe(&metrics->batch_rows, row_bounds, (double)rows, 1);
    observe(&metrics->batch_fill, ratio_bounds, (double)tokens / (double)budget_tokens, RATIO);
    wn_counter_add(&metrics->busy_ns, took_ns);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void push_family(wn_buf *out, const char *name, const char *type, const char *help)
{
    wn_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* One histogram; labels are empty or "name=\"value\",". */
static void push_histogram(wn_buf *out, const char *name, const char *labels,
                           const wn_histogram *histogram, const double *bounds, double scale)
{
    uint64_t total = 0;
    for (size_t i = 0; i < WN_HISTOGRAM_BUCKETS && bounds[i] > 0; i++) {
        total += wn_counter_get(&histogram->counts[i]);
        wn_buf_printf(out, "%s_bucket{%sle=\"%g\"} %llu\n", name, labels, bounds[i],
                      (unsigned long long)total);
    }
    total += wn_counter_get(&histogram->counts[WN_HISTOGRAM_BUCKETS]);
    wn_buf_printf(out, "%s_bucket{%sle=\"+Inf\"} %llu\n", name, labels, (unsigned long long)total);
    int n = (int)strlen(labels);
    const char *open = n > 0 ? "{" : "", *close = n > 0 ? "}" : "";
    wn_buf_printf(out, "%s_sum%s%.*s%s %.9g\n", name, open, n > 0 ? n - 1 : 0, labels, close,
                  (double)wn_counter_get(&histogram->sum) / scale);
    wn_buf_printf(out, "%s_count%s%.*s%s %llu\n", name, open, n > 0 ? n - 1 : 0, labels, close,
                  (unsigned long long)total);
}

static void push_number(wn_buf *out, const char *name, const char *type, const char *help,
                        double value)
{
    push_family(out, name, type, help);
    wn_buf_printf(out, "%s %.17g\n", name, value);
}

/* The counters of one family with one label. */
static void push_labelled(wn_buf *out, const char *name, const char *help, const char *label,
                          const char *const *values, const wn_counter *counters, size_t n)
{
    push_family(out, name, "counter", help);
    for (size_t i = 0; i < n; i++)
        wn_buf_printf(out, "%s{%s=\"%s\"} %llu\n", name, label, values[i],
                      (unsigned long long)wn_counter_get(&counters[i]));
}

/* Where a count of requests lies, and what its labels are. */
typedef struct series {
    size_t model, route;
    const char *model_name, *route_name;
} series;

typedef void series_fn(wn_buf *out, const wn_metrics *metrics, const series *of);

static void push_requests(wn_buf *out, const wn_metrics *metrics, const series *of)
{
    for (size_t s = 0; s < WN_METRIC_STATUSES; s++) {
        uint64_t n = wn_counter_get(&metrics->requests[of->model][of->route][s]);
        if (n > 0)
            wn_buf_printf(out, "wn_requests_total{route=\"%s\",model=\"%s\",status=\"%d\"} %llu\n",
                          of->route_name, of->model_name, wn_reply_status(s),
                          (unsigned long long)n);
    }
}

static void push_latency(wn_buf *out, const wn_metrics *metrics, const series *of)
{
    char labels[400];
    snprintf(labels, sizeof labels, "route=\"%s\",model=\"%s\",", of->route_name, of->model_name);
    push_histogram(out, "wn_request_seconds", labels,
                   &metrics->request_seconds[of->model][of->route], second_bounds, SECONDS);
}

static void for_each_route(wn_buf *out, const wn_metrics *metrics, const wn_gauges *g, size_t model,
                           series_fn *fn)
{
    series of = {.model = model, .model_name = g->models[model].name};
    size_t n, index = 0;
    const wn_route *routes = wn_routes(&n);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(routes[i].name, routes[i - 1].name) == 0)
            continue;
        of.route = index++;
        of.route_name = routes[i].name;
        fn(out, metrics, &of);
    }
    of.route = index;
    of.route_name = "none";
    fn(out, metrics, &of);
}

static void for_each_series(wn_buf *out, const wn_metrics *metrics, const wn_gauges *g,
                            series_fn *fn)
{
    for (size_t i = 0; i < WN_METRIC_MODELS; i++)
        if (g->models[i].name[0] != '\0')
            for_each_route(out, metrics, g, i, fn);
}

static void push_http(wn_buf *out, const wn_metrics *m, const wn_gauges *g)
{
    push_family(out, "wn_requests_total", "counter", "Requests that were answered.");
    for_each_series(out, m, g, push_requests);
    push_family(out, "wn_request_seconds", "histogram",
                "Time from a request's head to its answer.");
    for_each_series(out, m, g, push_latency);
    push_labelled(out, "wn_rejected_total", "Requests that were refused, by reason.", "reason",
                  rejects, m->rejected, WN_REJECT_COUNT);
    push_number(out, "wn_requests_in_flight", "gauge", "Requests that are not yet answered.",
                (double)wn_counter_get(&m->in_flight));
    push_number(out, "wn_connections", "gauge", "Connections that are open.",
                (double)wn_counter_get(&m->connections_open));
    push_number(out, "wn_connections_total", "counter", "Connections that were accepted.",
                (double)wn_counter_get(&m->connections_total));
    push_number(out, "wn_connections_refused_total", "counter",
                "Connections that were closed at once because there were too many.",
                (double)wn_counter_get(&m->connections_refused));
    push_number(out, "wn_request_bytes_total", "counter", "Bytes of request bodies.",
                (double)wn_counter_get(&m->bytes_in));
    push_number(out, "wn_response_bytes_total", "counter", "Bytes of response bodies.",
                (double)wn_counter_get(&m->bytes_out));
    push_number(out, "wn_event_loop_lag_seconds", "gauge",
                "How late the event loop's timer was last.",
                (double)wn_counter_get(&m->loop_lag_ns) / SECONDS);
}

static void push_store(wn_buf *out, const wn_metrics *m, const wn_gauges *g)
{
    push_number(out, "wn_usage_lost_total", "counter", "Requests whose usage found no room.",
                (double)g->usage_lost);
    if (!g->has_store)
        return;
    push_number(out, "wn_store_up", "gauge", "Whether the last access to the store worked.",
                (double)wn_counter_get(&m->store_up));
    push_number(out, "wn_store_errors_total", "counter", "Accesses to the store that failed.",
                (double)wn_counter_get(&m->store_errors));
}

static void push_scoring(wn_buf *out, const wn_metrics *m, const wn_gauges *g)
{
    static const char *const kinds[] = {"query", "document"};
    push_family(out, "wn_stage_seconds", "histogram", "Time of each stage of a request.");
    for (size_t i = 0; i < WN_STAGE_COUNT; i++) {
        char labels[64];
        snprintf(labels, sizeof labels, "stage=\"%s\",", stages[i]);
        push_histogram(out, "wn_stage_seconds", labels, &m->stage_seconds[i], second_bounds,
                       SECONDS);
    }
    push_labelled(out, "wn_tokens_total", "Tokens of scored requests, as usage counts them.",
                  "kind", kinds, m->tokens, WN_TOKENS_COUNT);
    push_labelled(out, "wn_rows_total", "Sequences, by what became of them.", "state", row_states,
                  m->rows, WN_ROWS_COUNT);
    push_family(out, "wn_batch_tokens", "histogram", "Tokens of a batch.");
    push_histogram(out, "wn_batch_tokens", "", &m->batch_tokens, token_bounds, 1);
    push_family(out, "wn_batch_rows", "histogram", "Sequences of a batch.");
    push_histogram(out, "wn_batch_rows", "", &m->batch_rows, row_bounds, 1);
    push_family(out, "wn_batch_fill_ratio", "histogram", "Share of the token budget that is used.");
    push_histogram(out, "wn_batch_fill_ratio", "", &m->batch_fill, ratio_bounds, RATIO);
    push_number(out, "wn_queue_depth", "gauge", "Sequences that wait.", (double)g->queue_rows);
    push_number(out, "wn_queue_tokens", "gauge", "Tokens that wait.", (double)g->queue_tokens);
    push_number(out, "wn_queue_wait_seconds", "gauge",
                "Estimated wait of a request that comes now.", g->queue_wait_seconds);
    push_number(out, "wn_tokens_per_second", "gauge", "Measured speed of scoring.",
                g->tokens_per_second);
    push_family(out, "wn_request_memory_bytes", "gauge", "Memory that requests have taken.");
    wn_buf_printf(out,
                  "wn_request_memory_bytes{kind=\"used\"} %llu\n"
                  "wn_request_memory_bytes{kind=\"peak\"} %llu\n"
                  "wn_request_memory_bytes{kind=\"limit\"} %llu\n",
                  (unsigned long long)g->requests_bytes, (unsigned long long)g->requests_peak_bytes,
                  (unsigned long long)g->requests_limit_bytes);
    push_number(out, "wn_score_cache_entries", "gauge", "Scores that are kept.",
                (double)g->cache_scores);
    push_number(out, "wn_score_cache_capacity", "gauge", "Scores that can be kept.",
                (double)g->cache_places);
    push_number(out, "wn_score_cache_evictions_total", "counter",
                "Scores that made room for others.", (double)g->cache_evictions);
    push_number(out, "wn_vector_cache_entries", "gauge", "Documents whose vectors are kept.",
                (double)g->vector_rows);
    push_family(out, "wn_vector_cache_bytes", "gauge", "Memory of documents' vectors.");
    wn_buf_printf(out,
                  "wn_vector_cache_bytes{kind=\"used\"} %llu\n"
                  "wn_vector_cache_bytes{kind=\"limit\"} %llu\n",
                  (unsigned long long)g->vector_bytes, (unsigned long long)g->vector_limit_bytes);
    push_number(out, "wn_vector_cache_evictions_total", "counter",
                "Documents whose vectors made room for others.", (double)g->vector_evictions);
    push_number(out, "wn_engine_busy_seconds_total", "counter", "Time spent in batches.",
                (double)wn_counter_get(&m->busy_ns) / SECONDS);
}

/* Two numbers of /proc/self/statm and /proc/self/fd, as the client libraries of Prometheus name
 * them. */
static void push_process(wn_buf *out, const wn_gauges *g)
{
    wn_process_facts facts = wn_process_look();
    push_number(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
                (double)facts.resident_bytes);
    push_number(out, "process_open_fds", "gauge", "Open file descriptors.",
                (double)facts.open_files);
    push_number(out, "process_cpu_seconds_total", "counter", "CPU time, user and system.",
                facts.cpu_seconds);
    push_number(out, "process_threads", "gauge", "Threads.", (double)facts.threads);
    push_number(out, "process_start_time_seconds", "gauge", "Start, as Unix time.",
                (double)g->started_unix_s);
}

bool wn_metrics_is_degraded(const wn_metrics *metrics, bool has_store)
{
    return has_store && wn_counter_get(&metrics->store_up) == 0;
}

bool wn_metrics_push(wn_buf *out, const wn_metrics *metrics, const wn_gauges *g)
{
    push_http(out, metrics, g);
    push_scoring(out, metrics, g);
    push_store(out, metrics, g);
    uint64_t n_stuck = wn_counter_get(&metrics->stuck_models);
    push_number(out, "wn_ready", "gauge", "Whether requests are answered.",
                g->ready && n_stuck == 0);
    push_number(out, "wn_stuck_models", "gauge", "Models that finish no batch while work waits.",
                (double)n_stuck);
    push_family(out, "wn_degraded", "gauge", "What is out of order while requests are answered.");
    wn_buf_printf(out, "wn_degraded{reason=\"store\"} %d\n",
                  wn_metrics_is_degraded(metrics, g->has_store));
    push_family(out, "wn_model_info", "gauge", "The models that are loaded.");
    for (size_t i = 0; i < WN_METRIC_MODELS; i++)
        if (g->models[i].family[0] != '\0')
            wn_buf_printf(out, "wn_model_info{model=\"%s\",family=\"%s\",cpu_level=\"%s\"} 1\n",
                          g->models[i].name, g->models[i].family, g->models[i].cpu_level);
    push_family(out, "wn_build_info", "gauge", "This program.");
    wn_buf_printf(out, "wn_build_info{version=\"%s\"} 1\n", wn_version());
    push_process(out, g);
    return !out->failed;
}

/* ---- the names of text-embeddings-inference ------------------------------------------------- */

/* What its counters tell apart, from the status of an answer. */
typedef enum tei_outcome {
    TEI_SUCCESS = 0,
    TEI_VALIDATION,
    TEI_OVERLOADED,
    TEI_DROPPED,
    TEI_INFERENCE,
    TEI_OUTCOMES
} tei_outcome;

static tei_outcome tei_outcome_of(int status)
{
    switch (status) {
    case 429:
    case 503:
        return TEI_OVERLOADED;
    case 499: /* the client had gone */
    case 504:
        return TEI_DROPPED;
    case 424: /* what TEI's dialect makes of 500 */
        return TEI_INFERENCE;
    default:
        return status < 400 ? TEI_SUCCESS : status < 500 ? TEI_VALIDATION : TEI_INFERENCE;
    }
}

/* The requests that score, of all models: by outcome, and their times. */
typedef struct tei_sums {
    uint64_t of[TEI_OUTCOMES];
    wn_histogram seconds;
} tei_sums;

static void add_route(tei_sums *sums, const wn_metrics *m, size_t model, size_t route)
{
    const wn_histogram *seconds = &m->request_seconds[model][route];
    for (size_t s = 0; s < WN_METRIC_STATUSES; s++) {
        uint64_t n = wn_counter_get(&m->requests[model][route][s]);
        if (n > 0)
            sums->of[tei_outcome_of(wn_reply_status(s))] += n;
    }
    for (size_t i = 0; i <= WN_HISTOGRAM_BUCKETS; i++)
        wn_counter_add(&sums->seconds.counts[i], wn_counter_get(&seconds->counts[i]));
    wn_counter_add(&sums->seconds.sum, wn_counter_get(&seconds->sum));
}

static void push_tei_histogram(wn_buf *out, const char *name, const char *help,
                               const wn_histogram *histogram, const double *bounds, double scale)
{
    push_family(out, name, "histogram", help);
    push_histogram(out, name, "", histogram, bounds, scale);
}

bool wn_metrics_push_tei(wn_buf *out, const wn_metrics *m, const wn_gauges *g)
{
    static const char *const failures[] = {"validation", "overloaded", "dropped", "inference"};
    uint64_t scored = 0, total = 0;
    tei_sums sums = {0};
    for (size_t i = 0; i < WN_METRIC_MODELS; i++) {
        add_route(&sums, m, i, route_index("rerank"));
        add_route(&sums, m, i, route_index("score"));
    }
    for (size_t i = 0; i < TEI_OUTCOMES; i++)
        total += sums.of[i];
    push_family(out, "te_request_count", "counter", "Requests that score.");
    wn_buf_printf(out, "te_request_count{method=\"batch\"} %llu\n", (unsigned long long)total);
    push_family(out, "te_request_success", "counter", "Those that were answered.");
    wn_buf_printf(out, "te_request_success{method=\"batch\"} %llu\n",
                  (unsigned long long)sums.of[TEI_SUCCESS]);
    push_family(out, "te_request_failure", "counter", "Those that were not.");
    for (size_t i = 0; i < WN_ARRAY_LEN(failures); i++)
        wn_buf_printf(out, "te_request_failure{err=\"%s\"} %llu\n", failures[i],
                      (unsigned long long)sums.of[TEI_VALIDATION + i]);
    for (size_t i = 0; i < WN_ROWS_COUNT; i++)
        scored += i == WN_ROWS_CANCELLED ? 0 : wn_counter_get(&m->rows[i]);
    push_number(out, "te_predict_count", "counter", "Sequences that were asked for.",
                (double)(scored + wn_counter_get(&m->rows[WN_ROWS_CANCELLED])));
    push_number(out, "te_predict_success", "counter", "Sequences that were scored.",
                (double)scored);
    push_tei_histogram(out, "te_request_duration", "Time of a request.", &sums.seconds,
                       second_bounds, SECONDS);
    push_tei_histogram(out, "te_request_tokenization_duration", "Time of its tokenisation.",
                       &m->stage_seconds[WN_STAGE_TOKENIZE], second_bounds, SECONDS);
    push_tei_histogram(out, "te_request_queue_duration", "Time that it waited.",
                       &m->stage_seconds[WN_STAGE_QUEUE], second_bounds, SECONDS);
    push_tei_histogram(out, "te_request_inference_duration", "Time of its scoring.",
                       &m->stage_seconds[WN_STAGE_COMPUTE], second_bounds, SECONDS);
    push_tei_histogram(out, "te_batch_next_size", "Sequences of a batch.", &m->batch_rows,
                       row_bounds, 1);
    push_tei_histogram(out, "te_batch_next_tokens", "Tokens of a batch.", &m->batch_tokens,
                       token_bounds, 1);
    push_number(out, "te_queue_size", "gauge", "Sequences that wait.", (double)g->queue_rows);
    return !out->failed;
}
