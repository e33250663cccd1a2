/* wn_run_rows(): rows of many jobs in any mix have the bits that wn_run() gives; what a server
 * needs to know of rows; scores that are handed in; results of a job that is not complete. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/defs.h"
#include "base/str.h"

enum { N_JOBS = 5, N_DOCS = 23, N_ROWS_MAX = N_JOBS * N_DOCS * 40 };

static const char *const models[] = {
    NULL, /* the built-in model: late interaction, calibrated */
    "tests/golden/models/bert",
    "tests/golden/models/xlmr",
    "tests/golden/models/bert-truncate",
    "tests/golden/models/colbert",
    "tests/golden/models/colbert-attend",
    "tests/golden/models/embed-mean",
    "tests/golden/models/embed-xlmr",
};

static const char *const words[] = {"red",  "apple", "river", "the",     "bank",  "of",
                                    "king", "paris", "a",     "capital", "green", "table"};

/* Texts of 0 to 60 words, and two that need windows. */
static wn_str make_text(char *text, size_t size, size_t n_words)
{
    size_t len = 0;
    for (size_t i = 0; i < n_words; i++)
        len += (size_t)snprintf(text + len, size - len, "%s ",
                                words[check_random_below(WN_ARRAY_LEN(words))]);
    return (wn_str){text, len};
}

static const wn_str queries[N_JOBS] = {{"red apple", 9},
                                       {"capital of the river", 20},
                                       {"king", 4},
                                       {"green bank table of paris", 25},
                                       {"a", 1}};
static char texts[N_JOBS][N_DOCS][8192];
static wn_str documents[N_JOBS][N_DOCS];

static wn_job *make_job(wn_runner *maker, size_t j)
{
    for (size_t d = 0; d < N_DOCS; d++)
        documents[j][d] =
            make_text(texts[j][d], sizeof texts[j][d], d % 11 == 10 ? 900 : check_random_below(60));
    wn_request request = check_request(queries[j], documents[j], N_DOCS);
    wn_job *job;
    wn_error err;
    assert_ok(wn_job_new(&job, maker, &request, &err), &err);
    return job;
}

static void assert_same_results(const wn_job *a, const wn_job *b)
{
    size_t n, m;
    const wn_result *x = wn_job_results(a, &n), *y = wn_job_results(b, &m);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(x[i].index, y[i].index);
        assert_memory_equal(&x[i].logit, &y[i].logit, sizeof x[i].logit);
        assert_memory_equal(&x[i].relevance_score, &y[i].relevance_score, sizeof(double));
        assert_true(x[i].scored && y[i].scored);
    }
}

static wn_runner *tokenizing_runner(const wn_engine *engine)
{
    wn_error err;
    wn_runner *runner;
    const wn_runner_options options = {
        .struct_size = sizeof options, .n_threads = 1, .tokenize_only = true};
    assert_ok(wn_runner_new(&runner, engine, &options, &err), &err);
    return runner;
}

static void shuffle(wn_row_ref *rows, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = check_random_below(i);
        wn_row_ref row = rows[i - 1];
        rows[i - 1] = rows[j];
        rows[j] = row;
    }
}

/* A job of the same texts that is given the scores: no row is run. */
static void check_known_scores(const wn_job *job, wn_runner *maker, wn_runner *runner,
                               const wn_request *request)
{
    wn_error err;
    wn_job *known;
    assert_ok(wn_job_new(&known, maker, request, &err), &err);
    for (size_t r = 0; r < wn_job_n_rows(known); r++)
        wn_job_set_logit(known, r, wn_job_logit(job, r));
    const wn_row_ref query = {.job = known, .row = WN_ROW_QUERY};
    if (wn_job_needs_query(known))
        assert_ok(wn_run_rows(runner, &query, 1, &err), &err);
    assert_ok(wn_job_end(known, false, &err), &err);
    assert_same_results(job, known);
    wn_job_free(known);
}

