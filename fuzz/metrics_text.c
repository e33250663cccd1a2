/* What a server tells Prometheus: whatever it is, samples are slices of it, and it ends. */
#include "cli/exposition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_within(wn_str inner, wn_str outer)
{
    return inner.len == 0 ||
           (inner.ptr >= outer.ptr && inner.ptr + inner.len <= outer.ptr + outer.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn_str whole = {(const char *)data, size}, rest = whole;
    wn_sample sample;
    while (wn_exposition_next(&rest, &sample)) {
        WN_ASSERT(sample.name.len > 0 && is_within(sample.name, whole));
        WN_ASSERT(is_within(sample.labels, whole) &&
                  is_within(wn_sample_label(&sample, "le"), sample.labels));
    }
    WN_ASSERT(rest.len == 0);
    return 0;
}
