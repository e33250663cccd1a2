/* What the system says about this process.  Thread rule: any. */
#ifndef WN_BASE_PROCESS_H
#define WN_BASE_PROCESS_H

#include "base/defs.h"

typedef struct wn_process_facts {
    uint64_t resident_bytes;
    uint32_t open_files, threads;
    double cpu_seconds; /* user and system */
} wn_process_facts;

/* How much memory this process may have: the least of the machine's and the limits of its control
 * groups. */
uint64_t wn_process_memory_bytes(void);

/* The most memory that this process has had at once; 0 when it cannot be read. */
uint64_t wn_process_peak_bytes(void);

/* Facts of now; what cannot be read is 0. */
wn_process_facts wn_process_look(void);

#endif
