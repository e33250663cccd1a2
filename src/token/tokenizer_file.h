/* A tokenizer.json, read in one pass: model.vocab and model.merges go straight into tables, all the
 * rest, some kilobytes, becomes a jansson tree in which those two are null.  A tree of the whole
 * file would cost several times the time and memory that the tables do.
 * Owns the grammar of the two large values in both of their forms; what the model makes of them is
 * the model's.  Thread rule: one at a time. */
#ifndef WN_TOKEN_TOKENIZER_FILE_H
#define WN_TOKEN_TOKENIZER_FILE_H

#include "token/vocab.h"

#include <jansson.h>

#define WN_TOKENIZER_JSON_MAX (1u << 30) /* bytes of a file */

typedef enum wn_vocab_form {
    WN_VOCAB_MISSING = 0,
    WN_VOCAB_OBJECT, /* {"piece": id} */
    WN_VOCAB_LIST    /* [["piece", score]], ids in order */
} wn_vocab_form;

/* One merge: two strings behind each other in wn_tokenizer_file.merge_bytes. */
typedef struct wn_merge_text {
    uint32_t left_len, right_len;
} wn_merge_text;

typedef struct wn_tokenizer_file {
    json_t *root;
    wn_vocab_form form;
    wn_vocab vocab;
    double *scores; /* [vocab.n_ids] of a WN_VOCAB_LIST, else NULL */
    size_t scores_cap;
    bool has_merges;
    wn_buf merge_bytes;
    wn_merge_text *merges; /* [n_merges] */
    size_t n_merges, merges_cap;
} wn_tokenizer_file;

/* Read the bytes of a file.
 * Fails:   WN_ERR_FORMAT with the byte or the JSON path, WN_ERR_LIMIT, WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_tokenizer_file_deinit(), also after a failure; json is not
 *          kept. */
WN_MUST_USE wn_status wn_tokenizer_file_parse(wn_tokenizer_file *out, wn_str json, wn_error *err);
void wn_tokenizer_file_deinit(wn_tokenizer_file *file);

#endif
