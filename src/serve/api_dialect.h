/* What makes one API differ from another: how a body becomes a call, how an answer becomes a body,
 * how a problem is told.  A dialect is one file dialect_NAME.c with one constant of this type, and
 * a row of the route table.  All functions are pure; push functions return false when memory is
 * short.
 * Thread rule: constant, any. */
#ifndef WN_SERVE_API_DIALECT_H
#define WN_SERVE_API_DIALECT_H

#include "serve/api_field.h"
#include "serve/http_conn.h"

#include <math.h>

/* The calls that one body makes: one, or one a query. */
typedef struct wn_calls {
    wn_rank_call *at; /* [n] */
    size_t n;
    wn_arena *arena;
    bool is_list; /* the body had a list of them, if only of one */
} wn_calls;

typedef struct wn_dialect {
    const char *name;

    /* Whether a request on a shared path is this dialect's, going by its head and, once it is read,
     * its body (NULL before); NULL: always. */
    bool (*speaks)(const wn_http_request *request, const json_t *body);
    const char *told_by; /* whose it is, in words without a full stop; NULL without speaks() */

    /* Read a body that is no JSON into JSON, which the caller ends with json_decref(); NULL, and
     * *err, when it cannot be read.  NULL: the body is JSON. */
    json_t *(*parse)(wn_str body, wn_error *err);

    /* The object that has the fields; NULL: the body. */
    const json_t *(*unwrap)(const json_t *body);

    const wn_field *fields; /* [n_fields] */
    size_t n_fields;

    /* Set what differs from wn_rank_call_init() before the fields are read; NULL: nothing. */
    void (*prepare)(wn_rank_call *call, const wn_http_request *request);

    /* Look at what was read, and make more calls of the first one if there are to be several; NULL:
     * nothing to do. */
    void (*check)(wn_calls *calls, const json_t *body, wn_problem *problem);

    /* The JSON text of the answers, one a call. */
    bool (*push_answer)(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers);

    const char *answer_schema; /* of the answer, as JSON Schema 2020-12 without outer braces */
    const char *problem_schema;

    /* The JSON text of a problem. */
    bool (*push_problem)(wn_buf *out, const wn_problem *problem, const char *request_id);

    /* The status that this API gives to a problem; NULL: the problem's own. */
    int (*status)(const wn_problem *problem);
} wn_dialect;

extern const wn_dialect wn_dialect_jina, wn_dialect_generic;        /* dialect_jina.c */
extern const wn_dialect wn_dialect_cohere_v1, wn_dialect_cohere_v2; /* dialect_cohere.c */
extern const wn_dialect wn_dialect_tei, wn_dialect_tei_predict;     /* dialect_tei.c */
extern const wn_dialect wn_dialect_llamacpp;                        /* dialect_llamacpp.c */
extern const wn_dialect wn_dialect_vllm_score;                      /* dialect_vllm.c */
extern const wn_dialect wn_dialect_voyage;                          /* dialect_voyage.c */
extern const wn_dialect wn_dialect_pinecone;                        /* dialect_pinecone.c */
extern const wn_dialect wn_dialect_mixedbread;                      /* dialect_mixedbread.c */
extern const wn_dialect wn_dialect_isaacus;                         /* dialect_mixedbread.c */
extern const wn_dialect wn_dialect_nim;                             /* dialect_nim.c */
extern const wn_dialect wn_dialect_openvino;                        /* dialect_openvino.c */
extern const wn_dialect wn_dialect_batch;                           /* dialect_batch.c */
extern const wn_dialect wn_dialect_sagemaker;                       /* dialect_sagemaker.c */
extern const wn_dialect wn_dialect_sagemaker_csv;                   /* dialect_sagemaker_csv.c */
extern const wn_dialect wn_dialect_vertex;                          /* dialect_vertex.c */

/* The call of an empty body. */
wn_rank_call wn_rank_call_init(wn_arena *arena);

