/* BPE: a pre-token starts as its characters; the pair with the lowest rank, leftmost first, becomes
 * one piece, until no pair has a rank.  A heap of candidates keeps a pre-token of n characters at
 * n log n; a candidate that no longer fits its place is skipped when it comes up.
 * Refuses: dropout, continuing_subword_prefix and end_of_word_suffix that are not empty.
 * Source: huggingface/tokenizers 0.23, models/bpe/model.rs (merge_word), word.rs (merge_all). */
#include "base/mem.h"
#include "base/seed.h"
#include "base/str.h"
#include "data/json_bind.h"
#include "data/unicode.h"
#include "token/field.h"
#include "token/token_model.h"

#include <string.h>

#define WN_WHERE "token/bpe"

#define LOW_CHARS 0x800u /* characters of one or two bytes have a table of their own */
#define NOWHERE   UINT32_MAX

/* A merge: pieces left and right become `id`.  A free slot has left < 0. */
typedef struct merge {
    int32_t left, right;
    uint32_t rank;
    int32_t id;
} merge;

typedef struct bpe {
    wn_token_model base;
    merge *merges; /* hash table of n_slots, a power of two */
    uint32_t n_slots, shift;
    uint64_t multiplier; /* odd and random, so that nobody can choose pairs that collide */
    bool has_unk, fuse_unk, byte_fallback, ignore_merges;
    int32_t unk_id; /* -1: not in the vocabulary */
    int32_t low_ids[LOW_CHARS];
    int32_t byte_ids[256];
} bpe;

/* A piece of the pre-token on its way; len 0: merged into the one before. */
typedef struct symbol {
    int32_t id;
    uint32_t len, prev, next;
} symbol;

/* Two neighbours that could merge; order is rank, then position. */
typedef struct candidate {
    uint64_t order; /* rank << 32 | position of the left symbol */
    int32_t id;     /* what they would become */
} candidate;

typedef struct heap {
    candidate *items;
    size_t count;
} heap;

/* ---- merges ---------------------------------------------------------------------------------- */

/* The slot of a pair, or the free one where it belongs. */
static merge *merge_slot(const bpe *model, int32_t left, int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    for (size_t i = (key * model->multiplier) >> model->shift;; i++) {
        merge *slot = &model->merges[i & (model->n_slots - 1)];
        if (slot->left < 0 || (slot->left == left && slot->right == right))
            return slot;
    }
}

/* The merge of a pair, or NULL. */
static const merge *find_merge(const bpe *model, int32_t left, int32_t right)
{
    const merge *slot = merge_slot(model, left, right);
    return slot->left < 0 ? NULL : slot;
}

static wn_status not_a_piece(size_t i, wn_str text, wn_error *err)
{
    WN_FAIL(err, WN_ERR_FORMAT, "model.merges[%zu]: '%.*s' is not in model.vocab", i,
            WN_STR_ARG(text));
}

/* Build the table; of a pair that is there twice the later rank counts. */
static wn_status read_merges(bpe *model, const wn_tokenizer_file *file, wn_error *err)
{
    model->multiplier = wn_seed() | 1;
    model->n_slots = 16;
    model->shift = 60;
    while (model->n_slots / 2 < file->n_merges) {
        model->n_slots *= 2;
        model->shift--;
    }
    model->merges = wn_mem_alloc(model->n_slots, sizeof *model->merges);
    if (model->merges == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu merges", file->n_merges);
    for (size_t i = 0; i < model->n_slots; i++)
        model->merges[i].left = -1;
    const wn_vocab *vocab = model->base.vocab;
    const char *at = file->merge_bytes.ptr;
    for (size_t i = 0; i < file->n_merges; i++) {
        wn_merge_text text = file->merges[i];
        wn_str left = {at, text.left_len}, right = {at + text.left_len, text.right_len};
        wn_str both = {at, (size_t)text.left_len + text.right_len};
        at += both.len;
        int32_t left_id = wn_vocab_find(vocab, left), right_id = wn_vocab_find(vocab, right);
        int32_t id = wn_vocab_find(vocab, both);
        if (left_id < 0 || right_id < 0 || id < 0)
            return not_a_piece(i, left_id < 0 ? left : right_id < 0 ? right : both, err);
        *merge_slot(model, left_id, right_id) = (merge){left_id, right_id, (uint32_t)i, id};
    }
    return WN_OK;
}

/* ---- parsing --------------------------------------------------------------------------------- */

static wn_status refuse_options(const wn_fields *fields, wn_error *err)
{
    static const char *const names[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < WN_ARRAY_LEN(names); i++) {
        wn_str affix = {NULL, 0};
        WN_TRY(wn_field_str(&affix, fields, names[i], WN_OPTIONAL, err));
        if (affix.len > 0)
            WN_FAIL(err, WN_ERR_UNSUPPORTED, "model.%s: is '%.*s', only an empty one is supported",
                    names[i], WN_STR_ARG(affix));
    }
    const json_t *dropout = json_object_get(fields->object, "dropout");
    if (dropout != NULL && !json_is_null(dropout) && !json_is_number(dropout))
        WN_FAIL(err, WN_ERR_FORMAT, "model.dropout: is %s, expected a number",
                wn_json_type_name(dropout));
    if (json_number_value(dropout) != 0)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "model.dropout: is %g, only 0 is supported",
                json_number_value(dropout));
    return WN_OK;
}

