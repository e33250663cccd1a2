/* Any bytes as text, through one small tokenizer of each kind, with and without byte ranges:
 * refused when they are not UTF-8, else ids within the vocabulary and ranges within the text, the
 * same ids both ways.  The first byte chooses the tokenizer and whether special tokens are text. */
#include "base/buf.h"
#include "base/file.h"
#include "data/unicode.h"
#include "token/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#define DIR "tests/golden/models/"

static const char *const files[] = {DIR "bert/tokenizer.json", DIR "xlmr/tokenizer.json",
                                    DIR "roberta-bpe/tokenizer.json",
                                    "models/default/tokenizer.json"};
static wn_tokenizer *tokenizers[WN_ARRAY_LEN(files)];
static wn_encoder *encoders[WN_ARRAY_LEN(files)];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load_all(void)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(files); i++) {
        wn_buf json = WN_BUF_INIT;
        wn_error err;
        if (wn_file_read(&json, files[i], 1u << 28, &err) != WN_OK ||
            wn_tokenizer_parse(&tokenizers[i], wn_buf_str(&json), &err) != WN_OK ||
            wn_encoder_new(&encoders[i], tokenizers[i], &err) != WN_OK)
            abort();
        wn_buf_deinit(&json);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (tokenizers[0] == NULL)
        load_all();
    if (size == 0)
        return 0;
    size_t which = data[0] % WN_ARRAY_LEN(files);
    bool plain = (data[0] & 0x80) != 0;
    wn_str text = {(const char *)data + 1, size - 1};
    wn_ids ranged = {.with_offsets = true}, bare = WN_IDS_INIT;
    wn_error err = {0};
    wn_status status = wn_encode(encoders[which], &ranged, text, plain, &err);
    WN_ASSERT((status == WN_OK) == (wn_utf8_check(text) == text.len));
    WN_ASSERT(wn_encode(encoders[which], &bare, text, plain, &err) == status);
    WN_ASSERT(bare.n == ranged.n);
    for (size_t i = 0; i < bare.n; i++) {
        WN_ASSERT(bare.ids[i] == ranged.ids[i]);
        WN_ASSERT(wn_tokenizer_token(tokenizers[which], bare.ids[i]).ptr != NULL);
        WN_ASSERT(ranged.start[i] <= ranged.end[i] && ranged.end[i] <= text.len);
    }
    wn_ids_deinit(&ranged);
    wn_ids_deinit(&bare);
    return 0;
}
