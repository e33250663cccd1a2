/* Help on a terminal; and the words that all forms of the manual share.  See manual.h. */
#include "cli/manual.h"

#include "base/str.h"

#define INDENT       2
#define TERM_COLUMNS 26 /* of what is explained, before its text */

/* ---- shared words ---------------------------------------------------------------------------- */

bool wn_manual_push_option_words(wn_buf *out, const wn_option *option)
{
    if (option->letter != 0)
        wn_buf_printf(out, "-%c, ", option->letter);
    wn_buf_printf(out, "--%s", option->name);
    if (option->value != NULL)
        wn_buf_printf(out, " %s", option->value);
    return !out->failed;
}

static void push_choices(wn_buf *out, const char *choices)
{
    wn_str word;
    bool first = true;
    for (size_t at = 0; wn_args_next_choice(choices, &at, &word); first = false)
        wn_buf_printf(out, "%s%.*s", first ? "" : ", ", WN_STR_ARG(word));
}

bool wn_manual_push_option_text(wn_buf *out, const wn_option *option)
{
    wn_buf_printf(out, "%s", option->help);
    if (option->kind == WN_VALUE_CHOICE) {
        wn_buf_printf(out, "; one of ");
        push_choices(out, option->choices);
        wn_buf_printf(out, " (default %.*s)", (int)strcspn(option->choices, "|"), option->choices);
    } else if (option->kind == WN_VALUE_INT && option->max == INT32_MAX) {
        wn_buf_printf(out, "; at least %lld", (long long)option->min);
    } else if (option->kind == WN_VALUE_INT) {
        wn_buf_printf(out, "; %lld..%lld", (long long)option->min, (long long)option->max);
    }
    if (option->secret)
        wn_buf_printf(out, "; or --%s-file FILE, which holds it", option->name);
    const char *without = option->initial != NULL ? option->initial : option->fallback;
    if (without != NULL)
        wn_buf_printf(out, " (default: %s)", without);
    return !out->failed;
}

/* ---- on a terminal --------------------------------------------------------------------------- */

typedef struct page {
    wn_buf *out;
    size_t columns;
    bool colour;
} page;

/* Words of one paragraph, wrapped.  The line stands at `column` already; later lines are indented.
 */
static void push_words(const page *p, wn_str text, size_t column, size_t indent)
{
    bool at_start = true;
    for (size_t at = 0; at < text.len;) {
        size_t end = at;
        while (end < text.len && text.ptr[end] != ' ')
            end++;
        if (!at_start && column + 1 + (end - at) > p->columns) {
            wn_buf_printf(p->out, "\n%*s", (int)indent, "");
            column = indent;
            at_start = true;
        }
        wn_buf_printf(p->out, "%s%.*s", at_start ? "" : " ", (int)(end - at), text.ptr + at);
        column += (end - at) + (at_start ? 0 : 1);
        at_start = false;
        while (end < text.len && text.ptr[end] == ' ')
            end++;
        at = end;
    }
    wn_buf_push_byte(p->out, '\n');
}

/* Lines of a text: paragraphs are wrapped, lines that start with two spaces stay as they are. */
static void push_paragraphs(const page *p, const char *text)
{
    while (*text != '\0') {
        wn_str line = {text, strcspn(text, "\n")};
        if (line.len > 0)
            wn_buf_printf(p->out, "%*s", INDENT, "");
        if (wn_str_starts(line, WN_STR("  ")))
            wn_buf_printf(p->out, "%.*s\n", (int)line.len, line.ptr);
        else
            push_words(p, line, INDENT, INDENT);
        text += line.len + (text[line.len] == '\n' ? 1 : 0);
    }
}

static void push_title(const page *p, const char *title)
{
    wn_buf_printf(p->out, p->colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", title);
}

/* A term and, beside it or below, its text. */
static void push_entry(const page *p, wn_str term, wn_str text, size_t term_columns)
{
    size_t indent = INDENT + term_columns;
    bool fits = term.len + 2 <= term_columns;
    wn_buf_printf(p->out, "%*s%s%.*s%s", INDENT, "", p->colour ? "\033[36m" : "", (int)term.len,
                  term.ptr, p->colour ? "\033[0m" : "");
    if (fits)
        wn_buf_printf(p->out, "%*s", (int)(term_columns - term.len), "");
    else
        wn_buf_printf(p->out, "\n%*s", (int)indent, "");
    push_words(p, text, indent, indent);
}

/* Each line of a text behind what every line begins with. */
static void push_each_line(const page *p, const char *before, const char *text)
{
    do {
        size_t len = strcspn(text, "\n");
        wn_buf_printf(p->out, "%*s%s%s%.*s\n", INDENT, "", before,
                      len > 0 && before[0] != '\0' ? " " : "", (int)len, text);
        text += len + (text[len] == '\n' ? 1 : 0);
    } while (*text != '\0');
}

static void push_options(const page *p, wn_command_id id)
{
    push_title(p, "Options");
    for (int i = 0; i < WN_OPT_COUNT; i++) {
        wn_buf term = WN_BUF_INIT, text = WN_BUF_INIT;
        if (wn_options[i].commands & (1u << id)) {
            if (wn_options[i].letter == 0)
                wn_buf_printf(&term, "    "); /* long names below each other */
            wn_manual_push_option_words(&term, &wn_options[i]);
            wn_manual_push_option_text(&text, &wn_options[i]);
            push_entry(p, wn_buf_str(&term), wn_buf_str(&text), TERM_COLUMNS);
        }
        p->out->failed |= term.failed || text.failed;
        wn_buf_deinit(&term);
        wn_buf_deinit(&text);
    }
}

bool wn_manual_push_overview(wn_buf *out, size_t columns, bool colour)
{
    page p = {out, columns, colour};
    push_paragraphs(&p, "Winnow puts documents in order of relevance to a query.");
    push_title(&p, "Commands");
    for (int i = 0; i < WN_CMD_COUNT; i++)
        push_entry(&p, wn_str_from(wn_commands[i].name), wn_str_from(wn_commands[i].summary), 14);
    push_title(&p, "Examples");
    push_each_line(&p, "",
                   "winnow rank -q \"how do I undo a commit\" notes.txt\n"
                   "winnow rank --format jsonl < requests.jsonl > results.jsonl");
    push_title(&p, "More");
    push_paragraphs(&p, "winnow help COMMAND explains a command, winnow help --man is all of it.");
    return !out->failed;
}

bool wn_manual_push_command(wn_buf *out, wn_command_id id, size_t columns, bool colour)
{
    const wn_command *command = &wn_commands[id];
    page p = {out, columns, colour};
    wn_buf text = WN_BUF_INIT;
    wn_buf_printf(&text, "winnow %s: %s.", command->name, command->summary);
    wn_buf_printf(out, "%*s", INDENT, "");
    push_words(&p, wn_buf_str(&text), INDENT, INDENT);
    push_title(&p, "Usage");
    wn_buf_clear(&text);
    wn_buf_printf(&text, "winnow %s", command->name);
    wn_buf_push_byte(&text, '\0');
    if (!text.failed)
        push_each_line(&p, text.ptr, command->synopsis);
    push_title(&p, "Description");
    push_paragraphs(&p, command->details);
    push_options(&p, id);
    push_title(&p, "Examples");
    push_each_line(&p, "", command->examples);
    out->failed |= text.failed;
    wn_buf_deinit(&text);
    return !out->failed;
}
