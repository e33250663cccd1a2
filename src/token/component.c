/* See component.h. */
#include "token/component.h"

#include <stdio.h>

#define WN_WHERE "token/component"

wn_status wn_component_str(wn_str *out, const wn_component *fields, const char *key,
                           const wn_str *fallback, wn_error *err)
{
    const json_t *value = json_object_get(fields->object, key);
    if (json_is_string(value))
        *out = (wn_str){json_string_value(value), json_string_length(value)};
    else if (fallback != NULL && (value == NULL || json_is_null(value)))
        *out = *fallback;
    else
        WN_FAIL(err, WN_ERR_FORMAT, "%s.%s: is %s, expected a string", fields->path, key,
                wn_field_type(value));
    return WN_OK;
}

wn_status wn_component_bool(bool *out, const wn_component *fields, const char *key,
                            const bool *fallback, wn_error *err)
{
    const json_t *value = json_object_get(fields->object, key);
    if (json_is_boolean(value))
        *out = json_is_true(value);
    else if (fallback != NULL && (value == NULL || json_is_null(value)))
        *out = *fallback;
    else
        WN_FAIL(err, WN_ERR_FORMAT, "%s.%s: is %s, expected true or false", fields->path, key,
                wn_field_type(value));
    return WN_OK;
}

/* One Sequence that the walk is in. */
typedef struct level {
    const json_t *list;
    size_t next;
    char path[WN_COMPONENT_PATH_MAX];
} level;

wn_status wn_component_walk(const json_t *component, const char *name, const char *list,
                            wn_component_step *step, void *arg, wn_error *err)
{
    level levels[WN_COMPONENT_NESTING_MAX];
    size_t depth = 0, n_steps = 0;
    wn_component fields = {.object = component};
    snprintf(fields.path, sizeof fields.path, "%s", name);
    for (;;) {
        wn_str type;
        if (!json_is_object(fields.object))
            WN_FAIL(err, WN_ERR_FORMAT, "%s: is %s, expected an object", fields.path,
                    wn_field_type(fields.object));
        WN_TRY(wn_component_str(&type, &fields, "type", NULL, err));
        if (wn_str_equal(type, WN_STR("Sequence"))) {
            const json_t *parts = json_object_get(fields.object, list);
            if (!json_is_array(parts))
                WN_FAIL(err, WN_ERR_FORMAT, "%s.%s: is %s, expected an array", fields.path, list,
                        wn_field_type(parts));
            if (depth == WN_COMPONENT_NESTING_MAX)
                WN_FAIL(err, WN_ERR_LIMIT, "%s: Sequences nest %zu deep, at most %d", fields.path,
                        depth + 1, WN_COMPONENT_NESTING_MAX);
            level *inner = &levels[depth++];
            *inner = (level){.list = parts};
            memcpy(inner->path, fields.path, sizeof inner->path);
        } else {
            if (n_steps++ == WN_COMPONENT_STEPS_MAX)
                WN_FAIL(err, WN_ERR_LIMIT, "%s: step %zu, at most %d", fields.path, n_steps,
                        WN_COMPONENT_STEPS_MAX);
            WN_TRY(step(arg, &fields, type, err));
        }
        while (depth > 0 && levels[depth - 1].next == json_array_size(levels[depth - 1].list))
            depth--;
        if (depth == 0)
            return WN_OK;
        level *at = &levels[depth - 1];
        fields.object = json_array_get(at->list, at->next);
        snprintf(fields.path, sizeof fields.path, "%.150s.%s[%zu]", at->path, list, at->next);
        at->next++;
    }
}
