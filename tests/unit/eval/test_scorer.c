/* The built-in model as a scorer: its logits, and what it says of texts that are empty or cut. */
#include "tests/support/check.h"

#include "base/str.h"
#include "eval/scorer.h"

#include <float.h>
#include <stdlib.h>

#define LONG_WORDS 3000

static char long_text[LONG_WORDS * 5 + 1];

/* Four documents, the third without a token and the fourth over the limit; an empty query too. */
static wn_passage queries[] = {{.text = {"capital of France", 17}}, {.text = {"...", 3}}};
static wn_passage documents[] = {{.text = {"Paris is the capital of France.", 31}},
                                 {.text = {"Bake the bread.", 15}},
                                 {.text = {"?!", 2}},
                                 {.text = {long_text, LONG_WORDS * 5}}};
static const size_t candidates[] = {1, 2, 0, 3};
static const wn_dataset set = {
    .queries = queries, .documents = documents, .n_queries = 2, .n_documents = 4};

typedef struct fixture {
    wn_engine *engine;
    wn_scorer scorer;
} fixture;

static int open_model(void **state)
{
    static fixture f;
    wn_engine_options engine = WN_ENGINE_OPTIONS_INIT;
    wn_runner_options runner = WN_RUNNER_OPTIONS_INIT;
    for (size_t i = 0; i < LONG_WORDS; i++)
        memcpy(long_text + i * 5, "word ", 5);
    if (wn_engine_open(&f.engine, &engine, NULL) != WN_OK ||
        wn_runner_new(&f.scorer.runner, f.engine, &runner, NULL) != WN_OK)
        return -1;
    *state = &f;
    return 0;
}

static int close_model(void **state)
{
    fixture *f = *state;
    wn_scorer_deinit(&f->scorer);
    wn_runner_free(f->scorer.runner);
    wn_engine_close(f->engine);
    return 0;
}

static void scores_are_logits_by_candidate(void **state)
{
    fixture *f = *state;
    wn_error err = {0};
    double scores[4];
    size_t notes[WN_NOTES] = {0}, n_results;
    const wn_topic topic = {.documents = candidates, .n_candidates = 4};
    assert_ok(wn_scorer_score(&f->scorer, scores, &set, &topic, 3, notes, &err), &err);
    wn_str texts[] = {documents[1].text, documents[0].text};
    wn_request request = WN_REQUEST_INIT;
    request.query = queries[0].text;
    request.documents = texts;
    request.n_documents = 2;
    wn_job *job = NULL;
    assert_ok(wn_rank(&job, f->scorer.runner, &request, &err), &err);
    const wn_result *results = wn_job_results(job, &n_results);
    assert_int_equal(results[0].index, 1);
    assert_true(scores[2] == (double)results[0].logit && scores[0] == (double)results[1].logit);
    assert_true(scores[1] == -DBL_MAX);
    assert_int_equal(notes[WN_NOTE_EMPTY_DOCUMENTS], 1);
    assert_int_equal(notes[WN_NOTE_CUT_DOCUMENTS], 0);
    wn_job_free(job);
}

static void cut_documents_are_counted(void **state)
{
    fixture *f = *state;
    wn_error err = {0};
    double scores[4];
    size_t notes[WN_NOTES] = {0};
    const wn_topic topic = {.documents = candidates, .n_candidates = 4};
    assert_ok(wn_scorer_score(&f->scorer, scores, &set, &topic, 4, notes, &err), &err);
    assert_int_equal(notes[WN_NOTE_CUT_DOCUMENTS], 0);
    f->scorer.long_docs = WN_LONG_DOCS_TRUNCATE;
    assert_ok(wn_scorer_score(&f->scorer, scores, &set, &topic, 4, notes, &err), &err);
    assert_int_equal(notes[WN_NOTE_CUT_DOCUMENTS], 1);
    f->scorer.long_docs = WN_LONG_DOCS_ERROR;
    assert_int_equal(wn_scorer_score(&f->scorer, scores, &set, &topic, 4, notes, &err),
                     WN_ERR_LIMIT);
    f->scorer.long_docs = WN_LONG_DOCS_WINDOWS;
}

static void empty_query_ties_all_candidates(void **state)
{
    fixture *f = *state;
    wn_error err = {0};
    double scores[4] = {1, 2, 3, 4};
    size_t notes[WN_NOTES] = {0};
    const wn_topic topic = {.query = 1, .documents = candidates, .n_candidates = 4};
    assert_ok(wn_scorer_score(&f->scorer, scores, &set, &topic, 4, notes, &err), &err);
    assert_int_equal(notes[WN_NOTE_EMPTY_QUERIES], 1);
    for (size_t i = 1; i < 4; i++)
        assert_true(scores[i] == scores[0]);
}

static bool stop_at_once(void *user)
{
    (void)user;
    return true;
}

static void stopping_ends_the_request(void **state)
{
    fixture *f = *state;
    wn_error err = {0};
    double scores[4];
    size_t notes[WN_NOTES] = {0};
    const wn_topic topic = {.documents = candidates, .n_candidates = 4};
    f->scorer.should_stop = stop_at_once;
    assert_int_equal(wn_scorer_score(&f->scorer, scores, &set, &topic, 4, notes, &err),
                     WN_ERR_CANCELLED);
    f->scorer.should_stop = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_logits_by_candidate),
        cmocka_unit_test(cut_documents_are_counted),
        cmocka_unit_test(empty_query_ties_all_candidates),
        cmocka_unit_test(stopping_ends_the_request),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
