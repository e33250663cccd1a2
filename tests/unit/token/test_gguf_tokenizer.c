/* Tokenizers from GGUF metadata: what the vocabulary tells, and what is refused by name.  That the
 * ids are those of the reference, test_goldens.c shows. */
#include "tests/support/check.h"
#include "tests/support/check_gguf.h"

#include "base/str.h"
#include "token/gguf_tokenizer.h"

#include <jansson.h>

#define M "\xE2\x96\x81"

static wn_error err;

/* Tokens separated by spaces, a type each. */
static void add_tokens(check_gguf *file, const char *model, const char *tokens, const char *types)
{
    int32_t numbers[64];
    size_t n = strlen(types);
    for (size_t i = 0; i < n; i++)
        numbers[i] = types[i] - '0';
    check_gguf_string(file, "tokenizer.ggml.model", model);
    check_gguf_strings(file, "tokenizer.ggml.tokens", tokens);
    check_gguf_i32s(file, "tokenizer.ggml.token_type", numbers, n);
}

/* Special tokens 0 to 3: unknown, begin, end and one more. */
static void add_ids(check_gguf *file)
{
    check_gguf_u32(file, "tokenizer.ggml.unknown_token_id", 0);
    check_gguf_u32(file, "tokenizer.ggml.bos_token_id", 1);
    check_gguf_u32(file, "tokenizer.ggml.seperator_token_id", 2);
}

#define SPECIALS "[UNK] [CLS] [SEP]"

static void add_bert(check_gguf *file, const char *tokens, const char *types)
{
    char all[400], all_types[64];
    snprintf(all, sizeof all, SPECIALS " %s", tokens);
    snprintf(all_types, sizeof all_types, "333%s", types);
    add_tokens(file, "bert", all, all_types);
    add_ids(file);
}

static json_t *written(check_gguf *file)
{
    wn_buf bytes = check_gguf_end(file), text = WN_BUF_INIT;
    wn_gguf *gguf = NULL;
    assert_ok(wn_gguf_parse(&gguf, wn_buf_str(&bytes), "m", &err), &err);
    assert_ok(wn_gguf_tokenizer_write(&text, gguf, &err), &err);
    json_t *json = json_loadb(text.ptr, text.len, 0, NULL);
    assert_non_null(json);
    wn_gguf_close(gguf);
    wn_buf_deinit(&text);
    wn_buf_deinit(&bytes);
    return json;
}

static void refuses(check_gguf *file, wn_status status, const char *message)
{
    wn_buf bytes = check_gguf_end(file), text = WN_BUF_INIT;
    wn_gguf *gguf = NULL;
    assert_ok(wn_gguf_parse(&gguf, wn_buf_str(&bytes), "m", &err), &err);
    assert_fails(wn_gguf_tokenizer_write(&text, gguf, &err), status, &err, message);
    wn_gguf_close(gguf);
    wn_buf_deinit(&text);
    wn_buf_deinit(&bytes);
}

static void pieces_of_words_get_their_marks_back(void **state)
{
    (void)state;
    check_gguf file = {0};
    add_bert(&file, M "un happy [unused1] [PAD7] " M "added " M "[x]", "111541");
    json_t *json = written(&file),
           *vocab = json_object_get(json_object_get(json, "model"), "vocab");
    assert_int_equal(json_object_size(vocab), 8);
    static const struct {
        const char *piece;
        int id;
    } want[] = {{"[UNK]", 0},     {"un", 3},    {"##happy", 4},
                {"[unused1]", 5}, {"added", 7}, {"[x]", 8}};
    for (size_t i = 0; i < WN_ARRAY_LEN(want); i++)
        assert_int_equal(json_integer_value(json_object_get(vocab, want[i].piece)), want[i].id);
    assert_int_equal(json_array_size(json_object_get(json, "added_tokens")), 4);
    json_decref(json);
}

