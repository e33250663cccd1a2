/* JSON into C: parsing with limits, and typed fields with ranges whose mistakes are collected so
 * that a user sees all of them at once.  Every number is range-checked here, none passes raw.
 * Refuses: duplicate keys, depth over the limit, trailing bytes, invalid UTF-8, NUL in keys.
 * Thread rule: one at a time per binder. */
#ifndef WN_DATA_JSON_BIND_H
#define WN_DATA_JSON_BIND_H

#include "base/buf.h"
#include "base/status.h"

#include <jansson.h>

#define WN_JSON_DEPTH_MAX  64
#define WN_JSON_VALUES_MAX (1 << 20)

/* Parse a whole document.  name (a file name) begins the error message, which gives line and byte.
 * An integer beyond 64 bits makes all integers of its document reals (transformers writes 1e30 so);
 * wn_bind_int() accepts whole reals.  Strings may contain NUL, keys may not.
 * Fails:   WN_ERR_FORMAT, WN_ERR_LIMIT for more depth or values than these, WN_ERR_MEMORY.
 * Owns:    caller gives *out back with json_decref(). */
WN_MUST_USE wn_status wn_json_parse(json_t **out, wn_str text, const char *name, wn_error *err);

/* The type of a value in words, such as "a string"; NULL: "missing". */
const char *wn_json_type_name(const json_t *value);

/* Collects the mistakes of one object. */
typedef struct wn_binder {
    const json_t *object;
    const char *name; /* of the file, for messages */
    wn_buf mistakes;  /* "field 'x': is 3, expected 1..2; field ..." */
    size_t n_mistakes;
} wn_binder;

/* Start with no mistakes; borrows object and name until wn_binder_end(). */
void wn_binder_init(wn_binder *binder, const json_t *object, const char *name);

/* Read a field into *out.  Missing or null: the fallback.  Wrong type or out of range: a mistake is
 * noted and the fallback stored. */
void wn_bind_int(wn_binder *binder, const char *key, int64_t *out, int64_t min, int64_t max,
                 int64_t fallback);
void wn_bind_double(wn_binder *binder, const char *key, double *out, double min, double max,
                    double fallback);
void wn_bind_bool(wn_binder *binder, const char *key, bool *out, bool fallback);
/* *out points into the JSON, valid as long as the object. */
void wn_bind_string(wn_binder *binder, const char *key, const char **out, const char *fallback);

/* As above, but a missing field is a mistake. */
void wn_bind_int_required(wn_binder *binder, const char *key, int64_t *out, int64_t min,
                          int64_t max);

/* Note a mistake of the caller's own. */
void wn_binder_note(wn_binder *binder, const char *format, ...) WN_PRINTF(2, 3);

/* Free the binder; WN_ERR_FORMAT with all mistakes when there were any, WN_ERR_MEMORY when they
 * could not be kept. */
WN_MUST_USE wn_status wn_binder_end(wn_binder *binder, wn_error *err);

#endif
