/* The tokenizer that a GGUF file carries, written down as the tokenizer.json that it was made from:
 * one reader then serves both.  A file with tokenizer.huggingface.json has that very text.
 * What the metadata leaves out is told from the vocabulary, or refused: whether a WordPiece
 * vocabulary is of lower-cased text without accents is seen from its pieces.
 * Thread rule: any. */
#ifndef WN_TOKEN_GGUF_TOKENIZER_H
#define WN_TOKEN_GGUF_TOKENIZER_H

#include "base/buf.h"
#include "data/gguf.h"

#define WN_GGUF_TOKENS_MAX (16 * 1024 * 1024)

/* Append the tokenizer.json of a file's tokenizer.ggml keys.
 * Fails:   WN_ERR_FORMAT, WN_ERR_UNSUPPORTED (names the key and both values), WN_ERR_LIMIT,
 *          WN_ERR_MEMORY.
 * Source:  ggml-org/llama.cpp src/llama-vocab.cpp (keys, defaults), conversion/bert.py, base.py
 *          (how each vocabulary is written); the published tokenizer.json files for the rest. */
WN_MUST_USE wn_status wn_gguf_tokenizer_write(wn_buf *out, const wn_gguf *gguf, wn_error *err);

#endif
