/* Vertex AI's prediction protocol: {"instances": [...], "parameters": {...}}, one ranking an
 * instance, as text-embeddings-inference reads and answers it there.  Parameters are fields that
 * hold for all instances which have no own.
 * Source:  cloud.google.com/vertex-ai, "Custom container requirements for prediction";
 * text-embeddings-inference 1.9: router/src/http/types.rs, VertexRequest. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_bind.h"

#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    {"instances", WN_FIELD_NONE, 0, true, 0, 0, "rankings: query, texts, and fields of parameters"},
    {"parameters", WN_FIELD_NONE, 0, false, 0, 0,
     "raw_scores, return_text, truncate, top_n for all instances"},
};

/* clang-format off */
#define SHARED_FIELDS                                                                             \
    {"raw_scores", WN_FIELD_BOOL, AT(raw_scores), false, 0, 0, "logits in place of relevance"},   \
    {"return_text", WN_FIELD_BOOL, AT(return_documents), false, 0, 0,                             \
     "repeat each text in its result (default false)"},                                           \
    {"truncate", WN_FIELD_BOOL, AT(truncation), false, 0, 0,                                      \
     "false: refuse texts that are longer than the model's window (default true)"},               \
    WN_TOP_FIELD("top_n")
/* clang-format on */

static const wn_field parameter_fields[] = {SHARED_FIELDS, WN_FIELDS_BEYOND};

static const wn_field instance_fields[] = {
    WN_QUERY_FIELD,
    {"texts", WN_FIELD_STRINGS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "what is to be put in order"},
    SHARED_FIELDS,
    WN_FIELDS_BEYOND,
};

static void check(wn_calls *calls, const json_t *body, wn_problem *problem)
{
    const json_t *instances = json_object_get(body, "instances");
    const json_t *parameters = json_object_get(body, "parameters");
    if (wn_field_is_given(parameters))
        wn_fields_read(calls->at, parameter_fields, WN_ARRAY_LEN(parameter_fields), parameters,
                       problem);
    if (problem->status != 0)
        wn_problem_prefix(problem, "parameters -> ");
    else if (json_array_size(instances) == 0)
        wn_problem_note(problem, "instances", "too_short", instances,
                        "Input should be a list that is not empty");
    if (problem->status != 0 ||
        !wn_calls_spread(calls, json_array_size(instances), "instances", problem))
        return;
    for (size_t i = 0; i < calls->n && problem->status == 0; i++) {
        wn_fields_read(&calls->at[i], instance_fields, WN_ARRAY_LEN(instance_fields),
                       json_array_get(instances, i), problem);
        if (problem->status != 0)
            wn_problem_prefix(problem, "instances -> %zu: ", i);
    }
}

static bool push_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    wn_buf_push_str(out, WN_STR("{\"predictions\":["));
    for (size_t i = 0; i < calls->n; i++) {
        const wn_calls one = {.at = &calls->at[i], .n = 1, .arena = calls->arena};
        if (i > 0)
            wn_buf_push_byte(out, ',');
        wn_dialect_tei.push_answer(out, &one, &answers[i]);
    }
    return wn_buf_push_str(out, WN_STR("]}"));
}

/* Vertex hands the text of an error on. */
static bool push_problem(wn_buf *out, const wn_problem *problem, const char *request_id)
{
    return wn_dialect_tei.push_problem(out, problem, request_id);
}

const wn_dialect wn_dialect_vertex = {
    .name = "vertex",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .prepare = wn_call_hide_documents,
    .check = check,
    .push_answer = push_answer,
    .answer_schema = WN_SCHEMA_OBJECT(
        "\"predictions\"", "\"predictions\":" WN_SCHEMA_LIST(
                               "\"type\":\"array\",\"items\":{" WN_SCHEMA_RESULT("score") "}")),
    .problem_schema =
        WN_SCHEMA_OBJECT("\"error\",\"error_type\"",
                         "\"error\":" WN_SCHEMA_STRING ",\"error_type\":" WN_SCHEMA_STRING),
    .push_problem = push_problem,
};
