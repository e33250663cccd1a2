/* A model directory's files from strangers, one behind the other with a NUL between:
 * config.json, tokenizer_config.json, config_sentence_transformers.json, sentence_bert_config.json,
 * 1_Pooling/config.json, artifact.metadata, modules.json, README.md, MODEL_CARD.md, the config.json
 * of three more modules, and the name of a task.  What is accepted must be in range, and a licence
 * is a word. */
#include "model/config.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn_model_files files = {0};
    wn_str task = {0};
    char task_name[64];
    wn_str *const parts[] = {&files.config,
                             &files.tokenizer_config,
                             &files.sentence_transformers,
                             &files.sentence_bert_config,
                             &files.module_configs[1],
                             &files.colbert_metadata,
                             &files.modules,
                             &files.readme,
                             &files.model_card,
                             &files.module_configs[2],
                             &files.module_configs[3],
                             &files.module_configs[4],
                             &task};
    const char *at = (const char *)data, *end = at + size;
    for (size_t i = 0; i < WN_ARRAY_LEN(parts) && at < end; i++) {
        const char *stop =
            i + 1 < WN_ARRAY_LEN(parts) ? memchr(at, '\0', (size_t)(end - at)) : NULL;
        size_t len = (size_t)((stop == NULL ? end : stop) - at);
        if (len > 0)
            *parts[i] = (wn_str){at, len};
        at = stop == NULL ? end : stop + 1;
    }
    if (task.len > 0 && task.len < sizeof task_name) {
        memcpy(task_name, task.ptr, task.len);
        task_name[task.len] = '\0';
        files.task = task_name;
    }
    wn_config config;
    wn_error err = {0};
    wn_status status = wn_config_parse(&config, &files, &err);
    WN_ASSERT(status == WN_OK || err.message[0] != '\0');
    if (status != WN_OK)
        return 0;
    WN_ASSERT(strlen(config.license) <= WN_LICENSE_MAX && strpbrk(config.license, " \"<>") == NULL);
    WN_ASSERT(config.n_layers >= 1 && config.hidden >= 1 && config.n_heads >= 1 &&
              config.vocab >= 1);
    WN_ASSERT(config.head_dim >= 1 && config.n_kv_heads >= 1);
    WN_ASSERT(config.n_heads % config.n_kv_heads == 0);
    WN_ASSERT(config.max_tokens + config.position_offset <= config.max_positions);
    if (config.kind == WN_KIND_LATE_INTERACTION) {
        WN_ASSERT(config.late.max_query_tokens <= config.max_tokens);
        WN_ASSERT(config.late.max_doc_tokens <= config.max_tokens);
        WN_ASSERT(config.late.query_pad_to <= config.late.max_query_tokens);
    }
    return 0;
}
