/* A ranking in any dialect: read the body into a call, tokenise it, let the scheduler score it,
 * write the results.  Both halves run on a worker; in between the exchange waits in the backend. */
#include "serve/api.h"
#include "serve/service.h"

#include "base/clock.h"
#include "base/str.h"

#include <strings.h>
#include <time.h>

#define DOCUMENTS_A_UNIT 100 /* of the search units that Cohere and Pinecone count */

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
    const json_t *body = dialect->unwrap == NULL ? x->json : dialect->unwrap(x->json);
    if (dialect->prepare != NULL)
        dialect->prepare(&x->call, x->request);
    wn_fields_read(&x->call, dialect->fields, dialect->n_fields, body, &x->problem);
    if (x->problem.status == 0 && dialect->check != NULL)
        dialect->check(&x->calls, body, &x->problem);
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
    wn_exchange *x = ticket->owner;
    if (wn_countdown_drop(&x->pending))
        wn_service_resume(x);
}

static wn_request request_of(const wn_rank_call *call)
{
    return (wn_request){
        .struct_size = sizeof(wn_request),
        .query = call->query,
        .documents = call->documents.at,
        .n_documents = call->documents.n,
        .top_n = (size_t)WN_MIN(call->top_n, (int64_t)call->documents.n),
        .long_docs = call->truncation ? WN_LONG_DOCS_WINDOWS : WN_LONG_DOCS_ERROR,
        .plain_specials = true,
        .want_windows = call->return_spans,
    };
}

static bool make_jobs(wn_exchange *x, wn_backend *backend)
{
    wn_error err = {0};
    x->tickets = wn_arena_alloc(&x->arena, x->calls.n, sizeof *x->tickets);
    if (x->tickets == NULL) {
        wn_problem_set_error(&x->problem, &(wn_error){.status = WN_ERR_MEMORY});
        return false;
    }
    for (size_t i = 0; i < x->calls.n; i++) {
        const wn_request request = request_of(&x->calls.at[i]);
        x->tickets[i] = (wn_ticket){.owner = x, .done = resume};
        if (wn_backend_make_job(backend, &x->tickets[i], x->worker, &request, &err) != WN_OK) {
            wn_problem_set_error(&x->problem, &err);
            return false;
        }
    }
    return true;
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
    if (!make_jobs(x, backend))
        return true;
    size_t n = x->calls.n; /* x may be answered before the loop ends */
    wn_countdown_set(&x->pending, n);
    for (size_t i = 0; i < n; i++)
        wn_backend_submit(backend, &x->tickets[i]);
    return false;
}

static uint64_t search_units(size_t n_documents)
{
    return (n_documents + DOCUMENTS_A_UNIT - 1) / DOCUMENTS_A_UNIT;
}

static wn_rank_answer answer_of(const wn_exchange *x, size_t i)
{
    const wn_rank_call *call = &x->calls.at[i];
    const wn_job *job = x->tickets[i].job;
    wn_usage usage = wn_job_usage(job);
    wn_rank_answer answer = {
        .query_tokens = usage.query_tokens,
        .document_tokens = usage.total_tokens - usage.query_tokens,
        .total_tokens = usage.total_tokens,
        .search_units = search_units(call->documents.n),
        .model = call->model.len > 0 ? call->model : wn_str_from(wn_service_model_name(x->service)),
        .request_id = x->request_id,
        .created_s = time(NULL),
    };
    answer.results = wn_job_results(job, &answer.n_results);
    return answer;
}

/* How long each stage took, from the first ticket's beginning to the last one's end. */
static void push_times(wn_exchange *x)
{
    uint64_t tokenize_ns = 0, started_ns = UINT64_MAX, ended_ns = 0;
    for (size_t i = 0; i < x->calls.n; i++) {
        tokenize_ns += wn_job_usage(x->tickets[i].job).tokenize_ns;
        started_ns = WN_MIN(started_ns, x->tickets[i].started_ns);
        ended_ns = WN_MAX(ended_ns, x->tickets[i].ended_ns);
    }
    wn_reply_push_field(&x->reply, "Server-Timing",
                        "parse;dur=%.2f, tokenize;dur=%.2f, queue;dur=%.2f, compute;dur=%.2f",
                        (double)(x->parsed_ns - x->began_ns) / 1e6, (double)tokenize_ns / 1e6,
                        (double)(started_ns - x->tickets[0].queued_ns) / 1e6,
                        (double)(ended_ns - started_ns) / 1e6);
}

bool wn_api_rank_resume(wn_exchange *x)
{
    wn_rank_answer *answers = wn_arena_alloc(&x->arena, x->calls.n, sizeof *answers);
    if (answers == NULL) {
        wn_problem_set_error(&x->problem, &(wn_error){.status = WN_ERR_MEMORY});
        return true;
    }
    for (size_t i = 0; i < x->calls.n; i++) {
        if (x->tickets[i].status != WN_OK) {
            wn_problem_set_error(&x->problem, &x->tickets[i].err);
            return true;
        }
        answers[i] = answer_of(x, i);
    }
    x->dialect->push_answer(&x->reply.body, &x->calls, answers);
    wn_exchange_reply_json(x, 200);
    wn_reply_push_field(&x->reply, "X-Winnow-Model", "%s", wn_service_model_name(x->service));
    push_times(x);
    return true;
}
