/* How well a request spreads over threads: time with one thread over time with several, how long
 * workers wait at the ends of the pool's runs, and sequences of many lengths beside sequences of
 * one at the same number of tokens.  The link wraps wn_pool_run(), so what is measured is the
 * product's code as it is.  A request is the same sequence of runs each time; of each the quickest
 * counts, with what its workers did in it, so that other programs disturb little.
 * Usage: scaling [MODEL|built-in [DTYPE [THREADS [REPEATS]]]] */
#include "base/clock.h"
#include "base/pool.h"
#include "base/str.h"
#include "winnow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_DOCUMENTS = 100, N_WORDS = 120, LONGEST = 480, RUNS_MAX = 65536, LINE = 8 };
#define SPREAD 0.6 /* standard deviation of the logarithms of the ragged lengths */

void __real_wn_pool_run(wn_pool *pool, size_t n_items, wn_pool_fn *fn, void *arg);
void __wrap_wn_pool_run(wn_pool *pool, size_t n_items, wn_pool_fn *fn, void *arg);

/* One wn_pool_run() of a request, in ns: what it took, what its workers did in it, and the time
 * since the run before. */
typedef struct run {
    double wall, busy, gap;
} run;

/* A runner with a workload, and the best of each run so far. */
typedef struct trial {
    const char *name;
    const wn_request *request;
    wn_runner *runner;
    int32_t n_threads;
    run *runs; /* [RUNS_MAX] */
    size_t n_runs;
    double quickest; /* request, in seconds */
} trial;

/* The request that is being watched; one at a time. */
static struct {
    trial *trial;
    size_t at;
    uint64_t last;
    wn_pool_fn *fn;
    void *arg;
    uint64_t busy[WN_POOL_THREADS_MAX * LINE]; /* a cache line a worker */
} watch;

static void watched_item(void *arg, size_t item, int32_t worker)
{
    uint64_t start = wn_clock_ns();
    watch.fn(arg, item, worker);
    watch.busy[worker * LINE] += wn_clock_ns() - start;
}

void __wrap_wn_pool_run(wn_pool *pool, size_t n_items, wn_pool_fn *fn, void *arg)
{
    /* What a thread does by itself within its part of a batch is that part's. */
    if (pool == NULL || watch.trial == NULL || watch.at == RUNS_MAX) {
        __real_wn_pool_run(pool, n_items, fn, arg);
        return;
    }
    watch.fn = fn;
    memset(watch.busy, 0, sizeof watch.busy);
    uint64_t start = wn_clock_ns();
    __real_wn_pool_run(pool, n_items, watched_item, arg);
    uint64_t end = wn_clock_ns();
    run now = {.wall = (double)(end - start), .gap = (double)(start - watch.last)};
    for (size_t i = 0; i < WN_POOL_THREADS_MAX; i++)
        now.busy += (double)watch.busy[i * LINE];
    run *best = &watch.trial->runs[watch.at++];
    if (best->wall == 0 || now.wall < best->wall)
        *best = (run){now.wall, now.busy, best->gap};
    if (best->gap == 0 || now.gap < best->gap)
        best->gap = now.gap;
    watch.last = wn_clock_ns();
}

static void check(wn_status status, const wn_error *err)
{
    if (status == WN_OK)
        return;
    fprintf(stderr, "scaling: %s\n", err->message);
    exit(1);
}

static void measure(trial *t)
{
    wn_job *job = NULL;
    wn_error err;
    watch.trial = t;
    watch.at = 0;
    uint64_t start = watch.last = wn_clock_ns();
    check(wn_rank(&job, t->runner, t->request, &err), &err);
    double seconds = (double)(wn_clock_ns() - start) * 1e-9;
    watch.trial = NULL;
    t->n_runs = watch.at;
    t->quickest = t->quickest == 0 ? seconds : fmin(t->quickest, seconds);
    wn_job_free(job);
}

/* ---- workloads ------------------------------------------------------------------------------- */

