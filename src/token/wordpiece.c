/* WordPiece: from the left always the longest piece; pieces behind the first carry a prefix (##).
 * A pre-token with a part that no piece matches, or with too many characters, is unknown as a
 * whole.
 * Source: huggingface/tokenizers 0.23, models/wordpiece. */
#include "base/mem.h"
#include "base/str.h"
#include "token/field.h"
#include "token/token_model.h"

#define WN_WHERE "token/wordpiece"

typedef struct wordpiece {
    wn_token_model base;
    int32_t unk_id; /* -1: not in the vocabulary */
    uint32_t max_chars;
    bool has_inner;     /* there are pieces with the prefix */
    wn_trie_node inner; /* where they start in the trie */
} wordpiece;

static wn_status parse(wn_token_model **out, wn_tokenizer_file *file, const wn_vocab *vocab,
                       wn_error *err)
{
    const wn_fields fields = {json_object_get(file->root, "model"), "model"};
    wn_str unk, prefix;
    uint32_t max_chars;
    WN_TRY(wn_field_str(&unk, &fields, "unk_token", WN_REQUIRED, err));
    WN_TRY(wn_field_str(&prefix, &fields, "continuing_subword_prefix", WN_REQUIRED, err));
    WN_TRY(wn_field_uint(&max_chars, &fields, "max_input_chars_per_word", WN_REQUIRED, err));
    if (file->form != WN_VOCAB_OBJECT)
        WN_FAIL(err, WN_ERR_FORMAT, "model.vocab: expected an object of pieces and ids");
    wordpiece *model = wn_mem_zalloc(1, sizeof *model);
    if (model == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a WordPiece model");
    model->base = (wn_token_model){&wn_wordpiece_ops, vocab};
    model->unk_id = wn_vocab_find(vocab, unk);
    model->max_chars = max_chars;
    model->inner = wn_trie_walk(&vocab->trie, WN_TRIE_ROOT, prefix);
    model->has_inner = prefix.len == 0 || model->inner != WN_TRIE_NONE;
    *out = &model->base;
    return WN_OK;
}

static void free_model(wn_token_model *base)
{
    wn_mem_free(base);
}

static size_t count_chars(wn_str word)
{
    size_t n = 0;
    for (size_t i = 0; i < word.len; i++)
        n += ((unsigned char)word.ptr[i] & 0xC0) != 0x80;
    return n;
}

/* Bytes of the longest piece at the start of text, walking from node; 0 when there is none.
 * Pieces are whole characters, so a match ends between two. */
static size_t longest_piece(const wn_trie *trie, wn_trie_node node, wn_str text, int32_t *id)
{
    size_t len = 0;
    wn_trie_node last = WN_TRIE_NONE;
    for (size_t i = 0; i < text.len; i++) {
        node = wn_trie_step(trie, node, (unsigned char)text.ptr[i]);
        if (node == WN_TRIE_NONE)
            break;
        if ((node & WN_TRIE_KEY_ENDS) != 0) {
            len = i + 1;
            last = node;
        }
    }
    if (len > 0)
        *id = wn_trie_value(trie, last);
    return len;
}

static wn_status encode(const wn_token_model *base, wn_token_list *out, wn_str word,
                        wn_model_scratch *scratch, wn_error *err)
{
    (void)scratch;
    const wordpiece *model = (const wordpiece *)base;
    const wn_trie *trie = &base->vocab->trie;
    size_t n_before = out->count, start = 0;
    bool known = word.len <= model->max_chars || count_chars(word) <= model->max_chars;
    wn_trie_node from = WN_TRIE_ROOT;
    while (known && start < word.len) {
        int32_t id = -1;
        size_t len = longest_piece(trie, from, wn_str_slice(word, start, word.len), &id);
        if (len > 0 && !wn_token_list_push(out, id, start, start + len))
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for a token");
        start += len;
        known = len > 0 && (model->has_inner || start == word.len);
        from = model->inner;
    }
    if (known)
        return WN_OK;
    if (model->unk_id < 0)
        WN_FAIL(err, WN_ERR_FORMAT,
                "model.unk_token is not in model.vocab, but a word of %zu bytes needs it",
                word.len);
    out->count = n_before;
    if (!wn_token_list_push(out, model->unk_id, 0, word.len))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a token");
    return WN_OK;
}

const wn_token_model_ops wn_wordpiece_ops = {"WordPiece", parse, free_model, encode};
