/* See top_view.h.  A line is put together in one buffer and then cut to the screen, so no line
 * counts columns itself. */
#include "cli/top_view.h"

#include "cli/terminal.h"

#include <math.h>
#include <stdio.h>

#define BAR_CELLS    10
#define LABEL_CHARS  64
#define ROUTES_MAX   32
#define ROUTES_SHOWN 10
#define ALL(name)    ((wn_choice){.family = (name)})

/* How a line stands out. */
typedef enum style { PLAIN = 0, STRONG, ALARM } style;

typedef struct screen {
    wn_buf *out;
    wn_buf line;
    const wn_top *top;
    size_t columns, lines_left;
    bool colour;
} screen;

static void end_line(screen *s, style how)
{
    static const char *const begin[] = {"", "\x1b[1m", "\x1b[1;31m"};
    if (s->lines_left > 0) {
        s->lines_left--;
        bool styled = s->colour && how != PLAIN;
        if (styled)
            wn_buf_push_str(s->out, wn_str_from(begin[how]));
        wn_terminal_push_text(s->out, wn_buf_str(&s->line), s->columns);
        wn_buf_push_str(s->out, styled ? WN_STR("\x1b[0m\n") : WN_STR("\n"));
    }
    s->out->failed |= s->line.failed;
    wn_buf_clear(&s->line);
}

/* ---- numbers --------------------------------------------------------------------------------- */

#define NUMBER_CHARS 24
typedef struct number {
    char text[NUMBER_CHARS];
} number;

/* Four digits at most: "0", "3.25", "412", "48.1k", "1.20M". */
static number short_number(double x)
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    number n;
    size_t unit = 0;
    for (; x >= 999.5 && unit + 1 < WN_ARRAY_LEN(units); unit++)
        x /= 1000;
    int digits = x >= 99.95 || (unit == 0 && x == floor(x)) ? 0 : x >= 9.995 ? 1 : 2;
    snprintf(n.text, sizeof n.text, "%.*f%s", digits, x, units[unit]);
    return n;
}

static number short_bytes(double x)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    number n;
    size_t unit = 0;
    for (; x >= 1023.5 && unit + 1 < WN_ARRAY_LEN(units); unit++)
        x /= 1024;
    snprintf(n.text, sizeof n.text, "%.*f %s", x >= 99.95 || unit == 0 ? 0 : 1, x, units[unit]);
    return n;
}

/* A time in the unit that suits it; nothing observed is a dash. */
static number short_time(double s)
{
    number n;
    if (isnan(s))
        snprintf(n.text, sizeof n.text, "-");
    else if (s < 0.0995)
        snprintf(n.text, sizeof n.text, "%.*f ms", s < 0.00995 ? 1 : 0, s * 1000);
    else if (s < 9.95)
        snprintf(n.text, sizeof n.text, "%.*f %s", s < 0.9995 ? 0 : 2, s < 0.9995 ? s * 1000 : s,
                 s < 0.9995 ? "ms" : "s");
    else
        snprintf(n.text, sizeof n.text, "%.1f s", s);
    return n;
}

/* " WORD NUMBER" when the server has it. */
static void push_if(screen *s, const char *before, double value, const char *after)
{
    if (!isnan(value))
        wn_buf_printf(&s->line, "%s%s%s", before, short_number(value).text, after);
}

static double gauge(const screen *s, const char *family)
{
    return wn_scrape_sum(s->top->now, ALL(family));
}

static double rate(const screen *s, const char *family, const char *label, const char *value)
{
    return wn_scrape_rate(s->top->now, s->top->before, (wn_choice){family, label, value});
}

/* ---- charts ---------------------------------------------------------------------------------- */

/* The latest values as columns of eighths, the highest of all full. */
static void push_chart(wn_buf *out, const double *values, size_t n, size_t cells)
{
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double most = 0;
    size_t first = n > cells ? n - cells : 0;
    for (size_t i = first; i < n; i++)
        most = WN_MAX(most, values[i]);
    for (size_t i = n; i < cells; i++)
        wn_buf_push_byte(out, ' ');
    for (size_t i = first; i < n; i++) {
        size_t level = most > 0 && values[i] > 0 ? (size_t)ceil(values[i] / most * 8) : 0;
        wn_buf_push_str(out, wn_str_from(blocks[WN_MIN(level, (size_t)8)]));
    }
}

static void remember(double *values, size_t n, double value)
{
    if (n == WN_TOP_HISTORY)
        memmove(values, values + 1, (WN_TOP_HISTORY - 1) * sizeof *values);
    values[WN_MIN(n, (size_t)WN_TOP_HISTORY - 1)] = isnan(value) ? 0 : value;
}

