/* Post-processors of a tokenizer.json as flat templates: which special tokens go where, and the
 * type ids.  What they do to offsets (ByteLevel, trim_offsets) is not needed here.
 * Refuses: templates that use a sequence twice or leave one out.
 * Source: huggingface/tokenizers 0.23, processors/.
 * Thread rule: shared read-only after parse. */
#ifndef WN_TOKEN_POSTPROCESS_H
#define WN_TOKEN_POSTPROCESS_H

#include "base/status.h"

#include <jansson.h>

/* One place of a template. */
typedef struct wn_template_item {
    int32_t id;      /* special token, or WN_SEQUENCE_A / WN_SEQUENCE_B */
    int32_t type_id; /* of all ids at this place */
} wn_template_item;
#define WN_SEQUENCE_A (-1)
#define WN_SEQUENCE_B (-2)

typedef struct wn_template {
    wn_template_item *items;
    size_t count, cap, n_special;
} wn_template;

/* Some ids in a row. */
typedef struct wn_id_span {
    const int32_t *ids; /* [n] */
    size_t n;
} wn_id_span;

/* Write a template with a and b in their places to ids and types; returns the number written.
 * Shapes:  ids, types [a.n + b.n + n_special]. */
size_t wn_template_assemble(const wn_template *t, int32_t *ids, int32_t *types, wn_id_span a,
                            wn_id_span b);

typedef struct wn_postprocessor {
    wn_template single, pair;
} wn_postprocessor;

/* Build from the value of "post_processor" (NULL or JSON null: the sequences alone, types 0 and 1).
 * Fails:   WN_ERR_FORMAT with the JSON path, WN_ERR_UNSUPPORTED naming the type, WN_ERR_MEMORY.
 * Owns:    caller frees with wn_postprocessor_deinit(), also after a failure. */
WN_MUST_USE wn_status wn_postprocessor_parse(wn_postprocessor *out, const json_t *node,
                                             wn_error *err);
void wn_postprocessor_deinit(wn_postprocessor *postprocessor);

#endif
