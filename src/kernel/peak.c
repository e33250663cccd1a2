/* See peak.h. */
#include "kernel/peak.h"

#include "kernel/cpu.h"

#include <string.h>

bool wn_peak_runs(const wn_peak *peak)
{
    return (peak->needs & ~wn_cpu_features()) == 0;
}

const wn_peak *wn_peak_of(const char *level, wn_dtype dtype)
{
    size_t n;
    const wn_peak *peaks = wn_peaks(&n), *found = NULL;
    bool reached = false;
    for (size_t i = 0; i < n; i++) {
        bool own = strcmp(peaks[i].level, level) == 0;
        if (reached && !own)
            break;
        reached |= own;
        if (peaks[i].dtype == dtype && wn_peak_runs(&peaks[i]))
            found = &peaks[i];
    }
    return reached ? found : NULL;
}
