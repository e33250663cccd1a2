/* A request body in any dialect: the first line is the dialect's name, and a field of the head
 * behind it if there is to be one ("pinecone X-Pinecone-Api-Version: 1").  The body is read into
 * calls, every mistake noted; either the problem is told in the dialect's shape or an answer is,
 * and both have to be JSON again. */
#include "base/str.h"
#include "data/json_bind.h"
#include "serve/route.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RESULTS_MAX = 8 };

static wn_str take_until(wn_str *text, char end)
{
    size_t n = 0;
    while (n < text->len && text->ptr[n] != end)
        n++;
    wn_str taken = wn_str_slice(*text, 0, n);
    *text = wn_str_slice(*text, WN_MIN(n + 1, text->len), text->len);
    return taken;
}

static const wn_dialect *dialect_of(wn_str name)
{
    size_t n;
    const wn_route *routes = wn_routes(&n);
    for (size_t r = 0; r < n; r++) {
        const wn_dialect *const *at = routes[r].dialects;
        for (bool more = at != NULL; more; at++) {
            more = (*at)->speaks != NULL;
            if (wn_str_equal(name, wn_str_from((*at)->name)))
                return *at;
        }
    }
    return &wn_dialect_jina;
}

static void check_json(const wn_buf *text)
{
    json_t *json;
    wn_error err;
    if (text->failed || wn_json_parse(&json, wn_buf_str(text), "answer", &err) != WN_OK)
        abort();
    json_decref(json);
}

/* NULL when it cannot be read. */
static json_t *parse(const wn_dialect *dialect, wn_str text)
{
    json_t *body;
    wn_error err;
    if (dialect->parse != NULL)
        return dialect->parse(text, &err);
    return wn_json_parse(&body, text, "body", &err) == WN_OK ? body : NULL;
}

/* The documents in the order of the body; the last that is told lacks its score. */
static void push_answer(wn_buf *out, const wn_dialect *dialect, const wn_calls *calls)
{
    wn_rank_answer *answers = wn_arena_alloc(calls->arena, calls->n, sizeof *answers);
    for (size_t i = 0; i < calls->n; i++) {
        const wn_rank_call *call = &calls->at[i];
        size_t n = WN_MIN(call->documents.n, (size_t)RESULTS_MAX);
        wn_result *results = wn_arena_alloc(calls->arena, n, sizeof *results);
        for (size_t d = 0; d < n; d++)
            results[d] = (wn_result){.index = d,
                                     .logit = 0.5f,
                                     .relevance_score = 0.625,
                                     .scored = d + 1 < RESULTS_MAX,
                                     .n_tokens = 3};
        answers[i] = (wn_rank_answer){.results = results,
                                      .n_results = n,
                                      .total_tokens = n,
                                      .cached_tokens = i,
                                      .model = call->model,
                                      .request_id = "id"};
    }
    dialect->push_answer(out, calls, answers);
}

static void read_and_answer(const wn_dialect *dialect, const wn_http_request *request,
                            const json_t *body)
{
    const json_t *inner = dialect->unwrap == NULL ? body : dialect->unwrap(body);
    wn_arena arena = WN_ARENA_INIT;
    wn_problem problem = {0};
    wn_rank_call call = wn_rank_call_init(&arena);
    wn_calls calls = {.at = &call, .n = 1, .arena = &arena};
    wn_buf out = WN_BUF_INIT;
    if (dialect->speaks != NULL)
        (void)dialect->speaks(request, body);
    if (dialect->prepare != NULL)
        dialect->prepare(&call, request);
    wn_fields_read(&call, dialect->fields, dialect->n_fields, inner, &problem);
    if (problem.status == 0 && dialect->check != NULL)
        dialect->check(&calls, inner, &problem);
    if (problem.status != 0)
        dialect->push_problem(&out, &problem, "id");
    else
        push_answer(&out, dialect, &calls);
    if (problem.status != 0 && dialect->status != NULL && dialect->status(&problem) < 400)
        abort();
    check_json(&out);
    wn_buf_deinit(&out);
    wn_problem_deinit(&problem);
    wn_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn_str text = {(const char *)data, size};
    wn_str line = take_until(&text, '\n');
    const wn_dialect *dialect = dialect_of(take_until(&line, ' '));
    wn_http_field field = {.name = take_until(&line, ':')};
    field.value = wn_http_trim(line);
    const wn_http_request request = {.fields = &field, .n_fields = 1};
    json_t *body = parse(dialect, text);
    if (body != NULL)
        read_and_answer(dialect, &request, body);
    json_decref(body);
    return 0;
}
