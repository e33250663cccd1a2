/* What a client is told instead of an answer: an HTTP status, a code of the contract, one sentence,
 * and for a request that does not validate the list of its fields' mistakes.  A dialect gives it
 * its own shape.  The first problem of a request stands; later ones are ignored.
 * Source:  the error catalogue of the Jina API (code and detail texts).
 * Thread rule: one at a time. */
#ifndef WN_SERVE_PROBLEM_H
#define WN_SERVE_PROBLEM_H

#include "base/buf.h"
#include "base/status.h"

#include <jansson.h>

typedef struct wn_problem {
    int status;       /* HTTP; 0: no problem */
    const char *code; /* a fixed word such as "INPUT_MODEL_NOT_FOUND"; NULL: none */
    char detail[512];
    const char *place;      /* where fields with mistakes are; NULL: in the "body" */
    wn_buf mistakes;        /* status 422: JSON objects, a comma between them */
    uint32_t retry_after_s; /* 0: no Retry-After field */
} wn_problem;

/* Free what it holds; it is no problem afterwards. */
void wn_problem_deinit(wn_problem *problem);

/* Set it, unless there is one already. */
void wn_problem_set(wn_problem *problem, int status, const char *code, const char *format, ...)
    WN_PRINTF(4, 5);

/* A failure of the library, as the client's (input, limits) or ours. */
void wn_problem_set_error(wn_problem *problem, const wn_error *err);

/* Put text in front of the detail: where in a larger whole the problem lies. */
void wn_problem_prefix(wn_problem *problem, const char *format, ...) WN_PRINTF(2, 3);

/* Note that a field of the body, or of what problem->place names, does not validate: status 422,
 * whose detail is the first mistake.  type is a fixed word such as "missing"; a short input is
 * repeated, NULL is left out. */
void wn_problem_note(wn_problem *problem, const char *field, const char *type, const json_t *input,
                     const char *format, ...) WN_PRINTF(5, 6);

#endif
