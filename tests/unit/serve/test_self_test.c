/* The built-in model passes its self-test in every type that the machine's level computes in. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "serve/self_test.h"

static void the_built_in_model_passes_in_every_dtype(void **state)
{
    static const char *const dtypes[] = {"f32", "bf16", "int8", "auto"};
    wn_error err;
    (void)state;
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        wn_engine *engine;
        const wn_engine_options options = {.struct_size = sizeof options, .dtype = dtypes[i]};
        wn_status status = wn_engine_open(&engine, &options, &err);
        if (status == WN_ERR_ARGUMENT)
            continue; /* the level has no product of it */
        assert_ok(status, &err);
        wn_runner *runner = check_runner(engine, 1, 0);
        assert_ok(wn_self_test(runner, engine, &err), &err);
        wn_runner_free(runner);
        wn_engine_close(engine);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_model_passes_in_every_dtype),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