/* ---- pieces that dialects share -------------------------------------------------------------- */

/* A prepare() of APIs that repeat documents only when they are asked to. */
void wn_call_hide_documents(wn_rank_call *call, const wn_http_request *request);

/* Make n copies of the only call, in the arena; the field that asks for them is named in mistakes.
 * Fails:   false, and a problem, when they are too many or memory is short. */
bool wn_calls_spread(wn_calls *calls, size_t n, const char *field, wn_problem *problem);

/* A call of one query and one document, both JSON strings.
 * Fails:   false, and a problem, when memory is short. */
bool wn_call_set_pair(wn_rank_call *call, const json_t *query, const json_t *document,
                      wn_problem *problem);

/* How a document is written. */
typedef bool wn_push_document(wn_buf *out, const wn_rank_call *call, size_t i);

/* {"text": ...} of document i: the object that the client sent, or its string in one. */
bool wn_push_document_object(wn_buf *out, const wn_rank_call *call, size_t i);

/* Document i as the client sent it. */
bool wn_push_document_source(wn_buf *out, const wn_rank_call *call, size_t i);

/* The text of document i as a string. */
bool wn_push_document_string(wn_buf *out, const wn_rank_call *call, size_t i);

/* ,"logit":..., "span", "sentence", "explain" of a result: what was asked for beyond the dialect's
 * own fields. */
bool wn_push_extras(wn_buf *out, const wn_rank_call *call, const wn_result *result);

/* ,"name": the document of a result; nothing when the call wants none. */
bool wn_push_member_document(wn_buf *out, const wn_rank_call *call, const wn_result *result,
                             const char *name, wn_push_document *push);

/* {"index": ..., "score": ..., extras} with the score's name. */
bool wn_push_scored(wn_buf *out, const wn_rank_call *call, const wn_result *result,
                    const char *score);

/* The same with the document behind the extras. */
bool wn_push_found(wn_buf *out, const wn_rank_call *call, const wn_result *result,
                   const char *score, const char *document, wn_push_document *push);

/* One result as Jina writes it: relevance_score, document as an object. */
bool wn_push_result(wn_buf *out, const wn_rank_call *call, const wn_result *result);

/* [...] of the results that the call wants to see, each written by push_result(). */
bool wn_push_results(wn_buf *out, const wn_rank_call *call, const wn_rank_answer *answer,
                     bool (*push_result)(wn_buf *out, const wn_rank_call *call,
                                         const wn_result *result));

/* "name": a JSON string; and "name": a whole number, both without a comma. */
bool wn_push_member_string(wn_buf *out, const char *name, wn_str value);
bool wn_push_member_int(wn_buf *out, const char *name, uint64_t value);

/* "usage": {"prompt_tokens": n, "total_tokens": n}, without a comma. */
bool wn_push_usage(wn_buf *out, uint64_t n);

/* ,"cached_tokens": n; nothing when there are none. */
bool wn_push_cached_tokens(wn_buf *out, uint64_t n);

/* A member of the body that is a string, or an empty one. */
wn_str wn_body_string(const json_t *body, const char *name);

/* What no other server has, for the table of any dialect whose results are objects that
 * wn_push_extras() can add to. */
/* clang-format off */
#define WN_FIELDS_BEYOND                                                                          \
    WN_INSTRUCTION_FIELD,                                                                         \
    {"deadline_ms", WN_FIELD_INT, offsetof(wn_rank_call, deadline_ms), false, 1, 3600000,         \
     "answer after so many milliseconds with what is scored by then"},                            \
    {"return_logits", WN_FIELD_BOOL, offsetof(wn_rank_call, return_logits), false, 0, 0,          \
     "add \"logit\", the raw score, to each result"},                                             \
    {"return_spans", WN_FIELD_BOOL, offsetof(wn_rank_call, return_spans), false, 0, 0,            \
     "add \"span\", the bytes of the best window, and \"sentence\", those of its best "           \
     "sentence, to each result"},                                                                 \
    {"explain", WN_FIELD_BOOL, offsetof(wn_rank_call, explain), false, 0, 0,                      \
     "add \"explain\", the words that the score rests on, to each result; at most 10"},           \
    {"min_score", WN_FIELD_NUMBER, offsetof(wn_rank_call, min_score), false, -HUGE_VAL, HUGE_VAL, \
     "leave out results whose relevance is below it"}
