/* See fingerprint.h. */
#include "rank/fingerprint.h"
#include "base/hash.h"

#define WHOLE_BYTES  4096 /* a tensor of at most so many is read whole */
#define SAMPLE_BYTES 1024

uint64_t wn_fingerprint_file(uint64_t fingerprint, wn_str bytes)
{
    bool there = bytes.ptr != NULL;
    fingerprint = wn_hash_bytes(fingerprint, &there, sizeof there);
    return wn_hash_bytes(fingerprint, bytes.ptr, bytes.len);
}

static uint64_t add_tensor(uint64_t fingerprint, const wn_tensor_view *t)
{
    fingerprint = wn_hash_bytes(fingerprint, t->name.ptr, t->name.len);
    fingerprint = wn_hash_bytes(fingerprint, &t->dtype, sizeof t->dtype);
    fingerprint = wn_hash_bytes(fingerprint, t->dims, t->n_dims * sizeof *t->dims);
    if (t->bytes <= WHOLE_BYTES)
        return wn_hash_bytes(fingerprint, t->data, t->bytes);
    size_t last = t->bytes - SAMPLE_BYTES;
    fingerprint = wn_hash_bytes(fingerprint, t->data, SAMPLE_BYTES);
    fingerprint = wn_hash_bytes(fingerprint, t->data + last / 2, SAMPLE_BYTES);
    return wn_hash_bytes(fingerprint, t->data + last, SAMPLE_BYTES);
}

uint64_t wn_fingerprint_tensors(uint64_t fingerprint, const wn_tensors *set)
{
    for (size_t i = 0; i < wn_tensors_count(set); i++) {
        const wn_tensor_view *view = wn_tensors_at(set, i);
        fingerprint = add_tensor(fingerprint, view);
        wn_tensors_release(set, view);
    }
    wn_tensors_release(set, NULL);
    return fingerprint;
}
