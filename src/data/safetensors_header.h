/* The header of one safetensors file: JSON of one fixed shape, read without a tree, because
 * a general parser would need a gigabyte for the largest header that the format allows.
 * Memory: names are slices of the header; only a name with escapes is copied.
 * Thread rule: one at a time per set. */
#ifndef WN_DATA_SAFETENSORS_HEADER_H
#define WN_DATA_SAFETENSORS_HEADER_H

#include "data/safetensors.h"

/* Append the tensors of a file in file order, each range proven to lie inside the file, to fit its
 * shape, and all together to cover the data exactly.  Names are not compared with each other.
 * Fails:   WN_ERR_FORMAT, WN_ERR_LIMIT, WN_ERR_MEMORY; the set may have grown.
 * Owns:    the views borrow bytes. */
WN_MUST_USE wn_status wn_safetensors_header_read(wn_tensors *set, wn_str bytes, const char *file,
                                                 wn_error *err);

#endif
