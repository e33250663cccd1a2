/* The one batch form: sequences laid end to end, no padding, on any device.
 * Thread rule: a value; borrowed pointers. */
#ifndef WN_COMPUTE_BATCH_H
#define WN_COMPUTE_BATCH_H

#include "base/defs.h"

/* Keys and values of tokens that were read before, of every layer: what sequences of later batches
 * go on from.  The memory is an exec's. */
typedef struct wn_past {
    float *rows; /* [n_layers][n_tokens][width]: of a token its keys, then its values */
    size_t n_layers, n_tokens, width;
} wn_past;

typedef struct wn_batch {
    size_t n_seqs;
    size_t n_tokens;           /* == seq_start[n_seqs] */
    const int32_t *ids;        /* [n_tokens]; of the ops only embed() reads them */
    const int32_t *types;      /* [n_tokens], or NULL: all 0 */
    const uint32_t *seq_start; /* [n_seqs + 1], rising */
    const uint32_t *n_keys;    /* [n_seqs] tokens of each sequence that may be attended to (a prefix
                                  of it), or NULL: all.  Rows behind it are still computed. */
    const wn_past *past;       /* NULL: none */
    const uint32_t *past_start; /* [n_seqs] places in the past */
    const uint32_t *past_len;   /* [n_seqs] tokens from there on that stand before those of the
                                   sequence and may be attended to; NULL: the batch's own keys and
                                   values are written there */
} wn_batch;

/* Tokens before those of sequence i, which do not count as its own. */
static inline size_t wn_batch_n_past(const wn_batch *batch, size_t i)
{
    return batch->past != NULL && batch->past_len != NULL ? batch->past_len[i] : 0;
}

/* Of a token of the past its row in a layer. */
static inline float *wn_past_row(const wn_past *past, size_t layer, size_t token)
{
    WN_ASSERT(layer < past->n_layers && token < past->n_tokens);
    return past->rows + (layer * past->n_tokens + token) * past->width;
}

/* Tokens of sequence i that may be attended to; at least 1. */
static inline size_t wn_batch_n_keys(const wn_batch *batch, size_t i)
{
    size_t n = batch->seq_start[i + 1] - batch->seq_start[i];
    WN_ASSERT(n > 0 && (batch->n_keys == NULL || (batch->n_keys[i] > 0 && batch->n_keys[i] <= n)));
    return batch->n_keys != NULL ? batch->n_keys[i] : n;
}

/* Sequences [first, end) of a batch as one, which borrows from it; start [end - first + 1] becomes
 * its seq_start. */
static inline wn_batch wn_batch_part(const wn_batch *batch, size_t first, size_t end,
                                     uint32_t *start)
{
    size_t token = batch->seq_start[first];
    bool goes_on = batch->past != NULL;
    for (size_t i = first; i <= end; i++)
        start[i - first] = batch->seq_start[i] - (uint32_t)token;
    return (wn_batch){
        .n_seqs = end - first,
        .n_tokens = start[end - first],
        .ids = batch->ids != NULL ? batch->ids + token : NULL,
        .types = batch->types != NULL ? batch->types + token : NULL,
        .seq_start = start,
        .n_keys = batch->n_keys != NULL ? batch->n_keys + first : NULL,
        .past = batch->past,
        .past_start = goes_on ? batch->past_start + first : NULL,
        .past_len = goes_on && batch->past_len != NULL ? batch->past_len + first : NULL,
    };
}

/* The last of n rising starts that is not above item; the first is not.
 * Needs:   n >= 1. */
static inline size_t wn_find_start(const uint32_t *start, size_t n, size_t item)
{
    size_t low = 0, high = n;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (start[middle] <= item)
            low = middle;
        else
            high = middle;
    }
    return low;
}

#endif
