/* See workload.h. */
#include "cli/workload.h"

#include "base/mem.h"
#include "base/str.h"
#include "cli/documents.h"
#include "cli/signals.h"
#include "data/lines.h"

#include <stdio.h>

#define WN_WHERE "cli/workload"

/* The request of our own: words that nearly every vocabulary has whole. */
#define N_DOCUMENTS 100
#define N_WORDS     116 /* with the query, and what models add, about 128 tokens */
#define QUERY       "how does water shape the stone of a valley"

static wn_status push(wn_workload *workload, wn_str line, uint64_t number, wn_error *err)
{
    char name[200];
    snprintf(name, sizeof name, "%.160s line %llu", workload->name, (unsigned long long)number);
    if (workload->n == WN_WORKLOAD_REQUESTS_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "%s: more than %d requests", name, WN_WORKLOAD_REQUESTS_MAX);
    wn_str kept = wn_arena_str(&workload->arena, line);
    if (kept.ptr == NULL ||
        !wn_mem_grow(&workload->at, &workload->cap, workload->n + 1, sizeof *workload->at))
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory for %zu bytes", name, line.len);
    wn_work_item *item = &workload->at[workload->n++];
    item->line = number;
    WN_TRY(wn_rank_request_parse(&item->asked, kept, name, err));
    workload->n_documents += item->asked.n_documents;
    return WN_OK;
}

static wn_status read_lines(wn_workload *workload, wn_lines *lines, wn_error *err)
{
    wn_str line;
    bool got;
    for (;;) {
        WN_TRY(wn_lines_next(lines, &line, &got, err));
        if (!got)
            break;
        if (!wn_documents_is_blank(line))
            WN_TRY(push(workload, line, lines->number, err));
    }
    if (workload->n == 0)
        WN_FAIL(err, WN_ERR_INPUT, "%s: is empty, expected one request a line", workload->name);
    return WN_OK;
}

static wn_status make_own(wn_workload *workload, wn_error *err)
{
    static const char *const words[] = {
        "river",  "valley", "stone",  "water",  "slow",   "field", "house",
        "market", "music",  "engine", "winter", "light",  "paper", "window",
        "bread",  "school", "green",  "road",   "people", "old",
    };
    wn_buf line = WN_BUF_INIT;
    uint32_t state = 1;
    wn_buf_printf(&line, "{\"query\":\"%s\",\"documents\":[", QUERY);
    for (int i = 0; i < N_DOCUMENTS; i++) {
        wn_buf_printf(&line, i > 0 ? ",\"" : "\"");
        for (int j = 0; j < N_WORDS; j++) {
            state = state * 1664525u + 1013904223u;
            wn_buf_printf(&line, "%s%s", j > 0 ? " " : "",
                          words[(state >> 16) % WN_ARRAY_LEN(words)]);
        }
        wn_buf_push_byte(&line, '"');
    }
    wn_status status = WN_ERR_MEMORY;
    if (wn_buf_push_str(&line, WN_STR("]}")))
        status = push(workload, wn_buf_str(&line), 1, err);
    else
        wn_error_set(err, status, WN_WHERE, "no memory for a workload");
    wn_buf_deinit(&line);
    return status;
}

wn_status wn_workload_read(wn_workload *out, const char *path, wn_error *err)
{
    wn_lines lines;
    out->name = path == NULL ? "built-in" : path;
    if (path == NULL)
        return make_own(out, err);
    WN_TRY(wn_lines_open(&lines, path, WN_LINE_BYTES_MAX, wn_signals_wake_fd(), err));
    out->name = lines.name;
    wn_status status = read_lines(out, &lines, err);
    wn_lines_close(&lines);
    return status;
}

void wn_workload_deinit(wn_workload *workload)
{
    for (size_t i = 0; i < workload->n; i++)
        wn_rank_request_deinit(&workload->at[i].asked);
    wn_mem_free(workload->at);
    wn_arena_deinit(&workload->arena);
    *workload = (wn_workload)WN_WORKLOAD_INIT;
}
