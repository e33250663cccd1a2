/* Normalizers of a tokenizer.json: what happens to a piece of text before it is cut.
 * Owns the list of steps; refuses by name what it does not have.  Applied to each piece between
 * special tokens apart.
 * Source: huggingface/tokenizers 0.23, normalizers/.
 * Thread rule: shared read-only after parse. */
#ifndef WN_TOKEN_NORMALIZE_H
#define WN_TOKEN_NORMALIZE_H

#include "base/status.h"
#include "token/text.h"

#include <jansson.h>

typedef struct wn_normalizer wn_normalizer;

/* Build from the value of "normalizer" (NULL or JSON null: none).
 * Fails:   WN_ERR_FORMAT with the JSON path, WN_ERR_UNSUPPORTED naming the type, WN_ERR_MEMORY.
 * Owns:    caller frees with wn_normalizer_free(); node is not kept. */
WN_MUST_USE wn_status wn_normalizer_parse(wn_normalizer **out, const json_t *node, wn_error *err);
void wn_normalizer_free(wn_normalizer *normalizer);

/* Rewrite *text; *spare is scratch of the same kind (its content is lost).
 * Fails:   WN_ERR_MEMORY, WN_ERR_LIMIT when the text grows to more than WN_TEXT_GROWTH_MAX times
 *          its size and 64 KiB, or to more than WN_TEXT_BYTES_MAX. */
WN_MUST_USE wn_status wn_normalizer_run(const wn_normalizer *normalizer, wn_text *text,
                                        wn_text *spare, wn_error *err);

#endif
