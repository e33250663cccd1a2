/* A request body in any dialect, which the first byte chooses: read into calls, every mistake
 * noted, and the problem told in the dialect's shape, which has to be JSON again. */
#include "base/str.h"
#include "data/json_bind.h"
#include "serve/route.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const wn_dialect *dialect_of(uint8_t choice)
{
    size_t n, i = 0;
    const wn_route *routes = wn_routes(&n);
    for (size_t r = 0; r < n; r++) {
        const wn_dialect *const *at = routes[r].dialects;
        for (bool more = at != NULL; more; at++, i++) {
            more = (*at)->speaks != NULL;
            if (i == choice)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const wn_dialect *dialect = dialect_of(size < 1 ? 0 : data[0]);
    json_t *body = size < 1 ? NULL : parse(dialect, (wn_str){(const char *)data + 1, size - 1});
    if (body == NULL)
        return 0;
    const json_t *inner = dialect->unwrap == NULL ? body : dialect->unwrap(body);
    const wn_http_request request = {0};
    wn_arena arena = WN_ARENA_INIT;
    wn_problem problem = {0};
    wn_rank_call call = wn_rank_call_init(&arena);
    wn_calls calls = {.at = &call, .n = 1, .arena = &arena};
    if (dialect->speaks != NULL)
        (void)dialect->speaks(&request, body);
    if (dialect->prepare != NULL)
        dialect->prepare(&call, &request);
    wn_fields_read(&call, dialect->fields, dialect->n_fields, inner, &problem);
    if (problem.status == 0 && dialect->check != NULL)
        dialect->check(&calls, inner, &problem);
    wn_buf out = WN_BUF_INIT;
    if (problem.status != 0) {
        dialect->push_problem(&out, &problem, "id");
        check_json(&out);
    }
    for (size_t i = 0; problem.status == 0 && i < calls.n; i++) {
        for (size_t d = 0; d < calls.at[i].documents.n; d++) {
            wn_buf_clear(&out);
            wn_buf_push_byte(&out, '[');
            wn_push_document_object(&out, &calls.at[i], d);
            wn_buf_push_byte(&out, ']');
            check_json(&out);
        }
    }
    wn_buf_deinit(&out);
    wn_problem_deinit(&problem);
    wn_arena_deinit(&arena);
    json_decref(body);
    return 0;
}
