/* The text of a key: what is taken has the form of one, reads the same again, and no other byte of
 * it may be changed. */
#include "base/str.h"
#include "serve/key.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn_str text = {(const char *)data, size};
    wn_key_id id, again;
    wn_str secret;
    if (!wn_key_parse(&id, &secret, text)) {
        (void)wn_key_id_parse(&id, text);
        return 0;
    }
    WN_ASSERT(size == WN_KEY_TEXT_LEN && memcmp(data, WN_KEY_PREFIX, 3) == 0);
    WN_ASSERT(wn_key_id_parse(&again, wn_str_from(id.text)) && wn_key_id_number(&again) != 0 &&
              wn_key_id_number(&again) == wn_key_id_number(&id));
    WN_ASSERT(secret.len == WN_KEY_SECRET_LEN && secret.ptr == text.ptr + 12);
    char other[WN_KEY_TEXT_LEN];
    for (size_t i = 0; i < size; i++) {
        memcpy(other, data, size);
        other[i] ^= 1;
        WN_ASSERT(!wn_key_parse(&again, &secret, (wn_str){other, size}));
    }
    return 0;
}
