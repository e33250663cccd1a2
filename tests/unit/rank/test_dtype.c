/* Dtypes of compute: what can be asked for, and how near they are to f32. */
#include "tests/support/check.h"

#include "base/defs.h"
#include "winnow.h"

static wn_status open_engine(wn_engine **out, const char *model_dir, const char *level,
                             const char *dtype, wn_error *err)
{
    wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    options.model_dir = model_dir;
    options.cpu_level = level;
    options.dtype = dtype;
    return wn_engine_open(out, &options, err);
}

static wn_dtype_report report_of(const char *model_dir, const char *level, const char *dtype)
{
    wn_engine *engine = NULL;
    wn_error err;
    wn_dtype_report report = WN_DTYPE_REPORT_INIT;
    assert_ok(open_engine(&engine, model_dir, level, dtype, &err), &err);
    assert_ok(wn_engine_check_dtype(engine, &report, &err), &err);
    wn_engine_close(engine);
    return report;
}

/* The reference of the comparison packs each layer in its turn: the same bits as all at once. */
static void f32_is_equal_to_its_reference(void **state)
{
    (void)state;
    static const char *const models[] = {NULL, "tests/golden/models/bert",
                                         "tests/golden/models/xlmr", "tests/golden/models/colbert",
                                         "tests/golden/models/jina-v2-flash"};
    for (size_t i = 0; i < WN_ARRAY_LEN(models); i++) {
        wn_dtype_report report = report_of(models[i], NULL, NULL);
        assert_true(report.good);
        assert_true(report.tau == 1);
        assert_true(report.largest == 0);
        assert_true(report.spread > 0);
    }
}

static void low_precision_keeps_the_order(void **state)
{
    (void)state;
    static const char *const dtypes[] = {"bf16", "int8"};
    for (size_t i = 0; i < WN_ARRAY_LEN(dtypes); i++) {
        wn_dtype_report report = report_of(NULL, "scalar", dtypes[i]);
        assert_true(report.good);
        assert_true(report.largest > 0 && report.largest < 0.05 * report.spread);
    }
}

static void a_dtype_that_cannot_be_is_an_error(void **state)
{
    (void)state;
    wn_engine *engine = NULL;
    wn_error err;
    assert_fails(open_engine(&engine, NULL, NULL, "int4", &err), WN_ERR_ARGUMENT, &err,
                 "dtype 'int4': expected auto, f32, bf16 or int8");
    if (open_engine(&engine, NULL, "avx2", NULL, &err) != WN_OK)
        skip();
    wn_engine_close(engine);
    assert_fails(open_engine(&engine, NULL, "avx2", "bf16", &err), WN_ERR_ARGUMENT, &err,
                 "dtype 'bf16': the CPU level 'avx2' has no product of it");
}

static void auto_takes_the_fastest_that_is_good_and_says_why(void **state)
{
    (void)state;
    wn_engine *engine = NULL;
    wn_error err;
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    assert_ok(open_engine(&engine, NULL, "scalar", "auto", &err), &err);
    assert_ok(wn_engine_get_info(engine, &info, &err), &err);
    assert_string_equal(info.dtype, "int8");
    assert_non_null(strstr(info.dtype_reason, "int8: of 24 pairs Kendall's tau to f32 is "));
    wn_engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f32_is_equal_to_its_reference),
        cmocka_unit_test(low_precision_keeps_the_order),
        cmocka_unit_test(a_dtype_that_cannot_be_is_an_error),
        cmocka_unit_test(auto_takes_the_fastest_that_is_good_and_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
