/* See dtype.h.  The loops are plain so that the compiler may vectorise them. */
#include "base/dtype.h"
#include "base/dtype_block.h"

#include <string.h>

/* n values stand in so many bytes.  In these, n_parts pairs of bytes from `at` on hold exponents of
 * numbers: one that is infinite, or none, has all bits of mask set. */
static const struct {
    const char *name;
    uint16_t n, bytes, mask, at, n_parts;
} types[] = {
    [WN_DTYPE_F32] = {"f32", 1, 4, 0x7F80, 2, 1},
    [WN_DTYPE_F16] = {"f16", 1, 2, 0x7C00, 0, 1},
    [WN_DTYPE_BF16] = {"bf16", 1, 2, 0x7F80, 0, 1},
    [WN_DTYPE_I8] = {"int8", 1, 1, 0, 0, 0},
    [WN_DTYPE_OTHER] = {"", 0, 0, 0, 0, 0},
    [WN_DTYPE_Q4_0] = {"q4_0", 32, 18, 0x7C00, 0, 1},
    [WN_DTYPE_Q4_1] = {"q4_1", 32, 20, 0x7C00, 0, 2},
    [WN_DTYPE_Q5_0] = {"q5_0", 32, 22, 0x7C00, 0, 1},
    [WN_DTYPE_Q5_1] = {"q5_1", 32, 24, 0x7C00, 0, 2},
    [WN_DTYPE_Q8_0] = {"q8_0", 32, 34, 0x7C00, 0, 1},
    [WN_DTYPE_Q4_K] = {"q4_k", 256, 144, 0x7C00, 0, 2},
    [WN_DTYPE_Q5_K] = {"q5_k", 256, 176, 0x7C00, 0, 2},
    [WN_DTYPE_Q6_K] = {"q6_k", 256, 210, 0x7C00, 208, 1},
};

size_t wn_dtype_size(wn_dtype dtype)
{
    return types[dtype].n == 1 ? types[dtype].bytes : 0;
}

size_t wn_dtype_block(wn_dtype dtype)
{
    return types[dtype].n;
}

size_t wn_dtype_bytes(wn_dtype dtype, size_t n)
{
    return dtype == WN_DTYPE_OTHER ? 0 : n / types[dtype].n * types[dtype].bytes;
}

const char *wn_dtype_name(wn_dtype dtype)
{
    return types[dtype].name;
}

static float bits_to_f32(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Shift the half's exponent and mantissa into place, then rescale by 2^112: subnormals come out
 * right because the multiplication normalises them.  Infinities and NaN need exponent 255. */
float wn_f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t rest = (uint32_t)(half & 0x7FFFu) << 13;
    if (rest >= 0x0F800000u)
        return bits_to_f32(sign | 0x7F800000u | (rest & 0x007FFFFFu));
    float f = bits_to_f32(rest) * 0x1p112f;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits_to_f32(sign | bits);
}

bool wn_dtype_is_finite(const void *src, wn_dtype dtype, size_t bytes)
{
    const unsigned char *block = src;
    size_t size = types[dtype].bytes;
    unsigned mask = types[dtype].mask, bad = 0;
    for (size_t part = 0; part < types[dtype].n_parts; part++) {
        size_t at = types[dtype].at + 2 * part;
        for (size_t i = at; i < bytes; i += size) {
            uint16_t high;
            memcpy(&high, block + i, sizeof high);
            bad |= (high & mask) == mask;
        }
    }
    return bad == 0;
}

void wn_dtype_to_f32(float *dst, const void *src, wn_dtype dtype, size_t n)
{
    const unsigned char *bytes = src;
    if (dtype == WN_DTYPE_F32) {
        memcpy(dst, src, n * sizeof(float));
        return;
    }
    if (dtype == WN_DTYPE_I8) {
        for (size_t i = 0; i < n; i++)
            dst[i] = (float)(int8_t)bytes[i];
        return;
    }
    WN_ASSERT(dtype != WN_DTYPE_OTHER && n % types[dtype].n == 0);
    if (types[dtype].n > 1) {
        for (size_t i = 0; i < n; i += types[dtype].n, bytes += types[dtype].bytes)
            wn_dtype_block_to_f32(dst + i, bytes, dtype);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, bytes + 2 * i, sizeof h);
        dst[i] = dtype == WN_DTYPE_F16 ? wn_f16_to_f32(h) : bits_to_f32((uint32_t)h << 16);
    }
}
