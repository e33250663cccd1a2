/* The picture of `winnow top`: a running server in a screen of text, from two answers of its
 * /metrics and, for who may see them, the keys that have used most.  What the server does not
 * measure is not shown.  Pure.
 * Thread rule: one at a time. */
#ifndef WN_CLI_TOP_VIEW_H
#define WN_CLI_TOP_VIEW_H

#include "cli/scrape.h"

#define WN_TOP_HISTORY 60 /* polls that the small charts go back */
#define WN_TOP_KEYS    8

/* A key of a report of usage. */
typedef struct wn_top_key {
    char id[16]; /* empty: without a key */
    uint64_t requests, tokens;
    double tokens_per_s; /* since the report before; NAN: none */
} wn_top_key;

typedef struct wn_top_history {
    double requests[WN_TOP_HISTORY], tokens[WN_TOP_HISTORY]; /* a second; the last is the latest */
    size_t n;
} wn_top_history;

typedef struct wn_top {
    const char *url;
    const wn_scrape *now, *before;
    const char *trouble; /* why `now` is not of now; NULL: it is */
    double unix_s;       /* the time of now */
    wn_top_history history;
    wn_top_key keys[WN_TOP_KEYS]; /* [n_keys] of today, those that use most first */
    size_t n_keys;
} wn_top;

/* Note the rates of the latest answer for the charts. */
void wn_top_remember(wn_top *top);

/* Append the picture, a line end behind each line; longer lines are cut, further ones left out.
 * With colour, headings and what needs attention stand out.
 * Fails:   false when memory is short. */
bool wn_top_push(wn_buf *out, const wn_top *top, size_t columns, size_t lines, bool colour);

#endif