static wn_status read_options(bpe *model, const wn_fields *fields, wn_error *err)
{
    wn_str unk = {NULL, 0};
    WN_TRY(refuse_options(fields, err));
    WN_TRY(wn_field_str(&unk, fields, "unk_token", WN_OPTIONAL, err));
    WN_TRY(wn_field_bool(&model->fuse_unk, fields, "fuse_unk", WN_OPTIONAL, err));
    WN_TRY(wn_field_bool(&model->byte_fallback, fields, "byte_fallback", WN_OPTIONAL, err));
    WN_TRY(wn_field_bool(&model->ignore_merges, fields, "ignore_merges", WN_OPTIONAL, err));
    model->has_unk = unk.ptr != NULL;
    model->unk_id = model->has_unk ? wn_vocab_find(model->base.vocab, unk) : -1;
    return WN_OK;
}

static void free_model(wn_token_model *base)
{
    if (base != NULL)
        wn_mem_free(((bpe *)base)->merges);
    wn_mem_free(base);
}

static wn_status parse(wn_token_model **out, wn_tokenizer_file *file, const wn_vocab *vocab,
                       wn_error *err)
{
    const wn_fields fields = {json_object_get(file->root, "model"), "model"};
    if (file->form != WN_VOCAB_OBJECT)
        WN_FAIL(err, WN_ERR_FORMAT, "model.vocab: expected an object of pieces and ids");
    if (!file->has_merges)
        WN_FAIL(err, WN_ERR_FORMAT, "model.merges: expected an array of merges");
    bpe *model = wn_mem_zalloc(1, sizeof *model);
    if (model == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a BPE model");
    model->base = (wn_token_model){&wn_bpe_ops, vocab};
    wn_status status = read_options(model, &fields, err);
    if (status == WN_OK)
        status = read_merges(model, file, err);
    if (status != WN_OK) {
        free_model(&model->base);
        return status;
    }
    for (uint32_t c = 0; c < LOW_CHARS; c++) {
        char bytes[WN_UTF8_MAX];
        model->low_ids[c] = wn_vocab_find(vocab, (wn_str){bytes, wn_utf8_encode(bytes, c)});
    }
    wn_vocab_byte_ids(model->byte_ids, vocab);
    *out = &model->base;
    return WN_OK;
}

/* ---- the heap -------------------------------------------------------------------------------- */

static void sift_down(heap *h, size_t i, candidate item)
{
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count && h->items[child + 1].order < h->items[child].order)
            child++;
        if (item.order <= h->items[child].order)
            break;
        h->items[i] = h->items[child];
        i = child;
    }
    h->items[i] = item;
}

