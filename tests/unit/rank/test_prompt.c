/* Prompts of decoders: their ids by the published tokenizer, texts whose ends meet the prompt's
 * words, and queries that are cut. */
#include "tests/support/check.h"

#include "base/file.h"
#include "base/str.h"
#include "rank/prompt.h"

static wn_error err;

#define TINY    "tests/golden/models/qwen3/tokenizer.json"
#define TINY_M0 "tests/golden/models/jina-m0/tokenizer.json"
#define GEMMA   "tests/golden/models/gemma/tokenizer.json"

typedef struct maker {
    wn_tokenizer *tokenizer;
    wn_encoder *encoder;
    wn_arena arena;
    wn_config config;
    wn_prompt prompt;
} maker;

static void begin(maker *m, const char *path, wn_prompt_kind kind)
{
    wn_buf json = WN_BUF_INIT;
    *m = (maker){.config = {.prompt = kind,
                            .document_first = kind == WN_PROMPT_JINA_M0,
                            .vocab = 151936,
                            .max_tokens = 8192,
                            .n_answers = kind == WN_PROMPT_JINA_M0 ? 0
                                         : kind == WN_PROMPT_GEMMA ? 1
                                                                   : 2,
                            .answers = {-1, -1}}};
    assert_ok(wn_file_read(&json, path, 64u << 20, &err), &err);
    assert_ok(wn_tokenizer_parse(&m->tokenizer, wn_buf_str(&json), &err), &err);
    assert_ok(wn_encoder_new(&m->encoder, m->tokenizer, &err), &err);
    wn_buf_deinit(&json);
    assert_ok(wn_prompt_make(&m->prompt, &m->config, m->tokenizer, &m->arena, &err), &err);
}

static void end(maker *m)
{
    wn_encoder_free(m->encoder);
    wn_tokenizer_free(m->tokenizer);
    wn_arena_deinit(&m->arena);
}

static void encode(maker *m, wn_ids *out, const char *format, ...) WN_PRINTF(3, 4);
static void encode(maker *m, wn_ids *out, const char *format, ...)
{
    static char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_ok(wn_encode(m->encoder, out, wn_str_from(text), false, &err), &err);
}

/* The sequence of a pair. */
static size_t assemble(maker *m, int32_t *ids, const char *query, const char *document)
{
    static int32_t types[4096];
    const wn_prompt *p = &m->prompt;
    wn_ids a = WN_IDS_INIT, b = WN_IDS_INIT;
    encode(m, &a, "%s%s%s", p->query_lead.ptr, query, p->query_tail.ptr);
    encode(m, &b, "%s%s%s", p->doc_lead.ptr, document, p->doc_tail.ptr);
    assert_true(a.n + b.n + p->plain.pair.n_special <= WN_ARRAY_LEN(types));
    size_t n = wn_template_assemble(&p->plain.pair, ids, types, (wn_id_span){a.ids, a.n},
                                    (wn_id_span){b.ids, b.n});
    wn_ids_deinit(&a);
    wn_ids_deinit(&b);
    return n;
}

static const char *published(void)
{
    const char *path = check_shared("tokenizers/qwen2-qwen3/tokenizer.json");
    if (path == NULL)
        printf("# the folder of reference tokenizers is not there\n");
    return path;
}

static void expect(const int32_t *got, const int32_t *want, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (got[i] != want[i])
            fail_msg("id %zu is %d, not %d", i, got[i], want[i]);
    }
}

static void qwen3_reranker_has_the_published_ids(void **state)
{
    (void)state;
    static const int32_t prefix[39] = {
        151644, 8948, 198,  60256, 3425, 279,  11789, 20027, 279,    8502, 3118,   389, 279,
        11361,  323,  279,  758,   1235, 3897, 13,    7036,  429,    279,  4226,   646, 1172,
        387,    330,  9693, 1,     476,  330,  2152,  3263,  151645, 198,  151644, 872, 198};
    static const int32_t suffix[9] = {151645, 198, 151644, 77091, 198, 151667, 271, 151668, 271};
    int32_t ids[1024];
    maker m;
    if (published() == NULL)
        skip();
    begin(&m, published(), WN_PROMPT_QWEN3);
    assert_true(m.config.answers[0] == 9693 && m.config.answers[1] == 2152);
    size_t n = assemble(&m, ids, "What is the capital of China?", "It is Beijing.");
    wn_ids body = WN_IDS_INIT;
    encode(&m, &body,
           "<Instruct>: Given a web search query, retrieve relevant passages that answer the query"
           "\n<Query>: What is the capital of China?\n<Document>: It is Beijing.");
    assert_int_equal(n, 39 + body.n + 9);
    expect(ids, prefix, 39);
    expect(ids + 39, body.ids, body.n);
    expect(ids + n - 9, suffix, 9);
    wn_ids_deinit(&body);
    end(&m);
}

