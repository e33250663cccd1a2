/* A command line, parsed and checked by the tables of options.h.  Pure: reads only argv, and the
 * files of secrets that it names.
 * Thread rule: one at a time. */
#ifndef WN_CLI_ARGS_H
#define WN_CLI_ARGS_H

#include "base/arena.h"
#include "cli/options.h"

/* Who set a value; a later one overrides an earlier one. */
typedef enum wn_source {
    WN_SOURCE_DEFAULT = 0,
    WN_SOURCE_FILE,
    WN_SOURCE_ENVIRONMENT,
    WN_SOURCE_FLAG
} wn_source;

typedef struct wn_option_value {
    const char *text; /* as given; of several values one a line; NULL: none */
    int64_t number;   /* INT: the value; CHOICE: the index; a switch: 1 on; SHARD: I; else 0 */
    int64_t of;       /* SHARD: N */
    wn_source source;
    const char *file;   /* that a secret was read from; NULL: none */
    const char *origin; /* "--port", "WINNOW_PORT", "winnow.yaml line 3"; NULL: the default */
} wn_option_value;

typedef struct wn_args {
    wn_command_id command;
    wn_option_value values[WN_OPT_COUNT];
    uint64_t ignored; /* a bit for each row of wn_aliases[] that was given and has no meaning */
    const char **operands;
    size_t n_operands;
    wn_arena arena; /* texts that are not argv's */
} wn_args;

/* What a name stands for. */
typedef struct wn_args_target {
    wn_option_id id;
    const wn_alias *alias; /* NULL: the option's own name */
    bool is_file;          /* the value is the name of a file that holds a secret */
} wn_args_target;

/* Read a command line.  The last of several values counts, but of an option that repeats all do,
 * a line each in its text; "--" ends the options; "-" is an
 * operand.  No command at all, or --help as the first word, is help; --version is version.
 * Fails:   WN_ERR_ARGUMENT for a word, value or number of operands that is not allowed; the
 *          message names it and, where there is one, the nearest word.  WN_ERR_MEMORY.
 * Owns:    caller frees with wn_args_deinit(); borrows argv until then. */
WN_MUST_USE wn_status wn_args_parse(wn_args *out, int argc, const char *const *argv, wn_error *err);

/* Free operands and texts. */
void wn_args_deinit(wn_args *args);

/* Find the option that a name (without dashes) of the command stands for; false when none does. */
bool wn_args_find(wn_args_target *out, wn_command_id command, wn_str name);

/* The option whose name is nearest to one that does not exist; empty when none is near. */
wn_str wn_args_nearest(wn_command_id command, wn_str name);

/* Give a target a value; one that an earlier source gave is overridden, one of a later source is
 * kept, but the text is checked in any case.  An alias without a meaning is remembered.
 * Fails:   WN_ERR_ARGUMENT, naming the origin; WN_ERR_IO for a secret's file; WN_ERR_MEMORY.
 * Owns:    borrows text and origin as long as args live. */
WN_MUST_USE wn_status wn_args_set(wn_args *args, wn_args_target target, const char *text,
                                  wn_source source, const char *origin, wn_error *err);

/* A text that lives as long as args; NULL when memory is short. */
const char *wn_args_printf(wn_args *args, const char *format, ...) WN_PRINTF(2, 3);

/* Whether the option was set, by whomever; of a switch: whether it is on. */
bool wn_args_has(const wn_args *args, wn_option_id id);

/* The value as given, or the default, or NULL. */
const char *wn_args_text(const wn_args *args, wn_option_id id);

/* The number, given or default, or the index of the choice; 0 when there is none. */
int64_t wn_args_int(const wn_args *args, wn_option_id id);

/* The id of a command, or WN_CMD_COUNT. */
wn_command_id wn_args_find_command(const char *name);

/* The number of edits (insert, delete, replace, swap of neighbours) that make a into b; SIZE_MAX
 * for words too long to be one of ours. */
size_t wn_args_distance(wn_str a, wn_str b);

/* The next word of a "a|b|c" list; false at its end.  *at starts at 0. */
bool wn_args_next_choice(const char *choices, size_t *at, wn_str *word);

#endif
