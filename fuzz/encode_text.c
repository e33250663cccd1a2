/* Any bytes as text, through small tokenizers of each kind, with and without byte ranges: refused
 * when they are not UTF-8, else ids within the vocabulary and ranges within the text, the same ids
 * both ways, and the ids make text again.  The first byte chooses the tokenizer and whether special
 * tokens are text. */
#include "base/buf.h"
#include "base/file.h"
#include "data/unicode.h"
#include "token/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#define MODEL(name)  "tests/golden/models/" name "/tokenizer.json"
#define TOKENS(name) "tests/golden/tokens/" name "/tokenizer.json"

static const char *const files[] = {MODEL("bert"),
                                    MODEL("xlmr"),
                                    MODEL("roberta-bpe"),
                                    "models/default/tokenizer.json",
                                    TOKENS("added-tokens"),
                                    TOKENS("bpe-bytes"),
                                    TOKENS("bpe-gemma"),
                                    TOKENS("bpe-llama3"),
                                    TOKENS("bpe-prefix-space"),
                                    TOKENS("bpe-prepend"),
                                    TOKENS("bpe-qwen"),
                                    TOKENS("digits-each"),
                                    TOKENS("digits-runs"),
                                    TOKENS("gpt2"),
                                    TOKENS("metaspace-never"),
                                    TOKENS("metaspace-words"),
                                    TOKENS("punctuation"),
                                    TOKENS("punctuation-merged"),
                                    TOKENS("regex-bounds"),
                                    TOKENS("regex-groups"),
                                    TOKENS("split-contiguous"),
                                    TOKENS("split-inverted"),
                                    TOKENS("split-next"),
                                    TOKENS("split-removed"),
                                    TOKENS("unigram-accents"),
                                    TOKENS("unigram-bytes"),
                                    TOKENS("unigram-nfkc"),
                                    TOKENS("unigram-nfd"),
                                    TOKENS("wordpiece-accents"),
                                    TOKENS("wordpiece-cased"),
                                    TOKENS("wordpiece-plain"),
                                    TOKENS("wordpiece-whitespace")};
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
    size_t which = (data[0] & 0x7f) % WN_ARRAY_LEN(files);
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
    wn_buf back = WN_BUF_INIT;
    if (wn_decode(tokenizers[which], &back, bare.ids, bare.n, plain, &err) == WN_OK)
        WN_ASSERT(wn_utf8_check(wn_buf_str(&back)) == back.len);
    wn_buf_deinit(&back);
    wn_ids_deinit(&ranged);
    wn_ids_deinit(&bare);
    return 0;
}
