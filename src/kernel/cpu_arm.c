/* Every architecture but x86-64: the scalar level is the only one so far, so there is nothing to
 * ask for. */
#include "kernel/cpu.h"

#if !defined(__x86_64__)

uint32_t wn_cpu_features(void)
{
    return 0;
}

size_t wn_cpu_l2_bytes(void)
{
    return (size_t)1 << 20;
}

#endif
