/* Parsing of the command line by the tables of options.h.
 * Refuses: words that no row allows, values out of a row's range, too few or too many operands. */
#include "cli/args.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#define WN_WHERE "cli/args"

#define WORD_BYTES_MAX   32 /* longer words have no nearest match */
#define SECRET_BYTES_MAX 65536

bool wn_args_next_choice(const char *choices, size_t *at, wn_str *word)
{
    const char *p = choices + *at;
    if (*p == '\0')
        return false;
    size_t len = strcspn(p, "|");
    *word = (wn_str){p, len};
    *at += len + (p[len] == '|' ? 1 : 0);
    return true;
}

wn_command_id wn_args_find_command(const char *name)
{
    for (int i = 0; i < WN_CMD_COUNT; i++)
        if (strcmp(name, wn_commands[i].name) == 0)
            return (wn_command_id)i;
    return WN_CMD_COUNT;
}

size_t wn_args_distance(wn_str a, wn_str b)
{
    if (a.len > WORD_BYTES_MAX || b.len > WORD_BYTES_MAX)
        return SIZE_MAX;
    size_t row[WORD_BYTES_MAX + 1][WORD_BYTES_MAX + 1];
    for (size_t i = 0; i <= a.len; i++) {
        for (size_t j = 0; j <= b.len; j++) {
            if (i == 0 || j == 0) {
                row[i][j] = i + j;
                continue;
            }
            size_t replace = row[i - 1][j - 1] + (a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1);
            size_t best = WN_MIN(replace, WN_MIN(row[i - 1][j], row[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
                best = WN_MIN(best, row[i - 2][j - 2] + 1);
            row[i][j] = best;
        }
    }
    return row[a.len][b.len];
}

/* The nearest of some words to the one that was typed. */
typedef struct nearest {
    wn_str typed, word;
    size_t distance;
} nearest;

static void nearest_try(nearest *best, wn_str word)
{
    size_t distance = wn_args_distance(best->typed, word);
    if (best->typed.len >= 2 && wn_str_starts(word, best->typed))
        distance = WN_MIN(distance, (size_t)1); /* an abbreviation */
    if (distance < best->distance) {
        best->distance = distance;
        best->word = word;
    }
}

/* Near enough to be meant: at most two edits, and at most a third of the word. */
static bool nearest_is_meant(const nearest *best)
{
    return best->distance <= 2 && best->distance * 3 <= WN_MAX(best->word.len, (size_t)3);
}

static wn_status fail_command(const char *typed, wn_error *err)
{
    nearest best = {.typed = wn_str_from(typed), .distance = SIZE_MAX};
    for (int i = 0; i < WN_CMD_COUNT; i++)
        nearest_try(&best, wn_str_from(wn_commands[i].name));
    if (nearest_is_meant(&best))
        WN_FAIL(err, WN_ERR_ARGUMENT, "unknown command '%.100s'; did you mean '%.*s'?", typed,
                WN_STR_ARG(best.word));
    WN_FAIL(err, WN_ERR_ARGUMENT, "unknown command '%.100s'; 'winnow help' lists them", typed);
}

wn_str wn_args_nearest(wn_command_id command, wn_str name)
{
    nearest best = {.typed = name, .distance = SIZE_MAX};
    for (int i = 0; i < WN_OPT_COUNT; i++)
        if (wn_options[i].commands & (1u << command))
            nearest_try(&best, wn_str_from(wn_options[i].name));
    return nearest_is_meant(&best) ? best.word : (wn_str){0};
}

static wn_status fail_option(wn_command_id command, wn_str typed, wn_error *err)
{
    const char *name = wn_commands[command].name;
    wn_str meant = wn_args_nearest(command, typed);
    if (meant.len > 0)
        WN_FAIL(err, WN_ERR_ARGUMENT, "unknown option '--%.*s' of %s; did you mean '--%.*s'?",
                WN_STR_ARG(typed), name, WN_STR_ARG(meant));
    WN_FAIL(err, WN_ERR_ARGUMENT, "unknown option '--%.*s'; 'winnow help %s' lists them",
            WN_STR_ARG(typed), name);
}

/* A decimal number, digits only but for a sign; false when it is none or leaves int64. */
static bool parse_int(wn_str text, int64_t *out)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    size_t at = negative ? 1 : 0;
    if (at == text.len)
        return false;
    int64_t n = 0;
    for (; at < text.len; at++) {
        if (text.ptr[at] < '0' || text.ptr[at] > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, text.ptr[at] - '0', &n))
            return false;
    }
    *out = negative ? -n : n;
    return true;
}

/* The index of a word in choices; `what` names the option or operand in the message. */
static wn_status parse_choice(int64_t *out, const char *choices, wn_str text, const char *what,
                              wn_error *err)
{
    nearest best = {.typed = text, .distance = SIZE_MAX};
    wn_str word;
    int64_t index = 0;
    for (size_t at = 0; wn_args_next_choice(choices, &at, &word); index++) {
        nearest_try(&best, word);
        if (wn_str_equal(word, text)) {
            *out = index;
            return WN_OK;
        }
    }
    if (nearest_is_meant(&best))
        WN_FAIL(err, WN_ERR_ARGUMENT, "%s is '%.*s', expected %s; did you mean '%.*s'?", what,
                WN_STR_ARG(text), choices, WN_STR_ARG(best.word));
    WN_FAIL(err, WN_ERR_ARGUMENT, "%s is '%.*s', expected %s", what, WN_STR_ARG(text), choices);
}

static bool parse_shard(wn_str text, wn_option_value *out)
{
    const char *slash = text.len > 0 ? memchr(text.ptr, '/', text.len) : NULL;
    if (slash == NULL)
        return false;
    size_t at = (size_t)(slash - text.ptr);
    return parse_int(wn_str_slice(text, 0, at), &out->number) &&
           parse_int(wn_str_slice(text, at + 1, text.len), &out->of) && out->number >= 0 &&
           out->number < out->of && out->of <= WN_SHARDS_MAX;
}

static bool parse_switch(const char *text, int64_t *out)
{
    static const char *const words[] = {"false", "no", "off", "0", "true", "yes", "on", "1"};
    for (size_t i = 0; i < WN_ARRAY_LEN(words); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *out = i >= WN_ARRAY_LEN(words) / 2;
            return true;
        }
    }
    return false;
}

