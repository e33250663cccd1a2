/* Licences of weights: the word that a model's files have for theirs, and what such a word allows.
 * A word only: whatever else stands there is nothing that can be looked up, and counts as nothing.
 * This is no legal advice: the text of a licence decides.
 * Source: the Hugging Face hub's model cards ("license" of the front matter, with "license_name"
 * where that is "other") and its list of licences; the texts of those.  Thread rule: any. */
#ifndef WN_DATA_LICENSE_H
#define WN_DATA_LICENSE_H

#include "base/status.h"
#include "data/card.h"

#include <jansson.h>

#define WN_LICENSE_MAX WN_CARD_WORD_MAX

/* Find the word in config.json (NULL: none), else in a card's text; "" and false when none has
 * one.  Where they disagree, one that forbids commercial use counts. */
bool wn_license_find(char out[WN_LICENSE_MAX + 1], const json_t *config, wn_str readme,
                     wn_str model_card);

/* What kind of licence a word stands for; the pages tell the same in web/app/licences.js. */
typedef enum wn_license_kind {
    WN_LICENSE_UNKNOWN = 0,
    WN_LICENSE_PERMISSIVE,
    WN_LICENSE_FREE, /* given up to everybody */
    WN_LICENSE_COPYLEFT,
    WN_LICENSE_NETWORK, /* copyleft, for services too */
    WN_LICENSE_UNCHANGED,
    WN_LICENSE_NON_COMMERCIAL,
    WN_LICENSE_OWN /* terms that only reading them tells */
} wn_license_kind;

/* The kind of a word, whatever its case. */
wn_license_kind wn_license_kind_of(const char *word);

/* "non-commercial", ... */
const char *wn_license_kind_name(wn_license_kind kind);

/* Where the weights are used. */
typedef enum wn_license_place {
    WN_LICENSE_ON_OWN_MACHINES = 0,
    WN_LICENSE_AS_A_SERVICE,
    WN_LICENSE_SHIPPED
} wn_license_place;

typedef enum wn_license_verdict {
    WN_LICENSE_YES = 0,
    WN_LICENSE_NO,
    WN_LICENSE_ASK
} wn_license_verdict;

/* What follows from a use, as bits. */
typedef enum wn_license_duty {
    WN_DUTY_AUTHOR = 1 << 0,
    WN_DUTY_READ = 1 << 1,
    WN_DUTY_BUY = 1 << 2,
    WN_DUTY_NOTICE = 1 << 3,
    WN_DUTY_SAME = 1 << 4,
    WN_DUTY_SOURCE = 1 << 5,
    WN_DUTY_UNCHANGED = 1 << 6,
    WN_DUTY_GAIN = 1 << 7
} wn_license_duty;
#define WN_LICENSE_DUTIES 8

typedef struct wn_license_answer {
    wn_license_verdict verdict;
    unsigned duties; /* of wn_license_duty */
} wn_license_answer;

/* Whether weights under a word may be used so. */
wn_license_answer wn_license_judge(const char *word, wn_license_place place, bool commercial);

/* Refuse weights whose licence is not known to allow commercial use; word may be "".
 * Fails:   WN_ERR_UNSUPPORTED, naming model and licence. */
WN_MUST_USE wn_status wn_license_require_commercial(const char *word, const char *model,
                                                    wn_error *err);

#endif
