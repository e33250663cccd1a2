/* Load a model once and print, as JSON, how long it took and what memory the process then has.
 * bench/load_time.py runs this beside reading the files.
 *   load_time DIR|built-in auto|f32|bf16|int8 THREADS */
#include "base/clock.h"
#include "base/process.h"
#include "winnow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const wn_error *err)
{
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

int main(int argc, char **argv)
{
    wn_engine *engine = NULL;
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    wn_error err;
    if (argc != 4) {
        fprintf(stderr, "load_time DIR|built-in auto|f32|bf16|int8 THREADS\n");
        return 2;
    }
    options.model_dir = strcmp(argv[1], "built-in") == 0 ? NULL : argv[1];
    options.dtype = argv[2];
    options.n_threads = atoi(argv[3]);
    wn_process_facts before = wn_process_look();
    uint64_t began = wn_clock_ns();
    if (wn_engine_open(&engine, &options, &err) != WN_OK)
        fail(&err);
    double seconds = (double)(wn_clock_ns() - began) * 1e-9;
    wn_process_facts after = wn_process_look();
    if (wn_engine_get_info(engine, &info, &err) != WN_OK)
        fail(&err);
    printf("{\"seconds\": %.6f, \"cpu_seconds\": %.6f, \"dtype\": \"%s\", \"cpu_level\": \"%s\", "
           "\"weight_bytes\": %zu, \"mapped_bytes\": %zu, \"empty_bytes\": %llu, "
           "\"resident_bytes\": %llu, \"peak_bytes\": %llu}\n",
           seconds, after.cpu_seconds - before.cpu_seconds, info.dtype, info.cpu_level,
           info.weight_bytes, info.mapped_bytes, (unsigned long long)before.resident_bytes,
           (unsigned long long)after.resident_bytes, (unsigned long long)wn_process_peak_bytes());
    wn_engine_close(engine);
    return 0;
}
