/* SageMaker's batch transform with Jina's packages: a ranking a line, its id, query, documents as a
 * JSON list, and maybe top_n; a comma inside a cell is written "\,".  The answer is that of the
 * JSON form with an entry a line.
 * Source:  jina-ai/jina-sagemaker: README, examples/sample-reranking-batch-input.csv. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_bind.h"
#include "data/unicode.h"

#include <strings.h>

#define WN_WHERE   "serve/dialect_sagemaker_csv"
#define DOCUMENTS  2 /* the cell */
#define AT(member) offsetof(wn_rank_call, member)

static const wn_field fields[] = {
    {"rows", WN_FIELD_NONE, 0, true, 0, 0,
     "lines of id,query,documents[,top_n] in text/csv; documents are a JSON list, a comma is \\,"},
};

static const wn_field row_fields[] = {
    {"id", WN_FIELD_STRING, AT(id), true, 0, 0, "of the ranking"},
    WN_QUERY_FIELD,
    {"documents", WN_FIELD_DOCUMENTS, AT(documents), true, 1, WN_DOCUMENTS_PER_CALL_MAX,
     "what is to be put in order"},
    WN_TOP_FIELD("top_n"),
};

static bool speaks(const wn_http_request *request, const json_t *body)
{
    static const wn_str csv = {"text/csv", 8};
    wn_str type;
    (void)body;
    return wn_http_find(request, "Content-Type", &type) && type.len >= csv.len &&
           strncasecmp(type.ptr, csv.ptr, csv.len) == 0 &&
           (type.len == csv.len || type.ptr[csv.len] == ';' || type.ptr[csv.len] == ' ');
}

/* ---- lines to JSON --------------------------------------------------------------------------- */

/* Take a line off the rest, without its end. */
static wn_str take_line(wn_str *rest)
{
    const char *end = memchr(rest->ptr, '\n', rest->len);
    size_t n = end == NULL ? rest->len : (size_t)(end - rest->ptr);
    wn_str line = wn_str_slice(*rest, 0, n);
    *rest = wn_str_slice(*rest, WN_MIN(n + 1, rest->len), rest->len);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Take a cell off a line, which becomes NULL behind the last. */
static bool take_cell(wn_buf *cell, wn_str *line)
{
    size_t i = 0;
    wn_buf_clear(cell);
    for (; i < line->len && line->ptr[i] != ','; i++) {
        if (line->ptr[i] == '\\' && i + 1 < line->len && line->ptr[i + 1] == ',')
            i++;
        wn_buf_push_byte(cell, line->ptr[i]);
    }
    *line = i < line->len ? wn_str_slice(*line, i + 1, line->len) : (wn_str){0};
    return !cell->failed;
}

static json_t *string_of(wn_str cell)
{
    return json_stringn_nocheck(cell.ptr == NULL ? "" : cell.ptr, cell.len);
}

/* A number when the cell is one, else the text, which its field refuses. */
static json_t *number_of(wn_str cell)
{
    json_int_t number = 0;
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.ptr[i] < '0' || cell.ptr[i] > '9' || i == 15)
            return string_of(cell);
        number = number * 10 + (cell.ptr[i] - '0');
    }
    return json_integer(number);
}

/* Set the member that a cell is; an empty one at the end is none. */
static wn_status set_cell(json_t *row, size_t i, wn_str cell, wn_error *err)
{
    json_t *value = NULL;
    const char *name = row_fields[i].name;
    if (wn_utf8_check(cell) < cell.len)
        WN_FAIL(err, WN_ERR_INPUT, "%s is not UTF-8", name);
    if (i >= DOCUMENTS && cell.len == 0)
        return WN_OK;
    if (i == DOCUMENTS)
        WN_TRY(wn_json_parse(&value, cell, name, err));
    else if (i > DOCUMENTS)
        value = number_of(cell);
    else
        value = string_of(cell);
    if (json_object_set_new(row, name, value) != 0) /* also without a value */
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a row");
    return WN_OK;
}

static wn_status read_row(json_t *row, wn_buf *cell, wn_str line, wn_error *err)
{
    for (size_t i = 0; line.ptr != NULL; i++) {
        if (i == WN_ARRAY_LEN(row_fields))
            WN_FAIL(err, WN_ERR_INPUT,
                    "more than the cells id, query, documents, top_n; is a "
                    "comma written without '\\'?");
        if (!take_cell(cell, &line))
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for a cell");
        WN_TRY(set_cell(row, i, wn_buf_str(cell), err));
    }
    return WN_OK;
}

/* No more rows than tell that there are too many: they take a hundred times the memory of their
 * lines. */
static wn_status read_rows(json_t *rows, wn_str body, wn_error *err)
{
    wn_buf cell = WN_BUF_INIT;
    wn_status status = WN_OK;
    for (size_t i = 1; status == WN_OK && body.len > 0; i++) {
        wn_str line = take_line(&body);
        if (line.len == 0)
            continue;
        if (json_array_size(rows) > WN_CALLS_PER_BODY_MAX)
            break;
        json_t *row = json_object();
        if (json_array_append_new(rows, row) != 0) /* also without a row */
            status = wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "no memory for a row");
        else
            status = read_row(row, &cell, line, err);
        if (status != WN_OK)
            (void)wn_error_prefix(err, status, "line %zu", i);
    }
    wn_buf_deinit(&cell);
    return status;
}

static json_t *parse(wn_str body, wn_error *err)
{
    json_t *root = json_object(), *rows = json_array();
    if (json_object_set_new(root, "rows", rows) != 0) /* which ends rows, also without a root */
        (void)wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "no memory for rows");
    else if (read_rows(rows, body, err) == WN_OK)
        return root;
    json_decref(root);
    return NULL;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void check(wn_calls *calls, const json_t *body, wn_problem *problem)
{
    const json_t *rows = json_object_get(body, "rows");
    size_t n = json_array_size(rows);
    if (n == 0)
        wn_problem_note(problem, "rows", "too_short", NULL, "There should be at least one line");
    if (n == 0 || !wn_calls_spread(calls, n, "rows", problem))
        return;
    for (size_t i = 0; i < n && problem->status == 0; i++) {
        wn_fields_read(&calls->at[i], row_fields, WN_ARRAY_LEN(row_fields), json_array_get(rows, i),
                       problem);
        if (problem->status != 0)
            wn_problem_prefix(problem, "row %zu: ", i);
    }
}

static bool push_answer(wn_buf *out, const wn_calls *calls, const wn_rank_answer *answers)
{
    wn_buf_push_str(out, WN_STR("{\"data\":["));
    for (size_t i = 0; i < calls->n; i++) {
        if (i > 0)
            wn_buf_push_byte(out, ',');
        wn_push_sagemaker_entry(out, &calls->at[i], &answers[i], calls->at[i].id);
    }
    return wn_buf_push_str(out, WN_STR("],\"parameters\":{}}"));
}

const wn_dialect wn_dialect_sagemaker_csv = {
    .name = "sagemaker-csv",
    .speaks = speaks,
    .told_by = "bodies of the type text/csv",
    .parse = parse,
    .fields = fields,
    .n_fields = WN_ARRAY_LEN(fields),
    .check = check,
    .push_answer = push_answer,
    .answer_schema =
        WN_SCHEMA_OBJECT("\"data\"", "\"data\":" WN_SCHEMA_LIST("\"type\":\"object\"")),
    .problem_schema = WN_SCHEMA_PROBLEM_FLAT,
    .push_problem = wn_push_problem_flat,
};
