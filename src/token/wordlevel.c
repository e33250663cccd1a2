/* WordLevel: a pre-token is a piece or it is unknown.
 * Source: huggingface/tokenizers 0.23, models/wordlevel. */
#include "base/mem.h"
#include "base/str.h"
#include "token/field.h"
#include "token/token_model.h"

#define WN_WHERE "token/wordlevel"

typedef struct wordlevel {
    wn_token_model base;
    int32_t unk_id; /* -1: not in the vocabulary */
} wordlevel;

static wn_status parse(wn_token_model **out, wn_tokenizer_file *file, const wn_vocab *vocab,
                       wn_error *err)
{
    const wn_fields fields = {json_object_get(file->root, "model"), "model"};
    wn_str unk;
    WN_TRY(wn_field_str(&unk, &fields, "unk_token", WN_REQUIRED, err));
    if (file->form != WN_VOCAB_OBJECT)
        WN_FAIL(err, WN_ERR_FORMAT, "model.vocab: expected an object of pieces and ids");
    wordlevel *model = wn_mem_zalloc(1, sizeof *model);
    if (model == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a WordLevel model");
    *model = (wordlevel){{&wn_wordlevel_ops, vocab}, wn_vocab_find(vocab, unk)};
    *out = &model->base;
    return WN_OK;
}

static void free_model(wn_token_model *base)
{
    wn_mem_free(base);
}

static wn_status encode(const wn_token_model *base, wn_token_list *out, wn_str word,
                        wn_model_scratch *scratch, wn_error *err)
{
    (void)scratch;
    const wordlevel *model = (const wordlevel *)base;
    int32_t id = wn_vocab_find(base->vocab, word);
    if (id < 0)
        id = model->unk_id;
    if (id < 0)
        WN_FAIL(err, WN_ERR_FORMAT,
                "model.unk_token is not in model.vocab, but a word of %zu bytes needs it",
                word.len);
    if (!wn_token_list_push(out, id, 0, word.len))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a token");
    return WN_OK;
}

const wn_token_model_ops wn_wordlevel_ops = {"WordLevel", parse, free_model, encode};
