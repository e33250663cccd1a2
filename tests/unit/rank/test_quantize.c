/* Quantised models: in int8 they are the original to the bit, in other dtypes near to it; what
 * cannot be written leaves nothing behind. */
#define _GNU_SOURCE
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/file.h"
#include "base/str.h"
#include "kernel/kernel.h"

#include <dirent.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static wn_error err;
static char folder[] = "/tmp/winnow-quantize-XXXXXX";
static char out_dir[64];

static wn_engine *open_engine(const char *model_dir, const char *level, const char *dtype)
{
    wn_engine *engine = NULL;
    wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    options.model_dir = model_dir;
    options.cpu_level = level;
    options.dtype = dtype;
    assert_ok(wn_engine_open(&engine, &options, &err), &err);
    return engine;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    (void)info, (void)kind, (void)ftw;
    return remove(path);
}

static void remove_out(void)
{
    (void)nftw(out_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static wn_quantize_report quantize(const char *model_dir)
{
    wn_quantize_report report = WN_QUANTIZE_REPORT_INIT;
    const wn_quantize_options options = WN_QUANTIZE_OPTIONS_INIT;
    wn_engine *engine = open_engine(model_dir, "scalar", "int8");
    remove_out();
    assert_ok(wn_quantize(&report, engine, out_dir, &options, &err), &err);
    wn_engine_close(engine);
    return report;
}

enum { N = 4 };

static void score(float logits[N], const char *model_dir, const char *level, const char *dtype)
{
    const wn_str documents[N] = {
        WN_STR("balan bamer celan"), WN_STR("dimer. fonis! Rome is the capital of Italy"),
        WN_STR("zzz gutok"), WN_STR("a quite long text about bread, which rests overnight")};
    wn_engine *engine = open_engine(model_dir, level, dtype);
    wn_runner *runner = check_runner(engine, 1, 0);
    wn_request request = check_request(WN_STR("balan capital dimer"), documents, N);
    wn_job *job = NULL;
    size_t n;
    assert_ok(wn_rank(&job, runner, &request, &err), &err);
    const wn_result *results = wn_job_results(job, &n);
    assert_int_equal(n, N);
    for (size_t i = 0; i < n; i++)
        logits[results[i].index] = results[i].logit;
    wn_job_free(job);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static const char *const models[] = {NULL,
                                     "tests/golden/models/bert",
                                     "tests/golden/models/bert-f16",
                                     "tests/golden/models/bert-bf16",
                                     "tests/golden/models/bert-gamma-beta",
                                     "tests/golden/models/bert-sharded",
                                     "tests/golden/models/xlmr",
                                     "tests/golden/models/roberta-bpe",
                                     "tests/golden/models/jina-v2-flash",
                                     "tests/golden/models/colbert",
                                     "tests/golden/models/embed-mean",
                                     "tests/golden/models/embed-mean-st6"};

static void in_int8_the_bits_are_those_of_the_original(void **state)
{
    (void)state;
    size_t n_levels;
    const char *reason, *const *levels = wn_kernels_levels(&n_levels);
    for (size_t m = 0; m < WN_ARRAY_LEN(models); m++) {
        (void)quantize(models[m]);
        for (size_t l = 0; l < n_levels; l++) {
            const wn_kernels *kernels = wn_kernels_get(levels[l], &reason);
            float want[N], got[N];
            if (kernels == NULL || kernels->gemm_i8 == NULL)
                continue;
            score(want, models[m], levels[l], "int8");
            score(got, out_dir, levels[l], "int8");
            for (size_t i = 0; i < N; i++) {
                if (memcmp(&want[i], &got[i], sizeof(float)) != 0)
                    fail_msg("%s, %s: logit %zu is %a, expected %a", models[m], levels[l], i,
                             (double)got[i], (double)want[i]);
            }
        }
    }
}

static void in_other_dtypes_it_is_near_to_the_original(void **state)
{
    (void)state;
    static const char *const dtypes[] = {"f32", "bf16"};
    float want[N], got[N];
    (void)quantize(NULL);
    score(want, NULL, NULL, "f32");
    for (size_t d = 0; d < WN_ARRAY_LEN(dtypes); d++) {
        score(got, out_dir, "scalar", dtypes[d]);
        for (size_t i = 0; i < N; i++) {
            if (!(fabsf(want[i] - got[i]) < 0.2f))
                fail_msg("%s: logit %zu is %f, expected %f", dtypes[d], i, (double)got[i],
                         (double)want[i]);
        }
    }
}

static void it_is_smaller_and_has_all_that_the_original_says(void **state)
{
    (void)state;
    wn_engine_info before = WN_ENGINE_INFO_INIT, after = WN_ENGINE_INFO_INIT;
    wn_quantize_report report = quantize("tests/golden/models/embed-mean");
    wn_engine *engine = check_engine("tests/golden/models/embed-mean", NULL);
    wn_engine *small = check_engine(out_dir, NULL);
    assert_ok(wn_engine_get_info(engine, &before, &err), &err);
    assert_ok(wn_engine_get_info(small, &after, &err), &err);
    assert_int_equal(report.n_matrices, 6 * (size_t)before.n_layers);
    assert_true(report.bytes_after < report.bytes_before);
    assert_int_equal(after.n_parameters, before.n_parameters);
    assert_int_equal(after.max_tokens, before.max_tokens);
    assert_int_equal(after.kind, before.kind);
    assert_string_equal(after.tokenizer, before.tokenizer);
    assert_string_not_equal(after.fingerprint, before.fingerprint);
    wn_engine_close(engine);
    wn_engine_close(small);
}

static bool stop(void *user)
{
    size_t *left = user;
    return (*left)-- == 0;
}

static void see(void *user, uint64_t n_done, uint64_t n_bytes)
{
    (void)user;
    assert_true(n_done <= n_bytes && n_done > 0);
}

static void see_no_page(void *user, uint64_t n_done, uint64_t n_bytes)
{
    size_t *n_seen = user, n_maps;
    (void)n_done, (void)n_bytes;
    assert_int_equal(check_resident(".safetensors", &n_maps), 0);
    assert_true(n_maps > 0);
    (*n_seen)++;
}

static void pages_of_the_original_are_let_go(void **state)
{
    (void)state;
    size_t n_seen = 0;
    wn_engine *engine = open_engine("tests/golden/models/bert-sharded", "scalar", "int8");
    wn_quantize_report report = WN_QUANTIZE_REPORT_INIT;
    wn_quantize_options options = WN_QUANTIZE_OPTIONS_INIT;
    options.progress = see_no_page;
    options.user = &n_seen;
    remove_out();
    assert_ok(wn_quantize(&report, engine, out_dir, &options, &err), &err);
    assert_true(n_seen > 10);
    wn_engine_close(engine);
}

static void a_stop_at_any_time_leaves_nothing(void **state)
{
    (void)state;
    wn_engine *engine = open_engine("tests/golden/models/embed-cls", "scalar", "int8");
    wn_quantize_report report = WN_QUANTIZE_REPORT_INIT;
    wn_quantize_options options = WN_QUANTIZE_OPTIONS_INIT;
    size_t n_stopped = 0;
    wn_status status = WN_ERR_CANCELLED;
    options.should_stop = stop;
    options.progress = see;
    remove_out();
    for (size_t after = 0; status == WN_ERR_CANCELLED; after++) {
        size_t left = after;
        options.user = &left;
        status = wn_quantize(&report, engine, out_dir, &options, &err);
        n_stopped += status == WN_ERR_CANCELLED;
        assert_int_equal(wn_file_exists(out_dir), status == WN_OK);
        assert_int_equal(report.n_matrices > 0, status == WN_OK);
    }
    assert_ok(status, &err);
    assert_true(n_stopped > 10);
    wn_engine_close(engine);
}

static void what_cannot_be_is_an_error(void **state)
{
    (void)state;
    wn_quantize_report report = WN_QUANTIZE_REPORT_INIT;
    const wn_quantize_options options = WN_QUANTIZE_OPTIONS_INIT;
    wn_engine *engine = open_engine("tests/golden/models/bert", "scalar", "f32");
    remove_out();
    assert_fails(wn_quantize(&report, engine, NULL, &options, &err), WN_ERR_ARGUMENT, &err,
                 "out_dir is NULL");
    assert_fails(wn_quantize(&report, engine, "tests/golden/models/bert", &options, &err),
                 WN_ERR_ARGUMENT, &err, "bert' is not empty");
    report.struct_size = 3;
    assert_fails(wn_quantize(&report, engine, out_dir, &options, &err), WN_ERR_ARGUMENT, &err,
                 "wn_quantize_report");
    assert_false(wn_file_exists(out_dir));
    report.struct_size = sizeof report;
    assert_ok(wn_quantize(&report, engine, out_dir, &options, &err), &err);
    wn_engine_close(engine);
    engine = open_engine(out_dir, "scalar", "f32");
    assert_fails(wn_quantize(&report, engine, folder, &options, &err), WN_ERR_UNSUPPORTED, &err,
                 "attention.self.query.weight': is I8 already");
    wn_engine_close(engine);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(out_dir, sizeof out_dir, "%s/out", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    remove_out();
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_int8_the_bits_are_those_of_the_original),
        cmocka_unit_test(in_other_dtypes_it_is_near_to_the_original),
        cmocka_unit_test(it_is_smaller_and_has_all_that_the_original_says),
        cmocka_unit_test(pages_of_the_original_are_let_go),
        cmocka_unit_test(a_stop_at_any_time_leaves_nothing),
        cmocka_unit_test(what_cannot_be_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
