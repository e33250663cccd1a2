/* vLLM's /score: text_1 against text_2, one against many or pairwise.  Its /rerank is the generic
 * one of dialect_jina.c.
 * Source:  vllm/entrypoints/pooling/score/protocol.py. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_bind.h"
#include "data/json_text.h"

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    WN_MODEL_FIELD,
    {"text_1", WN_FIELD_NONE, 0, true, 0, 0, "a string, or a list of them"},
    {"text_2", WN_FIELD_NONE, 0, true, 0, 0,
     "a string, or a list of them: all against a single text_1, else as many as there"},
    {"truncate_prompt_tokens", WN_FIELD_NONE, 0, false, 0, 0, "without effect"},
};

static bool speaks(const wn_http_request *request, const json_t *body)
{
    (void)request;
    return json_object_get(body, "text_1") != NULL || json_object_get(body, "text_2") != NULL;
}

/* A string counts as a list of one. */
static size_t count(const json_t *value, const char *field, wn_problem *problem)
{
    if (json_string_value(value) != NULL)
        return 1;
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (json_string_value(json_array_get(value, i)) == NULL) {
            wn_problem_note(problem, field, "string_type", NULL, "Item %zu should be a string", i);
            return 0;
        }
    }
    if (json_array_size(value) == 0)
        wn_problem_note(problem, field, "string_type", NULL,
                        "Input should be a string or a list of strings that is not empty, it is %s",
                        wn_json_type_name(value));
    return json_array_size(value);
}

static const json_t *item(const json_t *value, size_t i)
{
    return json_string_value(value) != NULL ? value : json_array_get(value, i);
}

static void check(wn_calls *calls, const json_t *body, wn_problem *problem)
{
    const json_t *first = json_object_get(body, "text_1"),
                 *second = json_object_get(body, "text_2");
    size_t n = count(first, "text_1", problem), m = count(second, "text_2", problem);
    if (n == 0 || m == 0)
        return;
    if (n != 1 && n != m) {
        wn_problem_note(problem, "text_2", "length", NULL,
                        "List should have as many items as text_1, %zu, not %zu", n, m);
        return;
    }
    if (!wn_calls_spread(calls, m, "text_2", problem))
        return;
    for (size_t i = 0; i < m; i++) {
        if (!wn_call_set_pair(&calls->at[i], item(first, n == 1 ? 0 : i), item(second, i), problem))
            return;
    }
}

static bool push_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    uint64_t tokens = 0;
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "id", wn_str_from(answers->request_id));
    wn_buf_push_str(out, WN_STR(",\"object\":\"list\","));
    wn_push_member_int(out, "created", (uint64_t)answers->created_s);
    wn_buf_push_byte(out, ',');
    wn_push_member_string(out, "model", answers->model);
    wn_buf_push_str(out, WN_STR(",\"data\":["));
    for (size_t i = 0; i < calls->n; i++) {
        tokens += answers[i].total_tokens;
        wn_buf_printf(out, "%s{\"index\":%zu,\"object\":\"score\",\"score\":", i > 0 ? "," : "", i);
        wn_json_push_double(out, wn_call_score(&calls->at[i], &answers[i].results[0]));
        wn_buf_push_byte(out, '}');
    }
    wn_buf_push_str(out, WN_STR("],"));
    wn_push_usage(out, tokens);
    return wn_buf_push_byte(out, '}');
}

const wn_dialect wn_dialect_vllm_score = {
    .name = "vllm-score",
    .speaks = speaks,
    .told_by = "bodies with text_1 or text_2",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .check = check,
    .push_answer = push_answer,
    .answer_schema = WN_SCHEMA_OBJECT(
        "\"id\",\"object\",\"created\",\"model\",\"data\",\"usage\"",
        "\"data\":" WN_SCHEMA_LIST(WN_SCHEMA_RESULT("score")) ",\"usage\":" WN_SCHEMA_USAGE),
    .problem_schema = WN_SCHEMA_PROBLEM_FLAT,
    .push_problem = wn_push_problem_flat,
};
