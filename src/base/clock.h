/* Monotonic time.  Only shells read it; pure modules take the time as an argument.
 * Thread rule: any. */
#ifndef WN_BASE_CLOCK_H
#define WN_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds since an arbitrary start, never going back. */
uint64_t wn_clock_ns(void);

/* Nanoseconds of processor time that this thread has had. */
uint64_t wn_clock_thread_ns(void);

#endif
