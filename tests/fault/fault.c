/* See fault.h. */
#include "tests/fault/fault.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#define ALLOCATIONS_MAX 1000000 /* of one operation; more means that the loop does not end */

static _Atomic long countdown; /* allocations until the failing one; 0: none fails */
static atomic_bool keep_failing;
static _Atomic int n_pauses;
static _Atomic long n_failed, n_live;

static bool fails_now(void)
{
    if (atomic_load(&n_pauses) > 0)
        return false;
    long left = atomic_load(&countdown);
    while (left > 0 && !atomic_compare_exchange_weak(&countdown, &left, left - 1)) {
    }
    bool fails =
        left == 1 || (left == 0 && atomic_load(&keep_failing) && atomic_load(&n_failed) > 0);
    if (fails) {
        atomic_fetch_add(&n_failed, 1);
        errno = ENOMEM;
    }
    return fails;
}

static void *counted(void *block)
{
    if (block != NULL)
        atomic_fetch_add(&n_live, 1);
    return block;
}

/* The linker gives these names to the real functions and to our own ones. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *block);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *block);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg);

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (fails_now())
        return NULL;
    void *block = __real_realloc(old, size);
    return old == NULL ? counted(block) : block;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails_now() ? NULL : counted(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *block)
{
    if (block != NULL)
        atomic_fetch_sub(&n_live, 1);
    __real_free(block);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg)
{
    return fails_now() ? EAGAIN : __real_pthread_create(thread, attributes, run, arg);
}

typedef enum verdict { SUCCEEDED, FAILED_WELL, PROBLEM } verdict;

/* One run with the n-th allocation failing. */
static verdict run_once(char *why, size_t why_size, fault_operation *operation, void *arg, long n,
                        bool all_after)
{
    wn_error err = {0};
    long live = atomic_load(&n_live);
    atomic_store(&n_failed, 0);
    atomic_store(&keep_failing, all_after);
    atomic_store(&countdown, n);
    wn_status status = operation(arg, &err);
    atomic_store(&countdown, 0);
    atomic_store(&keep_failing, false);
    bool failed = atomic_load(&n_failed) > 0;
    long n_left = atomic_load(&n_live) - live;
    const char *which = all_after ? "and all after it fail" : "fails";
    wn_status want = failed ? WN_ERR_MEMORY : WN_OK;
    if (status != want || (failed && (err.status != want || err.message[0] == '\0'))) {
        snprintf(why, why_size, "allocation %ld %s: got %s with the error %s '%s', expected %s", n,
                 which, wn_status_name(status), wn_status_name(err.status), err.message,
                 wn_status_name(want));
        return PROBLEM;
    }
    if (n_left != 0) {
        snprintf(why, why_size, "allocation %ld %s: %ld blocks are left", n, which, n_left);
        return PROBLEM;
    }
    return failed ? FAILED_WELL : SUCCEEDED;
}

long fault_loop(char *why, size_t why_size, fault_operation *operation, void *arg)
{
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
    for (long n = 1; n <= ALLOCATIONS_MAX; n++) {
        verdict result = run_once(why, why_size, operation, arg, n, false);
        if (result == FAILED_WELL)
            result = run_once(why, why_size, operation, arg, n, true);
        if (result != FAILED_WELL)
            return result == SUCCEEDED ? n - 1 : -1;
    }
    snprintf(why, why_size, "more than %d allocations", ALLOCATIONS_MAX);
    return -1;
}

void fault_each_allocation(const char *name, fault_operation *operation, void *arg)
{
    char why[1024] = "it allocates nothing";
    long n = fault_loop(why, sizeof why, operation, arg);
    if (n <= 0)
        fail_msg("%s: %s", name, why);
    print_message("# %s: each of %ld allocations failed, alone and with all after it\n", name, n);
}

void fault_pause(void)
{
    atomic_fetch_add(&n_pauses, 1);
}

void fault_resume(void)
{
    atomic_fetch_sub(&n_pauses, 1);
}
