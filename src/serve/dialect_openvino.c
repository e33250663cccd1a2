/* OpenVINO Model Server's /v3/rerank: Cohere's request, results alone in the answer.
 * Source:  openvinotoolkit/model_server: docs/model_server_rest_api_rerank.md. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_text.h"

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    WN_MODEL_FIELD,
    WN_QUERY_FIELD,
    {"documents", WN_FIELD_STRINGS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "what is to be put in order"},
    WN_TOP_FIELD("top_n"),
    {"return_documents", WN_FIELD_BOOL, AT(return_documents), false, 0, 0,
     "repeat each document in its result (default false)"},
    WN_FIELDS_BEYOND,
};

static bool push_result(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    return wn_push_found(out, call, result, "relevance_score", "document", wn_push_document_string);
}

static bool push_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    wn_buf_push_str(out, WN_STR("{\"results\":"));
    wn_push_results(out, calls->at, answers, push_result);
    return wn_buf_push_byte(out, '}');
}

static bool push_problem(wn_buf *out, const wn_problem *problem, const char *request_id)
{
    (void)request_id;
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "error", wn_str_from(problem->detail));
    return wn_buf_push_byte(out, '}');
}

const wn_dialect wn_dialect_openvino = {
    .name = "openvino",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .prepare = wn_call_hide_documents,
    .push_answer = push_answer,
    .answer_schema = WN_SCHEMA_OBJECT(
        "\"results\"", "\"results\":" WN_SCHEMA_LIST(WN_SCHEMA_RESULT("relevance_score"))),
    .problem_schema = WN_SCHEMA_OBJECT("\"error\"", "\"error\":" WN_SCHEMA_STRING),
    .push_problem = push_problem,
};
