/* See prices.h. */
#include "serve/prices.h"

#include <stdio.h>
#include <string.h>

#define WN_WHERE      "serve/prices"
#define COIN_LIMIT    ((uint64_t)1 << 63)
#define TOKENS_A_UNIT 1000000

__extension__ typedef unsigned __int128 u128;

const wn_price *wn_prices_find(const wn_prices *prices, const char *model)
{
    const wn_price *any = NULL;
    for (size_t i = 0; i < prices->n_models; i++) {
        if (strcmp(prices->models[i].model, model) == 0)
            return &prices->models[i];
        if (strcmp(prices->models[i].model, "*") == 0)
            any = &prices->models[i];
    }
    return any;
}

/* ---- money ----------------------------------------------------------------------------------- */

wn_status wn_price_amount(uint64_t *out, uint64_t tokens, uint64_t price, uint32_t decimals,
                          wn_error *err)
{
    u128 unit = (u128)TOKENS_A_UNIT * WN_PRICE_UNIT; /* of tokens * price, a currency's unit */
    for (uint32_t i = 0; i < decimals; i++)
        unit /= 10; /* a coin */
    u128 coins = ((u128)tokens * price + unit / 2) / unit;
    if (coins > COIN_LIMIT)
        WN_FAIL(err, WN_ERR_LIMIT, "%llu tokens cost more than can be counted",
                (unsigned long long)tokens);
    *out = (uint64_t)coins;
    return WN_OK;
}

bool wn_money_push(wn_buf *out, uint64_t coins, uint32_t decimals)
{
    uint64_t unit = 1;
    for (uint32_t i = 0; i < decimals; i++)
        unit *= 10;
    wn_buf_push_count(out, coins / unit);
    return decimals == 0 ||
           wn_buf_printf(out, ".%0*llu", (int)decimals, (unsigned long long)(coins % unit));
}

bool wn_price_push(wn_buf *out, uint64_t price)
{
    char digits[8];
    snprintf(digits, sizeof digits, "%06u", (unsigned)(price % WN_PRICE_UNIT));
    size_t n = 6;
    while (n > 2 && digits[n - 1] == '0')
        n--;
    wn_buf_push_count(out, price / WN_PRICE_UNIT);
    return wn_buf_printf(out, ".%.*s", (int)n, digits);
}
