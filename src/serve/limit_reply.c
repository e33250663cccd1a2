/* See limit_reply.h. */
#include "serve/limit_reply.h"

#include <stdio.h>

#define SECOND_NS   1000000000u
#define MS_NS       1000000u
#define RETRY_MAX_S 86400u
#define COUNT_SIZE  27 /* of 2^64 with its commas and a NUL */

typedef unsigned long long ull;

static const char *const names[WN_RATE_COUNT] = {"requests", "tokens"};
static const char *const x_names[WN_RATE_COUNT] = {"Requests", "Tokens"};

static uint64_t div_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0 ? 1 : 0);
}

/* A span as OpenAI writes it: "17ms", "1.2s", "6m0s"; never shorter than it is. */
static void print_span(char *out, size_t size, uint64_t ns)
{
    uint64_t ms = div_up(ns, MS_NS), seconds = div_up(ms, 1000);
    if (ms < 1000)
        snprintf(out, size, "%llums", (ull)ms);
    else if (ms < 60000)
        snprintf(out, size, "%.5gs", (double)ms / 1000);
    else
        snprintf(out, size, "%llum%llus", (ull)(seconds / 60), (ull)(seconds % 60));
}

static void push_x_fields(wn_reply *reply, const wn_standing *at, const char *name)
{
    char field[48], span[32];
    snprintf(field, sizeof field, "X-RateLimit-Limit-%s", name);
    wn_reply_push_field(reply, field, "%llu", (ull)at->per_minute);
    snprintf(field, sizeof field, "X-RateLimit-Remaining-%s", name);
    wn_reply_push_field(reply, field, "%llu", (ull)at->remaining);
    print_span(span, sizeof span, at->reset_ns);
    snprintf(field, sizeof field, "X-RateLimit-Reset-%s", name);
    wn_reply_push_field(reply, field, "%s", span);
}

/* The time in which the rate gives a burst. */
static uint64_t window_s(const wn_standing *at)
{
    return div_up(at->burst * 60, at->per_minute);
}

/* Of a refused request until it may come again, which Retry-After must not undercut; else until the
 * whole burst may be used. */
static uint64_t seconds_of(const wn_standing *at)
{
    bool waits = at->retry_ns > 0 && at->retry_ns != UINT64_MAX;
    return div_up(waits ? at->retry_ns : at->reset_ns, SECOND_NS);
}

bool wn_limit_push_fields(wn_reply *reply, const wn_decision *decision, bool x_fields)
{
    char policy[128] = "", limit[128] = "";
    size_t n_policy = 0, n_limit = 0;
    for (wn_rate i = 0; i < WN_RATE_COUNT; i++) {
        const wn_standing *at = &decision->of[i];
        if (at->per_minute == 0)
            continue;
        const char *comma = n_policy > 0 ? ", " : "";
        n_policy +=
            (size_t)snprintf(policy + n_policy, sizeof policy - n_policy, "%s\"%s\";q=%llu;w=%llu",
                             comma, names[i], (ull)at->burst, (ull)window_s(at));
        n_limit +=
            (size_t)snprintf(limit + n_limit, sizeof limit - n_limit, "%s\"%s\";r=%llu;t=%llu",
                             comma, names[i], (ull)at->remaining, (ull)seconds_of(at));
    }
    if (n_policy == 0)
        return !reply->fields.failed;
    wn_reply_push_field(reply, "RateLimit-Policy", "%s", policy);
    wn_reply_push_field(reply, "RateLimit", "%s", limit);
    for (wn_rate i = 0; i < WN_RATE_COUNT && x_fields; i++)
        if (decision->of[i].per_minute != 0)
            push_x_fields(reply, &decision->of[i], x_names[i]);
    return !reply->fields.failed;
}

/* ---- refusing -------------------------------------------------------------------------------- */

/* A number with commas between thousands, as the catalogue has them. */
static void print_count(char out[COUNT_SIZE], uint64_t n)
{
    char digits[COUNT_SIZE];
    int len = snprintf(digits, sizeof digits, "%llu", (ull)n);
    size_t at = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
}

static uint32_t retry_after_s(uint64_t retry_ns, uint64_t jitter)
{
    uint64_t seconds = div_up(retry_ns, SECOND_NS);
    seconds += jitter % (seconds / 10 + 1);
    return (uint32_t)WN_MIN(seconds, RETRY_MAX_S);
}

void wn_limit_refuse(wn_problem *problem, const wn_decision *decision, const wn_cost *cost,
                     uint64_t jitter)
{
    static const char *const codes[] = {"RATE_REQUEST_LIMIT_EXCEEDED", "RATE_TOKEN_LIMIT_EXCEEDED"};
    static const char *const kinds[] = {"Request", "Token"};
    static const char *const advice[] = {"Reduce request frequency", "Reduce batch sizes"};
    wn_rate rate = decision->violated;
    const wn_standing *at = &decision->of[rate];
    char current[COUNT_SIZE], limit[COUNT_SIZE], window[40] = "minute";
    print_count(current, at->burst - at->remaining + cost->of[rate]);
    print_count(limit, at->burst);
    if (at->burst != at->per_minute)
        snprintf(window, sizeof window, "%llu seconds", (ull)window_s(at));
    wn_problem_set(problem, 429, codes[rate],
                   "%s rate limit exceeded: %s/%s %s per %s. %s or ask the operator of this server "
                   "for a higher limit.",
                   kinds[rate], current, limit, names[rate], window, advice[rate]);
    if (at->retry_ns != UINT64_MAX)
        problem->retry_after_s = retry_after_s(at->retry_ns, jitter);
}

void wn_limit_refuse_entry(wn_problem *problem, const wn_limits *limits)
{
    wn_problem_set(problem, 429, "RATE_CONCURRENCY_LIMIT_EXCEEDED",
                   "Concurrency limit exceeded: %u/%u concurrent requests. Wait for pending "
                   "requests to complete before sending new ones.",
                   limits->concurrency + 1, limits->concurrency);
    problem->retry_after_s = 1;
}

void wn_limit_refuse_quota(wn_problem *problem, wn_quota_outcome outcome,
                           const wn_key_limits *limits, int status)
{
    char limit[COUNT_SIZE];
    if (outcome == WN_QUOTA_PREPAID) {
        wn_problem_set(problem, status, "AUTHZ_INSUFFICIENT_BALANCE",
                       "Insufficient account balance. Ask the operator of this server to top up "
                       "your key.");
        return;
    }
    print_count(limit, (uint64_t)limits->monthly_tokens);
    wn_problem_set(problem, status, "AUTHZ_RESOURCE_LIMIT_EXCEEDED",
                   "Resource limit exceeded for your plan: this request would pass %s tokens in "
                   "this month. Wait for the next month or ask the operator of this server for a "
                   "higher limit.",
                   limit);
}
