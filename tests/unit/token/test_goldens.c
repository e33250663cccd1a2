/* Every recorded result of the reference tokenizer: ids and type ids of single texts and pairs,
 * with and without special tokens, truncated by each strategy at several lengths; texts of ids.
 * Small tokenizers, one a component, come from tools/make_tokens.py; published ones from the
 * reference material. */
#define _GNU_SOURCE
#include "tests/support/check.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/gguf.h"
#include "token/gguf_tokenizer.h"
#include "token/tokenizer.h"

#include <jansson.h>

static const char *const directories[] = {
    "bert-base-uncased", "bert-base-multilingual-cased",
    "all-MiniLM-L6-v2",  "bert-added-tokens-stress",
    "roberta-base",      "t5-small",
    "nmt-unigram-32k",   "multilingual-unigram-128k-spm",
    "qwen2-qwen3",       "modernbert-neox",
};

static wn_tokenizer *load(const char *path)
{
    wn_buf json = WN_BUF_INIT;
    wn_tokenizer *tokenizer = NULL;
    wn_error err;
    if (wn_str_ends(wn_str_from(path), WN_STR(".gguf"))) {
        wn_gguf *gguf = NULL;
        assert_ok(wn_gguf_open(&gguf, path, &err), &err);
        assert_ok(wn_gguf_tokenizer_write(&json, gguf, &err), &err);
        wn_gguf_close(gguf);
    } else {
        assert_ok(wn_file_read(&json, path, 1u << 30, &err), &err);
    }
    assert_ok(wn_tokenizer_parse(&tokenizer, wn_buf_str(&json), &err), &err);
    wn_buf_deinit(&json);
    return tokenizer;
}

static void encode(wn_encoder *encoder, wn_ids *out, const json_t *text)
{
    wn_error err;
    out->n = 0;
    if (json_is_string(text))
        assert_ok(wn_encode(encoder, out,
                            (wn_str){json_string_value(text), json_string_length(text)}, false,
                            &err),
                  &err);
}

/* Room for the sequences; false when the reference refuses. */
static bool truncate_pair(const wn_tokenizer *tokenizer, const json_t *record, wn_ids *a, wn_ids *b)
{
    const json_t *max = json_object_get(record, "max");
    const char *name = json_string_value(json_object_get(record, "strategy"));
    bool pair = json_is_string(json_object_get(record, "b"));
    if (!json_is_integer(max))
        return true;
    size_t special = json_is_true(json_object_get(record, "special"))
                         ? wn_tokenizer_n_special(tokenizer, pair)
                         : 0;
    size_t limit = (size_t)json_integer_value(max);
    wn_truncation strategy = WN_TRUNCATE_LONGEST_FIRST;
    if (name != NULL && strstr(name, "econd") != NULL)
        strategy = WN_TRUNCATE_ONLY_SECOND;
    if (name != NULL && strstr(name, "irst") != NULL && strstr(name, "onge") == NULL)
        strategy = WN_TRUNCATE_ONLY_FIRST;
    return wn_truncate(&a->n, &b->n, limit > special ? limit - special : 0, strategy);
}

static bool same_numbers(const json_t *want, const int32_t *got, size_t n)
{
    if (json_array_size(want) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (json_integer_value(json_array_get(want, i)) != got[i])
            return false;
    }
    return true;
}

/* 1 when the record is reproduced. */
static size_t check_record(const wn_tokenizer *tokenizer, wn_encoder *encoder, const json_t *record)
{
    wn_ids a = WN_IDS_INIT, b = WN_IDS_INIT;
    const json_t *second = json_object_get(record, "b");
    bool pair = json_is_string(second), special = json_is_true(json_object_get(record, "special"));
    encode(encoder, &a, json_object_get(record, "a"));
    encode(encoder, &b, second);
    bool room = truncate_pair(tokenizer, record, &a, &b), same;
    if (json_object_get(record, "error") != NULL || !room) {
        same = !room && json_object_get(record, "error") != NULL;
    } else {
        size_t cap = a.n + b.n + 16;
        int32_t *ids = wn_mem_alloc(cap, sizeof *ids), *types = wn_mem_alloc(cap, sizeof *types);
        assert_true(ids != NULL && types != NULL);
        static const int32_t none[1];
        size_t n =
            wn_tokenizer_assemble(tokenizer, ids, types, a.ids, a.n,
                                  pair ? (b.ids == NULL ? none : b.ids) : NULL, b.n, special);
        same = same_numbers(json_object_get(record, "ids"), ids, n) &&
               same_numbers(json_object_get(record, "types"), types, n);
        if (!same) {
            char *text = json_dumps(record, JSON_COMPACT);
            printf("# differs: %.300s\n#   got", text);
            for (size_t i = 0; i < n && i < 40; i++)
                printf(" %d", ids[i]);
            printf("\n");
            free(text);
        }
        wn_mem_free(ids);
        wn_mem_free(types);
    }
    wn_ids_deinit(&a);
    wn_ids_deinit(&b);
    return same;
}

