/* Reads JSON one token at a time without building a tree, for texts that are too large for one: the
 * vocabulary and merges of a tokenizer.json, hundreds of thousands of short strings, and the header
 * of a safetensors file.
 * As strict as RFC 8259 and jansson (no trailing commas, no control characters or lone surrogates
 * in strings, valid UTF-8), except that a NUL escape is text.  Numbers become doubles exactly as
 * serde_json makes them, for scores are compared bit by bit.
 * Thread rule: one at a time. */
#ifndef WN_DATA_JSON_SCAN_H
#define WN_DATA_JSON_SCAN_H

#include "base/buf.h"

/* A reading position.  The first failure is kept: what was expected, and `at` stays there. */
typedef struct wn_scan {
    const char *start, *at, *end;
    const char *expected; /* NULL: no failure so far */
} wn_scan;

/* Pass white space and take this character if it is the next one; not taking it is no failure. */
bool wn_scan_take(wn_scan *scan, char c);

/* As wn_scan_take(), but anything else is a failure; `expected` names the character for users. */
bool wn_scan_need(wn_scan *scan, char c, const char *expected);

/* Pass white space; anything behind it is a failure. */
bool wn_scan_end(wn_scan *scan);

/* Read a string and append its text to *out; NULL when the text is of no use.
 * Fails:   false, also when *out has no memory (out->failed). */
bool wn_scan_string(wn_scan *scan, wn_buf *out);

/* Read a string that is likely to have no escapes: then *out is a slice of the source, else it is
 * the content of *spare.
 * Fails:   as wn_scan_string(). */
bool wn_scan_slice(wn_scan *scan, wn_str *out, wn_buf *spare);

/* Read an integer from 0 to max. */
bool wn_scan_uint(wn_scan *scan, uint64_t *out, uint64_t max);

/* Read a number.
 * Source:  serde_json 1.0, Deserializer::f64_from_parts: the digits as an integer of 64 bits (those
 *          that no longer fit are dropped), made a double, times or through a power of ten. */
bool wn_scan_double(wn_scan *scan, double *out);

/* Pass over one value of any kind; looks at brackets and quotes only. */
bool wn_scan_skip(wn_scan *scan);

/* The place behind the string whose text begins at p; NULL when it does not end before `end`.
 * Needs:   p[-1] is the opening quote. */
const char *wn_scan_string_end(const char *p, const char *end);

#endif
