/* Constants of the vector levels' functions.
 * GELU: x Phi(x) = max(x, 0) - t Phi(-t) with t = |x|, and Phi(-t) = 1/2 - t P(v) with
 *       v = 2 t^2 / 5.3^2 - 1; the polynomial P (highest power first) has the least maximum of
 *       t^2 |error| for t <= 5.3, made by tools/fit_gelu.py.  Beyond, t stays 5.3, where t Phi(-t)
 *       is 3e-7.  Error of GELU in f32: 7e-7.
 *       The rough one, for what is rounded to bf16 or to 8 bits next, is max(x, 0) - t Phi(-t) by
 *       sixteen parabolas of t around i WN_GELU_PIECE, made by the same program; its error is 7e-5,
 *       and 1.3e-4 beyond them.
 * exp:  2^n e^r with n in sixteenths, so that |r| <= ln(2)/32, and e^r by three terms of its
 *       series, to which what rounding has taken from the table's 2^n is added; error 1 ulp.
 *       n ln(2) is taken away in two parts, those of Cephes expf.  The rough 2^n 2^r has one term
 *       and an error of 2.4e-4.
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

#define WN_GELU_PIECES_END 3.9999f /* just within the last one */
#define WN_GELU_PIECE      0.258064516f

static const float wn_gelu_pieces[3][16] = {
    {0.00000000e+00f, 7.20942924e-04f, 1.18448221e-02f, 5.18786406e-02f, 1.30918990e-01f,
     2.37893432e-01f, 3.43054636e-01f, 4.13308578e-01f, 4.28931497e-01f, 3.91019403e-01f,
     3.17365661e-01f, 2.31526264e-01f, 1.52888202e-01f, 9.18754114e-02f, 5.04518655e-02f,
     2.54000651e-02f},
    {4.99902385e-01f, 4.91330442e-01f, 4.35807109e-01f, 3.12651881e-01f, 1.37571514e-01f,
     -4.74390167e-02f, -1.96680869e-01f, -2.81412703e-01f, -2.98223067e-01f, -2.63983835e-01f,
     -2.03969276e-01f, -1.40539695e-01f, -8.74251393e-02f, -4.94870571e-02f, -2.56272858e-02f,
     -1.21886196e-02f},
    {-3.97164569e-01f, -3.71847693e-01f, -3.02014786e-01f, -2.06994500e-01f, -1.09877712e-01f,
     -2.98043038e-02f, 2.31795298e-02f, 4.87374313e-02f, 5.32542471e-02f, 4.55223208e-02f,
     3.32943293e-02f, 2.15746029e-02f, 1.26044374e-02f, 6.70616725e-03f, 3.27002538e-03f,
     1.46762204e-03f},
};

/* Added to a number of a certain size, these round it to whole ones and to sixteenths; the sum's
 * lowest bits count them. */
#define WN_ROUND_TO_WHOLE      0x1.8p23f
#define WN_ROUND_TO_SIXTEENTHS 0x1.8p19f

#define WN_EXP_LOWEST  (-87.0f) /* smaller arguments give exp of this one */
#define WN_EXP_HIGHEST 88.0f    /* larger ones too */
#define WN_EXP_LOG2E   1.44269504f
#define WN_EXP_LN2_HI  0.693359375f
#define WN_EXP_LN2_LO  (-2.12194440e-4f)
#define WN_LN2         0.693147181f
#define WN_EXP2_LOWEST (-126.0f)

/* 2^(i / 16) less i << 19 of its bits, which the count of sixteenths adds as it adds n << 23. */
static const float wn_exp2_pieces[16] = {
    0x1p+0f,        0x1.fb5586p-1f, 0x1.f72b84p-1f, 0x1.f387a6p-1f, 0x1.f06fep-1f,  0x1.edea64p-1f,
    0x1.ebfdaep-1f, 0x1.eab07ep-1f, 0x1.ea09e6p-1f, 0x1.ea1148p-1f, 0x1.eace54p-1f, 0x1.ec4918p-1f,
    0x1.ee89fap-1f, 0x1.f199bep-1f, 0x1.f5818ep-1f, 0x1.fa4afap-1f,
};

/* What these lack of 2^(i / 16), as shares of it. */
static const float wn_exp2_rests[16] = {
    0,
    4.62854687e-08f,
    -1.19921572e-08f,
    4.72978214e-08f,
    3.19341798e-08f,
    3.62105718e-08f,
    -3.09907217e-08f,
    -7.47521322e-09f,
    1.71142710e-08f,
    -3.04768352e-08f,
    5.23333422e-09f,
    6.10759158e-09f,
    -1.47196057e-08f,
    -5.25879515e-09f,
    -6.12825986e-09f,
    5.14060919e-09f,
};

/* sqrt(2 / pi) * 2 and the cubic term of the tanh GELU */
#define WN_GELU_TANH_SLOPE 1.59576912f
#define WN_GELU_TANH_CUBE  0.044715f

#endif
