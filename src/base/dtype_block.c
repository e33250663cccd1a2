/* See dtype_block.h.  A block is unpacked to whole numbers first, which are then scaled.  Numbers
 * are little-endian, as everything that we read from files.
 *
 * Blocks of 32, bytes in order (half d, half m: scale and minimum):
 *   Q4_0 d nibbles[16]            w = d (q - 8)       low nibbles are values 0-15, high ones 16-31
 *   Q4_1 d m nibbles[16]          w = d q + m
 *   Q5_0 d fifth[4] nibbles[16]   w = d (q - 16)      bit i of the 32 is the fifth one of value i
 *   Q5_1 d m fifth[4] nibbles[16] w = d q + m
 *   Q8_0 d int8[32]               w = d q
 * Blocks of 256:
 *   Q4_K d dmin sixes[12] nibbles[128]            w = (d s) q - dmin m, both of each 32 values
 *   Q5_K d dmin sixes[12] fifth[32] nibbles[128]  the same
 *   Q6_K low[128] high[64] int8 s[16] d           w = (d s) (q - 32), s of each 16 values */
#include "base/dtype_block.h"

#include <string.h>

static float half_at(const unsigned char *p)
{
    uint16_t half;
    memcpy(&half, p, sizeof half);
    return wn_f16_to_f32(half);
}

/* Split n bytes: their low nibbles, then their high ones. */
static void split_nibbles(uint8_t *q, const unsigned char *packed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        q[i] = packed[i] & 0xF;
        q[i + n] = packed[i] >> 4;
    }
}

/* Blocks of 32 values, of which fifth (NULL: none) are the top bits. */
static void unpack_32(uint8_t q[32], const unsigned char *nibbles, const unsigned char *fifth)
{
    split_nibbles(q, nibbles, 16);
    for (size_t i = 0; fifth != NULL && i < 32; i++)
        q[i] |= (uint8_t)((fifth[i / 8] >> i % 8 & 1) << 4);
}

/* w = d (q - middle) */
static void scale_around(float *dst, const uint8_t q[32], float d, int middle)
{
    for (size_t i = 0; i < 32; i++)
        dst[i] = (float)(q[i] - middle) * d;
}

/* w = d q + m */
static void scale_from(float *dst, const uint8_t q[32], float d, float m)
{
    for (size_t i = 0; i < 32; i++)
        dst[i] = (float)q[i] * d + m;
}

/* Scale and minimum j of 8, six bits each in 12 bytes: of the first four the low six bits of bytes
 * j and j + 4, of the others a nibble of byte j + 4 below the high bits of bytes j - 4 and j. */
static void unpack_sixes(uint8_t *scale, uint8_t *minimum, const unsigned char *sixes, size_t j)
{
    if (j < 4) {
        *scale = sixes[j] & 63;
        *minimum = sixes[j + 4] & 63;
    } else {
        *scale = (uint8_t)((sixes[j + 4] & 0xF) | (sixes[j - 4] >> 6) << 4);
        *minimum = (uint8_t)(sixes[j + 4] >> 4 | (sixes[j] >> 6) << 4);
    }
}

/* Q4_K, Q5_K: each 32 bytes of nibbles are two groups of 32 values, and bit j of fifth[i] (NULL:
 * none) belongs to value i of group j. */
static void widen_k(float *dst, const unsigned char *block, const unsigned char *fifth,
                    const unsigned char *nibbles)
{
    float d = half_at(block), dmin = half_at(block + 2);
    for (size_t j = 0; j < 8; j++) {
        uint8_t scale, minimum;
        unpack_sixes(&scale, &minimum, block + 4, j);
        float ds = d * (float)scale, m = dmin * (float)minimum;
        for (size_t i = 0; i < 32; i++) {
            int q = nibbles[j / 2 * 32 + i] >> j % 2 * 4 & 0xF;
            if (fifth != NULL)
                q |= (fifth[i] >> j & 1) << 4;
            *dst++ = ds * (float)q - m;
        }
    }
}

/* Each half of 128 values has 64 bytes of nibbles and 32 bytes of pairs of high bits: value i has
 * nibble i of the split ones and pair i / 32 of byte i % 32. */
static void widen_q6_k(float *dst, const unsigned char *block)
{
    const unsigned char *scales = block + 192;
    float d = half_at(block + 208);
    for (size_t half = 0; half < 2; half++) {
        const unsigned char *high = block + 128 + half * 32;
        uint8_t low[128];
        split_nibbles(low, block + half * 64, 64);
        for (size_t i = 0; i < 128; i++) {
            int q = low[i] | (high[i % 32] >> i / 32 * 2 & 3) << 4;
            float ds = d * (float)(int8_t)scales[half * 8 + i / 16];
            *dst++ = ds * (float)(q - 32);
        }
    }
}

void wn_dtype_block_to_f32(float *dst, const unsigned char *src, wn_dtype dtype)
{
    uint8_t q[32];
    switch (dtype) {
    case WN_DTYPE_Q4_0:
        unpack_32(q, src + 2, NULL);
        scale_around(dst, q, half_at(src), 8);
        break;
    case WN_DTYPE_Q4_1:
        unpack_32(q, src + 4, NULL);
        scale_from(dst, q, half_at(src), half_at(src + 2));
        break;
    case WN_DTYPE_Q5_0:
        unpack_32(q, src + 6, src + 2);
        scale_around(dst, q, half_at(src), 16);
        break;
    case WN_DTYPE_Q5_1:
        unpack_32(q, src + 8, src + 4);
        scale_from(dst, q, half_at(src), half_at(src + 2));
        break;
    case WN_DTYPE_Q8_0: {
        float d = half_at(src);
        for (size_t i = 0; i < 32; i++)
            dst[i] = (float)(int8_t)src[2 + i] * d;
        break;
    }
    case WN_DTYPE_Q4_K:
        widen_k(dst, src, NULL, src + 16);
        break;
    case WN_DTYPE_Q5_K:
        widen_k(dst, src, src + 16, src + 48);
        break;
    case WN_DTYPE_Q6_K:
        widen_q6_k(dst, src);
        break;
    default:
        WN_ASSERT(false);
    }
}
