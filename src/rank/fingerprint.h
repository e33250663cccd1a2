/* What tells one model from another: a number over its configuration, tokenizer and weights.  Small
 * files are read whole; of a large tensor, which may be gigabytes in a file that has not been read
 * yet, the beginning, middle and end, so that a change anywhere in training shows.
 * Not a proof against somebody who builds two models to meet.
 * Thread rule: any. */
#ifndef WN_RANK_FINGERPRINT_H
#define WN_RANK_FINGERPRINT_H

#include "data/tensors.h"

/* fingerprint with the bytes of a file added to it; that a file is not there (ptr NULL) counts. */
uint64_t wn_fingerprint_file(uint64_t fingerprint, wn_str bytes);

/* fingerprint with the tensors of a set: name, type and shape of each; its data up to 4,096 bytes
 * whole, of a larger one 1,024 bytes each from its beginning, its middle and its end. */
uint64_t wn_fingerprint_tensors(uint64_t fingerprint, const wn_tensors *set);

#endif
