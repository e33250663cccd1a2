/* Structs of the public header as they cross it, also from callers that were compiled with another
 * version: fields are only ever appended, so the struct_size in front tells which ones there are.
 * Thread rule: any. */
#ifndef WN_RANK_ABI_H
#define WN_RANK_ABI_H

#include "base/status.h"

/* Copy a caller's options to out [size]; fields that the caller's struct lacks become 0.
 * Fails:   WN_ERR_ARGUMENT when options is NULL, its struct_size cannot be one, or a field that
 *          this library lacks is not 0. */
WN_MUST_USE wn_status wn_abi_read(void *out, size_t size, const void *options, const char *name,
                                  wn_error *err);

/* Copy info [size] to a caller's struct, as far as that goes; fields that info lacks become 0.
 * Fails:   WN_ERR_ARGUMENT when out is NULL or its struct_size cannot be one. */
WN_MUST_USE wn_status wn_abi_write(void *out, const void *info, size_t size, const char *name,
                                   wn_error *err);

/* A text of some length has bytes.
 * Fails:   WN_ERR_ARGUMENT. */
WN_MUST_USE wn_status wn_abi_check_text(wn_str text, wn_error *err);

#endif
