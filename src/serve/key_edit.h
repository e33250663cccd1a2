/* What may be said of an API key from outside: the fields that commands and requests give, in one
 * table, and how they change a record.
 * Thread rule: any. */
#ifndef WN_SERVE_KEY_EDIT_H
#define WN_SERVE_KEY_EDIT_H

#include "serve/api_field.h"
#include "serve/key_record.h"

#define WN_KEY_OVERLAP_S     86400    /* how long a rotated key's old secret holds */
#define WN_KEY_OVERLAP_MAX_S 31536000 /* a year */

/* What is to be changed; a text without pointer and a number of WN_UNSET leave what there is, a
 * number of WN_FIELD_NULL makes it what a key has that was given none. */
typedef struct wn_key_edit {
    wn_str name, tier;
    wn_str scopes;  /* "rerank,usage" */
    wn_str expires; /* "2027-01-31" or "never" */
    int64_t rpm, tpm, concurrency, monthly_tokens, prepaid_tokens, weight;
} wn_key_edit;

#define WN_KEY_EDIT_INIT                                                                           \
    {                                                                                              \
        .rpm = WN_UNSET, .tpm = WN_UNSET, .concurrency = WN_UNSET, .monthly_tokens = WN_UNSET,     \
        .prepaid_tokens = WN_UNSET, .weight = WN_UNSET                                             \
    }

/* The members of a wn_key_edit as fields of a body. */
extern const wn_field wn_key_edit_fields[];
#define WN_KEY_EDIT_FIELDS 10

/* Change a record.
 * Fails:   WN_ERR_ARGUMENT, and *wrong is the name of the field that cannot be so; the message goes
 *          on behind it: "is 'gold', expected none, key or premium". */
WN_MUST_USE wn_status wn_key_edit_apply(const wn_key_edit *edit, wn_key_record *record,
                                        const char **wrong, wn_error *err);

#endif
