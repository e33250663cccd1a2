/* How a query and a document become one sequence.  Encoders have the template of tokenizer.json;
 * decoders are asked in words, which this file knows by their family: ids before, between and
 * behind the texts, and words that are tokenized together with a text because its first or last
 * token may join them.
 * Thread rule: shared read-only after wn_prompt_make(). */
#ifndef WN_RANK_PROMPT_H
#define WN_RANK_PROMPT_H

#include "base/arena.h"
#include "model/config.h"
#include "token/tokenizer.h"

/* The ids around a query and a document. */
typedef struct wn_frame {
    wn_template pair;
    size_t n_between; /* ids between query and document */
    size_t n_before;  /* ids before the document */
} wn_frame;

typedef struct wn_prompt {
    wn_frame plain;                /* of requests without an instruction: with the model's own */
    wn_frame instructed;           /* of those with one */
    wn_str query_lead, query_tail; /* around the query's text */
    wn_str doc_lead, doc_tail;     /* around a document's */
    wn_id_span tail;               /* ids of query_tail, which a query keeps when it is cut */
    wn_id_span doc_again, doc_end; /* that a part of a document has, unless it begins or ends with
                                      the document: the words in front of it and doc_tail */
    /* Around an instruction, which stands with them where the query's lead does, or in a listwise
     * prompt by itself; both empty: the model takes none. */
    wn_str instruction_lead, instruction_tail;
} wn_prompt;

/* Whether requests may have an instruction. */
static inline bool wn_prompt_takes_instructions(const wn_prompt *prompt)
{
    return prompt->instruction_lead.len > 0;
}

/* The prompt of a configuration, and the ids of its answers, unless config has them; the template
 * of the tokenizer, which config then says, where config->takes_template allows it.  A prompt may
 * lower config->max_tokens: of a model that asks, whose weights are loaded after this.
 * Fails:   WN_ERR_FORMAT when the tokenizer lacks an answer as one token, WN_ERR_MEMORY.
 * Owns:    borrows the tokenizer; ids lie in the arena. */
WN_MUST_USE wn_status wn_prompt_make(wn_prompt *out, wn_config *config,
                                     const wn_tokenizer *tokenizer, wn_arena *arena, wn_error *err);

/* Write the first n ids of a longer query, the last of them those of the tail.
 * Shapes:  out [n]. */
void wn_prompt_cut_query(const wn_prompt *prompt, int32_t *out, const int32_t *query, size_t n);

#endif
