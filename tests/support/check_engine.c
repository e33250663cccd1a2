/* See check_engine.h. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

wn_engine *check_engine(const char *model_dir, const char *cpu_level)
{
    wn_engine *engine = NULL;
    wn_error err;
    wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    options.model_dir = model_dir;
    options.cpu_level = cpu_level;
    assert_ok(wn_engine_open(&engine, &options, &err), &err);
    return engine;
}

wn_runner *check_runner(const wn_engine *engine, int32_t n_threads, int32_t batch_tokens)
{
    wn_runner *runner = NULL;
    wn_error err;
    wn_runner_options options = WN_RUNNER_OPTIONS_INIT;
    options.n_threads = n_threads;
    options.batch_tokens = batch_tokens;
    assert_ok(wn_runner_new(&runner, engine, &options, &err), &err);
    return runner;
}

wn_request check_request(wn_str query, const wn_str *documents, size_t n)
{
    wn_request request = WN_REQUEST_INIT;
    request.query = query;
    request.documents = documents;
    request.n_documents = n;
    return request;
}

size_t check_resident(const char *ending, size_t *n_maps)
{
    char line[4096];
    size_t bytes = 0, kib, from, to, len = strlen(ending);
    bool inside = false;
    FILE *file = fopen("/proc/self/smaps", "re");
    assert_non_null(file);
    *n_maps = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        size_t end = strcspn(line, "\n");
        line[end] = '\0';
        if (sscanf(line, "%zx-%zx ", &from, &to) == 2) {
            inside = end >= len && strcmp(line + end - len, ending) == 0;
            *n_maps += inside;
        } else if (inside && sscanf(line, "Rss: %zu kB", &kib) == 1) {
            bytes += kib * 1024;
        }
    }
    fclose(file);
    return bytes;
}
