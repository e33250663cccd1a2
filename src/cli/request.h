/* Reads what is to be ranked from one line: a request, or one document of a file of documents.
 * Pure: bytes in, slices out.  Refuses what is not strict UTF-8 JSON, fields of the wrong type or
 * out of range; the message names the field.  Fields that are not known are ignored, so that bodies
 * for a server can be read too.
 * Thread rule: one at a time per request. */
#ifndef WN_CLI_REQUEST_H
#define WN_CLI_REQUEST_H

#include "data/json_bind.h"

#define WN_TOP_N_MAX INT32_MAX

/* One text to rank or embed. */
typedef struct wn_document {
    wn_str text;
    wn_str json; /* as it was written, to be passed on; empty: the text itself */
} wn_document;

typedef struct wn_rank_request {
    wn_str id; /* JSON text as it was written; empty: none */
    wn_str query;
    wn_str instruction;     /* empty: none */
    wn_document *documents; /* [n_documents] */
    wn_str *texts;          /* [n_documents], the same texts for wn_request */
    size_t n_documents;
    size_t top_n; /* 0: all */
    bool return_documents;
    json_t *json; /* holds the strings */
} wn_rank_request;

/* Read {"query", "instruction", "documents", "top_n", "id", "return_documents"}; name begins error
 * messages.
 * Fails:   WN_ERR_FORMAT, WN_ERR_LIMIT, WN_ERR_INPUT for an empty query, WN_ERR_MEMORY.  out->id is
 *          set all the same when the text is an object that has one.
 * Owns:    caller frees with wn_rank_request_deinit(), also after a failure; borrows text. */
WN_MUST_USE wn_status wn_rank_request_parse(wn_rank_request *out, wn_str text, const char *name,
                                            wn_error *err);

/* Free; a request of zeros is allowed. */
void wn_rank_request_deinit(wn_rank_request *request);

/* Read {"text", ...} from a line; document->text points into *holder.
 * Fails:   as above.
 * Owns:    caller gives *holder back with json_decref(); borrows line. */
WN_MUST_USE wn_status wn_document_parse(wn_document *out, json_t **holder, wn_str line,
                                        const char *name, wn_error *err);

#endif
