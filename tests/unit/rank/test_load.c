/* Loading: what was packed is read from the file no more, and the file's pages are let go. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/defs.h"
#include "winnow.h"

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
        size_t resident = check_resident(".safetensors", &n_maps);
        assert_true(n_maps > 0);
        if (resident != 0)
            fail_msg("%s in %s: %zu bytes of its file are resident", options.model_dir,
                     options.dtype, resident);
        wn_engine_close(engine);
        assert_int_equal(check_resident(".safetensors", &n_maps), 0);
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
