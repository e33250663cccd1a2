/* What the server has counted, as Prometheus reads it. */
#include "serve/api.h"
#include "serve/service.h"

bool wn_api_metrics(wn_exchange *x)
{
    wn_gauges gauges = wn_service_gauges(x->service);
    wn_metrics_push(&x->reply.body, wn_service_metrics(x->service), &gauges);
    if (wn_service_facts_of(x->service).metrics_of_tei)
        wn_metrics_push_tei(&x->reply.body, wn_service_metrics(x->service), &gauges);
    x->reply.status = 200;
    x->reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return true;
}
