/* Looking at a key takes a time that does not tell how much of it is right: Welch's t of two kinds
 * of wrong keys, after Reparaz et al. 2017, "Dude, is my code constant time?"; and the comparison
 * of digests takes no branch and no address from them, which memcheck sees when they are marked as
 * undefined. */
#include "tests/support/check_memory_store.h"

#include "base/clock.h"
#include "base/str.h"
#include "serve/key_cache.h"

#include <math.h>
#include <stdlib.h>
#include <valgrind/memcheck.h>

#define NOW_S      1800000000
#define CALLS      100000 /* of each kind */
#define T_MAX      4.5
#define CUT        0.95 /* slower calls were interrupted */
#define ROUNDS_MAX 3    /* a machine that others use may be restless */

static const wn_pepper pepper = {"0123456789abcdef0123456789abcde"};

static void comparing_looks_at_nothing_secret(void **state)
{
    (void)state;
    if (!RUNNING_ON_VALGRIND) {
        print_message("not under valgrind\n");
        skip();
    }
    wn_digest a = {{1, 2, 3}}, b = a, c = {{1, 2, 4}};
    (void)VALGRIND_MAKE_MEM_UNDEFINED(&a, sizeof a);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(&b, sizeof b);
    (void)VALGRIND_MAKE_MEM_UNDEFINED(&c, sizeof c);
    bool same = wn_digest_equal(&a, &b), other = wn_digest_equal(&a, &c);
    (void)VALGRIND_MAKE_MEM_DEFINED(&same, sizeof same);
    (void)VALGRIND_MAKE_MEM_DEFINED(&other, sizeof other);
    assert_true(same && !other);
    assert_int_equal(VALGRIND_COUNT_ERRORS, 0);
}

/* ---- time ------------------------------------------------------------------------------------ */

static wn_key_text other_key(const wn_key_text *key, const wn_key_id *id, bool first_is_right)
{
    const size_t first = WN_KEY_TEXT_LEN - WN_KEY_CHECK_LEN - WN_KEY_SECRET_LEN;
    wn_error err = {0};
    wn_key_text text;
    do
        assert_ok(wn_key_make(&text, id, &err), &err);
    while ((text.text[first] == key->text[first]) != first_is_right);
    return text;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct moments {
    double n, mean, variance;
} moments;

/* Of the values below a bound. */
static moments moments_of(const double *values, size_t n, double bound)
{
    moments m = {0};
    double sum_of_squares = 0;
    for (size_t i = 0; i < n; i++) {
        if (values[i] > bound)
            continue;
        double delta = values[i] - m.mean;
        m.mean += delta / ++m.n;
        sum_of_squares += delta * (values[i] - m.mean);
    }
    m.variance = sum_of_squares / (m.n - 1);
    return m;
}

static double welch_t(const double *a, const double *b, size_t n)
{
    double *all = malloc(2 * n * sizeof *all);
    assert_non_null(all);
    memcpy(all, a, n * sizeof *a);
    memcpy(all + n, b, n * sizeof *b);
    qsort(all, 2 * n, sizeof *all, by_value);
    double bound = all[(size_t)(CUT * (double)(2 * n))];
    free(all);
    moments x = moments_of(a, n, bound), y = moments_of(b, n, bound);
    return (x.mean - y.mean) / sqrt(x.variance / x.n + y.variance / y.n);
}

/* Time CALLS calls with each of two texts, in random order, at the same address. */
static double compare(wn_key_cache *cache, const wn_key_text texts[2])
{
    double *times[2] = {malloc(CALLS * sizeof(double)), malloc(CALLS * sizeof(double))};
    assert_true(times[0] != NULL && times[1] != NULL);
    size_t n[2] = {0, 0};
    while (n[0] < CALLS || n[1] < CALLS) {
        size_t kind = check_random_below(2);
        kind = n[kind] == CALLS ? 1 - kind : kind;
        wn_key_text text = texts[kind];
        wn_key_record record;
        uint64_t began = wn_clock_ns();
        wn_key_outcome outcome = wn_key_cache_find(cache, &record, wn_str_from(text.text), NOW_S);
        times[kind][n[kind]++] = (double)(wn_clock_ns() - began);
        assert_int_equal(outcome, WN_KEY_UNKNOWN);
    }
    double t = welch_t(times[0], times[1], CALLS);
    free(times[0]);
    free(times[1]);
    return t;
}

static void assert_even(wn_key_cache *cache, const wn_key_text texts[2], const char *what)
{
    double t = INFINITY;
    for (int i = 0; i < ROUNDS_MAX && fabs(t) >= T_MAX; i++) {
        t = compare(cache, texts);
        print_message("# %s: t = %.2f of 2 x %d calls\n", what, t, CALLS);
    }
    assert_true(fabs(t) < T_MAX);
}

static void time_does_not_tell_what_is_right(void **state)
{
    (void)state;
    if (getenv("WINNOW_LONG") == NULL || RUNNING_ON_VALGRIND) {
        print_message("looks at times, make trial-t8\n");
        skip();
    }
    wn_error err = {0};
    wn_key_cache *cache = NULL;
    wn_key_text key, texts[2];
    check_memory_store store = check_memory_store_make();
    wn_key_record *record = &store.keys[store.n_keys++];
    *record = wn_key_record_default();
    assert_ok(wn_key_id_make(&record->id, &err), &err);
    assert_ok(wn_key_make(&key, &record->id, &err), &err);
    wn_str secret = {key.text + WN_KEY_TEXT_LEN - WN_KEY_CHECK_LEN - WN_KEY_SECRET_LEN,
                     WN_KEY_SECRET_LEN};
    assert_ok(wn_digest_make(&record->digest, &pepper, secret, &err), &err);
    store.revision++;
    assert_ok(wn_key_cache_new(&cache, &pepper, 600, &err), &err);
    wn_key_record fixed = wn_key_record_default();
    assert_ok(wn_key_cache_add_static(cache, WN_STR("another key"), &fixed, &err), &err);
    assert_ok(wn_key_cache_refresh(cache, &store.base, NOW_S, false, &err), &err);

    texts[0] = other_key(&key, &record->id, true);
    texts[1] = other_key(&key, &record->id, false);
    assert_even(cache, texts, "first byte of the secret right or wrong");
    assert_ok(wn_key_cache_refresh(cache, &store.base, NOW_S, true, &err), &err);
    texts[0] = texts[1] = (wn_key_text){"another kex"};
    texts[1].text[0] = 'b';
    assert_even(cache, texts, "last or first byte of a static key wrong");
    wn_key_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing_looks_at_nothing_secret),
        cmocka_unit_test(time_does_not_tell_what_is_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
