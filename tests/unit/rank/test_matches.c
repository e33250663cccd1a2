/* Matches of late-interaction models: they add up to the logit and name bytes of both texts. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/defs.h"
#include "base/str.h"

static const wn_str query = {"capital of France", 17};
static wn_error err;

static void matches_add_up_to_the_logit(void **state)
{
    (void)state;
    static const char *const models[] = {NULL, "tests/golden/models/colbert",
                                         "tests/golden/models/colbert-attend"};
    static char lorem[6000];
    for (size_t at = 0; at + 20 < sizeof lorem;)
        at += (size_t)snprintf(lorem + at, sizeof lorem - at, "balan %zu cedok. ", at);
    const wn_str documents[] = {WN_STR("Berlin is in Germany."),
                                WN_STR("Paris, the capital of France"), WN_STR(""),
                                wn_str_from(lorem)};
    for (size_t m = 0; m < WN_ARRAY_LEN(models); m++) {
        wn_engine *engine = check_engine(models[m], NULL);
        wn_runner *runner = check_runner(engine, 2, 0);
        wn_request request = check_request(query, documents, WN_ARRAY_LEN(documents));
        wn_job *job = NULL, *plain = NULL;
        wn_match matches[512];
        size_t n;
        assert_ok(wn_rank(&plain, runner, &request, &err), &err);
        request.want_matches = true;
        assert_ok(wn_rank(&job, runner, &request, &err), &err);
        const wn_result *results = wn_job_results(job, &n), *others = wn_job_results(plain, &n);
        for (size_t i = 0; i < n; i++) {
            size_t index = results[i].index, len = documents[index].len;
            double sum = 0;
            size_t n_matches = wn_job_matches(job, index, matches), n_own = 0;
            assert_int_equal(n_matches, results[i].empty ? 0 : wn_job_usage(job).query_tokens);
            assert_int_equal(wn_job_matches(plain, index, matches + n_matches), 0);
            assert_memory_equal(&results[i].logit, &others[i].logit, sizeof(float));
            for (size_t k = 0; k < n_matches; k++) {
                sum += (double)matches[k].weight;
                n_own += matches[k].query_start < matches[k].query_end;
                assert_true(matches[k].query_end <= query.len && matches[k].end <= len);
                assert_true(matches[k].start <= matches[k].end);
            }
            assert_near(sum, (double)results[i].logit, 1e-4 * fmax(1, fabs(sum)));
            assert_true(results[i].empty || n_own >= 3);
        }
        wn_job_free(plain);
        wn_job_free(job);
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
}

static void a_word_of_the_query_finds_itself_in_the_document(void **state)
{
    (void)state;
    wn_engine *engine = check_engine(NULL, NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    const wn_str document = WN_STR("It is said that Paris is the capital of France.");
    wn_request request = check_request(query, &document, 1);
    wn_job *job = NULL;
    wn_match matches[512];
    request.want_matches = true;
    assert_ok(wn_rank(&job, runner, &request, &err), &err);
    size_t n = wn_job_matches(job, 0, matches), n_same = 0;
    for (size_t i = 0; i < n; i++) {
        wn_str asked = wn_str_slice(query, matches[i].query_start, matches[i].query_end);
        wn_str found = wn_str_slice(document, matches[i].start, matches[i].end);
        n_same += asked.len > 0 && wn_str_equal(asked, found);
    }
    assert_int_equal(n_same, 3);
    wn_job_free(job);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static void a_given_score_has_no_matches(void **state)
{
    (void)state;
    wn_engine *engine = check_engine("tests/golden/models/colbert", NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    const wn_str document = WN_STR("balan");
    wn_request request = check_request(query, &document, 1);
    wn_job *job = NULL;
    wn_match matches[512];
    request.want_matches = true;
    assert_ok(wn_job_new(&job, runner, &request, &err), &err);
    assert_int_equal(wn_job_matches(job, 0, matches), 0);
    wn_job_set_logit(job, 0, 1);
    assert_ok(wn_job_end(job, true, &err), &err);
    assert_int_equal(wn_job_matches(job, 0, matches), 0);
    const wn_row_ref row = {.job = job};
    assert_ok(wn_run_rows(runner, &row, 1, &err), &err);
    assert_ok(wn_job_end(job, false, &err), &err);
    assert_int_equal(wn_job_matches(job, 0, matches), wn_job_usage(job).query_tokens);
    wn_job_free(job);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static void other_models_refuse(void **state)
{
    (void)state;
    wn_engine *engine = check_engine("tests/golden/models/bert", NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    wn_request request = check_request(query, NULL, 0);
    wn_job *job = NULL;
    request.want_matches = true;
    assert_fails(wn_job_new(&job, runner, &request, &err), WN_ERR_UNSUPPORTED, &err,
                 "matches are those of a late-interaction model");
    wn_runner_free(runner);
    wn_engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_add_up_to_the_logit),
        cmocka_unit_test(a_word_of_the_query_finds_itself_in_the_document),
        cmocka_unit_test(a_given_score_has_no_matches),
        cmocka_unit_test(other_models_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
