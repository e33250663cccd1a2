/* A GGUF file from strangers: opened, or refused with a reason; every value and every byte of every
 * tensor that is handed out may be read. */
#include "data/gguf.h"

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
    for (size_t i = 0; i < wn_gguf_n_tensors(gguf); i++) {
        const wn_tensor_view *view = wn_gguf_tensor(gguf, i);
        for (size_t j = 0; j < view->bytes; j++)
            sum = sum + view->data[j];
    }
    wn_gguf_close(gguf);
    return 0;
}
