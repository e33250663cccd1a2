/* A tiny listwise model against the results of the reference's arithmetic (tools/golden_qwen.py):
 * blocks, cut texts, marks typed by users; on every level, alone and with others. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"
#include "tests/tolerance.h"

#include "base/str.h"
#include "kernel/kernel.h"

#include <jansson.h>

#define MODEL     "tests/golden/listwise/jina-v3"
#define CASES_MAX 16
#define DOCS_MAX  140

typedef struct list_case {
    json_t *row;
    wn_str query, instruction, documents[DOCS_MAX];
    size_t n, max_doc, n_blocks;
} list_case;

static list_case cases[CASES_MAX];
static size_t n_cases;
static wn_error err;

static wn_str text_of(const json_t *value)
{
    return (wn_str){json_string_value(value), json_string_length(value)};
}

static void load_cases(void)
{
    static char line[1 << 17];
    FILE *f = fopen(MODEL "/cases.jsonl", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        list_case *c = &cases[n_cases++];
        assert_true(n_cases <= CASES_MAX);
        c->row = json_loads(line, 0, NULL);
        assert_non_null(c->row);
        const json_t *documents = json_object_get(c->row, "documents");
        c->query = text_of(json_object_get(c->row, "query"));
        c->instruction = text_of(json_object_get(c->row, "instruction"));
        c->n = json_array_size(documents);
        c->max_doc = (size_t)json_integer_value(json_object_get(c->row, "max_doc"));
        c->n_blocks = (size_t)json_integer_value(json_object_get(c->row, "blocks"));
        assert_true(c->n <= DOCS_MAX);
        for (size_t i = 0; i < c->n; i++)
            c->documents[i] = text_of(json_array_get(documents, i));
    }
    fclose(f);
    assert_true(n_cases > 0);
}

static wn_job *new_job(const list_case *c, wn_runner *runner)
{
    wn_job *job = NULL;
    wn_request request = check_request(c->query, c->documents, c->n);
    request.max_document_tokens = c->max_doc;
    request.instruction = c->instruction;
    assert_ok(wn_job_new(&job, runner, &request, &err), &err);
    assert_int_equal(wn_job_n_rows(job), c->n_blocks);
    assert_true(wn_job_wants_matches(job)); /* no score may come from elsewhere */
    return job;
}

/* Scores by document, and that results are in their order. */
static void scores_of(const wn_job *job, float *scores, size_t n_documents)
{
    size_t n;
    const wn_result *r = wn_job_results(job, &n);
    assert_int_equal(n, n_documents);
    for (size_t i = 0; i < n; i++) {
        assert_true(r[i].scored && r[i].relevance_score == (double)r[i].logit);
        assert_true(i == 0 || r[i - 1].logit >= r[i].logit);
        scores[r[i].index] = r[i].logit;
    }
}

static double check_level(const char *level)
{
    static float alone[CASES_MAX][DOCS_MAX], together[DOCS_MAX];
    double worst = 0;
    wn_job *jobs[CASES_MAX];
    wn_engine *engine = check_engine(MODEL, level);
    wn_runner *one = check_runner(engine, 1, 0), *three = check_runner(engine, 3, 9000);
    for (size_t i = 0; i < n_cases; i++) {
        const json_t *logits = json_object_get(cases[i].row, "logits");
        wn_job *job = new_job(&cases[i], one);
        assert_ok(wn_run(one, &job, 1, &err), &err);
        scores_of(job, alone[i], cases[i].n);
        for (size_t d = 0; d < cases[i].n; d++) {
            double want = json_number_value(json_array_get(logits, d));
            worst = fmax(worst, fabs((double)alone[i][d] - want));
        }
        wn_job_free(job);
        jobs[i] = new_job(&cases[i], three);
    }
    assert_ok(wn_run(three, jobs, n_cases, &err), &err);
    for (size_t i = 0; i < n_cases; i++) {
        scores_of(jobs[i], together, cases[i].n);
        assert_memory_equal(together, alone[i], cases[i].n * sizeof(float));
        wn_job_free(jobs[i]);
    }
    wn_runner_free(one);
    wn_runner_free(three);
    wn_engine_close(engine);
    return worst;
}

static void every_level_gives_the_reference_scores(void **state)
{
    (void)state;
    size_t n_levels;
    const char *reason, *const *levels = wn_kernels_levels(&n_levels);
    printf("# jina-v3");
    for (size_t i = 0; i < n_levels; i++) {
        if (wn_kernels_get(levels[i], &reason) == NULL)
            continue;
        double worst = check_level(levels[i]);
        printf("  %s %.1e", levels[i], worst);
        if (!(worst <= TOLERANCE_GOLDEN))
            fail_msg("%s: error %.2e, at most %.0e", levels[i], worst, TOLERANCE_GOLDEN);
    }
    printf("\n");
}

