/* Cohere's rerank, v1 and v2.  v1 shares its path with Jina and is known by the field that its SDKs
 * send; v2 has a path of its own.  Documents are repeated in v1 only, and only when asked for.
 * Source:  cohere-python: src/cohere/raw_base_client.py, v2/raw_client.py, types/rerank_*.py. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_text.h"

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    WN_MODEL_FIELD,
    WN_QUERY_FIELD,
    WN_RANK_FIELDS_FIELD,
    {"documents", WN_FIELD_DOCUMENTS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "strings, or objects with a \"text\""},
    WN_TOP_FIELD("top_n"),
    {"return_documents", WN_FIELD_BOOL, AT(return_documents), false, 0, 0,
     "repeat each document in its result (default false)"},
    {"max_tokens_per_doc", WN_FIELD_INT, AT(max_document_tokens), false, 1, 1e6,
     "cut documents to so many tokens"},
    {"max_chunks_per_doc", WN_FIELD_NONE, 0, false, 0, 0, "without effect"},
    {"priority", WN_FIELD_NONE, 0, false, 0, 0, "without effect"},
    WN_FIELDS_BEYOND,
};

static bool is_sdk(const wn_http_request *request, const json_t *body)
{
    (void)body;
    wn_str name;
    return wn_http_find(request, "X-Fern-SDK-Name", &name) && wn_str_equal(name, WN_STR("cohere"));
}

static bool push_result(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    wn_buf_push_byte(out, '{');
    if (call->return_documents) {
        wn_buf_push_str(out, WN_STR("\"document\":"));
        wn_push_document_object(out, call, result->index);
        wn_buf_push_byte(out, ',');
    }
    wn_buf_printf(out, "\"index\":%zu,\"relevance_score\":", result->index);
    wn_json_push_double(out, wn_call_score(call, result));
    wn_push_extras(out, call, result);
    return wn_buf_push_byte(out, '}');
}

static bool push(wn_buf *out, const wn_rank_call *call, const wn_rank_answer *answer,
                 const char *version)
{
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "id", wn_str_from(answer->request_id));
    wn_buf_push_str(out, WN_STR(",\"results\":"));
    wn_push_results(out, call, answer, push_result);
    wn_buf_printf(out,
                  ",\"meta\":{\"api_version\":{\"version\":\"%s\",\"is_experimental\":false},"
                  "\"billed_units\":{\"search_units\":%llu},\"tokens\":{\"input_tokens\":%llu,"
                  "\"output_tokens\":0}",
                  version, (unsigned long long)answer->search_units,
                  (unsigned long long)answer->total_tokens);
    wn_push_cached_tokens(out, answer->cached_tokens);
    return wn_buf_push_str(out, WN_STR("}}"));
}

static bool push_v1(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    return push(out, calls->at, answers, "1");
}

static bool push_v2(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    return push(out, calls->at, answers, "2");
}

static bool push_problem(wn_buf *out, const wn_problem *problem, const char *request_id)
{
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "message", wn_str_from(problem->detail));
    wn_buf_push_byte(out, ',');
    wn_push_member_string(out, "id", wn_str_from(request_id));
    return wn_buf_push_byte(out, '}');
}

#define ANSWER_SCHEMA                                                                              \
    WN_SCHEMA_OBJECT("\"id\",\"results\",\"meta\"",                                                \
                     "\"id\":" WN_SCHEMA_STRING ",\"results\":" WN_SCHEMA_LIST(                    \
                         WN_SCHEMA_RESULT("relevance_score")) ",\"meta\":{\"type\":\"object\"}")
#define PROBLEM_SCHEMA                                                                             \
    WN_SCHEMA_OBJECT("\"message\",\"id\"",                                                         \
                     "\"message\":" WN_SCHEMA_STRING ",\"id\":" WN_SCHEMA_STRING)

const wn_dialect wn_dialect_cohere_v1 = {
    .name = "cohere-v1",
    .speaks = is_sdk,
    .told_by = "requests with the field X-Fern-SDK-Name: cohere",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .prepare = wn_call_hide_documents,
    .push_answer = push_v1,
    .answer_schema = ANSWER_SCHEMA,
    .problem_schema = PROBLEM_SCHEMA,
    .push_problem = push_problem,
};

const wn_dialect wn_dialect_cohere_v2 = {
    .name = "cohere-v2",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .prepare = wn_call_hide_documents,
    .push_answer = push_v2,
    .answer_schema = ANSWER_SCHEMA,
    .problem_schema = PROBLEM_SCHEMA,
    .push_problem = push_problem,
};
