/* A tokenizer.json from strangers: parsed, or refused with a reason; what is accepted encodes any
 * text, gives ids that it knows, assembles them and makes text of them. */
#include "base/mem.h"
#include "data/unicode.h"
#include "token/tokenizer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(const wn_tokenizer *tokenizer, const char *text, bool plain)
{
    wn_encoder *encoder = NULL;
    wn_ids ids = {.with_offsets = plain};
    wn_error err;
    if (wn_encoder_new(&encoder, tokenizer, &err) != WN_OK)
        return;
    if (wn_encode(encoder, &ids, (wn_str){text, strlen(text)}, plain, &err) == WN_OK) {
        for (size_t i = 0; i < ids.n; i++) {
            WN_ASSERT(ids.ids[i] >= 0 && (size_t)ids.ids[i] < wn_tokenizer_vocab_size(tokenizer));
            WN_ASSERT(!plain || (ids.start[i] <= ids.end[i] && ids.end[i] <= strlen(text)));
        }
        wn_buf back = WN_BUF_INIT;
        if (wn_decode(tokenizer, &back, ids.ids, ids.n, plain, &err) == WN_OK)
            WN_ASSERT(wn_utf8_check(wn_buf_str(&back)) == back.len);
        wn_buf_deinit(&back);
        size_t cap = ids.n * 2 + wn_tokenizer_n_special(tokenizer, true);
        int32_t *out = wn_mem_alloc(cap, sizeof *out), *types = wn_mem_alloc(cap, sizeof *types);
        if (out != NULL && types != NULL && ids.n > 0)
            WN_ASSERT(wn_tokenizer_assemble(tokenizer, out, types, ids.ids, ids.n, ids.ids, ids.n,
                                            true) <= cap);
        wn_mem_free(out);
        wn_mem_free(types);
    }
    wn_ids_deinit(&ids);
    wn_encoder_free(encoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn_tokenizer *tokenizer = NULL;
    wn_error err = {0};
    wn_status status = wn_tokenizer_parse(&tokenizer, (wn_str){(const char *)data, size}, &err);
    WN_ASSERT(status == WN_OK || err.message[0] != '\0');
    if (status != WN_OK)
        return 0;
    static const char *const texts[] = {
        "",
        " ",
        "Hello,  World! 123 it's a_b\r\n\tx",
        "[CLS] </s> <mask>[SEP]",
        "Gr\xC3\xBC\xC3\x9F 'e\xCC\x81 \xEF\xBD\xB6\xEF\xBE\x9E \xE4\xB8\xAD \xF0\x9F\x91\x8D",
        "\xC4\xB0 a\xCC\x81\xCC\xA3 \xE1\x84\x80\xE1\x85\xA1\xE1\x86\xA8\xEA\xB0\x80 \r\n \x01",
        "\xE0\xA4\x95\xE0\xA5\x8D\xE0\xA4\xB7 \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x91\xA9",
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(texts); i++)
        encode(tokenizer, texts[i], i % 2 == 0);
    wn_tokenizer_free(tokenizer);
    return 0;
}
