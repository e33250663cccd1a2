/* Settings of a command from beside its command line: the environment and, for the server,
 * configuration files.  A flag comes before the environment, that before a file, that before the
 * default.  A file is YAML with one mapping from names of options to their values, which are lists
 * for an option that repeats.
 * Thread rule: one at a time. */
#ifndef WN_CLI_SETTINGS_H
#define WN_CLI_SETTINGS_H

#include "base/buf.h"
#include "cli/args.h"

/* Complete a parsed command line from `environment`, NAME=VALUE strings with a NULL behind them,
 * and from the files that it or --config names.
 * Fails:   WN_ERR_ARGUMENT, WN_ERR_FORMAT or WN_ERR_IO with the variable, or the file and line,
 *          that is wrong; WN_ERR_MEMORY.
 * Owns:    borrows environment as long as args live. */
WN_MUST_USE wn_status wn_settings_load(wn_args *args, const char *const *environment,
                                       wn_error *err);

/* The next variable that begins with WINNOW_ and is nothing's name, from *environment on, which
 * moves behind it; false at the end. */
bool wn_settings_find_unknown(wn_str *name, const char *const **environment);

#define WN_SETTINGS_SYSTEM_FILE "/etc/winnow/winnow.yaml"

/* The user's file, which need not exist; NULL when there is no home, or no memory.  It lives as
 * long as args. */
const char *wn_settings_user_file(wn_args *args, const char *const *environment);

/* Take settings from a file's text; `name` stands for it in messages.
 * Fails:   WN_ERR_ARGUMENT, WN_ERR_FORMAT, WN_ERR_IO for a secret's file; WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_settings_parse(wn_args *args, wn_str text, const char *name,
                                        wn_error *err);

/* Every setting as a configuration file that makes the same server, with where each came from in a
 * comment; or as JSON.  Secrets are masked.  False when memory is short. */
bool wn_settings_push(wn_buf *out, const wn_args *args);
bool wn_settings_push_json(wn_buf *out, const wn_args *args);

#endif
