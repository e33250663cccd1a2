/* See check_dialect.h. */
#include "tests/support/check_dialect.h"

#include "base/str.h"

static json_t *parse(const wn_dialect *dialect, const char *text, wn_error *err)
{
    json_error_t why;
    if (dialect->parse != NULL)
        return dialect->parse(wn_str_from(text), err);
    json_t *body = json_loads(text, JSON_DECODE_ANY, &why);
    if (body == NULL)
        fail_msg("%s: %s", text, why.text);
    return body;
}

void check_read(check_reading *out, const wn_dialect *dialect, const wn_http_field *field,
                const char *text)
{
    const wn_http_request request = {
        .path = {"/", 1}, .fields = field, .n_fields = field == NULL ? 0 : 1};
    *out = (check_reading){0};
    out->body = parse(dialect, text, &out->err);
    out->first = wn_rank_call_init(&out->arena);
    out->calls = (wn_calls){.at = &out->first, .n = 1, .arena = &out->arena};
    if (out->body == NULL)
        return;
    const json_t *body = dialect->unwrap == NULL ? out->body : dialect->unwrap(out->body);
    if (dialect->prepare != NULL)
        dialect->prepare(&out->first, &request);
    wn_fields_read(&out->first, dialect->fields, dialect->n_fields, body, &out->problem);
    if (out->problem.status == 0 && dialect->check != NULL)
        dialect->check(&out->calls, body, &out->problem);
}

void check_read_end(check_reading *reading)
{
    wn_problem_deinit(&reading->problem);
    json_decref(reading->body);
    wn_arena_deinit(&reading->arena);
}
