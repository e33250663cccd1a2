/* Documents of several fields: each is scored as if it were alone, the mean is by weight. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/defs.h"
#include "base/str.h"

enum { N_DOCUMENTS = 4, N_FIELDS = 3 };

static const wn_str query = {"balan dimer", 11};
static const float weights[N_FIELDS] = {3, 0.5f, 1};
static char long_text[9000];
static wn_str texts[N_DOCUMENTS * N_FIELDS];
static wn_error err;

static int make_texts(void **state)
{
    (void)state;
    for (size_t at = 0; at + 30 < sizeof long_text;)
        at += (size_t)snprintf(long_text + at, sizeof long_text - at, "cedok %zu fonis ", at);
    const wn_str all[N_DOCUMENTS * N_FIELDS] = {
        WN_STR("balan"),
        WN_STR("gutok celan"),
        WN_STR("dimer fonis"),
        WN_STR(""),
        WN_STR("balan dimer"),
        WN_STR(""),
        WN_STR(""),
        WN_STR(""),
        WN_STR(""),
        wn_str_from(long_text),
        WN_STR("dimer"),
        WN_STR("bamer"),
    };
    memcpy(texts, all, sizeof texts);
    return 0;
}

static float logit_of(wn_runner *runner, wn_str text)
{
    wn_request request = check_request(query, &text, 1);
    wn_job *job = NULL;
    size_t n;
    assert_ok(wn_rank(&job, runner, &request, &err), &err);
    float logit = wn_job_results(job, &n)[0].logit;
    wn_job_free(job);
    return logit;
}

static wn_request fields_request(void)
{
    wn_request request = check_request(query, texts, N_DOCUMENTS);
    request.n_fields = N_FIELDS;
    request.field_weights = weights;
    request.want_windows = true;
    return request;
}

static void check_result(wn_runner *runner, const wn_result *result, const float *by)
{
    const wn_str *fields = &texts[result->index * N_FIELDS];
    double sum = 0, total = 0;
    size_t best = N_FIELDS;
    float highest = 0;
    for (size_t f = 0; f < N_FIELDS; f++) {
        if (fields[f].len == 0)
            continue;
        float logit = logit_of(runner, fields[f]);
        double weight = by == NULL ? 1 : (double)by[f];
        sum += weight * (double)logit;
        total += weight;
        if (best == N_FIELDS || logit > highest) {
            best = f;
            highest = logit;
        }
    }
    assert_int_equal(result->empty, best == N_FIELDS);
    assert_true(result->scored);
    if (best == N_FIELDS)
        return;
    assert_true(result->logit == (float)(sum / total));
    assert_int_equal(result->field, best);
    assert_true(result->window_end <= fields[best].len);
    assert_true(result->window_end > 0);
}

static void a_document_has_the_mean_of_what_its_fields_have_alone(void **state)
{
    (void)state;
    static const char *const models[] = {NULL, "tests/golden/models/bert",
                                         "tests/golden/models/colbert",
                                         "tests/golden/models/embed-mean"};
    for (size_t m = 0; m < WN_ARRAY_LEN(models); m++) {
        wn_engine *engine = check_engine(models[m], NULL);
        wn_runner *runner = check_runner(engine, 2, 0);
        for (int weighted = 0; weighted < 2; weighted++) {
            wn_request request = fields_request();
            wn_job *job = NULL;
            size_t n;
            if (!weighted)
                request.field_weights = NULL;
            assert_ok(wn_rank(&job, runner, &request, &err), &err);
            const wn_result *results = wn_job_results(job, &n);
            assert_int_equal(n, N_DOCUMENTS);
            for (size_t i = 0; i < n; i++) {
                check_result(runner, &results[i], request.field_weights);
                assert_true(i == 0 || results[i].empty || results[i].logit <= results[i - 1].logit);
            }
            assert_int_equal(results[n - 1].index, 2); /* it has no field */
            wn_job_free(job);
        }
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
}

