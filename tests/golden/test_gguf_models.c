/* A GGUF file scores as the directory of the same weights widened to F32 (tools/make_gguf.py): the
 * same bits, on every level, in every dtype. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/str.h"
#include "kernel/kernel.h"

#include <jansson.h>

#define ROOT      "tests/golden/gguf/"
#define CASES     "tests/golden/models/bert/cases.jsonl"
#define CASES_MAX 64

static const char *const models[] = {
    "bert",         "bert-wide",        "roberta", "xlmr",       "jina-flash",  "qwen3",
    "qwen3-untied", "qwen3-rank",       "qwen2",   "modern-cls", "modern-mean", "modern-embed",
    "jina-embed",   "jina-embed-split", "distil",  "gemma"};

static json_t *rows[CASES_MAX];
static size_t n_rows;

static int load_rows(void **state)
{
    (void)state;
    static char line[1 << 16];
    FILE *f = fopen(CASES, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL && n_rows < CASES_MAX)
        rows[n_rows++] = json_loads(line, 0, NULL);
    if (f != NULL)
        fclose(f);
    return n_rows > 0 ? 0 : -1;
}

static int free_rows(void **state)
{
    (void)state;
    while (n_rows > 0)
        json_decref(rows[--n_rows]);
    return 0;
}

static wn_str text_of(size_t row, const char *key)
{
    const json_t *value = json_object_get(rows[row], key);
    return (wn_str){json_string_value(value), json_string_length(value)};
}

static wn_engine *open_model(const char *path, const char *level, const char *dtype)
{
    wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    wn_engine *engine = NULL;
    wn_error err;
    options.model_dir = path;
    options.cpu_level = level;
    options.dtype = dtype;
    assert_ok(wn_engine_open(&engine, &options, &err), &err);
    return engine;
}

static void score_all(float *out, const wn_engine *engine)
{
    wn_runner *runner = check_runner(engine, 1, 0);
    for (size_t i = 0; i < n_rows; i++) {
        wn_str document = text_of(i, "document");
        wn_request request = check_request(text_of(i, "query"), &document, 1);
        wn_job *job = NULL;
        wn_error err;
        size_t n;
        assert_ok(wn_rank(&job, runner, &request, &err), &err);
        out[i] = wn_job_results(job, &n)->logit;
        wn_job_free(job);
    }
    wn_runner_free(runner);
}

/* Returns whether the scores differ from each other, as they must to prove anything. */
static bool compare(const char *name, const char *level, const char *dtype)
{
    char file[64], dir[64];
    float got[CASES_MAX], want[CASES_MAX];
    bool differ = false;
    snprintf(file, sizeof file, ROOT "%s.gguf", name);
    snprintf(dir, sizeof dir, ROOT "%s", name);
    wn_engine *engine = open_model(file, level, dtype);
    score_all(got, engine);
    wn_engine_close(engine);
    engine = open_model(dir, level, dtype);
    score_all(want, engine);
    wn_engine_close(engine);
    for (size_t i = 0; i < n_rows; i++) {
        if (memcmp(&got[i], &want[i], sizeof got[i]) != 0)
            fail_msg("%s, %s, %s: case %zu: %.9g, expected %.9g", name, level, dtype, i,
                     (double)got[i], (double)want[i]);
        differ |= fabsf(got[i] - got[0]) > 0.05f;
    }
    return differ;
}

static void file_scores_as_the_directory_of_its_widened_weights(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        wn_dtype dtype;
    } dtypes[] = {{"f32", WN_DTYPE_F32}, {"bf16", WN_DTYPE_BF16}, {"int8", WN_DTYPE_I8}};
    size_t n_levels, n_tried = 0;
    const char *reason, *const *levels = wn_kernels_levels(&n_levels);
    for (size_t l = 0; l < n_levels; l++) {
        const wn_kernels *kernels = wn_kernels_get(levels[l], &reason);
        for (size_t d = 0; kernels != NULL && d < WN_ARRAY_LEN(dtypes); d++) {
            if (wn_kernels_gemm(kernels, dtypes[d].dtype) == NULL)
                continue;
            for (size_t m = 0; m < WN_ARRAY_LEN(models); m++) {
                assert_true(compare(models[m], levels[l], dtypes[d].name));
                n_tried++;
            }
        }
    }
    printf("# %zu comparisons of %zu scores\n", n_tried, n_rows);
    assert_true(n_tried >= 3 * WN_ARRAY_LEN(models));
}

static void facts_come_from_the_metadata(void **state)
{
    (void)state;
    wn_engine *engine = open_model(ROOT "xlmr.gguf", NULL, "f32");
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    wn_error err;
    assert_ok(wn_engine_get_info(engine, &info, &err), &err);
    assert_string_equal(info.model, ROOT "xlmr.gguf");
    assert_string_equal(info.family, "xlm-roberta");
    assert_string_equal(info.tokenizer, "Unigram");
    assert_string_equal(info.license, "apache-2.0");
    assert_string_equal(info.activation, "sigmoid");
    assert_int_equal(info.kind, WN_KIND_CROSS_ENCODER);
    assert_int_equal(info.max_tokens, 160);
    assert_int_equal(info.vocab, 131);
    wn_engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_scores_as_the_directory_of_its_widened_weights),
        cmocka_unit_test(facts_come_from_the_metadata),
    };
    return cmocka_run_group_tests(tests, load_rows, free_rows);
}