static void scores_depend_on_neighbours_and_order(void **state)
{
    (void)state;
    const list_case *c = &cases[1];
    float all[DOCS_MAX], turned[DOCS_MAX], first[1];
    wn_engine *engine = check_engine(MODEL, NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    list_case other = *c, single = *c;
    single.n = 1;
    for (size_t i = 0; i < c->n; i++)
        other.documents[i] = c->documents[c->n - 1 - i];
    const list_case *const lists[] = {c, &other, &single};
    float *const scores[] = {all, turned, first};
    for (size_t i = 0; i < WN_ARRAY_LEN(lists); i++) {
        wn_job *job = new_job(lists[i], runner);
        assert_ok(wn_run(runner, &job, 1, &err), &err);
        scores_of(job, scores[i], lists[i]->n);
        wn_job_free(job);
    }
    assert_true(fabsf(all[0] - turned[c->n - 1]) > 1e-3f && fabsf(all[0] - first[0]) > 1e-3f);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static void blocks_are_rows_that_are_scored_one_by_one(void **state)
{
    (void)state;
    const list_case *c = &cases[2];
    static float whole[DOCS_MAX], by_rows[DOCS_MAX];
    size_t n;
    wn_engine *engine = check_engine(MODEL, NULL);
    wn_runner *runner = check_runner(engine, 2, 0);
    wn_job *job = new_job(c, runner), *again = new_job(c, runner);
    assert_ok(wn_run(runner, &job, 1, &err), &err);
    scores_of(job, whole, c->n);
    assert_true(c->n_blocks == 2);
    wn_row_ref ref = {.job = again, .row = 1};
    assert_ok(wn_run_rows(runner, &ref, 1, &err), &err);
    assert_fails(wn_job_end(again, false, &err), WN_ERR_ARGUMENT, &err, "has no score");
    assert_ok(wn_job_end(again, true, &err), &err);
    const wn_result *r = wn_job_results(again, &n);
    assert_true(n == c->n && r[4].scored && r[4].index >= 125 && !r[5].scored);
    ref.row = 0;
    assert_ok(wn_run_rows(runner, &ref, 1, &err), &err);
    assert_ok(wn_job_end(again, false, &err), &err);
    scores_of(again, by_rows, c->n);
    assert_memory_equal(by_rows, whole, c->n * sizeof(float));
    wn_job_free(job);
    wn_job_free(again);
    wn_runner_free(runner);
    wn_engine_close(engine);
}

static size_t n_reported;

static void note_progress(void *user, size_t n_done, size_t n_documents)
{
    (void)user;
    n_reported = n_done;
    assert_true(n_done <= n_documents);
}

static void limits_fields_and_progress_are_those_of_other_models(void **state)
{
    (void)state;
    const wn_str texts[] = {WN_STR("banlan"),      WN_STR(""),     WN_STR(""), WN_STR(""),
                            WN_STR("celan dimer"), WN_STR("latok")};
    size_t n;
    wn_engine *engine = check_engine(MODEL, NULL);
    wn_runner *runner = check_runner(engine, 1, 0);
    wn_request request = check_request(WN_STR("podra"), texts, 3);
    wn_job *job = NULL;
    request.n_fields = 2;
    request.progress = note_progress;
    assert_ok(wn_rank(&job, runner, &request, &err), &err);
    const wn_result *r = wn_job_results(job, &n);
    assert_true(n == 3 && r[2].empty && r[2].index == 1 && !r[0].empty);
    assert_int_equal(n_reported, 3);
    wn_job_free(job);
    request.long_docs = WN_LONG_DOCS_ERROR;
    request.max_document_tokens = 1;
    assert_fails(wn_job_new(&job, runner, &request, &err), WN_ERR_LIMIT, &err,
                 "document 0: 3 tokens, at most 1");
    request = check_request(WN_STR("podra"), texts, 0);
    assert_ok(wn_rank(&job, runner, &request, &err), &err);
    (void)wn_job_results(job, &n);
    assert_int_equal(n, 0);
    wn_job_free(job);
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    assert_ok(wn_engine_get_info(engine, &info, &err), &err);
    assert_true(info.kind == WN_KIND_LISTWISE && info.dim == 24 && info.max_query_tokens == 512);
    assert_string_equal(info.family, "jina-reranker-v3");
    wn_runner_free(runner);
    wn_engine_close(engine);
}

int main(void)
{
    load_cases();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_gives_the_reference_scores),
        cmocka_unit_test(scores_depend_on_neighbours_and_order),
        cmocka_unit_test(blocks_are_rows_that_are_scored_one_by_one),
        cmocka_unit_test(limits_fields_and_progress_are_those_of_other_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
