/* Vectors of documents that are kept: what another query finds in them has the bits of reading the
 * documents again; what is rounded is rounded before it is scored for the first time. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/defs.h"
#include "base/str.h"

enum { DOCS = 6, ROOM = 1 << 18, ROWS_MAX = 24 };

static wn_error err;

static const char *const models[] = {NULL, "tests/golden/models/colbert",
                                     "tests/golden/models/embed-mean"};
static wn_str documents[DOCS] = {{"a red apple, sweet", 18},
                                 {"the bank of the river", 21},
                                 {"green", 5},
                                 {"", 0},
                                 {"king of paris", 13},
                                 {NULL, 0}}; /* the last is long */

static void make_long_document(void)
{
    static char text[6000];
    size_t len = 0;
    for (size_t i = 0; i < 900; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s ",
                                check_random_below(2) == 0 ? "river" : "green");
    documents[DOCS - 1] = (wn_str){text, len};
}

static wn_job *job_of(wn_runner *runner, wn_str query)
{
    const wn_request request = check_request(query, documents, DOCS);
    wn_job *job;
    assert_ok(wn_job_new(&job, runner, &request, &err), &err);
    return job;
}

/* Score a job from vectors that are known, or keep them. */
static void run(wn_runner *runner, wn_job *job, unsigned char *vectors, bool known,
                wn_vector_format format)
{
    size_t n = wn_job_n_rows(job);
    wn_row_ref refs[ROWS_MAX];
    assert_true(n <= WN_ARRAY_LEN(refs));
    for (size_t i = 0; i < n; i++) {
        size_t bytes = wn_job_vector_bytes(job, i, format);
        assert_in_range(bytes, 1, ROOM);
        refs[i] = (wn_row_ref){.job = job,
                               .row = i,
                               .vectors = vectors == NULL ? NULL : vectors + i * ROOM,
                               .known = known,
                               .format = format};
        /* Some of the first are read all the same. */
        refs[i].known = known && i % 3 != 0;
    }
    assert_ok(wn_run_rows(runner, refs, n, &err), &err);
    assert_ok(wn_job_end(job, false, &err), &err);
}

static void assert_same_logits(const wn_job *a, const wn_job *b)
{
    for (size_t i = 0; i < wn_job_n_rows(a); i++) {
        float x = wn_job_logit(a, i), y = wn_job_logit(b, i);
        assert_memory_equal(&x, &y, sizeof x);
    }
}

static void known_vectors_give_the_bits_of_reading_again(void **state)
{
    (void)state;
    static unsigned char vectors[ROWS_MAX * ROOM];
    const wn_str first = WN_STR("red apple"), second = WN_STR("bank of the river");
    make_long_document();
    for (size_t m = 0; m < WN_ARRAY_LEN(models); m++) {
        wn_engine *engine = check_engine(models[m], NULL);
        wn_runner *runner = check_runner(engine, 2, 0);
        for (int f = 0; f < 2; f++) {
            wn_vector_format format = f == 0 ? WN_VECTOR_F32 : WN_VECTOR_INT8;
            wn_job *keeps = job_of(runner, first), *knows = job_of(runner, second),
                   *reads = job_of(runner, second), *plain = job_of(runner, second);
            run(runner, keeps, vectors, false, format);
            run(runner, knows, vectors, true, format);
            run(runner, reads, NULL, false, format);
            assert_same_logits(knows, reads);
            assert_ok(wn_run(runner, &plain, 1, &err), &err);
            if (format == WN_VECTOR_F32)
                assert_same_logits(knows, plain);
            for (size_t i = 0; i < wn_job_n_rows(plain); i++) {
                double want = (double)wn_job_logit(plain, i);
                assert_near((double)wn_job_logit(knows, i), want, 0.02 * fmax(1, fabs(want)));
            }
            wn_job_free(keeps);
            wn_job_free(knows);
            wn_job_free(reads);
            wn_job_free(plain);
        }
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
}

static void vectors_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    float room[1];
    wn_engine *late = check_engine(NULL, NULL),
              *cross = check_engine("tests/golden/models/bert", NULL);
    wn_runner *runner = check_runner(late, 1, 0), *other = check_runner(cross, 1, 0);
    wn_job *job = job_of(runner, WN_STR("red")), *pairs = job_of(other, WN_STR("red"));
    const wn_row_ref nowhere = {.job = job, .known = true};
    assert_fails(wn_run_rows(runner, &nowhere, 1, &err), WN_ERR_ARGUMENT, &err, "known, but NULL");
    const wn_row_ref odd = {.job = job, .format = (wn_vector_format)2};
    assert_fails(wn_run_rows(runner, &odd, 1, &err), WN_ERR_ARGUMENT, &err, "format is 2");
    const wn_row_ref pair = {.job = pairs, .vectors = room};
    assert_fails(wn_run_rows(other, &pair, 1, &err), WN_ERR_ARGUMENT, &err, "cross-encoder");
    assert_int_equal(wn_job_vector_bytes(pairs, 0, WN_VECTOR_F32), 0);
    wn_job_free(job);
    wn_job_free(pairs);
    wn_runner_free(runner);
    wn_runner_free(other);
    wn_engine_close(late);
    wn_engine_close(cross);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_vectors_give_the_bits_of_reading_again),
        cmocka_unit_test(vectors_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
