/* See tei_tokens.h. */
#include "serve/tei_tokens.h"

#include "base/str.h"
#include "data/json_bind.h"
#include "data/json_text.h"
#include "serve/call.h"

#define IDS_A_CALL_MAX 100000 /* of all lists: a token may be a kilobyte of text */

static bool is_text(const json_t *value)
{
    return json_string_value(value) != NULL;
}

size_t wn_tei_count_texts(const json_t *inputs, wn_problem *problem)
{
    size_t n = is_text(inputs) ? 1 : json_array_size(inputs);
    if (n == 0 || n > WN_DOCUMENTS_PER_CALL_MAX) {
        wn_problem_note(problem, "inputs", "string_type", NULL,
                        "Input should be a string or a list of 1 to %d strings, it is %s",
                        WN_DOCUMENTS_PER_CALL_MAX, wn_json_type_name(inputs));
        return 0;
    }
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *text = json_array_get(inputs, i);
        if (!is_text(text)) {
            wn_problem_note(problem, "inputs", "string_type", NULL,
                            "Item %zu should be a string, it is %s", i, wn_json_type_name(text));
            return 0;
        }
    }
    return n;
}

wn_str wn_tei_text_at(const json_t *inputs, size_t i)
{
    const json_t *text = is_text(inputs) ? inputs : json_array_get(inputs, i);
    return (wn_str){json_string_value(text), json_string_length(text)};
}

/* Specials that were added stand for no bytes of the text. */
static void push_token(wn_buf *out, const wn_tokens *tokens, size_t i)
{
    wn_buf_printf(out, "%s{\"id\":%d,\"text\":", i > 0 ? "," : "", tokens->ids[i]);
    wn_json_push_string(out, tokens->tokens[i]);
    if (tokens->start[i] == tokens->end[i])
        wn_buf_push_str(out, WN_STR(",\"special\":true,\"start\":null,\"stop\":null}"));
    else
        wn_buf_printf(out, ",\"special\":false,\"start\":%zu,\"stop\":%zu}", tokens->start[i],
                      tokens->end[i]);
}

bool wn_tei_push_tokens(wn_buf *out, const wn_tokens *tokens)
{
    wn_buf_push_byte(out, '[');
    for (size_t i = 0; i < tokens->n; i++)
        push_token(out, tokens, i);
    return wn_buf_push_byte(out, ']');
}

/* ---- ids ------------------------------------------------------------------------------------- */

static bool has_lists(const json_t *ids)
{
    return json_is_array(json_array_get(ids, 0));
}

static bool check_ids(const json_t *list, wn_problem *problem)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *id = json_array_get(list, i);
        json_int_t value = json_integer_value(id);
        if (json_typeof(id) != JSON_INTEGER || value < 0 || value > UINT32_MAX) {
            wn_problem_note(problem, "ids", "int_type", NULL,
                            "Item %zu should be a whole number from 0 to %u", i, UINT32_MAX);
            return false;
        }
    }
    return true;
}

static bool check_lists(const json_t *lists, wn_problem *problem)
{
    for (size_t i = 0; i < json_array_size(lists); i++) {
        const json_t *list = json_array_get(lists, i);
        if (json_typeof(list) != JSON_ARRAY) {
            wn_problem_note(problem, "ids", "list_type", NULL,
                            "Item %zu should be a list of ids, it is %s", i,
                            wn_json_type_name(list));
            return false;
        }
        if (!check_ids(list, problem))
            return false;
    }
    return true;
}

size_t wn_tei_count_lists(const json_t *ids, wn_problem *problem)
{
    bool many = has_lists(ids);
    size_t n = json_array_size(ids), n_ids = n;
    for (size_t i = 0; i < n; i++)
        n_ids += json_array_size(json_array_get(ids, i));
    if (!json_is_array(ids))
        wn_problem_note(problem, "ids", "list_type", NULL,
                        "Input should be a list of ids or of such lists, it is %s",
                        wn_json_type_name(ids));
    else if (n_ids > IDS_A_CALL_MAX)
        wn_problem_note(problem, "ids", "too_long", NULL, "%zu ids and lists, at most %d", n_ids,
                        IDS_A_CALL_MAX);
    else if (many ? check_lists(ids, problem) : check_ids(ids, problem))
        return many ? n : 1;
    return 0;
}

const json_t *wn_tei_list_at(const json_t *ids, size_t i)
{
    return has_lists(ids) ? json_array_get(ids, i) : ids;
}

void wn_tei_read_ids(int32_t *out, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_int_t value = json_integer_value(json_array_get(list, i));
        out[i] = value > INT32_MAX ? -1 : (int32_t)value;
    }
}
