/* See dtype.h.  The loops are plain so that the compiler may vectorise them. */
#include "base/dtype.h"

#include <string.h>

size_t wn_dtype_size(wn_dtype dtype)
{
    static const size_t sizes[] = {
        [WN_DTYPE_F32] = 4, [WN_DTYPE_F16] = 2,   [WN_DTYPE_BF16] = 2,
        [WN_DTYPE_I8] = 1,  [WN_DTYPE_OTHER] = 0,
    };
    return sizes[dtype];
}

const char *wn_dtype_name(wn_dtype dtype)
{
    static const char *const names[] = {
        [WN_DTYPE_F32] = "f32", [WN_DTYPE_F16] = "f16", [WN_DTYPE_BF16] = "bf16",
        [WN_DTYPE_I8] = "int8", [WN_DTYPE_OTHER] = "",
    };
    return names[dtype];
}

static float bits_to_f32(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Shift the half's exponent and mantissa into place, then rescale by 2^112: subnormals come out
 * right because the multiplication normalises them.  Infinities and NaN need exponent 255. */
static float f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16;
    uint32_t rest = (uint32_t)(h & 0x7FFFu) << 13;
    if (rest >= 0x0F800000u)
        return bits_to_f32(sign | 0x7F800000u | (rest & 0x007FFFFFu));
    float f = bits_to_f32(rest) * 0x1p112f;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits_to_f32(sign | bits);
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
    WN_ASSERT(dtype == WN_DTYPE_F16 || dtype == WN_DTYPE_BF16);
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, bytes + 2 * i, sizeof h);
        dst[i] = dtype == WN_DTYPE_F16 ? f16_to_f32(h) : bits_to_f32((uint32_t)h << 16);
    }
}