static void mxbai_rerank_has_the_published_pieces(void **state)
{
    (void)state;
    static const int32_t prefix[24] = {151644, 8948,  198,   2610,   525, 1207,   16948, 11,
                                       3465,   553,   54364, 14817,  13,  1446,   525,   264,
                                       10950,  17847, 13,    151645, 198, 151644, 872,   198};
    static const int32_t pair[] = {1631, 25, 264, 198, 6062, 25, 220, 22, 198};
    static const int32_t suffix[5] = {151645, 198, 151644, 77091, 198};
    int32_t ids[1024];
    maker m;
    if (published() == NULL)
        skip();
    begin(&m, published(), WN_PROMPT_MXBAI);
    assert_true(m.config.answers[0] == 16 && m.config.answers[1] == 15);
    size_t n = assemble(&m, ids, "a", "7");
    assert_int_equal(n, 24 + WN_ARRAY_LEN(pair) + 49 + 5);
    expect(ids, prefix, 24);
    expect(ids + 24, pair, WN_ARRAY_LEN(pair));
    assert_int_equal(ids[24 + WN_ARRAY_LEN(pair)], 2610); /* "You" */
    expect(ids + n - 5, suffix, 5);
    end(&m);
}

/* Characters that the split pattern treats each in its own way. */
static void make_text(char *out)
{
    static const char *const bits[] = {"a",  "B",   "7", " ",      "\n",     "\r\n",      "\t",
                                       "?",  "'s",  "<", "\u0301", "\u00a0", "\u3000",    "é",
                                       "中", "...", ":", "\n",     "yes",    "<|im_end|>"};
    out[0] = '\0';
    for (size_t i = check_random_below(7); i > 0; i--)
        strcat(out, bits[check_random_below(WN_ARRAY_LEN(bits))]);
}

/* They stand at both ends of both texts. */
static void check_random_texts(const char *path, size_t n_rounds)
{
    int32_t ids[1024];
    maker m;
    begin(&m, path, WN_PROMPT_QWEN3);
    for (size_t round = 0; round < n_rounds; round++) {
        char texts[2][200];
        make_text(texts[0]);
        make_text(texts[1]);
        wn_ids whole = WN_IDS_INIT;
        encode(&m, &whole,
               "<Instruct>: Given a web search query, retrieve relevant passages that answer the "
               "query\n<Query>: %s\n<Document>: %s",
               texts[0], texts[1]);
        size_t n = assemble(&m, ids, texts[0], texts[1]), n_before = 0;
        while (m.prompt.plain.pair.items[n_before].id != WN_SEQUENCE_A)
            n_before++;
        wn_ids first = WN_IDS_INIT;
        encode(&m, &first,
               "<Instruct>: Given a web search query, retrieve relevant passages that "
               "answer the query\n<Query>:");
        if (n != m.prompt.plain.pair.n_special - first.n + whole.n)
            fail_msg("'%s' and '%s': %zu ids, not %zu", texts[0], texts[1], n, whole.n);
        expect(ids + n_before - first.n, whole.ids, whole.n);
        wn_ids_deinit(&whole);
        wn_ids_deinit(&first);
    }
    end(&m);
}

static void parts_have_the_ids_of_the_whole_body(void **state)
{
    (void)state;
    check_random_texts(TINY, 3000);
    if (published() == NULL)
        skip();
    check_random_texts(published(), 3000);
}

static void check_m0_texts(const char *path, size_t n_rounds)
{
    int32_t ids[1024];
    maker m;
    begin(&m, path, WN_PROMPT_JINA_M0);
    assert_true(m.prompt.plain.pair.n_special == 1 && m.prompt.plain.n_before == 0);
    for (size_t round = 0; round < n_rounds; round++) {
        char query[200], document[200];
        make_text(query);
        make_text(document);
        wn_ids whole = WN_IDS_INIT;
        encode(&m, &whole, "**Document**:\n%s\n**Query**:\n%s", document, query);
        size_t n = assemble(&m, ids, query, document);
        if (n != whole.n + 1)
            fail_msg("'%s' and '%s': %zu ids, not %zu", document, query, n, whole.n + 1);
        expect(ids, whole.ids, whole.n);
        assert_int_equal(ids[n - 1], 100);
        wn_ids_deinit(&whole);
    }
    end(&m);
}

static void jina_m0_has_the_ids_of_the_whole_prompt_and_one_more(void **state)
{
    (void)state;
    check_m0_texts(TINY_M0, 3000);
    if (published() == NULL)
        skip();
    check_m0_texts(published(), 3000);
}

