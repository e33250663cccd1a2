/* Response fields of a decision, and refusals in words. */
#include "tests/support/check.h"

#include "base/str.h"
#include "serve/limit_reply.h"

#define SECOND_NS 1000000000ull

static const char *fields_of(const wn_decision *decision, bool x_fields)
{
    static char text[2048];
    wn_reply reply = {0};
    assert_true(wn_limit_push_fields(&reply, decision, x_fields));
    snprintf(text, sizeof text, "%.*s", (int)reply.fields.len,
             reply.fields.len > 0 ? reply.fields.ptr : "");
    wn_reply_deinit(&reply);
    return text;
}

static void both_rates_are_told(void **state)
{
    (void)state;
    const wn_decision decision = {
        true, 0, {{500, 500, 499, 120000000, 0}, {1000000, 1000000, 998211, 2100000001, 0}}};
    assert_string_equal(fields_of(&decision, false),
                        "RateLimit-Policy: \"requests\";q=500;w=60, \"tokens\";q=1000000;w=60\r\n"
                        "RateLimit: \"requests\";r=499;t=1, \"tokens\";r=998211;t=3\r\n");
    assert_string_equal(fields_of(&decision, true),
                        "RateLimit-Policy: \"requests\";q=500;w=60, \"tokens\";q=1000000;w=60\r\n"
                        "RateLimit: \"requests\";r=499;t=1, \"tokens\";r=998211;t=3\r\n"
                        "X-RateLimit-Limit-Requests: 500\r\n"
                        "X-RateLimit-Remaining-Requests: 499\r\n"
                        "X-RateLimit-Reset-Requests: 120ms\r\n"
                        "X-RateLimit-Limit-Tokens: 1000000\r\n"
                        "X-RateLimit-Remaining-Tokens: 998211\r\n"
                        "X-RateLimit-Reset-Tokens: 2.101s\r\n");
}

static void a_rate_without_limit_is_not_told(void **state)
{
    (void)state;
    const wn_decision tokens = {true, 0, {{0}, {600, 100, 100, 0, 0}}};
    assert_string_equal(fields_of(&tokens, true), "RateLimit-Policy: \"tokens\";q=100;w=10\r\n"
                                                  "RateLimit: \"tokens\";r=100;t=0\r\n"
                                                  "X-RateLimit-Limit-Tokens: 600\r\n"
                                                  "X-RateLimit-Remaining-Tokens: 100\r\n"
                                                  "X-RateLimit-Reset-Tokens: 0ms\r\n");
    const wn_decision none = {.allowed = true};
    assert_string_equal(fields_of(&none, true), "");
}

static void a_refused_rate_tells_when_to_come_again(void **state)
{
    (void)state;
    const wn_decision decision = {
        false, WN_RATE_REQUESTS, {{500, 500, 0, 60 * SECOND_NS, 120000000}, {0}}};
    assert_string_equal(fields_of(&decision, false), "RateLimit-Policy: \"requests\";q=500;w=60\r\n"
                                                     "RateLimit: \"requests\";r=0;t=1\r\n");
    const wn_decision never = {
        false, WN_RATE_REQUESTS, {{500, 500, 0, SECOND_NS, UINT64_MAX}, {0}}};
    assert_string_equal(fields_of(&never, false), "RateLimit-Policy: \"requests\";q=500;w=60\r\n"
                                                  "RateLimit: \"requests\";r=0;t=1\r\n");
}

static void spans_are_written_as_openai_does(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {{0, "0ms"},
                 {1, "1ms"},
                 {999000000, "999ms"},
                 {999000001, "1s"},
                 {1500000000, "1.5s"},
                 {59999000000, "59.999s"},
                 {59999000001, "1m0s"},
                 {360 * SECOND_NS, "6m0s"},
                 {86399 * SECOND_NS, "1439m59s"}};
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        char want[64];
        const wn_decision decision = {true, 0, {{500, 500, 0, cases[i].ns, 0}, {0}}};
        snprintf(want, sizeof want, "X-RateLimit-Reset-Requests: %s\r\n", cases[i].text);
        if (strstr(fields_of(&decision, true), want) == NULL)
            fail_msg("no '%s' in %s", want, fields_of(&decision, true));
    }
}

static void the_largest_numbers_fit(void **state)
{
    (void)state;
    uint64_t rate = WN_GCRA_PER_MINUTE_MAX, burst = 1440 * rate;
    const wn_decision decision = {
        true, 0, {{rate, burst, burst, 86400 * SECOND_NS, 0}, {rate, burst, burst, 0, 0}}};
    assert_string_equal(
        fields_of(&decision, false),
        "RateLimit-Policy: \"requests\";q=1440000000000;w=86400, "
        "\"tokens\";q=1440000000000;w=86400\r\n"
        "RateLimit: \"requests\";r=1440000000000;t=86400, \"tokens\";r=1440000000000;t=0\r\n");
}

