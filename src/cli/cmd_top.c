/* winnow top: a running server as a live picture in a terminal, or once as text. */
#include "cli/program.h"
#include "cli/screen.h"
#include "cli/signals.h"
#include "cli/top_view.h"

#include "base/clock.h"
#include "base/date.h"
#include "base/str.h"
#include "data/json_bind.h"
#include "serve/probe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WN_WHERE      "cli/top"
#define TICK_MS       200 /* how soon a new size of the terminal is seen */
#define KEYS_EVERY_NS 5000000000
#define KEYS_SHARE    20 /* a report takes a part of this of the time at most */
#define ONCE_COLUMNS  120
#define ONCE_LINES    1000

/* What is known of the server. */
typedef struct watch {
    wn_probe probe;
    const char *metrics_target;
    wn_scrape scrapes[2]; /* the latest is [latest] */
    int latest;
    wn_top top;
    char trouble[sizeof((wn_error *)0)->message];
    bool has_keys; /* reports of all keys are given to us */
    uint64_t keys_at_ns, keys_next_ns;
} watch;

/* ---- asking ---------------------------------------------------------------------------------- */

static wn_status ask_metrics(watch *w, wn_scrape *scrape, wn_error *err)
{
    int code;
    WN_TRY(wn_probe_get(&w->probe, w->metrics_target, &code, &scrape->text, err));
    if (code == 401 || code == 403)
        WN_FAIL(err, WN_ERR_IO,
                "%s needs a key with the scope 'metrics': --api-key-file, or WINNOW_API_KEY",
                w->top.url);
    if (code != 200)
        WN_FAIL(err, WN_ERR_IO, "%s%s has status %d, not 200", w->top.url, w->metrics_target, code);
    return wn_scrape_read(scrape, wn_clock_ns(), err);
}

static const wn_top_key *find_key(const wn_top_key *keys, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(keys[i].id, id) == 0)
            return &keys[i];
    return NULL;
}

static int compare_keys(const void *a, const void *b)
{
    const wn_top_key *x = a, *y = b;
    double p = isnan(x->tokens_per_s) ? 0 : x->tokens_per_s;
    double q = isnan(y->tokens_per_s) ? 0 : y->tokens_per_s;
    if (p != q)
        return p < q ? 1 : -1;
    return (x->tokens < y->tokens) - (x->tokens > y->tokens);
}

static uint64_t count_of(const json_t *row, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(row, name));
    return n > 0 ? (uint64_t)n : 0;
}

/* Take the busiest rows of a report over. */
static void read_keys(watch *w, const json_t *rows, uint64_t now_ns)
{
    wn_top_key kept[WN_TOP_KEYS + 1];
    size_t n = 0;
    double seconds = (double)(now_ns - w->keys_at_ns) / 1e9;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *id = json_string_value(json_object_get(row, "key"));
        wn_top_key key = {.requests = count_of(row, "requests"),
                          .tokens = count_of(row, "tokens"),
                          .tokens_per_s = NAN};
        snprintf(key.id, sizeof key.id, "%s", id == NULL ? "" : id);
        const wn_top_key *old = find_key(w->top.keys, w->top.n_keys, key.id);
        if (old != NULL && w->keys_at_ns > 0 && key.tokens >= old->tokens)
            key.tokens_per_s = (double)(key.tokens - old->tokens) / seconds;
        kept[n++] = key;
        qsort(kept, n, sizeof *kept, compare_keys);
        n = WN_MIN(n, (size_t)WN_TOP_KEYS);
    }
    memcpy(w->top.keys, kept, n * sizeof *kept);
    w->top.n_keys = n;
    w->keys_at_ns = now_ns;
}

/* Today's usage of all keys, which only administrators see: who does not, is not told of it. */
static void ask_keys(watch *w)
{
    char target[80];
    int code = 0;
    json_t *report = NULL;
    wn_error err;
    wn_buf body = WN_BUF_INIT;
    uint64_t began_ns = wn_clock_ns();
    wn_date d = wn_date_from_s(time(NULL));
    snprintf(target, sizeof target, "/v1/usage?key=all&by=key&from=%04d-%02d-%02d", d.year % 10000,
             d.month % 100, d.day % 100);
    w->has_keys = wn_probe_get(&w->probe, target, &code, &body, &err) == WN_OK && code == 200 &&
                  wn_json_parse(&report, wn_buf_str(&body), "usage", &err) == WN_OK;
    uint64_t now_ns = wn_clock_ns();
    if (w->has_keys)
        read_keys(w, json_object_get(report, "data"), now_ns);
    uint64_t took_ns = now_ns - began_ns;
    w->keys_next_ns = now_ns + WN_MAX((uint64_t)KEYS_EVERY_NS, KEYS_SHARE * took_ns);
    json_decref(report);
    wn_buf_deinit(&body);
}