static void normalizer_is(const char *pieces, const char *types, const bool *lowercase_key,
                          bool lowercase, bool strip, bool chinese)
{
    check_gguf file = {0};
    add_bert(&file, pieces, types);
    if (lowercase_key != NULL)
        check_gguf_bool(&file, "tokenizer.ggml.normalizer.lowercase", *lowercase_key);
    json_t *json = written(&file), *normalizer = json_object_get(json, "normalizer");
    assert_int_equal(json_is_true(json_object_get(normalizer, "lowercase")), lowercase);
    assert_int_equal(json_is_true(json_object_get(normalizer, "strip_accents")), strip);
    assert_int_equal(json_is_true(json_object_get(normalizer, "handle_chinese_chars")), chinese);
    json_decref(json);
}

/* A vocabulary has no piece that its normalizer would never let through. */
static void vocabulary_tells_the_normalizer(void **state)
{
    (void)state;
    const bool yes = true, no = false;
    normalizer_is(M "a b", "11", NULL, true, true, true);
    normalizer_is(M "A b", "11", NULL, false, false, true);
    normalizer_is(M "a \xC3\xA9t\xC3\xA9", "11", NULL, true, false, true);
    normalizer_is(M "a \xE4\xB8\xAD", "11", NULL, true, true, true);
    normalizer_is(M "a \xE4\xB8\xAD\xE6\x96\x87", "11", NULL, true, true, false);
    normalizer_is(M "A b", "11", &yes, true, true, true);
    normalizer_is(M "a b", "11", &no, false, false, true);
    normalizer_is(M "a [URL]", "13", NULL, true, true, true); /* no piece of a word */
}

/* CamemBERT's, say, whose pieces have a mark of their own under the converter's. */
static void sentencepiece_is_not_taken_for_wordpiece(void **state)
{
    (void)state;
    check_gguf file = {0};
    add_bert(&file, M M "le " M M "la " M "s " M "er", "1111");
    refuses(&file, WN_ERR_UNSUPPORTED,
            "2 of 4 pieces begin with two U+2581: this is a vocabulary of SentencePiece");
    normalizer_is(M "a b c " M M, "1111", NULL, true, true, true); /* a word of its own */
}

static void a_few_capitals_tell_nothing(void **state)
{
    (void)state;
    check_gguf file = {0};
    wn_buf tokens = WN_BUF_INIT;
    int32_t types[1000];
    wn_buf_printf(&tokens, "[UNK] [CLS] [SEP] " M "Odd");
    for (size_t i = 0; i < 1000; i++)
        types[i] = i < 3 ? 3 : 1;
    for (size_t i = 4; i < 1000; i++)
        wn_buf_printf(&tokens, " p%zu", i);
    wn_buf_push_byte(&tokens, '\0');
    check_gguf_string(&file, "tokenizer.ggml.model", "bert");
    check_gguf_strings(&file, "tokenizer.ggml.tokens", tokens.ptr);
    check_gguf_i32s(&file, "tokenizer.ggml.token_type", types, 1000);
    add_ids(&file);
    refuses(&file, WN_ERR_UNSUPPORTED,
            "1 of 997 pieces have capital letters, too few to tell whether texts keep them, and "
            "there is no key 'tokenizer.ggml.normalizer.lowercase'");
    wn_buf_deinit(&tokens);
}

static const float scores[] = {0, 0, 0, -1, -2, -10000, -10000, -10000};

static void add_unigram(check_gguf *file, const char *types, uint32_t mask)
{
    add_tokens(file, "t5", "<unk> <s> </s> " M "a b [PAD5] [PAD6] [PAD7]", types);
    check_gguf_f32s(file, "tokenizer.ggml.scores", scores, 8);
    add_ids(file);
    if (mask > 0)
        check_gguf_u32(file, "tokenizer.ggml.mask_token_id", mask);
}

