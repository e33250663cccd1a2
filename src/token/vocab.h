/* The pieces of a model: id to bytes by table, bytes to id by trie.
 * Filled while the file is read, in file order; two pieces may share an id and, in a list of
 * pieces, an id may repeat a piece: the last one counts both times, as in the reference.
 * Thread rule: shared read-only once the file is read. */
#ifndef WN_TOKEN_VOCAB_H
#define WN_TOKEN_VOCAB_H

#include "base/buf.h"
#include "base/status.h"
#include "token/trie.h"

#define WN_PIECE_BYTES_MAX 1024 /* bounds a walk over the trie from each byte of a text */
#define WN_VOCAB_BYTES_MAX WN_TRIE_NODES_MAX /* of all pieces together */
#define WN_PIECE_NONE      UINT32_MAX

typedef struct wn_piece {
    uint32_t at, len; /* in bytes; at is WN_PIECE_NONE for an id without a piece */
} wn_piece;

typedef struct wn_vocab {
    wn_buf bytes;
    wn_piece *pieces;  /* [n_ids] */
    size_t n_ids, cap; /* n_ids: highest id + 1 */
    size_t count;      /* as the reference counts: keys of an object, entries of a list */
    wn_trie trie;
} wn_vocab;

/* Make an empty vocabulary for pieces of about this many bytes in all.
 * Needs:   bytes > 0.
 * Fails:   WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_vocab_init(wn_vocab *vocab, size_t bytes, wn_error *err);
void wn_vocab_deinit(wn_vocab *vocab);

/* Give id to the piece that is bytes [at, bytes.len), pushed there by the caller.
 * *old becomes the id that the piece had, or -1.
 * Fails:   WN_ERR_MEMORY, WN_ERR_LIMIT over WN_VOCAB_BYTES_MAX or WN_PIECE_BYTES_MAX. */
WN_MUST_USE wn_status wn_vocab_add(wn_vocab *vocab, size_t at, uint32_t id, int32_t *old,
                                   wn_error *err);

/* The piece of an id; ptr NULL when there is none. */
wn_str wn_vocab_piece(const wn_vocab *vocab, int32_t id);

/* Id of a piece, or -1. */
static inline int32_t wn_vocab_find(const wn_vocab *vocab, wn_str piece)
{
    return wn_trie_find(&vocab->trie, piece);
}

#endif
