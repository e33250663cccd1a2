/* The same pair has the same bits, on every CPU level of this machine in every dtype that it has: a
 * pair scored alone by one thread, and in batches of random jobs, documents, order, number of
 * threads and token budget.  WINNOW_TEST_ROUNDS=N tries N batches with each, and longer texts. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/defs.h"
#include "base/str.h"
#include "kernel/kernel.h"

enum { N_QUERIES = 2, N_DOCS = 8, THREADS_MAX = 3, TEXT_BYTES = 4096 };

static const char *const models[] = {
    NULL, /* the built-in model: late interaction */
    "tests/golden/models/bert",
    "tests/golden/models/bert-d9x3",
    "tests/golden/models/bert-d12x5",
    "tests/golden/models/xlmr",
    "tests/golden/models/xlmr-outliers",
    "tests/golden/models/jina-v2-flash",
    "tests/golden/models/jina-bert-types",
    "tests/golden/models/jina-bert-qk-head",
    "tests/golden/models/new",
    "tests/golden/models/modernbert-mean",
    "tests/golden/models/modernbert-modules",
    "tests/golden/models/electra-projected",
    "tests/golden/models/mpnet",
    "tests/golden/models/deberta-trained",
    "tests/golden/models/deberta-p2c",
    "tests/golden/models/jina-colbert-v2",
    "tests/golden/models/colbert-attend",
    "tests/golden/models/qwen2-pairs",
    "tests/golden/models/gemma",
    "tests/golden/models/jina-m0",
    "tests/golden/models/embed-cls",
};
static const wn_dtype dtypes[] = {WN_DTYPE_F32, WN_DTYPE_BF16, WN_DTYPE_I8};

/* One model on one level in one dtype. */
typedef struct subject {
    const char *model, *level, *dtype;
    wn_engine *engine;
    int32_t tokens_max;
    float alone[N_QUERIES][N_DOCS]; /* logits */
    size_t n_pairs;                 /* compared so far */
} subject;

static char text[N_QUERIES + N_DOCS][TEXT_BYTES];
static wn_str queries[N_QUERIES], documents[N_DOCS];

static wn_str make_text(char *out, size_t n_words)
{
    static const char *const words[] = {"balan", "celan", "dimer", "fonis", "gutok", "lavel",
                                        "river", "the",   "Paris", "bread", "of",    "1998"};
    size_t len = 0;
    for (size_t i = 0; i < n_words; i++)
        len += (size_t)snprintf(out + len, TEXT_BYTES - len, "%s ",
                                words[check_random_below(WN_ARRAY_LEN(words))]);
    return (wn_str){out, len};
}

/* Batches that are tried with each subject; 0: the short form. */
static size_t n_rounds(void)
{
    const char *rounds = getenv("WINNOW_TEST_ROUNDS");
    return rounds != NULL ? (size_t)strtoul(rounds, NULL, 10) : 0;
}

/* Mostly short ones, some of all lengths, one that is empty; in the long form one that is longer
 * than most models read. */
static void make_texts(void)
{
    size_t most = n_rounds() == 0 ? 40 : 320;
    for (size_t i = 0; i < N_QUERIES; i++)
        queries[i] = make_text(text[i], 1 + check_random_below(2 + 6 * i));
    for (size_t i = 0; i < N_DOCS; i++) {
        size_t n = i < 2 ? i * most : 1 + check_random_below(i % 4 == 0 ? most / 2 : 9);
        documents[i] = make_text(text[N_QUERIES + i], n);
    }
}

static void score_alone(subject *s)
{
    wn_runner *runner = check_runner(s->engine, 1, 0);
    for (size_t q = 0; q < N_QUERIES; q++) {
        for (size_t d = 0; d < N_DOCS; d++) {
            wn_request request = check_request(queries[q], &documents[d], 1);
            wn_job *job = NULL;
            wn_error err;
            size_t n;
            assert_ok(wn_rank(&job, runner, &request, &err), &err);
            s->alone[q][d] = wn_job_results(job, &n)->logit;
            wn_job_free(job);
        }
    }
    wn_runner_free(runner);
}

/* Documents for a job, some of all in random order or one again and again, which threads then deal
 * out; from[i] is which. */
typedef struct selection {
    size_t query, n, from[N_DOCS];
    wn_str texts[N_DOCS];
} selection;

static void select_some(selection *out)
{
    out->query = check_random_below(N_QUERIES);
    out->n = 1 + check_random_below(N_DOCS);
    for (size_t i = 0; i < N_DOCS; i++) {
        size_t j = check_random_below(i + 1);
        out->from[i] = j == i ? i : out->from[j];
        out->from[j] = i;
    }
    bool is_one = check_random_below(2) == 0;
    for (size_t i = 0; i < out->n; i++) {
        out->from[i] = out->from[is_one ? 0 : i];
        out->texts[i] = documents[out->from[i]];
    }
}

static void compare(subject *s, const selection *chosen, const wn_job *job, const char *how)
{
    size_t n;
    const wn_result *results = wn_job_results(job, &n);
    assert_int_equal(n, chosen->n);
    for (size_t i = 0; i < n; i++) {
        size_t d = chosen->from[results[i].index];
        float want = s->alone[chosen->query][d], got = results[i].logit;
        if (memcmp(&want, &got, sizeof want) != 0)
            fail_msg("%s, %s, %s, %s: query %zu, document %zu: %a, alone %a",
                     s->model == NULL ? "built-in" : s->model, s->level, s->dtype, how,
                     chosen->query, d, (double)got, (double)want);
    }
    s->n_pairs += n;
}

