/* Encode the lines of a file, single-threaded, each time that a line arrives on stdin; print the
 * seconds and the number of ids.  bench/tokenizer_speed.py runs this beside the tokenizers package.
 *   tokenizer_speed TOKENIZER.json TEXT.txt */
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "token/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>

static void fail(const wn_error *err)
{
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

/* Encode every line; returns the number of ids. */
static size_t encode_lines(wn_encoder *encoder, wn_ids *ids, wn_str text)
{
    size_t n_ids = 0;
    wn_error err;
    for (size_t at = 0; at < text.len;) {
        const char *end = memchr(text.ptr + at, '\n', text.len - at);
        size_t stop = end == NULL ? text.len : (size_t)(end - text.ptr);
        ids->n = 0;
        if (wn_encode(encoder, ids, wn_str_slice(text, at, stop), false, &err) != WN_OK)
            fail(&err);
        n_ids += ids->n;
        at = stop + 1;
    }
    return n_ids;
}

int main(int argc, char **argv)
{
    wn_buf json = WN_BUF_INIT, text = WN_BUF_INIT;
    wn_tokenizer *tokenizer = NULL;
    wn_encoder *encoder = NULL;
    wn_ids ids = WN_IDS_INIT;
    wn_error err;
    if (argc != 3) {
        fprintf(stderr, "tokenizer_speed TOKENIZER.json TEXT.txt\n");
        return 2;
    }
    if (wn_file_read(&json, argv[1], (size_t)1 << 30, &err) != WN_OK ||
        wn_file_read(&text, argv[2], (size_t)1 << 30, &err) != WN_OK)
        fail(&err);
    uint64_t began = wn_clock_ns();
    if (wn_tokenizer_parse(&tokenizer, wn_buf_str(&json), &err) != WN_OK ||
        wn_encoder_new(&encoder, tokenizer, &err) != WN_OK)
        fail(&err);
    printf("%.6f\n", (double)(wn_clock_ns() - began) * 1e-9);
    fflush(stdout);
    char line[16];
    while (fgets(line, sizeof line, stdin) != NULL) {
        ids.with_offsets = line[0] == 'o';
        ids.n = 0;
        began = wn_clock_ns();
        size_t n_ids = encode_lines(encoder, &ids, wn_buf_str(&text));
        printf("%.6f %zu\n", (double)(wn_clock_ns() - began) * 1e-9, n_ids);
        fflush(stdout);
    }
    wn_encoder_free(encoder);
    wn_tokenizer_free(tokenizer);
    wn_ids_deinit(&ids);
    wn_buf_deinit(&json);
    wn_buf_deinit(&text);
    return 0;
}
