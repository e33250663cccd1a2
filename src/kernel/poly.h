/* Constants of the vector levels' functions.
 * GELU: x Phi(x) = max(x, 0) - t Phi(-t) with t = |x|, and Phi(-t) = 1/2 - t P(v) with
 *       v = 2 t^2 / 5.3^2 - 1; the polynomial P (highest power first) has the least maximum of
 *       t^2 |error| for t <= 5.3, made by tools/fit_gelu.py.  Beyond, t stays 5.3, where t Phi(-t)
 *       is 3e-7.  Error of GELU in f32: 7e-7.
 * exp:  2^n e^r, |r| <= ln(2)/2, e^r = 1 + r + r^2 Q(r); error 2 ulp.
 * Source: Cephes expf.
 * Thread rule: constants. */
#ifndef WN_KERNEL_POLY_H
#define WN_KERNEL_POLY_H

#define WN_GELU_LIMIT 5.3f
#define WN_GELU_SCALE (2.0f / (5.3f * 5.3f))
#define WN_GELU_TERMS 14

static const float wn_gelu_poly[WN_GELU_TERMS] = {
    -0x1.117d5ep-11f, 0x1.982458p-10f, -0x1.d2ba96p-10f, 0x1.21dc0cp-9f,  -0x1.4f4b7cp-8f,
    0x1.31a84cp-7f,   -0x1.bc4158p-7f, 0x1.33e16ap-6f,   -0x1.9d01e2p-6f, 0x1.06ee14p-5f,
    -0x1.446356p-5f,  0x1.9390f6p-5f,  -0x1.107570p-4f,  0x1.113020p-3f,
};

#define WN_EXP_LOWEST  (-87.0f) /* smaller arguments give exp of this one */
#define WN_EXP_HIGHEST 88.0f    /* larger ones too */
#define WN_EXP_LOG2E   1.44269504f
#define WN_EXP_LN2_HI  0.693359375f
#define WN_EXP_LN2_LO  (-2.12194440e-4f)
#define WN_EXP_TERMS   6

static const float wn_exp_poly[WN_EXP_TERMS] = {
    1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
    4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f,
};

/* sqrt(2 / pi) * 2 and the cubic term of the tanh GELU */
#define WN_GELU_TANH_SLOPE 1.59576912f
#define WN_GELU_TANH_CUBE  0.044715f

#endif
