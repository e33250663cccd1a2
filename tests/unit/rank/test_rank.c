/* Ranking with the built-in model through the public header: reference scores, the same bits in any
 * batch, order and number of threads, long, empty and hostile texts. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"
#include "tests/tolerance.h"

#include "base/defs.h"
#include "base/str.h"

#include <jansson.h>
#include <math.h>

/* Sanitizers make the program many times slower; the promises are the same for fewer texts. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { N_QUERIES = 3, LONG_BYTES = 60000 };
#else
enum { N_QUERIES = 12, LONG_BYTES = 190000 };
#endif

static wn_engine *engine;

static int open_engine(void **state)
{
    (void)state;
    engine = check_engine(NULL, NULL);
    return 0;
}

static int close_engine(void **state)
{
    (void)state;
    wn_engine_close(engine);
    return 0;
}

/* The pairs of the reference implementation. */
typedef struct golden {
    wn_str query, document;
    double raw, relevance;
} golden;

static golden goldens[200];
static size_t n_goldens;
static json_t *golden_rows[200];

static void load_goldens(void)
{
    if (n_goldens > 0)
        return;
    FILE *f = fopen("tests/golden/builtin/goldens.jsonl", "r");
    assert_non_null(f);
    static char line[100000];
    while (fgets(line, sizeof line, f) != NULL) {
        json_t *row = json_loads(line, 0, NULL);
        assert_non_null(row);
        const json_t *q = json_object_get(row, "query"), *d = json_object_get(row, "document");
        golden_rows[n_goldens] = row;
        goldens[n_goldens++] = (golden){
            .query = {json_string_value(q), json_string_length(q)},
            .document = {json_string_value(d), json_string_length(d)},
            .raw = json_real_value(json_object_get(row, "raw_score")),
            .relevance = json_real_value(json_object_get(row, "relevance")),
        };
    }
    fclose(f);
}

/* Results by index of the document. */
static void rank_all(wn_result *out, wn_runner *runner, const wn_request *request)
{
    wn_job *job = NULL;
    wn_error err;
    assert_ok(wn_rank(&job, runner, request, &err), &err);
    size_t n;
    const wn_result *results = wn_job_results(job, &n);
    assert_int_equal(n, request->n_documents);
    for (size_t i = 0; i < n; i++)
        out[results[i].index] = results[i];
    wn_job_free(job);
}

static void builtin_model_gives_the_reference_scores(void **state)
{
    (void)state;
    load_goldens();
    wn_runner *runner = check_runner(engine, 1, 0);
    double worst_raw = 0, worst_relevance = 0;
    size_t n_compared = 0;
    for (size_t i = 0; i < n_goldens; i++) {
        wn_request request = check_request(goldens[i].query, &goldens[i].document, 1);
        request.long_docs = WN_LONG_DOCS_TRUNCATE;
        wn_job *job = NULL;
        wn_error err;
        wn_status status = wn_rank(&job, runner, &request, &err);
        if (goldens[i].query.len == 0) {
            assert_int_equal(status, WN_ERR_INPUT);
            continue;
        }
        assert_ok(status, &err);
        size_t n;
        const wn_result *r = wn_job_results(job, &n);
        if (goldens[i].document.len == 0) {
            assert_true(r->empty && r->relevance_score == 0);
        } else {
            worst_raw = fmax(worst_raw, fabs(r->logit - goldens[i].raw));
            worst_relevance =
                fmax(worst_relevance, fabs(r->relevance_score - goldens[i].relevance));
            n_compared++;
        }
        wn_job_free(job);
    }
    printf("# %zu pairs, largest difference: raw score %.2e, relevance %.2e\n", n_compared,
           worst_raw, worst_relevance);
    assert_true(n_compared >= 60);
    assert_true(worst_raw <= TOLERANCE_BUILTIN && worst_relevance <= TOLERANCE_BUILTIN);
    wn_runner_free(runner);
}

