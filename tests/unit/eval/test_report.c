/* What a report looks like as a table, as JSON and as a page. */
#include "tests/support/check.h"

#include "base/str.h"
#include "data/json_bind.h"
#include "eval/report.h"

/* Two sets: the model is clearly better on the first, and nobody knows on the second. */
static const wn_row rows[] = {
    {.name = "first",
     .n_queries = 1200,
     .n_pairs = 24000,
     .notes = {[WN_NOTE_UNKNOWN] = 3},
     .estimates = {[WN_COLUMN_BM25] = {{0.5, 0.45, 0.55}, {0.4, 0.35, 0.45}, {0.25, 0.2, 0.3}},
                   [WN_COLUMN_MODEL] = {{0.75, 0.7, 0.8}, {0.7, 0.6, 0.8}, {0.5, 0.4, 0.6}},
                   [WN_COLUMN_DIFFERENCE] = {{0.25, 0.2, 0.3}, {0.3, 0.2, 0.4}, {0.25, 0.1, 0.3}}}},
    {.name = "a&b<c>",
     .n_queries = 10,
     .n_pairs = 95,
     .estimates = {[WN_COLUMN_BM25] = {{1, 1, 1}, {0.5, 0.4, 0.6}, {0.5, 0.4, 0.6}},
                   [WN_COLUMN_MODEL] = {{0.9, 0.8, 1}, {0.5, 0.4, 0.6}, {0.5, 0.4, 0.6}},
                   [WN_COLUMN_DIFFERENCE] = {{-0.1, -0.2, -0.01}, {0, -0.1, 0.1}, {0, -0.1, 0.1}}}},
};

static wn_report report_of(const char *model, size_t n_rows)
{
    wn_report report = {.model = model, .long_docs = "windows", .rows = rows, .n_rows = n_rows};
    report.mean = rows[0];
    report.mean.name = "mean";
    return report;
}

/* The text of a report; caller frees the buffer. */
static char *written(wn_buf *out, bool (*push)(wn_buf *, const wn_report *),
                     const wn_report *report)
{
    assert_true(push(out, report));
    assert_true(wn_buf_push_byte(out, '\0'));
    return out->ptr;
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = strstr(text, part); p != NULL; p = strstr(p + 1, part))
        n++;
    return n;
}

static void table_has_a_line_a_set_and_a_block_a_metric(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    wn_report report = report_of("built-in", 2);
    const char *text = written(&out, wn_report_push_table, &report);
    const char *want = "nDCG@10   queries  BM25                 built-in             difference\n"
                       "first        1200  0.500 [0.450 0.550]  0.750 [0.700 0.800]  "
                       "+0.250 [+0.200 +0.300] *\n"
                       "a&b<c>         10  1.000 [1.000 1.000]  0.900 [0.800 1.000]  "
                       "-0.100 [-0.200 -0.010] *\n"
                       "mean         1200  0.500 [0.450 0.550]  0.750 [0.700 0.800]  "
                       "+0.250 [+0.200 +0.300] *\n"
                       "\n"
                       "MRR@10    queries ";
    if (strncmp(text, want, strlen(want)) != 0)
        fail_msg("the table begins\n%.*s", (int)strlen(want), text);
    assert_non_null(strstr(text, "+0.000 [-0.100 +0.100]\n"));
    assert_non_null(
        strstr(text, "first: judgements left out, their query or document is not in the set: 3\n"));
    assert_int_equal(count_of(text, "\n\n"), 3);
    wn_buf_deinit(&out);
}

static void table_of_bm25_alone_has_one_column(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    wn_report report = report_of(NULL, 1);
    const char *text = written(&out, wn_report_push_table, &report);
    const char *want = "nDCG@10   queries  BM25               \n"
                       "first        1200  0.500 [0.450 0.550]\n"
                       "\n";
    if (strncmp(text, want, strlen(want)) != 0)
        fail_msg("the table begins\n%.*s", (int)strlen(want), text);
    assert_null(strstr(text, "mean"));
    assert_null(strstr(text, "difference"));
    wn_buf_deinit(&out);
}

static double number_at(const json_t *row, const char *column, const char *metric, const char *part)
{
    const json_t *value =
        json_object_get(json_object_get(json_object_get(row, column), metric), part);
    assert_true(json_is_real(value));
    return json_real_value(value);
}

