/* See card.h. */
#include "data/card.h"

#include "base/str.h"

#include <string.h>
#include <strings.h>

/* The next line of the text, without its end; false behind the last. */
static bool next_line(wn_str *line, wn_str *text)
{
    if (text->len == 0)
        return false;
    const char *end = memchr(text->ptr, '\n', text->len);
    size_t n = end == NULL ? text->len : (size_t)(end - text->ptr);
    *line = wn_str_slice(*text, 0, n > 0 && text->ptr[n - 1] == '\r' ? n - 1 : n);
    *text = wn_str_slice(*text, WN_MIN(n + 1, text->len), text->len);
    return true;
}

static bool is_around(char c)
{
    return c == ' ' || c == '\t' || c == '"' || c == '\'' || c == '[' || c == ']';
}

/* A YAML value without its quotes, or the brackets of a list of one. */
static wn_str bare(wn_str value)
{
    const char *comment = value.len == 0 ? NULL : memchr(value.ptr, '#', value.len);
    if (comment != NULL)
        value.len = (size_t)(comment - value.ptr);
    while (value.len > 0 && is_around(value.ptr[value.len - 1]))
        value.len--;
    while (value.len > 0 && is_around(value.ptr[0]))
        value = wn_str_slice(value, 1, value.len);
    return value;
}

bool wn_card_keep(char out[WN_CARD_WORD_MAX + 1], wn_str value)
{
    if (value.len == 0 || value.len > WN_CARD_WORD_MAX)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && strchr("-._+", c) == NULL)
            return false;
    }
    memcpy(out, value.ptr, value.len);
    out[value.len] = '\0';
    return true;
}

/* The value behind a key, or of a list below it of one item. */
static wn_str value_of(wn_str line, wn_str rest, size_t key_len)
{
    wn_str value = bare(wn_str_slice(line, key_len, line.len)), item, after = {0};
    if (value.len > 0 || !next_line(&item, &rest))
        return value;
    item = bare(item);
    if (next_line(&after, &rest) && wn_str_starts(bare(after), WN_STR("- ")))
        return value;
    return wn_str_starts(item, WN_STR("- ")) ? bare(wn_str_slice(item, 2, item.len)) : value;
}

bool wn_card_find(char out[WN_CARD_WORD_MAX + 1], wn_str card, wn_str key)
{
    wn_str line;
    if (!next_line(&line, &card) || !wn_str_equal(bare(line), WN_STR("---")))
        return false;
    while (next_line(&line, &card) && !wn_str_equal(bare(line), WN_STR("---"))) {
        if (wn_str_starts(line, key))
            return wn_card_keep(out, value_of(line, card, key.len));
    }
    return false;
}

bool wn_card_mentions(wn_str card, const char *word)
{
    size_t len = strlen(word);
    for (size_t at = 0; at + len <= card.len; at++) {
        if (strncasecmp(card.ptr + at, word, len) == 0)
            return true;
    }
    return false;
}
