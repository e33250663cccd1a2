/* The part of cmocka that the kernel tests use, for a machine that has a C library and no cmocka:
 * the functions behind its macros, as cmocka.h declares them.  Prints TAP; a test ends at its first
 * failure or skip.
 * Thread rule: test thread only. */
#include "tests/support/check.h"

typedef enum verdict { PASSED = 0, FAILED, SKIPPED } verdict; /* what setjmp() returns */

static jmp_buf leave;

static _Noreturn void end_test(verdict v)
{
    longjmp(leave, (int)v);
}

void print_error(const char *const format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("# ", stdout);
    vprintf(format, args);
    va_end(args);
}

void _fail(const char *const file, const int line)
{
    print_error("%s:%d: failed\n", file, line);
    end_test(FAILED);
}

void _skip(const char *const file, const int line)
{
    (void)file;
    (void)line;
    end_test(SKIPPED);
}

void _assert_true(const LargestIntegralType result, const char *const expression,
                  const char *const file, const int line)
{
    if (result == 0) {
        print_error("not true: %s\n", expression);
        _fail(file, line);
    }
}

void _assert_int_equal(const LargestIntegralType a, const LargestIntegralType b,
                       const char *const file, const int line)
{
    if (a != b) {
        print_error("%llu != %llu\n", (unsigned long long)a, (unsigned long long)b);
        _fail(file, line);
    }
}

void _assert_string_equal(const char *const a, const char *const b, const char *const file,
                          const int line)
{
    if (strcmp(a, b) != 0) {
        print_error("\"%s\" != \"%s\"\n", a, b);
        _fail(file, line);
    }
}

void _assert_memory_equal(const void *const a, const void *const b, const size_t size,
                          const char *const file, const int line)
{
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < size; i++) {
        if (x[i] != y[i]) {
            print_error("byte %zu of %zu: %02x != %02x\n", i, size, x[i], y[i]);
            _fail(file, line);
        }
    }
}

static verdict verdict_of(const struct CMUnitTest *test)
{
    void *state = NULL;
    switch (setjmp(leave)) {
    case PASSED:
        test->test_func(&state);
        return PASSED;
    case SKIPPED:
        return SKIPPED;
    default:
        return FAILED;
    }
}

int _cmocka_run_group_tests(const char *group_name, const struct CMUnitTest *const tests,
                            const size_t num_tests, CMFixtureFunction group_setup,
                            CMFixtureFunction group_teardown)
{
    (void)group_name;
    int n_failed = 0;
    if (group_setup != NULL || group_teardown != NULL) {
        print_error("fixtures are not supported\n");
        return 1;
    }
    printf("1..%zu\n", num_tests);
    for (size_t i = 0; i < num_tests; i++) {
        verdict v = verdict_of(&tests[i]);
        printf("%s %zu - %s%s\n", v == FAILED ? "not ok" : "ok", i + 1, tests[i].name,
               v == SKIPPED ? " # SKIP" : "");
        fflush(stdout);
        n_failed += v == FAILED;
    }
    return n_failed;
}
