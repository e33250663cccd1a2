/* Bodies read as the server reads them, by one dialect and without a server.
 * Thread rule: test thread only. */
#ifndef WN_TESTS_CHECK_DIALECT_H
#define WN_TESTS_CHECK_DIALECT_H

#include "tests/support/check.h"

#include "serve/api_dialect.h"

/* What a body was read into. */
typedef struct check_reading {
    json_t *body; /* NULL: it could not be parsed, err says why */
    wn_error err;
    wn_arena arena;
    wn_rank_call first;
    wn_calls calls;
    wn_problem problem;
} check_reading;

/* Read a body; field is the request's only one (NULL: it has none).
 * Owns:    caller ends *out, which does not move, with check_read_end(). */
void check_read(check_reading *out, const wn_dialect *dialect, const wn_http_field *field,
                const char *text);
void check_read_end(check_reading *reading);

#endif
