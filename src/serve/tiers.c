/* See tiers.h. */
#include "serve/tiers.h"

#include "base/str.h"

#include <arpa/inet.h>

#define BURST_S        60 /* a minute's worth at once, as who reads "500 a minute" expects */
#define ADDRESS_BIT    (1ull << 63)
#define V4_MAPPED_HEAD 12 /* bytes of ::ffff:0:0/96 */

/* One tier's row for a product. */
typedef struct tier_limits {
    uint64_t per_minute[WN_RATE_COUNT]; /* 0: no limit */
    bool blocked;
} tier_limits;

typedef struct tier {
    const char *name;
    tier_limits products[WN_PRODUCT_COUNT];
} tier;

static const tier tiers[] = {
    {WN_TIER_NONE,
     {
         [WN_PRODUCT_RERANK] = {{0, 0}, true},
         [WN_PRODUCT_EMBED] = {{0, 0}, true},
         [WN_PRODUCT_CLASSIFY] = {{0, 0}, true},
         [WN_PRODUCT_TRAIN] = {{0, 0}, true},
         [WN_PRODUCT_SEGMENT] = {{20, 0}, false},
     }},
    {"key",
     {
         [WN_PRODUCT_RERANK] = {{500, 1000000}, false},
         [WN_PRODUCT_EMBED] = {{500, 1000000}, false},
         [WN_PRODUCT_CLASSIFY] = {{200, 500000}, false},
         [WN_PRODUCT_TRAIN] = {{20, 200000}, false},
         [WN_PRODUCT_SEGMENT] = {{200, 0}, false},
     }},
    {"premium",
     {
         [WN_PRODUCT_RERANK] = {{2000, 5000000}, false},
         [WN_PRODUCT_EMBED] = {{2000, 5000000}, false},
         [WN_PRODUCT_CLASSIFY] = {{1000, 3000000}, false},
         [WN_PRODUCT_TRAIN] = {{60, 1000000}, false},
         [WN_PRODUCT_SEGMENT] = {{1000, 0}, false},
     }},
};

static const tier *find(const char *name)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(tiers); i++)
        if (strcmp(name, tiers[i].name) == 0)
            return &tiers[i];
    return NULL;
}

static const tier_limits *row_of(const char *name, wn_product product)
{
    const tier *found = find(name);
    return &(found != NULL ? found : find("key"))->products[product];
}

const char *wn_tier_name(size_t i)
{
    return i < WN_ARRAY_LEN(tiers) ? tiers[i].name : NULL;
}

bool wn_tier_exists(const char *name)
{
    return find(name) != NULL;
}

bool wn_tier_allows(const char *name, wn_product product)
{
    return !row_of(name, product)->blocked;
}

static uint64_t first_set(int64_t own, uint64_t otherwise)
{
    return own == WN_UNSET ? otherwise : (uint64_t)own;
}

wn_limits wn_tier_limits(const char *name, wn_product product, const wn_key_limits *own)
{
    const uint64_t *per_minute = row_of(name, product)->per_minute;
    wn_limits limits = {.per_minute = {per_minute[0], per_minute[1]}, .burst_s = BURST_S};
    if (own == NULL)
        return limits;
    return (wn_limits){
        .per_minute = {first_set(own->requests_per_minute, limits.per_minute[WN_RATE_REQUESTS]),
                       first_set(own->tokens_per_minute, limits.per_minute[WN_RATE_TOKENS])},
        .burst_s = (uint32_t)first_set(own->burst_s, limits.burst_s),
        .concurrency = (uint32_t)first_set(own->concurrency, limits.concurrency),
    };
}

/* ---- numbers --------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)(a ^ 0xA0761D6478BD642Fu) * (b ^ 0xE7037ED1A0B428DBu);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Keys of different products differ in their last byte's highest bit and its neighbours, which no
 * letter of an id has. */
uint64_t wn_limit_number_of_key(const wn_key_id *id, wn_product product)
{
    uint64_t bits = (uint64_t)product;
    return wn_key_id_number(id) | (bits & 1) << 7 | (bits & 2) << 14 | (bits & 4) << 21;
}

/* The part of an address by which clients are told apart, as a number. */
static uint64_t prefix_of(const char *address)
{
    unsigned char bytes[16] = {0};
    static const unsigned char v4_mapped[V4_MAPPED_HEAD] = {[10] = 0xFF, [11] = 0xFF};
    uint64_t prefix = 0;
    size_t from = 0, n = 8;
    if (inet_pton(AF_INET, address, bytes) == 1) {
        n = 4;
    } else if (inet_pton(AF_INET6, address, bytes) == 1 &&
               memcmp(bytes, v4_mapped, sizeof v4_mapped) == 0) {
        from = V4_MAPPED_HEAD;
        n = 4;
    }
    for (size_t i = from; i < from + n; i++)
        prefix = prefix << 8 | bytes[i];
    return prefix;
}

uint64_t wn_limit_number_of_address(const char *address, uint64_t seed, wn_product product)
{
    return mix(mix(prefix_of(address), seed), (uint64_t)product) | ADDRESS_BIT;
}
