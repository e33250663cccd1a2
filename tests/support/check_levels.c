/* See check_levels.h. */
#include "tests/support/check.h"
#include "tests/support/check_levels.h"

void check_levels(check_level_fn *check)
{
    size_t n;
    const char *const *names = wn_kernels_levels(&n);
    const char *only = getenv("WINNOW_TEST_LEVEL"), *reason;
    size_t n_checked = 0;
    for (size_t i = 0; i < n; i++) {
        if (only != NULL && only[0] != '\0' && strcmp(only, names[i]) != 0)
            continue;
        const wn_kernels *kernels = wn_kernels_get(names[i], &reason);
        if (kernels == NULL) {
            printf("# level %s not run: %s\n", names[i], reason);
            continue;
        }
        check(kernels);
        n_checked++;
    }
    if (n_checked == 0)
        skip();
}

void check_random(float *x, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++)
        x[i] = scale * ((float)(check_random_bits() >> 40) * 0x1p-23f - 1.0f);
}