/* `what` names the option in messages. */
static wn_status parse_value(wn_option_value *value, const wn_option *option, const char *what,
                             wn_error *err)
{
    const char *text = value->text;
    wn_str s = wn_str_from(text);
    switch (option->kind) {
    case WN_VALUE_NONE:
        if (!parse_switch(text, &value->number))
            WN_FAIL(err, WN_ERR_ARGUMENT, "%s is '%.100s', expected true or false", what, text);
        break;
    case WN_VALUE_INT:
        if (!parse_int(s, &value->number) || value->number < option->min ||
            value->number > option->max)
            WN_FAIL(err, WN_ERR_ARGUMENT, "%s is '%.100s', expected a number %lld..%lld", what,
                    text, (long long)option->min, (long long)option->max);
        break;
    case WN_VALUE_CHOICE:
        WN_TRY(parse_choice(&value->number, option->choices, s, what, err));
        break;
    case WN_VALUE_SHARD:
        if (!parse_shard(s, value))
            WN_FAIL(err, WN_ERR_ARGUMENT, "%s is '%.100s', expected I/N with 0 <= I < N <= %d",
                    what, text, WN_SHARDS_MAX);
        break;
    case WN_VALUE_FILE:
    case WN_VALUE_DIR:
        if (text[strspn(text, "\n")] == '\0')
            WN_FAIL(err, WN_ERR_ARGUMENT, "%s is empty, expected a name", what);
        break;
    default:
        break;
    }
    return WN_OK;
}

const char *wn_args_printf(wn_args *args, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(NULL, 0, format, list);
    va_end(list);
    char *text = n < 0 ? NULL : wn_arena_alloc(&args->arena, (size_t)n + 1, 1);
    if (text == NULL)
        return NULL;
    va_start(list, format);
    vsnprintf(text, (size_t)n + 1, format, list);
    va_end(list);
    return text;
}

