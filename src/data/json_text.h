/* JSON as text: writing it, and finding the values of a text that is known to be valid.  What a
 * user gave (an id, a document) is passed on as it was written, so that no number changes on its
 * way. Written text is safe on a terminal: control characters, also those above U+007F, are
 * escapes. Push functions return false when memory is short, as wn_buf_push() does. Thread rule:
 * any. */
#ifndef WN_DATA_JSON_TEXT_H
#define WN_DATA_JSON_TEXT_H

#include "base/buf.h"

/* A string with its quotes.
 * Needs:   text is valid UTF-8. */
bool wn_json_push_string(wn_buf *out, wn_str text);

/* A cell of tab-separated values: as in a string, but without quotes and with quotes as they are.
 * Needs:   text is valid UTF-8. */
bool wn_json_push_cell(wn_buf *out, wn_str text);

/* The shortest number that reads back as the same value, always with a point or an exponent.
 * Needs:   x is finite. */
bool wn_json_push_float(wn_buf *out, float x);
bool wn_json_push_double(wn_buf *out, double x);

/* A value without the white space between its tokens.
 * Needs:   json is valid. */
bool wn_json_push_compact(wn_buf *out, wn_str json);

/* Where a walk over the values of an object or array stands. */
typedef struct wn_json_walk {
    wn_str text;
    size_t at;
    bool in_object;
} wn_json_walk;

/* Start at the first value.
 * Needs:   container is a valid object or array; white space around it is allowed. */
wn_json_walk wn_json_walk_begin(wn_str container);

/* The next value as it is written, without white space around it; false at the end.  The order is
 * that of the text, which is also that of jansson's iterators. */
bool wn_json_walk_next(wn_json_walk *walk, wn_str *value);

#endif
