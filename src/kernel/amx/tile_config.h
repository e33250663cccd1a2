/* What LDTILECFG reads: how many rows of how many bytes each tile register has.
 * Source: Intel SDM volume 1, chapter 18.
 * Thread rule: values. */
#ifndef WN_KERNEL_TILE_CONFIG_H
#define WN_KERNEL_TILE_CONFIG_H

#include "base/defs.h"

enum { TILE_ROWS = 16, TILE_BYTES = 64, N_TILES = 8 };

/* A tile of no rows and no bytes cannot be used. */
typedef struct tile_config {
    uint8_t palette; /* 1 */
    uint8_t start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_config;
_Static_assert(sizeof(tile_config) == 64, "LDTILECFG reads 64 bytes");

#endif
