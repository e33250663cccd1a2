/* What a million tokens of each model cost.  Money is whole numbers throughout: prices of
 * millionths, amounts of the smallest coin.
 * Thread rule: a table that does not change: any. */
#ifndef WN_SERVE_PRICES_H
#define WN_SERVE_PRICES_H

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
