/* What a report is asked for in words, and the three forms of its answer. */
#include "tests/support/check.h"

#include "base/str.h"
#include "serve/usage_report.h"

#define NOW_S 1795651200 /* 2026-11-26T00:00:00Z */
#define DAY_S 86400

static wn_usage_query query_of(const wn_report_order *order)
{
    wn_usage_query query;
    const char *wrong;
    wn_error err = {0};
    assert_ok(wn_report_query(&query, order, NOW_S + 3600, &wrong, &err), &err);
    return query;
}

static void expect_mistake(const wn_report_order *order, const char *field, const char *why)
{
    wn_usage_query query;
    const char *wrong;
    wn_error err = {0};
    assert_fails(wn_report_query(&query, order, NOW_S, &wrong, &err), WN_ERR_ARGUMENT, &err, why);
    assert_string_equal(wrong, field);
}

static void report_is_of_thirty_days_by_day_by_default(void **state)
{
    (void)state;
    wn_usage_query query = query_of(&(wn_report_order){.by = WN_STR("")});
    assert_int_equal(query.until_s, NOW_S + DAY_S);
    assert_int_equal(query.since_s, NOW_S - 29 * DAY_S);
    assert_int_equal(query.by, WN_BY_DAY);
    assert_string_equal(query.key.text, "");
}

static void days_and_months_bound_a_report(void **state)
{
    (void)state;
    wn_usage_query query =
        query_of(&(wn_report_order){.from = WN_STR("2026-11-24"), .to = WN_STR("2026-11-24")});
    assert_int_equal(query.since_s, NOW_S - 2 * DAY_S);
    assert_int_equal(query.until_s, NOW_S - DAY_S);
    query = query_of(&(wn_report_order){.from = WN_STR("2026-12"), .to = WN_STR("2026-12")});
    assert_int_equal(query.since_s, NOW_S + 5 * DAY_S);
    assert_int_equal(query.until_s, NOW_S + 36 * DAY_S);
    query = query_of(&(wn_report_order){.to = WN_STR("2024-02")});
    assert_int_equal(query.until_s - query.since_s, 30 * DAY_S);
    assert_int_equal(query.until_s, 1709251200); /* 2024-03-01 */
}

static void what_stays_apart_is_a_list(void **state)
{
    (void)state;
    assert_int_equal(query_of(&(wn_report_order){.by = WN_STR("model")}).by, WN_BY_MODEL);
    assert_int_equal(query_of(&(wn_report_order){.by = WN_STR("route,day,key,model,day")}).by,
                     WN_BY_DAY | WN_BY_KEY | WN_BY_MODEL | WN_BY_ROUTE);
}

static void mistakes_name_their_field(void **state)
{
    (void)state;
    expect_mistake(&(wn_report_order){.from = WN_STR("soon")}, "from", "is 'soon', expected a day");
    expect_mistake(&(wn_report_order){.to = WN_STR("2026-02-30")}, "to", "'2026-02-30'");
    expect_mistake(&(wn_report_order){.from = WN_STR("2026-11-03"), .to = WN_STR("2026-11-02")},
                   "from", "is '2026-11-03', behind the last day");
    expect_mistake(&(wn_report_order){.by = WN_STR("hour")}, "by", "has 'hour'");
    expect_mistake(&(wn_report_order){.by = WN_STR("day,")}, "by", "has ''");
    expect_mistake(&(wn_report_order){.key = WN_STR("short")}, "key", "is 'short'");
}

static const wn_usage_row rows[] = {
    {{"Abcdefgh"}, NOW_S / 60, "rerank", "a \"b\"", {3, 1000, 100, 1}},
    {{""}, NOW_S / 60 + 1440, "score", "m", {4, 20, 0, 0}},
};

static void expect(wn_report_format format, const wn_usage_query *query, size_t n, const char *want)
{
    wn_buf out = WN_BUF_INIT;
    assert_true(wn_report_push(&out, format, query, rows, n));
    wn_buf_push_byte(&out, '\0');
    assert_string_equal(out.ptr, want);
    wn_buf_deinit(&out);
}

static void every_format_says_the_same(void **state)
{
    (void)state;
    const wn_usage_query all = {.since_s = NOW_S,
                                .until_s = NOW_S + 2 * DAY_S,
                                .by = WN_BY_DAY | WN_BY_KEY | WN_BY_ROUTE | WN_BY_MODEL};
    expect(WN_REPORT_JSON, &all, 2,
           "{\"object\":\"usage\",\"from\":\"2026-11-26\",\"to\":\"2026-11-27\",\"data\":["
           "{\"day\":\"2026-11-26\",\"key\":\"Abcdefgh\",\"route\":\"rerank\",\"model\":\"a "
           "\\\"b\\\"\",\"requests\":3,\"tokens\":1000,\"cached_tokens\":100,\"errors\":1},"
           "{\"day\":\"2026-11-27\",\"key\":null,\"route\":\"score\",\"model\":\"m\","
           "\"requests\":4,\"tokens\":20,\"cached_tokens\":0,\"errors\":0}],"
           "\"total\":{\"requests\":7,\"tokens\":1020,\"cached_tokens\":100,\"errors\":1}}");
    expect(WN_REPORT_CSV, &all, 2,
           "day,key,route,model,requests,tokens,cached_tokens,errors\n"
           "\"2026-11-26\",\"Abcdefgh\",\"rerank\",\"a \"\"b\"\"\",3,1000,100,1\n"
           "\"2026-11-27\",\"\",\"score\",\"m\",4,20,0,0\n");
    expect(WN_REPORT_TABLE, &(wn_usage_query){.by = WN_BY_KEY | WN_BY_MODEL}, 2,
           "key       model         requests           tokens    cached tokens     errors\n"
           "Abcdefgh  a \"b\"                3             1000              100          1\n"
           "(no key)  m                    4               20                0          0\n"
           "total                          7             1020              100          1\n");
}

static void a_report_without_rows_is_whole(void **state)
{
    (void)state;
    const wn_usage_query query = {
        .since_s = NOW_S, .until_s = NOW_S + DAY_S, .by = WN_BY_DAY, .key = {"Abcdefgh"}};
    expect(WN_REPORT_JSON, &query, 0,
           "{\"object\":\"usage\",\"from\":\"2026-11-26\",\"to\":\"2026-11-26\","
           "\"key\":\"Abcdefgh\",\"data\":[],\"total\":{\"requests\":0,\"tokens\":0,"
           "\"cached_tokens\":0,\"errors\":0}}");
    expect(WN_REPORT_CSV, &query, 0, "day,requests,tokens,cached_tokens,errors\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(report_is_of_thirty_days_by_day_by_default),
        cmocka_unit_test(days_and_months_bound_a_report),
        cmocka_unit_test(what_stays_apart_is_a_list),
        cmocka_unit_test(mistakes_name_their_field),
        cmocka_unit_test(every_format_says_the_same),
        cmocka_unit_test(a_report_without_rows_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
