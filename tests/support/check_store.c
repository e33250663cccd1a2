/* See check_store.h. */
#include "tests/support/check_store.h"

#include "base/date.h"
#include "base/mem.h"

#define MINUTE 29000000 /* 2025-02-20 21:20 UTC */
#define DAY    (MINUTE - MINUTE % 1440)

typedef struct fixture {
    const check_store_kind *kind;
    wn_store *store;
    wn_error err;
} fixture;

wn_key_record check_store_record(const char *id)
{
    wn_key_record record = wn_key_record_default();
    snprintf(record.id.text, sizeof record.id.text, "%s", id);
    snprintf(record.name, sizeof record.name, "Zo\xc3\xab's \"%s\"", id);
    snprintf(record.tier, sizeof record.tier, "premium");
    record.scopes = WN_SCOPE_RERANK | WN_SCOPE_ADMIN;
    record.limits = (wn_key_limits){1, 2, 3, 4, WN_KEY_TOKENS_MAX, 0, 7};
    memset(record.digest.bytes, id[0], WN_DIGEST_LEN);
    record.digest.bytes[5] = 0;
    memset(record.old_digest.bytes, 0xFF, WN_DIGEST_LEN);
    record.old_until_s = 2000000001;
    record.created_s = 1700000000;
    record.expires_s = WN_KEY_TIME_MAX;
    return record;
}

wn_usage_row check_store_row(const char *key, int64_t minute, const char *route, const char *model,
                             uint64_t tokens)
{
    wn_usage_row row = {.minute = minute, .counts = {1, tokens, tokens / 2, tokens % 3}};
    snprintf(row.key.text, sizeof row.key.text, "%s", key);
    snprintf(row.route, sizeof row.route, "%s", route);
    snprintf(row.model, sizeof row.model, "%s", model);
    return row;
}

static void reopen(fixture *f)
{
    wn_store_close(f->store);
    f->store = NULL;
    assert_ok(f->kind->open(&f->store, &f->err), &f->err);
}

static void assert_same_key(const wn_key_record *a, const wn_key_record *b)
{
    assert_string_equal(a->id.text, b->id.text);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->tier, b->tier);
    assert_int_equal(a->scopes, b->scopes);
    assert_memory_equal(&a->limits, &b->limits, sizeof a->limits);
    assert_memory_equal(&a->digest, &b->digest, sizeof a->digest);
    assert_memory_equal(&a->old_digest, &b->old_digest, sizeof a->old_digest);
    assert_int_equal(a->old_until_s, b->old_until_s);
    assert_int_equal(a->created_s, b->created_s);
    assert_int_equal(a->expires_s, b->expires_s);
    assert_int_equal(a->revoked_s, b->revoked_s);
    assert_int_equal(a->last_used_s, b->last_used_s);
}

static wn_key_record find(fixture *f, const char *id)
{
    wn_key_record found = {.id.text = "-"};
    wn_key_id wanted = {""};
    bool is_there = false;
    snprintf(wanted.text, sizeof wanted.text, "%s", id);
    assert_ok(wn_store_find_key(f->store, &found, &is_there, &wanted, &f->err), &f->err);
    assert_true(is_there);
    return found;
}

