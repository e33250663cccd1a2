/* Who is let in, what requests are charged, what they get back and what is counted, with a store
 * that outlives the accounts. */
#define _GNU_SOURCE
#include "tests/support/check.h"

#include "base/mem.h"
#include "base/str.h"
#include "serve/accounts.h"

#include <time.h>
#include <unistd.h>

#define CLIENT "192.0.2.1"

static char dir[] = "/tmp/winnow-accounts-XXXXXX";
static wn_metrics metrics;
static wn_log quiet = {.fd = -1, .level = WN_LOG_ERROR};

static void erase(void)
{
    static const char *const files[] = {"pepper", "winnow.db", "winnow.db-wal", "winnow.db-shm"};
    for (size_t i = 0; i < WN_ARRAY_LEN(files); i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/%s", dir, files[i]);
        unlink(name);
    }
}

static int begin_test(void **state)
{
    (void)state;
    erase();
    memset(&metrics, 0, sizeof metrics);
    return 0;
}

static wn_accounts *make(wn_accounts_options options)
{
    wn_error err = {0};
    wn_accounts *accounts = NULL;
    options.metrics = &metrics;
    options.log = &quiet;
    assert_ok(wn_accounts_new(&accounts, &options, &err), &err);
    return accounts;
}

/* Put a key into the store of the directory. */
static wn_key_text add_key(wn_key_record *record)
{
    wn_error err = {0};
    wn_state kept = {0};
    wn_key_text text;
    wn_key_id id;
    wn_str secret;
    assert_ok(wn_state_open(&kept, dir, &err), &err);
    assert_ok(wn_key_id_make(&record->id, &err), &err);
    assert_ok(wn_key_make(&text, &record->id, &err), &err);
    assert_true(wn_key_parse(&id, &secret, wn_str_from(text.text)));
    assert_ok(wn_digest_make(&record->digest, &kept.pepper, secret, &err), &err);
    assert_ok(wn_store_add_key(kept.store, record, &err), &err);
    wn_state_close(&kept);
    return text;
}

/* Identify a request with one field; "": it has none.  The status of the problem, 0 without. */
static int identify(wn_accounts *accounts, wn_identity *out, const char *name, const char *value,
                    wn_scope scope, const char *code)
{
    const wn_http_field field = {wn_str_from(name), wn_str_from(value)};
    const wn_http_request request = {.fields = &field, .n_fields = name[0] != '\0'};
    wn_problem problem = {0};
    bool known = wn_accounts_identify(accounts, out, &request, CLIENT, scope, &problem);
    assert_int_equal(known, problem.status == 0);
    assert_string_equal(problem.code == NULL ? "" : problem.code, code);
    return problem.status;
}

static wn_identity identify_key(wn_accounts *accounts, const char *key)
{
    wn_identity identity;
    assert_int_equal(identify(accounts, &identity, "X-Api-Key", key, WN_SCOPE_RERANK, ""), 0);
    assert_true(identity.has_key);
    return identity;
}

/* Charge a request, or its tokens; the status of the refusal, 0 without. */
static int begin(wn_accounts *accounts, wn_identity *identity)
{
    wn_problem problem = {0};
    bool begun = wn_accounts_begin(accounts, identity, &problem);
    assert_true(begun == (problem.status == 0) && begun == identity->entered);
    return problem.status;
}

static int charge(wn_accounts *accounts, wn_identity *identity, uint64_t tokens)
{
    wn_problem problem = {0};
    uint64_t before = identity->tokens;
    bool charged = wn_accounts_charge(accounts, identity, tokens, &problem);
    assert_int_equal(charged, problem.status == 0);
    assert_int_equal(identity->tokens, before + (charged ? tokens : 0));
    return problem.status;
}