static void white_space_that_is_kept_is_refused(void **state)
{
    (void)state;
    check_gguf file = {0};
    add_unigram(&file, "23311555", 0);
    check_gguf_bool(&file, "tokenizer.ggml.add_space_prefix", false);
    refuses(&file, WN_ERR_UNSUPPORTED,
            "key 'tokenizer.ggml.add_space_prefix': is false, those of t5 that are supported have");
    add_unigram(&file, "23311555", 0);
    check_gguf_bool(&file, "tokenizer.ggml.remove_extra_whitespaces", false);
    refuses(&file, WN_ERR_UNSUPPORTED, "key 'tokenizer.ggml.remove_extra_whitespaces': is false");
    add_unigram(&file, "23311555", 0);
    check_gguf_bool(&file, "tokenizer.ggml.add_space_prefix", true);
    json_decref(written(&file));
}

/* An unknown character's score is measured from the lowest one. */
static void pieces_that_conversion_made_up_do_not_count(void **state)
{
    (void)state;
    check_gguf file = {0};
    add_unigram(&file, "23311555", 0);
    json_t *json = written(&file),
           *vocab = json_object_get(json_object_get(json, "model"), "vocab");
    assert_int_equal(json_array_size(vocab), 5);
    json_decref(json);
    add_unigram(&file, "23311555", 6);
    json = written(&file);
    vocab = json_object_get(json_object_get(json, "model"), "vocab");
    assert_int_equal(json_array_size(vocab), 7);
    const json_t *empty = json_array_get(vocab, 5), *mask = json_array_get(vocab, 6);
    assert_string_equal(json_string_value(json_array_get(empty, 0)), "");
    assert_string_equal(json_string_value(json_array_get(mask, 0)), "<mask>");
    assert_true(json_number_value(json_array_get(mask, 1)) == 0);
    const json_t *added = json_array_get(json_object_get(json, "added_tokens"), 3);
    assert_string_equal(json_string_value(json_object_get(added, "content")), "<mask>");
    assert_true(json_is_true(json_object_get(added, "lstrip")));
    json_decref(json);
}

/* Gemma's: unknown, begin, end, two spaces, the byte of the tab, a piece and its characters, a
 * run of tabs, a token that was made up.  Strings of the builder have no spaces, so ~ is one. */
#define GEMMA_TOKENS "<unk> <bos> <eos> ~~ <0x09> ab a b \t\t [PAD9]"
#define GEMMA_TYPES  "2334611115"

static void add_gemma(check_gguf *file, const char *tokens, const char *types, const bool *prefix)
{
    float all[64] = {0, -1000, -1000, -1000, 0};
    size_t n = strlen(types);
    for (size_t i = 5; i < n; i++)
        all[i] = 5 - (float)i;
    add_tokens(file, "llama", tokens, types);
    for (size_t i = 0; i < file->pairs.len; i++)
        file->pairs.ptr[i] = (char)(file->pairs.ptr[i] == '~' ? ' ' : file->pairs.ptr[i]);
    check_gguf_f32s(file, "tokenizer.ggml.scores", all, n);
    check_gguf_u32(file, "tokenizer.ggml.unknown_token_id", 0);
    check_gguf_u32(file, "tokenizer.ggml.bos_token_id", 1);
    check_gguf_u32(file, "tokenizer.ggml.eos_token_id", 2);
    if (prefix != NULL)
        check_gguf_bool(file, "tokenizer.ggml.add_space_prefix", *prefix);
}

static void text_is(const json_t *json, const char *want)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_non_null(text);
    assert_string_equal(text, want);
    free(text);
}

