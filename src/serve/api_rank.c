/* A ranking in any dialect: read the body into a call, tokenise it, let the scheduler score it,
 * write the results.  Both halves run on a worker; in between the exchange waits in the backend. */
#include "serve/api.h"
#include "serve/explain.h"
#include "serve/service.h"

#include "base/clock.h"
#include "base/str.h"

#include <time.h>

/* Of the search units that Cohere and Pinecone count. */
#define DOCUMENTS_A_UNIT  100
#define TOKENS_A_DOCUMENT 500

#define BYTES_A_TOKEN_MAX 16    /* of a body: it has at least so many tokens */
#define BYTES_A_DOCUMENT  512   /* of its row, plan and result */
#define BYTES_A_TOKEN     12    /* with its place; a byte may be one */
#define BYTES_A_REPEATED  12    /* of an escaped byte in an answer that grows */
#define BYTES_A_WRITTEN   2     /* of a byte in one */
#define BYTES_A_CALL      65536 /* of its query's vectors */

#define TURN_NS        50000000 /* of a worker that makes the jobs of many calls */
#define FORESEEN_BYTES 4096     /* smaller bodies cost nothing worth foreseeing */

static bool read_body(wn_exchange *x)
{
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
    if (x->problem.status == 0)
        (void)wn_explain_is_wanted(&x->calls, &x->problem);
    return x->problem.status == 0;
}

static bool choose_model(wn_exchange *x)
{
    if (x->call.model.len == 0 || wn_service_serves(x->service, x->call.model))
        return wn_service_choose_model(x, x->call.model);
    wn_buf names = WN_BUF_INIT;
    wn_model_facts facts;
    for (size_t i = 0; wn_model_set_next(wn_service_models(x->service), &i, &facts);)
        wn_buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", facts.name);
    wn_problem_set(&x->problem, 400, "INPUT_MODEL_NOT_FOUND",
                   "Model '%.*s' not found. Available models: %.*s.", WN_STR_ARG(x->call.model),
                   WN_STR_ARG(wn_buf_str(&names)));
    wn_buf_deinit(&names);
    return false;
}

/* Said here, since the library knows the model by its directory. */
static bool check_instructions(wn_exchange *x)
{
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    bool asked = false;
    for (size_t i = 0; i < x->calls.n; i++)
        asked |= x->calls.at[i].instruction.len > 0;
    if (!asked || (wn_engine_get_info(wn_backend_engine(x->backend), &info, NULL) == WN_OK &&
                   info.takes_instructions))
        return true;
    wn_problem_set(&x->problem, 400, "INPUT_UNSUPPORTED",
                   "'instruction': model '%s' takes none; only models that are asked in words do.",
                   wn_model_name(x->model));
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
    const wn_rank_fields *fields = &call->rank_fields;
    bool apart = fields->texts != NULL;
    return (wn_request){
        .struct_size = sizeof(wn_request),
        .query = call->query,
        .instruction = call->instruction,
        .documents = apart ? fields->texts : call->documents.at,
        .n_fields = apart ? fields->n : 1,
        .field_weights = apart ? fields->weights : NULL,
        .n_documents = call->documents.n,
        .top_n = (size_t)WN_MIN(call->top_n, (int64_t)call->documents.n),
        .long_docs = call->truncation ? WN_LONG_DOCS_WINDOWS : WN_LONG_DOCS_ERROR,
        .plain_specials = true,
        .want_windows = call->return_spans || call->explain,
        .max_document_tokens = (size_t)call->max_document_tokens,
    };
}

/* Why there will be no scores. */
static void tell_refusal(wn_exchange *x, wn_admission admission, uint64_t wait_ns)
{
    wn_metrics *metrics = wn_service_metrics(x->service);
    double wait_s = (double)wait_ns / 1e9;
    bool late = admission == WN_REFUSED_DEADLINE;
    wn_counter_add(&metrics->rejected[late ? WN_REJECT_DEADLINE : WN_REJECT_QUEUE], 1);
    wn_problem_set(&x->problem, 503, "SERVICE_UNAVAILABLE",
                   late ? "Service temporarily unavailable: the request could not be answered in "
                          "time, it would wait %.1f s. Please retry with exponential backoff."
                        : "Service temporarily unavailable: the request would wait %.1f s. Please "
                          "retry with exponential backoff.",
                   wait_s);
    x->problem.retry_after_s = (uint32_t)WN_MIN(wait_s + 1, 3600.0);
}