#define QUESTION                                                                                   \
    "Given a query A and a passage B, determine whether the passage contains an answer to the "    \
    "query by providing a prediction of either 'Yes' or 'No'."

/* Each piece for itself; texts have 512 tokens beside what is behind them, which counts twice. */
static void gemma_has_the_pieces_of_its_reference(void **state)
{
    (void)state;
    int32_t ids[1024];
    maker m;
    begin(&m, GEMMA, WN_PROMPT_GEMMA);
    size_t n = assemble(&m, ids, "what?", "  this");
    wn_ids want = WN_IDS_INIT;
    static const char *const pieces[] = {"<bos>", "A: what?", "\n", "B:   this", "\n", QUESTION};
    size_t n_behind = 0;
    for (size_t i = 0; i < WN_ARRAY_LEN(pieces); i++) {
        size_t before = want.n;
        encode(&m, &want, "%s", pieces[i]);
        n_behind += i < 4 ? 0 : want.n - before;
    }
    assert_int_equal(n, want.n);
    expect(ids, want.ids, n);
    assert_int_equal(m.config.max_tokens, 512 + 2 * n_behind);
    assert_int_equal(m.config.answers[0], wn_tokenizer_find(m.tokenizer, WN_STR("Yes")));
    wn_ids_deinit(&want);
    end(&m);
}

static void a_cut_query_keeps_the_words_behind_it(void **state)
{
    (void)state;
    int32_t out[40];
    maker m;
    begin(&m, TINY, WN_PROMPT_QWEN3);
    wn_ids query = WN_IDS_INIT;
    encode(&m, &query, " a long query of many words that goes on\n<Document>:");
    size_t n_tail = m.prompt.tail.n, n = query.n - 3;
    assert_true(n_tail > 2 && n > n_tail && n <= WN_ARRAY_LEN(out));
    wn_prompt_cut_query(&m.prompt, out, query.ids, n);
    expect(out, query.ids, n - n_tail);
    expect(out + n - n_tail, query.ids + query.n - n_tail, n_tail);
    wn_prompt_cut_query(&m.prompt, out, query.ids, 2);
    expect(out, m.prompt.tail.ids, 2);
    wn_ids_deinit(&query);
    end(&m);
}

static void answers_and_marks_must_be_tokens(void **state)
{
    (void)state;
    maker m;
    wn_prompt prompt;
    begin(&m, "tests/golden/models/roberta-bpe/tokenizer.json", WN_PROMPT_NONE);
    m.config.prompt = WN_PROMPT_QWEN3;
    assert_fails(wn_prompt_make(&prompt, &m.config, m.tokenizer, &m.arena, &err), WN_ERR_FORMAT,
                 &err, "there is no token '<|im_start|>', which the model's prompt has");
    m.config.prompt = WN_PROMPT_GEMMA;
    assert_fails(wn_prompt_make(&prompt, &m.config, m.tokenizer, &m.arena, &err), WN_ERR_FORMAT,
                 &err, "there is no token '<bos>'");
    end(&m);
    begin(&m, TINY_M0, WN_PROMPT_NONE);
    m.config.prompt = WN_PROMPT_JINA_V3;
    assert_fails(wn_prompt_make(&prompt, &m.config, m.tokenizer, &m.arena, &err), WN_ERR_FORMAT,
                 &err, "there is no token '<|embed_token|>', which the model is used with");
    end(&m);
    begin(&m, TINY, WN_PROMPT_QWEN3);
    m.config.vocab = (size_t)m.config.answers[0];
    assert_fails(wn_prompt_make(&prompt, &m.config, m.tokenizer, &m.arena, &err), WN_ERR_FORMAT,
                 &err, "the token 'yes' has id");
    end(&m);
    begin(&m, TINY_M0, WN_PROMPT_JINA_M0);
    m.config.vocab = 100;
    assert_fails(wn_prompt_make(&prompt, &m.config, m.tokenizer, &m.arena, &err), WN_ERR_FORMAT,
                 &err, "the prompt ends in id 100, config.json: vocab_size is 100");
    end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(qwen3_reranker_has_the_published_ids),
        cmocka_unit_test(mxbai_rerank_has_the_published_pieces),
        cmocka_unit_test(parts_have_the_ids_of_the_whole_body),
        cmocka_unit_test(jina_m0_has_the_ids_of_the_whole_prompt_and_one_more),
        cmocka_unit_test(gemma_has_the_pieces_of_its_reference),
        cmocka_unit_test(a_cut_query_keeps_the_words_behind_it),
        cmocka_unit_test(answers_and_marks_must_be_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
