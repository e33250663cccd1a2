/* See token_model.h. */
#include "token/token_model.h"
#include "base/mem.h"

#include <stdio.h>

bool wn_token_list_push(wn_token_list *list, int32_t id, size_t start, size_t end)
{
    if (!wn_mem_grow(&list->items, &list->cap, list->count + 1, sizeof *list->items))
        return false;
    list->items[list->count++] = (wn_token){id, (uint32_t)start, (uint32_t)end};
    return true;
}

void *wn_model_scratch_get(wn_model_scratch *scratch, size_t n, size_t size)
{
    size_t bytes;
    if (!wn_mul_size(&bytes, n, size) || bytes > SIZE_MAX / 2)
        return NULL;
    if (bytes > scratch->bytes) {
        bytes = WN_MAX(bytes, scratch->bytes * 2);
        void *ptr = wn_mem_alloc(bytes, 1);
        if (ptr == NULL)
            return NULL;
        wn_mem_free(scratch->ptr);
        *scratch = (wn_model_scratch){ptr, bytes};
    }
    return scratch->ptr;
}

void wn_vocab_byte_ids(int32_t *ids, const wn_vocab *vocab)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char name[8];
        int len = snprintf(name, sizeof name, "<0x%02X>", byte);
        ids[byte] = wn_vocab_find(vocab, (wn_str){name, (size_t)len});
    }
}
