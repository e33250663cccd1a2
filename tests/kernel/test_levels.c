/* The choice of a level: by what the processor and the system say, by name, the best by default. */
#include "tests/support/check.h"

#include "kernel/cpu.h"
#include "kernel/kernel.h"

static void the_best_level_of_the_machine_is_the_default(void **state)
{
    size_t n, best = 0;
    const char *reason, *const *names = wn_kernels_levels(&n);
    (void)state;
    for (size_t i = 0; i < n; i++)
        best = wn_kernels_get(names[i], &reason) != NULL ? i : best;
    const wn_kernels *kernels = wn_kernels_get(NULL, &reason);
    assert_non_null(kernels);
    assert_string_equal(kernels->level, names[best]);
    const char *expected = getenv("WINNOW_TEST_BEST"); /* of a machine whose level is known */
    assert_string_equal(kernels->level, expected != NULL ? expected : names[best]);
    assert_int_equal(reason[0] != '\0', best + 1 < n);
}

static void a_level_is_found_by_name_or_says_why_not(void **state)
{
    size_t n;
    const char *reason, *const *names = wn_kernels_levels(&n);
    (void)state;
    assert_string_equal(names[0], "scalar");
    for (size_t i = 0; i < n; i++) {
        const wn_kernels *kernels = wn_kernels_get(names[i], &reason);
        if (kernels != NULL)
            assert_string_equal(kernels->level, names[i]);
        else
            assert_true(strlen(reason) > 0);
    }
    assert_null(wn_kernels_get("avx1024", &reason));
    assert_string_equal(reason, "no level of this name");
    assert_null(wn_kernels_get("", &reason));
}

/* A product that a level has is whole; its panels are a power of two wide. */
static void check_gemm(const wn_gemm *gemm, wn_dtype dtype)
{
    if (gemm == NULL)
        return;
    assert_int_equal(gemm->dtype, dtype);
    assert_true(gemm->nr > 0 && gemm->mr > 0 && gemm->k_step > 0);
    assert_int_equal(gemm->nr & (gemm->nr - 1), 0);
    assert_int_equal(gemm->k_step & (gemm->k_step - 1), 0);
    assert_true(gemm->pack && gemm->pack_t && gemm->take_rows && gemm->multiply);
    assert_true(dtype == WN_DTYPE_I8 ? gemm->limit == 127 || gemm->limit == 63 : gemm->limit == 0);
}

static void every_table_is_complete(void **state)
{
    size_t n;
    const char *reason, *const *names = wn_kernels_levels(&n);
    (void)state;
    for (size_t i = 0; i < n; i++) {
        const wn_kernels *k = wn_kernels_get(names[i], &reason);
        if (k == NULL)
            continue;
        check_gemm(k->gemm_f32, WN_DTYPE_F32);
        check_gemm(k->gemm_bf16, WN_DTYPE_BF16);
        check_gemm(k->gemm_i8, WN_DTYPE_I8);
        assert_true(k->gemm_f32 && k->norm_f32 && k->softmax_f32);
        assert_true(k->act_f32 && k->add_row && k->normalize_f32 && k->max_rows);
    }
}

#if defined(__x86_64__)
static void a_feature_counts_only_when_the_system_saves_its_registers(void **state)
{
    (void)state;
    const uint32_t avx2 = WN_CPU_AVX2, wide = WN_CPU_AVX512F | WN_CPU_AVX512DQ | WN_CPU_AVX512BW;
    wn_cpuid id = {.leaf1_ecx = 1u << 12 | 1u << 29, .leaf7_ebx = 1u << 5};
    assert_int_equal(wn_cpu_decode(&id), WN_CPU_FMA | WN_CPU_F16C | avx2);
    id.xcr0 = 0x7;
    assert_int_equal(wn_cpu_decode(&id), WN_CPU_OS_YMM | WN_CPU_FMA | WN_CPU_F16C | avx2);
    id.leaf7_ebx |= 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    assert_int_equal(wn_cpu_decode(&id) & WN_CPU_OS_ZMM, 0);
    assert_int_equal(wn_cpu_decode(&id) & wide, wide);
    id.xcr0 = 0x67; /* the upper sixteen registers are not saved */
    assert_int_equal(wn_cpu_decode(&id) & WN_CPU_OS_ZMM, 0);
    id.xcr0 = 0xE7;
    assert_int_equal(wn_cpu_decode(&id) & WN_CPU_OS_ZMM, WN_CPU_OS_ZMM);
    assert_int_equal(wn_cpu_decode(&(wn_cpuid){0}), 0);
}
#elif defined(__aarch64__)
static void features_are_the_words_of_the_auxiliary_vector(void **state)
{
    (void)state;
    const uint64_t asimd = 1u << 1, dotprod = 1u << 20, i8mm = 1u << 13, bf16 = 1u << 14;
    assert_int_equal(wn_cpu_decode(0, 0), 0);
    assert_int_equal(wn_cpu_decode(asimd, 0), WN_CPU_NEON);
    assert_int_equal(wn_cpu_decode(asimd | dotprod, 0), WN_CPU_NEON | WN_CPU_DOTPROD);
    assert_int_equal(wn_cpu_decode(0, i8mm), WN_CPU_I8MM);
    assert_int_equal(wn_cpu_decode(0, bf16), WN_CPU_ARM_BF16);
    assert_int_equal(wn_cpu_decode(i8mm | bf16, asimd | dotprod), 0);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_level_of_the_machine_is_the_default),
        cmocka_unit_test(a_level_is_found_by_name_or_says_why_not),
        cmocka_unit_test(every_table_is_complete),
#if defined(__x86_64__)
        cmocka_unit_test(a_feature_counts_only_when_the_system_saves_its_registers),
#elif defined(__aarch64__)
        cmocka_unit_test(features_are_the_words_of_the_auxiliary_vector),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