static void a_refusal_names_what_and_how_much(void **state)
{
    (void)state;
    wn_problem problem = {0};
    wn_decision decision = {
        false, WN_RATE_TOKENS, {{500, 500, 499, 0, 0}, {1000000, 1000000, 1000, 0, 5 * SECOND_NS}}};
    wn_limit_refuse(&problem, &decision, &(wn_cost){{1, 200000}}, 7);
    assert_int_equal(problem.status, 429);
    assert_string_equal(problem.code, "RATE_TOKEN_LIMIT_EXCEEDED");
    assert_string_equal(problem.detail,
                        "Token rate limit exceeded: 1,199,000/1,000,000 tokens per minute. Reduce "
                        "batch sizes or ask the operator of this server for a higher limit.");
    assert_int_equal(problem.retry_after_s, 5);
    problem = (wn_problem){0};
    decision = (wn_decision){false, WN_RATE_REQUESTS, {{600, 100, 0, 0, 1}, {0}}};
    wn_limit_refuse(&problem, &decision, &(wn_cost){{1, 0}}, 7);
    assert_string_equal(problem.code, "RATE_REQUEST_LIMIT_EXCEEDED");
    assert_string_equal(problem.detail,
                        "Request rate limit exceeded: 101/100 requests per 10 seconds. Reduce "
                        "request frequency or ask the operator of this server for a higher limit.");
    assert_int_equal(problem.retry_after_s, 1);
}

static void retries_are_spread_over_a_tenth_and_end_with_the_day(void **state)
{
    (void)state;
    wn_decision decision = {false, WN_RATE_REQUESTS, {{1, 1, 0, 0, 50 * SECOND_NS}, {0}}};
    bool seen[6] = {false};
    for (uint64_t jitter = 0; jitter < 100; jitter++) {
        wn_problem problem = {0};
        wn_limit_refuse(&problem, &decision, &(wn_cost){{1, 0}}, jitter * 0x9E3779B97F4A7C15u);
        assert_in_range(problem.retry_after_s, 50, 55);
        seen[problem.retry_after_s - 50] = true;
    }
    for (size_t i = 0; i < WN_ARRAY_LEN(seen); i++)
        assert_true(seen[i]);
    wn_problem problem = {0};
    decision.of[0].retry_ns = 86400 * SECOND_NS;
    wn_limit_refuse(&problem, &decision, &(wn_cost){{1, 0}}, 8640);
    assert_int_equal(problem.retry_after_s, 86400);
    problem = (wn_problem){0};
    decision.of[0].retry_ns = UINT64_MAX;
    wn_limit_refuse(&problem, &decision, &(wn_cost){{1, 0}}, 8640);
    assert_int_equal(problem.retry_after_s, 0);
}

static void entry_and_quota_are_refused_by_their_codes(void **state)
{
    (void)state;
    wn_problem problem = {0};
    wn_key_limits limits = {.monthly_tokens = 1234567};
    wn_limit_refuse_entry(&problem, &(wn_limits){.concurrency = 5});
    assert_int_equal(problem.status, 429);
    assert_string_equal(problem.code, "RATE_CONCURRENCY_LIMIT_EXCEEDED");
    assert_non_null(strstr(problem.detail, "6/5 concurrent"));
    assert_int_equal(problem.retry_after_s, 1);
    problem = (wn_problem){0};
    wn_limit_refuse_quota(&problem, WN_QUOTA_PREPAID, &limits, 402);
    assert_int_equal(problem.status, 402);
    assert_string_equal(problem.code, "AUTHZ_INSUFFICIENT_BALANCE");
    problem = (wn_problem){0};
    wn_limit_refuse_quota(&problem, WN_QUOTA_MONTH, &limits, 403);
    assert_int_equal(problem.status, 403);
    assert_string_equal(problem.code, "AUTHZ_RESOURCE_LIMIT_EXCEEDED");
    assert_non_null(strstr(problem.detail, "1,234,567 tokens"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_rates_are_told),
        cmocka_unit_test(a_rate_without_limit_is_not_told),
        cmocka_unit_test(a_refused_rate_tells_when_to_come_again),
        cmocka_unit_test(spans_are_written_as_openai_does),
        cmocka_unit_test(the_largest_numbers_fit),
        cmocka_unit_test(a_refusal_names_what_and_how_much),
        cmocka_unit_test(retries_are_spread_over_a_tenth_and_end_with_the_day),
        cmocka_unit_test(entry_and_quota_are_refused_by_their_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
