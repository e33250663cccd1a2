/* What the server counts, and the text that Prometheus reads.  Names, labels and their values come
 * from fixed sets: never a text, a key or an id of a client.  Counting takes no lock.
 * Source:  Prometheus text exposition format 0.0.4.
 * Thread rule: any. */
#ifndef WN_SERVE_METRICS_H
#define WN_SERVE_METRICS_H

#include "base/buf.h"
#include "base/counter.h"
#include "serve/model_names.h"

typedef enum wn_stage {
    WN_STAGE_PARSE = 0, /* body to call */
    WN_STAGE_TOKENIZE,
    WN_STAGE_QUEUE,   /* from tokenised to the first row in a batch */
    WN_STAGE_COMPUTE, /* from there to the last row */
    WN_STAGE_WRITE,   /* results to body */
    WN_STAGE_COUNT
} wn_stage;

typedef enum wn_row_state {
    WN_ROWS_COMPUTED = 0,
    WN_ROWS_DEDUPED,   /* the same as another row of the batch */
    WN_ROWS_CACHED,    /* scored before */
    WN_ROWS_VECTORS,   /* scored from vectors of the document that were kept */
    WN_ROWS_CANCELLED, /* nobody waits for them */
    WN_ROWS_COUNT
} wn_row_state;

typedef enum wn_token_kind {
    WN_TOKENS_QUERY = 0,
    WN_TOKENS_DOCUMENT,
    WN_TOKENS_COUNT
} wn_token_kind;

typedef enum wn_reject {
    WN_REJECT_AUTH = 0,
    WN_REJECT_RATE,     /* the key's limits */
    WN_REJECT_QUOTA,    /* the key's balance */
    WN_REJECT_QUEUE,    /* our own overload */
    WN_REJECT_DEADLINE, /* could not be done in time */
    WN_REJECT_MEMORY,
    WN_REJECT_LOADING, /* no model yet, or draining */
    WN_REJECT_COUNT
} wn_reject;

#define WN_HISTOGRAM_BUCKETS 16
typedef struct wn_histogram {
    wn_counter counts[WN_HISTOGRAM_BUCKETS + 1]; /* the last has no upper bound */
    wn_counter sum;                              /* in the histogram's unit times its scale */
} wn_histogram;

#define WN_METRIC_MODELS   16
#define WN_METRIC_ROUTES   24
#define WN_METRIC_STATUSES 40
typedef struct wn_metrics {
    wn_counter requests[WN_METRIC_MODELS][WN_METRIC_ROUTES][WN_METRIC_STATUSES];
    wn_histogram request_seconds[WN_METRIC_MODELS][WN_METRIC_ROUTES];
    wn_histogram stage_seconds[WN_STAGE_COUNT];
    wn_histogram batch_tokens, batch_rows, batch_fill;
    wn_counter tokens[WN_TOKENS_COUNT]; /* as usage counts them */
    wn_counter rows[WN_ROWS_COUNT];
    wn_counter rejected[WN_REJECT_COUNT];
    wn_counter busy_ns;   /* of the compute threads' time */
    wn_counter in_flight; /* requests */
    wn_counter connections_open, connections_total, connections_refused;
    wn_counter bytes_in, bytes_out;
    wn_counter loop_lag_ns; /* the latest */
    wn_counter store_up, store_errors;
    wn_counter stuck_models; /* that finish no batch while work waits */
} wn_metrics;

/* A model as labels tell it. */
typedef struct wn_model_label {
    char name[WN_MODEL_NAME_MAX + 1]; /* "": no model has this number */
    char family[32], cpu_level[16];   /* "": it is not loaded */
} wn_model_label;

/* What is measured when it is asked for. */
typedef struct wn_gauges {
    wn_model_label models[WN_METRIC_MODELS]; /* by number */
    uint64_t queue_rows, queue_tokens;
    double queue_wait_seconds; /* an estimate */
    double tokens_per_second;
    uint64_t started_unix_s;
    uint64_t requests_bytes, requests_peak_bytes, requests_limit_bytes;
    uint64_t usage_lost; /* requests */
    uint64_t cache_scores, cache_places, cache_evictions;
    uint64_t vector_rows, vector_bytes, vector_limit_bytes, vector_evictions;
    bool has_store, ready;
} wn_gauges;

/* A request was answered by the model of a number; those that need none count for the first. */
void wn_metrics_request(wn_metrics *metrics, size_t model, const char *route, int status,
                        uint64_t took_ns);

/* A number is another model's from now on: its requests begin at 0. */
void wn_metrics_forget_model(wn_metrics *metrics, size_t model);

/* A stage of a request took so long. */
void wn_metrics_stage(wn_metrics *metrics, wn_stage stage, uint64_t took_ns);

/* A batch was computed. */
void wn_metrics_batch(wn_metrics *metrics, size_t rows, size_t tokens, size_t budget_tokens,
                      uint64_t took_ns);

/* Whether something is out of order although requests are answered: the store of keys and usage
 * does not answer. */
bool wn_metrics_is_degraded(const wn_metrics *metrics, bool has_store);

/* The whole text. */
bool wn_metrics_push(wn_buf *out, const wn_metrics *metrics, const wn_gauges *gauges);

/* What of it text-embeddings-inference measures too, under the names that it has there.
 * Source:  text-embeddings-inference, router/src/http/server.rs and core/src/queue.rs. */
bool wn_metrics_push_tei(wn_buf *out, const wn_metrics *metrics, const wn_gauges *gauges);

#endif
