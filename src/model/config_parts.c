/* See config_parts.h. */
#include "model/config_parts.h"

#define WN_WHERE "model/config"

void wn_bind_size(wn_binder *binder, const char *key, size_t *out, size_t min, size_t max,
                  size_t fallback)
{
    int64_t value;
    wn_bind_int(binder, key, &value, (int64_t)min, (int64_t)max, (int64_t)fallback);
    *out = (size_t)value;
}

wn_status wn_config_object(json_t **out, wn_str text, const char *name, wn_error *err)
{
    json_t *json = NULL;
    if (text.ptr == NULL) {
        *out = NULL;
        return WN_OK;
    }
    WN_TRY(wn_json_parse(&json, text, name, err));
    if (!json_is_object(json)) {
        json_decref(json);
        WN_FAIL(err, WN_ERR_FORMAT, "%s: is an array, expected an object", name);
    }
    *out = json;
    return WN_OK;
}

wn_status wn_config_field_object(const json_t **out, const json_t *json, const char *key,
                                 wn_error *err)
{
    const json_t *field = json_object_get(json, key);
    *out = json_is_object(field) ? field : NULL;
    if (field != NULL && !json_is_null(field) && !json_is_object(field))
        WN_FAIL(err, WN_ERR_FORMAT, "config.json: field '%s': is %s, expected an object", key,
                wn_json_type_name(field));
    return WN_OK;
}
