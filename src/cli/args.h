/* A command line, parsed and checked by the tables of options.h.  Pure: reads only argv.
 * Thread rule: one at a time. */
#ifndef WN_CLI_ARGS_H
#define WN_CLI_ARGS_H

#include "cli/options.h"

typedef struct wn_option_value {
    const char *text; /* as given; NULL: the option was not given */
    int64_t number;   /* INT: the value; CHOICE: the index; SHARD: I; else 0 */
    int64_t of;       /* SHARD: N */
} wn_option_value;

typedef struct wn_args {
    wn_command_id command;
    wn_option_value values[WN_OPT_COUNT];
    const char **operands;
    size_t n_operands;
} wn_args;

/* Read a command line.  The last of several values counts; "--" ends the options; "-" is an
 * operand.  No command at all, or --help as the first word, is help; --version is version.
 * Fails:   WN_ERR_ARGUMENT for a word, value or number of operands that is not allowed; the
 *          message names it and, where there is one, the nearest word.  WN_ERR_MEMORY.
 * Owns:    caller frees with wn_args_deinit(); borrows argv until then. */
WN_MUST_USE wn_status wn_args_parse(wn_args *out, int argc, const char *const *argv, wn_error *err);

/* Free the operands. */
void wn_args_deinit(wn_args *args);

/* Whether the option was given. */
bool wn_args_has(const wn_args *args, wn_option_id id);

/* The value as given, or NULL. */
const char *wn_args_text(const wn_args *args, wn_option_id id);

/* The number or the index of the choice; 0 when it was not given. */
int64_t wn_args_int(const wn_args *args, wn_option_id id);

/* The id of a command, or WN_CMD_COUNT. */
wn_command_id wn_args_find_command(const char *name);

/* The number of edits (insert, delete, replace, swap of neighbours) that make a into b; SIZE_MAX
 * for words too long to be one of ours. */
size_t wn_args_distance(wn_str a, wn_str b);

/* The next word of a "a|b|c" list; false at its end.  *at starts at 0. */
bool wn_args_next_choice(const char *choices, size_t *at, wn_str *word);

#endif
