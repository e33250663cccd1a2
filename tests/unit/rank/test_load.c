/* Loading: what was packed is read from the file no more, and the file's pages are let go. */
#include "tests/support/check.h"

#include "base/defs.h"
#include "winnow.h"

#include <stdio.h>
#include <string.h>

/* Resident bytes of this process in mapped files whose names end so, and how many of them. */
static size_t resident_of(const char *ending, size_t *n_maps)
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

static void pages_of_the_file_are_let_go(void **state)
{
    (void)state;
    static const char *const models[] = {"tests/golden/models/bert",
                                         "tests/golden/models/bert-sharded",
                                         "tests/golden/models/colbert"};
    static const char *const names[] = {"f32", "auto"};
    for (size_t i = 0; i < WN_ARRAY_LEN(models) * WN_ARRAY_LEN(names); i++) {
        wn_engine *engine = NULL;
        wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
        wn_error err;
        size_t n_maps;
        options.model_dir = models[i / WN_ARRAY_LEN(names)];
        options.dtype = names[i % WN_ARRAY_LEN(names)];
        options.n_threads = (int32_t)(1 + i % 3);
        assert_ok(wn_engine_open(&engine, &options, &err), &err);
        size_t resident = resident_of(".safetensors", &n_maps);
        assert_true(n_maps > 0);
        if (resident != 0)
            fail_msg("%s in %s: %zu bytes of its file are resident", options.model_dir,
                     options.dtype, resident);
        wn_engine_close(engine);
        assert_int_equal(resident_of(".safetensors", &n_maps), 0);
        assert_int_equal(n_maps, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_of_the_file_are_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
