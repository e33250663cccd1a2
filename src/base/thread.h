/* Threads of our own, and how many processors this process may really use.  Thread rule: any. */
#ifndef WN_BASE_THREAD_H
#define WN_BASE_THREAD_H

#include "base/status.h"

/* The smallest of: online processors, the affinity mask, the cgroup v2 or v1 CPU quota rounded up.
 * At least 1, at most 256. */
int32_t wn_thread_count(void);

/* The quota that a cgroup file describes, rounded up: "max 100000" or "150000 100000" (v2 cpu.max).
 * 0 when there is none or the text is something else. */
int32_t wn_thread_quota_parse(wn_str text);

typedef struct wn_thread wn_thread;

/* Start a thread that runs fn(arg) with all signals blocked; name (at most 15 bytes) is what tools
 * of the system show.
 * Fails:   WN_ERR_MEMORY when memory is short or the system gives no more threads.
 * Owns:    caller ends it with wn_thread_join(). */
WN_MUST_USE wn_status wn_thread_start(wn_thread **out, const char *name, void (*fn)(void *arg),
                                      void *arg, wn_error *err);

/* Wait until the thread has returned, and free it; NULL is allowed. */
void wn_thread_join(wn_thread *thread);

#endif