static void heap_push(heap *h, candidate item)
{
    size_t i = h->count++;
    while (i > 0 && item.order < h->items[(i - 1) / 2].order) {
        h->items[i] = h->items[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->items[i] = item;
}

static candidate heap_pop(heap *h)
{
    candidate top = h->items[0];
    candidate last = h->items[--h->count];
    if (h->count > 0)
        sift_down(h, 0, last);
    return top;
}

/* ---- encoding -------------------------------------------------------------------------------- */

/* The pre-token's symbols while they are collected.  An unknown waits for its neighbours. */
typedef struct symbols {
    symbol *items;
    size_t count;
    bool unk_waits;
    uint32_t unk_len;
} symbols;

static void add_symbol(symbols *s, int32_t id, uint32_t len)
{
    s->items[s->count] = (symbol){id, len, 0, 0};
    s->count++;
}

static void add_waiting_unk(symbols *s, int32_t unk_id)
{
    if (s->unk_waits)
        add_symbol(s, unk_id, s->unk_len);
    s->unk_waits = false;
}

static int32_t id_of_char(const bpe *model, wn_str c)
{
    size_t len;
    if (c.len <= 2)
        return model->low_ids[wn_utf8_decode(c.ptr, &len)];
    return wn_vocab_find(model->base.vocab, c);
}

/* The byte pieces of a character; false when one is missing. */
static bool add_bytes(const bpe *model, symbols *s, wn_str c)
{
    for (size_t i = 0; i < c.len; i++)
        if (model->byte_ids[(unsigned char)c.ptr[i]] < 0)
            return false;
    for (size_t i = 0; i < c.len; i++)
        add_symbol(s, model->byte_ids[(unsigned char)c.ptr[i]], 1);
    return true;
}

/* Cut a pre-token into characters; s->items has room for one a byte.  As in the reference, byte
 * pieces do not end the waiting of an unknown before them.
 * Returns false when the unknown token is needed and not in the vocabulary. */
static bool collect_symbols(const bpe *model, symbols *s, wn_str word)
{
    for (size_t at = 0; at < word.len;) {
        wn_str c = {word.ptr + at, wn_utf8_len(word.ptr[at])};
        at += c.len;
        int32_t id = id_of_char(model, c);
        if (id >= 0) {
            add_waiting_unk(s, model->unk_id);
            add_symbol(s, id, (uint32_t)c.len);
        } else if (model->byte_fallback && add_bytes(model, s, c)) {
            continue;
        } else if (model->has_unk) {
            bool fuse = s->unk_waits && model->fuse_unk;
            if (!fuse)
                add_waiting_unk(s, model->unk_id);
            if (!fuse && model->unk_id < 0)
                return false;
            s->unk_len = (uint32_t)c.len + (fuse ? s->unk_len : 0);
            s->unk_waits = true;
        }
    }
    add_waiting_unk(s, model->unk_id);
    return true;
}

/* Put the pair (left, left's next) into candidate form; false when it has no merge. */
static bool candidate_at(const bpe *model, const symbol *items, uint32_t left, candidate *out)
{
    uint32_t right = items[left].next;
    if (right == NOWHERE)
        return false;
    const merge *m = find_merge(model, items[left].id, items[right].id);
    if (m != NULL)
        *out = (candidate){(uint64_t)m->rank << 32 | left, m->id};
    return m != NULL;
}

/* Merge all that can be merged.  `h` has room for two candidates a symbol: each of the fewer than n
 * merges takes one out and puts at most two in. */
static void merge_all(const bpe *model, symbols *s, heap *h)
{
    symbol *items = s->items;
    for (size_t i = 0; i < s->count; i++) {
        items[i].prev = i == 0 ? NOWHERE : (uint32_t)i - 1;
        items[i].next = i + 1 == s->count ? NOWHERE : (uint32_t)i + 1;
        h->count += candidate_at(model, items, (uint32_t)i, &h->items[h->count]);
    }
    for (size_t i = h->count / 2; i-- > 0;)
        sift_down(h, i, h->items[i]);
    while (h->count > 0) {
        candidate top = heap_pop(h), now;
        uint32_t left = (uint32_t)top.order;
        /* Skip it unless the symbols at its place still become the same piece. */
        if (items[left].len == 0 || !candidate_at(model, items, left, &now) || now.id != top.id)
            continue;
        symbol *right = &items[items[left].next];
        items[left].id = top.id;
        items[left].len += right->len;
        items[left].next = right->next;
        right->len = 0;
        if (right->next != NOWHERE)
            items[right->next].prev = left;
        if (items[left].prev != NOWHERE && candidate_at(model, items, items[left].prev, &now))
            heap_push(h, now);
        if (candidate_at(model, items, left, &now))
            heap_push(h, now);
    }
}

static wn_status encode(const wn_token_model *base, wn_token_list *out, wn_str word,
                        wn_model_scratch *scratch, wn_error *err)
{
    const bpe *model = (const bpe *)base;
    int32_t whole = model->ignore_merges ? wn_vocab_find(base->vocab, word) : -1;
    if (whole >= 0) {
        if (!wn_token_list_push(out, whole, 0, word.len))
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for a token");
        return WN_OK;
    }
    candidate *candidates =
        wn_model_scratch_get(scratch, word.len, 2 * sizeof(candidate) + sizeof(symbol));
    if (candidates == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a pre-token of %zu bytes", word.len);
    symbols s = {.items = (symbol *)(candidates + 2 * word.len)};
    if (!collect_symbols(model, &s, word))
        WN_FAIL(err, WN_ERR_FORMAT,
                "model.unk_token is not in model.vocab, but a word of %zu bytes needs it",
                word.len);
    heap h = {candidates, 0};
    merge_all(model, &s, &h);
    size_t at = 0;
    for (size_t i = 0; i < s.count; i++) {
        if (s.items[i].len == 0)
            continue;
        if (!wn_token_list_push(out, s.items[i].id, at, at + s.items[i].len))
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for a pre-token of %zu bytes", word.len);
        at += s.items[i].len;
    }
    return WN_OK;
}

const wn_token_model_ops wn_bpe_ops = {"BPE", parse, free_model, encode};