static void json_holds_every_figure(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_buf out = WN_BUF_INIT;
    json_t *root;
    wn_report report = report_of("built-in", 2);
    assert_true(wn_report_push_json(&out, &report));
    assert_ok(wn_json_parse(&root, wn_buf_str(&out), "report", &err), &err);
    const json_t *sets = json_object_get(root, "sets"), *second = json_array_get(sets, 1);
    assert_int_equal(json_array_size(sets), 2);
    assert_string_equal(json_string_value(json_object_get(root, "model")), "built-in");
    assert_string_equal(json_string_value(json_object_get(second, "set")), "a&b<c>");
    assert_int_equal(json_integer_value(json_object_get(second, "pairs")), 95);
    assert_true(number_at(second, "bm25", "mrr10", "mean") == 0.5);
    assert_true(number_at(second, "model", "ndcg10", "low") == 0.8);
    assert_true(number_at(second, "difference", "ndcg10", "high") == -0.01);
    assert_true(number_at(json_object_get(root, "mean"), "model", "recall3", "mean") == 0.5);
    const json_t *notes = json_object_get(json_array_get(sets, 0), "notes");
    assert_int_equal(json_integer_value(json_object_get(notes, "unknown_judgements")), 3);
    json_decref(root);
    wn_buf_deinit(&out);
}

static void json_of_bm25_alone_has_no_model(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_buf out = WN_BUF_INIT;
    json_t *root;
    wn_report report = report_of(NULL, 1);
    report.long_docs = NULL;
    assert_true(wn_report_push_json(&out, &report));
    assert_ok(wn_json_parse(&root, wn_buf_str(&out), "report", &err), &err);
    assert_true(json_is_null(json_object_get(root, "model")));
    const json_t *row = json_array_get(json_object_get(root, "sets"), 0);
    assert_null(json_object_get(row, "model"));
    assert_null(json_object_get(row, "difference"));
    assert_non_null(json_object_get(row, "bm25"));
    json_decref(root);
    wn_buf_deinit(&out);
}

static void page_needs_nothing_but_itself(void **state)
{
    (void)state;
    static const char *const foreign[] = {
        "http:", "https:", "src=", "href=", "<script", "<link", "@import", "url("};
    wn_buf out = WN_BUF_INIT;
    wn_report report = report_of("built-in", 2);
    const char *text = written(&out, wn_report_push_html, &report);
    for (size_t i = 0; i < WN_ARRAY_LEN(foreign); i++)
        if (strstr(text, foreign[i]) != NULL)
            fail_msg("the page contains %s", foreign[i]);
    assert_non_null(strstr(text, "prefers-color-scheme:dark"));
    wn_buf_deinit(&out);
}

static void page_draws_two_bars_a_set_and_metric(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    wn_report report = report_of("built-in", 2);
    const char *text = written(&out, wn_report_push_html, &report);
    assert_int_equal(count_of(text, "<svg"), 9);
    assert_int_equal(count_of(text, "</svg>"), 9);
    assert_int_equal(count_of(text, "<rect class=\"m\""), 9);
    assert_int_equal(count_of(text, "<rect class=\"b\""), 9);
    assert_int_equal(count_of(text, "<div"), count_of(text, "</div>"));
    assert_int_equal(count_of(text, "<span"), count_of(text, "</span>"));
    assert_non_null(strstr(text, "<rect class=\"m\" y=\"4\" width=\"75.00%\""));
    assert_non_null(strstr(text, "1,200 queries"));
    wn_buf_deinit(&out);
    report = report_of(NULL, 2);
    text = written(&out, wn_report_push_html, &report);
    assert_int_equal(count_of(text, "<rect class=\"m\""), 0);
    assert_int_equal(count_of(text, "<rect class=\"b\""), 9);
    wn_buf_deinit(&out);
}

static void page_escapes_names(void **state)
{
    (void)state;
    wn_buf out = WN_BUF_INIT;
    wn_report report = report_of("<b>\"model\"", 2);
    const char *text = written(&out, wn_report_push_html, &report);
    assert_null(strstr(text, "a&b"));
    assert_null(strstr(text, "<b>\"model"));
    assert_non_null(strstr(text, "a&amp;b&lt;c&gt;"));
    assert_non_null(strstr(text, "&lt;b&gt;&quot;model&quot;"));
    wn_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_has_a_line_a_set_and_a_block_a_metric),
        cmocka_unit_test(table_of_bm25_alone_has_one_column),
        cmocka_unit_test(json_holds_every_figure),
        cmocka_unit_test(json_of_bm25_alone_has_no_model),
        cmocka_unit_test(page_needs_nothing_but_itself),
        cmocka_unit_test(page_draws_two_bars_a_set_and_metric),
        cmocka_unit_test(page_escapes_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
