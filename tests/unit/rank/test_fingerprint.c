/* The fingerprint: the same for the same model, another for every change. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/defs.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/safetensors.h"
#include "rank/fingerprint.h"

enum { SMALL = 16, LARGE = 6000 }; /* data bytes of the two tensors */

/* A safetensors file with two tensors; data [SMALL + LARGE]. */
static uint64_t print_of(const char *name, const char *dtype, const unsigned char *data)
{
    static char bytes[8 + 512 + SMALL + LARGE];
    wn_error err;
    wn_tensors *set;
    int n = snprintf(bytes + 8, 512,
                     "{\"%s\":{\"dtype\":\"%s\",\"shape\":[8],\"data_offsets\":[0,16]},"
                     "\"large\":{\"dtype\":\"F32\",\"shape\":[1500],\"data_offsets\":[16,6016]}}",
                     name, dtype);
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (char)((size_t)n >> 8 * i);
    memcpy(bytes + 8 + n, data, SMALL + LARGE);
    const wn_str file = {bytes, 8 + (size_t)n + SMALL + LARGE};
    assert_ok(wn_safetensors_parse(&set, file, "m", &err), &err);
    uint64_t print = wn_fingerprint_tensors(7, set);
    wn_tensors_close(set);
    return print;
}

static void tensors_show_by_name_type_and_sampled_data(void **state)
{
    (void)state;
    static unsigned char data[SMALL + LARGE];
    uint64_t plain = print_of("small", "F16", data);
    assert_true(plain == print_of("small", "F16", data));
    assert_true(plain != print_of("smalm", "F16", data));
    assert_true(plain != print_of("small", "BF16", data));
    /* every byte of the small tensor; of the large one beginning, middle and end */
    const size_t read[] = {0, 15, SMALL, SMALL + 1023, SMALL + LARGE / 2, SMALL + LARGE - 1};
    for (size_t i = 0; i < WN_ARRAY_LEN(read); i++) {
        data[read[i]] = 1;
        assert_true(plain != print_of("small", "F16", data));
        data[read[i]] = 0;
    }
    data[SMALL + 1024] = 1; /* between the samples */
    assert_true(plain == print_of("small", "F16", data));
}

static void file_that_is_empty_is_not_one_that_is_missing(void **state)
{
    (void)state;
    const wn_str missing = {NULL, 0}, empty = {"", 0}, one = {"{}", 2}, other = {"[]", 2};
    const wn_str files[] = {missing, empty, one, other};
    for (size_t i = 0; i < WN_ARRAY_LEN(files); i++) {
        for (size_t j = 0; j < i; j++)
            assert_true(wn_fingerprint_file(1, files[i]) != wn_fingerprint_file(1, files[j]));
    }
    uint64_t a = wn_fingerprint_file(wn_fingerprint_file(1, one), missing),
             b = wn_fingerprint_file(wn_fingerprint_file(1, missing), one);
    assert_true(a != b);
}

static void engines_of_one_model_agree_and_those_of_two_do_not(void **state)
{
    (void)state;
    static const char *const dirs[] = {
        NULL, "tests/golden/models/bert", "tests/golden/models/bert-eps", /* another config.json */
        "tests/golden/models/bert-sharded", "tests/golden/models/colbert"};
    char prints[2 * WN_ARRAY_LEN(dirs)][17];
    wn_error err;
    for (size_t i = 0; i < WN_ARRAY_LEN(prints); i++) {
        wn_engine *engine = check_engine(dirs[i / 2], i % 2 == 0 ? NULL : "scalar");
        wn_engine_info info = WN_ENGINE_INFO_INIT;
        assert_ok(wn_engine_get_info(engine, &info, &err), &err);
        assert_int_equal(strlen(info.fingerprint), 16);
        assert_int_equal(strspn(info.fingerprint, "0123456789abcdef"), 16);
        memcpy(prints[i], info.fingerprint, 17);
        for (size_t j = 0; j < i; j++)
            assert_int_equal(strcmp(prints[i], prints[j]) == 0, i / 2 == j / 2);
        wn_engine_close(engine);
    }
}

static void longest_document_is_what_the_model_reads_at_once(void **state)
{
    (void)state;
    static const char *const dirs[] = {NULL, "tests/golden/models/bert",
                                       "tests/golden/models/embed-mean"};
    static char text[4096];
    wn_error err;
    for (size_t i = 0; i < WN_ARRAY_LEN(dirs); i++) {
        wn_engine *engine = check_engine(dirs[i], NULL);
        wn_engine_info info = WN_ENGINE_INFO_INIT;
        assert_ok(wn_engine_get_info(engine, &info, &err), &err);
        wn_runner *runner = check_runner(engine, 1, 0);
        size_t most = (size_t)info.max_document_tokens;
        assert_true(most > 8 && 2 * (most + 1) < sizeof text);
        for (size_t n = most; n <= most + 1; n++) { /* one token a word */
            for (size_t k = 0; k < n; k++)
                memcpy(text + 2 * k, "a ", 2);
            const wn_str document = {text, 2 * n}, none = {NULL, 0}, query = WN_STR("balan");
            bool pairs = info.kind == WN_KIND_CROSS_ENCODER;
            wn_request request = check_request(pairs ? none : query, &document, 1);
            request.long_docs = WN_LONG_DOCS_ERROR;
            wn_job *job = NULL;
            assert_int_equal(wn_job_new(&job, runner, &request, &err),
                             n == most ? WN_OK : WN_ERR_LIMIT);
            wn_job_free(job);
        }
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_show_by_name_type_and_sampled_data),
        cmocka_unit_test(file_that_is_empty_is_not_one_that_is_missing),
        cmocka_unit_test(engines_of_one_model_agree_and_those_of_two_do_not),
        cmocka_unit_test(longest_document_is_what_the_model_reads_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
