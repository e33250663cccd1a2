/* See check_config.h. */
#include "tests/support/check_config.h"
#include "tests/support/check.h"

#include "base/buf.h"
#include "base/str.h"
#include "data/json_bind.h"
#include "data/safetensors.h"

/* JSON with ' for ". */
static json_t *json_of(const char *text)
{
    char copy[4096];
    json_t *json = NULL;
    wn_error err;
    assert_true((size_t)snprintf(copy, sizeof copy, "%s", text) < sizeof copy);
    for (char *c = copy; *c != '\0'; c++)
        *c = *c == '\'' ? '"' : *c;
    assert_ok(wn_json_parse(&json, wn_str_from(copy), "test", &err), &err);
    return json;
}

wn_status check_config_parse(wn_config *out, const char *base, const char *patch,
                             wn_model_files files, wn_error *err)
{
    json_t *config = json_of(base), *changes = json_of(patch), *value;
    const char *key;
    json_object_foreach(changes, key, value)
    {
        if (json_is_null(value))
            json_object_del(config, key);
        else
            json_object_set(config, key, value);
    }
    char *dumped = json_dumps(config, 0);
    files.config = wn_str_from(dumped);
    memset(err, 0, sizeof *err);
    wn_status status = wn_config_parse(out, &files, err);
    free(dumped);
    json_decref(config);
    json_decref(changes);
    return status;
}

wn_config check_config(const char *base, const char *patch)
{
    wn_config config;
    wn_error err;
    assert_ok(check_config_parse(&config, base, patch, (wn_model_files){0}, &err), &err);
    return config;
}

wn_config check_config_with_tensor(const char *base, const char *patch, const char *tensor)
{
    wn_config config;
    wn_error err;
    wn_buf file = WN_BUF_INIT, header = WN_BUF_INIT;
    wn_tensors *set = NULL;
    wn_buf_printf(&header, "{\"%s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                  tensor);
    for (size_t i = 0; i < 8; i++)
        wn_buf_push_byte(&file, (char)((uint64_t)header.len >> 8 * i));
    wn_buf_push_str(&file, wn_buf_str(&header));
    wn_buf_push_str(&file, (wn_str){"\0\0\0", 4});
    assert_ok(wn_safetensors_parse(&set, wn_buf_str(&file), "test", &err), &err);
    assert_ok(check_config_parse(&config, base, patch, (wn_model_files){.tensors = set}, &err),
              &err);
    wn_tensors_close(set);
    wn_buf_deinit(&file);
    wn_buf_deinit(&header);
    return config;
}

void check_config_refused(const char *base, const char *patch, wn_status status,
                          const char *message)
{
    wn_config config;
    wn_error err;
    assert_int_equal(check_config_parse(&config, base, patch, (wn_model_files){0}, &err), status);
    if (strstr(err.message, message) == NULL)
        fail_msg("message '%s' does not contain '%s'", err.message, message);
}
