/* The score cache: what it finds, what it forgets, and files that it must not trust. */
#define _GNU_SOURCE
#include "tests/support/check.h"

#include "base/defs.h"
#include "base/file.h"
#include "base/pool.h"
#include "base/str.h"
#include "serve/score_cache.h"

#include <openssl/evp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER = 96, SCORE = 20, SUM = 32 };

static wn_error err, ignored;
static char dir[] = "build/score-cache-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
    (void)state;
    mkdir("build", 0777);
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/scores", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir); /* fails when a part was left behind */
}

static wn_score_cache *open_cache(size_t max_bytes, const char *file, const char *model)
{
    wn_score_cache *cache = NULL;
    const wn_score_cache_options options = {max_bytes, file, model};
    assert_ok(wn_score_cache_open(&cache, &options, &ignored, &err), &err);
    return cache;
}

static wn_row_digest random_digest(void)
{
    return (wn_row_digest){{check_random_bits(), check_random_bits()}};
}

static bool find(wn_score_cache *cache, wn_row_digest digest, float want)
{
    float got = 0;
    size_t n = wn_score_cache_find(cache, &digest, &got, 1);
    assert_true(n == 1 ? got == want : isnan(got));
    return n == 1;
}

static void add(wn_score_cache *cache, wn_row_digest digest, float logit)
{
    wn_score_cache_add(cache, &digest, &logit, 1);
}

static void scores_are_found_by_their_digest_alone(void **state)
{
    (void)state;
    enum { N = 1000 };
    static wn_row_digest digests[2 * N];
    static float logits[N], found[2 * N];
    wn_score_cache *cache = open_cache(1 << 20, NULL, "m");
    for (size_t i = 0; i < 2 * N; i++)
        digests[i] = random_digest();
    for (size_t i = 0; i < N; i++)
        logits[i] = i % 10 == 3 ? NAN : i % 10 == 4 ? INFINITY : (float)i;
    wn_score_cache_add(cache, digests, logits, N);
    assert_int_equal(wn_score_cache_find(cache, digests, found, 2 * N), N * 8 / 10);
    for (size_t i = 0; i < 2 * N; i++)
        assert_true(i < N && isfinite(logits[i]) ? found[i] == logits[i] : isnan(found[i]));
    add(cache, digests[0], -5);
    assert_true(find(cache, digests[0], -5)); /* the newer one */
    wn_row_digest near = digests[0];
    near.half[1] ^= 1;
    assert_false(find(cache, near, 0));
    wn_score_cache_stats stats = wn_score_cache_look(cache);
    assert_int_equal(stats.n_scores, N * 8 / 10);
    assert_int_equal(stats.evictions, 0);
    wn_score_cache_free(cache);
}

static void memory_is_bounded_and_the_longest_unasked_goes(void **state)
{
    (void)state;
    wn_score_cache *cache = open_cache(100000, NULL, "m");
    wn_score_cache_stats stats = wn_score_cache_look(cache);
    assert_in_range(stats.n_places * 24, 90000, 100000);
    wn_row_digest digests[9];
    for (size_t i = 0; i < 9; i++) /* all of one set */
        digests[i] = (wn_row_digest){{0, 1 + i}};
    for (size_t i = 0; i < 8; i++)
        add(cache, digests[i], (float)i);
    for (size_t i = 0; i < 8; i++)
        assert_true(i == 5 || find(cache, digests[i], (float)i));
    add(cache, digests[8], 8);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(find(cache, digests[i], (float)i), i != 5);
    add(cache, digests[0], 0); /* asked for anew */
    for (size_t i = 0; i < 50000; i++)
        add(cache, random_digest(), 1);
    stats = wn_score_cache_look(cache);
    assert_true(stats.n_scores == stats.n_places);
    assert_int_equal(stats.evictions, 9 + 50000 - stats.n_places);
    wn_score_cache_free(cache);
    cache = open_cache(0, NULL, "m"); /* there is always some room */
    add(cache, digests[0], 7);
    assert_true(find(cache, digests[0], 7));
    wn_score_cache_free(cache);
    wn_score_cache_free(NULL);
}