static uint64_t revision(fixture *f)
{
    uint64_t n = 0;
    assert_ok(wn_store_revision(f->store, &n, &f->err), &f->err);
    return n;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void store_keeps_every_field_of_a_key(void **state)
{
    fixture *f = *state;
    wn_key_record record = check_store_record("AAAA0001");
    wn_key_record plain = wn_key_record_default();
    memcpy(plain.id.text, "AAAA0002", sizeof plain.id.text);
    assert_ok(wn_store_add_key(f->store, &record, &f->err), &f->err);
    assert_ok(wn_store_add_key(f->store, &plain, &f->err), &f->err);
    reopen(f);
    wn_key_record found = find(f, "AAAA0001");
    assert_same_key(&found, &record);
    found = find(f, "AAAA0002");
    assert_same_key(&found, &plain);
}

static void store_finds_no_key_that_is_not_there(void **state)
{
    fixture *f = *state;
    wn_key_record record = {.id.text = "-"};
    wn_key_id ids[] = {{"AAAA0001"}, {"aaaa0002"}, {""}};
    wn_key_record known = check_store_record("AAAA0002");
    assert_ok(wn_store_add_key(f->store, &known, &f->err), &f->err);
    for (size_t i = 0; i < WN_ARRAY_LEN(ids); i++) {
        bool found = true;
        assert_ok(wn_store_find_key(f->store, &record, &found, &ids[i], &f->err), &f->err);
        assert_false(found);
        assert_string_equal(record.id.text, "-");
    }
}

static void store_refuses_a_second_key_of_an_id(void **state)
{
    fixture *f = *state;
    wn_key_record record = check_store_record("AAAA0001"), other = record;
    assert_ok(wn_store_add_key(f->store, &record, &f->err), &f->err);
    uint64_t before = revision(f);
    other.scopes = 0;
    assert_fails(wn_store_add_key(f->store, &other, &f->err), WN_ERR_ARGUMENT, &f->err, "AAAA0001");
    assert_int_equal(revision(f), before);
    wn_key_record found = find(f, "AAAA0001");
    assert_same_key(&found, &record);
}

static void store_refuses_a_record_out_of_range(void **state)
{
    fixture *f = *state;
    wn_key_record record = check_store_record("AAAA0001");
    bool found;
    record.limits.weight = 0;
    assert_fails(wn_store_add_key(f->store, &record, &f->err), WN_ERR_ARGUMENT, &f->err,
                 "weight: is 0, expected 1..1000");
    assert_fails(wn_store_update_key(f->store, &found, &record, &f->err), WN_ERR_ARGUMENT, &f->err,
                 "weight");
}

static void store_lists_keys_oldest_first(void **state)
{
    fixture *f = *state;
    static const char *const ids[] = {"BBBB0000", "AAAA0000", "CCCC0000", "AAAA0001"};
    static const int64_t created_s[] = {1000, 3000, 2000, 1000};
    static const char *const order[] = {"AAAA0001", "BBBB0000", "CCCC0000", "AAAA0000"};
    wn_key_record *keys = NULL;
    size_t n = 9;
    assert_ok(wn_store_list_keys(f->store, &keys, &n, &f->err), &f->err);
    assert_int_equal(n, 0);
    wn_mem_free(keys);
    for (size_t i = 0; i < WN_ARRAY_LEN(ids); i++) {
        wn_key_record record = check_store_record(ids[i]);
        record.created_s = created_s[i];
        assert_ok(wn_store_add_key(f->store, &record, &f->err), &f->err);
    }
    assert_ok(wn_store_list_keys(f->store, &keys, &n, &f->err), &f->err);
    assert_int_equal(n, WN_ARRAY_LEN(ids));
    for (size_t i = 0; i < n; i++) {
        wn_key_record one = find(f, order[i]);
        assert_same_key(&keys[i], &one);
    }
    wn_mem_free(keys);
}

static void store_updates_what_may_be_updated_and_nothing_else(void **state)
{
    fixture *f = *state;
    wn_key_record record = check_store_record("AAAA0001"), other = check_store_record("AAAA0002");
    wn_key_record changed = wn_key_record_default();
    bool found = false;
    assert_ok(wn_store_add_key(f->store, &record, &f->err), &f->err);
    assert_ok(wn_store_add_key(f->store, &other, &f->err), &f->err);
    changed.id = record.id;
    memcpy(changed.name, "new", 4);
    changed.limits.burst_s = 5;
    changed.expires_s = 5;
    changed.revoked_s = 5;
    changed.created_s = 5;
    assert_ok(wn_store_update_key(f->store, &found, &changed, &f->err), &f->err);
    assert_true(found);
    wn_key_record now = find(f, "AAAA0001"), want = record;
    memcpy(want.name, changed.name, sizeof want.name);
    memcpy(want.tier, changed.tier, sizeof want.tier);
    want.scopes = changed.scopes;
    want.limits = changed.limits;
    want.expires_s = 5;
    assert_same_key(&now, &want);
    now = find(f, "AAAA0002");
    assert_same_key(&now, &other);
}

static void store_revokes_once(void **state)
{
    fixture *f = *state;
    wn_key_record record = check_store_record("AAAA0001"), other = check_store_record("AAAA0002");
    bool found = false;
    assert_ok(wn_store_add_key(f->store, &record, &f->err), &f->err);
    assert_ok(wn_store_add_key(f->store, &other, &f->err), &f->err);
    assert_ok(wn_store_revoke_key(f->store, &found, &record.id, 1800000000, &f->err), &f->err);
    assert_true(found);
    assert_ok(wn_store_revoke_key(f->store, &found, &record.id, 1900000000, &f->err), &f->err);
    assert_true(found);
    record.revoked_s = 1800000000;
    wn_key_record now = find(f, "AAAA0001");
    assert_same_key(&now, &record);
    now = find(f, "AAAA0002");
    assert_same_key(&now, &other);
}

static void store_rotates_and_keeps_the_last_digest(void **state)
{
    fixture *f = *state;
    wn_key_record record = check_store_record("AAAA0001");
    wn_digest second = {"second"}, third = {"third"};
    bool found = false;
    assert_ok(wn_store_add_key(f->store, &record, &f->err), &f->err);
    assert_ok(wn_store_rotate_key(f->store, &found, &record.id, &second, 7000, &f->err), &f->err);
    assert_true(found);
    wn_key_record want = record, now = find(f, "AAAA0001");
    want.old_digest = record.digest;
    want.digest = second;
    want.old_until_s = 7000;
    assert_same_key(&now, &want);
    assert_ok(wn_store_rotate_key(f->store, &found, &record.id, &third, 8000, &f->err), &f->err);
    want.old_digest = second;
    want.digest = third;
    want.old_until_s = 8000;
    now = find(f, "AAAA0001");
    assert_same_key(&now, &want);
}

static void store_changes_no_key_that_is_not_there(void **state)
{
    fixture *f = *state;
    wn_key_record record = check_store_record("AAAA0001");
    wn_digest digest = {"x"};
    uint64_t before = revision(f);
    bool found = true;
    assert_ok(wn_store_update_key(f->store, &found, &record, &f->err), &f->err);
    assert_false(found);
    found = true;
    assert_ok(wn_store_revoke_key(f->store, &found, &record.id, 5, &f->err), &f->err);
    assert_false(found);
    found = true;
    assert_ok(wn_store_rotate_key(f->store, &found, &record.id, &digest, 5, &f->err), &f->err);
    assert_false(found);
    assert_int_equal(revision(f), before);
}

static void store_revision_grows_with_every_change_of_a_key_by_anybody(void **state)
{
    fixture *f = *state;
    wn_store *other = NULL;
    wn_key_record record = check_store_record("AAAA0001");
    wn_digest digest = {"x"};
    bool found;
    uint64_t seen = revision(f);
    assert_ok(f->kind->open(&other, &f->err), &f->err);
    assert_int_equal(revision(f), seen);
    assert_ok(wn_store_add_key(other, &record, &f->err), &f->err);
    assert_true(revision(f) > seen);
    seen = revision(f);
    assert_ok(wn_store_update_key(other, &found, &record, &f->err), &f->err);
    assert_true(revision(f) > seen);
    seen = revision(f);
    assert_ok(wn_store_rotate_key(other, &found, &record.id, &digest, 5, &f->err), &f->err);
    assert_true(revision(f) > seen);
    seen = revision(f);
    assert_ok(wn_store_revoke_key(other, &found, &record.id, 5, &f->err), &f->err);
    assert_true(revision(f) > seen);
    wn_store_close(other);
    seen = revision(f);
    reopen(f);
    assert_int_equal(revision(f), seen);
}

/* ---- usage ----------------------------------------------------------------------------------- */

static void add(fixture *f, uint64_t instance, uint64_t sequence, const wn_usage_row *rows,
                size_t n)
{
    wn_usage_batch batch = {instance, sequence, rows, n};
    assert_ok(wn_store_add_usage(f->store, &batch, &f->err), &f->err);
}

/* A report as text, a row a line. */
static const char *report(fixture *f, int64_t since_minute, int64_t until_minute, const char *key,
                          unsigned by)
{
    static char text[4096];
    wn_usage_row *rows = NULL;
    size_t n = 0, at = 0;
    wn_usage_query query = {since_minute * 60, until_minute * 60, .by = by};
    snprintf(query.key.text, sizeof query.key.text, "%s", key);
    assert_ok(wn_store_report(f->store, &rows, &n, &query, &f->err), &f->err);
    text[0] = '\0';
    for (size_t i = 0; i < n && at < sizeof text; i++)
        at += (size_t)snprintf(
            text + at, sizeof text - at, "%lld '%s' '%s' '%s' %llu %llu %llu %llu\n",
            (long long)(rows[i].minute == 0 ? 0 : rows[i].minute - DAY), rows[i].key.text,
            rows[i].route, rows[i].model, (unsigned long long)rows[i].counts.requests,
            (unsigned long long)rows[i].counts.tokens,
            (unsigned long long)rows[i].counts.cached_tokens,
            (unsigned long long)rows[i].counts.errors);
    wn_mem_free(rows);
    return text;
}

static void add_three_days(fixture *f)
{
    const wn_usage_row rows[] = {
        check_store_row("AAAA0001", DAY, "rerank", "small", 10),
        check_store_row("AAAA0001", DAY + 1439, "rerank", "large", 20),
        check_store_row("", DAY + 1439, "rerank", "small", 40),
        check_store_row("BBBB0001", DAY + 1440, "classify", "small", 80),
        check_store_row("AAAA0001", DAY + 2 * 1440 + 5, "rerank", "small", 160),
    };
    add(f, 1, 1, rows, WN_ARRAY_LEN(rows));
}

static void store_reports_usage_by_any_of_day_key_route_model(void **state)
{
    fixture *f = *state;
    add_three_days(f);
    reopen(f);
    int64_t end = DAY + 3 * 1440;
    assert_string_equal(report(f, 0, end, "", 0), "0 '' '' '' 5 310 155 7\n");
    assert_string_equal(report(f, 0, end, "", WN_BY_DAY), "0 '' '' '' 3 70 35 4\n"
                                                          "1440 '' '' '' 1 80 40 2\n"
                                                          "2880 '' '' '' 1 160 80 1\n");
    assert_string_equal(report(f, 0, end, "", WN_BY_KEY), "0 '' '' '' 1 40 20 1\n"
                                                          "0 'AAAA0001' '' '' 3 190 95 4\n"
                                                          "0 'BBBB0001' '' '' 1 80 40 2\n");
    assert_string_equal(report(f, 0, end, "", WN_BY_MODEL), "0 '' '' 'large' 1 20 10 2\n"
                                                            "0 '' '' 'small' 4 290 145 5\n");
    assert_string_equal(report(f, 0, end, "", WN_BY_ROUTE), "0 '' 'classify' '' 1 80 40 2\n"
                                                            "0 '' 'rerank' '' 4 230 115 5\n");
    assert_string_equal(report(f, 0, end, "AAAA0001", WN_BY_DAY | WN_BY_MODEL),
                        "0 '' '' 'large' 1 20 10 2\n"
                        "0 '' '' 'small' 1 10 5 1\n"
                        "2880 '' '' 'small' 1 160 80 1\n");
}

static void store_report_may_be_of_what_was_used_without_a_key(void **state)
{
    fixture *f = *state;
    wn_usage_row *rows = NULL;
    size_t n = 0;
    const wn_usage_query query = {0, (DAY + 3 * 1440) * 60, .keyless = true, .by = WN_BY_KEY};
    add_three_days(f);
    assert_ok(wn_store_report(f->store, &rows, &n, &query, &f->err), &f->err);
    assert_int_equal(n, 1);
    assert_string_equal(rows[0].key.text, "");
    assert_int_equal(rows[0].counts.tokens, 40);
    wn_mem_free(rows);
}

static void store_report_refuses_more_rows_than_asked_for(void **state)
{
    fixture *f = *state;
    wn_usage_row *rows = NULL;
    size_t n = 0;
    wn_usage_query query = {0, (DAY + 3 * 1440) * 60, .by = WN_BY_DAY, .rows_max = 2};
    add_three_days(f);
    assert_fails(wn_store_report(f->store, &rows, &n, &query, &f->err), WN_ERR_LIMIT, &f->err,
                 "more than 2 rows");
    query.rows_max = 3;
    assert_ok(wn_store_report(f->store, &rows, &n, &query, &f->err), &f->err);
    wn_mem_free(rows);
}

static void store_report_is_of_the_minutes_asked_for(void **state)
{
    fixture *f = *state;
    add_three_days(f);
    assert_string_equal(report(f, DAY + 1, DAY + 1439, "", 0), "");
    assert_string_equal(report(f, DAY + 1, DAY + 1440, "AAAA0001", 0), "0 '' '' '' 1 20 10 2\n");
    assert_string_equal(report(f, DAY, DAY + 1, "", 0), "0 '' '' '' 1 10 5 1\n");
    assert_string_equal(report(f, DAY, DAY, "", 0), "");
    assert_string_equal(report(f, DAY + 9999, 0, "", 0), "");
    assert_string_equal(report(f, 0, DAY + 9999, "CCCC0001", WN_BY_DAY), "");
}

static void store_adds_usage_of_the_same_minute(void **state)
{
    fixture *f = *state;
    wn_usage_row row = check_store_row("AAAA0001", DAY, "rerank", "small", 7);
    const wn_usage_row twice[] = {row, row};
    add(f, 1, 1, twice, 2);
    add(f, 1, 2, &row, 1);
    add(f, 2, 1, &row, 1);
    assert_string_equal(report(f, 0, DAY + 1, "", 0), "0 '' '' '' 4 28 12 4\n");
}

static void store_counts_a_batch_once(void **state)
{
    fixture *f = *state;
    wn_usage_row row = check_store_row("AAAA0001", DAY, "rerank", "small", 9);
    add(f, UINT64_MAX, 5, &row, 1);
    add(f, UINT64_MAX, 5, &row, 1);
    reopen(f);
    add(f, UINT64_MAX, 5, &row, 1);
    add(f, UINT64_MAX, 4, &row, 1);
    assert_string_equal(report(f, 0, DAY + 1, "", 0), "0 '' '' '' 1 9 4 0\n");
    add(f, UINT64_MAX, 7, &row, 1);
    assert_string_equal(report(f, 0, DAY + 1, "", 0), "0 '' '' '' 2 18 8 0\n");
}

static void store_totals_are_of_keys_with_a_quota(void **state)
{
    fixture *f = *state;
    wn_key_total *totals = NULL;
    size_t n = 0;
    const struct {
        const char *id;
        int64_t monthly, prepaid;
    } keys[] = {{"AAAA0001", 100, WN_UNSET},
                {"BBBB0001", WN_UNSET, 0},
                {"CCCC0001", WN_UNSET, WN_UNSET},
                {"DDDD0001", 5, 5}};
    for (size_t i = 0; i < WN_ARRAY_LEN(keys); i++) {
        wn_key_record record = check_store_record(keys[i].id);
        record.limits.monthly_tokens = keys[i].monthly;
        record.limits.prepaid_tokens = keys[i].prepaid;
        assert_ok(wn_store_add_key(f->store, &record, &f->err), &f->err);
    }
    const wn_usage_row rows[] = {
        check_store_row("AAAA0001", DAY, "rerank", "small", 10),
        check_store_row("AAAA0001", DAY, "rerank", "large", 20),
        check_store_row("AAAA0001", DAY + 31 * 1440, "rerank", "large", 40),
        check_store_row("BBBB0001", DAY + 31 * 1440, "rerank", "large", 80),
        check_store_row("CCCC0001", DAY, "rerank", "large", 160),
    };
    add(f, 1, 1, rows, WN_ARRAY_LEN(rows));
    reopen(f);
    assert_ok(wn_store_list_totals(f->store, &totals, &n, wn_month_of_s(DAY * 60), &f->err),
              &f->err);
    assert_int_equal(n, 3);
    static const uint64_t month_tokens[] = {30, 0, 0}, all_tokens[] = {70, 80, 0};
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(totals[i].key.text, keys[i < 2 ? i : 3].id);
        assert_int_equal(totals[i].month_tokens, month_tokens[i]);
        assert_int_equal(totals[i].all_tokens, all_tokens[i]);
    }
    wn_mem_free(totals);
}

