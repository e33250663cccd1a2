/* What makes one API differ from another: how a body becomes a call, how an answer becomes a body,
 * how a problem is told.  A dialect is one file dialect_NAME.c with one constant of this type, and
 * a row of the route table.  All functions are pure; push functions return false when memory is
 * short.
 * Thread rule: constant, any. */
#ifndef WN_SERVE_DIALECT_H
#define WN_SERVE_DIALECT_H

#include "serve/field.h"
#include "serve/http_conn.h"

typedef struct wn_dialect {
    const char *name;

    /* Whether a request on a shared path is this dialect's; NULL: always. */
    bool (*speaks)(const wn_http_request *request, const json_t *body);

    const wn_field *fields; /* [n_fields] */
    size_t n_fields;

    /* Set what differs from wn_rank_call_init() before the fields are read; NULL: nothing. */
    void (*prepare)(wn_rank_call *call, const wn_http_request *request);

    /* Look at the call once its fields are read; NULL: nothing to do. */
    void (*check)(wn_rank_call *call, const json_t *body, wn_problem *problem);

    /* The JSON text of an answer. */
    bool (*push_answer)(wn_buf *out, const wn_rank_call *call, const wn_rank_answer *answer);

    /* The JSON text of a problem. */
    bool (*push_problem)(wn_buf *out, const wn_problem *problem, const char *request_id);

    /* The status that this API gives to a problem; NULL: the problem's own. */
    int (*status)(const wn_problem *problem);
} wn_dialect;

extern const wn_dialect wn_dialect_jina;

/* The call of an empty body. */
wn_rank_call wn_rank_call_init(wn_arena *arena);

/* ---- pieces that dialects share -------------------------------------------------------------- */

/* {"text": ...} of document i: the object that the client sent, or its string in one. */
bool wn_push_document_object(wn_buf *out, const wn_rank_call *call, size_t i);

/* The text of document i as a string. */
bool wn_push_document_string(wn_buf *out, const wn_rank_call *call, size_t i);

/* ,"logit":..., "window" of a result: what was asked for beyond the dialect's own fields. */
bool wn_push_extras(wn_buf *out, const wn_rank_call *call, const wn_result *result);

/* Whether the call wants to see a result at all. */
bool wn_call_wants(const wn_rank_call *call, const wn_result *result);

/* {"detail": ..., "code": ..., "request_id": ..., "errors": [...]}. */
bool wn_push_problem_flat(wn_buf *out, const wn_problem *problem, const char *request_id);

#endif
