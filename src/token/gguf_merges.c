/* See gguf_merges.h.  A piece costs a look-up for each of its beginnings and for the rest behind
 * those that are pieces, at most WN_MERGED_PIECE_MAX of each. */
#include "token/gguf_merges.h"

#include "base/map.h"
#include "base/str.h"
#include "data/json_text.h"
#include "token/vocab.h"

#include <inttypes.h>
#include <stdlib.h>

#define WN_WHERE "token/gguf_merges"

#define NOT_A_PIECE (-1)

/* A place between two bytes of a piece that has a piece on both sides. */
typedef struct cut {
    int32_t left;
    uint32_t at;
} cut;

static int by_score(const void *a, const void *b)
{
    const wn_scored_piece *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int by_left(const void *a, const void *b)
{
    const cut *x = a, *y = b;
    return x->left < y->left ? -1 : x->left > y->left;
}

static wn_status index_pieces(wn_map *ids, const wn_scored_piece *pieces, size_t n, wn_error *err)
{
    size_t bytes = 0;
    if (!wn_map_reserve(ids, n))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu pieces", n);
    for (size_t i = 0; i < n; i++) {
        wn_str text = pieces[i].text;
        bytes += text.len;
        if (text.len > WN_MERGED_PIECE_MAX)
            WN_FAIL(err, WN_ERR_LIMIT, "the piece with id %" PRId32 " has %zu bytes, at most %d",
                    pieces[i].id, text.len, WN_MERGED_PIECE_MAX);
        if (bytes > WN_VOCAB_BYTES_MAX)
            WN_FAIL(err, WN_ERR_LIMIT, "pieces of over %u bytes in all", WN_VOCAB_BYTES_MAX);
        if (!wn_map_put(ids, text, pieces[i].id, NULL))
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu pieces", n);
    }
    return WN_OK;
}

/* UTF-8 takes care that a cut is between characters: no piece begins inside of one. */
static size_t find_cuts(cut cuts[WN_MERGED_PIECE_MAX], const wn_map *ids, wn_str text)
{
    size_t n = 0;
    for (size_t at = 1; at < text.len; at++) {
        int32_t left = wn_map_get(ids, (wn_str){text.ptr, at}, NOT_A_PIECE);
        wn_str rest = {text.ptr + at, text.len - at};
        if (left != NOT_A_PIECE && wn_map_get(ids, rest, NOT_A_PIECE) != NOT_A_PIECE)
            cuts[n++] = (cut){left, (uint32_t)at};
    }
    qsort(cuts, n, sizeof *cuts, by_left);
    return n;
}

static wn_status push_list(wn_buf *out, const wn_map *ids, const wn_scored_piece *pieces, size_t n,
                           wn_error *err)
{
    size_t start = out->len;
    const char *open = "[[";
    cut cuts[WN_MERGED_PIECE_MAX];
    for (size_t i = 0; i < n; i++) {
        wn_str text = pieces[i].text;
        size_t n_cuts = find_cuts(cuts, ids, text);
        for (size_t j = 0; j < n_cuts; j++) {
            size_t at = cuts[j].at;
            wn_buf_push_str(out, (wn_str){open, 2});
            wn_json_push_string(out, (wn_str){text.ptr, at});
            wn_buf_push_byte(out, ',');
            wn_json_push_string(out, (wn_str){text.ptr + at, text.len - at});
            wn_buf_push_byte(out, ']');
            open = ",[";
        }
        if (out->len - start > WN_MERGES_BYTES_MAX)
            WN_FAIL(err, WN_ERR_LIMIT, "the merges of %zu pieces have over %d bytes", n,
                    WN_MERGES_BYTES_MAX);
    }
    wn_buf_push_str(out, out->len == start ? WN_STR("[]") : WN_STR("]"));
    if (out->failed)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the merges of %zu pieces", n);
    return WN_OK;
}

wn_status wn_gguf_merges_push(wn_buf *out, wn_scored_piece *pieces, size_t n, wn_error *err)
{
    wn_map ids = WN_MAP_INIT;
    wn_status status = index_pieces(&ids, pieces, n, err);
    if (status == WN_OK) {
        qsort(pieces, n, sizeof *pieces, by_score);
        status = push_list(out, &ids, pieces, n, err);
    }
    wn_map_deinit(&ids);
    return status;
}
