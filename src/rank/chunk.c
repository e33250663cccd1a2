/* See chunk.h. */
#include "rank/chunk.h"

wn_chunks wn_chunks_make(size_t n_tokens, size_t window, size_t overlap)
{
    WN_ASSERT(window >= 1);
    return (wn_chunks){n_tokens, window, WN_MIN(overlap, window / 4)};
}

size_t wn_chunks_count(const wn_chunks *chunks)
{
    if (chunks->n_tokens <= chunks->window)
        return 1;
    size_t stride = chunks->window - chunks->overlap;
    return (chunks->n_tokens - chunks->window + stride - 1) / stride + 1;
}

void wn_chunks_at(const wn_chunks *chunks, size_t *start, size_t *end, size_t i)
{
    size_t at = i * (chunks->window - chunks->overlap);
    if (chunks->n_tokens <= chunks->window) {
        *start = 0;
        *end = chunks->n_tokens;
    } else if (at + chunks->window >= chunks->n_tokens) {
        *start = chunks->n_tokens - chunks->window;
        *end = chunks->n_tokens;
    } else {
        *start = at;
        *end = at + chunks->window;
    }
}
