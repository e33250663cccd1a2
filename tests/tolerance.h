/* How far a result in f32 may be from the exact one, or from another implementation's: each bound
 * once.  The values beside which they stand are of the size that the tests use, about 1 to 3.
 * Thread rule: constants. */
#ifndef WN_TESTS_TOLERANCE_H
#define WN_TESTS_TOLERANCE_H

#include <math.h>

/* A logit or a part of a vector beside transformers', times max(1, |reference|). */
#define TOLERANCE_GOLDEN 1e-5

/* A raw score (about 20) or a relevance of the built-in model beside its reference or at another
 * level. */
#define TOLERANCE_BUILTIN 1e-4

/* The ops: attention, the mean of rows, a weighted sum of maxima of some twenty. */
#define TOLERANCE_ATTENTION 5e-6
#define TOLERANCE_MEAN      1e-6
#define TOLERANCE_MAXSIM    1e-4

/* That sum when vectors of 40 numbers are rounded to 7 bits, those of the query to 8. */
#define TOLERANCE_MAXSIM_I8 0.5

/* norm_f32 of rows of 4 elements or more; below, everything cancels and eps alone decides. */
#define TOLERANCE_NORM       2e-5
#define TOLERANCE_NORM_SHORT 2e-3

/* softmax_f32: rounding of scale * s is amplified by its size. */
#define TOLERANCE_SOFTMAX(exact, top) (1e-6 + (exact)*3e-7 * ((top) > 4 ? (top) : 4))

/* A bf16 product beside the exact one of its rounded values.  f32 holds each of the k products;
 * each addition, of the bias too, is off by at most 2^-23 (to nearest half of that, to odd all of
 * it) of what is added up so far, which size, the sum of their magnitudes, bounds; a denormal
 * number may count as zero. */
#define TOLERANCE_BF16(k, size) (((double)(k) + 1) * 0x1p-23 * (size) + (double)(k) * 0x1p-126)

/* act_f32 */
#define TOLERANCE_ACT(exact) (1e-6 + 1.2e-7 * fabs(exact))

/* The activation of a product whose result is rounded to bf16 or to 8 bits next. */
#define TOLERANCE_ACT_ROUGH 1.5e-4

/* And where the product is taken over for the next one at once. */
#define TOLERANCE_ACT_TAKEN 1e-3

/* turn_f32: two products and a sum. */
#define TOLERANCE_TURN 1.2e-7

/* normalize_f32, and the square of a normalised row's length. */
#define TOLERANCE_UNIT 1e-6

#endif
