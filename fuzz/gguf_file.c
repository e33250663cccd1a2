/* A GGUF file from strangers: opened, or refused with a reason; every value and every byte of every
 * tensor that is handed out may be read, before and after they get their names; what it says of
 * model and tokenizer becomes texts that the readers of such texts survive. */
#include "data/gguf.h"
#include "model/config.h"
#include "model/gguf_directory.h"
#include "token/gguf_tokenizer.h"
#include "token/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const keys[] = {"general.architecture",
                                   "general.alignment",
                                   "tokenizer.ggml.tokens",
                                   "tokenizer.ggml.scores",
                                   "a",
                                   "b"};

static double read_value(const wn_gguf_value *value)
{
    double sum = 0;
    const unsigned char *at = value->data;
    for (size_t i = 0; i < value->n; i++)
        sum += value->type == WN_GGUF_STRING ? (double)wn_gguf_next_string(&at).len
                                             : wn_gguf_number(value, i);
    return sum;
}

static double read_tensors(const wn_tensors *set)
{
    double sum = 0;
    for (size_t i = 0; i < wn_tensors_count(set); i++) {
        const wn_tensor_view *view = wn_tensors_at(set, i);
        WN_ASSERT(wn_tensors_find(set, view->name) == view);
        for (size_t j = 0; j < view->bytes; j++)
            sum += view->data[j];
    }
    return sum;
}

static void read_config(const wn_gguf *gguf)
{
    wn_buf config = WN_BUF_INIT, modules = WN_BUF_INIT, pooling = WN_BUF_INIT;
    wn_error err = {0};
    if (wn_gguf_write_file(&config, gguf, "config.json", &err) == WN_OK &&
        wn_gguf_write_file(&modules, gguf, "modules.json", &err) == WN_OK &&
        wn_gguf_write_file(&pooling, gguf, "1_Pooling/config.json", &err) == WN_OK) {
        const wn_model_files files = {.config = wn_buf_str(&config),
                                      .modules = wn_buf_str(&modules),
                                      .module_configs = {[1] = wn_buf_str(&pooling)}};
        wn_config read;
        (void)!wn_config_parse(&read, &files, &err);
    }
    wn_buf_deinit(&config);
    wn_buf_deinit(&modules);
    wn_buf_deinit(&pooling);
}

static void read_tokenizer(const wn_gguf *gguf)
{
    wn_buf json = WN_BUF_INIT;
    wn_tokenizer *tokenizer = NULL;
    wn_error err = {0};
    if (wn_gguf_tokenizer_write(&json, gguf, &err) == WN_OK &&
        wn_tokenizer_parse(&tokenizer, wn_buf_str(&json), &err) == WN_OK)
        wn_tokenizer_free(tokenizer);
    wn_buf_deinit(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn_gguf *gguf = NULL;
    wn_error err = {0};
    wn_status status = wn_gguf_parse(&gguf, (wn_str){(const char *)data, size}, "fuzz", &err);
    WN_ASSERT(status == WN_OK || err.message[0] != '\0');
    if (status != WN_OK)
        return 0;
    volatile double sum = 0;
    for (size_t i = 0; i < WN_ARRAY_LEN(keys); i++) {
        const wn_gguf_value *value = wn_gguf_find(gguf, keys[i]);
        sum = sum + (value == NULL ? 0 : read_value(value));
        json_decref(wn_gguf_json(gguf, keys[i]));
    }
    sum = sum + read_tensors(wn_gguf_tensors(gguf));
    read_config(gguf);
    read_tokenizer(gguf);
    if (wn_gguf_name_tensors(gguf, &err) == WN_OK)
        sum = sum + read_tensors(wn_gguf_tensors(gguf));
    wn_gguf_close(gguf);
    return 0;
}
