/* See added.h. */
#include "token/added.h"
#include "base/str.h"
#include "data/json_bind.h"
#include "data/unicode.h"
#include "token/field.h"

#include <stdio.h>

#define WN_WHERE "token/added"

/* ---- parsing --------------------------------------------------------------------------------- */

/* Read tokens[i] but for its id; *file_id is the id in the file. */
static wn_status read_token(wn_added_token *out, uint32_t *file_id, const json_t *node, size_t i,
                            wn_error *err)
{
    char path[48];
    const wn_fields fields = {node, path};
    snprintf(path, sizeof path, "added_tokens[%zu]", i);
    if (!json_is_object(node))
        WN_FAIL(err, WN_ERR_FORMAT, "%s: is %s, expected an object", path, wn_json_type_name(node));
    WN_TRY(wn_field_uint(file_id, &fields, "id", WN_REQUIRED, err));
    WN_TRY(wn_field_str(&out->content, &fields, "content", WN_REQUIRED, err));
    WN_TRY(wn_field_bool(&out->single_word, &fields, "single_word", WN_REQUIRED, err));
    WN_TRY(wn_field_bool(&out->lstrip, &fields, "lstrip", WN_REQUIRED, err));
    WN_TRY(wn_field_bool(&out->rstrip, &fields, "rstrip", WN_REQUIRED, err));
    WN_TRY(wn_field_bool(&out->normalized, &fields, "normalized", WN_REQUIRED, err));
    return wn_field_bool(&out->special, &fields, "special", WN_REQUIRED, err);
}

/* Add a token, or give a content that was there its new properties; next_id is for a new content
 * that is not in the vocabulary. */
static wn_status add_token(wn_added *added, wn_added_token token, uint32_t file_id, size_t i,
                           int32_t *next_id, const wn_vocab *vocab, wn_error *err)
{
    int32_t index = wn_map_get(&added->by_content, token.content, -1);
    token.id = index >= 0 ? added->tokens[index].id : wn_vocab_find(vocab, token.content);
    if (token.id < 0)
        token.id = (*next_id)++;
    if (token.id != (int32_t)file_id)
        WN_FAIL(err, WN_ERR_FORMAT,
                "added_tokens[%zu].id: '%.*s' has id %u, the vocabulary gives it %d", i,
                WN_STR_ARG(token.content), file_id, token.id);
    if (index >= 0) {
        token.special = token.special || added->tokens[index].special;
        token.content = added->tokens[index].content;
        added->tokens[index] = token;
        return WN_OK;
    }
    token.content = wn_arena_str(&added->arena, token.content);
    if (token.content.ptr == NULL ||
        !wn_map_put(&added->by_content, token.content, (int32_t)added->count, NULL))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for added token %zu", i);
    added->tokens[added->count++] = token;
    return WN_OK;
}

/* Make pattern stand for a token.  When two normalized tokens have become the same pattern the
 * reference picks one by chance; here the lower id wins. */
static bool add_pattern(wn_matcher *matcher, wn_str pattern, size_t index,
                        const wn_added_token *tokens)
{
    if (pattern.len == 0)
        return true;
    int32_t old = wn_trie_find(&matcher->trie, pattern);
    if (old >= 0 && tokens[old].id < tokens[index].id)
        return true;
    unsigned char first = (unsigned char)pattern.ptr[0];
    if (!matcher->is_first[first]) {
        matcher->only_first = matcher->n_patterns == 0 ? first : -1;
        matcher->is_first[first] = true;
    }
    matcher->n_patterns++;
    return wn_trie_put(&matcher->trie, pattern, (int32_t)index, NULL);
}

static wn_status build_matchers(wn_added *added, const wn_normalizer *normalizer, wn_error *err)
{
    wn_text text = WN_TEXT_INIT, spare = WN_TEXT_INIT;
    wn_status status = WN_OK;
    if (!wn_trie_init(&added->raw.trie, 64) || !wn_trie_init(&added->normalized.trie, 64))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for added tokens");
    for (size_t i = 0; i < added->count; i++) {
        wn_str pattern = added->tokens[i].content;
        if (added->tokens[i].normalized) {
            wn_text_clear(&text, false);
            if (!wn_text_push_original(&text, pattern, 0))
                WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for added tokens");
            WN_TRY_OUT(wn_normalizer_run(normalizer, &text, &spare, err));
            pattern = wn_buf_str(&text.bytes);
        }
        wn_matcher *matcher = added->tokens[i].normalized ? &added->normalized : &added->raw;
        if (!add_pattern(matcher, pattern, i, added->tokens))
            WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for added tokens");
    }
out:
    wn_text_deinit(&text);
    wn_text_deinit(&spare);
    return status;
}