static void settle(wn_accounts *accounts, wn_identity *identity, const char *route, uint64_t tokens,
                   bool failed)
{
    const wn_charge done = {.route = route,
                            .model = "m",
                            .tokens = tokens,
                            .cached_tokens = 2,
                            .status = failed ? 500 : 0,
                            .request_id = "r"};
    wn_accounts_settle(accounts, identity, &done);
    assert_true(!identity->entered && identity->tokens == 0);
}

/* ---- who ------------------------------------------------------------------------------------- */

static void nobody_needs_a_key_while_there_is_none(void **state)
{
    (void)state;
    wn_accounts *accounts = make((wn_accounts_options){0});
    wn_identity identity, same;
    assert_true(wn_accounts_is_open(accounts));
    assert_false(wn_accounts_has_state(accounts));
    assert_int_equal(identify(accounts, &identity, "", "", WN_SCOPE_RERANK, ""), 0);
    assert_int_equal(identify(accounts, &same, "Authorization", "Bearer x", WN_SCOPE_METRICS, ""),
                     0);
    assert_false(identity.has_key || same.has_key);
    assert_int_equal(identity.number, same.number);
    assert_int_equal(identify(accounts, &identity, "", "", WN_SCOPE_ADMIN, "AUTH_MISSING_API_KEY"),
                     401);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(begin(accounts, &same), 0);
        assert_int_equal(charge(accounts, &same, 1000000), 0);
    }
    wn_accounts_free(accounts);
    wn_accounts_free(NULL);
}

static void the_key_of_the_command_line_comes_in_any_field_and_is_no_administrator(void **state)
{
    (void)state;
    wn_accounts *accounts =
        make((wn_accounts_options){.api_key = "secret", .admin_key = "admin key"});
    wn_identity identity;
    static const char *const fields[][2] = {{"Authorization", "Bearer secret"},
                                            {"authorization", "bearer  secret"},
                                            {"Authorization", "secret"},
                                            {"Api-Key", "secret"},
                                            {"X-Api-Key", "secret"}};
    assert_false(wn_accounts_is_open(accounts));
    for (size_t i = 0; i < WN_ARRAY_LEN(fields); i++)
        assert_int_equal(
            identify(accounts, &identity, fields[i][0], fields[i][1], WN_SCOPE_RERANK, ""), 0);
    assert_int_equal(identify(accounts, &identity, "Api-Key", "secret", WN_SCOPE_ADMIN,
                              "AUTHZ_INSUFFICIENT_SCOPE"),
                     403);
    assert_int_equal(identify(accounts, &identity, "Api-Key", "admin key", WN_SCOPE_ADMIN, ""), 0);
    assert_int_equal(identify(accounts, &identity, "", "", WN_SCOPE_RERANK, "AUTH_MISSING_API_KEY"),
                     401);
    assert_int_equal(
        identify(accounts, &identity, "Api-Key", "other", WN_SCOPE_RERANK, "AUTH_INVALID_API_KEY"),
        401);
    assert_int_equal(identify(accounts, &identity, "", "", WN_SCOPE_PUBLIC, ""), 0);
    wn_accounts_free(accounts);
}

static void keys_of_the_store_are_let_in_while_they_hold(void **state)
{
    (void)state;
    wn_identity identity;
    wn_key_record good = wn_key_record_default(), expired = good, revoked = good, none = good;
    expired.expires_s = 1;
    revoked.revoked_s = 1;
    snprintf(none.tier, sizeof none.tier, "none");
    wn_key_text texts[] = {add_key(&good), add_key(&expired), add_key(&revoked), add_key(&none)};
    wn_accounts *accounts = make((wn_accounts_options){.state_dir = dir});
    static const struct {
        int status;
        const char *code;
    } want[] = {{0, ""},
                {401, "AUTH_INVALID_API_KEY"},
                {401, "AUTH_INVALID_API_KEY"},
                {403, "AUTHZ_INSUFFICIENT_SCOPE"}};
    for (size_t i = 0; i < WN_ARRAY_LEN(want); i++)
        assert_int_equal(identify(accounts, &identity, "X-Api-Key", texts[i].text, WN_SCOPE_RERANK,
                                  want[i].code),
                         want[i].status);
    assert_int_equal(identify(accounts, &identity, "X-Api-Key", texts[0].text, WN_SCOPE_METRICS,
                              "AUTHZ_INSUFFICIENT_SCOPE"),
                     403);
    assert_int_equal(
        identify(accounts, &identity, "X-Api-Key", "other", WN_SCOPE_RERANK, "AUTH_INVALID_FORMAT"),
        401);
    wn_key_id id;
    wn_key_text unknown;
    assert_int_equal(wn_key_id_make(&id, NULL), WN_OK);
    assert_int_equal(wn_key_make(&unknown, &id, NULL), WN_OK);
    assert_int_equal(identify(accounts, &identity, "X-Api-Key", unknown.text, WN_SCOPE_RERANK,
                              "AUTH_INVALID_API_KEY"),
                     401);
    wn_accounts_free(accounts);
}

