/* Whole sets: the small one with figures worked out by hand, the development sets against the
 * figures of their own script. */
#include "tests/support/check.h"

#include "data/json_bind.h"
#include "base/file.h"
#include "base/str.h"
#include "eval/evaluate.h"

#include <math.h>

static void assert_means(const wn_row *row, wn_column column, double ndcg, double mrr,
                         double recall)
{
    const wn_estimate *e = row->estimates[column];
    assert_near(e[WN_METRIC_NDCG10].mean, ndcg, 1e-12);
    assert_near(e[WN_METRIC_MRR10].mean, mrr, 1e-12);
    assert_near(e[WN_METRIC_RECALL3].mean, recall, 1e-12);
}

/* A model that likes the end of each list; arg counts its calls. */
static wn_status score_backward(void *arg, double *scores, const wn_dataset *set,
                                const wn_topic *topic, size_t n, size_t *notes, wn_error *err)
{
    (void)set, (void)err;
    assert_true(n <= topic->n_candidates);
    ++*(int *)arg;
    notes[WN_NOTE_CUT_DOCUMENTS] += 2;
    for (size_t i = 0; i < n; i++)
        scores[i] = (double)i;
    return WN_OK;
}

/* The report of one set; caller frees *out. */
static wn_report evaluate(wn_evaluation **out, const wn_evaluation_options *options,
                          const char *dir)
{
    wn_error err = {0};
    const wn_dataset *set = NULL;
    assert_ok(wn_evaluation_new(out, options, &err), &err);
    assert_ok(wn_dataset_open(&set, dir, &err), &err);
    assert_ok(wn_evaluation_add(*out, set, &err), &err);
    wn_dataset_close(set);
    return wn_evaluation_report(*out);
}

/* BM25 puts q1 and q3 right, q2's second document last, and ties all of q4. */
#define TINY_BM25 ((1 + (3 + 1 / log2(5)) / (3 + 1 / log2(3)) + 1 + 1 / log2(5)) / 4), 0.8125, 0.625

static void small_set_gives_the_figures_worked_out_by_hand(void **state)
{
    (void)state;
    int calls = 0;
    wn_evaluation *evaluation;
    wn_evaluation_options options = {
        .model = "backward", .scorer = score_backward, .scorer_arg = &calls};
    wn_report report = evaluate(&evaluation, &options, "tests/eval/tiny");
    const wn_row *row = report.rows;
    double second = 1 / log2(3);
    double ndcg = ((3 * second + 7.0 / 2) / (7 + 3 * second) + (second + 3.0 / 2) / (3 + second) +
                   second + 0.5) /
                  4;
    assert_int_equal(calls, 4);
    assert_int_equal(report.n_rows, 1);
    assert_string_equal(row->name, "tiny");
    assert_int_equal(row->n_queries, 4);
    assert_int_equal(row->n_pairs, 16);
    assert_means(row, WN_COLUMN_BM25, TINY_BM25);
    assert_means(row, WN_COLUMN_MODEL, ndcg, (0.5 + 0.5 + 0.5 + 1 / 3.0) / 4, 1);
    assert_near(row->estimates[WN_COLUMN_DIFFERENCE][WN_METRIC_NDCG10].mean,
                ndcg - row->estimates[WN_COLUMN_BM25][WN_METRIC_NDCG10].mean, 1e-12);
    assert_int_equal(row->notes[WN_NOTE_HOPELESS], 1);
    assert_int_equal(row->notes[WN_NOTE_UNLISTED], 1);
    assert_int_equal(row->notes[WN_NOTE_UNKNOWN], 1);
    assert_int_equal(row->notes[WN_NOTE_MISSING], 1);
    assert_int_equal(row->notes[WN_NOTE_CUT_DOCUMENTS], 8);
    assert_int_equal(report.mean.notes[WN_NOTE_CUT_DOCUMENTS], 8);
    assert_memory_equal(report.mean.estimates, row->estimates, sizeof row->estimates);
    wn_evaluation_free(evaluation);
}

static void intervals_hold_the_mean_and_repeat(void **state)
{
    (void)state;
    int calls = 0;
    wn_evaluation *first, *second;
    wn_evaluation_options options = {
        .model = "backward", .scorer = score_backward, .scorer_arg = &calls};
    wn_report a = evaluate(&first, &options, "tests/eval/tiny");
    wn_report b = evaluate(&second, &options, "tests/eval/tiny/");
    assert_memory_equal(a.rows->estimates, b.rows->estimates, sizeof a.rows->estimates);
    for (int column = 0; column < WN_COLUMNS; column++) {
        for (int metric = 0; metric < WN_METRICS; metric++) {
            wn_estimate e = a.rows->estimates[column][metric];
            assert_true(e.low <= e.mean && e.mean <= e.high);
        }
    }
    wn_estimate ndcg = a.rows->estimates[WN_COLUMN_BM25][WN_METRIC_NDCG10];
    assert_true(ndcg.low > 0.43 && ndcg.low < 0.75 && ndcg.high > 0.97 && ndcg.high <= 1);
    wn_evaluation_free(first);
    wn_evaluation_free(second);
}

