/* Vectors of a document as they are kept: f32 as they are, or 8-bit integers with a scale each.
 * What is rounded is rounded before it is scored for the first time, so that a score is the same
 * whether its vectors were kept or not.
 * Thread rule: any. */
#ifndef WN_RANK_VECTORS_H
#define WN_RANK_VECTORS_H

#include "winnow.h"

/* Bytes of n vectors. */
size_t wn_vectors_bytes(wn_vector_format format, size_t n, size_t dim);

/* Round vectors to what the format can hold, and keep them in out unless that is NULL.
 * Shapes:  v [n][dim], out [wn_vectors_bytes()]. */
void wn_vectors_keep(void *out, wn_vector_format format, float *v, size_t n, size_t dim);

/* Vectors that were kept.
 * Shapes:  v [n][dim], in [wn_vectors_bytes()]. */
void wn_vectors_load(float *v, const void *in, wn_vector_format format, size_t n, size_t dim);

#endif
