/* Jina's model packages on SageMaker: the request is wrapped in `data`, which one model's client
 * puts into a list; each result has an id and its own token count.
 * Source:  jina-ai/jina-sagemaker: jina_sagemaker/client.py, README. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_text.h"

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    WN_QUERY_FIELD,
    {"documents", WN_FIELD_DOCUMENTS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "what is to be put in order: {\"text\"}"},
    WN_TOP_FIELD("top_n"),
    {"return_documents", WN_FIELD_BOOL, AT(return_documents), false, 0, 0,
     "repeat each document in its result (default true)"},
};

static bool speaks(const wn_http_request *request, const json_t *body)
{
    (void)request;
    return json_object_get(body, "data") != NULL;
}

static const json_t *unwrap(const json_t *body)
{
    const json_t *data = json_object_get(body, "data");
    return json_array_size(data) == 1 ? json_array_get(data, 0) : data;
}

/* With the id of its result, unless the client gave it one. */
static void push_document(wn_buf *out, const wn_rank_call *call, size_t i)
{
    if (json_object_get(json_array_get(call->documents.source, i), "id") != NULL) {
        wn_push_document_object(out, call, i);
        return;
    }
    wn_buf_printf(out, "{\"id\":\"%zu\"", i);
    size_t brace = out->len; /* of an object that has a text at least */
    if (wn_push_document_object(out, call, i))
        out->ptr[brace] = ',';
}

static bool push_result(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    wn_buf_printf(out, "{\"id\":\"%zu\",\"index\":%zu,", result->index, result->index);
    if (call->return_documents) {
        wn_buf_push_str(out, WN_STR("\"document\":"));
        push_document(out, call, result->index);
        wn_buf_push_byte(out, ',');
    }
    wn_buf_push_str(out, WN_STR("\"relevance_score\":"));
    wn_json_push_double(out, wn_call_score(call, result));
    wn_buf_push_str(out, WN_STR(",\"usage\":{"));
    wn_push_member_int(out, "total_tokens", result->n_tokens);
    return wn_buf_push_str(out, WN_STR("}}"));
}

bool wn_push_sagemaker_entry(wn_buf *out, const wn_rank_call *call, const wn_rank_answer *answer,
                             wn_str id)
{
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "id", id);
    wn_buf_push_str(out, WN_STR(",\"query_usage\":{"));
    wn_push_member_int(out, "total_tokens", answer->query_tokens);
    wn_buf_push_str(out, WN_STR("},\"docs_usage\":{"));
    wn_push_member_int(out, "total_tokens", answer->document_tokens);
    wn_buf_push_str(out, WN_STR("},\"results\":"));
    wn_push_results(out, call, answer, push_result);
    return wn_buf_push_byte(out, '}');
}

static bool push_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    wn_buf_push_str(out, WN_STR("{\"data\":["));
    wn_push_sagemaker_entry(out, calls->at, answers, wn_str_from(answers->request_id));
    return wn_buf_push_str(out, WN_STR("],\"parameters\":{}}"));
}

const wn_dialect wn_dialect_sagemaker = {
    .name = "sagemaker",
    .speaks = speaks,
    .told_by = "bodies with data",
    .unwrap = unwrap,
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .push_answer = push_answer,
    .answer_schema = WN_SCHEMA_OBJECT(
        "\"data\"", "\"data\":" WN_SCHEMA_LIST(WN_SCHEMA_OBJECT(
                        "\"query_usage\",\"docs_usage\",\"results\"",
                        "\"query_usage\":" WN_SCHEMA_USAGE ",\"docs_usage\":" WN_SCHEMA_USAGE
                        ",\"results\":" WN_SCHEMA_LIST(WN_SCHEMA_RESULT("relevance_score"))))),
    .problem_schema = WN_SCHEMA_PROBLEM_FLAT,
    .push_problem = wn_push_problem_flat,
};