static void check_directory(size_t *n_same, size_t *n_all, const char *name,
                            const char *tokenizer_path, const char *goldens_path)
{
    wn_tokenizer *tokenizer = load(tokenizer_path);
    wn_encoder *encoder = NULL;
    wn_error err;
    assert_ok(wn_encoder_new(&encoder, tokenizer, &err), &err);
    FILE *f = fopen(goldens_path, "r");
    assert_non_null(f);
    static char line[1 << 20];
    size_t same = 0, all = 0;
    while (fgets(line, sizeof line, f) != NULL) {
        json_t *record = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_non_null(record);
        same += check_record(tokenizer, encoder, record);
        all++;
        json_decref(record);
    }
    fclose(f);
    if (same != all)
        printf("# %s: %zu of %zu\n", name, same, all);
    wn_encoder_free(encoder);
    wn_tokenizer_free(tokenizer);
    *n_same += same;
    *n_all += all;
}

static void every_component_gives_the_ids_of_the_reference(void **state)
{
    (void)state;
    char tokenizer[256], goldens[256];
    json_t *versions = json_load_file("tests/golden/tokens/versions.json", 0, NULL), *name;
    json_t *names = json_object_get(versions, "directories");
    size_t same = 0, all = 0, i;
    json_array_foreach(names, i, name)
    {
        const char *text = json_string_value(name);
        snprintf(tokenizer, sizeof tokenizer, "tests/golden/tokens/%s/tokenizer.json", text);
        snprintf(goldens, sizeof goldens, "tests/golden/tokens/%s/goldens.jsonl", text);
        check_directory(&same, &all, text, tokenizer, goldens);
    }
    printf("# %zu tokenizers, %zu of %zu records\n", json_array_size(names), same, all);
    assert_int_equal(all, json_integer_value(json_object_get(versions, "records")));
    assert_int_equal(same, all);
    json_decref(versions);
}

static void published_tokenizers_give_the_ids_of_the_reference(void **state)
{
    (void)state;
    if (check_shared("tokenizers/t5-small/tokenizer.json") == NULL) {
        printf("# the folder of reference tokenizers is not there\n");
        skip();
    }
    size_t same = 0, all = 0;
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        char path[256], tokenizer[4096];
        snprintf(path, sizeof path, "tokenizers/%s/tokenizer.json", directories[i]);
        snprintf(tokenizer, sizeof tokenizer, "%s", check_shared(path));
        snprintf(path, sizeof path, "tokenizers/%s/hf-goldens.jsonl", directories[i]);
        check_directory(&same, &all, directories[i], tokenizer, check_shared(path));
    }
    printf("# %zu of %zu records\n", same, all);
    assert_int_equal(all, 2740);
    assert_int_equal(same, all);
}

/* 1 when the text of the record's ids is the reference's. */
static size_t check_decoded(const wn_tokenizer *tokenizer, const json_t *record)
{
    const json_t *list = json_object_get(record, "ids"), *want = json_object_get(record, "text");
    bool keep = json_is_false(json_object_get(record, "skip"));
    static int32_t ids[4096];
    size_t n = json_array_size(list);
    wn_buf text = WN_BUF_INIT;
    wn_error err;
    assert_true(n <= sizeof ids / sizeof *ids);
    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    assert_ok(wn_decode(tokenizer, &text, ids, n, keep, &err), &err);
    bool same = wn_str_equal(wn_buf_str(&text),
                             (wn_str){json_string_value(want), json_string_length(want)});
    if (!same) {
        char *line = json_dumps(record, JSON_COMPACT);
        printf("# differs: %.300s\n#   got '%.*s'\n", line, WN_STR_ARG(wn_buf_str(&text)));
        free(line);
    }
    wn_buf_deinit(&text);
    return same;
}

