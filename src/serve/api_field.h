/* The fields of a request body as a table: one row drives reading, ranges, the text of a mistake
 * and the OpenAPI description.  Fields without a row are ignored, null is as good as absent but for
 * WN_FIELD_LIMIT.
 * Thread rule: tables are constant; reading is one at a time per body. */
#ifndef WN_SERVE_API_FIELD_H
#define WN_SERVE_API_FIELD_H

#include "serve/call.h"
#include "serve/problem.h"

typedef enum wn_field_kind {
    WN_FIELD_NONE = 0,  /* accepted, without effect */
    WN_FIELD_BOOL,      /* bool */
    WN_FIELD_INT,       /* int64_t in min..max */
    WN_FIELD_LIMIT,     /* the same, or WN_FIELD_NULL: null is a value */
    WN_FIELD_NUMBER,    /* double in min..max */
    WN_FIELD_STRING,    /* wn_str */
    WN_FIELD_QUERY,     /* wn_str: a string that is not empty, or an object with such a "text" */
    WN_FIELD_DOCUMENTS, /* wn_texts: strings, or objects with a "text" or the members that
                           rank_fields names; min..max of them, a field each counts */
    WN_FIELD_STRINGS,   /* wn_texts: strings only; min..max of them */
    WN_FIELD_NAMES      /* wn_rank_fields: 1..WN_FIELDS_MAX different strings, or an object whose
                           members are weights */
} wn_field_kind;

#define WN_FIELD_NULL INT64_MIN

typedef struct wn_field {
    const char *name;
    wn_field_kind kind;
    size_t offset; /* of a member of the struct that the table is for */
    bool required;
    double min, max;
    const char *help; /* one sentence without a full stop */
} wn_field;

/* Whether a member is there and not null; NULL is allowed. */
bool wn_field_is_given(const json_t *value);

/* A body that is no ranking, in the shape of Jina's API. */
typedef struct wn_form {
    const char *title;
    const wn_field *fields; /* [n_fields]; a field without a row is a mistake */
    size_t n_fields;
    const char *answer_schema; /* as JSON Schema 2020-12 without outer braces */
} wn_form;

/* Note each member of a body that is no field of its form. */
void wn_form_refuse_others(const wn_form *form, json_t *body, wn_problem *problem);

/* Read the fields of a body into the struct that the table is for, of which documents need it to be
 * a wn_rank_call; mistakes are noted in *problem, all of them.  A table may
 * have several names for one member: the last one that the body has counts; rank_fields stand
 * before the documents. */
void wn_fields_read(void *out, const wn_field *fields, size_t n, const json_t *body,
                    wn_problem *problem);

#endif