/* ---- how much -------------------------------------------------------------------------------- */

static void rates_refuse_what_is_over_them(void **state)
{
    (void)state;
    wn_accounts *accounts =
        make((wn_accounts_options){.api_key = "k", .static_rpm = 2, .static_tpm = 100});
    wn_identity identity = identify_key(accounts, "k");
    assert_int_equal(begin(accounts, &identity), 0);
    assert_int_equal(charge(accounts, &identity, 100), 0);
    assert_int_equal(charge(accounts, &identity, 50), 429);
    settle(accounts, &identity, NULL, 100, false);
    assert_int_equal(begin(accounts, &identity), 0);
    settle(accounts, &identity, NULL, 0, false);
    identity = identify_key(accounts, "k");
    assert_int_equal(begin(accounts, &identity), 429);
    assert_int_equal(wn_counter_get(&metrics.rejected[WN_REJECT_RATE]), 2);
    assert_int_equal(wn_counter_get(&metrics.rejected[WN_REJECT_QUOTA]), 0);
    wn_accounts_free(accounts);
}

static void what_was_not_used_is_given_back(void **state)
{
    (void)state;
    wn_accounts *accounts = make((wn_accounts_options){.api_key = "k", .static_tpm = 100});
    wn_identity identity = identify_key(accounts, "k");
    assert_int_equal(charge(accounts, &identity, 100), 0);
    settle(accounts, &identity, NULL, 30, false);
    assert_int_equal(charge(accounts, &identity, 90), 429);
    assert_int_equal(charge(accounts, &identity, 70), 0);
    settle(accounts, &identity, NULL, 70, true);
    assert_int_equal(charge(accounts, &identity, 70), 0);
    settle(accounts, &identity, NULL, 1000, false);
    assert_int_equal(charge(accounts, &identity, 90), 429);
    wn_accounts_free(accounts);
}

static void requests_of_a_key_at_a_time_are_limited(void **state)
{
    (void)state;
    wn_key_record record = wn_key_record_default();
    record.limits.concurrency = 1;
    wn_key_text text = add_key(&record);
    wn_accounts *accounts = make((wn_accounts_options){.state_dir = dir});
    wn_identity first = identify_key(accounts, text.text), second = first;
    assert_int_equal(begin(accounts, &first), 0);
    assert_int_equal(begin(accounts, &second), 429);
    assert_int_equal(wn_counter_get(&metrics.rejected[WN_REJECT_RATE]), 1);
    settle(accounts, &second, NULL, 0, true);
    assert_int_equal(begin(accounts, &second), 429);
    settle(accounts, &first, NULL, 0, false);
    assert_int_equal(begin(accounts, &second), 0);
    wn_accounts_free(accounts);
}