static void scores_outlive_the_process_in_a_file(void **state)
{
    (void)state;
    enum { N = 5000 };
    static wn_row_digest digests[N];
    uint8_t key[WN_DIGEST_KEY_BYTES];
    unlink(path);
    wn_score_cache *cache = open_cache(1 << 20, path, "model one");
    assert_int_equal(ignored.status, WN_OK); /* no file is no mistake */
    memcpy(key, wn_score_cache_key(cache), sizeof key);
    for (size_t i = 0; i < N; i++)
        add(cache, digests[i] = random_digest(), (float)i);
    assert_ok(wn_score_cache_save(cache, &err), &err);
    wn_score_cache_free(cache);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(info.st_size, HEADER + N * SCORE + SUM);
    cache = open_cache(1 << 20, path, "model one");
    assert_int_equal(ignored.status, WN_OK);
    assert_memory_equal(key, wn_score_cache_key(cache), sizeof key);
    for (size_t i = 0; i < N; i++)
        assert_true(find(cache, digests[i], (float)i));
    wn_score_cache_free(cache);
    cache = open_cache(24 * 1000, path, "model one"); /* smaller now: as much as fits */
    wn_score_cache_stats stats = wn_score_cache_look(cache);
    assert_true(stats.n_scores == stats.n_places && stats.evictions == 0);
    wn_score_cache_free(cache);
    cache = open_cache(1 << 20, path, "model two");
    assert_int_equal(ignored.status, WN_ERR_INPUT);
    assert_non_null(strstr(ignored.message, "'model one', this one is 'model two'"));
    assert_non_null(strstr(ignored.message, path));
    assert_memory_not_equal(key, wn_score_cache_key(cache), sizeof key);
    assert_int_equal(wn_score_cache_look(cache).n_scores, 0);
    wn_score_cache_free(cache);
    cache = open_cache(1 << 20, dir, "model one");
    assert_int_equal(ignored.status, WN_ERR_IO);
    wn_score_cache_free(cache);
}

