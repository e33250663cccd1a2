/* See route.h. */
#include "serve/route.h"

#include "base/str.h"
#include "serve/api.h"

#include <stdio.h>
#include <string.h>

#define DIALECTS(...) ((const wn_dialect *const[]){__VA_ARGS__})
#define RANK(path_, name_, summary_, ...)                                                          \
    {                                                                                              \
        .method = WN_HTTP_POST, .path = (path_), .scope = WN_SCOPE_RERANK, .on_worker = true,      \
        .begin = wn_api_rank, .resume = wn_api_rank_resume, .dialects = DIALECTS(__VA_ARGS__),     \
        .name = (name_), .summary = (summary_),                                                    \
    }
#define PUBLIC_GET(path_, name_, summary_, handler)                                                \
    {                                                                                              \
        .method = WN_HTTP_GET, .path = (path_), .scope = WN_SCOPE_PUBLIC, .begin = (handler),      \
        .name = (name_), .summary = (summary_),                                                    \
    }
#define PUBLIC_FORM(path_, name_, summary_, handler, form_, worker)                                \
    {                                                                                              \
        .method = WN_HTTP_GET, .path = (path_), .scope = WN_SCOPE_PUBLIC, .on_worker = (worker),   \
        .begin = (handler), .form = (form_), .name = (name_), .summary = (summary_),               \
    }
#define KEYED_GET(path_, name_, summary_, scope_, handler)                                         \
    {                                                                                              \
        .method = WN_HTTP_GET, .path = (path_), .scope = (scope_), .begin = (handler),             \
        .name = (name_), .summary = (summary_),                                                    \
    }
#define KEYED_POST(path_, name_, summary_, handler)                                                \
    {                                                                                              \
        .method = WN_HTTP_POST, .path = (path_), .scope = WN_SCOPE_RERANK, .on_worker = true,      \
        .begin = (handler), .name = (name_), .summary = (summary_),                                \
    }

#define USAGE(path_, summary_, handler, form_)                                                     \
    {                                                                                              \
        .method = WN_HTTP_GET, .path = (path_), .scope = WN_SCOPE_USAGE, .on_worker = true,        \
        .begin = (handler), .form = (form_), .name = "usage", .summary = (summary_),               \
    }

#define ADMIN(method_, path_, summary_, handler, form_, status_)                                   \
    {                                                                                              \
        .method = WN_HTTP_##method_, .path = (path_), .scope = WN_SCOPE_ADMIN, .on_worker = true,  \
        .begin = (handler), .form = (form_), .status = (status_), .name = "admin",                 \
        .summary = (summary_),                                                                     \
    }

