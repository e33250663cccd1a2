/* Engines and runners for tests; a failure to make one fails the test.
 * Thread rule: test thread only. */
#ifndef WN_TESTS_CHECK_ENGINE_H
#define WN_TESTS_CHECK_ENGINE_H

#include "winnow.h"

/* The model of a directory (NULL: the built-in one) on a CPU level (NULL: the best). */
wn_engine *check_engine(const char *model_dir, const char *cpu_level);

/* A runner; 0 threads or tokens: the default. */
wn_runner *check_runner(const wn_engine *engine, int32_t n_threads, int32_t batch_tokens);

/* A request with the default options. */
wn_request check_request(wn_str query, const wn_str *documents, size_t n);

/* Resident bytes of this process in mapped files whose names end so, and how many such maps. */
size_t check_resident(const char *ending, size_t *n_maps);

#endif
