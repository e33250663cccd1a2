/* From logits to relevance and order. */
#include "tests/support/check.h"

#include "rank/score.h"

#include <math.h>

static void order_is_by_logit_then_index_with_empty_last(void **state)
{
    (void)state;
    wn_result r[] = {
        {.index = 0, .logit = 1.0f}, {.index = 1, .empty = true}, {.index = 2, .logit = 3.0f},
        {.index = 3, .logit = 1.0f}, {.index = 4, .empty = true}, {.index = 5, .logit = -9.0f},
        {.index = 6, .logit = 3.0f},
    };
    const size_t want[] = {2, 6, 0, 3, 5, 1, 4};
    wn_score_order(r, WN_ARRAY_LEN(r));
    for (size_t i = 0; i < WN_ARRAY_LEN(r); i++)
        assert_int_equal(r[i].index, want[i]);
    wn_score_order(r, 0);
}

static void order_survives_logits_that_share_a_relevance(void **state)
{
    (void)state;
    wn_config config = {.score_rule = WN_SCORE_SIGMOID};
    wn_score_query query = {0};
    wn_result r[] = {{.index = 0, .logit = 40.0f}, {.index = 1, .logit = 41.0f}};
    assert_true(wn_score_relevance(&config, 40.0f, &query) ==
                wn_score_relevance(&config, 41.0f, &query));
    wn_score_order(r, 2);
    assert_int_equal(r[0].index, 1);
}

static void relevance_is_finite_and_rises_for_every_rule(void **state)
{
    (void)state;
    const wn_score_rule rules[] = {WN_SCORE_SIGMOID, WN_SCORE_IDENTITY, WN_SCORE_CALIBRATED,
                                   WN_SCORE_MEAN, WN_SCORE_COSINE};
    for (size_t i = 0; i < WN_ARRAY_LEN(rules); i++) {
        wn_config config = {.score_rule = rules[i],
                            .late = {.calibration_a = 7.3, .calibration_b = -3.4}};
        for (double weight = 0; weight < 3; weight++) {
            wn_score_query query = {.n_vectors = (size_t)weight, .weight = weight};
            double last = -INFINITY;
            for (float z = -3e38f; z < 3e38f; z = z < -1e-3f  ? z / 8
                                                  : z > 1e-3f ? z * 8
                                                              : z + 1e-3f) {
                double relevance = wn_score_relevance(&config, z, &query);
                assert_true(isfinite(relevance) && relevance >= last);
                last = relevance;
            }
        }
    }
    wn_config sigmoid = {.score_rule = WN_SCORE_SIGMOID};
    assert_true(fabs(wn_score_relevance(&sigmoid, 0.5f, NULL) - 0.62245933120185459) < 1e-15);
    assert_true(fabs(wn_score_relevance(&sigmoid, -0.5f, NULL) - 0.37754066879814541) < 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_by_logit_then_index_with_empty_last),
        cmocka_unit_test(order_survives_logits_that_share_a_relevance),
        cmocka_unit_test(relevance_is_finite_and_rises_for_every_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
