/* Pinecone's inference rerank on /rerank, known by the field that names its API version.
 * Source:  pinecone-python-client: pinecone/models/inference/rerank.py. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_text.h"

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    WN_MODEL_FIELD,
    WN_QUERY_FIELD,
    WN_RANK_FIELDS_FIELD,
    {"documents", WN_FIELD_DOCUMENTS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "objects with a \"text\""},
    WN_TOP_FIELD("top_n"),
    {"return_documents", WN_FIELD_BOOL, AT(return_documents), false, 0, 0,
     "repeat each document in its result (default true)"},
    {"parameters", WN_FIELD_NONE, 0, false, 0, 0,
     "{\"truncate\": \"NONE\"} refuses documents that are longer than the model's window"},
    WN_FIELDS_BEYOND,
};

static bool speaks(const wn_http_request *request, const json_t *body)
{
    (void)body;
    wn_str version;
    return wn_http_find(request, "X-Pinecone-Api-Version", &version);
}

static void check(wn_calls *calls, const json_t *body, wn_problem *problem)
{
    (void)problem;
    wn_str truncate = wn_body_string(json_object_get(body, "parameters"), "truncate");
    calls->at[0].truncation = !wn_str_equal(truncate, WN_STR("NONE"));
}

static bool push_result(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    return wn_push_found(out, call, result, "score", "document", wn_push_document_object);
}

static bool push_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "model", answers->model);
    wn_buf_push_str(out, WN_STR(",\"data\":"));
    wn_push_results(out, calls->at, answers, push_result);
    wn_buf_push_str(out, WN_STR(",\"usage\":{"));
    wn_push_member_int(out, "rerank_units", answers->search_units);
    return wn_buf_push_str(out, WN_STR("}}"));
}

static const char *error_code(int status)
{
    switch (status) {
    case 401:
        return "UNAUTHENTICATED";
    case 403:
        return "FORBIDDEN";
    case 404:
        return "NOT_FOUND";
    case 429:
        return "RESOURCE_EXHAUSTED";
    case 500:
        return "INTERNAL";
    case 503:
        return "UNAVAILABLE";
    case 504:
        return "DEADLINE_EXCEEDED";
    default:
        return "INVALID_ARGUMENT";
    }
}

static bool push_problem(wn_buf *out, const wn_problem *problem, const char *request_id)
{
    (void)request_id;
    wn_buf_push_str(out, WN_STR("{\"error\":{"));
    wn_push_member_string(out, "code", wn_str_from(error_code(problem->status)));
    wn_buf_push_byte(out, ',');
    wn_push_member_string(out, "message", wn_str_from(problem->detail));
    return wn_buf_printf(out, "},\"status\":%d}", wn_status_without_422(problem));
}

const wn_dialect wn_dialect_pinecone = {
    .name = "pinecone",
    .speaks = speaks,
    .told_by = "requests with the field X-Pinecone-Api-Version",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .check = check,
    .push_answer = push_answer,
    .answer_schema = WN_SCHEMA_OBJECT(
        "\"model\",\"data\",\"usage\"",
        "\"model\":" WN_SCHEMA_STRING
        ",\"data\":" WN_SCHEMA_LIST(WN_SCHEMA_RESULT("score")) ",\"usage\":{" WN_SCHEMA_OBJECT(
            "\"rerank_units\"", "\"rerank_units\":" WN_SCHEMA_INT) "}"),
    .problem_schema = WN_SCHEMA_OBJECT("\"error\",\"status\"",
                                       "\"error\":{\"type\":\"object\"},\"status\":" WN_SCHEMA_INT),
    .push_problem = push_problem,
    .status = wn_status_without_422,
};
