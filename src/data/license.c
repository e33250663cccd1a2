/* The word for a licence in a model's files.  See license.h. */
#include "data/license.h"

#include "base/str.h"
#include "data/card.h"

bool wn_license_find(char out[WN_LICENSE_MAX + 1], const json_t *config, wn_str readme,
                     wn_str model_card)
{
    const char *given = json_string_value(json_object_get(config, "license"));
    const wn_str cards[] = {readme, model_card};
    out[0] = '\0';
    bool found = given != NULL && wn_card_keep(out, wn_str_from(given));
    for (size_t i = 0; !found && i < WN_ARRAY_LEN(cards); i++) {
        found = wn_card_find(out, cards[i], WN_STR("license:"));
        if (found && strcmp(out, "other") == 0)
            (void)wn_card_find(out, cards[i], WN_STR("license_name:"));
    }
    return found;
}
