/* Digests of rows: SipHash over what the model reads, equal for equal rows only. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/defs.h"
#include "base/str.h"
#include "serve/row_digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

enum { DOCS = 5 };

static const uint8_t key[WN_DIGEST_KEY_BYTES] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                 8, 9, 10, 11, 12, 13, 14, 15};
static const char *const models[] = {NULL, "tests/golden/models/bert", "tests/golden/models/xlmr",
                                     "tests/golden/models/embed-mean"};
static const wn_str documents[DOCS] = {{"balan bamer", 11},
                                       {"bamer balan", 11},
                                       {"balan bamer", 11}, /* as the first */
                                       {"balan", 5},
                                       {"dimer fonis", 11}};

static wn_error err;

static wn_job *job_of(wn_runner *runner, wn_str query)
{
    wn_request request = check_request(query, documents, DOCS);
    wn_job *job = NULL;
    assert_ok(wn_job_new(&job, runner, &request, &err), &err);
    assert_int_equal(wn_job_n_rows(job), DOCS);
    return job;
}

static bool equal(wn_row_digest a, wn_row_digest b)
{
    return a.half[0] == b.half[0] && a.half[1] == b.half[1];
}

static void digest_is_siphash_of_scope_lengths_ids_and_types(void **state)
{
    (void)state;
    size_t size = sizeof(wn_row_digest);
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                 OSSL_PARAM_construct_end()};
    for (size_t i = 0; i < WN_ARRAY_LEN(models); i++) {
        wn_engine *engine = check_engine(models[i], NULL);
        wn_runner *runner = check_runner(engine, 1, 0);
        wn_row_digester *digester;
        wn_job *job = job_of(runner, WN_STR("celan"));
        wn_row_digest digests[DOCS];
        assert_ok(wn_row_digester_new(&digester, key, &err), &err);
        assert_ok(wn_row_digester_run(digester, 7, job, digests, &err), &err);
        for (size_t r = 0; r < DOCS; r++) {
            int32_t words[256];
            uint8_t want[sizeof(wn_row_digest)];
            size_t n_query = (size_t)wn_job_usage(job).query_tokens, n_want;
            size_t n_row = wn_job_row_tokens(job, r), n = 6 + 2 * (n_query + n_row);
            assert_true(n <= WN_ARRAY_LEN(words));
            const uint64_t head[3] = {7, n_query, n_row};
            memcpy(words, head, sizeof head);
            wn_job_query_ids(job, words + 6, words + 6 + n_query);
            wn_job_row_ids(job, r, words + 6 + 2 * n_query, words + 6 + 2 * n_query + n_row);
            assert_non_null(EVP_Q_mac(NULL, "SIPHASH", NULL, NULL, params, key, sizeof key,
                                      (const uint8_t *)words, n * sizeof *words, want, sizeof want,
                                      &n_want));
            assert_int_equal(n_want, sizeof want);
            assert_memory_equal(want, &digests[r], sizeof want);
        }
        wn_row_digester_free(digester);
        wn_job_free(job);
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
}

static void equal_rows_have_equal_digests_and_no_others(void **state)
{
    (void)state;
    static const uint8_t other_key[WN_DIGEST_KEY_BYTES] = {1};
    for (size_t i = 0; i < WN_ARRAY_LEN(models); i++) {
        wn_engine *engine = check_engine(models[i], NULL);
        wn_runner *runner = check_runner(engine, 1, 0);
        wn_row_digester *digester, *other;
        wn_job *job = job_of(runner, WN_STR("celan")), *same = job_of(runner, WN_STR("celan")),
               *asked_else = job_of(runner, WN_STR("celan dimer"));
        wn_row_digest a[DOCS], b[DOCS], c[DOCS], d[DOCS], e[DOCS];
        assert_ok(wn_row_digester_new(&digester, key, &err), &err);
        assert_ok(wn_row_digester_new(&other, other_key, &err), &err);
        assert_ok(wn_row_digester_run(digester, 7, job, a, &err), &err);
        assert_ok(wn_row_digester_run(digester, 7, asked_else, b, &err), &err);
        assert_ok(wn_row_digester_run(digester, 7, same, c, &err), &err);
        assert_ok(wn_row_digester_run(other, 7, job, d, &err), &err);
        assert_ok(wn_row_digester_run(digester, 8, job, e, &err), &err);
        for (size_t r = 0; r < DOCS; r++) {
            assert_true(equal(a[r], c[r]));
            for (size_t k = 0; k < DOCS; k++) {
                bool equal_texts = r % 2 == 0 && k % 2 == 0 && r < 4 && k < 4;
                assert_int_equal(equal(a[r], a[k]), r == k || equal_texts);
                assert_false(equal(a[r], b[k]) || equal(a[r], d[k]) || equal(a[r], e[k]));
            }
        }
        wn_row_digest f[DOCS], g[DOCS];
        assert_ok(wn_row_digester_run_documents(digester, 7, job, f, &err), &err);
        assert_ok(wn_row_digester_run_documents(digester, 7, asked_else, g, &err), &err);
        /* A cross-encoder reads the query in the row. */
        for (size_t r = 0; r < DOCS; r++) {
            assert_int_equal(equal(f[r], g[r]), i == 0 || i == 3);
            assert_false(equal(f[r], a[r]));
        }
        wn_row_digester_free(digester);
        wn_row_digester_free(other);
        wn_job_free(job);
        wn_job_free(same);
        wn_job_free(asked_else);
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
    wn_row_digester_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_is_siphash_of_scope_lengths_ids_and_types),
        cmocka_unit_test(equal_rows_have_equal_digests_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