/* Whose turn it is when, and until when it is of use. */
static void set_task(wn_task *task, const wn_exchange *x, const wn_rank_call *call)
{
    wn_str lane;
    int64_t weight = x->identity.record.limits.weight;
    task->flow = x->identity.number;
    task->weight = weight < 1 ? 1 : (uint32_t)WN_MIN(weight, WN_SCHED_WEIGHT_MAX);
    if (wn_http_find(x->request, "X-Winnow-Lane", &lane) && wn_str_equal(lane, WN_STR("bulk")))
        task->lane = WN_LANE_BULK;
    task->deadline_ns = x->deadline_ns;
    if (call->deadline_ms > 0) {
        uint64_t own = x->began_ns + (uint64_t)call->deadline_ms * 1000000;
        task->partial = own <= task->deadline_ns;
        task->deadline_ns = WN_MIN(own, task->deadline_ns);
    }
}

bool wn_api_rank_foresee(wn_exchange *x)
{
    uint64_t wait_ns = 0;
    wn_task task = {0};
    wn_admission admission = WN_ADMITTED;
    bool admitted = false;
    set_task(&task, x, &x->call);
    task.partial = true; /* what the body would say of a deadline is not known */
    if (x->request->length < FORESEEN_BYTES)
        return true;
    uint64_t tokens = x->request->length / BYTES_A_TOKEN_MAX;
    for (size_t i = 0; i < WN_MODELS_MAX && !admitted; i++) { /* which one is not known either */
        wn_model *model = wn_model_set_take_at(wn_service_models(x->service), i);
        if (model == NULL)
            continue;
        admission = wn_backend_foresee(wn_model_backend(model), &task, tokens, &wait_ns);
        admitted = admission == WN_ADMITTED;
        wn_model_give(model);
    }
    if (admission == WN_ADMITTED)
        return true;
    tell_refusal(x, admission, wait_ns);
    return false;
}

static bool make_job(wn_exchange *x, wn_backend *backend, const wn_rank_call *call,
                     const wn_request *request)
{
    wn_error err = {0};
    wn_ticket *ticket = &x->tickets[x->n_tickets++];
    *ticket = (wn_ticket){.owner = x, .done = resume};
    set_task(&ticket->task, x, call);
    if (wn_backend_make_job(backend, ticket, x->worker, wn_service_cache_scope(x), request, &err) ==
        WN_OK)
        return true;
    wn_problem_set_error(&x->problem, &err);
    return false;
}

/* What an answer that repeats a call's documents may take; objects are written whole, also what
 * nobody ranks by. */
static uint64_t repeated_bytes(const wn_rank_call *call)
{
    uint64_t bytes = 0;
    for (size_t i = 0; call->return_documents && i < call->documents.n; i++) {
        const json_t *source = json_array_get(call->documents.source, i);
        if (json_is_object(source))
            bytes += BYTES_A_WRITTEN * json_dumpb(source, NULL, 0, JSON_COMPACT);
        else
            bytes += BYTES_A_REPEATED * call->documents.at[i].len;
    }
    return bytes;
}

static uint64_t bytes_of(const wn_rank_call *call)
{
    const wn_request request = request_of(call);
    size_t n_texts = request.n_documents * request.n_fields;
    uint64_t bytes = BYTES_A_CALL + n_texts * BYTES_A_DOCUMENT + repeated_bytes(call) +
                     BYTES_A_TOKEN * call->instruction.len;
    for (size_t i = 0; i < n_texts; i++)
        bytes += BYTES_A_TOKEN * request.documents[i].len;
    return bytes;
}

/* Hold what the jobs need: calls may share their documents, so a small body can ask for a lot. */
static bool hold_jobs(wn_exchange *x)
{
    uint64_t bytes = 0, of_call = 0;
    for (size_t i = 0; i < x->calls.n; i++) {
        const wn_rank_call *call = &x->calls.at[i];
        bool shared = i > 0 && call->documents.at == call[-1].documents.at;
        of_call = shared ? of_call : bytes_of(call);
        bytes += of_call;
    }
    return wn_service_hold(x, bytes);
}

static void tell_timeout(wn_exchange *x, uint64_t deadline_ns)
{
    wn_counter_add(&wn_service_metrics(x->service)->rejected[WN_REJECT_DEADLINE], 1);
    wn_problem_set(&x->problem, 504, "SERVICE_TIMEOUT",
                   "Request timed out after %.1f seconds. Try with smaller inputs or retry later.",
                   (double)(deadline_ns - x->began_ns) / 1e9);
}

