/* One vector of f32, of the width of the level that the including file is compiled for.  Each
 * vec_LEVEL.h gives the same few operations: reading and writing parts of vectors, sums, and what
 * C's own operators on vectors (+ - * / and negation) do not say.  A lane's value depends on its
 * inputs alone; sums add halves to halves.  vec_scalar.h says what each operation does.
 * Where no level's flags are on, a vector has one lane: so these headers compile alone, and what is
 * built on them can be tested on any machine.  Neon needs no flag of the compiler; its levels have
 * WN_VEC_NEON among theirs.
 * Thread rule: any. */
#ifndef WN_KERNEL_VEC_H
#define WN_KERNEL_VEC_H

#if defined(__AVX512F__)
#include "kernel/avx512/vec_avx512.h"
#elif defined(__AVX2__)
#include "kernel/avx2/vec_avx2.h"
#elif defined(WN_VEC_NEON)
#include "kernel/neon/vec_neon.h"
#else
#include "kernel/scalar/vec_scalar.h"
#endif

#endif