static void check_model(wn_runner *maker, wn_runner *runner)
{
    static wn_row_ref rows[N_ROWS_MAX];
    wn_error err;
    wn_job *jobs[N_JOBS], *again[N_JOBS];
    size_t n_rows = 0;
    for (size_t j = 0; j < N_JOBS; j++) {
        jobs[j] = make_job(maker, j);
        for (size_t r = 0; r < wn_job_n_rows(jobs[j]); r++)
            rows[n_rows++] = (wn_row_ref){.job = jobs[j], .row = r};
    }
    assert_true(n_rows < N_ROWS_MAX);
    shuffle(rows, n_rows);
    for (size_t at = 0, n; at < n_rows; at += n) {
        n = 1 + check_random_below(at % 2 == 0 ? 9 : 200);
        n = WN_MIN(n, n_rows - at);
        assert_true(isnan((double)wn_job_logit(rows[at].job, rows[at].row)) != 0);
        assert_ok(wn_run_rows(runner, rows + at, n, &err), &err);
        assert_true(isfinite((double)wn_job_logit(rows[at].job, rows[at].row)) != 0);
    }
    for (size_t j = 0; j < N_JOBS; j++)
        assert_ok(wn_job_end(jobs[j], false, &err), &err);
    for (size_t j = 0; j < N_JOBS; j++) {
        wn_request request = check_request(queries[j], documents[j], N_DOCS);
        assert_ok(wn_rank(&again[j], runner, &request, &err), &err);
        assert_same_results(jobs[j], again[j]);
        check_known_scores(jobs[j], maker, runner, &request);
        wn_job_free(again[j]);
        wn_job_free(jobs[j]);
    }
}

static void rows_in_any_mix_have_the_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < WN_ARRAY_LEN(models); i++) {
        wn_error err;
        wn_engine *own = check_engine(models[i], NULL);
        wn_engine_info info = WN_ENGINE_INFO_INIT;
        assert_ok(wn_engine_get_info(own, &info, &err), &err);
        wn_runner *big = check_runner(own, 2, 0), *small = check_runner(own, 1, info.max_tokens);
        wn_runner *maker = tokenizing_runner(own);
        check_model(maker, big);
        check_model(maker, small);
        wn_runner_free(maker);
        wn_runner_free(big);
        wn_runner_free(small);
        wn_engine_close(own);
    }
}

/* ---- one job of the built-in model ----------------------------------------------------------- */

static wn_engine *engine;
static wn_runner *runner;

static int open_engine(void **state)
{
    (void)state;
    engine = check_engine(NULL, NULL);
    runner = check_runner(engine, 1, 0);
    return 0;
}

static int close_engine(void **state)
{
    (void)state;
    wn_runner_free(runner);
    wn_engine_close(engine);
    return 0;
}

static const wn_str three[] = {{"a red apple", 11}, {"", 0}, {"the king of paris", 17}};

static wn_job *small_job(void)
{
    wn_request request = check_request(WN_STR("apple"), three, 3);
    wn_job *job;
    wn_error err;
    assert_ok(wn_job_new(&job, runner, &request, &err), &err);
    return job;
}

static void runner_that_only_tokenises_refuses_to_score(void **state)
{
    (void)state;
    wn_error err;
    wn_runner *maker = tokenizing_runner(engine);
    wn_job *job = small_job();
    assert_fails(wn_run(maker, &job, 1, &err), WN_ERR_ARGUMENT, &err, "only tokenises");
    wn_row_ref row = {.job = job, .row = 0};
    assert_fails(wn_run_rows(maker, &row, 1, &err), WN_ERR_ARGUMENT, &err, "only tokenises");
    wn_runner_info info = WN_RUNNER_INFO_INIT;
    assert_ok(wn_runner_get_info(maker, &info, &err), &err);
    assert_int_equal(info.activation_bytes, 0);
    wn_runner_free(maker);
    const wn_runner_options only = {
        .struct_size = sizeof only, .tokenize_only = true, .batch_tokens = 1024};
    assert_fails(wn_runner_new(&maker, engine, &only, &err), WN_ERR_ARGUMENT, &err, "batch_tokens");
    wn_job_free(job);
}

static void row_that_is_not_there_is_refused(void **state)
{
    (void)state;
    wn_error err;
    wn_job *job = small_job();
    assert_int_equal(wn_job_n_rows(job), 2);
    wn_row_ref row = {.job = job, .row = 2};
    assert_fails(wn_run_rows(runner, &row, 1, &err), WN_ERR_ARGUMENT, &err, "row 2 of a job");
    wn_job_free(job);
}