/* Everything up to the jobs; false, and a problem, when that is not possible. */
static bool prepare(wn_exchange *x)
{
    if (!read_body(x) || !choose_model(x) || !check_instructions(x))
        return false;
    x->parsed_ns = wn_clock_ns();
    if (!hold_jobs(x))
        return false;
    x->tickets = wn_arena_alloc(&x->arena, 2 * x->calls.n, sizeof *x->tickets);
    if (x->tickets == NULL)
        wn_problem_set_error(&x->problem, &(wn_error){.status = WN_ERR_MEMORY});
    return x->tickets != NULL;
}

/* Make jobs of the next calls, at least of one.  Whether all are made, or there is a problem;
 * otherwise it was enough for one go of a worker. */
static bool make_jobs(wn_exchange *x)
{
    uint64_t now_ns = wn_clock_ns(), until_ns = now_ns + TURN_NS;
    while (x->n_tickets < x->calls.n && x->problem.status == 0) {
        const wn_rank_call *call = &x->calls.at[x->n_tickets];
        const wn_request request = request_of(call);
        if (now_ns >= until_ns)
            return false;
        if (now_ns >= x->deadline_ns)
            tell_timeout(x, x->deadline_ns);
        else
            (void)make_job(x, x->backend, call, &request);
        now_ns = wn_clock_ns();
    }
    return true;
}

/* What the tickets of a round are charged for; a round that explains asks the same query again. */
static uint64_t tokens_of(const wn_exchange *x, const wn_ticket *tickets)
{
    uint64_t tokens = 0;
    for (size_t i = 0; i < x->calls.n; i++) {
        wn_usage usage = wn_job_usage(tickets[i].job);
        tokens += usage.document_tokens + (tickets == x->tickets ? usage.query_tokens : 0);
    }
    return tokens;
}

/* Let the tickets of a round be scored; returns as a handler does. */
static bool submit(wn_exchange *x, wn_ticket *tickets, wn_flag *there)
{
    /* One more than there are tickets: x is not resumed before this returns. */
    wn_countdown_set(&x->pending, x->calls.n + 1);
    wn_flag_raise(there);
    for (size_t i = 0; i < x->calls.n; i++)
        wn_backend_submit(x->backend, &tickets[i]);
    if (wn_flag_is_up(&x->gone))
        wn_api_rank_cancel(x);
    return wn_countdown_drop(&x->pending) && wn_api_rank_resume(x);
}

bool wn_api_rank(wn_exchange *x)
{
    if (x->tickets == NULL && !prepare(x))
        return true;
    if (!make_jobs(x)) {
        wn_service_yield(x);
        return false;
    }
    if (x->problem.status != 0 || !wn_service_charge(x, tokens_of(x, x->tickets)))
        return true;
    return submit(x, x->tickets, &x->submitted);
}

void wn_api_rank_cancel(wn_exchange *x)
{
    size_t n = wn_flag_is_up(&x->explaining) ? 2 * x->calls.n : x->calls.n;
    for (size_t i = 0; i < n; i++)
        wn_backend_cancel(x->backend, &x->tickets[i]);
}

void wn_api_rank_progress(const wn_exchange *x, uint64_t *n_done, uint64_t *n_total)
{
    *n_done = *n_total = 0;
    for (size_t i = 0; i < x->calls.n; i++) {
        uint64_t n = wn_job_n_rows(x->tickets[i].job);
        *n_total += n;
        *n_done += n - WN_MIN(n, wn_backend_left(x->backend, &x->tickets[i]));
    }
}

/* A document counts once, and once more for each TOKENS_A_DOCUMENT tokens. */
static uint64_t search_units(const wn_rank_call *call, const wn_job *job)
{
    uint64_t n = call->documents.n;
    size_t n_rows = wn_job_n_rows(job);
    for (size_t i = 0; i < n_rows; i++)
        n += wn_job_row_tokens(job, i) / TOKENS_A_DOCUMENT;
    return (n + DOCUMENTS_A_UNIT - 1) / DOCUMENTS_A_UNIT;
}