void wn_top_remember(wn_top *top)
{
    wn_top_history *h = &top->history;
    remember(h->requests, h->n, wn_scrape_rate(top->now, top->before, ALL("wn_requests_total")));
    remember(h->tokens, h->n, wn_scrape_rate(top->now, top->before, ALL("wn_tokens_total")));
    h->n = WN_MIN(h->n + 1, (size_t)WN_TOP_HISTORY);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void push_label(screen *s, const char *before, const char *family, const char *label)
{
    wn_str value = wn_scrape_label(s->top->now, family, label);
    if (value.len > 0)
        wn_buf_printf(&s->line, "%s%.*s", before, WN_STR_ARG(value));
}

static void push_uptime(screen *s)
{
    double start = gauge(s, "process_start_time_seconds");
    if (isnan(start) || start > s->top->unix_s)
        return;
    uint64_t up = (uint64_t)(s->top->unix_s - start);
    wn_buf_push_str(&s->line, WN_STR("  up "));
    if (up >= 86400)
        wn_buf_printf(&s->line, "%llud ", (unsigned long long)(up / 86400));
    wn_buf_printf(&s->line, "%02d:%02d:%02d", (int)(up % 86400 / 3600), (int)(up % 3600 / 60),
                  (int)(up % 60));
}

/* The state in a word. */
static const char *state_of(const screen *s)
{
    if (gauge(s, "wn_stuck_models") > 0)
        return "STUCK";
    if (gauge(s, "wn_ready") == 0)
        return "NOT READY";
    return gauge(s, "wn_degraded") > 0 ? "DEGRADED" : "ready";
}

static void push_head(screen *s)
{
    const char *state = state_of(s);
    bool good = strcmp(state, "ready") == 0;
    wn_buf_push_str(&s->line, WN_STR("winnow"));
    push_label(s, " ", "wn_build_info", "version");
    wn_buf_printf(&s->line, "  %s  %s", s->top->url, state);
    push_uptime(s);
    end_line(s, good ? STRONG : ALARM);
    push_label(s, "", "wn_model_info", "model");
    push_label(s, "  ", "wn_model_info", "family");
    push_label(s, "  ", "wn_model_info", "cpu_level");
    end_line(s, PLAIN);
    if (s->top->trouble != NULL)
        wn_buf_printf(&s->line, "%s", s->top->trouble);
    end_line(s, ALARM);
}

static void push_traffic(screen *s)
{
    const wn_top_history *h = &s->top->history;
    size_t cells = s->columns >= 110 ? 48 : 24;
    wn_buf_printf(&s->line, "requests/s %8s  ",
                  short_number(rate(s, "wn_requests_total", NULL, NULL)).text);
    push_chart(&s->line, h->requests, h->n, cells);
    push_if(s, "  in flight ", gauge(s, "wn_requests_in_flight"), "");
    push_if(s, "  connections ", gauge(s, "wn_connections"), "");
    end_line(s, PLAIN);
    double tokens = rate(s, "wn_tokens_total", NULL, NULL);
    if (!isnan(tokens)) {
        wn_buf_printf(&s->line, "tokens/s   %8s  ", short_number(tokens).text);
        push_chart(&s->line, h->tokens, h->n, cells);
        if (gauge(s, "wn_tokens_per_second") > 0)
            push_if(s, "  while busy ", gauge(s, "wn_tokens_per_second"), "");
        end_line(s, PLAIN);
    }
}

static void push_queue(screen *s)
{
    if (isnan(gauge(s, "wn_queue_depth")))
        return;
    push_if(s, "queue      ", gauge(s, "wn_queue_depth"), " rows");
    push_if(s, ", ", gauge(s, "wn_queue_tokens"), " tokens");
    wn_buf_printf(&s->line, ", wait %s", short_time(gauge(s, "wn_queue_wait_seconds")).text);
    end_line(s, gauge(s, "wn_queue_wait_seconds") > 5 ? ALARM : PLAIN);
}

static void push_batches(screen *s)
{
    const wn_scrape *now = s->top->now, *before = s->top->before;
    double fill = wn_scrape_mean(now, before, ALL("wn_batch_fill_ratio"));
    double batches = rate(s, "wn_batch_rows_count", NULL, NULL);
    if (isnan(batches))
        return;
    push_if(s, "batches/s  ", batches, "");
    if (!isnan(fill)) {
        wn_buf_printf(&s->line, "  fill %3.0f%% ", fill * 100);
        wn_terminal_push_bar(&s->line, fill, BAR_CELLS);
    }
    push_if(s, "  rows ", wn_scrape_mean(now, before, ALL("wn_batch_rows")), "");
    push_if(s, "  tokens ", wn_scrape_mean(now, before, ALL("wn_batch_tokens")), "");
    double busy = rate(s, "wn_engine_busy_seconds_total", NULL, NULL);
    if (!isnan(busy))
        wn_buf_printf(&s->line, "  busy %.0f%%", busy * 100);
    end_line(s, PLAIN);
}

static void push_rows(screen *s)
{
    static const char *const states[] = {"computed", "deduped", "cached", "vectors", "cancelled"};
    double all = rate(s, "wn_rows_total", NULL, NULL);
    if (isnan(all))
        return;
    wn_buf_push_str(&s->line, WN_STR("rows/s     "));
    for (size_t i = 0; i < WN_ARRAY_LEN(states); i++) {
        double n = rate(s, "wn_rows_total", "state", states[i]);
        if (!isnan(n))
            wn_buf_printf(&s->line, "%s%s %s", i > 0 ? "  " : "", short_number(n).text, states[i]);
    }
    double cached = rate(s, "wn_rows_total", "state", "cached");
    if (cached > 0)
        wn_buf_printf(&s->line, "  cache hits %.0f%%", cached / all * 100);
    end_line(s, PLAIN);
}

static void push_memory(screen *s)
{
    double resident = gauge(s, "process_resident_memory_bytes");
    wn_choice used = {"wn_request_memory_bytes", "kind", "used"}, limit = used;
    limit.value = "limit";
    double taken = wn_scrape_sum(s->top->now, used), most = wn_scrape_sum(s->top->now, limit);
    if (isnan(resident))
        return;
    wn_buf_printf(&s->line, "memory     %s resident", short_bytes(resident).text);
    if (!isnan(taken) && !isnan(most))
        wn_buf_printf(&s->line, "  requests %s of %s", short_bytes(taken).text,
                      short_bytes(most).text);
    wn_buf_printf(&s->line, "  cpu %.0f%%", rate(s, "process_cpu_seconds_total", NULL, NULL) * 100);
    push_if(s, "  threads ", gauge(s, "process_threads"), "");
    push_if(s, "  files ", gauge(s, "process_open_fds"), "");
    end_line(s, taken > 0.9 * most ? ALARM : PLAIN);
}

/* What was refused or lost, when anything was. */
static void push_refused(screen *s)
{
    static const char *const reasons[] = {"auth",     "rate",   "quota",  "queue",
                                          "deadline", "memory", "loading"};
    bool any = false;
    for (size_t i = 0; i < WN_ARRAY_LEN(reasons); i++) {
        double n = rate(s, "wn_rejected_total", "reason", reasons[i]);
        if (!(n > 0))
            continue;
        wn_buf_printf(&s->line, "%s%s %s", any ? "  " : "refused/s  ", reasons[i],
                      short_number(n).text);
        any = true;
    }
    double lost = gauge(s, "wn_usage_lost_total"), failed = gauge(s, "wn_store_errors_total");
    if (lost > 0)
        push_if(s, any ? "  usage lost " : "usage lost ", lost, " requests");
    if (failed > 0)
        push_if(s, any || lost > 0 ? "  store errors " : "store errors ", failed, "");
    any = any || lost > 0 || failed > 0;
    if (any)
        end_line(s, lost > 0 || failed > 0 ? ALARM : PLAIN);
}

/* ---- tables ---------------------------------------------------------------------------------- */

typedef struct route {
    char name[LABEL_CHARS];
    double per_s;
} route;

/* The routes that were asked since the last answer, busiest first; those without a request in
 * either answer are left out. */
static size_t find_routes(const screen *s, route *routes)
{
    size_t n = 0;
    for (size_t i = 0; i < s->top->now->n_samples && n < ROUTES_MAX; i++) {
        const wn_sample *sample = &s->top->now->samples[i];
        char name[LABEL_CHARS];
        if (!wn_str_equal(sample->name, WN_STR("wn_requests_total")))
            continue;
        snprintf(name, sizeof name, "%.*s", WN_STR_ARG(wn_sample_label(sample, "route")));
        size_t k = 0;
        while (k < n && strcmp(routes[k].name, name) != 0)
            k++;
        if (k < n)
            continue;
        route found = {.per_s = rate(s, "wn_requests_total", "route", name)};
        memcpy(found.name, name, sizeof name);
        for (k = n++; k > 0 && routes[k - 1].per_s < found.per_s; k--)
            routes[k] = routes[k - 1];
        routes[k] = found;
    }
    return n;
}

/* Whose failure a status tells: the server's, also by the one that TEI's clients get of it. */
static bool is_ours(wn_str status)
{
    return status.ptr[0] == '5' || wn_str_equal(status, WN_STR("424"));
}

/* The rate of a route's failures, the server's or those of its clients. */
static double failures(const screen *s, const char *name, bool ours)
{
    const wn_scrape *of[] = {s->top->now, s->top->before};
    double sums[2] = {0, 0};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < of[k]->n_samples; i++) {
            const wn_sample *sample = &of[k]->samples[i];
            wn_str status = wn_sample_label(sample, "status");
            if (wn_str_equal(sample->name, WN_STR("wn_requests_total")) && status.len > 0 &&
                status.ptr[0] >= '4' && is_ours(status) == ours &&
                wn_str_equal(wn_sample_label(sample, "route"), wn_str_from(name)))
                sums[k] += sample->value;
        }
    }
    double more = sums[0] >= sums[1] ? sums[0] - sums[1] : sums[0];
    return more / ((double)(s->top->now->at_ns - s->top->before->at_ns) / 1e9);
}

