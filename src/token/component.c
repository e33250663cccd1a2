/* See component.h. */
#include "token/component.h"
#include "base/str.h"
#include "data/json_bind.h"

#include <stdio.h>

#define WN_WHERE "token/component"

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
    char path[WN_COMPONENT_PATH_MAX];
    wn_fields fields = {component, path};
    snprintf(path, sizeof path, "%s", name);
    for (;;) {
        wn_str type;
        if (!json_is_object(fields.object))
            WN_FAIL(err, WN_ERR_FORMAT, "%s: is %s, expected an object", path,
                    wn_json_type_name(fields.object));
        WN_TRY(wn_field_str(&type, &fields, "type", WN_REQUIRED, err));
        if (wn_str_equal(type, WN_STR("Sequence"))) {
            const json_t *parts = json_object_get(fields.object, list);
            if (!json_is_array(parts))
                WN_FAIL(err, WN_ERR_FORMAT, "%s.%s: is %s, expected an array", path, list,
                        wn_json_type_name(parts));
            if (depth == WN_COMPONENT_NESTING_MAX)
                WN_FAIL(err, WN_ERR_LIMIT, "%s: Sequences nest %zu deep, at most %d", path,
                        depth + 1, WN_COMPONENT_NESTING_MAX);
            level *inner = &levels[depth++];
            *inner = (level){.list = parts};
            memcpy(inner->path, path, sizeof path);
        } else {
            if (n_steps++ == WN_COMPONENT_STEPS_MAX)
                WN_FAIL(err, WN_ERR_LIMIT, "%s: step %zu, at most %d", path, n_steps,
                        WN_COMPONENT_STEPS_MAX);
            WN_TRY(step(arg, &fields, type, err));
        }
        while (depth > 0 && levels[depth - 1].next == json_array_size(levels[depth - 1].list))
            depth--;
        if (depth == 0)
            return WN_OK;
        level *at = &levels[depth - 1];
        fields.object = json_array_get(at->list, at->next);
        snprintf(path, sizeof path, "%.150s.%s[%zu]", at->path, list, at->next);
        at->next++;
    }
}
