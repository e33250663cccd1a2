/* See key_edit.h. */
#include "serve/key_edit.h"

#include "base/date.h"
#include "base/str.h"
#include "serve/gcra.h"
#include "serve/tiers.h"

#include <string.h>

#define WN_WHERE "serve/key_edit"

#define TEXT(member, help_)                                                                        \
    {                                                                                              \
        .name = #member, .kind = WN_FIELD_STRING, .offset = offsetof(wn_key_edit, member),         \
        .help = (help_)                                                                            \
    }
#define NUMBER(member, min_, max_, help_)                                                          \
    {                                                                                              \
        .name = #member, .kind = WN_FIELD_LIMIT, .offset = offsetof(wn_key_edit, member),          \
        .min = (min_), .max = (double)(max_), .help = (help_)                                      \
    }

const wn_field wn_key_edit_fields[WN_KEY_EDIT_FIELDS] = {
    TEXT(name, "What the key is for, to tell it from others; at most 63 bytes"),
    TEXT(scopes, "What it may do, such as 'rerank,usage', or 'all'; all but metrics and admin"),
    TEXT(tier, "Whose limits it has: key, premium, or none"),
    TEXT(expires, "The day on which it holds no longer, UTC, such as '2027-01-31'; or 'never'"),
    NUMBER(rpm, 0, WN_GCRA_PER_MINUTE_MAX, "Requests a minute; 0: no limit; null: the tier's"),
    NUMBER(tpm, 0, WN_GCRA_PER_MINUTE_MAX, "Tokens a minute; 0: no limit; null: the tier's"),
    NUMBER(concurrency, 0, WN_KEY_CONCURRENCY_MAX,
           "Requests at the same time; 0: no limit; null: the tier's"),
    NUMBER(monthly_tokens, 0, WN_KEY_TOKENS_MAX, "Tokens of a calendar month; null: no limit"),
    NUMBER(prepaid_tokens, 0, WN_KEY_TOKENS_MAX, "Tokens in all; null: no limit"),
    NUMBER(weight, 1, WN_KEY_WEIGHT_MAX, "Share of a busy machine beside other keys; null: 1"),
};

static wn_status set_name(wn_key_record *record, wn_str name, wn_error *err)
{
    if (name.len > WN_KEY_NAME_MAX)
        WN_FAIL(err, WN_ERR_ARGUMENT, "has %zu bytes, at most %d", name.len, WN_KEY_NAME_MAX);
    if (name.len > 0 && memchr(name.ptr, '\0', name.len) != NULL)
        WN_FAIL(err, WN_ERR_ARGUMENT, "holds a NUL");
    memcpy(record->name, name.ptr, name.len);
    record->name[name.len] = '\0';
    if (wn_key_record_check(record, NULL) != WN_OK)
        WN_FAIL(err, WN_ERR_ARGUMENT, "holds a control character or is no UTF-8");
    return WN_OK;
}

static wn_status set_tier(wn_key_record *record, wn_str tier, wn_error *err)
{
    char name[WN_TIER_NAME_MAX + 1] = "";
    if (tier.len <= WN_TIER_NAME_MAX)
        memcpy(name, tier.ptr, tier.len);
    if (!wn_str_equal(wn_str_from(name), tier) || !wn_tier_exists(name))
        WN_FAIL(err, WN_ERR_ARGUMENT, "is '%.*s', expected " WN_TIER_NAMES, WN_STR_ARG(tier));
    memcpy(record->tier, name, sizeof name);
    return WN_OK;
}

static wn_status set_scopes(wn_key_record *record, wn_str scopes, wn_error *err)
{
    return wn_scopes_parse(&record->scopes, scopes, err);
}

static wn_status set_expires(wn_key_record *record, wn_str expires, wn_error *err)
{
    wn_date date;
    if (wn_str_equal(expires, WN_STR("never"))) {
        record->expires_s = 0;
        return WN_OK;
    }
    if (!wn_date_parse(&date, expires) || wn_date_to_days(date) <= 0)
        WN_FAIL(err, WN_ERR_ARGUMENT, "is '%.*s', expected a date such as 2027-01-31, or never",
                WN_STR_ARG(expires));
    record->expires_s = wn_date_to_days(date) * WN_DAY_S;
    return WN_OK;
}

static void set_limit(int64_t *limit, int64_t value, int64_t none)
{
    if (value != WN_UNSET)
        *limit = value == WN_FIELD_NULL ? none : value;
}

wn_status wn_key_edit_apply(const wn_key_edit *edit, wn_key_record *record, const char **wrong,
                            wn_error *err)
{
    const struct {
        const char *name;
        wn_str text;
        wn_status (*set)(wn_key_record *record, wn_str text, wn_error *err);
    } texts[] = {
        {"name", edit->name, set_name},
        {"tier", edit->tier, set_tier},
        {"scopes", edit->scopes, set_scopes},
        {"expires", edit->expires, set_expires},
    };
    wn_key_record changed = *record;
    for (size_t i = 0; i < WN_ARRAY_LEN(texts); i++) {
        *wrong = texts[i].name;
        if (texts[i].text.ptr != NULL)
            WN_TRY(texts[i].set(&changed, texts[i].text, err));
    }
    *wrong = NULL;
    set_limit(&changed.limits.requests_per_minute, edit->rpm, WN_UNSET);
    set_limit(&changed.limits.tokens_per_minute, edit->tpm, WN_UNSET);
    set_limit(&changed.limits.concurrency, edit->concurrency, WN_UNSET);
    set_limit(&changed.limits.monthly_tokens, edit->monthly_tokens, WN_UNSET);
    set_limit(&changed.limits.prepaid_tokens, edit->prepaid_tokens, WN_UNSET);
    set_limit(&changed.limits.weight, edit->weight, 1);
    *record = changed;
    return WN_OK;
}
