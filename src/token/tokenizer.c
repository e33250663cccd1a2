/* Builds the tokenizer object from its file.  Each part has a parser of its own; this file knows
 * the order (added tokens need the vocabulary and the normalizer) and the table of models. */
#include "token/tokenizer.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/json_bind.h"
#include "token/field.h"
#include "token/tokenizer_parts.h"

#define WN_WHERE "token/tokenizer"

static const wn_token_model_ops *const models[] = {
    &wn_bpe_ops,
    &wn_wordpiece_ops,
    &wn_wordlevel_ops,
    &wn_unigram_ops,
};

/* A file from before there was model.type is recognised by its fields, as in the reference. */
static const wn_token_model_ops *guess_model(const wn_tokenizer_file *file, const json_t *node)
{
    if (file->form == WN_VOCAB_LIST)
        return &wn_unigram_ops;
    if (file->has_merges)
        return &wn_bpe_ops;
    bool wordpiece = json_object_get(node, "continuing_subword_prefix") != NULL &&
                     json_object_get(node, "max_input_chars_per_word") != NULL;
    return wordpiece ? &wn_wordpiece_ops : &wn_wordlevel_ops;
}

static wn_status parse_model(wn_tokenizer *tokenizer, wn_tokenizer_file *file, wn_error *err)
{
    const json_t *node = json_object_get(file->root, "model");
    const wn_fields fields = {node, "model"};
    if (!json_is_object(node))
        WN_FAIL(err, WN_ERR_FORMAT, "model: is %s, expected an object", wn_json_type_name(node));
    if (file->form == WN_VOCAB_MISSING)
        WN_FAIL(err, WN_ERR_FORMAT, "model.vocab: is %s, expected an object or an array",
                wn_json_type_name(json_object_get(node, "vocab")));
    wn_str type = {NULL, 0};
    WN_TRY(wn_field_str(&type, &fields, "type", WN_OPTIONAL, err));
    const wn_token_model_ops *ops = type.ptr == NULL ? guess_model(file, node) : NULL;
    for (size_t i = 0; i < WN_ARRAY_LEN(models) && ops == NULL; i++)
        if (wn_str_equal(type, wn_str_from(models[i]->name)))
            ops = models[i];
    if (ops == NULL)
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "model.type: '%.*s' is not supported", WN_STR_ARG(type));
    return ops->parse(&tokenizer->model, file, &tokenizer->vocab, err);
}

static wn_status check_version(const json_t *root, wn_error *err)
{
    wn_str version = WN_STR("1.0");
    const wn_fields fields = {root, "tokenizer.json"};
    WN_TRY(wn_field_str(&version, &fields, "version", WN_OPTIONAL, err));
    if (!wn_str_equal(version, WN_STR("1.0")))
        WN_FAIL(err, WN_ERR_UNSUPPORTED, "version: is '%.*s', only '1.0' is supported",
                WN_STR_ARG(version));
    return WN_OK;
}