/* Spaces were U+2581 and the tab stood for its byte. */
static void sentencepiece_tokens_have_the_spelling_of_their_json(void **state)
{
    (void)state;
    const bool no = false;
    check_gguf file = {0};
    add_gemma(&file, GEMMA_TOKENS, GEMMA_TYPES, &no);
    json_t *json = written(&file), *model = json_object_get(json, "model"),
           *vocab = json_object_get(model, "vocab");
    assert_int_equal(json_object_size(vocab), 9);
    assert_int_equal(json_integer_value(json_object_get(vocab, M M)), 3);
    assert_int_equal(json_integer_value(json_object_get(vocab, "\t")), 4);
    assert_int_equal(json_integer_value(json_object_get(vocab, "ab")), 5);
    text_is(json_object_get(model, "merges"), "[[\"a\",\"b\"],[\"\\t\",\"\\t\"]]");
    text_is(json_object_get(model, "unk_token"), "\"<unk>\"");
    assert_true(json_is_true(json_object_get(model, "byte_fallback")));
    assert_true(json_is_true(json_object_get(model, "fuse_unk")));
    const json_t *added = json_object_get(json, "added_tokens"), *run = json_array_get(added, 3);
    assert_int_equal(json_array_size(added), 4);
    text_is(json_object_get(run, "content"), "\"" M M "\"");
    assert_true(json_is_false(json_object_get(run, "normalized")));
    assert_true(json_is_false(json_object_get(run, "special")));
    json_decref(json);
    /* with a tab of its own */
    add_gemma(&file, "<unk> <bos> <eos> ~a <0x09> ab a \t", "23346111", &no);
    json = written(&file);
    vocab = json_object_get(json_object_get(json, "model"), "vocab");
    assert_int_equal(json_integer_value(json_object_get(vocab, "<0x09>")), 4);
    assert_int_equal(json_integer_value(json_object_get(vocab, "\t")), 7);
    assert_int_equal(json_integer_value(json_object_get(vocab, " a")), 3);
    json_decref(json);
}

/* Conversion gives tokens that tokenizer_config.json names a score of -1000. */
static void what_is_no_piece_has_a_score_of_0(void **state)
{
    (void)state;
    const bool no = false;
    check_gguf file = {0};
    add_gemma(&file, "<unk> <bos> <eos> ~~ <0x09> aa a aaa " M, "233461141", &no);
    json_t *json = written(&file);
    text_is(json_object_get(json_object_get(json, "model"), "merges"),
            "[[\"" M "\",\"" M "\"],[\"a\",\"a\"],[\"aa\",\"a\"],[\"a\",\"aa\"]]");
    json_decref(json);
}

static void begin_and_end_stand_where_the_file_says(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{"
                                            "\"Sequence\":{\"id\":\"B\",\"type_id\":1}}]",
                                            "[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{"
                                            "\"SpecialToken\":{\"id\":\"eos\",\"type_id\":0}},"
                                            "{\"Sequence\":{\"id\":\"B\",\"type_id\":1}},{"
                                            "\"SpecialToken\":{\"id\":\"eos\",\"type_id\":1}}]"},
                                           {"[{\"SpecialToken\":{\"id\":\"bos\",\"type_id\":0}},{"
                                            "\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
                                            "{\"SpecialToken\":{\"id\":\"bos\",\"type_id\":1}},{"
                                            "\"Sequence\":{\"id\":\"B\",\"type_id\":1}}]",
                                            NULL}};
    const bool no = false;
    for (int bos = 0; bos < 2; bos++) {
        for (int eos = 0; eos < 2 - bos; eos++) {
            check_gguf file = {0};
            add_gemma(&file, GEMMA_TOKENS, GEMMA_TYPES, &no);
            if (bos == 0) /* with it is what a file means that does not say */
                check_gguf_bool(&file, "tokenizer.ggml.add_bos_token", false);
            if (eos == 1)
                check_gguf_bool(&file, "tokenizer.ggml.add_eos_token", true);
            json_t *json = written(&file), *frame = json_object_get(json, "post_processor");
            text_is(json_object_get(frame, "pair"), pairs[bos][eos]);
            assert_int_equal(json_array_size(json_object_get(frame, "single")),
                             json_array_size(json_object_get(frame, "pair")) / 2);
            json_decref(json);
        }
    }
}

