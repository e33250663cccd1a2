/* See machine.h. */
#define _GNU_SOURCE /* _SC_LEVEL3_CACHE_SIZE */
#include "bench/machine.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WN_WHERE       "bench/machine"
#define RUNS           25
#define RUN_NS         5000000 /* long beside the start of a thread, short beside a time slice */
#define READ_BYTES_MIN ((size_t)128 << 20)
#define READ_BYTES_MAX ((size_t)1 << 30)

/* ---- arithmetic ------------------------------------------------------------------------------ */

typedef struct compute_run {
    const wn_peak *peak;
    uint64_t turns;
} compute_run;

static void compute(void *arg, size_t item, int32_t worker)
{
    const compute_run *run = arg;
    (void)item;
    (void)worker;
    run->peak->run(run->turns);
}

/* Nanoseconds of one run on all threads. */
static uint64_t time_pool(wn_pool *pool, wn_pool_fn *fn, void *arg)
{
    int32_t n_threads = wn_pool_n_threads(pool);
    uint64_t (*clock_ns)(void) = n_threads == 1 ? wn_clock_thread_ns : wn_clock_ns;
    uint64_t start_ns = clock_ns();
    wn_pool_run(pool, (size_t)n_threads, fn, arg);
    return WN_MAX(clock_ns() - start_ns, 1);
}

double wn_machine_compute(const wn_peak *peak, wn_pool *pool)
{
    compute_run run = {peak, 1 << 12};
    while (time_pool(NULL, compute, &run) < RUN_NS)
        run.turns *= 2;
    double ops = (double)wn_pool_n_threads(pool) * (double)run.turns * peak->ops, best = 0;
    for (int i = 0; i < RUNS; i++) {
        double rate = ops / (double)time_pool(pool, compute, &run) * 1e9;
        best = WN_MAX(best, rate);
    }
    return best;
}

double wn_machine_peak(const char *level, const char *dtype, wn_pool *pool)
{
    const wn_peak *peak = NULL;
    for (wn_dtype d = WN_DTYPE_F32; d < WN_DTYPE_OTHER && peak == NULL; d++)
        if (strcmp(wn_dtype_name(d), dtype) == 0)
            peak = wn_peak_of(level, d);
    return peak != NULL ? wn_machine_compute(peak, pool) : 0;
}

/* ---- memory ---------------------------------------------------------------------------------- */

typedef struct read_run {
    const uint64_t *words;
    size_t n_each;  /* words of a thread */
    uint64_t *sums; /* [threads]; kept, so that the reads are */
} read_run;

static void read_words(void *arg, size_t item, int32_t worker)
{
    enum { LANES = 8 }; /* a cache line a turn */
    const read_run *run = arg;
    const uint64_t *words = run->words + item * run->n_each;
    uint64_t sums[LANES] = {0};
    (void)worker;
    for (size_t i = 0; i < run->n_each; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++)
            sums[lane] += words[i + lane];
    for (size_t lane = 1; lane < LANES; lane++)
        sums[0] ^= sums[lane];
    run->sums[item] = sums[0];
}

/* Four times the last cache, within reason. */
static size_t buffer_bytes(void)
{
    long cache = 0;
#ifdef _SC_LEVEL3_CACHE_SIZE
    cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
    size_t bytes = cache > 0 ? (size_t)cache * 4 : READ_BYTES_MIN;
    return WN_MIN(WN_MAX(bytes, READ_BYTES_MIN), READ_BYTES_MAX);
}

wn_status wn_machine_read(double *out, wn_pool *pool, wn_error *err)
{
    size_t n_threads = (size_t)wn_pool_n_threads(pool), bytes = buffer_bytes();
    uint64_t *words = wn_mem_aligned(bytes);
    uint64_t sums[WN_POOL_THREADS_MAX];
    if (words == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory to read: %zu bytes", bytes);
    memset(words, 1, bytes); /* a page that was never written is one page of zeros */
    read_run run = {words, bytes / WN_ALIGN / n_threads * (WN_ALIGN / sizeof *words), sums};
    double best = 0;
    for (int i = 0; i < RUNS; i++) {
        double read_bytes = (double)(n_threads * run.n_each * sizeof *words);
        double rate = read_bytes / (double)time_pool(pool, read_words, &run) * 1e9;
        best = WN_MAX(best, rate);
    }
    wn_mem_free(words);
    *out = best;
    return WN_OK;
}

/* ---- the name -------------------------------------------------------------------------------- */

void wn_machine_name(char *out, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(out, size, "unknown");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *value = strchr(line, ':');
        if (value == NULL || strncmp(line, "model name", strlen("model name")) != 0)
            continue;
        value += 1 + strspn(value + 1, " ");
        snprintf(out, size, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    if (file != NULL)
        fclose(file);
}
