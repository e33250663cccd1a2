/* What the tables of options.h say, written for a terminal, as troff, as Markdown and as
 * completions of three shells.  Pure: the same tables give the same bytes. Push functions return
 * false when memory is short.  Thread rule: any. */
#ifndef WN_CLI_MANUAL_H
#define WN_CLI_MANUAL_H

#include "base/buf.h"
#include "cli/args.h"

typedef enum wn_shell { WN_SHELL_BASH = 0, WN_SHELL_ZSH, WN_SHELL_FISH } wn_shell;

/* All commands, a line each. */
bool wn_manual_push_overview(wn_buf *out, size_t columns, bool colour);

/* One command with its options. */
bool wn_manual_push_command(wn_buf *out, wn_command_id id, size_t columns, bool colour);

/* The manual page winnow(1). */
bool wn_manual_push_troff(wn_buf *out);

/* The reference docs/cli.md. */
bool wn_manual_push_markdown(wn_buf *out);

/* The server's settings, docs/configuration.md. */
bool wn_manual_push_configuration(wn_buf *out);

/* Completions for one shell. */
bool wn_manual_push_completion(wn_buf *out, wn_shell shell);

/* The help of an option with its range or choices and its default, as one text. */
bool wn_manual_push_option_text(wn_buf *out, const wn_option *option);

/* "-q, --query QUERY" */
bool wn_manual_push_option_words(wn_buf *out, const wn_option *option);

#endif
