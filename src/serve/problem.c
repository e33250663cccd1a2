/* See problem.h. */
#include "serve/problem.h"

#include "base/str.h"
#include "data/json_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define INPUT_BYTES_MAX 100   /* of a value that is repeated */
#define MISTAKES_MAX    20000 /* bytes; more mistakes than these are not told one by one */

void wn_problem_deinit(wn_problem *problem)
{
    wn_buf_deinit(&problem->mistakes);
    *problem = (wn_problem){0};
}

/* printf cuts between bytes: drop a character that it tore. */
static void mend(char *text)
{
    size_t len = strlen(text), start = len;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
        start--;
    if (start == 0 || (unsigned char)text[start - 1] < 0xc0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t need = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (len - start < need)
        text[start - 1] = '\0';
}

static void set(wn_problem *problem, int status, const char *code, const char *format, va_list args)
{
    problem->status = status;
    problem->code = code;
    vsnprintf(problem->detail, sizeof problem->detail, format, args);
    mend(problem->detail);
}

void wn_problem_set(wn_problem *problem, int status, const char *code, const char *format, ...)
{
    if (problem->status != 0)
        return;
    va_list args;
    va_start(args, format);
    set(problem, status, code, format, args);
    va_end(args);
}

void wn_problem_set_error(wn_problem *problem, const wn_error *err)
{
    switch (err->status) {
    case WN_ERR_INPUT:
        wn_problem_set(problem, 400, "INPUT_INVALID_TEXT", "%s", err->message);
        break;
    case WN_ERR_LIMIT:
        wn_problem_set(problem, 400, "INPUT_TOKEN_LIMIT_EXCEEDED", "%s", err->message);
        break;
    case WN_ERR_FORMAT:
        wn_problem_set(problem, 400, "INPUT_INVALID_JSON", "%s", err->message);
        break;
    case WN_ERR_UNSUPPORTED:
        wn_problem_set(problem, 400, "INPUT_UNSUPPORTED", "%s", err->message);
        break;
    case WN_ERR_MEMORY:
        wn_problem_set(problem, 503, "SERVICE_UNAVAILABLE",
                       "Service temporarily unavailable: out of memory. Please retry later.");
        problem->retry_after_s = 1;
        break;
    default:
        wn_problem_set(problem, 500, "INTERNAL_ERROR",
                       "An unexpected error occurred. The server's log names it by request_id.");
    }
}

void wn_problem_prefix(wn_problem *problem, const char *format, ...)
{
    char prefix[64], detail[sizeof problem->detail];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    snprintf(detail, sizeof detail, "%s", problem->detail);
    snprintf(problem->detail, sizeof problem->detail, "%s%.*s", prefix,
             (int)(sizeof detail - sizeof prefix), detail);
    mend(problem->detail);
}

/* The value as JSON, when it is short. */
static void push_input(wn_buf *out, const json_t *input)
{
    char text[INPUT_BYTES_MAX];
    if (input == NULL)
        return;
    size_t n = json_dumpb(input, text, sizeof text, JSON_COMPACT | JSON_ENCODE_ANY);
    if (n > 0 && n <= sizeof text) {
        wn_buf_push_str(out, WN_STR(",\"input\":"));
        wn_buf_push(out, text, n);
    }
}

void wn_problem_note(wn_problem *problem, const char *field, const char *type, const json_t *input,
                     const char *format, ...)
{
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    mend(message);
    const char *place = problem->place == NULL ? "body" : problem->place;
    if (problem->status == 0)
        wn_problem_set(problem, 422, NULL, "Validation error: '%s -> %s' %s", place, field,
                       message);
    wn_buf *out = &problem->mistakes;
    if (problem->status != 422 || out->len > MISTAKES_MAX)
        return;
    char path[160];
    snprintf(path, sizeof path, "%s -> %s", place, field);
    mend(path);
    if (out->len > 0)
        wn_buf_push_byte(out, ',');
    wn_buf_push_str(out, WN_STR("{\"field\":"));
    wn_json_push_string(out, wn_str_from(path));
    wn_buf_push_str(out, WN_STR(",\"message\":"));
    wn_json_push_string(out, wn_str_from(message));
    wn_buf_push_str(out, WN_STR(",\"type\":"));
    wn_json_push_string(out, wn_str_from(type));
    push_input(out, input);
    wn_buf_push_byte(out, '}');
}
