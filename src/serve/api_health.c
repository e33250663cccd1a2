/* How the server feels: alive, ready, started.  Whoever probes it reads the status; people read the
 * body.  A server whose model is stuck is neither ready nor alive: only a new start helps.  One
 * that is degraded is both, and says why. */
#include "serve/api.h"
#include "serve/service.h"

typedef struct health {
    bool live, ready;
    const char *word, *reason; /* reason NULL: there is nothing to say */
} health;

static health look(wn_exchange *x)
{
    static const char *const words[] = {
        [WN_LIFE_STARTING] = "loading",
        [WN_LIFE_READY] = "ready",
        [WN_LIFE_DRAINING] = "draining",
        [WN_LIFE_FAILED] = "failed",
    };
    wn_metrics *metrics = wn_service_metrics(x->service);
    bool has_store = wn_accounts_has_state(wn_service_accounts(x->service));
    wn_life life = wn_service_life(x->service);
    health h = {
        .live = life != WN_LIFE_FAILED, .ready = life == WN_LIFE_READY, .word = words[life]};
    if (h.live && wn_counter_get(&metrics->stuck_models) > 0)
        return (health){.word = "stuck", .reason = "a model finishes no batch while work waits"};
    if (h.ready && wn_metrics_is_degraded(metrics, has_store)) {
        h.word = "degraded";
        h.reason = "the store of keys and usage does not answer: keys are those of before, and "
                   "usage waits in memory";
    }
    return h;
}

static bool answer(wn_exchange *x, const health *h, bool good)
{
    wn_buf *out = &x->reply.body;
    wn_buf_printf(out, "{\"status\":\"%s\",", h->word);
    if (h->reason != NULL)
        wn_buf_printf(out, "\"reason\":\"%s\",", h->reason);
    wn_buf_printf(out, "\"model\":\"%s\",\"version\":\"%s\"}", wn_service_model_name(x->service),
                  wn_version());
    wn_exchange_reply_json(x, good ? 200 : 503);
    return true;
}

bool wn_api_live(wn_exchange *x)
{
    health h = look(x);
    return answer(x, &h, h.live);
}

bool wn_api_ready(wn_exchange *x)
{
    health h = look(x);
    return answer(x, &h, h.ready);
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
    return answer_nim(x, look(x).live, "live");
}

bool wn_api_nim_ready(wn_exchange *x)
{
    return answer_nim(x, look(x).ready, "ready");
}

bool wn_api_startup(wn_exchange *x)
{
    wn_life life = wn_service_life(x->service);
    health h = look(x);
    return answer(x, &h, life == WN_LIFE_READY || life == WN_LIFE_DRAINING);
}
