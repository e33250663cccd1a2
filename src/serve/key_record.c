/* See key_record.h. */
#include "serve/key_record.h"

#include "base/str.h"
#include "data/unicode.h"
#include "serve/gcra.h"

#define WN_WHERE "serve/key_record"

static const struct {
    const char *name;
    uint32_t bit;
} scopes_table[] = {
    {"rerank", WN_SCOPE_RERANK},   {"embed", WN_SCOPE_EMBED},     {"classify", WN_SCOPE_CLASSIFY},
    {"train", WN_SCOPE_TRAIN},     {"segment", WN_SCOPE_SEGMENT}, {"usage", WN_SCOPE_USAGE},
    {"metrics", WN_SCOPE_METRICS}, {"admin", WN_SCOPE_ADMIN},
};

wn_key_record wn_key_record_default(void)
{
    return (wn_key_record){
        .tier = "key",
        .scopes = WN_SCOPES_DEFAULT,
        .limits = {.requests_per_minute = WN_UNSET,
                   .tokens_per_minute = WN_UNSET,
                   .concurrency = WN_UNSET,
                   .burst_s = WN_UNSET,
                   .monthly_tokens = WN_UNSET,
                   .prepaid_tokens = WN_UNSET,
                   .weight = 1},
    };
}

static wn_status check_name(const char *field, const char *name, wn_error *err)
{
    wn_str text = wn_str_from(name);
    size_t bad = wn_utf8_check(text);
    for (size_t i = 0; i < bad; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            bad = i;
    if (bad != text.len)
        WN_FAIL(err, WN_ERR_ARGUMENT, "%s: byte %zu is no text", field, bad);
    return WN_OK;
}

wn_status wn_key_record_check(const wn_key_record *record, wn_error *err)
{
    const wn_key_limits *limits = &record->limits;
    const struct {
        const char *name;
        int64_t value, min, max;
    } fields[] = {
        {"requests per minute", limits->requests_per_minute, WN_UNSET, WN_GCRA_PER_MINUTE_MAX},
        {"tokens per minute", limits->tokens_per_minute, WN_UNSET, WN_GCRA_PER_MINUTE_MAX},
        {"concurrency", limits->concurrency, WN_UNSET, WN_KEY_CONCURRENCY_MAX},
        {"burst seconds", limits->burst_s, WN_UNSET, WN_GCRA_BURST_S_MAX},
        {"monthly tokens", limits->monthly_tokens, WN_UNSET, WN_KEY_TOKENS_MAX},
        {"prepaid tokens", limits->prepaid_tokens, WN_UNSET, WN_KEY_TOKENS_MAX},
        {"weight", limits->weight, 1, WN_KEY_WEIGHT_MAX},
        {"scopes", record->scopes, 0, WN_SCOPES_ALL},
        {"created", record->created_s, 0, WN_KEY_TIME_MAX},
        {"expires", record->expires_s, 0, WN_KEY_TIME_MAX},
        {"revoked", record->revoked_s, 0, WN_KEY_TIME_MAX},
        {"end of the old secret", record->old_until_s, 0, WN_KEY_TIME_MAX},
        {"last used", record->last_used_s, 0, WN_KEY_TIME_MAX},
    };
    WN_TRY(check_name("name", record->name, err));
    WN_TRY(check_name("tier", record->tier, err));
    for (size_t i = 0; i < WN_ARRAY_LEN(fields); i++)
        if (fields[i].value < fields[i].min || fields[i].value > fields[i].max)
            WN_FAIL(err, WN_ERR_ARGUMENT, "%s: is %lld, expected %lld..%lld", fields[i].name,
                    (long long)fields[i].value, (long long)fields[i].min, (long long)fields[i].max);
    return WN_OK;
}

bool wn_scopes_push(wn_buf *out, uint32_t scopes)
{
    const char *comma = "";
    for (size_t i = 0; i < WN_ARRAY_LEN(scopes_table); i++) {
        if ((scopes & scopes_table[i].bit) == 0)
            continue;
        wn_buf_printf(out, "%s%s", comma, scopes_table[i].name);
        comma = ",";
    }
    return !out->failed;
}

static uint32_t find_scope(wn_str word)
{
    if (wn_str_equal(word, WN_STR("all")))
        return WN_SCOPES_ALL;
    for (size_t i = 0; i < WN_ARRAY_LEN(scopes_table); i++)
        if (wn_str_equal(word, wn_str_from(scopes_table[i].name)))
            return scopes_table[i].bit;
    return 0;
}

wn_status wn_scopes_parse(uint32_t *out, wn_str text, wn_error *err)
{
    uint32_t scopes = 0;
    for (size_t at = 0; at <= text.len;) {
        const char *comma = at < text.len ? memchr(text.ptr + at, ',', text.len - at) : NULL;
        size_t end = comma != NULL ? (size_t)(comma - text.ptr) : text.len;
        wn_str word = wn_str_slice(text, at, end);
        uint32_t bit = find_scope(word);
        if (bit == 0)
            WN_FAIL(err, WN_ERR_ARGUMENT,
                    "has '%.*s', expected some of rerank, embed, classify, train, segment, "
                    "usage, metrics, admin, or all",
                    WN_STR_ARG(word));
        scopes |= bit;
        at = end + 1;
    }
    *out = scopes;
    return WN_OK;
}