static void store_notes_when_a_key_was_last_used(void **state)
{
    fixture *f = *state;
    wn_key_record record = check_store_record("AAAA0001");
    assert_ok(wn_store_add_key(f->store, &record, &f->err), &f->err);
    uint64_t before = revision(f);
    const wn_usage_row rows[] = {
        check_store_row("AAAA0001", DAY + 3, "rerank", "small", 10),
        check_store_row("AAAA0001", DAY + 2, "rerank", "small", 10),
    };
    add(f, 1, 1, rows, WN_ARRAY_LEN(rows));
    assert_int_equal(find(f, "AAAA0001").last_used_s, (DAY + 3) * 60);
    assert_int_equal(revision(f), before);
}

static void store_keeps_names_as_they_are(void **state)
{
    fixture *f = *state;
    char route[WN_ROUTE_NAME_MAX + 1], model[WN_MODEL_NAME_MAX + 1], want[512];
    memset(route, 'r', sizeof route - 1);
    memset(model, 'm', sizeof model - 1);
    memcpy(model, "'\";\xc3\xa9\n", 6);
    route[sizeof route - 1] = model[sizeof model - 1] = '\0';
    wn_usage_row row = check_store_row("AAAA0001", DAY, route, model, 1);
    add(f, 1, 1, &row, 1);
    snprintf(want, sizeof want, "0 '' '%s' '%s' 1 1 0 1\n", route, model);
    assert_string_equal(report(f, 0, DAY + 1, "", WN_BY_ROUTE | WN_BY_MODEL), want);
}

