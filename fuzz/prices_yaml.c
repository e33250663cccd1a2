/* Price tables: whatever they hold, they are read or refused, and what was read can be printed. */
#include "cli/price_file.h"

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static wn_prices prices; /* large */
    wn_error err;
    wn_buf out = WN_BUF_INIT;
    if (wn_prices_parse(&prices, (wn_str){(const char *)data, size}, "file", &err) != WN_OK) {
        WN_ASSERT(err.message[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < prices.n_models; i++) {
        uint64_t coins;
        const wn_price *price = wn_prices_find(&prices, prices.models[i].model);
        WN_ASSERT(price == &prices.models[i] && price->has_tokens);
        WN_ASSERT(wn_price_push(&out, price->tokens));
        if (wn_price_amount(&coins, UINT64_MAX, price->tokens, prices.decimals, &err) == WN_OK)
            WN_ASSERT(wn_money_push(&out, coins, prices.decimals));
    }
    wn_buf_deinit(&out);
    return 0;
}
