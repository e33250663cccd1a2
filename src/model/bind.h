/* Finding a model's tensors by name and shape.  Mistakes are collected, so that a user sees at once
 * what is missing, odd or unknown: the first ones whole, then how many more there are.
 * Accepts the prefixes and legacy spellings that published files have.
 * Thread rule: one at a time. */
#ifndef WN_MODEL_BIND_H
#define WN_MODEL_BIND_H

#include "compute/weight.h"
#include "data/tensors.h"
#include "model/config.h"

typedef struct wn_tensor_binder {
    const wn_tensors *set;
    const char *prefix;          /* "bert.", "roberta."; files may have it or not */
    const wn_adapters *adapters; /* of its matrices, if it has any; or NULL */
    const char *unread;          /* name, up to a dot, of what is known and not read; or NULL */
    uint8_t *used;               /* [wn_tensors_count(set)] */
    char mistakes[400];          /* the first n_named of n_mistakes, as many as fit */
    size_t n_named, n_mistakes;
    uint64_t n_parameters; /* of the tensors used so far */
} wn_tensor_binder;

/* Fails:   WN_ERR_MEMORY.
 * Owns:    borrows set and prefix until wn_tensor_binder_end(). */
WN_MUST_USE wn_status wn_tensor_binder_begin(wn_tensor_binder *binder, const wn_tensors *set,
                                             const char *prefix, wn_error *err);

/* The tensor of a printf-made name as [rows][cols]; rows 0: any number.  A vector has rows 1.
 * A mistake is noted when it is missing, has another shape or a type that cannot be a weight; the
 * source then has data NULL. */
wn_source wn_tensor_binder_get(wn_tensor_binder *binder, size_t rows, size_t cols,
                               const char *format, ...) WN_PRINTF(4, 5);

/* The same of a matrix that may be I8, with the tensors NAME_scale [rows] of F32, each above 0 and
 * finite, and, where there is one, NAME_factor [cols] of the same kind. */
wn_source wn_tensor_binder_get_matrix(wn_tensor_binder *binder, size_t rows, size_t cols,
                                      const char *format, ...) WN_PRINTF(4, 5);

/* Is there a tensor of this name, with or without the prefix? */
bool wn_tensor_binder_has(const wn_tensor_binder *binder, const char *name);

/* No mistakes so far?  Weights may be packed only then. */
bool wn_tensor_binder_ok(const wn_tensor_binder *binder);

/* Note every tensor that was neither used nor is known to be harmless; free.
 * Fails:   WN_ERR_FORMAT with the mistakes. */
WN_MUST_USE wn_status wn_tensor_binder_end(wn_tensor_binder *binder, wn_error *err);

#endif
