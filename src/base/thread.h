/* How many processors this process may really use.  Thread rule: any. */
#ifndef WN_BASE_THREAD_H
#define WN_BASE_THREAD_H

#include "base/status.h"

/* The smallest of: online processors, the affinity mask, the cgroup v2 or v1 CPU quota rounded up.
 * At least 1, at most 256. */
int32_t wn_thread_count(void);

/* The quota that a cgroup file describes, rounded up: "max 100000" or "150000 100000" (v2 cpu.max).
 * 0 when there is none or the text is something else. */
int32_t wn_thread_quota_parse(wn_str text);

#endif
