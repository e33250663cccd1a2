/* GET /v1/limits: what this server lets its users do, as it is configured; for everybody, so no
 * more than an operator would tell anybody. */
#include "serve/api.h"
#include "serve/explain.h"
#include "serve/service.h"
#include "serve/tiers.h"

#include "base/str.h"
#include "data/json_bind.h"
#include "data/json_text.h"

#define SCHEMA_BOOL  "{\"type\":\"boolean\"}"
#define SCHEMA_LIMIT "{\"type\":[\"integer\",\"null\"]}"
#define SCHEMA_TIER                                                                                \
    WN_SCHEMA_OBJECT("\"name\",\"allowed\"",                                                       \
                     "\"name\":" WN_SCHEMA_STRING ",\"allowed\":" SCHEMA_BOOL                      \
                     ",\"requests_per_minute\":" SCHEMA_LIMIT                                      \
                     ",\"tokens_per_minute\":" SCHEMA_LIMIT ",\"requests_at_once\":" SCHEMA_LIMIT)
#define SCHEMA_PRODUCT                                                                             \
    WN_SCHEMA_OBJECT("\"name\",\"available\",\"tiers\"",                                           \
                     "\"name\":" WN_SCHEMA_STRING ",\"available\":" SCHEMA_BOOL                    \
                     ",\"tiers\":" WN_SCHEMA_LIST(SCHEMA_TIER))
#define SCHEMA_REQUEST                                                                             \
    WN_SCHEMA_OBJECT("\"body_bytes\",\"documents\"",                                               \
                     "\"body_bytes\":" WN_SCHEMA_INT ",\"documents\":" WN_SCHEMA_INT               \
                     ",\"rankings\":" WN_SCHEMA_INT ",\"document_fields\":" WN_SCHEMA_INT          \
                     ",\"explained_results\":" WN_SCHEMA_INT ",\"json_values\":" WN_SCHEMA_INT     \
                     ",\"json_depth\":" WN_SCHEMA_INT ",\"timeout_ms\":" WN_SCHEMA_INT             \
                     ",\"queue_wait_ms\":" WN_SCHEMA_INT)
#define SCHEMA_MODEL                                                                               \
    WN_SCHEMA_OBJECT("\"id\"", "\"id\":" WN_SCHEMA_STRING ",\"max_input_length\":" WN_SCHEMA_INT   \
                               ",\"max_query_tokens\":" WN_SCHEMA_INT                              \
                               ",\"max_document_tokens\":" WN_SCHEMA_INT)

const wn_form wn_form_limits = {
    .title = "limits",
    .answer_schema =
        WN_SCHEMA_OBJECT("\"object\",\"key_needed\",\"products\",\"request\",\"models\"",
                         "\"object\":{\"const\":\"limits\"},\"key_needed\":" SCHEMA_BOOL
                         ",\"burst_seconds\":" WN_SCHEMA_INT ",\"products\":" WN_SCHEMA_LIST(
                             SCHEMA_PRODUCT) ",\"request\":{" SCHEMA_REQUEST
                                             "},\"models\":" WN_SCHEMA_LIST(SCHEMA_MODEL)),
};

static const char *word(bool yes)
{
    return yes ? "true" : "false";
}

/* A limit of which 0 is none. */
static void push_limit(wn_buf *out, const char *name, uint64_t limit)
{
    if (limit == 0)
        wn_buf_printf(out, ",\"%s\":null", name);
    else
        wn_buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)limit);
}

/* Whether any route is of the product. */
static bool is_available(wn_product product)
{
    size_t n;
    const wn_route *routes = wn_routes(&n);
    for (size_t i = 0; i < n; i++) {
        if (routes[i].scope == WN_PRODUCT_SCOPE(product))
            return true;
    }
    return false;
}