static void check_decoded_file(size_t *n_same, size_t *n_all, const char *tokenizer_path,
                               const char *goldens_path)
{
    wn_tokenizer *tokenizer = load(tokenizer_path);
    static char line[1 << 20];
    FILE *f = fopen(goldens_path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        json_t *record = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_non_null(record);
        *n_same += check_decoded(tokenizer, record);
        ++*n_all;
        json_decref(record);
    }
    fclose(f);
    wn_tokenizer_free(tokenizer);
}

static void every_decoder_gives_the_text_of_the_reference(void **state)
{
    (void)state;
    char tokenizer[256], goldens[256];
    json_t *versions = json_load_file("tests/golden/tokens/versions.json", 0, NULL), *name;
    size_t same = 0, all = 0, i;
    json_array_foreach(json_object_get(versions, "directories"), i, name)
    {
        const char *text = json_string_value(name);
        snprintf(tokenizer, sizeof tokenizer, "tests/golden/tokens/%s/tokenizer.json", text);
        snprintf(goldens, sizeof goldens, "tests/golden/tokens/%s/decoded.jsonl", text);
        check_decoded_file(&same, &all, tokenizer, goldens);
    }
    printf("# %zu of %zu records\n", same, all);
    assert_int_equal(all, json_integer_value(json_object_get(versions, "decoded")));
    assert_int_equal(same, all);
    json_decref(versions);
}

static void published_tokenizers_give_the_text_of_the_reference(void **state)
{
    (void)state;
    if (check_shared("tokenizers/t5-small/tokenizer.json") == NULL) {
        printf("# the folder of reference tokenizers is not there\n");
        skip();
    }
    size_t same = 0, all = 0;
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        char path[256], goldens[256];
        snprintf(path, sizeof path, "tokenizers/%s/tokenizer.json", directories[i]);
        snprintf(goldens, sizeof goldens, "tests/golden/decoded/%s.jsonl", directories[i]);
        check_decoded_file(&same, &all, check_shared(path), goldens);
    }
    printf("# %zu of %zu records\n", same, all);
    assert_int_equal(all, 2120);
    assert_int_equal(same, all);
}

/* Texts separated by a marker line, and a line of ids for each. */
static void check_llama_goldens(size_t *n_all, const char *files, const char *name)
{
    char path[256];
    wn_buf texts = WN_BUF_INIT;
    wn_error err;
    snprintf(path, sizeof path, "tokenizers/llama-cpp-goldens/%s.inp", files);
    assert_ok(wn_file_read(&texts, check_shared(path), 1 << 24, &err), &err);
    snprintf(path, sizeof path, "tokenizers/%s/tokenizer.json", name);
    wn_tokenizer *tokenizer = load(check_shared(path));
    wn_encoder *encoder = NULL;
    assert_ok(wn_encoder_new(&encoder, tokenizer, &err), &err);
    snprintf(path, sizeof path, "tokenizers/llama-cpp-goldens/%s.out", files);
    FILE *f = fopen(check_shared(path), "r");
    assert_non_null(f);
    static const char marker[] = "\n__ggml_vocab_test__\n";
    static char line[1 << 16];
    wn_ids ids = WN_IDS_INIT;
    size_t n = 0;
    for (char *at = texts.ptr, *end = texts.ptr + texts.len; fgets(line, sizeof line, f) != NULL;
         n++) {
        char *stop = memmem(at, (size_t)(end - at), marker, sizeof marker - 1), *number = line;
        size_t len = (size_t)((stop == NULL ? end : stop) - at), count = 0;
        ids.n = 0;
        assert_ok(wn_encode(encoder, &ids, (wn_str){at, len}, false, &err), &err);
        for (char *rest; *number != '\0'; number = rest, count++) {
            long id = strtol(number, &rest, 10);
            if (rest == number)
                break;
            if (count >= ids.n || ids.ids[count] != id)
                fail_msg("%s text %zu: id %zu is %d, expected %ld", files, n, count,
                         count < ids.n ? ids.ids[count] : -1, id);
        }
        assert_int_equal(count, ids.n);
        at = stop == NULL ? end : stop + sizeof marker - 1;
    }
    fclose(f);
    printf("# %s: %zu texts\n", files, n);
    *n_all += n;
    wn_ids_deinit(&ids);
    wn_encoder_free(encoder);
    wn_tokenizer_free(tokenizer);
    wn_buf_deinit(&texts);
}

