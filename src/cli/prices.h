/* A price table: what a million tokens of each model cost.  A YAML file:
 *
 *   currency: EUR
 *   decimals: 2                        # of its smallest coin; 2 without this
 *   issuer: Example Search Ltd.        # who writes the statement; may be missing
 *   note: Payable within 30 days.      # at its end; may be missing
 *   models:
 *     winnow-multilingual-v1: {tokens: 0.02, cached_tokens: 0.002}
 *     "*": {tokens: 0.05}              # every other; cached tokens cost the same without a price
 *
 * Money is whole numbers throughout: prices of millionths, amounts of the smallest coin.
 * Thread rule: one at a time. */
#ifndef WN_CLI_PRICES_H
#define WN_CLI_PRICES_H

#include "base/buf.h"
#include "base/status.h"
#include "serve/store.h"

#define WN_PRICE_MODELS_MAX   256
#define WN_PRICE_DECIMALS_MAX 6
#define WN_PRICE_UNIT         1000000 /* parts of a currency's unit in which prices are given */

typedef struct wn_price {
    char model[WN_MODEL_NAME_MAX + 1]; /* "*": every other */
    uint64_t tokens, cached_tokens;    /* of a million, in millionths of the currency's unit */
    bool has_tokens, has_cached;
} wn_price;

typedef struct wn_prices {
    char currency[4]; /* ISO 4217 */
    char issuer[256], note[512];
    uint32_t decimals;
    wn_price models[WN_PRICE_MODELS_MAX];
    size_t n_models;
} wn_prices;

/* Read a price table; `name` stands for it in messages.
 * Fails:   WN_ERR_FORMAT with name and line, WN_ERR_LIMIT, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_prices_parse(wn_prices *out, wn_str text, const char *name, wn_error *err);

/* The price of a model; NULL when there is none, not even of "*". */
const wn_price *wn_prices_find(const wn_prices *prices, const char *model);

/* What so many tokens cost at a price, in the smallest coin, half a coin upwards.
 * Fails:   WN_ERR_LIMIT for more than 2^63 coins. */
WN_MUST_USE wn_status wn_price_amount(uint64_t *out, uint64_t tokens, uint64_t price,
                                      uint32_t decimals, wn_error *err);

/* Coins as "1,234.56", and a price as "0.02": as many decimals as it needs, two at least. */
bool wn_money_push(wn_buf *out, uint64_t coins, uint32_t decimals);
bool wn_price_push(wn_buf *out, uint64_t price);

#endif