/* A word that is one token of the model. */
static const char *find_word(const wn_engine *engine)
{
    static const char *const words[] = {"w17", "the", "and", "water", "of", "a"};
    wn_tokenize_options options = WN_TOKENIZE_OPTIONS_INIT;
    options.no_specials = true;
    for (size_t i = 0; i < WN_ARRAY_LEN(words); i++) {
        wn_tokens *tokens = NULL;
        wn_error err;
        check(wn_tokenize(&tokens, engine, wn_str_from(words[i]), &options, &err), &err);
        bool is_one = tokens->n == 1;
        wn_tokens_free(tokens);
        if (is_one)
            return words[i];
    }
    fprintf(stderr, "scaling: none of the words is one token\n");
    exit(1);
}

/* A number with the standard normal distribution, of a fixed sequence. */
static double normal(uint32_t *state)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        *state = *state * 1664525u + 1013904223u;
        sum += (double)(*state >> 8) * 0x1p-24;
    }
    return sum;
}

/* Log-normal lengths whose sum is that of N_DOCUMENTS times N_WORDS. */
static void choose_lengths(size_t lengths[N_DOCUMENTS])
{
    double share[N_DOCUMENTS], sum = 0;
    uint32_t state = 1;
    size_t left = (size_t)N_DOCUMENTS * N_WORDS;
    for (size_t i = 0; i < N_DOCUMENTS; i++)
        sum += share[i] = exp(SPREAD * normal(&state));
    for (size_t i = 0; i < N_DOCUMENTS; i++) {
        double words = share[i] / sum * N_DOCUMENTS * N_WORDS;
        lengths[i] = WN_MIN((size_t)fmax(1, rint(words)), WN_MIN((size_t)LONGEST, left));
        left -= lengths[i];
    }
    for (size_t i = 0; left > 0; i = (i + 1) % N_DOCUMENTS, left--)
        lengths[i]++;
}

/* Documents of these lengths, all of one word. */
static wn_request make_request(const char *word, const size_t *lengths, size_t n_documents)
{
    size_t n = strlen(word) + 1;
    wn_request request = WN_REQUEST_INIT;
    wn_str *documents = calloc(n_documents, sizeof *documents);
    for (size_t i = 0; i < n_documents; i++) {
        char *text = malloc(lengths[i] * n + 1);
        if (documents == NULL || text == NULL)
            exit(1);
        for (size_t j = 0; j < lengths[i]; j++)
            snprintf(text + j * n, n + 1, "%s ", word);
        documents[i] = (wn_str){text, lengths[i] * n};
    }
    request.query = wn_str_from(word);
    request.documents = documents;
    request.n_documents = n_documents;
    return request;
}

typedef enum workload {
    EQUAL, /* N_DOCUMENTS of N_WORDS */
    RAGGED,
    EVEN, /* documents of one length, fewer: as many words as RAGGED and as large a sum of squares,
             which is what attention grows with */
    WORKLOADS
} workload;

static void make_requests(wn_request requests[WORKLOADS], const char *word)
{
    size_t lengths[WORKLOADS][N_DOCUMENTS], squares = 0, n_even;
    choose_lengths(lengths[RAGGED]);
    for (size_t i = 0; i < N_DOCUMENTS; i++)
        squares += lengths[RAGGED][i] * lengths[RAGGED][i];
    n_even = (size_t)rint(pow(N_DOCUMENTS * N_WORDS, 2) / (double)squares);
    for (size_t i = 0; i < N_DOCUMENTS; i++) {
        lengths[EQUAL][i] = N_WORDS;
        lengths[EVEN][i] = (N_DOCUMENTS * N_WORDS + i) / n_even;
    }
    requests[EQUAL] = make_request(word, lengths[EQUAL], N_DOCUMENTS);
    requests[RAGGED] = make_request(word, lengths[RAGGED], N_DOCUMENTS);
    requests[EVEN] = make_request(word, lengths[EVEN], n_even);
}

/* ---- what comes of it ------------------------------------------------------------------------ */

