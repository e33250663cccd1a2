/* The shape of the generated tables; only unicode.h and unicode.c look at them.
 * Two stages: block number by code >> 7, then an index by position in the block.
 * Thread rule: shared read-only. */
#ifndef WN_DATA_UNICODE_TABLES_H
#define WN_DATA_UNICODE_TABLES_H

#include <stddef.h>
#include <stdint.h>

#define WN_UNICODE_BLOCK_BITS 7

/* Code points that behave alike: WN_UC_ flags and the distance to the lower-case letter. */
typedef struct wn_unicode_class {
    uint32_t flags;
    int32_t lower;
} wn_unicode_class;

/* What normalization forms need to know. */
typedef struct wn_unicode_record {
    uint16_t nfd, nfkd; /* place in the pool of the full decomposition, 0: none */
    uint8_t ccc;        /* canonical combining class */
    uint8_t unstable;   /* WN_UC_NFC and its kin: forms that may change it */
} wn_unicode_record;

typedef struct wn_unicode_pair {
    uint32_t first, second, composed;
} wn_unicode_pair;

extern const wn_unicode_class wn_unicode_classes[];
extern const uint16_t wn_unicode_first[];
extern const uint8_t wn_unicode_second[];
extern const wn_unicode_record wn_unicode_records[];
extern const uint16_t wn_unicode_norm_first[];
extern const uint16_t wn_unicode_norm_second[];
extern const uint32_t wn_unicode_pool[]; /* a count, then that many code points */
extern const wn_unicode_pair wn_unicode_pairs[];
extern const size_t wn_unicode_n_pairs;

#endif
