/* wn_embed(): each option by what it changes.  The values are tested by tests/golden. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"
#include "tests/tolerance.h"

#include "base/defs.h"
#include "base/str.h"

#include <math.h>

enum { DIM = 32 };

static const wn_str texts[] = {{"balan bamer celan", 17}, {"dimer fonis", 11}, {"", 0}};
enum { N = WN_ARRAY_LEN(texts) };

static wn_error err;

static void embed(float *out, wn_runner *runner, const wn_str *text, size_t n,
                  wn_embed_options options)
{
    options.struct_size = sizeof options;
    assert_ok(wn_embed(out, runner, text, n, &options, &err), &err);
}

static void pooling_is_the_models_own_unless_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *dir;
        wn_pooling own, other;
    } models[] = {
        {"tests/golden/models/embed-mean", WN_POOLING_MEAN, WN_POOLING_CLS},
        {"tests/golden/models/embed-cls", WN_POOLING_CLS, WN_POOLING_MEAN},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(models); i++) {
        wn_engine *engine = check_engine(models[i].dir, NULL);
        wn_runner *runner = check_runner(engine, 1, 0);
        float is_auto[N * DIM], own[N * DIM], other[N * DIM];
        embed(is_auto, runner, texts, N, (wn_embed_options){0});
        embed(own, runner, texts, N, (wn_embed_options){.pooling = models[i].own});
        embed(other, runner, texts, N, (wn_embed_options){.pooling = models[i].other});
        assert_memory_equal(is_auto, own, sizeof own);
        for (size_t t = 0; t < N; t++)
            assert_memory_not_equal(own + t * DIM, other + t * DIM, DIM * sizeof(float));
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
}

static double length_of(const float *v)
{
    double square = 0;
    for (size_t j = 0; j < DIM; j++)
        square += (double)v[j] * (double)v[j];
    return sqrt(square);
}

static void vectors_have_length_1_unless_their_own_is_asked_for(void **state)
{
    (void)state;
    wn_engine *engine = check_engine("tests/golden/models/embed-mean", NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    float unit[N * DIM], own[N * DIM];
    embed(unit, runner, texts, N, (wn_embed_options){0});
    embed(own, runner, texts, N, (wn_embed_options){.no_normalize = true});
    for (size_t t = 0; t < N; t++) {
        double length = length_of(own + t * DIM);
        assert_true(fabs(length_of(unit + t * DIM) - 1) < TOLERANCE_UNIT &&
                    fabs(length - 1) > 1e-3);
        for (size_t j = 0; j < DIM; j++)
            assert_true(fabs((double)own[t * DIM + j] / length - (double)unit[t * DIM + j]) <
                        TOLERANCE_UNIT);
    }
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static void long_text_is_cut_and_told_or_refused(void **state)
{
    (void)state;
    wn_engine *engine = check_engine("tests/golden/models/embed-mean", NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    assert_ok(wn_engine_get_info(engine, &info, &err), &err);
    static char words[1000 * 6];
    for (size_t i = 0; i < 1000; i++)
        memcpy(words + i * 6, "balan ", 6);
    size_t room = 6 * (size_t)(info.max_tokens - 2);
    const wn_str both[] = {{words, room}, {words, sizeof words}};
    float out[2 * DIM];
    bool cut[2] = {true, false};
    embed(out, runner, both, 2, (wn_embed_options){.truncated = cut});
    assert_true(!cut[0] && cut[1]);
    assert_memory_equal(out, out + DIM, DIM * sizeof *out);
    wn_embed_options strict = {.struct_size = sizeof strict, .error_if_long = true};
    assert_ok(wn_embed(out, runner, both, 1, &strict, &err), &err);
    assert_fails(wn_embed(out, runner, both, 2, &strict, &err), WN_ERR_LIMIT, &err,
                 "text 1: 1002 tokens, at most");
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static void special_tokens_in_text_follow_the_options(void **state)
{
    (void)state;
    wn_engine *engine = check_engine("tests/golden/models/embed-mean", NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    const wn_str text = WN_STR("balan [SEP] dimer");
    float special[DIM], plain[DIM];
    embed(special, runner, &text, 1, (wn_embed_options){0});
    embed(plain, runner, &text, 1, (wn_embed_options){.plain_specials = true});
    assert_memory_not_equal(special, plain, sizeof plain);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static void models_without_a_vector_a_text_and_odd_poolings_are_refused(void **state)
{
    (void)state;
    static const char *const dirs[][2] = {
        {"tests/golden/models/bert", "is a cross-encoder"},
        {"tests/golden/models/colbert", "is a late-interaction model"},
    };
    float out[DIM];
    wn_embed_options options = WN_EMBED_OPTIONS_INIT;
    for (size_t i = 0; i < WN_ARRAY_LEN(dirs); i++) {
        wn_engine *engine = check_engine(dirs[i][0], NULL);
        wn_runner *runner = check_runner(engine, 1, 0);
        assert_fails(wn_embed(out, runner, texts, 1, &options, &err), WN_ERR_UNSUPPORTED, &err,
                     dirs[i][1]);
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
    wn_engine *engine = check_engine("tests/golden/models/embed-mean", NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    options.pooling = (wn_pooling)3;
    assert_fails(wn_embed(out, runner, texts, 1, &options, &err), WN_ERR_ARGUMENT, &err,
                 "pooling is 3");
    wn_runner_free(runner);
    wn_engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pooling_is_the_models_own_unless_asked_for),
        cmocka_unit_test(vectors_have_length_1_unless_their_own_is_asked_for),
        cmocka_unit_test(long_text_is_cut_and_told_or_refused),
        cmocka_unit_test(special_tokens_in_text_follow_the_options),
        cmocka_unit_test(models_without_a_vector_a_text_and_odd_poolings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
