/* See vocab.h. */
#include "token/vocab.h"
#include "base/mem.h"

#define WN_WHERE "token/vocab"

wn_status wn_vocab_init(wn_vocab *vocab, size_t bytes, wn_error *err)
{
    *vocab = (wn_vocab){0};
    /* Real vocabularies have 0.23 to 0.42 nodes a byte. */
    size_t most = WN_MIN(bytes, (size_t)WN_VOCAB_BYTES_MAX);
    if (!wn_trie_init(&vocab->trie, most / 3) || !wn_buf_reserve(&vocab->bytes, most))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a vocabulary of %zu bytes", most);
    return WN_OK;
}

void wn_vocab_deinit(wn_vocab *vocab)
{
    wn_buf_deinit(&vocab->bytes);
    wn_mem_free(vocab->pieces);
    wn_trie_deinit(&vocab->trie);
    *vocab = (wn_vocab){0};
}

static bool reserve_id(wn_vocab *vocab, size_t id)
{
    if (!wn_mem_grow(&vocab->pieces, &vocab->cap, id + 1, sizeof *vocab->pieces))
        return false;
    while (vocab->n_ids <= id)
        vocab->pieces[vocab->n_ids++] = (wn_piece){WN_PIECE_NONE, 0};
    return true;
}

wn_status wn_vocab_add(wn_vocab *vocab, size_t at, uint32_t id, int32_t *old, wn_error *err)
{
    size_t len = vocab->bytes.len - at;
    if (vocab->bytes.len > WN_VOCAB_BYTES_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "pieces of over %u bytes in all", WN_VOCAB_BYTES_MAX);
    if (len > WN_PIECE_BYTES_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "model.vocab: the piece with id %u has %zu bytes, at most %d",
                id, len, WN_PIECE_BYTES_MAX);
    wn_str piece = {vocab->bytes.ptr + at, len};
    if (!reserve_id(vocab, id) || !wn_trie_put(&vocab->trie, piece, (int32_t)id, old))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu pieces", vocab->count + 1);
    vocab->pieces[id] = (wn_piece){(uint32_t)at, (uint32_t)len};
    vocab->count++;
    return WN_OK;
}

wn_str wn_vocab_piece(const wn_vocab *vocab, int32_t id)
{
    if (id < 0 || (size_t)id >= vocab->n_ids || vocab->pieces[id].at == WN_PIECE_NONE)
        return (wn_str){NULL, 0};
    return (wn_str){vocab->bytes.ptr + vocab->pieces[id].at, vocab->pieces[id].len};
}