/* Look at the server once more. */
static wn_status look(watch *w, wn_error *err)
{
    wn_scrape *next = &w->scrapes[1 - w->latest];
    WN_TRY(ask_metrics(w, next, err));
    w->top.before = w->top.now == NULL ? next : &w->scrapes[w->latest];
    w->top.now = next;
    w->latest = 1 - w->latest;
    w->top.unix_s = (double)time(NULL);
    if (w->has_keys && w->probe.key != NULL && wn_clock_ns() >= w->keys_next_ns)
        ask_keys(w);
    return WN_OK;
}

/* ---- showing --------------------------------------------------------------------------------- */

static wn_status draw(watch *w, wn_screen *screen, bool colour, wn_error *err)
{
    size_t columns, lines;
    wn_buf picture = WN_BUF_INIT;
    wn_screen_size(&columns, &lines);
    wn_status status = WN_OK;
    if (wn_top_push(&picture, &w->top, columns, lines, colour))
        status = wn_screen_show(screen, wn_buf_str(&picture), err);
    else
        status = wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "no memory for a picture");
    wn_buf_deinit(&picture);
    return status;
}

/* Until a key ends it: look, and draw in between as soon as the terminal has another size.  A
 * server that does not answer may come back: what was last seen of it stays. */
static wn_status run(watch *w, wn_screen *screen, uint64_t interval_ns, bool colour, wn_error *err)
{
    uint64_t next_ns = wn_clock_ns() + interval_ns;
    size_t columns = 0, lines = 0;
    while (wn_signals_caught() == 0) {
        size_t columns_now, lines_now;
        wn_screen_size(&columns_now, &lines_now);
        bool due = wn_clock_ns() >= next_ns;
        if (due) {
            wn_error why;
            bool ok = look(w, &why) == WN_OK;
            if (ok)
                wn_top_remember(&w->top);
            else
                snprintf(w->trouble, sizeof w->trouble, "%s", why.message);
            w->top.trouble = ok ? NULL : w->trouble;
            next_ns = wn_clock_ns() + interval_ns;
        }
        if (due || columns_now != columns || lines_now != lines)
            WN_TRY(draw(w, screen, colour, err));
        columns = columns_now;
        lines = lines_now;
        char key = wn_screen_wait_key(screen, TICK_MS);
        if (key == 'q' || key == 'Q')
            break;
    }
    return WN_OK;
}

/* The rates of one interval as plain text. */
static wn_status show_once(watch *w, wn_program *program, uint64_t interval_ns, wn_error *err)
{
    wn_buf out = WN_BUF_INIT;
    const struct timespec pause = {.tv_sec = (time_t)(interval_ns / 1000000000)};
    if (nanosleep(&pause, NULL) != 0 && wn_signals_caught() != 0)
        return WN_ERR_CANCELLED;
    WN_TRY(look(w, err));
    wn_top_remember(&w->top);
    wn_top_push(&out, &w->top, ONCE_COLUMNS, ONCE_LINES, false);
    wn_status status = wn_program_write(program, &out, err);
    wn_buf_deinit(&out);
    return status;
}

static wn_status show(watch *w, wn_program *program, wn_error *err)
{
    const wn_terminal *terminal = &program->terminal;
    uint64_t interval_ns = (uint64_t)wn_args_int(&program->args, WN_OPT_INTERVAL) * 1000000000;
    wn_screen screen;
    WN_TRY(look(w, err));
    if (wn_args_has(&program->args, WN_OPT_ONCE) || !terminal->out_is_tty)
        return show_once(w, program, interval_ns, err);
    WN_TRY(wn_screen_begin(&screen, &program->out, err));
    wn_status status = run(w, &screen, interval_ns, terminal->colour, err);
    wn_screen_end(&screen);
    return status;
}

wn_status wn_cmd_top(wn_program *program, wn_error *err)
{
    const char *url = wn_args_text(&program->args, WN_OPT_TOP_URL);
    watch w = {.has_keys = true, .top = {.url = url}};
    WN_TRY(wn_probe_parse(&w.probe, url, err));
    w.probe.key = wn_args_text(&program->args, WN_OPT_TOP_KEY);
    w.metrics_target =
        w.probe.path[0] != '\0' && strcmp(w.probe.path, "/") != 0 ? w.probe.path : "/metrics";
    wn_status status = show(&w, program, err);
    wn_scrape_deinit(&w.scrapes[0]);
    wn_scrape_deinit(&w.scrapes[1]);
    if (status == WN_ERR_IO || status == WN_ERR_FORMAT)
        program->exit_code = WN_EXIT_FAILURE;
    return status;
}
