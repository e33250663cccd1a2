/* The merges of a SentencePiece vocabulary.  Its files have pieces with scores and no merges; the
 * tokenizer.json made of such a vocabulary lists, for every piece, each two pieces that it can be
 * cut into.
 * Pieces come from strangers, who could make all cuts of all pieces count, or long pieces that are
 * slow to look up: both are bounded.
 * Thread rule: any. */
#ifndef WN_TOKEN_GGUF_MERGES_H
#define WN_TOKEN_GGUF_MERGES_H

#include "base/buf.h"
#include "base/status.h"

#define WN_MERGED_PIECE_MAX 256        /* bytes; Gemma's longest is 31 U+2581, 93 bytes */
#define WN_MERGES_BYTES_MAX (64 << 20) /* of the list; Gemma's has about 12 MB */

typedef struct wn_scored_piece {
    wn_str text; /* valid UTF-8 */
    double score;
    int32_t id;
} wn_scored_piece;

/* Append the list, [["left","right"], ...], of pieces [n], which are put in another order.  The
 * first merges are those of the piece with the highest score, of equal ones that with the lowest
 * id; the merges of one piece are in the order of the left one's id.
 * Needs:   scores are numbers, no piece is there twice.
 * Fails:   WN_ERR_LIMIT over WN_MERGED_PIECE_MAX, WN_MERGES_BYTES_MAX or WN_VOCAB_BYTES_MAX;
 *          WN_ERR_MEMORY.
 * Source:  huggingface/transformers 4.38 convert_slow_tokenizer.py SentencePieceExtractor.extract,
 *          by which the published files were made.  Later versions put longer left pieces first
 *          among those of one score. */
WN_MUST_USE wn_status wn_gguf_merges_push(wn_buf *out, wn_scored_piece *pieces, size_t n,
                                          wn_error *err);

#endif
