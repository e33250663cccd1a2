/* The manual as troff and as Markdown.  See manual.h. */
#include "cli/manual.h"

#include "base/str.h"

#include <ctype.h>
#include <stdio.h>

/* ---- troff ----------------------------------------------------------------------------------- */

/* Text that troff leaves as it is: backslashes, hyphens, and what looks like a request. */
static void push_troff(wn_buf *out, wn_str text)
{
    if (text.len > 0 && (text.ptr[0] == '.' || text.ptr[0] == '\''))
        wn_buf_push_str(out, WN_STR("\\&"));
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            wn_buf_push_str(out, WN_STR("\\e"));
        else if (text.ptr[i] == '-')
            wn_buf_push_str(out, WN_STR("\\-"));
        else
            wn_buf_push_byte(out, text.ptr[i]);
    }
}

static void push_troff_line(wn_buf *out, const char *before, wn_str text)
{
    wn_buf_push_str(out, wn_str_from(before));
    push_troff(out, text);
    wn_buf_push_byte(out, '\n');
}

/* Lines as they are, each behind the same words. */
static void push_troff_lines(wn_buf *out, const char *before, const char *text)
{
    wn_buf_printf(out, ".PP\n.nf\n");
    do {
        wn_str line = {text, strcspn(text, "\n")};
        push_troff_line(out, before, line);
        text += line.len + (text[line.len] == '\n' ? 1 : 0);
    } while (*text != '\0');
    wn_buf_printf(out, ".fi\n");
}

/* Paragraphs; lines that start with two spaces are examples. */
static void push_troff_paragraphs(wn_buf *out, const char *text)
{
    while (*text != '\0') {
        wn_str line = {text, strcspn(text, "\n")};
        if (line.len == 0) {
            wn_buf_printf(out, ".PP\n");
        } else if (wn_str_starts(line, WN_STR("  "))) {
            wn_buf_printf(out, ".nf\n");
            push_troff_line(out, "", line);
            wn_buf_printf(out, ".fi\n");
        } else {
            push_troff_line(out, "", line);
        }
        text += line.len + (text[line.len] == '\n' ? 1 : 0);
    }
}

static void push_troff_entry(wn_buf *out, wn_str term, wn_str text)
{
    wn_buf_printf(out, ".TP\n");
    push_troff_line(out, ".B ", term);
    push_troff_line(out, "", text);
}

static void push_troff_option(wn_buf *out, const wn_option *option)
{
    wn_buf term = WN_BUF_INIT, text = WN_BUF_INIT;
    wn_manual_push_option_words(&term, option);
    wn_manual_push_option_text(&text, option);
    push_troff_entry(out, wn_buf_str(&term), wn_buf_str(&text));
    out->failed |= term.failed || text.failed;
    wn_buf_deinit(&term);
    wn_buf_deinit(&text);
}

static void push_troff_command(wn_buf *out, wn_command_id id)
{
    const wn_command *command = &wn_commands[id];
    char before[40];
    snprintf(before, sizeof before, "  winnow %s ", command->name);
    wn_buf_printf(out, ".SS %s\n%c%s.\n", command->name, command->summary[0] - 'a' + 'A',
                  command->summary + 1);
    push_troff_lines(out, before, command->synopsis);
    wn_buf_printf(out, ".PP\n");
    push_troff_paragraphs(out, command->details);
    for (int i = 0; i < WN_OPT_COUNT; i++)
        if ((wn_options[i].commands & (1u << id)) != 0 && i != WN_OPT_HELP)
            push_troff_option(out, &wn_options[i]);
    wn_buf_printf(out, ".PP\nExamples:\n");
    push_troff_lines(out, "  ", command->examples);
}

static void push_troff_facts(wn_buf *out, const char *title, const wn_fact *facts)
{
    wn_buf_printf(out, ".SH %s\n", title);
    for (size_t i = 0; facts[i].name != NULL; i++)
        push_troff_entry(out, wn_str_from(facts[i].name), wn_str_from(facts[i].help));
}

