/* Constants of the vector levels' functions.
 * GELU: x Phi(x) = max(x, 0) - t Phi(-t) with t = |x|, and Phi(-t) = 1/2 - t P(v) with
 *       v = 2 t^2 / 5.3^2 - 1; the polynomial P (highest power first) has the least maximum of
 *       t^2 |error| for t <= 5.3, made by tools/fit_gelu.py.  Beyond, t stays 5.3, where t Phi(-t)
 *       is 3e-7.  Error of GELU in f32: 7e-7.
 *       The rough one, for what is rounded to bf16 or to 8 bits next, is max(x, 0) - t Phi(-t) by
 *       sixteen parabolas of t / WN_GELU_PIECE - i, made by the same program; its error is 7e-5,
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
    {0.00000000e+00f, 1.02751845e-01f, 1.56324053e-01f, 1.69864247e-01f, 1.55847362e-01f,
     1.27059647e-01f, 9.40894993e-02f, 6.39934188e-02f, 4.02268483e-02f, 2.34603919e-02f,
     1.27245618e-02f, 6.42890441e-03f, 3.02897265e-03f, 1.33184511e-03f, 5.46831166e-04f,
     2.09734782e-04f},
    {1.29007067e-01f, 7.72668522e-02f, 3.20128801e-02f, -2.02728543e-03f, -2.30381403e-02f,
     -3.20911869e-02f, -3.22320256e-02f, -2.71816982e-02f, -2.02153709e-02f, -1.35549195e-02f,
     -8.29098741e-03f, -4.65848433e-03f, -2.41521201e-03f, -1.15892598e-03f, -5.15797507e-04f,
     -2.13260497e-04f},
    {-2.64500858e-02f, -2.47640503e-02f, -2.01133676e-02f, -1.37852737e-02f, -7.31755832e-03f,
     -1.98488600e-03f, 1.54369398e-03f, 3.24578107e-03f, 3.54658878e-03f, 3.03166340e-03f,
     2.21731225e-03f, 1.43681018e-03f, 8.39421428e-04f, 4.46612595e-04f, 2.17774843e-04f,
     9.77396571e-05f},
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