static wn_rank_answer answer_of(const wn_exchange *x, size_t i)
{
    const wn_rank_call *call = &x->calls.at[i];
    const wn_job *job = x->tickets[i].job;
    wn_usage usage = wn_job_usage(job);
    wn_rank_answer answer = {
        .query_tokens = usage.query_tokens,
        .document_tokens = usage.document_tokens,
        .total_tokens = usage.query_tokens + usage.document_tokens,
        .cached_tokens = x->tickets[i].plan.cached_tokens,
        .search_units = search_units(call, job),
        .model = call->model.len > 0 ? call->model : wn_str_from(wn_model_name(x->model)),
        .request_id = x->request_id,
        .created_s = time(NULL),
    };
    answer.results = wn_job_results(job, &answer.n_results);
    return answer;
}

/* From the first ticket's beginning to the last one's end. */
static void take_times(wn_exchange *x)
{
    wn_metrics *metrics = wn_service_metrics(x->service);
    uint64_t started_ns = UINT64_MAX, ended_ns = 0;
    wn_times *t = &x->times;
    for (size_t i = 0; i < x->n_tickets; i++) {
        t->tokenize_ns += wn_job_usage(x->tickets[i].job).tokenize_ns;
        started_ns = WN_MIN(started_ns, x->tickets[i].task.started_ns);
        ended_ns = WN_MAX(ended_ns, x->tickets[i].task.finished_ns);
    }
    t->parse_ns = x->parsed_ns - x->began_ns;
    t->queue_ns = started_ns - x->tickets[0].task.submitted_ns;
    t->compute_ns = ended_ns - started_ns;
    wn_metrics_stage(metrics, WN_STAGE_PARSE, t->parse_ns);
    wn_metrics_stage(metrics, WN_STAGE_TOKENIZE, t->tokenize_ns);
    wn_metrics_stage(metrics, WN_STAGE_QUEUE, t->queue_ns);
    wn_metrics_stage(metrics, WN_STAGE_COMPUTE, t->compute_ns);
    wn_reply_push_field(&x->reply, "Server-Timing",
                        "parse;dur=%.2f, tokenize;dur=%.2f, queue;dur=%.2f, compute;dur=%.2f",
                        (double)t->parse_ns / 1e6, (double)t->tokenize_ns / 1e6,
                        (double)t->queue_ns / 1e6, (double)t->compute_ns / 1e6);
    if (wn_service_sends_tei_headers(x->service))
        wn_tei_push_fields(x);
}

static void bill(wn_exchange *x, const wn_rank_call *call, const wn_rank_answer *answer)
{
    wn_metrics *metrics = wn_service_metrics(x->service);
    x->bill.documents += call->documents.n;
    x->bill.tokens += answer->total_tokens;
    x->bill.cached_tokens += answer->cached_tokens;
    wn_counter_add(&metrics->tokens[WN_TOKENS_QUERY], answer->query_tokens);
    wn_counter_add(&metrics->tokens[WN_TOKENS_DOCUMENT], answer->document_tokens);
}

static bool end_job(wn_exchange *x, wn_ticket *ticket)
{
    wn_error err = {0};
    if (ticket->admission != WN_ADMITTED) {
        tell_refusal(x, ticket->admission, ticket->wait_ns);
    } else if (ticket->task.outcome == WN_TASK_EXPIRED) {
        tell_timeout(x, ticket->task.deadline_ns);
    } else if (ticket->task.outcome == WN_TASK_CANCELLED) {
        wn_problem_set(&x->problem, 503, "SERVICE_UNAVAILABLE", "The request was cancelled.");
    } else if (wn_ticket_end(ticket, ticket->task.outcome == WN_TASK_PARTIAL, &err) != WN_OK) {
        wn_problem_set(&x->problem, 500, "INTERNAL_ERROR", "%s", err.message);
    }
    return x->problem.status == 0;
}

