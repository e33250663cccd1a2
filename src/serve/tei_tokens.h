/* The bodies of TEI's /tokenize and /decode: what they ask for, and how tokens are told.  All
 * functions are pure.
 * Source:  text-embeddings-inference 1.9: docs/openapi.json.
 * Thread rule: any. */
#ifndef WN_SERVE_TEI_TOKENS_H
#define WN_SERVE_TEI_TOKENS_H

#include "serve/problem.h"
#include "winnow.h"

/* How many texts `inputs` of /tokenize are: a string, or a list of strings.
 * Fails:   0, and a problem. */
size_t wn_tei_count_texts(const json_t *inputs, wn_problem *problem);

/* Text i of those that were counted; points into inputs. */
wn_str wn_tei_text_at(const json_t *inputs, size_t i);

/* The tokens of a text as a JSON list. */
bool wn_tei_push_tokens(wn_buf *out, const wn_tokens *tokens);

/* How many lists `ids` of /decode are: one of whole numbers, or a list of such.
 * Fails:   0, and a problem. */
size_t wn_tei_count_lists(const json_t *ids, wn_problem *problem);

/* List i of those that were counted. */
const json_t *wn_tei_list_at(const json_t *ids, size_t i);

/* The ids of a list; what is no 32-bit number with a sign is -1, which is no id either.
 * Shapes:  out [json_array_size(list)]. */
void wn_tei_read_ids(int32_t *out, const json_t *list);

#endif
