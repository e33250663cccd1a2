/* eval/ under failing allocations: loading a set, measuring, and each way to report. */
#include "tests/fault/fault.h"

#include "eval/evaluate.h"
#include "eval/report.h"

#define WN_WHERE "tests/fault"

static wn_status load_set(void *arg, wn_error *err)
{
    (void)arg;
    const wn_dataset *set = NULL;
    wn_status status = wn_dataset_open(&set, "tests/eval/tiny", err);
    wn_dataset_close(set);
    return status;
}

static wn_status score_alike(void *arg, double *scores, const wn_dataset *set,
                             const wn_topic *topic, size_t n, size_t *notes, wn_error *err)
{
    (void)arg, (void)set, (void)topic, (void)notes, (void)err;
    memset(scores, 0, n * sizeof *scores);
    return WN_OK;
}

static wn_status measure(void *arg, wn_error *err)
{
    wn_evaluation *evaluation = NULL;
    wn_evaluation_options options = {.model = "flat", .scorer = score_alike};
    wn_status status = wn_evaluation_new(&evaluation, &options, err);
    if (status == WN_OK)
        status = wn_evaluation_add(evaluation, arg, err);
    wn_evaluation_free(evaluation);
    return status;
}

typedef struct report_case {
    bool (*push)(wn_buf *out, const wn_report *report);
    const wn_report *report;
} report_case;

static wn_status write_report(void *arg, wn_error *err)
{
    const report_case *report = arg;
    wn_buf out = WN_BUF_INIT;
    bool ok = report->push(&out, report->report);
    wn_buf_deinit(&out);
    if (!ok)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the report");
    return WN_OK;
}

static void loading_a_set_survives(void **state)
{
    (void)state;
    fault_each_allocation("dataset", load_set, NULL);
}

static void measuring_survives(void **state)
{
    (void)state;
    wn_error err = {0};
    const wn_dataset *set = NULL;
    assert_ok(wn_dataset_open(&set, "tests/eval/tiny", &err), &err);
    fault_each_allocation("evaluate", measure, (void *)(uintptr_t)set);
    wn_dataset_close(set);
}

static void reporting_survives(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool (*push)(wn_buf *out, const wn_report *report);
    } formats[] = {{"table", wn_report_push_table},
                   {"json", wn_report_push_json},
                   {"html", wn_report_push_html}};
    const wn_row row = {.name = "one", .n_queries = 1, .n_pairs = 2};
    const wn_report report = {
        .model = "flat", .long_docs = "windows", .rows = &row, .n_rows = 1, .mean = row};
    for (size_t i = 0; i < WN_ARRAY_LEN(formats); i++) {
        report_case one = {formats[i].push, &report};
        fault_each_allocation(formats[i].name, write_report, &one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading_a_set_survives),
        cmocka_unit_test(measuring_survives),
        cmocka_unit_test(reporting_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