static void push_times(screen *s, wn_choice choice)
{
    static const double quantiles[] = {0.5, 0.95, 0.99};
    for (size_t i = 0; i < WN_ARRAY_LEN(quantiles); i++)
        wn_buf_printf(
            &s->line, " %9s",
            short_time(wn_scrape_quantile(s->top->now, s->top->before, choice, quantiles[i])).text);
}

static void push_routes(screen *s)
{
    route routes[ROUTES_MAX];
    size_t n = find_routes(s, routes);
    if (n == 0)
        return;
    end_line(s, PLAIN);
    wn_buf_printf(&s->line, "%-12s %9s %9s %9s %10s %8s %8s", "route", "p50", "p95", "p99",
                  "requests/s", "4xx/s", "5xx/s");
    end_line(s, STRONG);
    for (size_t i = 0; i < WN_MIN(n, (size_t)ROUTES_SHOWN); i++) {
        double ours = failures(s, routes[i].name, true);
        wn_buf_printf(&s->line, "%-12s", routes[i].name);
        push_times(s, (wn_choice){"wn_request_seconds", "route", routes[i].name});
        wn_buf_printf(&s->line, " %10s %8s", short_number(routes[i].per_s).text,
                      short_number(failures(s, routes[i].name, false)).text);
        wn_buf_printf(&s->line, " %8s", short_number(ours).text);
        end_line(s, ours > 0 ? ALARM : PLAIN);
    }
}

