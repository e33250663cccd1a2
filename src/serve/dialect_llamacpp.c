/* llama.cpp's server: scores are raw logits, documents are strings and not repeated.
 * Source:  llama.cpp: tools/server/server.cpp, tests/unit/test_rerank.py. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_text.h"

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    WN_MODEL_FIELD,
    WN_QUERY_FIELD,
    {"documents", WN_FIELD_STRINGS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "what is to be put in order"},
    {"top_n", WN_FIELD_INT, AT(top_n), false, 0, 9e15, "how many results to return; 0: all"},
    WN_FIELDS_BEYOND,
};

static void prepare(wn_rank_call *call, const wn_http_request *request)
{
    (void)request;
    call->return_documents = false;
    call->raw_scores = true;
}

static bool push_result(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    return wn_push_scored(out, call, result, "relevance_score");
}

static bool push_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "model", answers->model);
    wn_buf_push_str(out, WN_STR(",\"object\":\"list\","));
    wn_push_usage(out, answers->total_tokens);
    wn_buf_push_str(out, WN_STR(",\"results\":"));
    wn_push_results(out, calls->at, answers, push_result);
    return wn_buf_push_byte(out, '}');
}

static const char *error_type(int status)
{
    switch (status) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 500:
    case 504:
        return "server_error";
    case 503:
        return "unavailable_error";
    default:
        return "invalid_request_error";
    }
}

static bool push_problem(wn_buf *out, const wn_problem *problem, const char *request_id)
{
    (void)request_id;
    wn_buf_printf(out, "{\"error\":{\"code\":%d,", wn_status_without_422(problem));
    wn_push_member_string(out, "message", wn_str_from(problem->detail));
    wn_buf_push_byte(out, ',');
    wn_push_member_string(out, "type", wn_str_from(error_type(problem->status)));
    return wn_buf_push_str(out, WN_STR("}}"));
}

const wn_dialect wn_dialect_llamacpp = {
    .name = "llama.cpp",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .prepare = prepare,
    .push_answer = push_answer,
    .answer_schema =
        WN_SCHEMA_OBJECT("\"model\",\"object\",\"usage\",\"results\"",
                         "\"model\":" WN_SCHEMA_STRING ",\"usage\":" WN_SCHEMA_USAGE
                         ",\"results\":" WN_SCHEMA_LIST(WN_SCHEMA_RESULT("relevance_score"))),
    .problem_schema = WN_SCHEMA_OBJECT(
        "\"error\"",
        "\"error\":{" WN_SCHEMA_OBJECT("\"code\",\"message\",\"type\"",
                                       "\"code\":" WN_SCHEMA_INT ",\"message\":" WN_SCHEMA_STRING
                                       ",\"type\":" WN_SCHEMA_STRING) "}"),
    .push_problem = push_problem,
    .status = wn_status_without_422,
};