static void sentencepiece_files_that_are_not_as_gemmas_are_refused(void **state)
{
    (void)state;
    const bool yes = true, no = false;
    check_gguf file = {0};
    add_gemma(&file, GEMMA_TOKENS, GEMMA_TYPES, NULL);
    refuses(&file, WN_ERR_UNSUPPORTED,
            "key 'tokenizer.ggml.add_space_prefix': is missing, those of llama that are supported "
            "have false");
    add_gemma(&file, GEMMA_TOKENS, GEMMA_TYPES, &yes);
    refuses(&file, WN_ERR_UNSUPPORTED, "key 'tokenizer.ggml.add_space_prefix': is true, those of");
    add_gemma(&file, GEMMA_TOKENS, GEMMA_TYPES, &no);
    check_gguf_bool(&file, "tokenizer.ggml.remove_extra_whitespaces", true);
    refuses(&file, WN_ERR_UNSUPPORTED,
            "key 'tokenizer.ggml.remove_extra_whitespaces': is true, those of llama");
    add_tokens(&file, "llama", "a b", "11");
    refuses(&file, WN_ERR_FORMAT, "key 'tokenizer.ggml.scores' is missing");
    add_tokens(&file, "llama", "a b c", "311");
    check_gguf_f32s(&file, "tokenizer.ggml.scores", scores, 3);
    check_gguf_u32(&file, "tokenizer.ggml.bos_token_id", 0);
    check_gguf_u32(&file, "tokenizer.ggml.eos_token_id", 0);
    refuses(&file, WN_ERR_FORMAT, "key 'tokenizer.ggml.unknown_token_id' is missing");
    const float bad[] = {0, 0, 0, NAN};
    add_tokens(&file, "llama", "<unk> <bos> <eos> a", "2331");
    check_gguf_f32s(&file, "tokenizer.ggml.scores", bad, 4);
    check_gguf_u32(&file, "tokenizer.ggml.bos_token_id", 1);
    check_gguf_u32(&file, "tokenizer.ggml.eos_token_id", 2);
    check_gguf_bool(&file, "tokenizer.ggml.add_space_prefix", false);
    refuses(&file, WN_ERR_FORMAT, "key 'tokenizer.ggml.scores': score 3 is not a number");
}

/* A run of spaces becomes three times as long, and one without end stays refused. */
static void sentencepiece_tokens_have_a_longest(void **state)
{
    (void)state;
    const bool no = false;
    static const size_t lengths[] = {85, 86, 300};
    for (size_t i = 0; i < WN_ARRAY_LEN(lengths); i++) {
        check_gguf file = {0};
        char tokens[400] = "<unk> <bos> <eos> ";
        size_t at = strlen(tokens);
        memset(tokens + at, '~', lengths[i]);
        add_gemma(&file, tokens, "2334", &no);
        if (i == 0)
            json_decref(written(&file));
        else
            refuses(&file, WN_ERR_LIMIT, "the piece with id 3 has ");
    }
}

static void whole_tokenizer_json_is_taken_as_it_is(void **state)
{
    (void)state;
    check_gguf file = {0};
    check_gguf_string(&file, "tokenizer.huggingface.json", "{\"here\":1}");
    json_t *json = written(&file);
    assert_int_equal(json_integer_value(json_object_get(json, "here")), 1);
    json_decref(json);
}

static void what_is_not_supported_is_named(void **state)
{
    (void)state;
    check_gguf file = {0};
    refuses(&file, WN_ERR_FORMAT,
            "key 'tokenizer.ggml.model' is missing: the file has no tokenizer");
    check_gguf_string(&file, "tokenizer.ggml.model", "rwkv");
    refuses(&file, WN_ERR_UNSUPPORTED,
            "key 'tokenizer.ggml.model': 'rwkv' is not supported; supported are bert, t5, llama, "
            "gpt2");
    check_gguf_string(&file, "tokenizer.ggml.model", "gpt2");
    check_gguf_string(&file, "tokenizer.ggml.pre", "falcon");
    refuses(&file, WN_ERR_UNSUPPORTED,
            "key 'tokenizer.ggml.pre': 'falcon' is not supported; supported are roberta-bpe");
}

