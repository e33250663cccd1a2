/* Quotas: of a month, of what was paid for, across refreshes and flushes. */
#include "tests/support/check_memory_store.h"

#include "serve/quota.h"

#define MAY_S  1746057600 /* 2025-05-01 */
#define JUNE_S 1748736000 /* 2025-06-01 */

typedef struct fixture {
    check_memory_store store;
    wn_quota *quota;
    wn_error err;
} fixture;

static int begin_test(void **state)
{
    static fixture f;
    f = (fixture){.store = check_memory_store_make()};
    *state = &f;
    return wn_quota_new(&f.quota, &f.err) != WN_OK;
}

static int end_test(void **state)
{
    fixture *f = *state;
    wn_quota_free(f->quota);
    return 0;
}

static wn_key_record record_of(const char *id, int64_t monthly, int64_t prepaid)
{
    wn_key_record record = wn_key_record_default();
    memcpy(record.id.text, id, sizeof record.id.text);
    record.limits.monthly_tokens = monthly;
    record.limits.prepaid_tokens = prepaid;
    return record;
}

static void set_total(fixture *f, size_t i, const char *id, uint64_t month, uint64_t all)
{
    f->store.totals[i] = (wn_key_total){.month_tokens = month, .all_tokens = all};
    memcpy(f->store.totals[i].key.text, id, sizeof f->store.totals[i].key.text);
    f->store.n_totals = WN_MAX(f->store.n_totals, i + 1);
}

static void refresh(fixture *f, int64_t now_s)
{
    assert_ok(wn_quota_refresh(f->quota, &f->store.base, now_s, &f->err), &f->err);
}

static wn_usage_row row_of(const char *id, int64_t minute, uint64_t tokens)
{
    wn_usage_row row = {.minute = minute, .counts.tokens = tokens};
    memcpy(row.key.text, id, sizeof row.key.text);
    return row;
}

static void a_month_gives_what_it_says_and_not_more(void **state)
{
    fixture *f = *state;
    wn_key_record record = record_of("AAAA0001", 100, WN_UNSET);
    set_total(f, 0, "AAAA0001", 30, 5000);
    refresh(f, MAY_S);
    assert_int_equal(f->store.month, 55 * 12 + 4);
    assert_int_equal(wn_quota_charge(f->quota, &record, 71, MAY_S), WN_QUOTA_MONTH);
    assert_int_equal(wn_quota_charge(f->quota, &record, 60, MAY_S), WN_QUOTA_OK);
    assert_int_equal(wn_quota_charge(f->quota, &record, 11, MAY_S), WN_QUOTA_MONTH);
    assert_int_equal(wn_quota_charge(f->quota, &record, 10, MAY_S), WN_QUOTA_OK);
    assert_int_equal(wn_quota_charge(f->quota, &record, 1, JUNE_S - 1), WN_QUOTA_MONTH);
    assert_int_equal(wn_quota_charge(f->quota, &record, 100, JUNE_S), WN_QUOTA_OK);
    assert_int_equal(wn_quota_charge(f->quota, &record, 1, JUNE_S), WN_QUOTA_MONTH);
}

static void what_was_used_can_be_looked_at(void **state)
{
    fixture *f = *state;
    wn_quota_use use;
    wn_key_record record = record_of("AAAA0001", 100, 1000), other = record_of("AAAA0002", 1, 1);
    assert_false(wn_quota_look(f->quota, &record, MAY_S, &use));
    set_total(f, 0, "AAAA0001", 30, 500);
    refresh(f, MAY_S);
    assert_false(wn_quota_look(f->quota, &other, MAY_S, &use));
    assert_true(wn_quota_look(f->quota, &record, MAY_S, &use));
    assert_int_equal(use.month_tokens, 30);
    assert_int_equal(use.all_tokens, 500);
    assert_int_equal(wn_quota_charge(f->quota, &record, 60, MAY_S), WN_QUOTA_OK);
    assert_true(wn_quota_look(f->quota, &record, MAY_S, &use));
    assert_int_equal(use.month_tokens, 90);
    assert_int_equal(use.all_tokens, 560);
    assert_true(wn_quota_look(f->quota, &record, JUNE_S, &use));
    assert_int_equal(use.month_tokens, 0);
    assert_int_equal(use.all_tokens, 560);
}

