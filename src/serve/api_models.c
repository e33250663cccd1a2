/* Which models answer, in the shape that OpenAI's clients read, with the facts that TEI's and
 * Xinference's look for. */
#include "serve/api.h"
#include "serve/model_names.h"
#include "serve/service.h"

#include "base/str.h"
#include "data/json_text.h"

static bool push_model(wn_buf *out, wn_service *service)
{
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    wn_backend *backend = wn_service_backend(service);
    wn_buf_push_str(out, WN_STR("{\"id\":"));
    wn_json_push_string(out, wn_str_from(wn_service_model_name(service)));
    wn_buf_push_str(out, WN_STR(",\"object\":\"model\",\"created\":0,\"owned_by\":\"winnow\","
                                "\"model_type\":\"rerank\""));
    if (backend != NULL && wn_engine_get_info(wn_backend_engine(backend), &info, NULL) == WN_OK)
        wn_buf_printf(out,
                      ",\"family\":\"%s\",\"max_input_length\":%d,\"max_query_tokens\":%d,"
                      "\"parameters\":%llu",
                      info.family, info.max_tokens, info.max_query_tokens,
                      (unsigned long long)info.n_parameters);
    return wn_buf_push_byte(out, '}');
}

bool wn_api_models(wn_exchange *x)
{
    wn_buf *out = &x->reply.body;
    wn_buf_push_str(out, WN_STR("{\"object\":\"list\",\"data\":["));
    push_model(out, x->service);
    wn_buf_push_str(out, WN_STR("]}"));
    wn_exchange_reply_json(x, 200);
    return true;
}

bool wn_api_model(wn_exchange *x)
{
    if (!wn_service_serves(x->service, x->match.rest)) {
        wn_problem_set(&x->problem, 404, "RESOURCE_NOT_FOUND",
                       "Model '%.*s' not found or access denied. Verify the ID and your "
                       "permissions.",
                       WN_STR_ARG(x->match.rest));
        return true;
    }
    push_model(&x->reply.body, x->service);
    wn_exchange_reply_json(x, 200);
    return true;
}

/* Xinference's clients ask first whether they have to log in. */
bool wn_api_cluster_auth(wn_exchange *x)
{
    bool open = wn_service_facts_of(x->service).open;
    wn_buf_printf(&x->reply.body, "{\"auth\":%s}", open ? "false" : "true");
    wn_exchange_reply_json(x, 200);
    return true;
}
