/* Added tokens: strings that become one id wherever they stand, before the model sees the text.
 * Two matchers, one for the raw text (normalized: false) and one for normalized text; each takes
 * the leftmost hit and there the longest.  Owns the rules of single_word, lstrip and rstrip.
 * Refuses an id that is not the one that the reference would give.
 * Source: huggingface/tokenizers 0.23, tokenizer/added_vocabulary.rs.
 * Thread rule: shared read-only after parse. */
#ifndef WN_TOKEN_ADDED_H
#define WN_TOKEN_ADDED_H

#include "base/arena.h"
#include "base/map.h"
#include "token/normalize.h"
#include "token/vocab.h"

typedef struct wn_added_token {
    wn_str content;
    int32_t id;
    bool single_word, lstrip, rstrip, normalized, special;
} wn_added_token;

/* Patterns by trie; the value is the index of the token. */
typedef struct wn_matcher {
    wn_trie trie;
    bool is_first[256]; /* a pattern starts with this byte */
    int only_first;     /* the byte when there is just one; -1: none or several */
    size_t n_patterns;
} wn_matcher;

typedef struct wn_added {
    wn_arena arena;
    wn_added_token *tokens;
    size_t count;
    wn_map by_content; /* index of a token */
    wn_matcher raw, normalized;
} wn_added;

/* Build from the value of "added_tokens" (NULL: none).
 * Fails:   WN_ERR_FORMAT with the JSON path and both ids, WN_ERR_MEMORY.
 * Owns:    caller frees with wn_added_deinit(), also after a failure; copies what it needs. */
WN_MUST_USE wn_status wn_added_parse(wn_added *out, const json_t *node, const wn_vocab *vocab,
                                     const wn_normalizer *normalizer, wn_error *err);
void wn_added_deinit(wn_added *added);

/* Progress through one text; starts as {0}. */
typedef struct wn_added_cursor {
    size_t search; /* the next hit starts here or later */
    size_t done;   /* text before it is spoken for; may go back, as in the reference */
    size_t space_start, space_end; /* white space that rstrip has already walked */
} wn_added_cursor;

/* A hit: text [before, start) is plain, [start, end) is the token. */
typedef struct wn_added_hit {
    size_t before, start, end;
    int32_t id;
} wn_added_hit;

/* The next hit; false when there is none, and text from cursor->done on is plain.
 * plain_specials: special tokens are passed over. */
bool wn_added_next(const wn_added *added, const wn_matcher *matcher, wn_str text,
                   bool plain_specials, wn_added_cursor *cursor, wn_added_hit *hit);

#endif