static void push_stages(screen *s)
{
    static const char *const stages[] = {"parse", "tokenize", "queue", "compute", "write"};
    bool headed = false;
    for (size_t i = 0; i < WN_ARRAY_LEN(stages); i++) {
        const wn_choice choice = {"wn_stage_seconds", "stage", stages[i]};
        if (isnan(wn_scrape_quantile(s->top->now, s->top->before, choice, 0.5)))
            continue;
        if (!headed) {
            end_line(s, PLAIN);
            wn_buf_printf(&s->line, "%-12s %9s %9s %9s", "stage", "p50", "p95", "p99");
            end_line(s, STRONG);
            headed = true;
        }
        wn_buf_printf(&s->line, "%-12s", stages[i]);
        push_times(s, choice);
        end_line(s, PLAIN);
    }
}

static void push_keys(screen *s)
{
    if (s->top->n_keys == 0)
        return;
    end_line(s, PLAIN);
    wn_buf_printf(&s->line, "%-12s %9s %19s %19s", "key", "tokens/s", "tokens today",
                  "requests today");
    end_line(s, STRONG);
    for (size_t i = 0; i < s->top->n_keys; i++) {
        const wn_top_key *key = &s->top->keys[i];
        wn_buf_printf(&s->line, "%-12s %9s", key->id[0] == '\0' ? "(none)" : key->id,
                      isnan(key->tokens_per_s) ? "-" : short_number(key->tokens_per_s).text);
        wn_buf_printf(&s->line, " %19llu %19llu", (unsigned long long)key->tokens,
                      (unsigned long long)key->requests);
        end_line(s, PLAIN);
    }
}

bool wn_top_push(wn_buf *out, const wn_top *top, size_t columns, size_t lines, bool colour)
{
    screen s = {.out = out, .top = top, .columns = columns, .lines_left = lines, .colour = colour};
    push_head(&s);
    push_traffic(&s);
    push_queue(&s);
    push_batches(&s);
    push_rows(&s);
    push_memory(&s);
    push_refused(&s);
    push_routes(&s);
    push_stages(&s);
    push_keys(&s);
    wn_buf_deinit(&s.line);
    return !out->failed;
}
