/* The models of a server as its settings name them: one a line, [NAME=]DIR[,dtype=DTYPE],
 * where DIR may be built-in.
 * Thread rule: one at a time. */
#ifndef WN_CLI_MODEL_LIST_H
#define WN_CLI_MODEL_LIST_H

#include "cli/args.h"
#include "serve/model_set.h"

typedef struct wn_model_list {
    wn_model_source at[WN_MODELS_MAX];
    size_t n;
} wn_model_list;

/* Read the settings; without any, the list is the built-in model.
 * Fails:   WN_ERR_ARGUMENT for names that cannot be or are there twice and for too many,
 *          WN_ERR_MEMORY.
 * Owns:    the texts live as long as args. */
WN_MUST_USE wn_status wn_model_list_read(wn_model_list *out, wn_args *args, wn_error *err);

#endif