/* Some jobs in one run. */
static void score_together(subject *s)
{
    selection chosen[N_QUERIES];
    wn_job *jobs[N_QUERIES];
    wn_error err;
    char how[80];
    int32_t n_threads = 1 + (int32_t)check_random_below(THREADS_MAX);
    int32_t budget = s->tokens_max + (int32_t)check_random_below(4 * (size_t)s->tokens_max);
    size_t n_jobs = 1 + check_random_below(N_QUERIES);
    wn_runner *runner = check_runner(s->engine, n_threads, budget);
    snprintf(how, sizeof how, "%zu jobs, %d threads, %d tokens", n_jobs, n_threads, budget);
    for (size_t j = 0; j < n_jobs; j++) {
        select_some(&chosen[j]);
        wn_request request = check_request(queries[chosen[j].query], chosen[j].texts, chosen[j].n);
        assert_ok(wn_job_new(&jobs[j], runner, &request, &err), &err);
    }
    assert_ok(wn_run(runner, jobs, n_jobs, &err), &err);
    for (size_t j = 0; j < n_jobs; j++) {
        compare(s, &chosen[j], jobs[j], how);
        wn_job_free(jobs[j]);
    }
    wn_runner_free(runner);
}

static void open_subject(subject *s, const char *model, const char *level, wn_dtype dtype)
{
    wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    wn_error err;
    *s = (subject){.model = model,
                   .level = level,
                   .dtype = dtype == WN_DTYPE_I8     ? "int8"
                            : dtype == WN_DTYPE_BF16 ? "bf16"
                                                     : "f32"};
    options.model_dir = model;
    options.cpu_level = level;
    options.dtype = s->dtype;
    assert_ok(wn_engine_open(&s->engine, &options, &err), &err);
    assert_ok(wn_engine_get_info(s->engine, &info, &err), &err);
    s->tokens_max = (int32_t)info.max_tokens;
    score_alone(s);
}

/* Every model on a level in a dtype; returns the pairs that were compared. */
static size_t check_models(const char *level, wn_dtype dtype)
{
    size_t n_pairs = 0;
    for (size_t i = 0; i < WN_ARRAY_LEN(models); i++) {
        subject s;
        open_subject(&s, models[i], level, dtype);
        for (size_t round = 0; round < WN_MAX(n_rounds(), 1); round++)
            score_together(&s);
        wn_engine_close(s.engine);
        n_pairs += s.n_pairs;
    }
    return n_pairs;
}

static void a_pair_has_the_same_bits_in_any_batch_order_and_number_of_threads(void **state)
{
    (void)state;
    size_t n_levels, total = 0;
    const char *reason, *const *levels = wn_kernels_levels(&n_levels);
    make_texts();
    for (size_t l = 0; l < n_levels; l++) {
        const wn_kernels *kernels = wn_kernels_get(levels[l], &reason);
        if (kernels == NULL) {
            printf("# %s: not run (%s)\n", levels[l], reason);
            continue;
        }
        printf("# %s:", levels[l]);
        for (size_t d = 0; d < WN_ARRAY_LEN(dtypes); d++) {
            if (wn_kernels_gemm(kernels, dtypes[d]) == NULL)
                continue;
            size_t n = check_models(levels[l], dtypes[d]);
            printf(" %s %zu", wn_dtype_name(dtypes[d]), n);
            fflush(stdout);
            total += n;
        }
        printf("\n");
    }
    printf("# %zu pairs compared bit by bit with the pair alone\n", total);
    assert_true(total > 0);
}

/* Nothing but the int8 product may differ, and that not in the steps of an activation. */
static bool should_agree(const wn_kernels *a, const wn_kernels *b)
{
    return a != NULL && b != NULL && a->gemm_i8 != NULL && b->gemm_i8 != NULL &&
           a->gemm_f32 == b->gemm_f32 && a->gemm_i8->limit == b->gemm_i8->limit &&
           a->gemm_i8_scores == b->gemm_i8_scores &&
           a->gemm_i8->multiply_taken == b->gemm_i8->multiply_taken &&
           a->gemm_i8->multiply_halves == b->gemm_i8->multiply_halves;
}

static void score_alone_in_int8(subject *s, const char *model, const char *level)
{
    open_subject(s, model, level, WN_DTYPE_I8);
    wn_engine_close(s->engine);
}

/* Sums of products of bytes are exact, so the order of an instruction or a tile does not show. */
static void levels_that_differ_in_the_int8_product_alone_agree(void **state)
{
    (void)state;
    size_t n_levels, n_pairs = 0;
    const char *reason, *const *levels = wn_kernels_levels(&n_levels);
    make_texts();
    for (size_t l = 1; l < n_levels; l++) {
        if (!should_agree(wn_kernels_get(levels[l - 1], &reason),
                          wn_kernels_get(levels[l], &reason)))
            continue;
        for (size_t i = 0; i < WN_ARRAY_LEN(models); i++) {
            subject a, b;
            score_alone_in_int8(&a, models[i], levels[l - 1]);
            score_alone_in_int8(&b, models[i], levels[l]);
            if (memcmp(a.alone, b.alone, sizeof a.alone) != 0)
                fail_msg("%s: int8 logits of %s are not those of %s",
                         models[i] == NULL ? "built-in" : models[i], b.level, a.level);
            n_pairs += (size_t)N_QUERIES * N_DOCS;
        }
        printf("# %s and %s: %zu pairs so far\n", levels[l - 1], levels[l], n_pairs);
    }
    if (n_pairs == 0) {
        printf("# no two levels of this machine differ in the int8 product alone\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_has_the_same_bits_in_any_batch_order_and_number_of_threads),
        cmocka_unit_test(levels_that_differ_in_the_int8_product_alone_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