static void scores_have_the_same_bits_in_any_batch_order_and_thread_count(void **state)
{
    (void)state;
    load_goldens();
    enum { N = 60 };
    wn_str documents[N], shuffled[N];
    wn_result alone[N], together[N];
    size_t from[N], n_pairs = 0;
    for (size_t i = 0; i < N; i++)
        documents[i] = goldens[i].document;
    wn_runner *one = check_runner(engine, 1, 0), *three = check_runner(engine, 3, 0),
              *small = check_runner(engine, 2, 512);
    wn_runner *runners[] = {one, three, small};
    for (size_t q = 0; q < N_QUERIES; q++) {
        for (size_t i = 0; i < N; i++) {
            wn_request request = check_request(goldens[q * 3].query, &documents[i], 1);
            rank_all(&alone[i], one, &request);
        }
        for (size_t turn = 0; turn < WN_ARRAY_LEN(runners) * 2; turn++) {
            for (size_t i = 0; i < N; i++)
                from[i] = i;
            for (size_t i = N - 1; i > 0 && turn > 0; i--) {
                size_t j = check_random_below(i + 1), t = from[i];
                from[i] = from[j];
                from[j] = t;
            }
            for (size_t i = 0; i < N; i++)
                shuffled[i] = documents[from[i]];
            wn_request request = check_request(goldens[q * 3].query, shuffled, N);
            rank_all(together, runners[turn % WN_ARRAY_LEN(runners)], &request);
            for (size_t i = 0; i < N; i++, n_pairs++) {
                const wn_result *a = &alone[from[i]], *b = &together[i];
                assert_memory_equal(&a->logit, &b->logit, sizeof a->logit);
                assert_memory_equal(&a->relevance_score, &b->relevance_score, sizeof(double));
            }
        }
    }
    printf("# %zu pairs compared bit by bit\n", n_pairs);
    wn_runner_free(one);
    wn_runner_free(three);
    wn_runner_free(small);
}

static void jobs_in_one_run_equal_jobs_alone(void **state)
{
    (void)state;
    load_goldens();
    enum { JOBS = 9, DOCS = 7 };
    wn_runner *runner = check_runner(engine, 2, 0);
    wn_job *jobs[JOBS] = {0};
    wn_str documents[JOBS][DOCS];
    wn_error err;
    for (size_t j = 0; j < JOBS; j++) {
        for (size_t d = 0; d < DOCS; d++)
            documents[j][d] = goldens[(j * DOCS + d) % 50].document;
        wn_request request = check_request(goldens[j * 5].query, documents[j], DOCS);
        assert_ok(wn_job_new(&jobs[j], runner, &request, &err), &err);
        size_t n = 1;
        assert_null(wn_job_results(jobs[j], &n));
        assert_int_equal(n, 0);
    }
    assert_ok(wn_run(runner, jobs, JOBS, &err), &err);
    for (size_t j = 0; j < JOBS; j++) {
        wn_result alone[DOCS];
        wn_request request = check_request(goldens[j * 5].query, documents[j], DOCS);
        rank_all(alone, runner, &request);
        size_t n;
        const wn_result *r = wn_job_results(jobs[j], &n);
        assert_int_equal(n, DOCS);
        for (size_t i = 0; i < n; i++)
            assert_memory_equal(&r[i].logit, &alone[r[i].index].logit, sizeof(float));
        assert_true(wn_job_usage(jobs[j]).total_tokens > 0);
        wn_job_free(jobs[j]);
    }
    wn_runner_free(runner);
}

static void empty_documents_come_last_and_say_so(void **state)
{
    (void)state;
    wn_runner *runner = check_runner(engine, 1, 0);
    const wn_str documents[] = {WN_STR(""), WN_STR("  \n\t "), WN_STR("a warm coat for winter"),
                                WN_STR("."), WN_STR("the capital of France")};
    wn_request request = check_request(WN_STR("winter coat"), documents, 5);
    wn_job *job = NULL;
    wn_error err;
    assert_ok(wn_rank(&job, runner, &request, &err), &err);
    size_t n;
    const wn_result *r = wn_job_results(job, &n);
    assert_int_equal(r[0].index, 2);
    const size_t last[] = {0, 1, 3};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(r[2 + i].index, last[i]);
        assert_true(r[2 + i].empty && r[2 + i].relevance_score == 0);
    }
    wn_job_free(job);
    const wn_str queries[] = {WN_STR(""), WN_STR(" \t\n"), WN_STR("...")};
    for (size_t i = 0; i < 3; i++) {
        request.query = queries[i];
        assert_fails(wn_rank(&job, runner, &request, &err), WN_ERR_INPUT, &err, "query");
    }
    request = check_request(WN_STR("winter"), NULL, 0);
    assert_ok(wn_rank(&job, runner, &request, &err), &err);
    wn_job_results(job, &n);
    assert_int_equal(n, 0);
    wn_job_free(job);
    wn_runner_free(runner);
}