static void push_product(wn_buf *out, wn_product product)
{
    const char *tier;
    wn_buf_push_str(out, WN_STR("{\"name\":\""));
    wn_scopes_push(out, WN_PRODUCT_SCOPE(product));
    wn_buf_printf(out, "\",\"available\":%s,\"tiers\":[", word(is_available(product)));
    for (size_t i = 0; (tier = wn_tier_name(i)) != NULL; i++) {
        wn_limits limits = wn_tier_limits(tier, product, NULL);
        wn_buf_printf(out, "%s{\"name\":\"%s\",\"allowed\":%s", i > 0 ? "," : "", tier,
                      word(wn_tier_allows(tier, product)));
        push_limit(out, "requests_per_minute", limits.per_minute[WN_RATE_REQUESTS]);
        push_limit(out, "tokens_per_minute", limits.per_minute[WN_RATE_TOKENS]);
        push_limit(out, "requests_at_once", limits.concurrency);
        wn_buf_push_byte(out, '}');
    }
    wn_buf_push_str(out, WN_STR("]}"));
}

static void push_request(wn_buf *out, const wn_service_facts *facts)
{
    wn_buf_printf(
        out,
        ",\"request\":{\"body_bytes\":%llu,\"documents\":%d,\"rankings\":%d,\"document_fields\":%d,"
        "\"explained_results\":%d,\"json_values\":%d,\"json_depth\":%d,"
        "\"timeout_ms\":%llu,\"queue_wait_ms\":%llu}",
        (unsigned long long)facts->body_bytes, WN_DOCUMENTS_PER_CALL_MAX, WN_CALLS_PER_BODY_MAX,
        WN_FIELDS_MAX, WN_EXPLAIN_RESULTS_MAX, WN_JSON_VALUES_MAX, WN_JSON_DEPTH_MAX,
        (unsigned long long)facts->request_timeout_ms,
        (unsigned long long)facts->max_queue_wait_ms);
}

/* Returns whether it is loaded and was told. */
static bool push_model(wn_buf *out, wn_model *model, const char *comma)
{
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    if (model == NULL ||
        wn_engine_get_info(wn_backend_engine(wn_model_backend(model)), &info, NULL) != WN_OK)
        return false;
    wn_buf_printf(out, "%s{\"id\":", comma);
    wn_json_push_string(out, wn_str_from(wn_model_name(model)));
    wn_buf_printf(out,
                  ",\"max_input_length\":%d,\"max_query_tokens\":%d,\"max_document_tokens\":%d}",
                  info.max_tokens, info.max_query_tokens, info.max_document_tokens);
    return true;
}

/* Of which models: those that /v1/models lists to who asks, else the one that /health names. */
static bool may_list(const wn_exchange *x)
{
    return wn_service_facts_of(x->service).open ||
           (x->identity.has_key && (x->identity.record.scopes & WN_SCOPE_RERANK) != 0);
}

static void push_models(wn_buf *out, const wn_exchange *x)
{
    wn_model_set *models = wn_service_models(x->service);
    size_t n = may_list(x) ? WN_MODELS_MAX : 1;
    const char *comma = "";
    wn_buf_push_str(out, WN_STR(",\"models\":["));
    for (size_t i = 0; i < n; i++) {
        wn_model *model = wn_model_set_take_at(models, i);
        if (push_model(out, model, comma))
            comma = ",";
        wn_model_give(model);
    }
    wn_buf_push_byte(out, ']');
}

bool wn_api_limits(wn_exchange *x)
{
    wn_buf *out = &x->reply.body;
    wn_service_facts facts = wn_service_facts_of(x->service);
    wn_limits limits = wn_tier_limits(wn_tier_name(0), WN_PRODUCT_RERANK, NULL);
    wn_buf_printf(out,
                  "{\"object\":\"limits\",\"key_needed\":%s,\"burst_seconds\":%u,\"products\":[",
                  word(!facts.open), (unsigned)limits.burst_s);
    for (wn_product product = 0; product < WN_PRODUCT_COUNT; product++) {
        if (product > 0)
            wn_buf_push_byte(out, ',');
        push_product(out, product);
    }
    wn_buf_push_byte(out, ']');
    push_request(out, &facts);
    push_models(out, x);
    wn_buf_push_byte(out, '}');
    wn_reply_push_field(&x->reply, "Cache-Control", "no-store");
    wn_reply_push_field(&x->reply, "Vary", "Authorization");
    wn_exchange_reply_json(x, 200);
    return true;
}
