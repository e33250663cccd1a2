/* Widths of a model for tests of plans and workspaces: the MiniLM shape with token vectors. */
#ifndef WN_TESTS_CHECK_DIMS_H
#define WN_TESTS_CHECK_DIMS_H

#include "compute/plan.h"

static const wn_dims mini = {.hidden = 384,
                             .n_heads = 12,
                             .n_kv_heads = 12,
                             .head_dim = 32,
                             .up = 1536,
                             .intermediate = 1536,
                             .out_dim = 96,
                             .max_tokens = 512};

#endif