/* A charge that the quota refuses takes nothing of the rate. */
static void quotas_refuse_and_the_rate_is_as_before(void **state)
{
    (void)state;
    wn_key_record record = wn_key_record_default();
    record.limits.monthly_tokens = 100;
    record.limits.tokens_per_minute = 100;
    wn_key_text text = add_key(&record);
    wn_accounts *accounts = make((wn_accounts_options){.state_dir = dir});
    wn_identity identity = identify_key(accounts, text.text);
    assert_int_equal(charge(accounts, &identity, 60), 0);
    identity.limits.per_minute[WN_RATE_TOKENS] = 1000;
    assert_int_equal(charge(accounts, &identity, 41), 403);
    assert_int_equal(wn_counter_get(&metrics.rejected[WN_REJECT_QUOTA]), 1);
    identity.limits.per_minute[WN_RATE_TOKENS] = 100;
    assert_int_equal(charge(accounts, &identity, 40), 0);
    settle(accounts, &identity, NULL, 50, false);
    assert_int_equal(charge(accounts, &identity, 51), 429);
    assert_int_equal(charge(accounts, &identity, 50), 0);
    wn_accounts_free(accounts);
}

/* ---- what is counted ------------------------------------------------------------------------- */

static void usage_is_in_the_store_when_the_accounts_are_gone(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_state kept = {0};
    wn_usage_row *rows;
    size_t n;
    wn_key_record record = wn_key_record_default();
    wn_key_text text = add_key(&record);
    wn_accounts *accounts = make((wn_accounts_options){.state_dir = dir});
    wn_identity known = identify_key(accounts, text.text),
                unknown = {.number = 1, .record = wn_key_record_default()};
    assert_int_equal(charge(accounts, &known, 50), 0);
    settle(accounts, &known, "rerank", 20, false);
    assert_int_equal(charge(accounts, &known, 50), 0);
    settle(accounts, &known, "rerank", 50, true);
    settle(accounts, &known, NULL, 7, false);
    assert_int_equal(charge(accounts, &unknown, 9), 0);
    settle(accounts, &unknown, "score", 9, false);
    assert_int_equal(wn_accounts_n_lost(accounts), 0);
    wn_accounts_free(accounts);
    assert_ok(wn_state_open(&kept, dir, &err), &err);
    const wn_usage_query query = {.until_s = (int64_t)time(NULL) + 60,
                                  .by = WN_BY_KEY | WN_BY_ROUTE};
    assert_ok(wn_store_report(kept.store, &rows, &n, &query, &err), &err);
    assert_int_equal(n, 2);
    assert_string_equal(rows[0].key.text, "");
    assert_string_equal(rows[0].route, "score");
    assert_true(rows[0].counts.requests == 1 && rows[0].counts.tokens == 9 &&
                rows[0].counts.cached_tokens == 2 && rows[0].counts.errors == 0);
    assert_string_equal(rows[1].key.text, record.id.text);
    assert_string_equal(rows[1].route, "rerank");
    assert_true(rows[1].counts.requests == 1 && rows[1].counts.tokens == 20 &&
                rows[1].counts.cached_tokens == 2 && rows[1].counts.errors == 1);
    wn_mem_free(rows);
    wn_state_close(&kept);
}

static int remove_dir(void **state)
{
    (void)state;
    erase();
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_needs_a_key_while_there_is_none),
        cmocka_unit_test(the_key_of_the_command_line_comes_in_any_field_and_is_no_administrator),
        cmocka_unit_test_setup(keys_of_the_store_are_let_in_while_they_hold, begin_test),
        cmocka_unit_test_setup(rates_refuse_what_is_over_them, begin_test),
        cmocka_unit_test(what_was_not_used_is_given_back),
        cmocka_unit_test_setup(requests_of_a_key_at_a_time_are_limited, begin_test),
        cmocka_unit_test_setup(quotas_refuse_and_the_rate_is_as_before, begin_test),
        cmocka_unit_test_setup(usage_is_in_the_store_when_the_accounts_are_gone, begin_test),
    };
    if (mkdtemp(dir) == NULL)
        return 1;
    return cmocka_run_group_tests(tests, NULL, remove_dir);
}
