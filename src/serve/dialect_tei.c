/* Hugging Face text-embeddings-inference: POST /rerank with `texts`, and POST /predict, which takes
 * a text pair or a list of pairs.  A reranker's only label is LABEL_0.
 * Source:  text-embeddings-inference 1.9: docs/openapi.json, router/src/http/{server,types}.rs. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_bind.h"
#include "data/json_text.h"

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    WN_QUERY_FIELD,
    {"texts", WN_FIELD_STRINGS, AT(documents), true, 0, WN_DOCUMENTS_PER_CALL_MAX,
     "what is to be put in order"},
    {"raw_scores", WN_FIELD_BOOL, AT(raw_scores), false, 0, 0, "logits in place of relevance"},
    {"return_text", WN_FIELD_BOOL, AT(return_documents), false, 0, 0,
     "repeat each text in its result (default false)"},
    {"truncate", WN_FIELD_BOOL, AT(truncation), false, 0, 0,
     "false: refuse texts that are longer than the model's window (default true)"},
    {"truncation_direction", WN_FIELD_NONE, 0, false, 0, 0, "without effect: nothing is cut off"},
    WN_FIELDS_BEYOND,
};

static const wn_field predict_fields[] = {
    {"inputs", WN_FIELD_NONE, 0, true, 0, 0, "a pair of texts, or a list of pairs"},
    {"raw_scores", WN_FIELD_BOOL, AT(raw_scores), false, 0, 0, "logits in place of relevance"},
    {"truncate", WN_FIELD_BOOL, AT(truncation), false, 0, 0,
     "false: refuse texts that are longer than the model's window (default true)"},
};

static bool speaks(const wn_http_request *request, const json_t *body)
{
    (void)request;
    return json_object_get(body, "texts") != NULL;
}

/* TEI tells it from other mistakes. */
static const char no_texts[] = "INPUT_EMPTY";

static void refuse_empty(wn_problem *problem, const char *field)
{
    wn_problem_set(problem, 400, no_texts, "`%s` cannot be empty", field);
}

static void check(wn_calls *calls, const json_t *body, wn_problem *problem)
{
    (void)body;
    if (calls->at->documents.n == 0)
        refuse_empty(problem, "texts");
}

static bool push_result(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    wn_buf_printf(out, "{\"index\":%zu,", result->index);
    if (call->return_documents) {
        wn_buf_push_str(out, WN_STR("\"text\":"));
        wn_push_document_string(out, call, result->index);
        wn_buf_push_byte(out, ',');
    }
    wn_buf_push_str(out, WN_STR("\"score\":"));
    wn_json_push_double(out, wn_call_score(call, result));
    wn_push_extras(out, call, result);
    return wn_buf_push_byte(out, '}');
}

static bool push_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    return wn_push_results(out, calls->at, answers, push_result);
}

static const char *error_type(const wn_problem *problem)
{
    if (problem->code == no_texts)
        return "Empty";
    switch (problem->status) {
    case 429:
        return "Overloaded";
    case 503:
        return "Unhealthy";
    case 500:
    case 504:
        return "Backend";
    default:
        return "Validation";
    }
}

static bool push_problem(wn_buf *out, const wn_problem *problem, const char *request_id)
{
    (void)request_id;
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "error", wn_str_from(problem->detail));
    wn_buf_push_byte(out, ',');
    wn_push_member_string(out, "error_type", wn_str_from(error_type(problem)));
    return wn_buf_push_byte(out, '}');
}

/* A model that failed is a dependency that did: 424, by which TEI's clients know it. */
static int status(const wn_problem *problem)
{
    switch (problem->status) {
    case 400:
        return problem->code == no_texts ? 400 : 422;
    case 500:
        return 424;
    default:
        return problem->status;
    }
}

/* ---- predict --------------------------------------------------------------------------------- */

/* A pair is a call with one document. */
static bool read_pair(wn_rank_call *call, const json_t *pair, size_t i, wn_problem *problem)
{
    const json_t *first = json_array_get(pair, 0), *second = json_array_get(pair, 1);
    if (json_array_size(pair) != 2 || json_string_value(first) == NULL ||
        json_string_value(second) == NULL) {
        wn_problem_note(problem, "inputs", "pair", NULL,
                        "Input %zu should be a pair of strings: this model compares two texts", i);
        return false;
    }
    return wn_call_set_pair(call, first, second, problem);
}

/* ["a", "b"] is one pair, [["a", "b"], ["c", "d"]] are two. */
static void check_predict(wn_calls *calls, const json_t *body, wn_problem *problem)
{
    const json_t *inputs = json_object_get(body, "inputs");
    if (json_typeof(inputs) == JSON_ARRAY && json_array_size(inputs) == 0) {
        refuse_empty(problem, "inputs");
        return;
    }
    calls->is_list = json_is_array(json_array_get(inputs, 0));
    if (!wn_calls_spread(calls, calls->is_list ? json_array_size(inputs) : 1, "inputs", problem))
        return;
    for (size_t i = 0; i < calls->n; i++) {
        const json_t *pair = calls->is_list ? json_array_get(inputs, i) : inputs;
        if (!read_pair(&calls->at[i], pair, i, problem))
            return;
    }
}

static bool push_predictions(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    if (calls->is_list)
        wn_buf_push_byte(out, '[');
    for (size_t i = 0; i < calls->n; i++) {
        wn_buf_push_str(out, i > 0 ? WN_STR(",[{\"score\":") : WN_STR("[{\"score\":"));
        wn_json_push_double(out, wn_call_score(&calls->at[i], &answers[i].results[0]));
        wn_buf_push_str(out, WN_STR(",\"label\":\"LABEL_0\"}]"));
    }
    if (calls->is_list)
        wn_buf_push_byte(out, ']');
    return !out->failed;
}

const wn_dialect wn_dialect_tei = {
    .name = "tei",
    .speaks = speaks,
    .told_by = "bodies with texts",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .prepare = wn_call_hide_documents,
    .check = check,
    .push_answer = push_answer,
    .answer_schema = "\"type\":\"array\",\"items\":{" WN_SCHEMA_RESULT("score") "}",
    .problem_schema =
        WN_SCHEMA_OBJECT("\"error\",\"error_type\"",
                         "\"error\":" WN_SCHEMA_STRING ",\"error_type\":" WN_SCHEMA_STRING),
    .push_problem = push_problem,
    .status = status,
};

const wn_dialect wn_dialect_tei_predict = {
    .name = "tei-predict",
    .fields = predict_fields,
    .n_fields = WN_ARRAY_LEN(predict_fields),
    .check = check_predict,
    .push_answer = push_predictions,
    .answer_schema = "\"type\":\"array\"",
    .problem_schema =
        WN_SCHEMA_OBJECT("\"error\",\"error_type\"",
                         "\"error\":" WN_SCHEMA_STRING ",\"error_type\":" WN_SCHEMA_STRING),
    .push_problem = push_problem,
    .status = status,
};
