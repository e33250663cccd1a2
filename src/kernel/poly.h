/* Polynomials of the vector levels, fitted for Winnow.
 * GELU: Phi(x) = 1/2 + x Q(x^2), where Q is a polynomial in t = 2 x^2 / 5.5^2 - 1, highest power
 * first, fitted to x^2 Q(x^2) in the least maximum on |x| <= 5.5; beyond it GELU is x or 0. Error
 * of GELU, with f32 arithmetic: below 1e-6 everywhere. exp: 2^n times a Taylor polynomial of the
 * remainder in |r| <= ln(2)/2; error about 2 ulp. Thread rule: constants. */
#ifndef WN_KERNEL_POLY_H
#define WN_KERNEL_POLY_H

#define WN_GELU_LIMIT 5.5f
#define WN_GELU_SCALE (2.0f / (5.5f * 5.5f))
#define WN_GELU_TERMS 15

static const float wn_gelu_poly[WN_GELU_TERMS] = {
    4.287972988e-04f,  -1.275296207e-03f, 1.341694500e-03f,  -1.492927549e-03f, 3.880452132e-03f,
    -7.392340340e-03f, 1.066130400e-02f,  -1.481462270e-02f, 2.023617178e-02f,  -2.607769147e-02f,
    3.208808228e-02f,  -3.879081458e-02f, 4.773671553e-02f,  -6.417237222e-02f, 1.285519451e-01f,
};

#define WN_EXP_LOWEST (-87.0f) /* smaller arguments give exp of this one */
#define WN_EXP_LOG2E  1.44269504f
#define WN_EXP_LN2_HI 0.693359375f
#define WN_EXP_LN2_LO (-2.12194440e-4f)
#define WN_EXP_TERMS  7

static const float wn_exp_poly[WN_EXP_TERMS] = {
    1.38888889e-3f, 8.33333333e-3f, 4.16666667e-2f, 1.66666667e-1f, 0.5f, 1.0f, 1.0f,
};

#endif