static void top_leaves_later_candidates_unfound(void **state)
{
    (void)state;
    wn_evaluation *evaluation;
    wn_evaluation_options options = {.top = 2};
    wn_report report = evaluate(&evaluation, &options, "tests/eval/tiny");
    /* The first two of q1 are not relevant, q2 finds one of two, q3 its one, q4 its one in a tie.
     */
    double second = 1 / log2(3);
    assert_means(report.rows, WN_COLUMN_BM25, (3 / (3 + second) + 1 + second) / 4,
                 (1 + 1 + 0.5) / 4, (0.5 + 1 + 1) / 4);
    assert_int_equal(report.rows->n_pairs, 8);
    assert_null(report.model);
    wn_evaluation_free(evaluation);
}

static void limit_spreads_over_the_list(void **state)
{
    (void)state;
    wn_evaluation *evaluation;
    wn_evaluation_options options = {.limit = 2};
    wn_report report = evaluate(&evaluation, &options, "tests/eval/tiny");
    assert_means(report.rows, WN_COLUMN_BM25, 1, 1, 1); /* q1 and q3 */
    assert_int_equal(report.rows->n_queries, 2);
    wn_evaluation_free(evaluation);
    options.limit = 100;
    report = evaluate(&evaluation, &options, "tests/eval/tiny");
    assert_means(report.rows, WN_COLUMN_BM25, TINY_BM25);
    wn_evaluation_free(evaluation);
}

static bool stop_at_once(void *user)
{
    return *(bool *)user;
}

static wn_status fail_to_score(void *arg, double *scores, const wn_dataset *set,
                               const wn_topic *topic, size_t n, size_t *notes, wn_error *err)
{
    (void)arg, (void)scores, (void)set, (void)topic, (void)n, (void)notes;
    strcpy(err->message, "no");
    return WN_ERR_LIMIT;
}

static void stopping_and_failing_name_the_place(void **state)
{
    (void)state;
    bool stop = true;
    wn_error err = {0};
    wn_evaluation *evaluation = NULL;
    const wn_dataset *set = NULL;
    wn_evaluation_options options = {
        .model = "none", .scorer = fail_to_score, .should_stop = stop_at_once, .user = &stop};
    assert_ok(wn_dataset_open(&set, "tests/eval/tiny", &err), &err);
    assert_ok(wn_evaluation_new(&evaluation, &options, &err), &err);
    assert_fails(wn_evaluation_add(evaluation, set, &err), WN_ERR_CANCELLED, &err,
                 "tiny: stopped after 0 of 4 queries");
    stop = false;
    assert_fails(wn_evaluation_add(evaluation, set, &err), WN_ERR_LIMIT, &err,
                 "tiny query 'q1': no");
    wn_evaluation_free(evaluation);
    wn_evaluation_free(NULL);
    wn_dataset_close(set);
}

/* Compare one row with the object of bm25.json that describes it; returns the distance. */
static double compare_with_script(const wn_row *row, const json_t *want)
{
    double worst = 0;
    assert_int_equal(row->n_queries, json_integer_value(json_object_get(want, "queries")));
    for (wn_metric metric = 0; metric < WN_METRICS; metric++) {
        double expected = json_number_value(json_object_get(want, wn_metric_key(metric)));
        double got = row->estimates[WN_COLUMN_BM25][metric].mean;
        if (!(fabs(got - expected) <= 0.005))
            fail_msg("%s: %.17g, expected %.17g", row->name, got, expected);
        worst = fmax(worst, fabs(got - expected));
    }
    return worst;
}

static void development_sets_give_the_figures_of_their_script(void **state)
{
    (void)state;
    const char *path = check_shared("data/dev/bm25.json");
    if (path == NULL) {
        print_message("data/dev/bm25.json is not there\n");
        skip();
    }
    wn_error err = {0};
    wn_buf text = WN_BUF_INIT;
    json_t *rows;
    assert_ok(wn_file_read(&text, path, 1 << 20, &err), &err);
    assert_ok(wn_json_parse(&rows, wn_buf_str(&text), "bm25.json", &err), &err);
    wn_buf_deinit(&text);
    assert_int_equal(json_array_size(rows), 10);
    for (size_t i = 0; i < 10; i++) {
        char dir[64];
        const json_t *want = json_array_get(rows, i);
        snprintf(dir, sizeof dir, "data/dev/%s", json_string_value(json_object_get(want, "set")));
        wn_evaluation *evaluation;
        wn_evaluation_options options = {0};
        wn_report report = evaluate(&evaluation, &options, check_shared(dir));
        double worst = compare_with_script(report.rows, want);
        print_message("%s: at most %.1e from the script\n", report.rows->name, worst);
        wn_evaluation_free(evaluation);
    }
    json_decref(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_set_gives_the_figures_worked_out_by_hand),
        cmocka_unit_test(intervals_hold_the_mean_and_repeat),
        cmocka_unit_test(top_leaves_later_candidates_unfound),
        cmocka_unit_test(limit_spreads_over_the_list),
        cmocka_unit_test(stopping_and_failing_name_the_place),
        cmocka_unit_test(development_sets_give_the_figures_of_their_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
