/* What a decoder's sequences begin with is read once: scores have the bits that they have when each
 * sequence is read whole, whatever else runs. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/mem.h"
#include "base/str.h"
#include "kernel/kernel.h"
#include "rank/runner.h"

enum { JOBS = 6, DOCS = 4 };

static wn_error err;
static char queries[JOBS][1400];
static const char *const texts[DOCS] = {"lanba", "", "medra runis tetok savel dilan sapik podra",
                                        "banlan 7 celan, what?"};
static wn_str documents[DOCS];

/* Queries from one word to nearly all that there is room for. */
static void make_texts(void)
{
    for (size_t i = 0; i < DOCS; i++)
        documents[i] = wn_str_from(texts[i]);
    for (size_t i = 0; i < JOBS; i++) {
        queries[i][0] = '\0';
        for (size_t w = 0; w < (i == JOBS - 1 ? 120 : 1 + 4 * i); w++)
            strcat(queries[i], w % 3 == 0 ? "latok " : w % 3 == 1 ? "runis " : "podra, ");
    }
}

static void make_jobs(wn_job **jobs, wn_runner *runner)
{
    bool instructs = runner->engine->prompt.instruction_lead.len > 0; /* and has a long prompt */
    for (size_t i = 0; i < JOBS; i++) {
        wn_request request = check_request(wn_str_from(queries[i]), documents, DOCS);
        if (instructs && i % 2 == 1) /* what they begin with parts sooner */
            request.instruction = i == 1 ? WN_STR("cheap first") : WN_STR("dear first");
        assert_ok(wn_job_new(&jobs[i], runner, &request, &err), &err);
        assert_true(jobs[i]->n_past > (instructs ? 20 : 4) && jobs[i]->n_rows == DOCS);
    }
    assert_true(!instructs || jobs[JOBS - 1]->n_past > 256); /* an attention item ends within it */
}

static void free_jobs(wn_job **jobs)
{
    for (size_t i = 0; i < JOBS; i++)
        wn_job_free(jobs[i]);
}

/* The logit of a row that is read whole, by the model alone. */
static float whole_logit(wn_runner *runner, const wn_job *job, size_t row)
{
    float logit;
    uint32_t n = wn_job_row_tokens(job, row);
    const uint32_t start[2] = {0, n};
    int32_t *ids = wn_mem_alloc(2 * (size_t)n, sizeof *ids);
    wn_job_row_ids(job, row, ids, ids + n);
    wn_exec_reset(runner->exec);
    const wn_batch batch = {.n_seqs = 1, .n_tokens = n, .ids = ids, .seq_start = start};
    wn_model_logits(runner->engine->model, runner->exec, &batch, &logit);
    wn_mem_free(ids);
    return logit;
}

static void check_level(const char *model, const char *level)
{
    const char *reason;
    wn_job *jobs[JOBS];
    float whole[JOBS][DOCS];
    if (wn_kernels_get(level, &reason) == NULL)
        return;
    wn_engine *engine = check_engine(model, level);
    wn_runner *runner = check_runner(engine, 1, 0), *other = check_runner(engine, 3, 900);
    make_jobs(jobs, runner);
    for (size_t i = 0; i < JOBS; i++) {
        for (size_t d = 0; d < DOCS; d++)
            whole[i][d] = whole_logit(runner, jobs[i], d);
    }
    for (size_t round = 0; round < 4; round++) {
        assert_ok(wn_run(round % 2 == 0 ? runner : other, jobs, JOBS, &err), &err);
        for (size_t i = 0; i < JOBS; i++) {
            for (size_t d = 0; d < DOCS; d++)
                assert_memory_equal(&jobs[i]->rows[d].logit, &whole[i][d], sizeof(float));
        }
    }
    free_jobs(jobs);
    wn_runner_free(runner);
    wn_runner_free(other);
    wn_engine_close(engine);
}

static void scores_have_the_bits_of_sequences_that_are_read_whole(void **state)
{
    (void)state;
    size_t n_levels;
    const char *const *levels = wn_kernels_levels(&n_levels);
    for (size_t i = 0; i < n_levels; i++) {
        check_level("tests/golden/models/qwen3", levels[i]);
        check_level("tests/golden/models/gemma", levels[i]); /* one key head for all */
    }
}

/* Rows of all jobs in random order and calls of random size, so that beginnings are kept from call
 * to call, share the memory, and push each other out. */
static void rows_in_any_order_have_the_same_bits(void **state)
{
    (void)state;
    wn_job *jobs[JOBS], *again[JOBS];
    wn_engine *engine = check_engine("tests/golden/models/qwen3", NULL);
    wn_runner *runner = check_runner(engine, 2, 0);
    make_jobs(jobs, runner);
    make_jobs(again, runner);
    assert_ok(wn_run(runner, jobs, JOBS, &err), &err);
    size_t n_pushed_out = 0;
    for (size_t call = 0; call < 200; call++) {
        wn_row_ref refs[9];
        size_t n = 1 + check_random_below(WN_ARRAY_LEN(refs));
        for (size_t i = 0; i < n; i++)
            refs[i] = (wn_row_ref){.job = again[check_random_below(JOBS)],
                                   .row = check_random_below(DOCS)};
        uint64_t before = runner->past_id;
        assert_ok(wn_run_rows(runner, refs, n, &err), &err);
        n_pushed_out += runner->past_id != before;
        for (size_t i = 0; i < n; i++) {
            size_t job = 0;
            while (again[job] != refs[i].job)
                job++;
            float got = wn_job_logit(again[job], refs[i].row);
            assert_memory_equal(&got, &jobs[job]->rows[refs[i].row].logit, sizeof got);
        }
    }
    assert_true(n_pushed_out > 10 && n_pushed_out < 190);
    free_jobs(jobs);
    free_jobs(again);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static void a_beginning_is_read_once_a_request(void **state)
{
    (void)state;
    wn_job *jobs[JOBS];
    wn_engine *engine = check_engine("tests/golden/models/qwen3", NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    make_jobs(jobs, runner);
    for (size_t d = 0; d < DOCS; d++) {
        const wn_row_ref ref = {.job = jobs[0], .row = d};
        assert_ok(wn_run_rows(runner, &ref, 1, &err), &err);
        assert_int_equal(runner->n_past, jobs[0]->n_past);
    }
    free_jobs(jobs);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

int main(void)
{
    make_texts();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_have_the_bits_of_sequences_that_are_read_whole),
        cmocka_unit_test(rows_in_any_order_have_the_same_bits),
        cmocka_unit_test(a_beginning_is_read_once_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
