/* Pre-tokenizers of a tokenizer.json: cut a normalized piece into pre-tokens, sometimes rewriting
 * it (Metaspace, ByteLevel).  Known patterns have scanners of their own; any other pattern runs in
 * PCRE2 with match limits.  Refuses by name what it does not have.
 * Thread rule: shared read-only after parse. */
#ifndef WN_TOKEN_SPLIT_H
#define WN_TOKEN_SPLIT_H

#include "base/status.h"
#include "token/text.h"

#include <jansson.h>

typedef struct wn_splitter wn_splitter;

/* Scratch that a run needs; one per thread, kept and reused. */
typedef struct wn_split_scratch {
    wn_text spare;
    wn_spans spans;
    void *match; /* PCRE2 match data of this thread */
} wn_split_scratch;

#define WN_SPLIT_SCRATCH_INIT                                                                      \
    {                                                                                              \
        0                                                                                          \
    }

/* Free the memory; the scratch is empty and usable again. */
void wn_split_scratch_deinit(wn_split_scratch *scratch);

/* Build from the value of "pre_tokenizer" (NULL or JSON null: the piece is one pre-token). */
WN_MUST_USE wn_status wn_splitter_parse(wn_splitter **out, const json_t *node, wn_error *err);
void wn_splitter_free(wn_splitter *splitter);

/* Cut *text (rewriting it where the steps ask for it) into *spans, which is cleared first.
 * at_start: the piece begins at byte 0 of the original text (Metaspace prepend_scheme "first").
 * Fails:   WN_ERR_MEMORY, WN_ERR_LIMIT when a foreign pattern needs too many steps. */
WN_MUST_USE wn_status wn_splitter_run(const wn_splitter *splitter, wn_text *text, bool at_start,
                                      wn_spans *spans, wn_split_scratch *scratch, wn_error *err);

#endif
