/* The steps of a normalizer, one function a kind; only normalize*.c include this.
 * Every step rewrites *text with *spare as scratch, and fails with WN_ERR_MEMORY, or WN_ERR_LIMIT
 * when the result is over WN_TEXT_BYTES_MAX.
 * Thread rule: any; a step is shared read-only. */
#ifndef WN_TOKEN_NORMALIZE_STEPS_H
#define WN_TOKEN_NORMALIZE_STEPS_H

#include "base/str.h"
#include "token/charsmap.h"
#include "token/normalize_form.h"
#include "token/pattern.h"
#include "token/text.h"

/* What BertNormalizer does, in this order. */
typedef struct wn_bert {
    bool clean_text, handle_chinese_chars, strip_accents, lowercase;
    uint8_t ascii[128]; /* what becomes of each; WN_BERT_DROP: nothing */
} wn_bert;
#define WN_BERT_DROP 0xFF

/* Fill ascii[] from the four switches. */
void wn_bert_init(wn_bert *bert);
WN_MUST_USE wn_status wn_bert_run(const wn_bert *bert, wn_text *text, wn_text *spare,
                                  wn_error *err);

/* Rust's char::to_lowercase on every character. */
WN_MUST_USE wn_status wn_lowercase_run(wn_text *text, wn_text *spare, wn_error *err);

/* Remove every character that has one of the flags. */
WN_MUST_USE wn_status wn_filter_run(uint32_t flags, wn_text *text, wn_text *spare, wn_error *err);

/* SentencePiece's nmt rule: drop controls, make odd white space a space. */
WN_MUST_USE wn_status wn_nmt_run(wn_text *text, wn_text *spare, wn_error *err);

/* Remove white space at the ends; cannot fail. */
void wn_strip_run(bool left, bool right, wn_text *text);

/* Put content in front of a text that is not empty. */
WN_MUST_USE wn_status wn_prepend_run(wn_str content, wn_text *text, wn_text *spare, wn_error *err);

/* Put content in place of every match. */
WN_MUST_USE wn_status wn_replace_run(const wn_pattern *pattern, wn_str content, wn_text *text,
                                     wn_text *spare, wn_error *err);

/* Apply a charsmap to every grapheme cluster. */
WN_MUST_USE wn_status wn_precompiled_run(const wn_charsmap *map, wn_text *text, wn_text *spare,
                                         wn_error *err);

#endif