/* Names of the ids behind the vocabulary. */
static wn_status index_added(wn_tokenizer *tokenizer, wn_error *err)
{
    const wn_added *added = &tokenizer->added;
    size_t n_vocab = tokenizer->vocab.n_ids;
    tokenizer->n_ids = n_vocab;
    for (size_t i = 0; i < added->count; i++)
        tokenizer->n_ids = WN_MAX(tokenizer->n_ids, (size_t)added->tokens[i].id + 1);
    tokenizer->added_by_id =
        wn_mem_zalloc(tokenizer->n_ids - n_vocab, sizeof *tokenizer->added_by_id);
    if (tokenizer->added_by_id == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu added tokens", added->count);
    for (size_t i = 0; i < added->count; i++)
        if ((size_t)added->tokens[i].id >= n_vocab)
            tokenizer->added_by_id[(size_t)added->tokens[i].id - n_vocab] =
                added->tokens[i].content;
    return WN_OK;
}

static wn_status parse_decoder(wn_tokenizer *tokenizer, const json_t *node, wn_error *err)
{
    wn_error *own_err = &tokenizer->decoder_err;
    wn_status status = wn_decoder_parse(&tokenizer->decoder, node, own_err);
    if (status == WN_OK || status == WN_ERR_UNSUPPORTED)
        return WN_OK;
    if (err != NULL)
        *err = *own_err;
    return status;
}

static wn_status parse_parts(wn_tokenizer *tokenizer, wn_tokenizer_file *file, wn_error *err)
{
    const json_t *root = file->root;
    WN_TRY(check_version(root, err));
    WN_TRY(wn_normalizer_parse(&tokenizer->normalizer, json_object_get(root, "normalizer"), err));
    WN_TRY(wn_splitter_parse(&tokenizer->splitter, json_object_get(root, "pre_tokenizer"), err));
    WN_TRY(wn_postprocessor_parse(&tokenizer->postprocessor,
                                  json_object_get(root, "post_processor"), err));
    WN_TRY(parse_decoder(tokenizer, json_object_get(root, "decoder"), err));
    tokenizer->vocab = file->vocab;
    file->vocab = (wn_vocab){0};
    WN_TRY(parse_model(tokenizer, file, err));
    WN_TRY(wn_added_parse(&tokenizer->added, json_object_get(root, "added_tokens"),
                          &tokenizer->vocab, tokenizer->normalizer, err));
    return index_added(tokenizer, err);
}

wn_status wn_tokenizer_parse(wn_tokenizer **out, wn_str json, wn_error *err)
{
    wn_tokenizer_file file;
    wn_tokenizer *tokenizer = wn_mem_zalloc(1, sizeof *tokenizer);
    if (tokenizer == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a tokenizer");
    wn_status status = wn_tokenizer_file_parse(&file, json, err);
    if (status == WN_OK)
        status = parse_parts(tokenizer, &file, err);
    wn_tokenizer_file_deinit(&file);
    if (status != WN_OK)
        wn_tokenizer_free(tokenizer);
    else
        *out = tokenizer;
    return status;
}

void wn_tokenizer_free(wn_tokenizer *tokenizer)
{
    if (tokenizer == NULL)
        return;
    if (tokenizer->model != NULL)
        tokenizer->model->ops->free(tokenizer->model);
    wn_added_deinit(&tokenizer->added);
    wn_postprocessor_deinit(&tokenizer->postprocessor);
    wn_decoder_free(tokenizer->decoder);
    wn_splitter_free(tokenizer->splitter);
    wn_normalizer_free(tokenizer->normalizer);
    wn_vocab_deinit(&tokenizer->vocab);
    wn_mem_free(tokenizer->added_by_id);
    wn_mem_free(tokenizer);
}

static bool is_special(const wn_tokenizer *tokenizer, wn_str token)
{
    int32_t index = wn_map_get(&tokenizer->added.by_content, token, -1);
    return index >= 0 && tokenizer->added.tokens[index].special;
}

wn_status wn_decode(const wn_tokenizer *tokenizer, wn_buf *out, const int32_t *ids, size_t n,
                    bool keep_specials, wn_error *err)
{
    wn_pieces pieces = WN_PIECES_INIT;
    if (tokenizer->decoder == NULL) {
        if (err != NULL)
            *err = tokenizer->decoder_err;
        return WN_ERR_UNSUPPORTED;
    }
    for (size_t i = 0; i < n; i++) {
        wn_str token = wn_tokenizer_token(tokenizer, ids[i]);
        if (token.ptr != NULL && (keep_specials || !is_special(tokenizer, token)))
            wn_pieces_push(&pieces, token);
    }
    wn_status status = wn_decoder_run(tokenizer->decoder, &pieces, err);
    if (status == WN_OK && !wn_buf_push_str(out, wn_buf_str(&pieces.bytes)))
        status = wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "no memory for a text of %zu bytes",
                              pieces.bytes.len);
    wn_pieces_deinit(&pieces);
    return status;
}

const wn_template_item *wn_tokenizer_template(const wn_tokenizer *tokenizer, bool pair, size_t *n)
{
    const wn_template *template =
        pair ? &tokenizer->postprocessor.pair : &tokenizer->postprocessor.single;
    *n = template->count;
    return template->items;
}

size_t wn_tokenizer_n_special(const wn_tokenizer *tokenizer, bool pair)
{
    return pair ? tokenizer->postprocessor.pair.n_special
                : tokenizer->postprocessor.single.n_special;
}

size_t wn_tokenizer_vocab_size(const wn_tokenizer *tokenizer)
{
    return tokenizer->n_ids;
}

wn_str wn_tokenizer_token(const wn_tokenizer *tokenizer, int32_t id)
{
    size_t n_vocab = tokenizer->vocab.n_ids;
    if (id >= 0 && (size_t)id >= n_vocab && (size_t)id < tokenizer->n_ids)
        return tokenizer->added_by_id[(size_t)id - n_vocab];
    return wn_vocab_piece(&tokenizer->vocab, id);
}

int32_t wn_tokenizer_find(const wn_tokenizer *tokenizer, wn_str token)
{
    int32_t index = wn_map_get(&tokenizer->added.by_content, token, -1);
    return index >= 0 ? tokenizer->added.tokens[index].id : wn_vocab_find(&tokenizer->vocab, token);
}

const char *wn_tokenizer_model_name(const wn_tokenizer *tokenizer)
{
    return tokenizer->model->ops->name;
}
