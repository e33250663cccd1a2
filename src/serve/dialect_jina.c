/* The union of both eras of the Jina API: what any client of either expects is there, and nothing
 * that would break one.  Keys are left out, never null.  `document` is an object, as all clients
 * but Weaviate's of one age read it; Weaviate needs an object in old versions and a string in new
 * ones, but takes an answer without it in both.
 * The same on /rerank, where clients of infinity, vLLM and LocalAI come: `object` is "rerank",
 * which infinity's generated client insists on, and a top_n of 0 means all.
 * Source:  the Jina API of 2024 (documentation page) and of 2026 (OpenAPI file);
 *          infinity_emb/fastapi_schemas/pymodels.py; vllm/entrypoints/pooling/score/protocol.py. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_text.h"

#define AT(member) offsetof(wn_rank_call, member)

/* All fields but top_n, whose least value is what the two tables differ in. */
/* clang-format off */
#define FIELDS(least_top_n)                                                                       \
    {"model", WN_FIELD_STRING, AT(model), false, 0, 0,                                            \
     "id of the model; the loaded one without it"},                                               \
    {"query", WN_FIELD_QUERY, AT(query), true, 0, 0,                                              \
     "what is searched for: a string or {\"text\"}"},                                             \
    {"rank_fields", WN_FIELD_NAMES, AT(rank_fields), false, 0, 0,                                 \
     "members of the documents to rank by (default [\"text\"]): a list, which makes one text "    \
     "of them, or an object of weights, by which each is ranked for itself"},                     \
    {"documents", WN_FIELD_DOCUMENTS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,          \
     "what is to be put in order: strings, or objects with a \"text\""},                          \
    {"top_k", WN_FIELD_INT, AT(top_n), false, least_top_n, 9e15, "another name of top_n"},        \
    {"top_n", WN_FIELD_INT, AT(top_n), false, least_top_n, 9e15,                                  \
     "how many results to return; all without it"},                                               \
    {"return_documents", WN_FIELD_BOOL, AT(return_documents), false, 0, 0,                        \
     "repeat each document in its result (default true)"},                                        \
    {"raw_scores", WN_FIELD_BOOL, AT(raw_scores), false, 0, 0,                                    \
     "logits in place of relevance (default false)"},                                             \
    {"truncate", WN_FIELD_BOOL, AT(truncation), false, 0, 0, "another name of truncation"},       \
    {"truncation", WN_FIELD_BOOL, AT(truncation), false, 0, 0,                                    \
     "false: refuse documents that are longer than the model's window (default true)"},           \
    {"max_tokens_per_doc", WN_FIELD_INT, AT(max_document_tokens), false, 1, 1e6,                  \
     "another name of max_doc_length"},                                                           \
    {"max_doc_length", WN_FIELD_INT, AT(max_document_tokens), false, 1, 1e6,                      \
     "cut documents to so many tokens"},                                                          \
    WN_FIELDS_BEYOND
/* clang-format on */

static const wn_field fields[] = {FIELDS(1)}, generic_fields[] = {FIELDS(0)};

static void prepare(wn_rank_call *call, const wn_http_request *request)
{
    wn_str source;
    if (wn_http_find(request, "Request-Source", &source) &&
        wn_str_equal(source, WN_STR("unspecified:weaviate")))
        call->return_documents = false;
}

static bool push(wn_buf *out, const wn_rank_call *call, const wn_rank_answer *answer,
                 const char *object)
{
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "model", answer->model);
    wn_buf_printf(out, ",\"object\":\"%s\",\"usage\":{", object);
    wn_push_member_int(out, "total_tokens", answer->total_tokens);
    wn_buf_push_byte(out, ',');
    wn_push_member_int(out, "prompt_tokens", answer->total_tokens);
    wn_push_cached_tokens(out, answer->cached_tokens);
    wn_buf_push_str(out, WN_STR("},\"results\":"));
    return wn_push_results(out, call, answer, wn_push_result);
}

static bool push_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    push(out, calls->at, answers, "list");
    return wn_buf_push_byte(out, '}');
}

static bool push_generic_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    push(out, calls->at, answers, "rerank");
    wn_buf_push_byte(out, ',');
    wn_push_member_string(out, "id", wn_str_from(answers->request_id));
    wn_buf_push_byte(out, ',');
    wn_push_member_int(out, "created", (uint64_t)answers->created_s);
    return wn_buf_push_byte(out, '}');
}

const wn_dialect wn_dialect_jina = {
    .name = "jina",
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .prepare = prepare,
    .push_answer = push_answer,
    .answer_schema = WN_SCHEMA_OBJECT(
        "\"model\",\"object\",\"usage\",\"results\"",
        "\"model\":" WN_SCHEMA_STRING ",\"object\":{\"const\":\"list\"},\"usage\":" WN_SCHEMA_USAGE
        ",\"results\":" WN_SCHEMA_LIST(WN_SCHEMA_RESULT("relevance_score"))),
    .problem_schema = WN_SCHEMA_PROBLEM_FLAT,
    .push_problem = wn_push_problem_flat,
};

const wn_dialect wn_dialect_generic = {
    .name = "generic",
    .fields = generic_fields,
    .n_fields = WN_ARRAY_LEN(generic_fields),
    .prepare = prepare,
    .push_answer = push_generic_answer,
    .answer_schema =
        WN_SCHEMA_OBJECT("\"model\",\"object\",\"usage\",\"results\",\"id\",\"created\"",
                         "\"model\":" WN_SCHEMA_STRING
                         ",\"object\":{\"const\":\"rerank\"},\"usage\":" WN_SCHEMA_USAGE
                         ",\"results\":" WN_SCHEMA_LIST(WN_SCHEMA_RESULT("relevance_score"))),
    .problem_schema = WN_SCHEMA_PROBLEM_FLAT,
    .push_problem = wn_push_problem_flat,
};
