/* Which model ids a request may ask for.  Clients have the id of a hosted model written down; the
 * well-known ones are served by whatever model is loaded, unless the operator wants names to be
 * strict.  An organisation in front ("jinaai/", "jina_ai/") does not matter.
 * Thread rule: constant, any. */
#ifndef WN_SERVE_MODEL_NAMES_H
#define WN_SERVE_MODEL_NAMES_H

#include "winnow.h"

#define WN_MODEL_NAME_MAX 127 /* bytes */

/* Whether id is one of the published rerankers that clients ask for. */
bool wn_model_name_is_known(wn_str id);

/* Whether a text may be the name of a model: letters, digits, "-", "_", ".", ":" and, not at an
 * end, "/"; so it goes into a path and a field as it is. */
bool wn_model_name_is_valid(wn_str name);

/* Whether two ids name the same model, whatever organisation stands in front. */
bool wn_model_name_equal(wn_str a, wn_str b);

#endif