/* ---- running --------------------------------------------------------------------------------- */

static int begin_test(void **state)
{
    static fixture f;
    f = (fixture){.kind = *state};
    f.kind->erase();
    *state = &f;
    return f.kind->open(&f.store, &f.err) == WN_OK ? 0 : -1;
}

static int end_test(void **state)
{
    fixture *f = *state;
    wn_store_close(f->store);
    f->kind->erase();
    return 0;
}

int check_store_run(const check_store_kind *kind)
{
#define STORE_TEST(name)                                                                           \
    {                                                                                              \
#name, name, begin_test, end_test, (void *)(uintptr_t)kind                                 \
    }
    const struct CMUnitTest tests[] = {
        STORE_TEST(store_keeps_every_field_of_a_key),
        STORE_TEST(store_finds_no_key_that_is_not_there),
        STORE_TEST(store_refuses_a_second_key_of_an_id),
        STORE_TEST(store_refuses_a_record_out_of_range),
        STORE_TEST(store_lists_keys_oldest_first),
        STORE_TEST(store_updates_what_may_be_updated_and_nothing_else),
        STORE_TEST(store_revokes_once),
        STORE_TEST(store_rotates_and_keeps_the_last_digest),
        STORE_TEST(store_changes_no_key_that_is_not_there),
        STORE_TEST(store_revision_grows_with_every_change_of_a_key_by_anybody),
        STORE_TEST(store_reports_usage_by_any_of_day_key_route_model),
        STORE_TEST(store_report_is_of_the_minutes_asked_for),
        STORE_TEST(store_report_may_be_of_what_was_used_without_a_key),
        STORE_TEST(store_report_refuses_more_rows_than_asked_for),
        STORE_TEST(store_adds_usage_of_the_same_minute),
        STORE_TEST(store_counts_a_batch_once),
        STORE_TEST(store_totals_are_of_keys_with_a_quota),
        STORE_TEST(store_notes_when_a_key_was_last_used),
        STORE_TEST(store_keeps_names_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
