/* See field.h. */
#include "token/field.h"
#include "data/json_bind.h"

#define WN_WHERE "token/field"

static wn_status wrong_type(const json_t *value, const wn_fields *fields, const char *key,
                            const char *expected, wn_error *err)
{
    WN_FAIL(err, WN_ERR_FORMAT, "%s.%s: is %s, expected %s", fields->path, key,
            wn_json_type_name(value), expected);
}

/* The value of a field into *value; NULL when it is optional and not there. */
static wn_status get(const json_t **value, const wn_fields *fields, const char *key,
                     wn_presence presence, const char *expected, wn_error *err)
{
    const json_t *found = json_object_get(fields->object, key);
    bool missing = found == NULL || json_is_null(found);
    if (missing && presence == WN_REQUIRED)
        return wrong_type(found, fields, key, expected, err);
    *value = missing ? NULL : found;
    return WN_OK;
}

wn_status wn_field_str(wn_str *out, const wn_fields *fields, const char *key, wn_presence presence,
                       wn_error *err)
{
    const json_t *value = NULL;
    WN_TRY(get(&value, fields, key, presence, "a string", err));
    if (value != NULL && !json_is_string(value))
        return wrong_type(value, fields, key, "a string", err);
    if (value != NULL)
        *out = (wn_str){json_string_value(value), json_string_length(value)};
    return WN_OK;
}

wn_status wn_field_bool(bool *out, const wn_fields *fields, const char *key, wn_presence presence,
                        wn_error *err)
{
    const json_t *value = NULL;
    WN_TRY(get(&value, fields, key, presence, "true or false", err));
    if (value != NULL && !json_is_boolean(value))
        return wrong_type(value, fields, key, "true or false", err);
    if (value != NULL)
        *out = json_is_true(value);
    return WN_OK;
}

wn_status wn_field_uint(uint32_t *out, const wn_fields *fields, const char *key,
                        wn_presence presence, wn_error *err)
{
    const json_t *value = NULL;
    WN_TRY(get(&value, fields, key, presence, "a whole number", err));
    if (value != NULL && !json_is_integer(value))
        return wrong_type(value, fields, key, "a whole number", err);
    json_int_t number = value == NULL ? 0 : json_integer_value(value);
    if (number < 0 || number > INT32_MAX)
        WN_FAIL(err, WN_ERR_FORMAT, "%s.%s: is %lld, expected 0..%d", fields->path, key,
                (long long)number, INT32_MAX);
    if (value != NULL)
        *out = (uint32_t)number;
    return WN_OK;
}