wn_status wn_added_parse(wn_added *out, const json_t *node, const wn_vocab *vocab,
                         const wn_normalizer *normalizer, wn_error *err)
{
    *out = (wn_added){.raw.only_first = -1, .normalized.only_first = -1};
    if (node != NULL && !json_is_array(node))
        WN_FAIL(err, WN_ERR_FORMAT, "added_tokens: is %s, expected an array",
                wn_json_type_name(node));
    size_t n = json_array_size(node);
    out->tokens = wn_arena_alloc(&out->arena, n, sizeof *out->tokens);
    if (out->tokens == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu added tokens", n);
    int32_t next_id = (int32_t)vocab->count;
    for (size_t i = 0; i < n; i++) {
        wn_added_token token = {0};
        uint32_t file_id = 0;
        WN_TRY(read_token(&token, &file_id, json_array_get(node, i), i, err));
        if (token.content.len > WN_PIECE_BYTES_MAX)
            WN_FAIL(err, WN_ERR_LIMIT, "added_tokens[%zu].content: has %zu bytes, at most %d", i,
                    token.content.len, WN_PIECE_BYTES_MAX);
        if (token.content.len > 0)
            WN_TRY(add_token(out, token, file_id, i, &next_id, vocab, err));
    }
    return build_matchers(out, normalizer, err);
}

void wn_added_deinit(wn_added *added)
{
    wn_arena_deinit(&added->arena);
    wn_map_deinit(&added->by_content);
    wn_trie_deinit(&added->raw.trie);
    wn_trie_deinit(&added->normalized.trie);
    *added = (wn_added){0};
}

/* ---- matching -------------------------------------------------------------------------------- */

/* Where a pattern may start, at or behind `at`. */
static size_t next_first(const wn_matcher *matcher, wn_str text, size_t at)
{
    if (matcher->only_first >= 0) {
        const char *p = memchr(text.ptr + at, matcher->only_first, text.len - at);
        return p == NULL ? text.len : (size_t)(p - text.ptr);
    }
    while (at < text.len && !matcher->is_first[(unsigned char)text.ptr[at]])
        at++;
    return at;
}

/* End of the longest pattern that starts at `at`, or 0. */
static size_t longest_at(const wn_matcher *matcher, wn_str text, size_t at, int32_t *index)
{
    wn_trie_node node = WN_TRIE_ROOT;
    size_t end = 0;
    while (at < text.len) {
        node = wn_trie_step(&matcher->trie, node, (unsigned char)text.ptr[at++]);
        if (node == WN_TRIE_NONE)
            break;
        if ((node & WN_TRIE_KEY_ENDS) != 0) {
            end = at;
            *index = wn_trie_value(&matcher->trie, node);
        }
    }
    return end;
}

/* The character at `at` has this WN_UC_ flag. */
static bool is_class(wn_str text, size_t at, uint32_t flag)
{
    size_t len;
    return (wn_unicode_flags(wn_utf8_decode(text.ptr + at, &len)) & flag) != 0;
}

static bool is_single_word(wn_str text, size_t start, size_t end)
{
    bool before = start > 0 && is_class(text, wn_utf8_before(text.ptr, start), WN_UC_WORD);
    bool after = end < text.len && is_class(text, end, WN_UC_WORD);
    return !before && !after;
}

/* Start of the white space that ends at `at`, not before `limit`. */
static size_t space_before(wn_str text, size_t at, size_t limit)
{
    while (at > limit) {
        size_t before = wn_utf8_before(text.ptr, at);
        if (!is_class(text, before, WN_UC_SPACE))
            break;
        at = before;
    }
    return WN_MAX(at, limit);
}

/* End of the white space that starts at `at`; remembers the run, so that hits inside of it do not
 * walk it again. */
static size_t space_behind(wn_str text, size_t at, wn_added_cursor *cursor)
{
    if (at >= cursor->space_start && at < cursor->space_end)
        return cursor->space_end;
    cursor->space_start = at;
    while (at < text.len && is_class(text, at, WN_UC_SPACE))
        at += wn_utf8_len(text.ptr[at]);
    cursor->space_end = at;
    return at;
}

bool wn_added_next(const wn_added *added, const wn_matcher *matcher, wn_str text,
                   bool plain_specials, wn_added_cursor *cursor, wn_added_hit *hit)
{
    if (matcher->n_patterns == 0)
        return false;
    for (;;) {
        size_t start = next_first(matcher, text, cursor->search);
        if (start == text.len)
            return false;
        int32_t index = -1;
        size_t end = longest_at(matcher, text, start, &index);
        if (end == 0) {
            cursor->search = start + 1;
            continue;
        }
        /* A hit that is rejected has still consumed its text. */
        cursor->search = end;
        const wn_added_token *token = &added->tokens[index];
        if ((plain_specials && token->special) ||
            (token->single_word && !is_single_word(text, start, end)))
            continue;
        if (token->lstrip)
            start = space_before(text, start, cursor->done);
        if (token->rstrip)
            end = space_behind(text, end, cursor);
        end = WN_MAX(end, start); /* a hit in white space that an rstrip took already */
        *hit = (wn_added_hit){WN_MIN(cursor->done, start), start, end, token->id};
        cursor->done = end;
        return true;
    }
}
