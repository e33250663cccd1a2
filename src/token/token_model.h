/* What WordPiece, Unigram, BPE and WordLevel have in common: one pre-token in, its pieces out.
 * A model is a struct that begins with wn_token_model; its ops are one row of the table in
 * tokenizer.c.  It borrows the vocabulary.
 * Thread rule: models are shared read-only; wn_model_scratch is for one thread at a time. */
#ifndef WN_TOKEN_TOKEN_MODEL_H
#define WN_TOKEN_TOKEN_MODEL_H

#include "token/tokenizer_file.h"

/* Pieces of one pre-token, in order: an id and its bytes [start, end) of the pre-token. */
typedef struct wn_token {
    int32_t id;
    uint32_t start, end;
} wn_token;

typedef struct wn_token_list {
    wn_token *items;
    size_t count, cap;
} wn_token_list;

/* One block of memory that a model shapes as it needs; it only grows while one text is encoded. */
typedef struct wn_model_scratch {
    void *ptr;
    size_t bytes;
} wn_model_scratch;

typedef struct wn_token_model wn_token_model;

typedef struct wn_token_model_ops {
    const char *name; /* of model.type */
    /* Build from a file, of which the model may take scores and merges away.
     * Fails:   WN_ERR_FORMAT, WN_ERR_UNSUPPORTED, WN_ERR_MEMORY.
     * Owns:    borrows vocab until free(). */
    wn_status (*parse)(wn_token_model **out, wn_tokenizer_file *file, const wn_vocab *vocab,
                       wn_error *err);
    void (*free)(wn_token_model *model);
    /* Append the pieces of a pre-token, which is not empty.
     * Fails:   WN_ERR_MEMORY, WN_ERR_FORMAT when the file names no usable unknown token. */
    wn_status (*encode)(const wn_token_model *model, wn_token_list *out, wn_str word,
                        wn_model_scratch *scratch, wn_error *err);
} wn_token_model_ops;

struct wn_token_model {
    const wn_token_model_ops *ops;
    const wn_vocab *vocab;
};

extern const wn_token_model_ops wn_wordpiece_ops, wn_unigram_ops, wn_bpe_ops, wn_wordlevel_ops;

/* Append one piece.
 * Fails:   false when memory is short. */
bool wn_token_list_push(wn_token_list *list, int32_t id, size_t start, size_t end);

/* At least n * size bytes, not cleared; NULL when memory is short. */
void *wn_model_scratch_get(wn_model_scratch *scratch, size_t n, size_t size);

/* Ids of "<0x00>" to "<0xFF>", -1 where there is none.
 * Shapes:  ids [256]. */
void wn_vocab_byte_ids(int32_t *ids, const wn_vocab *vocab);

#endif
