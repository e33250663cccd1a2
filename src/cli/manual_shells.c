/* Completions for bash, zsh and fish.  See manual.h. */
#include "cli/manual.h"

#include "base/str.h"

static bool has_option(wn_command_id command, int option)
{
    return (wn_options[option].commands & (1u << command)) != 0;
}

/* The words of "a|b|c", or the names of all commands when choices is NULL. */
static void push_words(wn_buf *out, const char *choices)
{
    wn_str word;
    size_t at = 0;
    for (int i = 0; choices == NULL && i < WN_CMD_COUNT; i++)
        wn_buf_printf(out, "%s%s", i == 0 ? "" : " ", wn_commands[i].name);
    for (bool first = true; choices != NULL && wn_args_next_choice(choices, &at, &word);
         first = false)
        wn_buf_printf(out, "%s%.*s", first ? "" : " ", WN_STR_ARG(word));
}

/* Text between single quotes, as each shell escapes one: '\'' or \'. */
static void push_quoted(wn_buf *out, const char *text, const char *quote, const char *escaped)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            wn_buf_printf(out, "%s", quote);
        else
            wn_buf_printf(out, strchr(escaped, *text) != NULL ? "\\%c" : "%c", *text);
    }
}

/* ---- bash ------------------------------------------------------------------------------------ */

static void push_bash_reply(wn_buf *out, wn_value_kind kind, const char *choices)
{
    switch (kind) {
    case WN_VALUE_FILE:
        wn_buf_printf(out, "compopt -o filenames; _winnow_reply -f");
        break;
    case WN_VALUE_DIR:
        wn_buf_printf(out, "compopt -o filenames; _winnow_reply -d");
        break;
    case WN_VALUE_CHOICE:
    case WN_VALUE_COMMAND:
        wn_buf_printf(out, "_winnow_reply -W \"");
        push_words(out, choices);
        wn_buf_push_byte(out, '"');
        break;
    default:
        wn_buf_push_byte(out, ':');
        break;
    }
}

static void push_bash_command(wn_buf *out, wn_command_id id)
{
    const char *name = wn_commands[id].name;
    for (int i = 0; i < WN_OPT_COUNT; i++) {
        const wn_option *option = &wn_options[i];
        if (!has_option(id, i) || option->kind == WN_VALUE_NONE)
            continue;
        wn_buf_printf(out, "    '%s --%s'", name, option->name);
        if (option->letter != 0)
            wn_buf_printf(out, "|'%s -%c'", name, option->letter);
        wn_buf_printf(out, ") ");
        push_bash_reply(out, option->kind, option->choices);
        wn_buf_printf(out, " ;;\n");
    }
    wn_buf_printf(out, "    '%s '*) if [[ $current == -* ]]; then _winnow_reply -W \"", name);
    for (int i = 0; i < WN_OPT_COUNT; i++)
        if (has_option(id, i))
            wn_buf_printf(out, "--%s ", wn_options[i].name);
    wn_buf_printf(out, "\"; else ");
    push_bash_reply(out, wn_commands[id].operand, wn_commands[id].choices);
    wn_buf_printf(out, "; fi ;;\n");
}

static void push_bash(wn_buf *out)
{
    wn_buf_printf(
        out, "# bash completion for winnow\n"
             "_winnow_reply() { mapfile -t COMPREPLY < <(compgen \"$@\" -- "
             "\"${COMP_WORDS[COMP_CWORD]}\"); }\n"
             "_winnow() {\n"
             "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
             "    COMPREPLY=()\n"
             "    if (( COMP_CWORD == 1 )); then _winnow_reply -W \"");
    push_words(out, NULL);
    wn_buf_printf(out, "\"; return; fi\n    case \"${COMP_WORDS[1]} $previous\" in\n");
    for (int i = 0; i < WN_CMD_COUNT; i++)
        push_bash_command(out, (wn_command_id)i);
    wn_buf_printf(out, "    esac\n}\ncomplete -F _winnow winnow\n");
}

/* ---- zsh ------------------------------------------------------------------------------------- */

static void push_zsh_values(wn_buf *out, const char *name, wn_value_kind kind, const char *choices)
{
    wn_buf_printf(out, ":%s:", name);
    if (kind == WN_VALUE_FILE)
        wn_buf_printf(out, "_files");
    if (kind == WN_VALUE_DIR)
        wn_buf_printf(out, "_files -/");
    if (kind != WN_VALUE_CHOICE && kind != WN_VALUE_COMMAND)
        return;
    wn_buf_push_byte(out, '(');
    push_words(out, choices);
    wn_buf_push_byte(out, ')');
}

