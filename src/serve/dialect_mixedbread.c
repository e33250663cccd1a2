/* Mixedbread's /v1/reranking and Isaacus' /v1/rerankings, which differ in the names of things.
 * Source:  AnswerDotAI/rerankers: rerankers/models/api_rankers.py. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_text.h"

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    {"model", WN_FIELD_STRING, AT(model), false, 0, 0, "id of the model"},
    {"query", WN_FIELD_QUERY, AT(query), true, 0, 0, "what is searched for"},
    {"rank_fields", WN_FIELD_NAMES, AT(rank_fields), false, 0, 0,
     "members of the documents to rank by (default [\"text\"])"},
    {"input", WN_FIELD_DOCUMENTS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "what is to be put in order: strings, or objects with a \"text\""},
    {"top_k", WN_FIELD_INT, AT(top_n), false, 1, 9e15, "how many results to return"},
    {"return_input", WN_FIELD_BOOL, AT(return_documents), false, 0, 0,
     "repeat each document in its result (default false)"},
    WN_FIELDS_BEYOND,
};

static const wn_field isaacus_fields[] = {
    {"model", WN_FIELD_STRING, AT(model), false, 0, 0, "id of the model"},
    {"query", WN_FIELD_QUERY, AT(query), true, 0, 0, "what is searched for"},
    {"texts", WN_FIELD_STRINGS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "what is to be put in order"},
    {"top_n", WN_FIELD_INT, AT(top_n), false, 1, 9e15, "how many results to return"},
    WN_FIELDS_BEYOND,
};

static bool speaks(const wn_http_request *request, const json_t *body)
{
    (void)request;
    return json_object_get(body, "input") != NULL;
}

static bool push_result(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    wn_buf_printf(out, "{\"index\":%zu,\"score\":", result->index);
    wn_json_push_double(out, wn_call_score(call, result));
    wn_push_extras(out, call, result);
    if (call->return_documents) {
        wn_buf_push_str(out, WN_STR(",\"input\":"));
        wn_push_document_source(out, call, result->index);
    }
    return wn_buf_push_byte(out, '}');
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
