/* The pages for people.  They are scripts over the API that everyone else uses, come from the
 * program itself and may load nothing from anywhere else. */
#include "serve/api.h"
#include "serve/service.h"
#include "serve/web.h"

#include <stdio.h>
#include <string.h>

/* No inline script or style, no other origin, no frame around it, and no script from a string.
 * There is no Cross-Origin-Opener-Policy beside it: for one a browser starts another process, which
 * takes longer than to draw a page, and these pages open no window and trust none. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "              \
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "            \
    "require-trusted-types-for 'script'; trusted-types 'none'"

/* Whether a list such as "gzip, br;q=0.5" has this item, and does not refuse it. */
static bool has_item(const wn_http_request *request, const char *field, wn_str wanted)
{
    wn_str list, item;
    if (!wn_http_find(request, field, &list))
        return false;
    while (wn_http_next_item(&list, &item)) {
        const char *rest = memchr(item.ptr, ';', item.len);
        size_t n = rest != NULL ? (size_t)(rest - item.ptr) : item.len;
        if (!wn_http_same(wn_http_trim(wn_str_slice(item, 0, n)), wanted))
            continue;
        wn_str weight = wn_http_trim(wn_str_slice(item, WN_MIN(n + 1, item.len), item.len));
        return !wn_str_equal(weight, WN_STR("q=0"));
    }
    return false;
}

static bool refuse(wn_exchange *x)
{
    wn_problem_set(&x->problem, 404, "RESOURCE_NOT_FOUND", "Not Found: no route '%.*s'.",
                   WN_STR_ARG(x->request->path));
    return true;
}

static bool answer(wn_exchange *x, wn_str name)
{
    const wn_web_file *file = wn_service_facts_of(x->service).has_ui ? wn_web_find(name) : NULL;
    wn_reply *reply = &x->reply;
    if (file == NULL)
        return refuse(x);
    reply->status = 200;
    reply->content_type = file->type;
    wn_reply_push_field(reply, "ETag", "%s", file->tag);
    wn_reply_push_field(reply, "Cache-Control", "no-cache");
    wn_reply_push_field(reply, "Vary", "Accept, Accept-Encoding");
    wn_reply_push_field(reply, "Content-Security-Policy", "%s", POLICY);
    wn_reply_push_field(reply, "X-Content-Type-Options", "nosniff");
    wn_reply_push_field(reply, "Referrer-Policy", "no-referrer");
    if (has_item(x->request, "If-None-Match", wn_str_from(file->tag))) {
        reply->status = 304;
        reply->content_type = NULL;
    } else if (has_item(x->request, "Accept-Encoding", WN_STR("gzip"))) {
        wn_reply_push_field(reply, "Content-Encoding", "gzip");
        wn_buf_push(&reply->body, file->small, (size_t)(file->small_end - file->small));
    } else {
        wn_buf_push(&reply->body, file->plain, (size_t)(file->plain_end - file->plain));
    }
    return true;
}

bool wn_api_web_file(wn_exchange *x)
{
    return answer(x, x->match.rest);
}

/* "/limits" is limits.html. */
bool wn_api_page(wn_exchange *x)
{
    char name[64];
    wn_str path = wn_str_from(x->match.route->path + 1);
    snprintf(name, sizeof name, "%.*s.html", WN_STR_ARG(path));
    return answer(x, wn_str_from(name));
}

/* A browser asks for HTML by name; probes do not. */
bool wn_api_root(wn_exchange *x)
{
    if (wn_service_facts_of(x->service).has_ui &&
        has_item(x->request, "Accept", WN_STR("text/html")))
        return answer(x, WN_STR("playground.html"));
    wn_reply_push_field(&x->reply, "Vary", "Accept");
    return wn_api_ready(x);
}
