/* What the headers of an answer of the hub, or of the host that it sends one on to, say.  They come
 * from strangers: fields that are too long or malformed count as not there.  Pure.
 * Source: huggingface_hub 2.4, constants.py and utils/_http.py; RFC 9110.  Thread rule: any. */
#ifndef WN_HUB_HUB_REPLY_H
#define WN_HUB_HUB_REPLY_H

#include "hub/hub.h"
#include "hub/repo.h"

#define WN_ETAG_MAX 127

typedef struct wn_hub_reply {
    long status;                /* of the last answer; 0: none yet */
    bool is_partial;            /* it has a Content-Range */
    uint64_t first_byte;        /* of that range */
    uint64_t whole_bytes;       /* of the file that the range is of; UINT64_MAX: not told */
    uint64_t length;            /* Content-Length; UINT64_MAX: not told */
    bool is_encoded;            /* it has a Content-Encoding, whose length that is */
    int32_t retry_after_s;      /* -1: not told */
    char etag[WN_ETAG_MAX + 1]; /* without quotes and "W/"; "": not told */
    char code[32];              /* X-Error-Code, such as "GatedRepo" */
    char reason[160];           /* X-Error-Message */
    char blob[WN_ETAG_MAX + 1]; /* X-Linked-Etag of any answer on the way; "": none */
    uint64_t blob_bytes;        /* X-Linked-Size; UINT64_MAX: not told */
    char commit[64];            /* X-Repo-Commit */
    char failure[256];          /* what libcurl says of a request that failed; "": nothing */
} wn_hub_reply;

/* Nothing said. */
wn_hub_reply wn_hub_reply_init(void);

/* Take in one line of headers, with or without its line end.  A status line begins another answer:
 * what is said of the blob and the commit stays, the rest begins anew. */
void wn_hub_reply_add(wn_hub_reply *reply, wn_str line);

/* Whether the same request may do better later: 408, 429, 5xx. */
bool wn_hub_reply_is_passing(const wn_hub_reply *reply);

/* Milliseconds to wait before attempt n_failures + 1: what the server asks for, else half a second,
 * doubled each time up to 16 seconds. */
uint64_t wn_hub_wait_ms(const wn_hub_reply *reply, int32_t n_failures);

#define WN_HUB_RETRY_AFTER_MAX_S 300

/* What a request was about. */
typedef struct wn_hub_subject {
    const wn_repo *repo;
    const char *file; /* NULL: the model */
} wn_hub_subject;

/* The error that a refusal is: names the model, revision or file, and what can be done.
 * Returns WN_ERR_INPUT when asking again is of no use, else WN_ERR_IO. */
wn_status wn_hub_refuse(const wn_hub_reply *reply, wn_hub_subject subject,
                        const wn_hub_settings *settings, wn_error *err);

#endif