/* clang-format on */

/* Fields that most tables have. */
/* clang-format off */
#define WN_MODEL_FIELD                                                                            \
    {"model", WN_FIELD_STRING, offsetof(wn_rank_call, model), false, 0, 0, "id of the model"}
#define WN_INSTRUCTION_FIELD                                                                      \
    {"instruction", WN_FIELD_STRING, offsetof(wn_rank_call, instruction), false, 0, 0,            \
     "how to judge, for models that are asked in words (Qwen3-Reranker, mxbai-rerank v2, "        \
     "jina-reranker-v3); others refuse it"}
#define WN_QUERY_FIELD                                                                            \
    {"query", WN_FIELD_QUERY, offsetof(wn_rank_call, query), true, 0, 0, "what is searched for"}
#define WN_RANK_FIELDS_FIELD                                                                      \
    {"rank_fields", WN_FIELD_NAMES, offsetof(wn_rank_call, rank_fields), false, 0, 0,             \
     "members of the documents to rank by (default [\"text\"])"}
#define WN_TOP_FIELD(name)                                                                        \
    {name, WN_FIELD_INT, offsetof(wn_rank_call, top_n), false, 1, 9e15,                           \
     "how many results to return"}
/* clang-format on */

/* Pieces of schemas. */
#define WN_SCHEMA_OBJECT(required, properties)                                                     \
    "\"type\":\"object\",\"required\":[" required "],\"properties\":{" properties "}"
#define WN_SCHEMA_LIST(item) "{\"type\":\"array\",\"items\":{" item "}}"
#define WN_SCHEMA_STRING     "{\"type\":\"string\"}"
#define WN_SCHEMA_INT        "{\"type\":\"integer\"}"
#define WN_SCHEMA_NUMBER     "{\"type\":\"number\"}"
#define WN_SCHEMA_ANY        "{}"
#define WN_SCHEMA_USAGE                                                                            \
    "{" WN_SCHEMA_OBJECT("\"total_tokens\"", "\"total_tokens\":" WN_SCHEMA_INT                     \
                                             ",\"cached_tokens\":" WN_SCHEMA_INT) "}"
#define WN_SCHEMA_RESULT(score)                                                                    \
    WN_SCHEMA_OBJECT("\"index\",\"" score "\"",                                                    \
                     "\"index\":" WN_SCHEMA_INT ",\"" score "\":" WN_SCHEMA_NUMBER)
#define WN_SCHEMA_PROBLEM_FLAT                                                                     \
    WN_SCHEMA_OBJECT("\"detail\",\"request_id\"",                                                  \
                     "\"detail\":" WN_SCHEMA_STRING ",\"code\":" WN_SCHEMA_STRING                  \
                     ",\"request_id\":" WN_SCHEMA_STRING                                           \
                     ",\"errors\":" WN_SCHEMA_LIST("\"type\":\"object\""))

/* The entry of one ranking in an answer of Jina's packages on SageMaker. */
bool wn_push_sagemaker_entry(wn_buf *out, const wn_rank_call *call, const wn_rank_answer *answer,
                             wn_str id);

/* The status of a problem for APIs that know no 422. */
int wn_status_without_422(const wn_problem *problem);

/* {"detail": ..., "code": ..., "request_id": ..., "errors": [...]}. */
bool wn_push_problem_flat(wn_buf *out, const wn_problem *problem, const char *request_id);

#endif
