/* GET /v1/key: what who asks may do, what is left of its rates and quota.  Nothing is charged for
 * it, so that a page may look as often as it likes. */
#include "serve/api.h"
#include "serve/service.h"

#include "base/date.h"
#include "data/json_text.h"

#include <time.h>

#define RATE_SCHEMA                                                                                \
    WN_SCHEMA_OBJECT("\"per_minute\",\"remaining\",\"reset_s\"",                                   \
                     "\"per_minute\":" WN_SCHEMA_INT ",\"remaining\":" WN_SCHEMA_INT               \
                     ",\"reset_s\":{\"type\":\"number\"}")
#define QUOTA_SCHEMA                                                                               \
    WN_SCHEMA_OBJECT("\"tokens\",\"used\",\"left\"",                                               \
                     "\"tokens\":" WN_SCHEMA_INT ",\"used\":" WN_SCHEMA_INT                        \
                     ",\"left\":" WN_SCHEMA_INT ",\"begins_again\":" WN_SCHEMA_INT)

const wn_form wn_form_own_key = {
    .title = "own key",
    .answer_schema = WN_SCHEMA_OBJECT(
        "\"object\",\"id\",\"scopes\",\"keeps_usage\",\"limits\"",
        "\"object\":{\"const\":\"key\"},\"id\":{\"type\":[\"string\",\"null\"]},"
        "\"name\":" WN_SCHEMA_STRING ",\"tier\":" WN_SCHEMA_STRING ",\"scopes\":" WN_SCHEMA_STRING
        ",\"keeps_usage\":{\"type\":\"boolean\"},\"created\":" WN_SCHEMA_INT
        ",\"expires\":" WN_SCHEMA_INT ",\"limits\":{" WN_SCHEMA_OBJECT(
            "", "\"requests\":{" RATE_SCHEMA "},\"tokens\":{" RATE_SCHEMA
                "},\"concurrency\":" WN_SCHEMA_INT) "},"
                                                    "\"month\":{" QUOTA_SCHEMA
                                                    "},\"prepaid\":{" QUOTA_SCHEMA "}"),
};

static void push_member(wn_buf *out, const char *name, const char *text)
{
    wn_buf_printf(out, ",\"%s\":", name);
    wn_json_push_string(out, wn_str_from(text));
}

static void push_limits(wn_buf *out, const wn_identity *who)
{
    static const char *const names[WN_RATE_COUNT] = {"requests", "tokens"};
    const char *comma = "";
    wn_buf_push_str(out, WN_STR(",\"limits\":{"));
    for (wn_rate i = 0; i < WN_RATE_COUNT; i++) {
        const wn_standing *at = &who->decision.of[i];
        if (at->per_minute == 0)
            continue;
        wn_buf_printf(out, "%s\"%s\":{\"per_minute\":%llu,\"remaining\":%llu,\"reset_s\":%.3f}",
                      comma, names[i], (unsigned long long)at->per_minute,
                      (unsigned long long)at->remaining, (double)at->reset_ns / 1e9);
        comma = ",";
    }
    if (who->limits.concurrency > 0)
        wn_buf_printf(out, "%s\"concurrency\":%u", comma, who->limits.concurrency);
    wn_buf_push_byte(out, '}');
}

/* A quota of tokens; of a month with the Unix time at which the next one begins. */
static void push_quota(wn_buf *out, const char *name, int64_t limit, uint64_t used, int64_t next_s)
{
    if (limit == WN_UNSET)
        return;
    wn_buf_printf(out, ",\"%s\":{\"tokens\":%lld,\"used\":%llu,\"left\":%llu", name,
                  (long long)limit, (unsigned long long)used,
                  (unsigned long long)((uint64_t)limit - WN_MIN((uint64_t)limit, used)));
    if (next_s > 0)
        wn_buf_printf(out, ",\"begins_again\":%lld", (long long)next_s);
    wn_buf_push_byte(out, '}');
}

static int64_t next_month_s(int64_t now_s)
{
    int64_t month = wn_month_of_s(now_s) + 1; /* since 1970 */
    wn_date first = {.year = (int32_t)(1970 + month / 12), .month = (int32_t)(month % 12 + 1), 1};
    return wn_date_to_days(first) * WN_DAY_S;
}

bool wn_api_own_key(wn_exchange *x)
{
    wn_identity *who = &x->identity;
    const wn_key_record *record = &who->record;
    wn_buf *out = &x->reply.body;
    wn_accounts *accounts = wn_service_accounts(x->service);
    wn_quota_use used;
    bool has_quota = wn_accounts_look(accounts, who, &used);
    wn_buf_push_str(out, WN_STR("{\"object\":\"key\",\"id\":"));
    if (who->has_key) {
        wn_buf_printf(out, "\"%s\"", record->id.text);
        push_member(out, "name", record->name);
        push_member(out, "tier", record->tier);
    } else {
        wn_buf_push_str(out, WN_STR("null"));
    }
    wn_buf_push_str(out, WN_STR(",\"scopes\":\""));
    wn_scopes_push(out, record->scopes);
    wn_buf_printf(out, "\",\"keeps_usage\":%s", wn_accounts_has_state(accounts) ? "true" : "false");
    if (record->created_s > 0)
        wn_buf_printf(out, ",\"created\":%lld", (long long)record->created_s);
    if (record->expires_s > 0)
        wn_buf_printf(out, ",\"expires\":%lld", (long long)record->expires_s);
    push_limits(out, who);
    if (has_quota) {
        push_quota(out, "month", record->limits.monthly_tokens, used.month_tokens,
                   next_month_s(time(NULL)));
        push_quota(out, "prepaid", record->limits.prepaid_tokens, used.all_tokens, 0);
    }
    wn_buf_push_byte(out, '}');
    wn_reply_push_field(&x->reply, "Cache-Control", "no-store");
    wn_exchange_reply_json(x, 200);
    return true;
}