static void arrays_must_be_there_and_fit(void **state)
{
    (void)state;
    check_gguf file = {0};
    check_gguf_string(&file, "tokenizer.ggml.model", "bert");
    refuses(&file, WN_ERR_FORMAT, "key 'tokenizer.ggml.tokens' is missing");
    check_gguf_string(&file, "tokenizer.ggml.model", "bert");
    check_gguf_f32s(&file, "tokenizer.ggml.tokens", scores, 8);
    refuses(&file, WN_ERR_FORMAT, "key 'tokenizer.ggml.tokens': is not an array of strings");
    check_gguf_string(&file, "tokenizer.ggml.model", "bert");
    check_gguf_strings(&file, "tokenizer.ggml.tokens", "");
    refuses(&file, WN_ERR_LIMIT, "key 'tokenizer.ggml.tokens': has 0 items, expected 1..16777216");
    add_tokens(&file, "bert", "a b c", "11");
    refuses(&file, WN_ERR_FORMAT,
            "key 'tokenizer.ggml.token_type': has 2 items, tokenizer.ggml.tokens has 3");
    add_tokens(&file, "t5", "a b c", "111");
    refuses(&file, WN_ERR_FORMAT, "key 'tokenizer.ggml.scores' is missing");
    add_tokens(&file, "bert", "a \xFF c", "111");
    refuses(&file, WN_ERR_FORMAT, "key 'tokenizer.ggml.tokens': token 1 is not UTF-8");
}

static void special_tokens_must_be_there(void **state)
{
    (void)state;
    check_gguf file = {0};
    add_tokens(&file, "bert", "a b c", "111");
    refuses(&file, WN_ERR_FORMAT, "key 'tokenizer.ggml.bos_token_id' is missing");
    add_tokens(&file, "bert", "a b c", "111");
    check_gguf_u32(&file, "tokenizer.ggml.bos_token_id", 1);
    refuses(&file, WN_ERR_FORMAT, "key 'tokenizer.ggml.eos_token_id' is missing");
    add_tokens(&file, "bert", "a b c", "111");
    check_gguf_u32(&file, "tokenizer.ggml.bos_token_id", 3);
    refuses(&file, WN_ERR_FORMAT,
            "key 'tokenizer.ggml.bos_token_id': is 3, expected an id from 0 to 2");
    add_tokens(&file, "bert", "a b c", "111");
    check_gguf_string(&file, "tokenizer.ggml.bos_token_id", "a");
    refuses(&file, WN_ERR_FORMAT, "key 'tokenizer.ggml.bos_token_id': is -1, expected an id");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_words_get_their_marks_back),
        cmocka_unit_test(vocabulary_tells_the_normalizer),
        cmocka_unit_test(sentencepiece_is_not_taken_for_wordpiece),
        cmocka_unit_test(a_few_capitals_tell_nothing),
        cmocka_unit_test(white_space_that_is_kept_is_refused),
        cmocka_unit_test(pieces_that_conversion_made_up_do_not_count),
        cmocka_unit_test(sentencepiece_tokens_have_the_spelling_of_their_json),
        cmocka_unit_test(what_is_no_piece_has_a_score_of_0),
        cmocka_unit_test(begin_and_end_stand_where_the_file_says),
        cmocka_unit_test(sentencepiece_files_that_are_not_as_gemmas_are_refused),
        cmocka_unit_test(sentencepiece_tokens_have_a_longest),
        cmocka_unit_test(whole_tokenizer_json_is_taken_as_it_is),
        cmocka_unit_test(what_is_not_supported_is_named),
        cmocka_unit_test(arrays_must_be_there_and_fit),
        cmocka_unit_test(special_tokens_must_be_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