bool wn_manual_push_troff(wn_buf *out)
{
    wn_buf_printf(out,
                  ".TH WINNOW 1 \"\" \"winnow %s\" \"User Commands\"\n.SH NAME\n"
                  "winnow \\- put documents in order of relevance to a query\n.SH SYNOPSIS\n"
                  ".B winnow\nCOMMAND [OPTION...] [OPERAND]\n.SH COMMANDS\n",
                  WN_VERSION);
    for (int i = 0; i < WN_CMD_COUNT; i++)
        push_troff_command(out, (wn_command_id)i);
    push_troff_facts(out, "EXIT STATUS", wn_exit_codes);
    push_troff_facts(out, "ENVIRONMENT", wn_environment);
    push_troff_facts(out, "LIMITS", wn_input_limits);
    return !out->failed;
}

/* ---- Markdown -------------------------------------------------------------------------------- */

/* A cell of a table: a bar would end it. */
static void push_cell(wn_buf *out, wn_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '|')
            wn_buf_push_byte(out, '\\');
        wn_buf_push_byte(out, text.ptr[i]);
    }
}

static void push_markdown_options(wn_buf *out, wn_command_id id)
{
    wn_buf_printf(out, "\n| option | what it does |\n|--------|--------------|\n");
    for (int i = 0; i < WN_OPT_COUNT; i++) {
        if ((wn_options[i].commands & (1u << id)) == 0)
            continue;
        wn_buf text = WN_BUF_INIT;
        wn_buf_printf(out, "| `");
        wn_manual_push_option_words(out, &wn_options[i]);
        wn_buf_printf(out, "` | ");
        wn_manual_push_option_text(&text, &wn_options[i]);
        push_cell(out, wn_buf_str(&text));
        wn_buf_printf(out, " |\n");
        out->failed |= text.failed;
        wn_buf_deinit(&text);
    }
}

/* "WINNOW_BODY_LIMIT" */
static void push_variable(wn_buf *out, const char *name)
{
    wn_buf_printf(out, "WINNOW_");
    for (; *name != '\0'; name++)
        wn_buf_push_byte(out, *name == '-' ? '_' : (char)toupper((unsigned char)*name));
}

static void push_setting(wn_buf *out, const wn_option *option)
{
    const char *without = option->initial != NULL ? option->initial : option->fallback;
    wn_str choice = wn_str_from(option->choices);
    if (choice.len > 0)
        choice.len = strcspn(option->choices, "|");
    if (option->kind == WN_VALUE_NONE)
        without = "false";
    wn_buf_printf(out, "| `%s` | `", option->name);
    push_variable(out, option->name);
    wn_buf_printf(out, "` | %.*s | %s | ",
                  WN_STR_ARG(without != NULL ? wn_str_from(without) : choice),
                  option->reload ? "yes" : "");
    push_cell(out, wn_str_from(option->help));
    wn_buf_printf(out, " |\n");
}

static void push_aliases(wn_buf *out)
{
    wn_buf_printf(out, "\n## Names of other servers and platforms\n\n"
                       "| flag | variable | what it is here |\n|---|---|---|\n");
    for (const wn_alias *a = wn_aliases; a->name != NULL || a->variable != NULL; a++) {
        wn_buf_printf(out, a->name != NULL ? "| `--%s` | " : "| %s | ",
                      a->name != NULL ? a->name : "");
        wn_buf_printf(out, a->variable != NULL ? "`%s` | " : "%s| ",
                      a->variable != NULL ? a->variable : "");
        if (a->option == WN_OPT_COUNT)
            wn_buf_printf(out, "accepted, without effect: %s |\n", a->note);
        else if (a->on != NULL)
            wn_buf_printf(out, "`%s`: `%s`, or `%s` when false |\n", wn_options[a->option].name,
                          a->on, a->off);
        else
            wn_buf_printf(out, "`%s` |\n", wn_options[a->option].name);
    }
}

