/* Which models answer, in the shape that OpenAI's clients read, with the facts that TEI's and
 * Xinference's look for. */
#include "serve/api.h"
#include "serve/service.h"

#include "base/str.h"
#include "data/json_text.h"

/* A model by its name, with its facts when it is loaded. */
static void push_model(wn_buf *out, wn_model_set *models, wn_str name)
{
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    wn_model *model = wn_model_set_take(models, name);
    wn_buf_push_str(out, WN_STR("{\"id\":"));
    wn_json_push_string(out, name);
    wn_buf_push_str(out, WN_STR(",\"object\":\"model\",\"created\":0,\"owned_by\":\"winnow\","
                                "\"model_type\":\"rerank\""));
    if (model != NULL &&
        wn_engine_get_info(wn_backend_engine(wn_model_backend(model)), &info, NULL) == WN_OK) {
        const char *quote = info.license[0] != '\0' ? "\"" : "";
        wn_buf_printf(out,
                      ",\"family\":\"%s\",\"dtype\":\"%s\",\"max_input_length\":%d,"
                      "\"max_query_tokens\":%d,\"takes_instructions\":%s,\"parameters\":%llu,"
                      "\"license\":%s%s%s",
                      info.family, info.dtype, info.max_tokens, info.max_query_tokens,
                      info.takes_instructions ? "true" : "false",
                      (unsigned long long)info.n_parameters, quote,
                      quote[0] != '\0' ? info.license : "null", quote);
    }
    wn_model_give(model);
    wn_buf_push_byte(out, '}');
}

bool wn_api_models(wn_exchange *x)
{
    wn_buf *out = &x->reply.body;
    wn_model_set *models = wn_service_models(x->service);
    wn_model_facts facts;
    const char *comma = "";
    wn_buf_push_str(out, WN_STR("{\"object\":\"list\",\"data\":["));
    for (size_t i = 0; wn_model_set_next(models, &i, &facts); comma = ",") {
        wn_buf_printf(out, "%s", comma);
        push_model(out, models, wn_str_from(facts.name));
    }
    wn_buf_push_str(out, WN_STR("]}"));
    wn_exchange_reply_json(x, 200);
    return true;
}

bool wn_api_model(wn_exchange *x)
{
    wn_model_set *models = wn_service_models(x->service);
    wn_str name = x->match.rest;
    if (!wn_service_serves(x->service, name)) {
        wn_problem_set(&x->problem, 404, "RESOURCE_NOT_FOUND",
                       "Model '%.*s' not found or access denied. Verify the ID and your "
                       "permissions.",
                       WN_STR_ARG(name));
        return true;
    }
    if (!wn_model_set_has(models, name)) /* another name of the default */
        name = wn_str_from(wn_model_set_default_name(models));
    push_model(&x->reply.body, models, name);
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