static void what_was_paid_for_ends_once(void **state)
{
    fixture *f = *state;
    wn_key_record record = record_of("AAAA0001", 1000, 100);
    set_total(f, 0, "AAAA0001", 0, 30);
    refresh(f, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 70, MAY_S), WN_QUOTA_OK);
    assert_int_equal(wn_quota_charge(f->quota, &record, 1, MAY_S), WN_QUOTA_PREPAID);
    assert_int_equal(wn_quota_charge(f->quota, &record, 1, JUNE_S), WN_QUOTA_PREPAID);
    record.limits.prepaid_tokens = 101;
    assert_int_equal(wn_quota_charge(f->quota, &record, 1, JUNE_S), WN_QUOTA_OK);
}

static void keys_without_quota_are_never_refused_and_unseen_ones_always(void **state)
{
    fixture *f = *state;
    wn_key_record record = record_of("AAAA0001", WN_UNSET, WN_UNSET);
    assert_int_equal(wn_quota_charge(f->quota, &record, WN_KEY_TOKENS_MAX, MAY_S), WN_QUOTA_OK);
    record.limits.monthly_tokens = 10;
    assert_int_equal(wn_quota_charge(f->quota, &record, 1, MAY_S), WN_QUOTA_PREPAID);
    wn_quota_refund(f->quota, &record, 1, MAY_S);
}

static void a_refund_gives_back_in_its_month(void **state)
{
    fixture *f = *state;
    wn_key_record record = record_of("AAAA0001", 100, 150);
    set_total(f, 0, "AAAA0001", 0, 0);
    refresh(f, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 100, MAY_S), WN_QUOTA_OK);
    wn_quota_refund(f->quota, &record, 40, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 41, MAY_S), WN_QUOTA_MONTH);
    assert_int_equal(wn_quota_charge(f->quota, &record, 40, MAY_S), WN_QUOTA_OK);
    assert_int_equal(wn_quota_charge(f->quota, &record, 50, JUNE_S), WN_QUOTA_OK);
    wn_quota_refund(f->quota, &record, 10, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 11, JUNE_S), WN_QUOTA_PREPAID);
    assert_int_equal(wn_quota_charge(f->quota, &record, 10, JUNE_S), WN_QUOTA_OK);
}

static void refunds_over_what_was_charged_give_nothing(void **state)
{
    fixture *f = *state;
    wn_key_record record = record_of("AAAA0001", 100, WN_UNSET);
    set_total(f, 0, "AAAA0001", 60, 60);
    refresh(f, MAY_S);
    wn_quota_refund(f->quota, &record, 1000, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 41, MAY_S), WN_QUOTA_MONTH);
    assert_int_equal(wn_quota_charge(f->quota, &record, 40, MAY_S), WN_QUOTA_OK);
}

/* Charge, write, refresh, in every order: nothing is forgotten and nothing counts twice. */
static void what_the_store_gets_counts_once(void **state)
{
    fixture *f = *state;
    wn_key_record record = record_of("AAAA0001", 100, WN_UNSET);
    wn_usage_row row = row_of("AAAA0001", MAY_S / 60, 30);
    set_total(f, 0, "AAAA0001", 0, 0);
    refresh(f, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 30, MAY_S), WN_QUOTA_OK);
    refresh(f, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 71, MAY_S), WN_QUOTA_MONTH);
    wn_quota_settle(f->quota, &row, 1);
    assert_int_equal(wn_quota_charge(f->quota, &record, 71, MAY_S), WN_QUOTA_MONTH);
    set_total(f, 0, "AAAA0001", 30, 30);
    refresh(f, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 71, MAY_S), WN_QUOTA_MONTH);
    set_total(f, 0, "AAAA0001", 50, 50); /* of another process */
    refresh(f, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 51, MAY_S), WN_QUOTA_MONTH);
    assert_int_equal(wn_quota_charge(f->quota, &record, 50, MAY_S), WN_QUOTA_OK);
}

static void usage_of_last_month_does_not_count_in_this_one(void **state)
{
    fixture *f = *state;
    wn_key_record record = record_of("AAAA0001", 100, 1000);
    wn_usage_row row = row_of("AAAA0001", MAY_S / 60, 80);
    set_total(f, 0, "AAAA0001", 0, 0);
    refresh(f, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 80, MAY_S), WN_QUOTA_OK);
    assert_int_equal(wn_quota_charge(f->quota, &record, 10, JUNE_S), WN_QUOTA_OK);
    wn_quota_settle(f->quota, &row, 1);
    assert_int_equal(wn_quota_charge(f->quota, &record, 91, JUNE_S), WN_QUOTA_MONTH);
    set_total(f, 0, "AAAA0001", 0, 80);
    refresh(f, JUNE_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 91, JUNE_S), WN_QUOTA_MONTH);
    assert_int_equal(wn_quota_charge(f->quota, &record, 90, JUNE_S), WN_QUOTA_OK);
}