bool wn_manual_push_configuration(wn_buf *out)
{
    wn_buf_printf(
        out,
        "# Configuration of the server\n\n"
        "Written by `winnow help --configuration` from the table in `src/cli/options.c`; "
        "`make docs` rewrites it.\n\n"
        "Every setting is a flag of `winnow serve` (`--port 9000`), a variable of the environment "
        "(`WINNOW_PORT=9000`) and a line of a YAML file (`port: 9000`). A flag comes before the "
        "environment, that before a file, that before the default. `winnow serve --print-config` "
        "prints all of them, each with where it comes from, in the form of a file; "
        "`winnow check-config` checks them.\n\n"
        "Files: the one of `--config`, else `$XDG_CONFIG_HOME/winnow/winnow.yaml` (without it "
        "`~/.config/winnow/winnow.yaml`) over `/etc/winnow/winnow.yaml`. A name that does not "
        "exist, one that is set twice, or a bad value is an error that names file and line, and "
        "the server does not start.\n\n"
        "A secret may lie in a file: `--api-key-file FILE`, `WINNOW_API_KEY_FILE=FILE`, "
        "`api-key-file: FILE`, or a file `api-key` among systemd's credentials "
        "(`LoadCredential=`).\n\n"
        "A switch is `true` or `false` in the environment and in a file; `--strict-models=false` "
        "overrides both. `WINNOW_PORT=tcp://...`, which Kubernetes sets for a service of that "
        "name, is passed over.\n\n"
        "`SIGHUP` makes a running server take over the settings marked so.\n\n"
        "| setting | variable | default | SIGHUP | what it does |\n|---|---|---|---|---|\n");
    for (int i = 0; i < WN_OPT_COUNT; i++)
        if ((wn_options[i].commands & WN_FOR(SERVE)) != 0 && wn_options[i].reach == WN_REACH_ALL)
            push_setting(out, &wn_options[i]);
    push_aliases(out);
    return !out->failed;
}

static void push_markdown_block(wn_buf *out, const char *before, const char *text)
{
    wn_buf_printf(out, "\n```sh\n");
    do {
        size_t len = strcspn(text, "\n");
        wn_buf_printf(out, "%s%.*s\n", before, (int)len, text);
        text += len + (text[len] == '\n' ? 1 : 0);
    } while (*text != '\0');
    wn_buf_printf(out, "```\n");
}

/* Lines that start with two spaces become blocks of their own. */
static void push_markdown_paragraphs(wn_buf *out, const char *text)
{
    while (*text != '\0') {
        wn_str line = {text, strcspn(text, "\n")};
        if (wn_str_starts(line, WN_STR("  ")))
            wn_buf_printf(out, "    %.*s\n", (int)line.len - 2, line.ptr + 2);
        else
            wn_buf_printf(out, "%.*s\n", (int)line.len, line.ptr);
        text += line.len + (text[line.len] == '\n' ? 1 : 0);
    }
}

static void push_markdown_facts(wn_buf *out, const char *title, const char *term,
                                const wn_fact *facts)
{
    wn_buf_printf(out, "\n## %s\n\n| %s | meaning |\n|---|---|\n", title, term);
    for (size_t i = 0; facts[i].name != NULL; i++)
        wn_buf_printf(out, "| `%s` | %s |\n", facts[i].name, facts[i].help);
}

static void push_markdown_command(wn_buf *out, wn_command_id id)
{
    const wn_command *command = &wn_commands[id];
    wn_buf_printf(out, "\n## winnow %s\n\n%c%s.\n", command->name, command->summary[0] - 'a' + 'A',
                  command->summary + 1);
    wn_buf before = WN_BUF_INIT;
    wn_buf_printf(&before, "winnow %s%s", command->name, command->synopsis[0] != '\0' ? " " : "");
    if (wn_buf_push_byte(&before, '\0'))
        push_markdown_block(out, before.ptr, command->synopsis);
    out->failed |= before.failed;
    wn_buf_deinit(&before);
    wn_buf_push_byte(out, '\n');
    push_markdown_paragraphs(out, command->details);
    push_markdown_options(out, id);
    push_markdown_block(out, "", command->examples);
}

bool wn_manual_push_markdown(wn_buf *out)
{
    wn_buf_printf(out,
                  "# The command line\n\nWritten by `winnow help --markdown` from the table in "
                  "`src/cli/commands.c` and `src/cli/options.c`; `make docs` rewrites it.\n\n"
                  "Results go to standard output, everything else to standard error. `--` ends "
                  "the options, `-` is standard input.\n");
    for (int i = 0; i < WN_CMD_COUNT; i++)
        push_markdown_command(out, (wn_command_id)i);
    push_markdown_facts(out, "Exit status", "status", wn_exit_codes);
    push_markdown_facts(out, "Environment", "variable", wn_environment);
    push_markdown_facts(out, "Limits", "limit", wn_input_limits);
    return !out->failed;
}
