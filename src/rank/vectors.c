/* See vectors.h.  In 8 bits a vector is its scale as f32, then its components divided by the scale
 * and rounded; the largest one becomes 127. */
#include "rank/vectors.h"

#include <math.h>
#include <string.h>

#define INT8_MOST 127

size_t wn_vectors_bytes(wn_vector_format format, size_t n, size_t dim)
{
    return n * (format == WN_VECTOR_INT8 ? sizeof(float) + dim : dim * sizeof(float));
}

static float scale_of(const float *v, size_t dim)
{
    float most = 0;
    for (size_t j = 0; j < dim; j++)
        most = fmaxf(most, fabsf(v[j]));
    return most / INT8_MOST;
}

/* Returns where the next vector goes; out may be NULL. */
static unsigned char *round_vector(unsigned char *out, float *v, size_t dim)
{
    float scale = scale_of(v, dim), per = scale > 0 ? 1 / scale : 0;
    if (out != NULL)
        memcpy(out, &scale, sizeof scale);
    for (size_t j = 0; j < dim; j++) {
        long q = lrintf(v[j] * per);
        if (out != NULL)
            out[sizeof scale + j] = (unsigned char)(int8_t)q;
        v[j] = (float)q * scale;
    }
    return out == NULL ? NULL : out + sizeof scale + dim;
}

void wn_vectors_keep(void *out, wn_vector_format format, float *v, size_t n, size_t dim)
{
    unsigned char *to = out;
    if (format == WN_VECTOR_INT8) {
        for (size_t i = 0; i < n; i++)
            to = round_vector(to, v + i * dim, dim);
    } else if (to != NULL) {
        memcpy(to, v, wn_vectors_bytes(format, n, dim));
    }
}

void wn_vectors_load(float *v, const void *in, wn_vector_format format, size_t n, size_t dim)
{
    const unsigned char *from = in;
    if (format != WN_VECTOR_INT8) {
        memcpy(v, from, wn_vectors_bytes(format, n, dim));
        return;
    }
    for (size_t i = 0; i < n; i++, from += dim) {
        float scale;
        memcpy(&scale, from, sizeof scale);
        from += sizeof scale;
        for (size_t j = 0; j < dim; j++)
            v[i * dim + j] = (float)(int8_t)from[j] * scale;
    }
}