/* The secret in a file, without the end of its last line. */
static wn_status read_secret(const char **out, wn_args *args, const char *path, wn_error *err)
{
    wn_buf bytes = WN_BUF_INIT;
    wn_status status;
    WN_TRY_OUT(wn_file_read(&bytes, path, SECRET_BYTES_MAX, err));
    wn_str text = wn_buf_str(&bytes);
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    if (text.len == 0 || memchr(text.ptr, '\0', text.len) != NULL)
        WN_FAIL_OUT(err, WN_ERR_ARGUMENT, "'%s' %s, expected a secret", path,
                    text.len == 0 ? "is empty" : "holds a NUL byte");
    *out = wn_arena_str(&args->arena, text).ptr;
    if (*out == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for %zu bytes", text.len);
out:
    wn_buf_deinit(&bytes);
    return status;
}

wn_status wn_args_set(wn_args *args, wn_args_target target, const char *text, wn_source source,
                      const char *origin, wn_error *err)
{
    const wn_alias *alias = target.alias;
    int64_t on;
    if (alias != NULL && alias->option == WN_OPT_COUNT) {
        args->ignored |= (uint64_t)1 << (alias - wn_aliases);
        return WN_OK;
    }
    if (alias != NULL && alias->is_switch) {
        if (!parse_switch(text, &on))
            WN_FAIL(err, WN_ERR_ARGUMENT, "%s is '%.100s', expected true or false", origin, text);
        text = on ? alias->on : alias->off;
    }
    const char *file = target.is_file ? text : NULL;
    if (target.is_file) {
        wn_status status = read_secret(&text, args, text, err);
        if (status != WN_OK)
            return wn_error_prefix(err, status, "%s", origin);
    }
    wn_option_value value = {.text = text, .file = file, .source = source, .origin = origin};
    char what[200];
    bool in_file = source == WN_SOURCE_FILE;
    snprintf(what, sizeof what, "%s%s%s", origin, in_file ? ": " : "",
             in_file ? wn_options[target.id].name : "");
    WN_TRY(parse_value(&value, &wn_options[target.id], what, err));
    wn_option_value *own = &args->values[target.id];
    bool adds = (wn_options[target.id].repeats & (1u << args->command)) != 0 &&
                source == WN_SOURCE_FLAG && own->source == WN_SOURCE_FLAG;
    if (adds && (value.text = wn_args_printf(args, "%s\n%s", own->text, text)) == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %s", origin);
    if (source >= own->source)
        *own = value;
    return WN_OK;
}

static bool has_option(wn_command_id command, int id)
{
    return (wn_options[id].commands & (1u << command)) != 0;
}

static int find_letter(wn_command_id command, char letter)
{
    int id = 0;
    while (id < WN_OPT_COUNT && (!has_option(command, id) || wn_options[id].letter != letter))
        id++;
    return id;
}

bool wn_args_find(wn_args_target *out, wn_command_id command, wn_str name)
{
    wn_str stem = name;
    if (wn_str_ends(name, WN_STR("-file")))
        stem.len -= 5;
    for (int i = 0; i < WN_OPT_COUNT; i++) {
        wn_str own = wn_str_from(wn_options[i].name);
        bool is_file = wn_options[i].secret && stem.len < name.len && wn_str_equal(stem, own);
        if (has_option(command, i) && (is_file || wn_str_equal(name, own))) {
            *out = (wn_args_target){.id = (wn_option_id)i, .is_file = is_file};
            return true;
        }
    }
    if (command != WN_CMD_SERVE)
        return false;
    for (const wn_alias *a = wn_aliases; a->name != NULL || a->variable != NULL; a++) {
        if (a->name != NULL && wn_str_equal(name, wn_str_from(a->name))) {
            *out = (wn_args_target){.id = a->option, .alias = a};
            return true;
        }
    }
    return false;
}

/* The rest of a command line that is being read. */
typedef struct cursor {
    int argc, at;
    const char *const *argv;
} cursor;

/* --name, --name=value, --name value */
static wn_status parse_long(wn_args *args, cursor *rest, wn_error *err)
{
    const char *word = rest->argv[rest->at++] + 2;
    size_t len = strcspn(word, "=");
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    wn_args_target target;
    if (!wn_args_find(&target, args->command, (wn_str){word, len}))
        return fail_option(args->command, (wn_str){word, len}, err);
    const char *origin = wn_args_printf(args, "--%.*s", (int)len, word);
    if (origin == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a word");
    bool is_switch = target.alias != NULL ? target.alias->is_switch
                                          : wn_options[target.id].kind == WN_VALUE_NONE;
    if (value == NULL && is_switch) {
        value = "true";
    } else if (value == NULL) {
        const char *shown = target.alias != NULL ? "VALUE"
                            : target.is_file     ? "FILE"
                                                 : wn_options[target.id].value;
        if (rest->at == rest->argc)
            WN_FAIL(err, WN_ERR_ARGUMENT, "%s needs a value: %s %s", origin, origin, shown);
        value = rest->argv[rest->at++];
    }
    return wn_args_set(args, target, value, WN_SOURCE_FLAG, origin, err);
}

/* -x, -xy, -xVALUE, -x VALUE */
static wn_status parse_letters(wn_args *args, cursor *rest, wn_error *err)
{
    const char *word = rest->argv[rest->at++] + 1;
    for (; *word != '\0'; word++) {
        int id = find_letter(args->command, *word);
        if (id == WN_OPT_COUNT)
            WN_FAIL(err, WN_ERR_ARGUMENT, "unknown option '-%c'; 'winnow help %s' lists them",
                    *word, wn_commands[args->command].name);
        const wn_option *option = &wn_options[id];
        const char *origin = wn_args_printf(args, "--%s", option->name);
        const char *value = option->kind == WN_VALUE_NONE ? "true" : word + 1;
        if (origin == NULL)
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for a word");
        if (*value == '\0') {
            if (rest->at == rest->argc)
                WN_FAIL(err, WN_ERR_ARGUMENT, "-%c needs a value: -%c %s", *word, *word,
                        option->value);
            value = rest->argv[rest->at++];
        }
        WN_TRY(wn_args_set(args, (wn_args_target){.id = (wn_option_id)id}, value, WN_SOURCE_FLAG,
                           origin, err));
        if (option->kind != WN_VALUE_NONE)
            break;
    }
    return WN_OK;
}

/* The lines of a synopsis, with commas between. */
static wn_status fail_without_operand(const wn_command *command, wn_error *err)
{
    wn_buf lines = WN_BUF_INIT;
    for (const char *at = command->synopsis; *at != '\0'; at++)
        wn_buf_push_str(&lines, *at == '\n' ? WN_STR(", ") : (wn_str){at, 1});
    wn_status status =
        wn_error_set(err, WN_ERR_ARGUMENT, WN_WHERE, "%s needs an operand: winnow %s %.*s",
                     command->name, command->name, WN_STR_ARG(wn_buf_str(&lines)));
    wn_buf_deinit(&lines);
    return status;
}

static wn_status check_operands(const wn_args *args, wn_error *err)
{
    const wn_command *command = &wn_commands[args->command];
    if (wn_args_has(args, WN_OPT_HELP))
        return WN_OK;
    if (args->n_operands > command->max_operands)
        WN_FAIL(err, WN_ERR_ARGUMENT, "%s: '%.100s' is one operand too many, expected %zu",
                command->name, args->operands[command->max_operands], command->max_operands);
    if (args->n_operands < command->min_operands)
        return fail_without_operand(command, err);
    for (size_t i = 0; i < args->n_operands; i++) {
        int64_t index;
        if (command->operand == WN_VALUE_COMMAND &&
            wn_args_find_command(args->operands[i]) == WN_CMD_COUNT)
            return fail_command(args->operands[i], err);
        if (command->operand == WN_VALUE_CHOICE)
            WN_TRY(parse_choice(&index, command->choices, wn_str_from(args->operands[i]),
                                command->name, err));
    }
    return WN_OK;
}

static wn_status parse_words(wn_args *args, cursor *rest, wn_error *err)
{
    bool options_ended = false;
    while (rest->at < rest->argc) {
        const char *word = rest->argv[rest->at];
        if (options_ended || word[0] != '-' || word[1] == '\0') {
            args->operands[args->n_operands++] = word;
            rest->at++;
        } else if (strcmp(word, "--") == 0) {
            options_ended = true;
            rest->at++;
        } else if (word[1] == '-') {
            WN_TRY(parse_long(args, rest, err));
        } else {
            WN_TRY(parse_letters(args, rest, err));
        }
    }
    return check_operands(args, err);
}

/* The values that options of the command have without being set. */
static void set_defaults(wn_args *args)
{
    for (int i = 0; i < WN_OPT_COUNT; i++) {
        wn_option_value *value = &args->values[i];
        if (!has_option(args->command, i) || wn_options[i].initial == NULL)
            continue;
        value->text = wn_options[i].initial;
        wn_status status = parse_value(value, &wn_options[i], wn_options[i].name, NULL);
        WN_ASSERT(status == WN_OK); /* the table is right */
    }
}

wn_status wn_args_parse(wn_args *out, int argc, const char *const *argv, wn_error *err)
{
    wn_args args = {.command = WN_CMD_HELP};
    cursor rest = {.argc = argc, .at = WN_MIN(argc, 2), .argv = argv};
    const char *first = argc > 1 ? argv[1] : "help";
    if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0)
        args.command = WN_CMD_VERSION;
    else if (strcmp(first, "--help") != 0 && strcmp(first, "-h") != 0)
        args.command = wn_args_find_command(first);
    if (args.command == WN_CMD_COUNT)
        return fail_command(first, err);
    args.operands = wn_mem_zalloc((size_t)WN_MAX(argc, 1), sizeof *args.operands);
    if (args.operands == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %d words", argc);
    set_defaults(&args);
    wn_status status = parse_words(&args, &rest, err);
    if (status != WN_OK) {
        wn_args_deinit(&args);
        return status;
    }
    *out = args;
    return WN_OK;
}

void wn_args_deinit(wn_args *args)
{
    wn_mem_free(args->operands);
    wn_arena_deinit(&args->arena);
    *args = (wn_args){0};
}

bool wn_args_has(const wn_args *args, wn_option_id id)
{
    const wn_option_value *value = &args->values[id];
    return wn_options[id].kind == WN_VALUE_NONE ? value->number != 0
                                                : value->source != WN_SOURCE_DEFAULT;
}

const char *wn_args_text(const wn_args *args, wn_option_id id)
{
    return args->values[id].text;
}

int64_t wn_args_int(const wn_args *args, wn_option_id id)
{
    return args->values[id].number;
}
