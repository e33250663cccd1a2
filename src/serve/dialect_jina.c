/* The union of both eras of the Jina API: what any client of either expects is there, and nothing
 * that would break one.  Keys are left out, never null.  `document` is an object, as all clients but
 * Weaviate's of one age read it; Weaviate needs an object in old versions and a string in new ones,
 * but takes an answer without it in both.
 * Source:  contract/jina.md section 1 of the project's reference. */
#include "serve/dialect.h"

#include "base/str.h"
#include "data/json_text.h"

#include <math.h>

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    {"model", WN_FIELD_STRING, AT(model), false, 0, 0,
     "id of the model; the loaded one without it"},
    {"query", WN_FIELD_QUERY, AT(query), true, 0, 0,
     "what is searched for: a string or {\"text\"}"},
    {"documents", WN_FIELD_DOCUMENTS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "what is to be put in order: strings, or objects with a \"text\""},
    {"top_k", WN_FIELD_INT, AT(top_n), false, 1, 9e15, "another name of top_n"},
    {"top_n", WN_FIELD_INT, AT(top_n), false, 1, 9e15,
     "how many results to return; all without it"},
    {"return_documents", WN_FIELD_BOOL, AT(return_documents), false, 0, 0,
     "repeat each document in its result (default true)"},
    {"truncate", WN_FIELD_BOOL, AT(truncation), false, 0, 0, "another name of truncation"},
    {"truncation", WN_FIELD_BOOL, AT(truncation), false, 0, 0,
     "false: refuse documents that are longer than the model's window (default true)"},
    {"max_tokens_per_doc", WN_FIELD_INT, AT(max_document_tokens), false, 1, 1e6,
     "another name of max_doc_length"},
    {"max_doc_length", WN_FIELD_INT, AT(max_document_tokens), false, 1, 1e6,
     "cut documents to so many tokens"},
    {"return_logits", WN_FIELD_BOOL, AT(return_logits), false, 0, 0,
     "add \"logit\", the raw score, to each result"},
    {"return_spans", WN_FIELD_BOOL, AT(return_spans), false, 0, 0,
     "add \"span\", the bytes of the best window, to each result"},
    {"min_score", WN_FIELD_NUMBER, AT(min_score), false, -HUGE_VAL, HUGE_VAL,
     "leave out results whose relevance is below it"},
};

static void prepare(wn_rank_call *call, const wn_http_request *request)
{
    wn_str source;
    if (wn_http_find(request, "Request-Source", &source) &&
        wn_str_equal(source, WN_STR("unspecified:weaviate")))
        call->return_documents = false;
}

static bool push_result(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    wn_buf_printf(out, "{\"index\":%zu,\"relevance_score\":", result->index);
    wn_json_push_double(out, wn_call_score(call, result));
    wn_push_extras(out, call, result);
    if (call->return_documents) {
        wn_buf_push_str(out, WN_STR(",\"document\":"));
        wn_push_document_object(out, call, result->index);
    }
    return wn_buf_push_byte(out, '}');
}

static bool push_answer(wn_buf *out, const wn_rank_call *call, const wn_rank_answer *answer)
{
    wn_buf_push_str(out, WN_STR("{\"model\":"));
    wn_json_push_string(out, answer->model);
    wn_buf_printf(out,
                  ",\"object\":\"list\",\"usage\":{\"total_tokens\":%llu,\"prompt_tokens\":%llu},"
                  "\"results\":[",
                  (unsigned long long)answer->total_tokens,
                  (unsigned long long)answer->total_tokens);
    const char *comma = "";
    for (size_t i = 0; i < answer->n_results && !out->failed; i++) {
        if (!wn_call_wants(call, &answer->results[i]))
            continue;
        wn_buf_push_str(out, wn_str_from(comma));
        push_result(out, call, &answer->results[i]);
        comma = ",";
    }
    return wn_buf_push_str(out, WN_STR("]}"));
}

const wn_dialect wn_dialect_jina = {
    .name = "jina",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .prepare = prepare,
    .push_answer = push_answer,
    .push_problem = wn_push_problem_flat,
};
