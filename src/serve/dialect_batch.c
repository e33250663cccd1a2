/* Many rankings in one request: {"requests": [{"query", "documents", ...}, ...]}, each as in
 * /v1/rerank; or many queries for the same documents: {"queries": [...], "documents": [...]}.  No
 * other service has it, so its shape is Jina's, once more for each query. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_bind.h"
#include "data/json_text.h"

#include <stdio.h>

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    WN_MODEL_FIELD,
    {"requests", WN_FIELD_NONE, 0, false, 0, 0, "rankings, each with the fields of /v1/rerank"},
    {"queries", WN_FIELD_NONE, 0, false, 0, 0,
     "in place of requests: strings that all documents are put in order for"},
    {"documents", WN_FIELD_DOCUMENTS, AT(documents), false, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "with queries: what is to be put in order"},
    {"top_n", WN_FIELD_INT, AT(top_n), false, 1, 9e15, "how many results to return for each"},
    {"return_documents", WN_FIELD_BOOL, AT(return_documents), false, 0, 0,
     "repeat each document in its result (default false)"},
    WN_INSTRUCTION_FIELD,
};

static void read_requests(wn_calls *calls, const json_t *requests, wn_problem *problem)
{
    if (!wn_calls_spread(calls, json_array_size(requests), "requests", problem))
        return;
    for (size_t i = 0; i < calls->n && problem->status == 0; i++) {
        wn_str model = calls->at[i].model;
        wn_fields_read(&calls->at[i], wn_dialect_jina.fields, wn_dialect_jina.n_fields,
                       json_array_get(requests, i), problem);
        calls->at[i].model = model;
        if (problem->status != 0)
            wn_problem_prefix(problem, "requests -> %zu: ", i);
    }
}

static void read_queries(wn_calls *calls, const json_t *queries, wn_problem *problem)
{
    if (calls->at[0].documents.n == 0)
        wn_problem_note(problem, "documents", "missing", NULL, "Field required");
    if (!wn_calls_spread(calls, json_array_size(queries), "queries", problem))
        return;
    for (size_t i = 0; i < calls->n; i++) {
        const json_t *query = json_array_get(queries, i);
        if (json_string_length(query) == 0)
            wn_problem_note(problem, "queries", "string_type", query,
                            "Item %zu should be a string that is not empty, it is %s", i,
                            wn_json_type_name(query));
        calls->at[i].query = (wn_str){json_string_value(query), json_string_length(query)};
    }
}

static void check(wn_calls *calls, const json_t *body, wn_problem *problem)
{
    const json_t *requests = json_object_get(body, "requests");
    const json_t *queries = json_object_get(body, "queries");
    if (json_array_size(requests) > 0 && !wn_field_is_given(queries))
        read_requests(calls, requests, problem);
    else if (json_array_size(queries) > 0 && !wn_field_is_given(requests))
        read_queries(calls, queries, problem);
    else
        wn_problem_note(problem, "requests", "missing", NULL,
                        "Either requests or queries should be a list that is not empty");
}

static bool push_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    uint64_t tokens = 0, cached = 0;
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "model", answers->model);
    wn_buf_push_str(out, WN_STR(",\"object\":\"list\",\"data\":["));
    for (size_t i = 0; i < calls->n; i++) {
        tokens += answers[i].total_tokens;
        cached += answers[i].cached_tokens;
        wn_buf_printf(out, "%s{\"index\":%zu,\"results\":", i > 0 ? "," : "", i);
        wn_push_results(out, &calls->at[i], &answers[i], wn_push_result);
        wn_buf_push_str(out, WN_STR(",\"usage\":{"));
        wn_push_member_int(out, "total_tokens", answers[i].total_tokens);
        wn_push_cached_tokens(out, answers[i].cached_tokens);
        wn_buf_push_str(out, WN_STR("}}"));
    }
    wn_buf_push_str(out, WN_STR("],\"usage\":{"));
    wn_push_member_int(out, "total_tokens", tokens);
    wn_push_cached_tokens(out, cached);
    return wn_buf_push_str(out, WN_STR("}}"));
}

const wn_dialect wn_dialect_batch = {
    .name = "batch",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .prepare = wn_call_hide_documents,
    .check = check,
    .push_answer = push_answer,
    .answer_schema = WN_SCHEMA_OBJECT(
        "\"model\",\"object\",\"data\",\"usage\"",
        "\"model\":" WN_SCHEMA_STRING ",\"data\":" WN_SCHEMA_LIST(WN_SCHEMA_OBJECT(
            "\"index\",\"results\",\"usage\"",
            "\"index\":" WN_SCHEMA_INT ",\"results\":" WN_SCHEMA_LIST(WN_SCHEMA_RESULT(
                "relevance_score")) ",\"usage\":" WN_SCHEMA_USAGE)) ",\"usage\":" WN_SCHEMA_USAGE),
    .problem_schema = WN_SCHEMA_PROBLEM_FLAT,
    .push_problem = wn_push_problem_flat,
};
