/* Long documents in a decoder's prompt: each part of one has the words of the prompt that stand
 * around the whole, and fits. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/str.h"
#include "rank/job.h"

#include <string.h>

static wn_error err;

enum { WORDS = 1000 };

static char long_text[WORDS * 4 + 1];

static wn_job *job_of(wn_runner *runner, wn_str document, wn_long_docs policy, size_t most)
{
    wn_job *job = NULL;
    wn_request request = check_request(WN_STR("banlan"), &document, 1);
    request.long_docs = policy;
    request.max_document_tokens = most;
    assert_ok(wn_job_new(&job, runner, &request, &err), &err);
    return job;
}

static void check_starts(const wn_row *row, const int32_t *ids, size_t n)
{
    assert_true(row->n_ids > n);
    assert_memory_equal(row->ids, ids, n * sizeof *ids);
}

static void check_ends(const wn_row *row, const int32_t *ids, size_t n)
{
    assert_true(row->n_ids > n);
    assert_memory_equal(row->ids + row->n_ids - n, ids, n * sizeof *ids);
}

/* Rows of a long document beside the ids of the words around it. */
static void check_rows(const char *dir, bool has_tail)
{
    wn_engine *engine = check_engine(dir, NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    const wn_prompt *p = &engine->prompt;
    assert_true(p->doc_again.n > 0 && (p->doc_end.n > 0) == has_tail);
    wn_job *job = job_of(runner, wn_str_from(long_text), WN_LONG_DOCS_WINDOWS, 0);
    assert_true(job->n_rows > 2);
    for (size_t i = 0; i < job->n_rows; i++) {
        const wn_row *row = &job->rows[i];
        assert_true(wn_job_row_length(job, row) <= engine->config.max_tokens);
        check_starts(row, p->doc_again.ids, p->doc_again.n);
        check_ends(row, p->doc_end.ids, p->doc_end.n);
    }
    assert_ok(wn_run(runner, &job, 1, &err), &err);
    wn_job_free(job);
    job = job_of(runner, wn_str_from(long_text), WN_LONG_DOCS_TRUNCATE, 0);
    assert_int_equal(job->n_rows, 1);
    assert_int_equal(
        wn_job_row_length(job, &job->rows[0]),
        WN_MIN(engine->config.max_tokens, engine->n_special_pair + job->n_query +
                                              WN_MAX(engine->config.max_doc_tokens, (size_t)512)));
    check_ends(&job->rows[0], p->doc_end.ids, p->doc_end.n);
    wn_job_free(job);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static void parts_of_a_document_have_the_words_around_it(void **state)
{
    (void)state;
    check_rows("tests/golden/models/jina-m0", true);
    check_rows("tests/golden/models/qwen2", false);
    check_rows("tests/golden/models/gemma", false);
}

/* What is cut by the request's limit has them behind it, too, and one that is not cut has none
 * twice. */
static void a_limit_of_the_request_counts_the_documents_tokens(void **state)
{
    (void)state;
    wn_engine *engine = check_engine("tests/golden/models/jina-m0", NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    const wn_prompt *p = &engine->prompt;
    size_t room = wn_engine_row_room(engine, 0);
    for (size_t most = 1; most < room + 3; most++) {
        wn_job *job = job_of(runner, wn_str_from(long_text), WN_LONG_DOCS_WINDOWS, most);
        for (size_t i = 0; i < job->n_rows; i++)
            assert_true(wn_job_row_length(job, &job->rows[i]) <= engine->config.max_tokens);
        check_ends(&job->rows[job->n_rows - 1], p->doc_end.ids, p->doc_end.n);
        if (job->n_rows == 1)
            assert_int_equal(job->rows[0].n_ids, most + p->doc_end.n);
        wn_job_free(job);
    }
    wn_job *job = job_of(runner, WN_STR("x"), WN_LONG_DOCS_WINDOWS, 0);
    assert_ptr_equal(job->rows[0].ids, job->docs[0].ids);
    assert_int_equal(job->n_past, 0); /* no two documents begin alike */
    wn_job_free(job);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

int main(void)
{
    for (size_t i = 0; i < WORDS; i++)
        strcat(long_text, i % 3 == 0 ? "la " : "tok ");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_a_document_have_the_words_around_it),
        cmocka_unit_test(a_limit_of_the_request_counts_the_documents_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
