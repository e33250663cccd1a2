/* Rank texts with the built-in model, as a program outside of this repository would:
 *
 *     cc rank.c $(pkg-config --cflags --libs winnow) -o rank
 *     ./rank "how do plants make food" "Photosynthesis turns light into sugar." "Trains run late."
 */
#include <winnow.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static wn_str text(const char *s)
{
    return (wn_str){s, strlen(s)};
}

/* Open the model, score the documents, print them from the best to the worst. */
static wn_status rank(const char *query, char **documents, size_t n_documents, wn_error *err)
{
    wn_engine_options engine_options = WN_ENGINE_OPTIONS_INIT;
    wn_runner_options runner_options = WN_RUNNER_OPTIONS_INIT;
    wn_request request = WN_REQUEST_INIT;
    wn_engine *engine = NULL;
    wn_runner *runner = NULL;
    wn_job *job = NULL;

    wn_str *texts = calloc(n_documents, sizeof *texts);
    if (texts == NULL)
        abort();
    for (size_t i = 0; i < n_documents; i++)
        texts[i] = text(documents[i]);
    request.query = text(query);
    request.documents = texts;
    request.n_documents = n_documents;

    wn_status status = wn_engine_open(&engine, &engine_options, err);
    if (status == WN_OK)
        status = wn_runner_new(&runner, engine, &runner_options, err);
    if (status == WN_OK)
        status = wn_rank(&job, runner, &request, err);
    if (status == WN_OK) {
        size_t n;
        const wn_result *results = wn_job_results(job, &n);
        for (size_t i = 0; i < n; i++)
            printf("%.4f  %s\n", results[i].relevance_score, documents[results[i].index]);
    }
    wn_job_free(job);
    wn_runner_free(runner);
    wn_engine_close(engine);
    free(texts);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s QUERY DOCUMENT...\n", argv[0]);
        return 2;
    }
    wn_error err;
    if (rank(argv[1], argv + 2, (size_t)argc - 2, &err) != WN_OK) {
        fprintf(stderr, "%s: %s\n", wn_status_name(err.status), err.message);
        return 1;
    }
    return 0;
}
