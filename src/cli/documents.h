/* Documents of a file or of standard input, all of them in memory: one a line, or JSON lines.
 * Refuses what is not text, and says in which line and byte.
 * Thread rule: one at a time per list. */
#ifndef WN_CLI_DOCUMENTS_H
#define WN_CLI_DOCUMENTS_H

#include "base/arena.h"
#include "cli/request.h"

#define WN_DOCUMENTS_MAX ((size_t)10000000)

/* The choices of --input, in its order. */
typedef enum wn_input_kind { WN_INPUT_AUTO = 0, WN_INPUT_LINES, WN_INPUT_JSONL } wn_input_kind;

typedef struct wn_document_list {
    wn_document *at; /* [n] */
    wn_str *texts;   /* [n], the same texts for wn_request */
    size_t n, cap, texts_cap;
    wn_arena arena;
} wn_document_list;

#define WN_DOCUMENT_LIST_INIT                                                                      \
    {                                                                                              \
        0                                                                                          \
    }

/* Read all of path; "-" is standard input.  WN_INPUT_AUTO: JSON lines when the first line that is
 * not blank starts with '{'.  Between JSON lines blank lines are skipped; a blank line of text is
 * an empty document.
 * Fails:   WN_ERR_IO, WN_ERR_INPUT when there is nothing or a line is not text, WN_ERR_FORMAT for a
 *          bad JSON line, WN_ERR_LIMIT, WN_ERR_MEMORY, WN_ERR_CANCELLED after a signal.
 * Owns:    caller frees with wn_document_list_deinit(), also after a failure. */
WN_MUST_USE wn_status wn_document_list_read(wn_document_list *list, const char *path,
                                            wn_input_kind kind, wn_error *err);

/* Free all; a list of zeros is allowed. */
void wn_document_list_deinit(wn_document_list *list);

/* Check that bytes are UTF-8 without NUL; name begins the message, which gives byte and value.
 * Fails:   WN_ERR_INPUT. */
WN_MUST_USE wn_status wn_documents_check_text(wn_str bytes, const char *name, wn_error *err);

/* Whether a line has nothing but spaces and tabs. */
bool wn_documents_is_blank(wn_str line);

#endif
