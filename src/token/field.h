/* Fields of a JSON object with their path in the error: "model.unk_token: is 3, expected a string".
 * A required field must be there and not null; an optional one that is missing or null leaves *out
 * as it was.  Thread rule: any. */
#ifndef WN_TOKEN_FIELD_H
#define WN_TOKEN_FIELD_H

#include "base/status.h"

#include <jansson.h>

/* An object of the file and where it is, such as "normalizer.normalizers[2]". */
typedef struct wn_fields {
    const json_t *object;
    const char *path;
} wn_fields;

typedef enum wn_presence { WN_OPTIONAL, WN_REQUIRED } wn_presence;

/* Read a field.  A string may hold NUL.
 * Fails:   WN_ERR_FORMAT with the path and both types.
 * Owns:    strings are valid as long as the JSON. */
WN_MUST_USE wn_status wn_field_str(wn_str *out, const wn_fields *fields, const char *key,
                                   wn_presence presence, wn_error *err);
WN_MUST_USE wn_status wn_field_bool(bool *out, const wn_fields *fields, const char *key,
                                    wn_presence presence, wn_error *err);
WN_MUST_USE wn_status wn_field_uint(uint32_t *out, const wn_fields *fields, const char *key,
                                    wn_presence presence, wn_error *err);

#endif
