/* See config_parts.h.  jina-embeddings-v3 has an adapter for each of its tasks, and an instruction
 * that its encode() puts in front of a text.  Without a task its weights are used as they are.
 * Source: jinaai/xlm-roberta-flash-implementation modeling_lora.py. */
#include "model/config_parts.h"

#include "base/str.h"
#include "model/family.h"

#include <stdio.h>
#include <string.h>

#define WN_WHERE "model/config"

#define TASKS_MAX 64

/* The place of a task in the list; an argument that is not in it is told all that are. */
static wn_status find_task(size_t *out, const json_t *list, const char *task, wn_error *err)
{
    char all[300] = "";
    for (size_t i = 0, at = 0; i < json_array_size(list) && at < sizeof all; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name == NULL)
            WN_FAIL(err, WN_ERR_FORMAT,
                    "config.json: field 'lora_adaptations': is not a list of names");
        *out = i;
        if (task != NULL && strcmp(name, task) == 0)
            return WN_OK;
        at += (size_t)snprintf(all + at, sizeof all - at, "%s%s", i > 0 ? ", " : "", name);
    }
    *out = json_array_size(list);
    if (task != NULL)
        WN_FAIL(err, WN_ERR_ARGUMENT, "task '%.100s': the model has adapters for %s", task, all);
    return WN_OK;
}

static wn_status read_prompt(wn_config *config, const json_t *json, const char *task, wn_error *err)
{
    const char *prompt;
    wn_binder b;
    wn_binder_init(&b, json_object_get(json, "task_instructions"),
                   "config.json: task_instructions");
    wn_bind_string(&b, task, &prompt, "");
    if (strlen(prompt) > WN_TEXT_PROMPT_MAX)
        wn_binder_note(&b, "field '%s': has %zu bytes, at most %d", task, strlen(prompt),
                       WN_TEXT_PROMPT_MAX);
    WN_TRY(wn_binder_end(&b, err));
    snprintf(config->text_prompt, sizeof config->text_prompt, "%s", prompt);
    return WN_OK;
}

wn_status wn_config_read_tasks(wn_config *config, const json_t *json, const char *task,
                               wn_error *err)
{
    const json_t *list = json_object_get(json, "lora_adaptations");
    wn_adapters *adapters = &config->adapters;
    double alpha;
    wn_binder b;
    if (task != NULL && (json_array_size(list) == 0 || config->kind != WN_KIND_EMBEDDER))
        WN_FAIL(err, WN_ERR_ARGUMENT, "task '%.100s': the model has no adapters for tasks", task);
    if (list == NULL || json_is_null(list))
        return WN_OK;
    if (!config->family->has_tasks)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "config.json: 'lora_adaptations' is set, which is not supported");
    wn_binder_init(&b, json, "config.json");
    wn_bind_size(&b, "lora_rank", &adapters->rank, 1, 1024, 4);
    wn_bind_double(&b, "lora_alpha", &alpha, -1e6, 1e6, 1);
    if (!json_is_array(list) || json_array_size(list) > TASKS_MAX)
        wn_binder_note(&b, "field 'lora_adaptations': is not a list of at most %d", TASKS_MAX);
    WN_TRY(wn_binder_end(&b, err));
    adapters->n_tasks = json_array_size(list);
    adapters->scale = alpha / (double)adapters->rank;
    WN_TRY(find_task(&adapters->task, list, task, err));
    return task == NULL ? WN_OK : read_prompt(config, json, task, err);
}