static void one_field_is_a_document(void **state)
{
    (void)state;
    wn_engine *engine = check_engine("tests/golden/models/bert", NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    wn_request request = check_request(query, texts, N_DOCUMENTS * N_FIELDS);
    wn_job *plain = NULL, *job = NULL;
    size_t n, m;
    assert_ok(wn_rank(&plain, runner, &request, &err), &err);
    request.n_fields = 1;
    request.field_weights = weights;
    assert_ok(wn_rank(&job, runner, &request, &err), &err);
    const wn_result *want = wn_job_results(plain, &n), *got = wn_job_results(job, &m);
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(got[i].index, want[i].index);
        assert_memory_equal(&got[i].logit, &want[i].logit, sizeof(float));
        assert_int_equal(got[i].n_tokens, want[i].n_tokens);
    }
    assert_int_equal(wn_job_usage(job).document_tokens, wn_job_usage(plain).document_tokens);
    wn_job_free(plain);
    wn_job_free(job);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static void a_document_without_all_of_its_rows_is_not_scored(void **state)
{
    (void)state;
    wn_engine *engine = check_engine("tests/golden/models/bert", NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    wn_request request = fields_request();
    wn_job *job = NULL;
    size_t n;
    assert_ok(wn_job_new(&job, runner, &request, &err), &err);
    assert_fails(wn_job_end(job, false, &err), WN_ERR_ARGUMENT, &err, "of document 0 has no score");
    for (size_t row = 0; row < 2; row++) /* of three fields */
        wn_job_set_logit(job, row, 1);
    wn_job_set_logit(job, 3, 7); /* the only field of the second document */
    assert_int_equal(wn_job_row_text(job, 3), N_FIELDS + 1);
    assert_ok(wn_job_end(job, true, &err), &err);
    const wn_result *results = wn_job_results(job, &n);
    assert_int_equal(results[0].index, 1);
    assert_true(results[0].scored && results[0].logit == 7);
    assert_false(results[n - 1].scored);
    wn_job_free(job);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static void progress_counts_documents(void *user, size_t n_done, size_t n_documents)
{
    assert_int_equal(n_documents, N_DOCUMENTS);
    assert_true(n_done <= n_documents);
    *(size_t *)user = n_done;
}

static void mistakes_name_the_document(void **state)
{
    (void)state;
    static const float bad[N_FIELDS] = {1, 0, 1};
    wn_engine *engine = check_engine("tests/golden/models/bert", NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    wn_request request = fields_request();
    wn_job *job = NULL;
    size_t n_done = 0;
    request.field_weights = bad;
    assert_fails(wn_job_new(&job, runner, &request, &err), WN_ERR_ARGUMENT, &err,
                 "field_weights[1] is 0, expected a number above 0");
    request = fields_request();
    request.n_fields = WN_FIELDS_MAX + 1;
    assert_fails(wn_job_new(&job, runner, &request, &err), WN_ERR_ARGUMENT, &err,
                 "n_fields is 65, expected 0..64");
    request = fields_request();
    request.long_docs = WN_LONG_DOCS_ERROR;
    assert_fails(wn_job_new(&job, runner, &request, &err), WN_ERR_LIMIT, &err, "document 3: ");
    wn_str broken[2 * N_FIELDS] = {[4] = {"\xff", 1}};
    request = fields_request();
    request.documents = broken;
    request.n_documents = 2;
    assert_fails(wn_job_new(&job, runner, &request, &err), WN_ERR_INPUT, &err, "document 1: ");
    request = fields_request();
    request.progress = progress_counts_documents;
    request.user = &n_done;
    assert_ok(wn_rank(&job, runner, &request, &err), &err);
    assert_int_equal(n_done, N_DOCUMENTS);
    wn_job_free(job);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_has_the_mean_of_what_its_fields_have_alone),
        cmocka_unit_test(one_field_is_a_document),
        cmocka_unit_test(a_document_without_all_of_its_rows_is_not_scored),
        cmocka_unit_test(mistakes_name_the_document),
    };
    return cmocka_run_group_tests(tests, make_texts, NULL);
}