static const wn_route routes[] = {
    RANK("/v1/rerank", "rerank", "Put documents in order of relevance: Jina, Cohere v1, Voyage",
         &wn_dialect_cohere_v1, &wn_dialect_voyage, &wn_dialect_jina),
    RANK("/rerank", "rerank",
         "Put documents in order of relevance: infinity, vLLM, LocalAI, TEI, Pinecone",
         &wn_dialect_tei, &wn_dialect_pinecone, &wn_dialect_generic),
    RANK("/v2/rerank", "rerank", "Cohere v2", &wn_dialect_cohere_v2),
    RANK("/v3/rerank", "rerank", "OpenVINO Model Server", &wn_dialect_openvino),
    RANK("/reranking", "rerank", "llama.cpp", &wn_dialect_tei, &wn_dialect_llamacpp),
    RANK("/v1/reranking", "rerank", "Mixedbread, llama.cpp", &wn_dialect_mixedbread,
         &wn_dialect_llamacpp),
    RANK("/v1/rerankings", "rerank", "Isaacus", &wn_dialect_isaacus),
    RANK("/v1/ranking", "rerank", "NVIDIA NIM", &wn_dialect_nim),
    RANK("/v1/retrieval/nvidia/reranking", "rerank", "NVIDIA's hosted path", &wn_dialect_nim),
    RANK("/invocations", "rerank", "SageMaker", &wn_dialect_sagemaker_csv, &wn_dialect_sagemaker,
         &wn_dialect_tei, &wn_dialect_jina),
    RANK("/vertex", "rerank", "Vertex AI", &wn_dialect_vertex),
    RANK("/v1/rerank/batch", "rerank", "Many rankings in one request", &wn_dialect_batch),
    RANK("/predict", "score", "TEI: score pairs of texts", &wn_dialect_tei_predict),
    RANK("/score", "score", "vLLM: score texts against texts; Azure ML", &wn_dialect_vllm_score,
         &wn_dialect_jina),
    RANK("/v1/score", "score", "vLLM: score texts against texts", &wn_dialect_vllm_score,
         &wn_dialect_jina),
    KEYED_POST("/v1/usage/estimate", "estimate",
               "What a request to /v1/rerank would cost, without scoring it", wn_api_estimate),
    KEYED_POST("/tokenize", "tokenize", "TEI: the tokens of texts", wn_api_tokenize),
    KEYED_POST("/decode", "decode", "TEI: the texts of lists of ids", wn_api_decode),
    KEYED_GET("/info", "info", "TEI: the model and its limits", WN_SCOPE_RERANK, wn_api_info),
    KEYED_GET("/metrics", "metrics", "Counters for Prometheus", WN_SCOPE_METRICS, wn_api_metrics),
    KEYED_GET("/v1/metrics", "metrics", "NVIDIA NIM's path of the same", WN_SCOPE_METRICS,
              wn_api_metrics),
    USAGE("/v1/usage", "What a key has used", wn_api_usage, &wn_form_usage),
    USAGE("/v1/usage/errors", "The latest requests of a key that failed", wn_api_usage_errors,
          &wn_form_usage_errors),
    USAGE("/v1/usage/statement", "A page of HTML: what was used in a month, and what it costs",
          wn_api_usage_statement, &wn_form_usage_statement),
    {
        .method = WN_HTTP_GET,
        .path = "/v1/key",
        .scope = WN_SCOPE_ANY,
        .begin = wn_api_own_key,
        .form = &wn_form_own_key,
        .name = "key",
        .summary = "What the caller's key may do, and what is left of its limits",
    },
    PUBLIC_GET("/openapi.json", "docs", "This description", wn_api_openapi),
    PUBLIC_GET("/api-doc/openapi.json", "docs", "TEI's path of the same", wn_api_openapi),
    PUBLIC_GET("/docs", "docs", "This description as a page", wn_api_docs),
    PUBLIC_GET("/playground", "ui", "A page to try rankings", wn_api_page),
    PUBLIC_GET("/limits", "ui", "What anybody may use how much of", wn_api_page),
    PUBLIC_GET("/licence", "ui", "What the licences of the models allow", wn_api_page),
    PUBLIC_GET("/benchmarks", "ui", "The reports, as pages", wn_api_page),
    PUBLIC_GET("/faq", "ui", "Questions and answers", wn_api_page),
    PUBLIC_GET("/dashboard", "ui", "A page about a key's usage, and for operators", wn_api_page),
    PUBLIC_GET("/ui/...", "ui", "Files of the pages", wn_api_web_file),
    PUBLIC_FORM("/v1/limits", "limits", "Limits of keys, requests and models", wn_api_limits,
                &wn_form_limits, false),
    PUBLIC_FORM("/v1/reports", "reports", "The reports of eval and bench that the operator shows",
                wn_api_reports, &wn_form_reports, true),
    PUBLIC_FORM("/v1/reports/...", "reports", "One report", wn_api_report, &wn_form_report, true),
    PUBLIC_GET("/v1/cluster/auth", "auth", "Xinference: whether a key is needed",
               wn_api_cluster_auth),
    KEYED_GET("/v1/models", "models", "The models that answer", WN_SCOPE_RERANK, wn_api_models),
    KEYED_GET("/v1/models/...", "models", "One model", WN_SCOPE_RERANK, wn_api_model),
    ADMIN(GET, "/v1/admin/keys", "All keys", wn_api_keys_list, &wn_form_key_list, 200),
    ADMIN(POST, "/v1/admin/keys", "A new key, whose text is shown this once", wn_api_keys_create,
          &wn_form_key_create, 201),
    ADMIN(GET, "/v1/admin/keys/...", "One key", wn_api_keys_show, &wn_form_key, 200),
    ADMIN(PATCH, "/v1/admin/keys/...", "Change the fields that the body has", wn_api_keys_update,
          &wn_form_key_update, 200),
    ADMIN(DELETE, "/v1/admin/keys/...", "Revoke a key, for good", wn_api_keys_revoke, &wn_form_key,
          200),
    ADMIN(POST, "/v1/admin/keys/.../rotate", "A new secret, which is shown this once",
          wn_api_keys_rotate, &wn_form_key_rotate, 200),
    ADMIN(GET, "/v1/admin/models", "All models and their states", wn_api_models_list,
          &wn_form_model_list, 200),
    ADMIN(POST, "/v1/admin/models", "Load a model, beside the one of this name until it is ready",
          wn_api_models_load, &wn_form_model_load, 202),
    ADMIN(GET, "/v1/admin/models/...", "One model and its state", wn_api_models_show,
          &wn_form_model, 200),
    ADMIN(DELETE, "/v1/admin/models/...", "Take a model away", wn_api_models_remove,
          &wn_form_model_gone, 200),
    PUBLIC_GET("/healthz/live", "health", "Alive", wn_api_live),
    PUBLIC_GET("/healthz/ready", "health", "Ready for requests", wn_api_ready),
    PUBLIC_GET("/healthz/startup", "health", "Started", wn_api_startup),
    PUBLIC_GET("/health", "health", "Ready for requests", wn_api_ready),
    PUBLIC_GET("/ping", "health", "SageMaker: ready for requests", wn_api_ready),
    PUBLIC_GET("/", "health", "The playground for browsers; TEI, Azure ML: ready for requests",
               wn_api_root),
    PUBLIC_GET("/v1/health/live", "health", "NVIDIA NIM: alive", wn_api_nim_live),
    PUBLIC_GET("/v1/health/ready", "health", "NVIDIA NIM: ready", wn_api_nim_ready),
    PUBLIC_GET("/v2/health/live", "health", "KServe: alive", wn_api_live),
    PUBLIC_GET("/v2/health/ready", "health", "KServe: ready", wn_api_ready),
};