static void llama_cpp_goldens_are_reproduced(void **state)
{
    (void)state;
    if (check_shared("tokenizers/llama-cpp-goldens/qwen2.inp") == NULL) {
        printf("# the folder of reference tokenizers is not there\n");
        skip();
    }
    size_t all = 0;
    check_llama_goldens(&all, "bert-bge", "bert-base-uncased");
    check_llama_goldens(&all, "qwen2", "qwen2-qwen3");
    check_llama_goldens(&all, "roberta-bpe", "roberta-base");
    assert_int_equal(all, 3 * 46);
}

/* Files that tools/make_gguf.py made of tokenizers with goldens. */
static void gguf_metadata_gives_the_ids_and_texts_of_the_reference(void **state)
{
    (void)state;
    static const struct {
        const char *name, *goldens;
        bool has_texts;
    } files[] = {
        {"wordpiece", "tokens/wordpiece", false},
        {"wordpiece-cased", "tokens/wordpiece-cased", false},
        {"wordpiece-accents", "tokens/wordpiece-accents", false},
        {"gpt2", "tokens/gpt2", true},
        {"bpe-qwen", "tokens/bpe-qwen", true},
        {"xlmr", "gguf/tokens/xlmr", false},
        {"xlmr-mask-lost", "gguf/tokens/xlmr", false},
        {"gemma", "gguf/tokens/gemma", false}, /* which tokens are special is not all kept */
        {"gemma-plain", "gguf/tokens/gemma-plain", true},
    };
    size_t same = 0, all = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char file[256], goldens[256];
        snprintf(file, sizeof file, "tests/golden/gguf/tokens/%s.gguf", files[i].name);
        snprintf(goldens, sizeof goldens, "tests/golden/%s/goldens.jsonl", files[i].goldens);
        check_directory(&same, &all, files[i].name, file, goldens);
        snprintf(goldens, sizeof goldens, "tests/golden/%s/decoded.jsonl", files[i].goldens);
        if (files[i].has_texts)
            check_decoded_file(&same, &all, file, goldens);
    }
    printf("# %zu of %zu records\n", same, all);
    assert_int_equal(all, 7 * 56 + 2 * 212 + 2 * 68 + 236);
    assert_int_equal(same, all);
}

/* A vocabulary that llama.cpp publishes; with WINNOW_GGUF_TOKENS=DIR those that
 * tools/make_gguf.py --tokens made of the published ones, too. */
static void published_gguf_vocabularies_give_the_ids_of_the_reference(void **state)
{
    (void)state;
    if (check_shared("tokenizers/llama-cpp-goldens/ggml-vocab-bert-bge.gguf") == NULL) {
        printf("# the folder of reference tokenizers is not there\n");
        skip();
    }
    const char *made = getenv("WINNOW_GGUF_TOKENS");
    char file[4096], goldens[256];
    size_t same = 0, all = 0, n_files = 1;
    snprintf(file, sizeof file, "%s",
             check_shared("tokenizers/llama-cpp-goldens/ggml-vocab-bert-bge.gguf"));
    check_directory(&same, &all, "bert-bge", file,
                    check_shared("tokenizers/bert-base-uncased/hf-goldens.jsonl"));
    for (size_t i = 0; made != NULL && i < sizeof directories / sizeof directories[0]; i++) {
        snprintf(file, sizeof file, "%s/%s.gguf", made, directories[i]);
        snprintf(goldens, sizeof goldens, "tokenizers/%s/hf-goldens.jsonl", directories[i]);
        if (!wn_file_exists(file))
            continue;
        check_directory(&same, &all, directories[i], file, check_shared(goldens));
        n_files++;
    }
    printf("# %zu files, %zu of %zu records\n", n_files, same, all);
    assert_int_equal(all, 274 * n_files);
    assert_int_equal(same, all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama_cpp_goldens_are_reproduced),
        cmocka_unit_test(every_component_gives_the_ids_of_the_reference),
        cmocka_unit_test(published_tokenizers_give_the_ids_of_the_reference),
        cmocka_unit_test(every_decoder_gives_the_text_of_the_reference),
        cmocka_unit_test(published_tokenizers_give_the_text_of_the_reference),
        cmocka_unit_test(gguf_metadata_gives_the_ids_and_texts_of_the_reference),
        cmocka_unit_test(published_gguf_vocabularies_give_the_ids_of_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
