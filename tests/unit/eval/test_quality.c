/* The measures against values worked out by hand and against a second implementation. */
#include "tests/support/check.h"

#include "eval/quality.h"

#include <math.h>

#define TINY 1e-12

static void assert_quality(wn_quality q, double ndcg, double mrr, double recall)
{
    assert_near(q.value[WN_METRIC_NDCG10], ndcg, TINY);
    assert_near(q.value[WN_METRIC_MRR10], mrr, TINY);
    assert_near(q.value[WN_METRIC_RECALL3], recall, TINY);
}

static void one_relevant_document_earns_by_its_place(void **state)
{
    (void)state;
    const double grades[12] = {[4] = 1};
    double scores[12];
    for (size_t place = 0; place < 12; place++) {
        for (size_t i = 0; i < 12; i++)
            scores[i] = -(double)i;
        scores[4] = -(double)place + (place < 4 ? 0.5 : place == 4 ? 0 : -0.5);
        double ndcg = place < 10 ? 1 / log2((double)place + 2) : 0;
        double mrr = place < 10 ? 1 / ((double)place + 1) : 0;
        assert_quality(wn_quality_of(scores, 12, grades, 12), ndcg, mrr, place < 3 ? 1 : 0);
    }
}

static void grades_count_as_powers_of_two(void **state)
{
    (void)state;
    /* Order by score: grades 1, 0, 3, 2.  DCG = 1/1 + 0 + 7/2 + 3/log2(5); the best order is 3, 2,
     * 1, 0: 7/1 + 3/log2(3) + 1/2. */
    const double scores[] = {2, 9, 4, 1}, grades[] = {3, 1, 0, 2};
    double ndcg = (1 + 7 / 2.0 + 3 / log2(5)) / (7 + 3 / log2(3) + 0.5);
    assert_quality(wn_quality_of(scores, 4, grades, 4), ndcg, 1, 2 / 3.0);
    assert_near(ndcg, 0.617, 0.001);
}

static void tied_relevant_document_comes_last_of_the_tie(void **state)
{
    (void)state;
    const double grades[] = {1, 0, 0, 0}, flat[] = {5, 5, 5, 5}, half[] = {5, 5, 1, 1};
    assert_quality(wn_quality_of(flat, 4, grades, 4), 1 / log2(5), 0.25, 0);
    assert_quality(wn_quality_of(half, 4, grades, 4), 1 / log2(3), 0.5, 1);
}

static void lower_grade_comes_first_in_a_tie(void **state)
{
    (void)state;
    const double scores[] = {0, 0, 0}, grades[] = {2, 0, 1};
    size_t top[WN_QUALITY_DEPTH];
    assert_int_equal(wn_quality_top(top, scores, grades, 3), 3);
    assert_int_equal(top[0], 1);
    assert_int_equal(top[1], 2);
    assert_int_equal(top[2], 0);
}

static void recall_asks_for_three_documents_at_most(void **state)
{
    (void)state;
    const double scores[] = {6, 5, 4, 3, 2, 1}, five[] = {1, 0, 1, 1, 1, 1},
                 two[] = {0, 1, 0, 0, 0, 1};
    assert_near(wn_quality_of(scores, 6, five, 6).value[WN_METRIC_RECALL3], 2 / 3.0, TINY);
    assert_near(wn_quality_of(scores, 6, two, 6).value[WN_METRIC_RECALL3], 0.5, TINY);
}

static void nothing_relevant_earns_nothing(void **state)
{
    (void)state;
    const double scores[] = {1, 2}, grades[] = {0, 0};
    assert_quality(wn_quality_of(scores, 2, grades, 2), 0, 0, 0);
    assert_quality(wn_quality_of(NULL, 0, NULL, 0), 0, 0, 0);
}

static void document_that_was_not_returned_counts_in_the_best_order(void **state)
{
    (void)state;
    const double scores[] = {1, 2}, grades[] = {0, 1, 1};
    assert_quality(wn_quality_of(scores, 2, grades, 3), 1 / (1 + 1 / log2(3)), 1, 0.5);
    assert_quality(wn_quality_of(scores, 0, grades, 3), 0, 0, 0);
}

/* The second implementation: a document's place is the number of documents that come before it. */
static size_t naive_place(const double *scores, const double *grades, size_t n, size_t i)
{
    size_t place = 0;
    for (size_t j = 0; j < n; j++) {
        bool before = scores[j] > scores[i];
        if (scores[j] == scores[i])
            before = grades[j] < grades[i] || (grades[j] == grades[i] && j < i);
        place += before;
    }
    return place;
}

static wn_quality naive_quality(const double *scores, size_t n_scored, const double *grades,
                                size_t n)
{
    wn_quality q = {{0}};
    double dcg = 0, ideal = 0, relevant = 0, hits = 0;
    for (size_t i = 0; i < n; i++) {
        size_t best = naive_place(grades, grades, n, i);
        size_t place = i < n_scored ? naive_place(scores, grades, n_scored, i) : SIZE_MAX;
        double gain = pow(2, grades[i]) - 1;
        ideal += best < 10 ? gain * log(2) / log(2 + (double)best) : 0;
        dcg += place < 10 ? gain * log(2) / log(2 + (double)place) : 0;
        if (grades[i] <= 0)
            continue;
        relevant++;
        hits += place < 3;
        if (place < 10)
            q.value[WN_METRIC_MRR10] = fmax(q.value[WN_METRIC_MRR10], 1 / (1 + (double)place));
    }
    if (relevant > 0) {
        q.value[WN_METRIC_NDCG10] = dcg / ideal;
        q.value[WN_METRIC_RECALL3] = hits / fmin(3, relevant);
    }
    return q;
}

static void agrees_with_a_second_implementation(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < 20000; round++) {
        double scores[40], grades[40];
        size_t n = (size_t)rand() % 41, n_scored = rand() % 4 == 0 ? (size_t)rand() % (n + 1) : n;
        int levels = 1 + rand() % 12;
        for (size_t i = 0; i < n; i++) {
            scores[i] = rand() % levels - 3;
            grades[i] = rand() % 3 == 0 ? rand() % 4 : 0;
        }
        wn_quality got = wn_quality_of(scores, n_scored, grades, n);
        wn_quality want = naive_quality(scores, n_scored, grades, n);
        for (int m = 0; m < WN_METRICS; m++) {
            if (fabs(got.value[m] - want.value[m]) > TINY)
                fail_msg("round %d, %s: %.17g, expected %.17g", round, wn_metric_name((wn_metric)m),
                         got.value[m], want.value[m]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_relevant_document_earns_by_its_place),
        cmocka_unit_test(grades_count_as_powers_of_two),
        cmocka_unit_test(tied_relevant_document_comes_last_of_the_tie),
        cmocka_unit_test(lower_grade_comes_first_in_a_tie),
        cmocka_unit_test(recall_asks_for_three_documents_at_most),
        cmocka_unit_test(nothing_relevant_earns_nothing),
        cmocka_unit_test(document_that_was_not_returned_counts_in_the_best_order),
        cmocka_unit_test(agrees_with_a_second_implementation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
