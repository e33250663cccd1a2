/* What the tiers of keys may do with each product: the policy that the server ships.  A key names
 * its tier and may have limits of its own, which come first.
 * Source: the hosted API's published table of 2024 (requests and tokens a minute; whichever is hit
 * first counts; per key, else per address).  It says nothing of embeddings, which get what rerank
 * gets.  Thread rule: constant, any. */
#ifndef WN_SERVE_TIERS_H
#define WN_SERVE_TIERS_H

#include "serve/key_record.h"
#include "serve/limiter.h"

typedef enum wn_product {
    WN_PRODUCT_RERANK = 0,
    WN_PRODUCT_EMBED,
    WN_PRODUCT_CLASSIFY, /* without training */
    WN_PRODUCT_TRAIN,    /* training, and classifying with what was trained */
    WN_PRODUCT_SEGMENT,
    WN_PRODUCT_COUNT
} wn_product;

/* The scope of a product's routes, which have the same order. */
#define WN_PRODUCT_SCOPE(product) (1u << (product))
_Static_assert(WN_PRODUCT_SCOPE(WN_PRODUCT_SEGMENT) == WN_SCOPE_SEGMENT, "order of products");

#define WN_TIER_NONE  "none" /* of who brings no key */
#define WN_TIER_NAMES "none, key or premium"

/* The name of the i-th tier, from the least on; NULL behind the last. */
const char *wn_tier_name(size_t i);

/* Whether there is a tier of this name. */
bool wn_tier_exists(const char *name);

/* Whether a tier may use a product at all.  A server that asks nobody for a key does not ask
 * this. */
bool wn_tier_allows(const char *name, wn_product product);

/* The limits of a key of a tier for a product: own ones (may be NULL) where they are set, else the
 * tier's.  A name that is no tier counts as "key". */
wn_limits wn_tier_limits(const char *tier, wn_product product, const wn_key_limits *own);

/* The number under which the limiter counts a key's use of a product: of an id, or of the address
 * of a client without key, in numbers and colons or dots.  An IPv6 address counts with all of its
 * /64, since whoever has one has the rest.  The seed keeps strangers from choosing a number.
 * What is no address gets a number like any other. */
uint64_t wn_limit_number_of_key(const wn_key_id *id, wn_product product);
uint64_t wn_limit_number_of_address(const char *address, uint64_t seed, wn_product product);

#endif