/* A request that was begun in the last second of a month and charged after another one of the next:
 * its usage is the old month's, so nothing would ever take it off the new one. */
static void a_late_charge_of_last_month_does_not_count_in_this_one(void **state)
{
    fixture *f = *state;
    wn_key_record record = record_of("AAAA0001", 100, 1000);
    set_total(f, 0, "AAAA0001", 0, 0);
    refresh(f, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 10, JUNE_S), WN_QUOTA_OK);
    assert_int_equal(wn_quota_charge(f->quota, &record, 30, JUNE_S - 1), WN_QUOTA_OK);
    assert_int_equal(wn_quota_charge(f->quota, &record, 91, JUNE_S), WN_QUOTA_MONTH);
    assert_int_equal(wn_quota_charge(f->quota, &record, 90, JUNE_S), WN_QUOTA_OK);
    record.limits.monthly_tokens = WN_UNSET;
    assert_int_equal(wn_quota_charge(f->quota, &record, 871, JUNE_S), WN_QUOTA_PREPAID);
    assert_int_equal(wn_quota_charge(f->quota, &record, 870, JUNE_S), WN_QUOTA_OK);
}

static void a_refresh_of_a_new_month_forgets_the_old_ones_charges(void **state)
{
    fixture *f = *state;
    wn_key_record record = record_of("AAAA0001", 100, 120);
    set_total(f, 0, "AAAA0001", 0, 0);
    refresh(f, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 100, MAY_S), WN_QUOTA_OK);
    refresh(f, JUNE_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 21, JUNE_S), WN_QUOTA_PREPAID);
    assert_int_equal(wn_quota_charge(f->quota, &record, 20, JUNE_S), WN_QUOTA_OK);
}

static void keys_come_and_go_with_refreshes(void **state)
{
    fixture *f = *state;
    wn_key_record a = record_of("AAAA0001", 100, WN_UNSET), b = record_of("BBBB0001", 50, WN_UNSET);
    wn_usage_row row = row_of("CCCC0001", MAY_S / 60, 30);
    set_total(f, 0, "AAAA0001", 0, 0);
    refresh(f, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &a, 60, MAY_S), WN_QUOTA_OK);
    set_total(f, 1, "AAAA0001", 0, 0);
    set_total(f, 0, "BBBB0001", 10, 10);
    refresh(f, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &a, 41, MAY_S), WN_QUOTA_MONTH);
    assert_int_equal(wn_quota_charge(f->quota, &b, 40, MAY_S), WN_QUOTA_OK);
    wn_quota_settle(f->quota, &row, 1);
    f->store.failure = WN_ERR_IO;
    assert_fails(wn_quota_refresh(f->quota, &f->store.base, MAY_S, &f->err), WN_ERR_IO, &f->err,
                 "told to fail");
    assert_int_equal(wn_quota_charge(f->quota, &a, 40, MAY_S), WN_QUOTA_OK);
    wn_quota_free(NULL);
}

static void what_was_paid_for_ends_without_a_month_too(void **state)
{
    fixture *f = *state;
    wn_key_record record = record_of("AAAA0001", WN_UNSET, 50);
    set_total(f, 0, "AAAA0001", 0, 20);
    refresh(f, MAY_S);
    assert_int_equal(wn_quota_charge(f->quota, &record, 31, MAY_S), WN_QUOTA_PREPAID);
    assert_int_equal(wn_quota_charge(f->quota, &record, 30, MAY_S), WN_QUOTA_OK);
    assert_int_equal(wn_quota_charge(f->quota, &record, 1, JUNE_S), WN_QUOTA_PREPAID);
}

int main(void)
{
#define QUOTA_TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)
    const struct CMUnitTest tests[] = {
        QUOTA_TEST(a_month_gives_what_it_says_and_not_more),
        QUOTA_TEST(what_was_used_can_be_looked_at),
        QUOTA_TEST(what_was_paid_for_ends_once),
        QUOTA_TEST(keys_without_quota_are_never_refused_and_unseen_ones_always),
        QUOTA_TEST(a_refund_gives_back_in_its_month),
        QUOTA_TEST(refunds_over_what_was_charged_give_nothing),
        QUOTA_TEST(what_the_store_gets_counts_once),
        QUOTA_TEST(usage_of_last_month_does_not_count_in_this_one),
        QUOTA_TEST(a_late_charge_of_last_month_does_not_count_in_this_one),
        QUOTA_TEST(a_refresh_of_a_new_month_forgets_the_old_ones_charges),
        QUOTA_TEST(keys_come_and_go_with_refreshes),
        QUOTA_TEST(what_was_paid_for_ends_without_a_month_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
