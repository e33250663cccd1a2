/* Reads tests/api/http/NAME.vec: connections as bytes, and what a server has to make of them.
 * A file is paragraphs with an empty line between them; a line that starts with '#' is a comment:
 *
 *     the name, which says the behaviour
 *     > POST / HTTP/1.1        a line, to which CR LF is added; ">*100 a: b" is a hundred of them
 *     | hello\r\n              bytes as they are; "|*100 x" is a hundred of them
 *     = POST / hello           a request that is served: method, target and body
 *     = 400 no Host            in the end a fault: its status and a part of its detail
 *
 * \r, \n, \t, \\ and \xHH are bytes.  After the bytes the client ends its side.
 * Thread rule: test thread only. */
#ifndef WN_TESTS_CHECK_VECTORS_H
#define WN_TESTS_CHECK_VECTORS_H

#include "tests/support/check.h"

#include "base/buf.h"

enum { CHECK_EXPECTED_MAX = 8 };

typedef struct check_vector {
    char name[120];
    wn_buf bytes;
    char expected[CHECK_EXPECTED_MAX][400];
    size_t n_expected;
} check_vector;

/* Call visit for every vector of every file; returns how many there are. */
size_t check_vectors_each(void (*visit)(const check_vector *vector, void *arg), void *arg);

#endif