static void row_ids_are_what_the_model_reads(void **state)
{
    (void)state;
    wn_job *job = small_job();
    wn_tokens *tokens;
    wn_error err;
    const wn_tokenize_options plain = {.struct_size = sizeof plain, .no_specials = true};
    assert_ok(wn_tokenize(&tokens, engine, three[0], &plain, &err), &err);
    int32_t ids[32], types[32];
    uint32_t n = wn_job_row_tokens(job, 0);
    assert_int_equal(n, tokens->n + 3); /* [CLS] marker ... [SEP] */
    wn_job_row_ids(job, 0, ids, types);
    assert_memory_equal(ids + 2, tokens->ids, tokens->n * sizeof *ids);
    wn_tokens_free(tokens);
    wn_job_query_ids(job, ids, types);
    assert_ok(wn_tokenize(&tokens, engine, WN_STR("apple"), &plain, &err), &err);
    assert_int_equal(wn_job_usage(job).query_tokens, tokens->n + 3);
    assert_memory_equal(ids + 2, tokens->ids, tokens->n * sizeof *ids);
    wn_tokens_free(tokens);
    wn_job_free(job);
}

static void known_scores_need_only_the_query(void **state)
{
    (void)state;
    wn_error err;
    wn_job *job = small_job(), *known = small_job();
    assert_ok(wn_run(runner, &job, 1, &err), &err);
    assert_fails(wn_job_end(known, false, &err), WN_ERR_ARGUMENT, &err, "query was not read");
    for (size_t r = 0; r < 2; r++)
        wn_job_set_logit(known, r, wn_job_logit(job, r));
    assert_true(wn_job_needs_query(known));
    const wn_row_ref query = {.job = known, .row = WN_ROW_QUERY};
    assert_ok(wn_run_rows(runner, &query, 1, &err), &err);
    assert_false(wn_job_needs_query(known));
    assert_ok(wn_job_end(known, false, &err), &err);
    assert_same_results(job, known);
    wn_job_free(job);
    wn_job_free(known);
}

static void document_without_its_score_comes_last(void **state)
{
    (void)state;
    wn_error err;
    wn_job *job = small_job();
    const wn_row_ref second = {.job = job, .row = 1};
    assert_ok(wn_run_rows(runner, &second, 1, &err), &err);
    assert_fails(wn_job_end(job, false, &err), WN_ERR_ARGUMENT, &err, "row 0 of document 0");
    assert_ok(wn_job_end(job, true, &err), &err);
    size_t n;
    const wn_result *r = wn_job_results(job, &n);
    assert_int_equal(n, 3);
    assert_true(r[0].index == 2 && r[0].scored && !r[0].empty);
    assert_true(r[1].index == 1 && r[1].scored && r[1].empty);
    assert_true(r[2].index == 0 && !r[2].scored && r[2].relevance_score == 0);
    assert_fails(wn_job_end(job, false, &err), WN_ERR_ARGUMENT, &err, "row 0 of document 0");
    assert_null(wn_job_results(job, &n)); /* what failed left nothing */
    wn_job_free(job);
}

static void tokens_are_counted_as_services_bill_them(void **state)
{
    (void)state;
    wn_error err;
    wn_job *job = small_job();
    assert_ok(wn_run(runner, &job, 1, &err), &err);
    size_t n;
    const wn_result *r = wn_job_results(job, &n);
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += r[i].n_tokens;
    assert_int_equal(wn_job_usage(job).document_tokens, sum);
    assert_int_equal(r[2].n_tokens, 3); /* the empty one: special tokens alone */
    wn_job_free(job);
}

static void document_is_cut_to_the_tokens_that_are_asked_for(void **state)
{
    (void)state;
    wn_error err;
    wn_job *job;
    wn_request request = check_request(WN_STR("apple"), three, 3);
    request.max_document_tokens = 2;
    assert_ok(wn_rank(&job, runner, &request, &err), &err);
    size_t n;
    const wn_result *r = wn_job_results(job, &n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(r[i].truncated, r[i].index != 1);
        assert_int_equal(r[i].n_tokens, r[i].index == 1 ? 3 : 5);
    }
    wn_job_free(job);
    request.long_docs = WN_LONG_DOCS_ERROR;
    assert_fails(wn_rank(&job, runner, &request, &err), WN_ERR_LIMIT, &err, "at most 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_in_any_mix_have_the_same_bits),
        cmocka_unit_test(runner_that_only_tokenises_refuses_to_score),
        cmocka_unit_test(row_that_is_not_there_is_refused),
        cmocka_unit_test(row_ids_are_what_the_model_reads),
        cmocka_unit_test(known_scores_need_only_the_query),
        cmocka_unit_test(document_without_its_score_comes_last),
        cmocka_unit_test(tokens_are_counted_as_services_bill_them),
        cmocka_unit_test(document_is_cut_to_the_tokens_that_are_asked_for),
    };
    return cmocka_run_group_tests(tests, open_engine, close_engine);
}
