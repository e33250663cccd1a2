/* What happened between two answers of /metrics. */
#include "tests/support/check.h"

#include "cli/scrape.h"

#define SECOND_NS 1000000000ull

static wn_scrape scrape_of(const char *text, uint64_t at_ns)
{
    wn_error err = {0};
    wn_scrape scrape = {0};
    assert_true(wn_buf_push_str(&scrape.text, wn_str_from(text)));
    assert_ok(wn_scrape_read(&scrape, at_ns, &err), &err);
    return scrape;
}

static const char before_text[] = "n_total{status=\"200\"} 10\nn_total{status=\"503\"} 1\ng 5\n"
                                  "h_bucket{r=\"a\",le=\"1\"} 0\nh_bucket{r=\"a\",le=\"2\"} 5\n"
                                  "h_bucket{r=\"a\",le=\"+Inf\"} 5\nh_sum{r=\"a\"} 8\n"
                                  "h_count{r=\"a\"} 5\ninfo{model=\"m\"} 1\n";
static const char after_text[] = "n_total{status=\"200\"} 30\nn_total{status=\"503\"} 3\ng 7\n"
                                 "h_bucket{r=\"a\",le=\"1\"} 2\nh_bucket{r=\"a\",le=\"2\"} 13\n"
                                 "h_bucket{r=\"a\",le=\"+Inf\"} 15\nh_sum{r=\"a\"} 28\n"
                                 "h_count{r=\"a\"} 15\ninfo{model=\"m\"} 1\n";

typedef struct pair {
    wn_scrape before, now;
} pair;

static int make_pair(void **state)
{
    static pair two;
    two.before = scrape_of(before_text, SECOND_NS);
    two.now = scrape_of(after_text, 3 * SECOND_NS);
    *state = &two;
    return 0;
}

static int free_pair(void **state)
{
    pair *two = *state;
    wn_scrape_deinit(&two->before);
    wn_scrape_deinit(&two->now);
    return 0;
}

#define ALL(family_) ((wn_choice){.family = (family_)})

static void sums_and_rates_are_of_what_is_chosen(void **state)
{
    const pair *two = *state;
    assert_near(wn_scrape_sum(&two->now, ALL("g")), 7, 0);
    assert_near(wn_scrape_sum(&two->now, ALL("n_total")), 33, 0);
    assert_near(wn_scrape_rate(&two->now, &two->before, ALL("n_total")), 11, 0);
    assert_near(wn_scrape_rate(&two->now, &two->before, (wn_choice){"n_total", "status", "5*"}), 1,
                0);
    assert_near(wn_scrape_rate(&two->now, &two->before, (wn_choice){"n_total", "status", "200"}),
                10, 0);
    assert_true(wn_str_equal(wn_scrape_label(&two->now, "info", "model"), WN_STR("m")));
}

static void a_missing_family_is_no_number(void **state)
{
    const pair *two = *state;
    assert_true(isnan(wn_scrape_sum(&two->now, ALL("n"))));
    assert_true(isnan(wn_scrape_rate(&two->now, &two->before, ALL("missing_total"))));
    assert_true(isnan(wn_scrape_rate(&two->now, &two->before, (wn_choice){"n_total", "x", "1"})));
    assert_true(isnan(wn_scrape_quantile(&two->now, &two->before, ALL("missing"), 0.5)));
    assert_true(isnan(wn_scrape_mean(&two->now, &two->before, ALL("missing"))));
    assert_int_equal(wn_scrape_label(&two->now, "missing", "model").len, 0);
}

/* Ten observations: two up to 1, six up to 2, two beyond. */
static void quantiles_are_of_what_came_between(void **state)
{
    const pair *two = *state;
    assert_near(wn_scrape_quantile(&two->now, &two->before, ALL("h"), 0.1), 0.5, 1e-12);
    assert_near(wn_scrape_quantile(&two->now, &two->before, ALL("h"), 0.5), 1.5, 1e-12);
    assert_near(wn_scrape_quantile(&two->now, &two->before, (wn_choice){"h", "r", "a"}, 0.8), 2,
                1e-12);
    assert_near(wn_scrape_quantile(&two->now, &two->before, ALL("h"), 0.99), 2, 0);
    assert_near(wn_scrape_mean(&two->now, &two->before, ALL("h")), 2, 1e-12);
    assert_true(isnan(wn_scrape_quantile(&two->now, &two->now, ALL("h"), 0.5)));
    assert_true(isnan(wn_scrape_mean(&two->now, &two->now, ALL("h"))));
}

static void a_server_that_starts_again_counts_from_zero(void **state)
{
    const pair *two = *state;
    wn_scrape again = scrape_of(before_text, 4 * SECOND_NS);
    assert_near(wn_scrape_rate(&again, &two->now, ALL("n_total")), 11, 0);
    assert_near(wn_scrape_quantile(&again, &two->now, ALL("h"), 0.5), 1.5, 1e-12);
    wn_scrape_deinit(&again);
}

static void series_of_several_models_come_together(void **state)
{
    (void)state;
    wn_scrape none = scrape_of("x 1\n", 0);
    wn_scrape two = scrape_of("h_bucket{m=\"a\",le=\"+Inf\"} 2\nh_bucket{m=\"a\",le=\"1\"} 2\n"
                              "h_bucket{m=\"b\",le=\"1\"} 0\nh_bucket{m=\"b\",le=\"+Inf\"} 2\n",
                              SECOND_NS);
    assert_near(wn_scrape_quantile(&two, &none, ALL("h"), 0.25), 0.5, 1e-12);
    assert_near(wn_scrape_quantile(&two, &none, (wn_choice){"h", "m", "a"}, 0.25), 0.25, 1e-12);
    wn_scrape_deinit(&two);
    wn_scrape_deinit(&none);
}

static void an_answer_without_metrics_is_refused(void **state)
{
    (void)state;
    wn_error err;
    wn_scrape scrape = {0};
    assert_true(wn_buf_push_str(&scrape.text, WN_STR("<html>\n</html>")));
    assert_fails(wn_scrape_read(&scrape, 0, &err), WN_ERR_FORMAT, &err, "no metrics");
    wn_scrape_deinit(&scrape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sums_and_rates_are_of_what_is_chosen, make_pair, free_pair),
        cmocka_unit_test_setup_teardown(a_missing_family_is_no_number, make_pair, free_pair),
        cmocka_unit_test_setup_teardown(quantiles_are_of_what_came_between, make_pair, free_pair),
        cmocka_unit_test_setup_teardown(a_server_that_starts_again_counts_from_zero, make_pair,
                                        free_pair),
        cmocka_unit_test(series_of_several_models_come_together),
        cmocka_unit_test(an_answer_without_metrics_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
