/* A ranking in any dialect: read the body into a call, tokenise it, let the scheduler score it,
 * write the results.  Both halves run on a worker; in between the exchange waits in the backend. */
#include "serve/api.h"
#include "serve/service.h"

#include "base/clock.h"
#include "base/str.h"

#include <strings.h>
#include <time.h>

/* A body of another kind is refused: for a form, so that its sender learns why nothing works; for
 * text/plain, so that no page of another origin can use this server through a visitor's browser. */
static bool is_json(const wn_http_request *request, wn_str *type)
{
    if (!wn_http_find(request, "Content-Type", type) || type->len == 0)
        return true;
    for (size_t i = 0; i < type->len && type->ptr[i] != ';'; i++) {
        if (type->len - i >= 4 && strncasecmp(type->ptr + i, "json", 4) == 0)
            return true;
    }
    return false;
}

static bool read_body(wn_exchange *x)
{
    wn_str type;
    if (!is_json(x->request, &type)) {
        wn_problem_set(&x->problem, 415, "INPUT_UNSUPPORTED_MEDIA_TYPE",
                       "Content-Type is '%.*s', expected application/json", WN_STR_ARG(type));
        return false;
    }
    if (!wn_exchange_parse(x))
        return false;
    wn_exchange_choose_dialect(x);
    const wn_dialect *dialect = x->dialect;
    if (dialect->prepare != NULL)
        dialect->prepare(&x->call, x->request);
    wn_fields_read(&x->call, dialect->fields, dialect->n_fields, x->json, &x->problem);
    if (x->problem.status == 0 && dialect->check != NULL)
        dialect->check(&x->call, x->json, &x->problem);
    return x->problem.status == 0;
}

static bool check_model(wn_exchange *x)
{
    if (x->call.model.len == 0 || wn_service_serves(x->service, x->call.model))
        return true;
    wn_problem_set(&x->problem, 400, "INPUT_MODEL_NOT_FOUND",
                   "Model '%.*s' not found. Available models: %s.", WN_STR_ARG(x->call.model),
                   wn_service_model_name(x->service));
    return false;
}

static void resume(wn_ticket *ticket)
{
    wn_service_resume(ticket->owner);
}

static bool make_job(wn_exchange *x, wn_backend *backend)
{
    const wn_rank_call *call = &x->call;
    const wn_request request = {
        .struct_size = sizeof request,
        .query = call->query,
        .documents = call->documents.at,
        .n_documents = call->documents.n,
        .top_n = call->top_n > (int64_t)call->documents.n ? 0 : (size_t)call->top_n,
        .long_docs = !call->truncation ? WN_LONG_DOCS_ERROR
                     : call->cut       ? WN_LONG_DOCS_TRUNCATE
                                       : WN_LONG_DOCS_WINDOWS,
        .plain_specials = true,
        .want_windows = call->return_spans,
    };
    wn_error err = {0};
    x->ticket.owner = x;
    x->ticket.done = resume;
    if (wn_backend_make_job(backend, &x->ticket, x->worker, &request, &err) == WN_OK)
        return true;
    wn_problem_set_error(&x->problem, &err);
    return false;
}

bool wn_api_rank(wn_exchange *x)
{
    wn_backend *backend = wn_service_backend(x->service);
    if (!read_body(x) || !check_model(x))
        return true;
    if (backend == NULL) {
        wn_problem_set(&x->problem, 503, "SERVICE_UNAVAILABLE",
                       "Service temporarily unavailable: the model is being loaded. Please retry "
                       "with exponential backoff.");
        x->problem.retry_after_s = 1;
        return true;
    }
    x->parsed_ns = wn_clock_ns();
    if (!make_job(x, backend))
        return true;
    wn_backend_submit(backend, &x->ticket);
    return false;
}

/* How long each stage took, for the client's tools. */
static void push_times(wn_exchange *x, const wn_usage *usage)
{
    const wn_ticket *t = &x->ticket;
    wn_reply_push_field(
        &x->reply, "Server-Timing",
        "parse;dur=%.2f, tokenize;dur=%.2f, queue;dur=%.2f, compute;dur=%.2f",
        (double)(x->parsed_ns - x->began_ns) / 1e6, (double)usage->tokenize_ns / 1e6,
        (double)(t->started_ns - t->queued_ns) / 1e6, (double)(t->ended_ns - t->started_ns) / 1e6);
}

bool wn_api_rank_resume(wn_exchange *x)
{
    const char *own = wn_service_model_name(x->service);
    if (x->ticket.status != WN_OK) {
        wn_problem_set_error(&x->problem, &x->ticket.err);
        return true;
    }
    wn_usage usage = wn_job_usage(x->ticket.job);
    wn_rank_answer answer = {
        .total_tokens = usage.total_tokens,
        .model = x->call.model.len > 0 ? x->call.model : wn_str_from(own),
        .request_id = x->request_id,
        .created_s = time(NULL),
    };
    answer.results = wn_job_results(x->ticket.job, &answer.n_results);
    x->dialect->push_answer(&x->reply.body, &x->call, &answer);
    wn_exchange_reply_json(x, 200);
    wn_reply_push_field(&x->reply, "X-Winnow-Model", "%s", own);
    push_times(x, &usage);
    return true;
}
