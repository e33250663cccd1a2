/* The hub as the environment and the options describe it, and models by the names that it has for
 * them.  Thread rule: main thread. */
#ifndef WN_CLI_HUB_OPTIONS_H
#define WN_CLI_HUB_OPTIONS_H

#include "cli/program.h"
#include "hub/hub.h"
#include "hub/repo.h"

/* The folder of the cache: HF_HUB_CACHE, else below HF_HOME, else the user's.
 * Fails:   WN_ERR_ARGUMENT when there is no place, WN_ERR_MEMORY.
 * Owns:    the text lives as long as args. */
WN_MUST_USE wn_status wn_hub_cache_dir(const char **out, wn_args *args, wn_error *err);

/* What a fetch needs; notes go to standard error, progress to the caller's function.
 * Fails:   WN_ERR_ARGUMENT, WN_ERR_IO for the token's file, WN_ERR_MEMORY.
 * Owns:    the texts live as long as the program's args; borrows program. */
WN_MUST_USE wn_status wn_hub_settings_read(wn_hub_settings *out, wn_program *program,
                                           wn_error *err);

/* Whether anything may be fetched.
 * Fails:   WN_ERR_ARGUMENT when HF_HUB_OFFLINE says that nothing is. */
WN_MUST_USE wn_status wn_hub_check_online(wn_error *err);

/* "ORG/NAME[@REVISION]" of the command line.
 * Fails:   WN_ERR_ARGUMENT, which shows what such a name looks like. */
WN_MUST_USE wn_status wn_hub_repo_read(wn_repo *out, const char *text, wn_error *err);

/* The directory of a model that was asked for as `given`: a path that is there is itself; a name of
 * the hub is its place in the cache, and *id (may be NULL) the name without a revision.  Anything
 * else stays as it is, with *id NULL.
 * Fails:   WN_ERR_FORMAT for a name that the cache does not have, WN_ERR_IO, WN_ERR_MEMORY.
 * Owns:    the texts live as long as args. */
WN_MUST_USE wn_status wn_hub_find_model(const char **dir, const char **id, wn_args *args,
                                        const char *given, wn_error *err);

/* Put that directory in place of a name that --model has. */
WN_MUST_USE wn_status wn_hub_resolve_option(wn_args *args, wn_error *err);

#endif
