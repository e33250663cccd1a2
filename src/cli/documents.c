/* See documents.h. */
#include "cli/documents.h"

#include "base/mem.h"
#include "base/str.h"
#include "cli/signals.h"
#include "data/lines.h"

#include <stdio.h>
#include <utf8proc.h>

#define WN_WHERE "cli/documents"

wn_status wn_documents_check_text(wn_str bytes, const char *name, wn_error *err)
{
    for (size_t at = 0; at < bytes.len;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)bytes.ptr + at,
                                              (utf8proc_ssize_t)(bytes.len - at), &c);
        if (n <= 0 || c == 0)
            WN_FAIL(err, WN_ERR_INPUT, "%s: byte %zu is 0x%02x, which is not UTF-8 text", name, at,
                    (unsigned char)bytes.ptr[at]);
        at += (size_t)n;
    }
    return WN_OK;
}

bool wn_documents_is_blank(wn_str line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t')
            return false;
    return true;
}

/* Keep a document; the list's own copies outlive the line. */
static wn_status push(wn_document_list *list, const wn_document *document, wn_error *err)
{
    if (list->n == WN_DOCUMENTS_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "more than %zu documents", WN_DOCUMENTS_MAX);
    wn_document kept = {wn_arena_str(&list->arena, document->text), {0}};
    if (document->json.len > 0)
        kept.json = wn_arena_str(&list->arena, document->json);
    bool copied = kept.text.ptr != NULL && (document->json.len == 0 || kept.json.ptr != NULL);
    if (!copied || !wn_mem_grow(&list->at, &list->cap, list->n + 1, sizeof *list->at) ||
        !wn_mem_grow(&list->texts, &list->texts_cap, list->n + 1, sizeof *list->texts))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for document %zu", list->n);
    list->at[list->n] = kept;
    list->texts[list->n++] = kept.text;
    return WN_OK;
}

static wn_status push_json_line(wn_document_list *list, wn_str line, const char *name,
                                wn_error *err)
{
    wn_document document;
    json_t *holder = NULL;
    WN_TRY(wn_document_parse(&document, &holder, line, name, err));
    wn_status status = push(list, &document, err);
    json_decref(holder);
    return status;
}

static bool starts_with_brace(wn_str line)
{
    size_t at = 0;
    while (at < line.len && (line.ptr[at] == ' ' || line.ptr[at] == '\t'))
        at++;
    return at < line.len && line.ptr[at] == '{';
}

static wn_status read_lines(wn_document_list *list, wn_lines *lines, wn_input_kind kind,
                            wn_error *err)
{
    wn_str line;
    bool got;
    for (;;) {
        WN_TRY(wn_lines_next(lines, &line, &got, err));
        if (!got)
            return WN_OK;
        bool blank = wn_documents_is_blank(line);
        if (kind == WN_INPUT_AUTO && !blank) {
            bool json = starts_with_brace(line);
            kind = json ? WN_INPUT_JSONL : WN_INPUT_LINES;
            list->n = json ? 0 : list->n; /* what looked like empty documents was blank lines */
        }
        char name[200];
        snprintf(name, sizeof name, "%.160s line %llu", lines->name,
                 (unsigned long long)lines->number);
        if (kind != WN_INPUT_JSONL) {
            WN_TRY(wn_documents_check_text(line, name, err));
            WN_TRY(push(list, &(wn_document){.text = line}, err));
        } else if (!blank) {
            WN_TRY(push_json_line(list, line, name, err));
        }
    }
}

wn_status wn_document_list_read(wn_document_list *list, const char *path, wn_input_kind kind,
                                wn_error *err)
{
    wn_lines lines;
    WN_TRY(wn_lines_open(&lines, path, WN_LINE_BYTES_MAX, wn_signals_wake_fd(), err));
    wn_status status = read_lines(list, &lines, kind, err);
    if (status == WN_OK && list->n == 0)
        status = wn_error_set(err, WN_ERR_INPUT, WN_WHERE,
                              "%s: is empty, expected one document a line", lines.name);
    wn_lines_close(&lines);
    return status;
}

void wn_document_list_deinit(wn_document_list *list)
{
    wn_mem_free(list->at);
    wn_mem_free(list->texts);
    wn_arena_deinit(&list->arena);
    *list = (wn_document_list)WN_DOCUMENT_LIST_INIT;
}
