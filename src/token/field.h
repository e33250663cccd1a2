/* Fields of a JSON object with their path in the error: "model.unk_token: is 3, expected a string".
 * A required field must be there and not null; an optional one that is missing or null leaves *out
 * as it was.  Thread rule: any. */
#ifndef WN_TOKEN_FIELD_H
#define WN_TOKEN_FIELD_H

#include "base/status.h"

#include <jansson.h>

typedef enum wn_presence { WN_OPTIONAL, WN_REQUIRED } wn_presence;

/* Read a field.
 * Fails:   WN_ERR_FORMAT.
 * Owns:    strings are valid as long as the JSON. */
WN_MUST_USE wn_status wn_field_str(wn_str *out, const json_t *object, const char *path,
                                   const char *key, wn_presence presence, wn_error *err);
WN_MUST_USE wn_status wn_field_bool(bool *out, const json_t *object, const char *path,
                                    const char *key, wn_presence presence, wn_error *err);
WN_MUST_USE wn_status wn_field_uint(uint32_t *out, const json_t *object, const char *path,
                                    const char *key, wn_presence presence, wn_error *err);

/* The type of a value in words, such as "a string"; NULL: "missing". */
const char *wn_field_type(const json_t *value);

#endif
