/* What can be done with one key of a state directory, for the command line and for HTTP alike.
 * Thread rule: one at a time, as the state. */
#ifndef WN_SERVE_KEY_ORDER_H
#define WN_SERVE_KEY_ORDER_H

#include "serve/key_edit.h"
#include "serve/state.h"

typedef enum wn_key_act {
    WN_KEY_CREATE = 0,
    WN_KEY_SHOW,
    WN_KEY_UPDATE,
    WN_KEY_REVOKE, /* once is enough: the first time stays */
    WN_KEY_ROTATE  /* a new secret; the old one holds for a while */
} wn_key_act;

typedef enum wn_key_order_outcome {
    WN_KEY_ORDER_DONE = 0,
    WN_KEY_ORDER_NO_KEY,  /* of this id */
    WN_KEY_ORDER_REVOKED, /* which ends a key for good: it gets no new secret */
    WN_KEY_ORDER_WRONG    /* the field *wrong of the edit cannot be so */
} wn_key_order_outcome;

typedef struct wn_key_order {
    wn_key_act act;
    wn_key_id id;      /* of all acts but WN_KEY_CREATE */
    wn_key_edit edit;  /* of WN_KEY_CREATE and WN_KEY_UPDATE */
    int64_t overlap_s; /* of WN_KEY_ROTATE */
    int64_t now_s;     /* Unix time */

    /* What came of it. */
    wn_key_order_outcome outcome;
    const char *wrong;
    wn_key_record record; /* as it is now */
    wn_key_text text;     /* of WN_KEY_CREATE and WN_KEY_ROTATE, else empty: the only time that it
                             is known; wipe it */
} wn_key_order;

/* Do it.
 * Fails:   WN_ERR_ARGUMENT when the outcome is not WN_KEY_ORDER_DONE; otherwise as the store. */
WN_MUST_USE wn_status wn_key_order_run(wn_state *state, wn_key_order *order, wn_error *err);

/* Whether a key holds: "valid", "expired" or "revoked". */
const char *wn_key_standing(const wn_key_record *record, int64_t now_s);

/* A key as a JSON object, with its text if that is not empty (NULL is allowed); limits and times
 * that it does not have are left out.  False when memory is short. */
bool wn_key_push_json(wn_buf *out, const wn_key_record *record, const wn_key_text *text,
                      int64_t now_s);

#endif
