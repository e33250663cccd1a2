/* What a decoder saves by reading once what all sequences of a request begin with, prompt and
 * query: requests of documents of several lengths, each as it is and with its beginning read for
 * every document, in turns.  Jobs are made before; the time is that of wn_run().  The logits of the
 * two must be the same in f32.
 * Usage: prefix MODEL [DTYPE [DOCUMENTS [ROUNDS [THREADS]]]] */
#include "base/clock.h"
#include "base/str.h"
#include "rank/job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DOCUMENTS_MAX = 1000, ROUNDS_MAX = 99, TEXT_MAX = 8192 };

static const char *const words[] = {"balan", "cemer", "dinis", "fotok", "guvel", "lazun"};
static const size_t lengths[] = {40, 128}; /* words of a document */

static wn_request request = WN_REQUEST_INIT;
static wn_str documents[DOCUMENTS_MAX];

static void check(wn_status status, const wn_error *err)
{
    if (status == WN_OK)
        return;
    fprintf(stderr, "prefix: %s\n", err->message);
    exit(1);
}

/* Documents of so many words, no two alike. */
static void make_request(size_t n_words, size_t n_documents)
{
    static char texts[DOCUMENTS_MAX][TEXT_MAX];
    for (size_t i = 0; i < n_documents; i++) {
        size_t at = 0;
        for (size_t j = 0; j < n_words; j++) {
            size_t word = (j < 8 ? i >> j : i + j * j) % WN_ARRAY_LEN(words);
            at += (size_t)snprintf(texts[i] + at, TEXT_MAX - at, "%s ", words[word]);
        }
        documents[i] = (wn_str){texts[i], at - 1};
    }
    request.query = wn_str_from("lazun guvel fotok dinis cemer balan balan cemer");
    request.documents = documents;
    request.n_documents = n_documents;
}

/* Seconds of one run, and the logits by document. */
static double run(wn_runner *runner, wn_job *job, float *logits)
{
    wn_error err;
    uint64_t start = wn_clock_ns();
    check(wn_run(runner, &job, 1, &err), &err);
    double seconds = (double)(wn_clock_ns() - start) * 1e-9;
    size_t n;
    const wn_result *results = wn_job_results(job, &n);
    for (size_t i = 0; i < n; i++)
        logits[results[i].index] = results[i].logit;
    return seconds;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare);
    return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void measure(wn_runner *runner, size_t n_words, size_t rounds)
{
    static float logits[2][DOCUMENTS_MAX];
    double seconds[2][ROUNDS_MAX], ratios[ROUNDS_MAX];
    wn_job *once, *each;
    wn_error err;
    check(wn_job_new(&once, runner, &request, &err), &err);
    check(wn_job_new(&each, runner, &request, &err), &err);
    size_t n_past = once->n_past, n_row = wn_job_row_length(once, &once->rows[0]);
    if (n_past == 0) {
        fprintf(stderr, "prefix: this model's sequences have no beginning that is read once\n");
        exit(1);
    }
    each->n_past = 0;
    for (size_t r = 0; r < rounds; r++) {
        seconds[0][r] = run(runner, once, logits[0]);
        seconds[1][r] = run(runner, each, logits[1]);
        ratios[r] = seconds[1][r] / seconds[0][r];
    }
    double differs = 0;
    for (size_t i = 0; i < request.n_documents; i++)
        differs = fmax(differs, fabs((double)logits[0][i] - (double)logits[1][i]));
    printf("  %5zu %9zu %11zu %9.3f s %9.3f s %9.2f %12.1e\n", n_words, n_past, n_row,
           median(seconds[0], rounds), median(seconds[1], rounds), median(ratios, rounds), differs);
    wn_job_free(once);
    wn_job_free(each);
}

static size_t number(int argc, char **argv, int at, size_t otherwise, size_t most)
{
    size_t n = argc > at ? strtoul(argv[at], NULL, 10) : otherwise;
    if (n >= 1 && n <= most)
        return n;
    fprintf(stderr, "prefix: argument %d: expected 1..%zu\n", at, most);
    exit(2);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: prefix MODEL [DTYPE [DOCUMENTS [ROUNDS [THREADS]]]]\n");
        return 2;
    }
    size_t n_documents = number(argc, argv, 3, 100, DOCUMENTS_MAX);
    size_t rounds = number(argc, argv, 4, 3, ROUNDS_MAX);
    wn_engine_options engine_options = WN_ENGINE_OPTIONS_INIT;
    wn_runner_options runner_options = WN_RUNNER_OPTIONS_INIT;
    wn_engine *engine;
    wn_runner *runner;
    wn_error err;
    engine_options.model_dir = argv[1];
    engine_options.dtype = argc > 2 ? argv[2] : "f32";
    runner_options.n_threads = (int32_t)number(argc, argv, 5, 2, 64);
    check(wn_engine_open(&engine, &engine_options, &err), &err);
    check(wn_runner_new(&runner, engine, &runner_options, &err), &err);
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    check(wn_engine_get_info(engine, &info, &err), &err);
    printf("%s, level %s, %s, %d layers of %d, %zu documents, %d threads, medians of %zu rounds\n",
           info.family, info.cpu_level, info.dtype, info.n_layers, info.hidden, n_documents,
           runner_options.n_threads, rounds);
    printf("  words read once of a row of  once   for each    faster      differs\n");
    for (size_t i = 0; i < WN_ARRAY_LEN(lengths); i++) {
        make_request(lengths[i], n_documents);
        measure(runner, lengths[i], rounds);
    }
    wn_runner_free(runner);
    wn_engine_close(engine);
    return 0;
}