/* Seconds of all runs, of the workers in them, and between them. */
typedef struct summary {
    double runs, busy, gaps, all;
} summary;

static summary add_up(const trial *t)
{
    summary s = {0};
    for (size_t i = 0; i < t->n_runs; i++) {
        s.runs += t->runs[i].wall * 1e-9;
        s.busy += t->runs[i].busy * 1e-9;
        s.gaps += t->runs[i].gap * 1e-9;
    }
    s.all = s.runs + s.gaps;
    return s;
}

static void print(const trial *t)
{
    summary s = add_up(t);
    printf("  %-6s  %d thread%s  %9.2f ms (request %9.2f ms), %5zu runs, idle in runs %4.1f%%, "
           "between runs %4.1f%%\n",
           t->name, t->n_threads, t->n_threads == 1 ? " " : "s", s.all * 1e3, t->quickest * 1e3,
           t->n_runs, 100 * (1 - s.busy / (s.runs * t->n_threads)), 100 * s.gaps / s.all);
}

static wn_runner *make_runner(const wn_engine *engine, int32_t n_threads)
{
    wn_runner *runner = NULL;
    wn_runner_options options = WN_RUNNER_OPTIONS_INIT;
    wn_error err;
    options.n_threads = n_threads;
    check(wn_runner_new(&runner, engine, &options, &err), &err);
    return runner;
}

static wn_engine *open_engine(const char *model, const char *dtype)
{
    wn_engine *engine = NULL;
    wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    wn_error err;
    options.model_dir = strcmp(model, "built-in") != 0 ? model : NULL;
    options.dtype = dtype;
    check(wn_engine_open(&engine, &options, &err), &err);
    return engine;
}

int main(int argc, char **argv)
{
    int32_t n_threads = argc > 3 ? atoi(argv[3]) : 2, repeats = argc > 4 ? atoi(argv[4]) : 15;
    wn_engine *engine = open_engine(argc > 1 ? argv[1] : "built-in", argc > 2 ? argv[2] : "f32");
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    wn_error err;
    check(wn_engine_get_info(engine, &info, &err), &err);
    wn_request requests[WORKLOADS];
    make_requests(requests, find_word(engine));
    wn_runner *one = make_runner(engine, 1), *several = make_runner(engine, n_threads);
    trial trials[] = {
        {.name = "equal", .request = &requests[EQUAL], .runner = one, .n_threads = 1},
        {.name = "equal", .request = &requests[EQUAL], .runner = several, .n_threads = n_threads},
        {.name = "ragged", .request = &requests[RAGGED], .runner = several, .n_threads = n_threads},
        {.name = "even", .request = &requests[EVEN], .runner = several, .n_threads = n_threads},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(trials); i++)
        if ((trials[i].runs = calloc(RUNS_MAX, sizeof(run))) == NULL)
            return 1;
    for (int32_t r = 0; r < repeats; r++)
        for (size_t i = 0; i < WN_ARRAY_LEN(trials); i++)
            measure(&trials[i]);
    printf("%s, level %s, %s, %d documents, %d words on average\n", info.model, info.cpu_level,
           info.dtype, N_DOCUMENTS, N_WORDS);
    for (size_t i = 0; i < WN_ARRAY_LEN(trials); i++)
        print(&trials[i]);
    summary a = add_up(&trials[0]), b = add_up(&trials[1]), c = add_up(&trials[2]),
            d = add_up(&trials[3]);
    printf("  1 to %d threads: %.3f times as fast; the items take %.3f of their time alone\n",
           n_threads, a.all / b.all, b.busy / a.busy);
    printf("  ragged: %.3f of the time of equal, %.3f of that of even (%zu documents of the same "
           "sums of lengths and of squares)\n",
           c.all / b.all, c.all / d.all, requests[EVEN].n_documents);
    for (size_t i = 0; i < WN_ARRAY_LEN(trials); i++)
        free(trials[i].runs);
    wn_runner_free(one);
    wn_runner_free(several);
    wn_engine_close(engine);
    return 0;
}