static void long_document_is_windowed_cut_or_refused(void **state)
{
    (void)state;
    wn_runner *runner = check_runner(engine, 2, 0);
    static char text[200000];
    size_t len = 0;
    while (len < LONG_BYTES)
        len += (size_t)sprintf(text + len, "the garden wall and the old gate number %zu. ", len);
    const char needle[] = "winnow sorts documents by relevance";
    size_t at = LONG_BYTES / 3 * 2;
    memcpy(text + at, needle, sizeof needle - 1);
    wn_str documents[] = {{text, len}, WN_STR("short")};
    wn_request request = check_request(WN_STR("sorting documents by relevance"), documents, 2);
    request.want_windows = true;
    wn_result windows[2], cut[2];
    rank_all(windows, runner, &request);
    assert_true(windows[0].n_windows > 15 && !windows[0].truncated);
    assert_true(windows[0].window_start <= at && windows[0].window_end >= at + sizeof needle - 1);
    assert_true(windows[1].window_start == 0 && windows[1].window_end == 5);
    request.long_docs = WN_LONG_DOCS_TRUNCATE;
    rank_all(cut, runner, &request);
    assert_true(cut[0].n_windows == 1 && cut[0].truncated && cut[0].logit < windows[0].logit);
    request.long_docs = WN_LONG_DOCS_ERROR;
    wn_job *job = NULL;
    wn_error err;
    assert_fails(wn_rank(&job, runner, &request, &err), WN_ERR_LIMIT, &err, "document 0");
    wn_runner_free(runner);
}

static void long_query_is_cut_and_the_usage_says_so(void **state)
{
    (void)state;
    wn_runner *runner = check_runner(engine, 1, 0);
    static char text[20000];
    size_t len = 0;
    while (len < 19000)
        len += (size_t)sprintf(text + len, "river %zu ", len);
    wn_str document = WN_STR("a river");
    wn_request request = check_request((wn_str){text, len}, &document, 1);
    wn_job *job = NULL;
    wn_error err;
    assert_ok(wn_rank(&job, runner, &request, &err), &err);
    wn_usage usage = wn_job_usage(job);
    assert_true(usage.query_truncated);
    assert_int_equal(usage.query_tokens, 128);
    wn_job_free(job);
    wn_runner_free(runner);
}

static void invalid_utf8_is_refused_by_document_and_byte(void **state)
{
    (void)state;
    wn_runner *runner = check_runner(engine, 3, 0);
    wn_str documents[] = {WN_STR("good"), WN_STR("also"), WN_STR("bad \xff byte"), WN_STR("\xc3"),
                          WN_STR("good")};
    wn_request request = check_request(WN_STR("query"), documents, 5);
    wn_job *job = NULL;
    wn_error err;
    for (int i = 0; i < 20; i++) {
        assert_fails(wn_rank(&job, runner, &request, &err), WN_ERR_INPUT, &err, "document 2");
        assert_non_null(strstr(err.message, "byte 4"));
    }
    request = check_request(WN_STR("\xf0\x9f"), documents, 1);
    assert_fails(wn_rank(&job, runner, &request, &err), WN_ERR_INPUT, &err, "query");
    wn_runner_free(runner);
}

static void special_tokens_in_text_follow_the_request(void **state)
{
    (void)state;
    wn_runner *runner = check_runner(engine, 1, 0);
    wn_str documents[] = {WN_STR("a pear [SEP] a plum"), WN_STR("a pear sep a plum")};
    wn_request request = check_request(WN_STR("plum"), documents, 2);
    wn_result r[2];
    rank_all(r, runner, &request);
    assert_true(r[0].logit != r[1].logit);
    request.plain_specials = true;
    rank_all(r, runner, &request);
    assert_memory_equal(&r[0].logit, &r[1].logit, sizeof(float));
    wn_runner_free(runner);
}

