/* Voyage AI's rerank on Jina's path: known by the field that some versions of its SDK send, or by
 * top_k, if only null as in its other versions, without top_n.  The list is given twice, as
 * Voyage's `data` and as Jina's `results`, for clients that speak Jina's API with top_k.
 * Source:  voyageai-python: voyageai/object/reranking.py, api_resources/api_requestor.py. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_text.h"

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    WN_MODEL_FIELD,
    WN_QUERY_FIELD,
    {"documents", WN_FIELD_DOCUMENTS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "what is to be put in order"},
    WN_TOP_FIELD("top_k"),
    {"return_documents", WN_FIELD_BOOL, AT(return_documents), false, 0, 0,
     "repeat each document in its result (default false)"},
    {"truncation", WN_FIELD_BOOL, AT(truncation), false, 0, 0,
     "false: refuse documents that are longer than the model's window (default true)"},
    WN_FIELDS_BEYOND,
};

static bool speaks(const wn_http_request *request, const json_t *body)
{
    wn_str agent;
    return wn_http_find(request, "X-Voyage-Client-User-Agent", &agent) ||
           (json_object_get(body, "top_k") != NULL &&
            !wn_field_is_given(json_object_get(body, "top_n")));
}

static bool push_score(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    wn_buf_push_str(out, WN_STR("{\"relevance_score\":"));
    wn_json_push_double(out, wn_call_score(call, result));
    wn_push_extras(out, call, result);
    return wn_buf_printf(out, ",\"index\":%zu", result->index);
}

static bool push_datum(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    push_score(out, call, result);
    wn_push_member_document(out, call, result, "document", wn_push_document_string);
    return wn_buf_push_byte(out, '}');
}

static bool push_result(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    push_score(out, call, result);
    wn_push_member_document(out, call, result, "document", wn_push_document_object);
    return wn_buf_push_byte(out, '}');
}

static bool push_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    wn_buf_push_str(out, WN_STR("{\"object\":\"list\",\"data\":"));
    wn_push_results(out, calls->at, answers, push_datum);
    wn_buf_push_byte(out, ',');
    wn_push_member_string(out, "model", answers->model);
    wn_buf_push_str(out, WN_STR(",\"usage\":{"));
    wn_push_member_int(out, "total_tokens", answers->total_tokens);
    wn_buf_push_str(out, WN_STR("},\"results\":"));
    wn_push_results(out, calls->at, answers, push_result);
    return wn_buf_push_byte(out, '}');
}

const wn_dialect wn_dialect_voyage = {
    .name = "voyage",
    .speaks = speaks,
    .told_by =
        "bodies with top_k and no top_n, or requests with the field X-Voyage-Client-User-Agent",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .prepare = wn_call_hide_documents,
    .push_answer = push_answer,
    .answer_schema = WN_SCHEMA_OBJECT("\"object\",\"data\",\"model\",\"usage\",\"results\"",
                                      "\"data\":" WN_SCHEMA_LIST(WN_SCHEMA_RESULT(
                                          "relevance_score")) ",\"usage\":" WN_SCHEMA_USAGE),
    .problem_schema = WN_SCHEMA_PROBLEM_FLAT,
    .push_problem = wn_push_problem_flat,
};
