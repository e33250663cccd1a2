/* How the server feels: alive, ready, started.  Whoever probes it reads the status; people read the
 * body. */
#include "serve/api.h"
#include "serve/service.h"

static const char *const words[] = {
    [WN_LIFE_STARTING] = "loading",
    [WN_LIFE_READY] = "ready",
    [WN_LIFE_DRAINING] = "draining",
    [WN_LIFE_FAILED] = "failed",
};

static bool answer(wn_exchange *x, bool good)
{
    wn_life life = wn_service_life(x->service);
    wn_buf_printf(&x->reply.body, "{\"status\":\"%s\",\"model\":\"%s\",\"version\":\"%s\"}",
                  words[life], wn_service_model_name(x->service), wn_version());
    wn_exchange_reply_json(x, good ? 200 : 503);
    return true;
}

bool wn_api_live(wn_exchange *x)
{
    return answer(x, wn_service_life(x->service) != WN_LIFE_FAILED);
}

bool wn_api_ready(wn_exchange *x)
{
    return answer(x, wn_service_life(x->service) == WN_LIFE_READY);
}

static bool answer_nim(wn_exchange *x, bool good, const char *status)
{
    wn_buf_printf(&x->reply.body,
                  "{\"object\":\"health.response\",\"message\":\"Service is %s%s.\","
                  "\"status\":\"%s\"}",
                  good ? "" : "not ", status, good ? status : "unavailable");
    wn_exchange_reply_json(x, good ? 200 : 503);
    return true;
}

bool wn_api_nim_live(wn_exchange *x)
{
    return answer_nim(x, wn_service_life(x->service) != WN_LIFE_FAILED, "live");
}

bool wn_api_nim_ready(wn_exchange *x)
{
    return answer_nim(x, wn_service_life(x->service) == WN_LIFE_READY, "ready");
}

bool wn_api_startup(wn_exchange *x)
{
    wn_life life = wn_service_life(x->service);
    return answer(x, life == WN_LIFE_READY || life == WN_LIFE_DRAINING);
}
