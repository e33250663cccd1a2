/* The word for a licence in a model's files.  See license.h. */
#include "data/license.h"

#include "base/str.h"
#include "data/card.h"

/* The word of a card; of "other" its name, where it has one. */
static bool find_in_card(char out[WN_LICENSE_MAX + 1], wn_str card)
{
    bool found = wn_card_find(out, card, WN_STR("license:"));
    if (found && strcmp(out, "other") == 0)
        (void)wn_card_find(out, card, WN_STR("license_name:"));
    return found;
}

bool wn_license_find(char out[WN_LICENSE_MAX + 1], const json_t *config, wn_str readme,
                     wn_str model_card)
{
    const char *given = json_string_value(json_object_get(config, "license"));
    const wn_str cards[] = {readme, model_card};
    char other[WN_LICENSE_MAX + 1];
    out[0] = '\0';
    bool found = given != NULL && wn_card_keep(out, wn_str_from(given));
    for (size_t i = 0; i < WN_ARRAY_LEN(cards); i++) {
        if (!find_in_card(other, cards[i]))
            continue;
        if (!found || wn_license_kind_of(other) == WN_LICENSE_NON_COMMERCIAL)
            memcpy(out, other, sizeof other);
        found = true;
    }
    return found;
}