static void push_zsh_command(wn_buf *out, wn_command_id id)
{
    wn_buf_printf(out, "    %s) _arguments", wn_commands[id].name);
    for (int i = 0; i < WN_OPT_COUNT; i++) {
        const wn_option *option = &wn_options[i];
        if (!has_option(id, i))
            continue;
        wn_buf_printf(out, " \\\n        ");
        if (option->letter != 0)
            wn_buf_printf(out, "'(-%c --%s)'{-%c,--%s}'[", option->letter, option->name,
                          option->letter, option->name);
        else
            wn_buf_printf(out, "'--%s[", option->name);
        push_quoted(out, option->help, "'\\''", "[]:\\");
        wn_buf_push_byte(out, ']');
        if (option->kind != WN_VALUE_NONE)
            push_zsh_values(out, option->value, option->kind, option->choices);
        wn_buf_push_byte(out, '\'');
    }
    if (wn_commands[id].operand != WN_VALUE_NONE) {
        wn_buf_printf(out, " \\\n        '1");
        push_zsh_values(out, "operand", wn_commands[id].operand, wn_commands[id].choices);
        wn_buf_push_byte(out, '\'');
    }
    wn_buf_printf(out, " ;;\n");
}

static void push_zsh(wn_buf *out)
{
    wn_buf_printf(out, "#compdef winnow\n_winnow() {\n    local -a commands=(");
    for (int i = 0; i < WN_CMD_COUNT; i++)
        wn_buf_printf(out, "\n        '%s:%s'", wn_commands[i].name, wn_commands[i].summary);
    wn_buf_printf(out, ")\n    if (( CURRENT == 2 )); then _describe command commands; return; fi\n"
                       "    local command=$words[2]\n    shift words; (( CURRENT-- ))\n"
                       "    case $command in\n");
    for (int i = 0; i < WN_CMD_COUNT; i++)
        push_zsh_command(out, (wn_command_id)i);
    wn_buf_printf(out, "    esac\n}\n"
                       "if [[ $funcstack[1] == _winnow ]]; then _winnow \"$@\"; "
                       "else compdef _winnow winnow; fi\n");
}

/* ---- fish ------------------------------------------------------------------------------------ */

static void push_fish_values(wn_buf *out, wn_value_kind kind, const char *choices)
{
    switch (kind) {
    case WN_VALUE_NONE:
        break;
    case WN_VALUE_FILE:
        wn_buf_printf(out, " -r -F");
        break;
    case WN_VALUE_DIR:
        wn_buf_printf(out, " -x -a '(__fish_complete_directories)'");
        break;
    case WN_VALUE_CHOICE:
    case WN_VALUE_COMMAND:
        wn_buf_printf(out, " -x -a '");
        push_words(out, choices);
        wn_buf_push_byte(out, '\'');
        break;
    default:
        wn_buf_printf(out, " -x");
        break;
    }
}

static void push_fish_option(wn_buf *out, const char *command, const wn_option *option)
{
    wn_buf_printf(out, "complete -c winnow -n '__fish_seen_subcommand_from %s' -l %s", command,
                  option->name);
    if (option->letter != 0)
        wn_buf_printf(out, " -s %c", option->letter);
    push_fish_values(out, option->kind, option->choices);
    wn_buf_printf(out, " -d '");
    push_quoted(out, option->help, "\\'", "\\");
    wn_buf_printf(out, "'\n");
}

static void push_fish(wn_buf *out)
{
    wn_buf_printf(out, "# fish completion for winnow\ncomplete -c winnow -f\n");
    for (int i = 0; i < WN_CMD_COUNT; i++) {
        const wn_command *command = &wn_commands[i];
        wn_buf_printf(out, "complete -c winnow -n __fish_use_subcommand -a %s -d '%s'\n",
                      command->name, command->summary);
        for (int j = 0; j < WN_OPT_COUNT; j++)
            if (has_option((wn_command_id)i, j))
                push_fish_option(out, command->name, &wn_options[j]);
        if (command->operand == WN_VALUE_NONE || command->operand == WN_VALUE_TEXT)
            continue;
        wn_buf_printf(out, "complete -c winnow -n '__fish_seen_subcommand_from %s'", command->name);
        push_fish_values(out, command->operand, command->choices);
        wn_buf_push_byte(out, '\n');
    }
}

bool wn_manual_push_completion(wn_buf *out, wn_shell shell)
{
    switch (shell) {
    case WN_SHELL_BASH:
        push_bash(out);
        break;
    case WN_SHELL_ZSH:
        push_zsh(out);
        break;
    case WN_SHELL_FISH:
        push_fish(out);
        break;
    }
    return !out->failed;
}
