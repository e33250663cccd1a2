/* A price table as a YAML file:
 *
 *   currency: EUR
 *   decimals: 2                        # of its smallest coin; 2 without this
 *   issuer: Example Search Ltd.        # who writes the statement; may be missing
 *   note: Payable within 30 days.      # at its end; may be missing
 *   models:
 *     winnow-multilingual-v1: {tokens: 0.02, cached_tokens: 0.002}
 *     "*": {tokens: 0.05}              # every other; cached tokens cost the same without a price
 *
 * Thread rule: one at a time. */
#ifndef WN_CLI_PRICE_FILE_H
#define WN_CLI_PRICE_FILE_H

#include "serve/prices.h"

/* Read a price table; `name` stands for it in messages.
 * Fails:   WN_ERR_FORMAT with name and line, WN_ERR_LIMIT, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_prices_parse(wn_prices *out, wn_str text, const char *name, wn_error *err);

/* Read a file; path NULL gives NULL.
 * Fails:   as wn_prices_parse(), WN_ERR_IO.
 * Owns:    caller frees *out with wn_mem_free(). */
WN_MUST_USE wn_status wn_price_file_read(wn_prices **out, const char *path, wn_error *err);

#endif