/* Plan what explains the results, and let it be scored; returns as a handler does. */
static bool explain(wn_exchange *x)
{
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    uint64_t bytes = 0;
    size_t n = x->calls.n;
    x->plans = wn_arena_alloc(&x->arena, n, sizeof *x->plans);
    bool ok =
        x->plans != NULL && wn_engine_get_info(wn_backend_engine(x->backend), &info, NULL) == WN_OK;
    for (size_t i = 0; ok && i < n; i++) {
        size_t n_results;
        const wn_result *results = wn_job_results(x->tickets[i].job, &n_results);
        ok = wn_explain_make_plan(&x->plans[i], &x->calls.at[i], results, n_results, &info);
        bytes += x->plans[i].bytes;
    }
    if (ok && !wn_service_hold(x, x->held_bytes + bytes))
        return true;
    for (size_t i = 0; ok && i < n; i++)
        ok = wn_explain_list_texts(&x->plans[i], &x->calls.at[i]);
    if (!ok) {
        wn_problem_set_error(&x->problem, &(wn_error){.status = WN_ERR_MEMORY});
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        wn_request request = request_of(&x->calls.at[i]);
        request.documents = x->plans[i].texts;
        request.n_documents = x->plans[i].n_texts;
        request.n_fields = 1;
        request.field_weights = NULL;
        request.top_n = request.max_document_tokens = 0;
        request.long_docs = WN_LONG_DOCS_WINDOWS;
        request.want_windows = false;
        request.want_matches = x->plans[i].want_matches;
        if (!make_job(x, x->backend, &x->calls.at[i], &request))
            return true;
    }
    if (!wn_service_charge(x, tokens_of(x, x->tickets + n)))
        return true;
    return submit(x, x->tickets + n, &x->explaining);
}

/* What explaining cost comes on top; what it found is written with the results. */
static bool read_plan(wn_exchange *x, wn_rank_answer *answer, size_t i)
{
    const wn_ticket *ticket = &x->tickets[x->calls.n + i];
    uint64_t tokens = wn_job_usage(ticket->job).document_tokens;
    answer->document_tokens += tokens;
    answer->total_tokens += tokens;
    answer->cached_tokens += WN_MIN(ticket->plan.cached_tokens, tokens);
    if (wn_explain_read(&x->calls.at[i], &x->plans[i], ticket->job))
        return true;
    wn_problem_set_error(&x->problem, &(wn_error){.status = WN_ERR_MEMORY});
    return false;
}

static void reply(wn_exchange *x)
{
    wn_rank_answer *answers = wn_arena_alloc(&x->arena, x->calls.n, sizeof *answers);
    if (answers == NULL) {
        wn_problem_set_error(&x->problem, &(wn_error){.status = WN_ERR_MEMORY});
        return;
    }
    for (size_t i = 0; i < x->calls.n; i++) {
        answers[i] = answer_of(x, i);
        if (x->plans != NULL && !read_plan(x, &answers[i], i))
            return;
        bill(x, &x->calls.at[i], &answers[i]);
    }
    uint64_t began_ns = wn_clock_ns();
    x->dialect->push_answer(&x->reply.body, &x->calls, answers);
    wn_exchange_reply_json(x, 200);
    wn_reply_push_field(&x->reply, "X-Winnow-Model", "%s", wn_model_name(x->model));
    take_times(x);
    wn_metrics_stage(wn_service_metrics(x->service), WN_STAGE_WRITE, wn_clock_ns() - began_ns);
}

bool wn_api_rank_resume(wn_exchange *x)
{
    for (size_t i = x->plans == NULL ? 0 : x->calls.n; i < x->n_tickets; i++) {
        if (!end_job(x, &x->tickets[i]))
            return true;
    }
    if (x->plans == NULL && wn_explain_is_wanted(&x->calls, &x->problem))
        return explain(x);
    reply(x);
    return true;
}

bool wn_api_estimate(wn_exchange *x)
{
    if (!prepare(x) || !make_jobs(x) || x->problem.status != 0)
        return true;
    wn_rank_answer answer = answer_of(x, 0);
    wn_buf *out = &x->reply.body;
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "model", answer.model);
    wn_buf_push_str(out, WN_STR(",\"object\":\"usage.estimate\",\"usage\":{"));
    wn_push_member_int(out, "total_tokens", answer.total_tokens);
    wn_buf_push_byte(out, ',');
    wn_push_member_int(out, "query_tokens", answer.query_tokens);
    wn_buf_push_byte(out, ',');
    wn_push_member_int(out, "document_tokens", answer.document_tokens);
    wn_buf_push_byte(out, ',');
    wn_push_member_int(out, "search_units", answer.search_units);
    wn_buf_push_str(out, WN_STR("},"));
    wn_push_member_int(out, "documents", x->calls.at[0].documents.n);
    wn_buf_push_byte(out, ',');
    wn_push_member_int(out, "sequences", wn_job_n_rows(x->tickets[0].job));
    wn_buf_push_byte(out, '}');
    wn_exchange_reply_json(x, 200);
    return true;
}
