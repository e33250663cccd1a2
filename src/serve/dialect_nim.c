/* NVIDIA NIM's /v1/ranking: query and passages are objects with a text, scores are logits.
 * Source:  NeMo Retriever reranking NIM, API reference. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_text.h"

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    WN_MODEL_FIELD,
    {"query", WN_FIELD_QUERY, AT(query), true, 0, 0, "what is searched for: {\"text\"}"},
    {"passages", WN_FIELD_DOCUMENTS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "what is to be put in order: {\"text\"}"},
    {"truncate", WN_FIELD_NONE, 0, false, 0, 0,
     "\"NONE\" refuses passages that are longer than the model's window, \"END\" does not"},
};

static void check(wn_calls *calls, const json_t *body, wn_problem *problem)
{
    (void)problem;
    wn_rank_call *call = calls->at;
    call->raw_scores = true;
    call->truncation = !wn_str_equal(wn_body_string(body, "truncate"), WN_STR("NONE"));
}

static bool push_result(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    wn_buf_printf(out, "{\"index\":%zu,\"logit\":", result->index);
    wn_json_push_double(out, wn_call_score(call, result));
    return wn_buf_push_byte(out, '}');
}

static bool push_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    wn_buf_push_str(out, WN_STR("{\"rankings\":"));
    wn_push_results(out, calls->at, answers, push_result);
    wn_buf_push_byte(out, ',');
    wn_push_usage(out, answers->total_tokens);
    return wn_buf_push_byte(out, '}');
}

const wn_dialect wn_dialect_nim = {
    .name = "nim",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .check = check,
    .push_answer = push_answer,
    .answer_schema = WN_SCHEMA_OBJECT(
        "\"rankings\",\"usage\"",
        "\"rankings\":" WN_SCHEMA_LIST(WN_SCHEMA_RESULT("logit")) ",\"usage\":" WN_SCHEMA_USAGE),
    .problem_schema = WN_SCHEMA_PROBLEM_FLAT,
    .push_problem = wn_push_problem_flat,
};
