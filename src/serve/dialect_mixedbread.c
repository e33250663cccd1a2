/* Mixedbread's /v1/reranking and Isaacus' /v1/rerankings, which differ in the names of things.
 * Source:  AnswerDotAI/rerankers: rerankers/models/api_rankers.py. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_text.h"

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    WN_MODEL_FIELD,
    WN_QUERY_FIELD,
    WN_RANK_FIELDS_FIELD,
    {"input", WN_FIELD_DOCUMENTS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "what is to be put in order: strings, or objects with a \"text\""},
    WN_TOP_FIELD("top_k"),
    {"return_input", WN_FIELD_BOOL, AT(return_documents), false, 0, 0,
     "repeat each document in its result (default false)"},
    WN_FIELDS_BEYOND,
};

static const wn_field isaacus_fields[] = {
    WN_MODEL_FIELD,
    WN_QUERY_FIELD,
    {"texts", WN_FIELD_STRINGS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "what is to be put in order"},
    WN_TOP_FIELD("top_n"),
    WN_FIELDS_BEYOND,
};

static bool speaks(const wn_http_request *request, const json_t *body)
{
    (void)request;
    return json_object_get(body, "input") != NULL;
}

static bool push_result(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    return wn_push_found(out, call, result, "score", "input", wn_push_document_source);
}

static bool push_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "model", answers->model);
    wn_buf_push_str(out, WN_STR(",\"object\":\"list\",\"data\":"));
    wn_push_results(out, calls->at, answers, push_result);
    wn_buf_push_byte(out, ',');
    wn_push_usage(out, answers->total_tokens);
    wn_buf_printf(out, ",\"top_k\":%zu,\"return_input\":%s}", answers->n_results,
                  calls->at->return_documents ? "true" : "false");
    return !out->failed;
}

static bool push_isaacus(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    wn_buf_push_str(out, WN_STR("{\"results\":"));
    wn_push_results(out, calls->at, answers, push_result);
    wn_buf_push_str(out, WN_STR(",\"usage\":{"));
    wn_push_member_int(out, "input_tokens", answers->total_tokens);
    return wn_buf_push_str(out, WN_STR("}}"));
}

const wn_dialect wn_dialect_mixedbread = {
    .name = "mixedbread",
    .speaks = speaks,
    .told_by = "bodies with input",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .prepare = wn_call_hide_documents,
    .push_answer = push_answer,
    .answer_schema = WN_SCHEMA_OBJECT(
        "\"model\",\"object\",\"data\",\"usage\"",
        "\"data\":" WN_SCHEMA_LIST(WN_SCHEMA_RESULT("score")) ",\"usage\":" WN_SCHEMA_USAGE),
    .problem_schema = WN_SCHEMA_PROBLEM_FLAT,
    .push_problem = wn_push_problem_flat,
};

const wn_dialect wn_dialect_isaacus = {
    .name = "isaacus",
    .fields = isaacus_fields,
    .n_fields = WN_ARRAY_LEN(isaacus_fields),
    .prepare = wn_call_hide_documents,
    .push_answer = push_isaacus,
    .answer_schema = WN_SCHEMA_OBJECT("\"results\",\"usage\"",
                                      "\"results\":" WN_SCHEMA_LIST(WN_SCHEMA_RESULT("score"))),
    .problem_schema = WN_SCHEMA_PROBLEM_FLAT,
    .push_problem = wn_push_problem_flat,
};