static void write_file(const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* A cache finds nothing in these bytes and says why. */
static void refuses(const void *bytes, size_t n, const char *why)
{
    write_file(bytes, n);
    wn_score_cache *cache = open_cache(100000, path, "m");
    assert_int_equal(ignored.status, WN_ERR_FORMAT);
    if (strstr(ignored.message, why) == NULL)
        fail_msg("message '%s' does not contain '%s'", ignored.message, why);
    assert_int_equal(wn_score_cache_look(cache).n_scores, 0);
    wn_score_cache_free(cache);
}

/* The same with the checksum put right. */
static void refuses_summed(unsigned char *bytes, size_t n, const char *why)
{
    assert_int_equal(EVP_Digest(bytes, n - SUM, bytes + n - SUM, NULL, EVP_sha256(), NULL), 1);
    refuses(bytes, n, why);
}

static void file_that_is_not_whole_and_ours_is_not_trusted(void **state)
{
    (void)state;
    wn_buf file = WN_BUF_INIT, good = WN_BUF_INIT;
    unlink(path);
    wn_score_cache *cache = open_cache(100000, path, "m");
    for (size_t i = 0; i < 3; i++)
        add(cache, random_digest(), 1);
    assert_ok(wn_score_cache_save(cache, &err), &err);
    wn_score_cache_free(cache);
    assert_ok(wn_file_read(&good, path, 10000, &err), &err);
    assert_int_equal(good.len, HEADER + 3 * SCORE + SUM);
    for (size_t n = 0; n < good.len; n++) /* torn anywhere */
        refuses(good.ptr, n, "");
    refuses(good.ptr, good.len - SCORE, "checksum");
    unsigned char *bytes = (unsigned char *)good.ptr;
    for (size_t i = 0; i < good.len; i++) { /* damaged anywhere, but for the model's name */
        if (i >= 32 && i < HEADER)
            continue;
        bytes[i] ^= 0x10;
        refuses(bytes, good.len, "");
        bytes[i] ^= 0x10;
    }
    static const struct {
        size_t at;
        unsigned char bytes[16];
        size_t n;
        const char *why;
    } bad[] = {
        {0, "WNSCOREZ", 8, "begin with"},
        {8, {2, 0, 0, 0}, 4, "version is 2"},
        {12, {1, 2, 3, 4}, 4, "byte order is 04030201"},
        {HEADER + SCORE, {0}, 16, "score 1 has a digest of zeros"},
        {HEADER + 2 * SCORE + 16, {0, 0, 0xC0, 0x7F}, 4, "score 2 is nan"},
        {HEADER + 16, {0, 0, 0x80, 0xFF}, 4, "score 0 is -inf"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(bad); i++) {
        wn_buf_clear(&file);
        assert_true(wn_buf_push(&file, good.ptr, good.len));
        memcpy(file.ptr + bad[i].at, bad[i].bytes, bad[i].n);
        refuses_summed((unsigned char *)file.ptr, file.len, bad[i].why);
    }
    memset(bytes + 32, 'x', HEADER - 32);
    refuses_summed(bytes, good.len, "has no end");
    wn_buf_deinit(&file);
    wn_buf_deinit(&good);
}

static void save_that_fails_leaves_the_file_as_it_was(void **state)
{
    (void)state;
    wn_buf before = WN_BUF_INIT, after = WN_BUF_INIT;
    unlink(path);
    wn_score_cache *cache = open_cache(1 << 20, path, "m");
    add(cache, random_digest(), 1);
    assert_ok(wn_score_cache_save(cache, &err), &err);
    assert_ok(wn_file_read(&before, path, 1000, &err), &err);
    for (size_t i = 0; i < 10000; i++)
        add(cache, random_digest(), 1);
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t most = 50; most < 60000; most += 50000) { /* in the rest; in the middle */
        small = (struct rlimit){most, old.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        wn_status status = wn_score_cache_save(cache, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(status, WN_ERR_IO);
        assert_non_null(strstr(err.message, "too large"));
        assert_ok(wn_file_read(&after, path, 1000, &err), &err);
        assert_int_equal(before.len, after.len);
        assert_memory_equal(before.ptr, after.ptr, after.len);
    }
    signal(SIGXFSZ, SIG_DFL);
    wn_score_cache_free(cache);
    cache = open_cache(1000, "build/no/such/folder", "m");
    assert_fails(wn_score_cache_save(cache, &err), WN_ERR_IO, &err, "No such file");
    wn_score_cache_free(cache);
    cache = open_cache(1000, dir, "m"); /* a folder is in the way */
    assert_fails(wn_score_cache_save(cache, &err), WN_ERR_IO, &err, dir);
    wn_score_cache_free(cache);
    wn_buf_deinit(&before);
    wn_buf_deinit(&after);
}

/* Threads that ask and add; a score that is found is the one of its digest. */
static void ask_and_add(void *arg, size_t item, int32_t worker)
{
    (void)worker;
    wn_score_cache *cache = arg;
    for (uint64_t i = 0; i < 3000; i++) {
        uint64_t name = (i * 31 + item * 7) % 1000;
        wn_row_digest digest = {{name * 0x9E3779B97F4A7C15u, name + 1}};
        float logit = (float)name, got;
        if (wn_score_cache_find(cache, &digest, &got, 1) == 1)
            WN_ASSERT(got == logit);
        else
            wn_score_cache_add(cache, &digest, &logit, 1);
    }
    wn_error own;
    WN_ASSERT(item != 3 || wn_score_cache_save(cache, &own) == WN_OK);
}

static void threads_share_it(void **state)
{
    (void)state;
    unlink(path);
    wn_score_cache *cache = open_cache(12000, path, "m");
    wn_pool *pool;
    assert_ok(wn_pool_new(&pool, 4, &err), &err);
    wn_pool_run(pool, 8, ask_and_add, cache);
    wn_pool_free(pool);
    wn_score_cache_stats stats = wn_score_cache_look(cache);
    assert_true(stats.evictions > 0);
    wn_score_cache_free(cache);
    wn_score_cache_free(open_cache(12000, path, "m"));
    assert_int_equal(ignored.status, WN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_found_by_their_digest_alone),
        cmocka_unit_test(memory_is_bounded_and_the_longest_unasked_goes),
        cmocka_unit_test(scores_outlive_the_process_in_a_file),
        cmocka_unit_test(file_that_is_not_whole_and_ours_is_not_trusted),
        cmocka_unit_test(save_that_fails_leaves_the_file_as_it_was),
        cmocka_unit_test(threads_share_it),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
