/* A safetensors file from strangers: opened, or refused with a reason; every byte of every tensor
 * that is handed out may be read. */
#include "data/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn_tensors *set = NULL;
    wn_error err = {0};
    wn_status status = wn_safetensors_parse(&set, (wn_str){(const char *)data, size}, "fuzz", &err);
    WN_ASSERT(status == WN_OK || err.message[0] != '\0');
    if (status != WN_OK)
        return 0;
    volatile unsigned char sum = 0;
    for (size_t i = 0; i < wn_tensors_count(set); i++) {
        const wn_tensor_view *view = wn_tensors_at(set, i);
        WN_ASSERT(wn_tensors_find(set, view->name) == view);
        for (size_t j = 0; j < view->bytes; j++)
            sum = (unsigned char)(sum + view->data[j]);
    }
    wn_tensors_close(set);
    return 0;
}
