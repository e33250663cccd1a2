/* Unigram: the segmentation with the highest sum of scores (Viterbi), in double and in the order of
 * the reference, for sums of doubles depend on it and ties are kept by "the first found stays".
 * A character that is no piece of its own may be covered by an unknown node, scored 10 below the
 * lowest piece; neighbouring unknown nodes are one string, which is looked up once more and else
 * becomes byte pieces or the unknown token.
 * Cost: n characters times the longest piece.
 * Source: huggingface/tokenizers 0.23, models/unigram (encode_optimized). */
#include "base/mem.h"
#include "base/str.h"
#include "data/unicode.h"
#include "token/field.h"
#include "token/token_model.h"

#include <math.h>

#define WN_WHERE "token/unigram"

#define UNKNOWN_PENALTY 10.0
#define UNSET           UINT32_MAX

typedef struct unigram {
    wn_token_model base;
    double *scores; /* [vocab->n_ids] */
    double unk_score;
    int32_t unk_id; /* -1: none */
    bool byte_fallback;
    int32_t byte_ids[256];
} unigram;

/* The best path to the end of a byte: its last piece starts at `start`. */
typedef struct best {
    double score;
    uint32_t start; /* UNSET: no path ends here */
    int32_t id;
} best;

static wn_status parse(wn_token_model **out, wn_tokenizer_file *file, const wn_vocab *vocab,
                       wn_error *err)
{
    const wn_fields fields = {json_object_get(file->root, "model"), "model"};
    uint32_t unk_id = UNSET;
    bool byte_fallback = false;
    WN_TRY(wn_field_uint(&unk_id, &fields, "unk_id", WN_OPTIONAL, err));
    WN_TRY(wn_field_bool(&byte_fallback, &fields, "byte_fallback", WN_OPTIONAL, err));
    if (file->form != WN_VOCAB_LIST)
        WN_FAIL(err, WN_ERR_FORMAT, "model.vocab: expected an array of [piece, score]");
    if (unk_id != UNSET && unk_id >= vocab->n_ids)
        WN_FAIL(err, WN_ERR_FORMAT, "model.unk_id: is %u, but model.vocab has %zu pieces", unk_id,
                vocab->n_ids);
    unigram *model = wn_mem_zalloc(1, sizeof *model);
    if (model == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a Unigram model");
    model->base = (wn_token_model){&wn_unigram_ops, vocab};
    model->scores = file->scores;
    file->scores = NULL;
    double lowest = (double)INFINITY;
    for (size_t id = 0; id < vocab->n_ids; id++)
        lowest = model->scores[id] < lowest ? model->scores[id] : lowest;
    model->unk_score = lowest - UNKNOWN_PENALTY;
    model->unk_id = unk_id == UNSET ? -1 : (int32_t)unk_id;
    model->byte_fallback = byte_fallback;
    wn_vocab_byte_ids(model->byte_ids, vocab);
    *out = &model->base;
    return WN_OK;
}

static void free_model(wn_token_model *base)
{
    if (base != NULL)
        wn_mem_free(((unigram *)base)->scores);
    wn_mem_free(base);
}

static void improve(best *node, double score, size_t start, int32_t id)
{
    if (node->start == UNSET || score > node->score)
        *node = (best){score, (uint32_t)start, id};
}

/* Fill nodes [word.len + 1]; false when a character is unknown and there is no unknown token. */
static bool find_paths(const unigram *model, best *nodes, wn_str word)
{
    const wn_trie *trie = &model->base.vocab->trie;
    nodes[0] = (best){0, 0, -1};
    for (size_t i = 1; i <= word.len; i++)
        nodes[i].start = UNSET;
    for (size_t start = 0; start < word.len;) {
        double before = nodes[start].score;
        size_t char_end = start + wn_utf8_len(word.ptr[start]);
        bool char_is_piece = false;
        wn_trie_node node = WN_TRIE_ROOT;
        for (size_t i = start; i < word.len;) {
            node = wn_trie_step(trie, node, (unsigned char)word.ptr[i++]);
            if (node == WN_TRIE_NONE)
                break;
            if ((node & WN_TRIE_KEY_ENDS) == 0)
                continue;
            int32_t id = wn_trie_value(trie, node);
            improve(&nodes[i], model->scores[id] + before, start, id);
            char_is_piece = char_is_piece || i == char_end;
        }
        if (!char_is_piece) {
            improve(&nodes[char_end], model->unk_score + before, start, model->unk_id);
            if (nodes[char_end].start == start && model->unk_id < 0)
                return false;
        }
        start = char_end;
    }
    return true;
}

/* Push the pieces of the unknown string word[start, end), last one first. */
static bool push_unknown(const unigram *model, wn_token_list *out, wn_str word, size_t start,
                         size_t end)
{
    int32_t id = wn_vocab_find(model->base.vocab, wn_str_slice(word, start, end));
    bool as_bytes = id < 0 && model->byte_fallback;
    for (size_t i = start; i < end && as_bytes; i++)
        as_bytes = model->byte_ids[(unsigned char)word.ptr[i]] >= 0;
    if (!as_bytes)
        return wn_token_list_push(out, id < 0 ? model->unk_id : id, start, end);
    for (size_t i = end; i > start; i--)
        if (!wn_token_list_push(out, model->byte_ids[(unsigned char)word.ptr[i - 1]], start, end))
            return false;
    return true;
}

/* Push the best path's pieces, last one first. */
static bool push_path(const unigram *model, wn_token_list *out, wn_str word, const best *nodes)
{
    for (size_t end = word.len; end > 0;) {
        size_t start = nodes[end].start;
        if (nodes[end].id != model->unk_id) {
            if (!wn_token_list_push(out, nodes[end].id, start, end))
                return false;
        } else {
            while (start > 0 && nodes[start].id == model->unk_id)
                start = nodes[start].start;
            if (!push_unknown(model, out, word, start, end))
                return false;
        }
        end = start;
    }
    return true;
}

static wn_status encode(const wn_token_model *base, wn_token_list *out, wn_str word,
                        wn_model_scratch *scratch, wn_error *err)
{
    const unigram *model = (const unigram *)base;
    best *nodes = wn_model_scratch_get(scratch, word.len + 1, sizeof *nodes);
    if (nodes == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a pre-token of %zu bytes", word.len);
    if (!find_paths(model, nodes, word))
        WN_FAIL(err, WN_ERR_FORMAT, "model.unk_id is null, but a word of %zu bytes needs it",
                word.len);
    size_t from = out->count;
    if (!push_path(model, out, word, nodes))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a pre-token of %zu bytes", word.len);
    for (size_t to = out->count; from + 1 < to; from++) {
        wn_token last = out->items[--to];
        out->items[to] = out->items[from];
        out->items[from] = last;
    }
    return WN_OK;
}

const wn_token_model_ops wn_unigram_ops = {"Unigram", parse, free_model, encode};