static void options_out_of_range_are_named(void **state)
{
    (void)state;
    wn_error err;
    wn_runner *runner = NULL;
    wn_engine *other = NULL;
    wn_runner_options r = WN_RUNNER_OPTIONS_INIT;
    r.n_threads = 1000;
    assert_fails(wn_runner_new(&runner, engine, &r, &err), WN_ERR_ARGUMENT, &err, "1000");
    r.n_threads = 1;
    r.batch_tokens = 7;
    assert_fails(wn_runner_new(&runner, engine, &r, &err), WN_ERR_ARGUMENT, &err, "batch_tokens");
    wn_engine_options e = WN_ENGINE_OPTIONS_INIT;
    e.cpu_level = "abacus";
    assert_fails(wn_engine_open(&other, &e, &err), WN_ERR_ARGUMENT, &err, "abacus");
    e.cpu_level = NULL;
    e.model_dir = "/nonexistent/model";
    assert_fails(wn_engine_open(&other, &e, &err), WN_ERR_IO, &err,
                 "'/nonexistent/model': No such file or directory");
    e.struct_size = 3;
    assert_fails(wn_engine_open(&other, &e, &err), WN_ERR_ARGUMENT, &err, "struct_size");
}

static void two_engines_live_in_one_process(void **state)
{
    (void)state;
    wn_engine *other = check_engine(NULL, "scalar");
    wn_runner *scalar = check_runner(other, 0, 0), *best = check_runner(engine, 1, 0);
    wn_str documents[] = {WN_STR("a cat sleeps"), WN_STR("the stock market fell")};
    wn_request request = check_request(WN_STR("sleeping cat"), documents, 2);
    wn_result a[2], b[2];
    rank_all(a, scalar, &request);
    rank_all(b, best, &request);
    for (size_t i = 0; i < 2; i++)
        assert_true(fabs((double)a[i].logit - (double)b[i].logit) < TOLERANCE_BUILTIN);
    wn_runner_free(scalar);
    wn_runner_free(best);
    wn_engine_close(other);
}

static void tokens_carry_their_byte_ranges(void **state)
{
    (void)state;
    wn_error err;
    wn_tokens *t = NULL;
    wn_tokenize_options options = WN_TOKENIZE_OPTIONS_INIT;
    wn_str text = WN_STR("Gr\xc3\xbc\xc3\x9f"
                         "e, world");
    assert_ok(wn_tokenize(&t, engine, text, &options, &err), &err);
    assert_true(t->n >= 4);
    assert_int_equal(t->ids[0], 2);
    assert_int_equal(t->ids[t->n - 1], 3);
    assert_int_equal(t->start[1], 0);
    assert_int_equal(t->end[t->n - 2], text.len);
    for (size_t i = 1; i + 1 < t->n; i++)
        assert_true(t->start[i] < t->end[i] && t->end[i] <= text.len);
    wn_tokens_free(t);
    options.no_specials = true;
    assert_ok(wn_tokenize(&t, engine, WN_STR(""), &options, &err), &err);
    assert_int_equal(t->n, 0);
    wn_tokens_free(t);
    assert_fails(wn_tokenize(&t, engine, WN_STR("a\xff"), &options, &err), WN_ERR_INPUT, &err,
                 "byte 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builtin_model_gives_the_reference_scores),
        cmocka_unit_test(scores_have_the_same_bits_in_any_batch_order_and_thread_count),
        cmocka_unit_test(jobs_in_one_run_equal_jobs_alone),
        cmocka_unit_test(empty_documents_come_last_and_say_so),
        cmocka_unit_test(long_document_is_windowed_cut_or_refused),
        cmocka_unit_test(long_query_is_cut_and_the_usage_says_so),
        cmocka_unit_test(invalid_utf8_is_refused_by_document_and_byte),
        cmocka_unit_test(special_tokens_in_text_follow_the_request),
        cmocka_unit_test(options_out_of_range_are_named),
        cmocka_unit_test(two_engines_live_in_one_process),
        cmocka_unit_test(tokens_carry_their_byte_ranges),
    };
    int failed = cmocka_run_group_tests(tests, open_engine, close_engine);
    for (size_t i = 0; i < n_goldens; i++)
        json_decref(golden_rows[i]);
    return failed;
}
