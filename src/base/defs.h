/* Words that every layer uses: assertion, size arithmetic that cannot wrap, small macros.
 * Includes only freestanding headers, so that kernel/ may include it.  Thread rule: any. */
#ifndef WN_BASE_DEFS_H
#define WN_BASE_DEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WN_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define WN_MIN(a, b)    ((a) < (b) ? (a) : (b))
#define WN_MAX(a, b)    ((a) > (b) ? (a) : (b))
#define WN_ALIGN        64 /* bytes; alignment of every tensor, a cache line */
#define WN_PRINTF(f, a) __attribute__((format(printf, f, a)))
/* The struct whose member ptr points to. */
#define WN_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* For our own mistakes only; on in release builds.  Input is never a reason to assert. */
#define WN_ASSERT(cond) ((cond) ? (void)0 : wn_assert_fail(#cond, __FILE__, __LINE__))
_Noreturn void wn_assert_fail(const char *cond, const char *file, int line);

/* *out = a + b; false when it would wrap. */
static inline bool wn_add_size(size_t *out, size_t a, size_t b)
{
    return !__builtin_add_overflow(a, b, out);
}

/* *out = a * b; false when it would wrap. */
static inline bool wn_mul_size(size_t *out, size_t a, size_t b)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* Tell the core that a loop is waiting. */
static inline void wn_cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* n rounded up to a multiple of to (a power of two); n + to must not wrap. */
static inline size_t wn_round_up(size_t n, size_t to)
{
    return (n + to - 1) & ~(to - 1);
}

#endif
