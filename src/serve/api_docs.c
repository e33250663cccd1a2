/* The API's own description: for programs and for people. */
#include "serve/api.h"
#include "serve/service.h"

bool wn_api_openapi(wn_exchange *x)
{
    wn_buf_push_str(&x->reply.body, wn_service_openapi(x->service));
    wn_exchange_reply_json(x, 200);
    return true;
}

bool wn_api_docs(wn_exchange *x)
{
    wn_buf_push_str(&x->reply.body, wn_service_docs(x->service));
    x->reply.status = 200;
    x->reply.content_type = "text/html; charset=utf-8";
    wn_reply_push_field(&x->reply, "Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    wn_reply_push_field(&x->reply, "X-Content-Type-Options", "nosniff");
    return true;
}