const wn_route *wn_routes(size_t *n)
{
    *n = WN_ARRAY_LEN(routes);
    return routes;
}

/* Whether the route's path is this one; *rest is what stands for its "...". */
static bool matches(const wn_route *route, wn_str path, wn_str *rest)
{
    const char *dots = strstr(route->path, "...");
    *rest = (wn_str){0};
    if (dots != NULL) {
        wn_str head = {route->path, (size_t)(dots - route->path)}, tail = wn_str_from(dots + 3);
        if (path.len <= head.len + tail.len || !wn_str_starts(path, head) ||
            !wn_str_ends(path, tail))
            return false;
        *rest = wn_str_slice(path, head.len, path.len - tail.len);
        return true;
    }
    if (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    return wn_str_equal(path, wn_str_from(route->path));
}

static void allow(wn_route_match *match, wn_http_method method)
{
    const char *name = method == WN_HTTP_GET ? "GET, HEAD" : wn_http_method_name(method);
    if (strstr(match->allow, name) != NULL)
        return;
    size_t n = strlen(match->allow);
    snprintf(match->allow + n, sizeof match->allow - n, "%s%s", n > 0 ? ", " : "", name);
}

wn_route_match wn_route_find(const wn_http_request *request)
{
    wn_route_match match = {0};
    wn_http_method method = request->method == WN_HTTP_HEAD ? WN_HTTP_GET : request->method;
    for (size_t i = 0; i < WN_ARRAY_LEN(routes); i++) {
        wn_str rest;
        if (!matches(&routes[i], request->path, &rest))
            continue;
        match.path_exists = true;
        allow(&match, routes[i].method);
        if (match.route == NULL && routes[i].method == method) {
            match.route = &routes[i];
            match.rest = rest;
        }
    }
    return match;
}
