/* Loads a set.  Each line is copied into the set's arena and cut there; ids are looked up in maps
 * that live only while loading.  A judgement is found by its own bytes "query TAB document".
 * Source:  bm25.py of the development sets decides what counts: judgements of unknown documents do
 * no harm, lists without a relevant candidate are left out. */
#include "eval/dataset.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/json_bind.h"
#include "data/lines.h"
#include "data/unicode.h"
#include "eval/quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WN_WHERE "eval/dataset"

typedef struct dataset {
    wn_dataset set; /* first, so that a pointer to it is a pointer to all */
    wn_arena arena;
    wn_buf queries, documents, topics; /* wn_passage, wn_passage, wn_topic */
} dataset;

/* What is known while loading. */
typedef struct loader {
    dataset *data;
    wn_map query_ids, document_ids; /* id -> index */
    wn_map judgements;              /* "query TAB document" -> index into grades */
    wn_buf grades;                  /* double */
    bool *has_list;                 /* [n_queries] */
    size_t *last_list;              /* [n_documents] the list that named it last, from 1 */
    size_t n_lists;
    size_t n_relevant, n_found; /* relevant judgements; those of them that are candidates */
    wn_buf pair;                /* scratch */
} loader;

typedef wn_status line_fn(loader *load, wn_str line, wn_error *err);

static wn_status fail_memory(wn_error *err)
{
    WN_FAIL(err, WN_ERR_MEMORY, "no memory");
}

/* Cut a line at tabs into n fields; the last one takes the rest. */
static wn_status split_fields(wn_str *fields, size_t n, wn_str line, wn_error *err)
{
    for (size_t i = 0; i + 1 < n; i++) {
        const char *tab = line.len > 0 ? memchr(line.ptr, '\t', line.len) : NULL;
        if (tab == NULL)
            WN_FAIL(err, WN_ERR_FORMAT, "%zu fields, expected %zu between tabs", i + 1, n);
        fields[i] = (wn_str){line.ptr, (size_t)(tab - line.ptr)};
        line = wn_str_slice(line, fields[i].len + 1, line.len);
    }
    fields[n - 1] = line;
    return WN_OK;
}

static wn_status add_passage(wn_buf *list, wn_map *ids, wn_str line, wn_error *err)
{
    wn_str field[3];
    WN_TRY(split_fields(field, 3, line, err));
    size_t index = list->len / sizeof(wn_passage);
    if (index >= INT32_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "more than %d lines", INT32_MAX);
    if (wn_map_get(ids, field[0], -1) >= 0)
        WN_FAIL(err, WN_ERR_FORMAT, "id '%.*s' is the same as in line %d", WN_STR_ARG(field[0]),
                wn_map_get(ids, field[0], -1) + 1);
    wn_passage passage = {field[0], field[1], field[2]};
    if (!wn_buf_push(list, &passage, sizeof passage) ||
        !wn_map_put(ids, passage.id, (int32_t)index, NULL))
        return fail_memory(err);
    return WN_OK;
}

static wn_status add_query(loader *load, wn_str line, wn_error *err)
{
    return add_passage(&load->data->queries, &load->query_ids, line, err);
}

static wn_status add_document(loader *load, wn_str line, wn_error *err)
{
    return add_passage(&load->data->documents, &load->document_ids, line, err);
}

/* A plain decimal number of 0..WN_GRADE_MAX. */
static bool parse_grade(double *out, wn_str text)
{
    char copy[32], *end;
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (strspn(copy, "0123456789.") != text.len)
        return false;
    double grade = strtod(copy, &end);
    if (*end != '\0' || !(grade >= 0 && grade <= WN_GRADE_MAX))
        return false;
    *out = grade;
    return true;
}

static wn_status add_judgement(loader *load, wn_str line, wn_error *err)
{
    wn_str field[3];
    double grade;
    WN_TRY(split_fields(field, 3, line, err));
    if (!parse_grade(&grade, field[2]))
        WN_FAIL(err, WN_ERR_FORMAT, "grade '%.*s', expected a number of 0 to %d",
                WN_STR_ARG(field[2]), WN_GRADE_MAX);
    if (wn_map_get(&load->query_ids, field[0], -1) < 0 ||
        wn_map_get(&load->document_ids, field[1], -1) < 0) {
        load->data->set.n_unknown++;
        return WN_OK;
    }
    size_t index = load->grades.len / sizeof grade;
    wn_str pair = wn_str_slice(line, 0, field[0].len + 1 + field[1].len);
    int32_t earlier = wn_map_get(&load->judgements, pair, -1);
    if (earlier >= 0)
        WN_FAIL(err, WN_ERR_FORMAT,
                "query '%.*s', document '%.*s': judged again, grade %g after %g",
                WN_STR_ARG(field[0]), WN_STR_ARG(field[1]), grade,
                ((const double *)(const void *)load->grades.ptr)[earlier]);
    if (index >= INT32_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "more than %d judgements", INT32_MAX);
    if (!wn_buf_push(&load->grades, &grade, sizeof grade) ||
        !wn_map_put(&load->judgements, pair, (int32_t)index, NULL))
        return fail_memory(err);
    load->n_relevant += grade > 0;
    return WN_OK;
}

/* The grade of a document for a query, 0 where there is no judgement. */
static wn_status find_grade(double *out, loader *load, wn_str query, wn_str document, wn_error *err)
{
    wn_buf_clear(&load->pair);
    wn_buf_push_str(&load->pair, query);
    wn_buf_push_byte(&load->pair, '\t');
    if (!wn_buf_push_str(&load->pair, document))
        return fail_memory(err);
    int32_t index = wn_map_get(&load->judgements, wn_buf_str(&load->pair), -1);
    *out = index < 0 ? 0 : ((const double *)(const void *)load->grades.ptr)[index];
    return WN_OK;
}

/* Fill the topic's arrays from the list, whose query is known. */
static wn_status read_candidates(loader *load, size_t *documents, double *grades, wn_str query,
                                 const json_t *list, wn_error *err)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (!json_is_string(item))
            WN_FAIL(err, WN_ERR_FORMAT, "query '%.*s': candidate %zu is not a string",
                    WN_STR_ARG(query), i);
        wn_str id = {json_string_value(item), json_string_length(item)};
        int32_t index = wn_map_get(&load->document_ids, id, -1);
        if (index < 0)
            WN_FAIL(err, WN_ERR_FORMAT, "query '%.*s': candidate '%.*s' is not in docs.tsv",
                    WN_STR_ARG(query), WN_STR_ARG(id));
        if (load->last_list[index] == load->n_lists)
            WN_FAIL(err, WN_ERR_FORMAT, "query '%.*s': candidate '%.*s' is listed twice",
                    WN_STR_ARG(query), WN_STR_ARG(id));
        load->last_list[index] = load->n_lists;
        documents[i] = (size_t)index;
        WN_TRY(find_grade(&grades[i], load, query, id, err));
    }
    return WN_OK;
}

/* Add the topic of one parsed line, if one of its candidates is relevant. */
static wn_status add_list(loader *load, const json_t *object, wn_error *err)
{
    dataset *data = load->data;
    const json_t *qid = json_object_get(object, "qid"), *list = json_object_get(object, "cands");
    if (!json_is_string(qid) || !json_is_array(list))
        WN_FAIL(err, WN_ERR_FORMAT,
                "expected {\"qid\": string, \"cands\": [string, ..]}, '%s' is %s",
                json_is_string(qid) ? "cands" : "qid",
                (json_is_string(qid) ? list : qid) == NULL ? "missing" : "of another type");
    wn_str id = {json_string_value(qid), json_string_length(qid)};
    int32_t query = wn_map_get(&load->query_ids, id, -1);
    if (query < 0)
        WN_FAIL(err, WN_ERR_FORMAT, "query '%.*s' is not in queries.tsv", WN_STR_ARG(id));
    if (load->has_list[query])
        WN_FAIL(err, WN_ERR_FORMAT, "query '%.*s' has a second list", WN_STR_ARG(id));
    load->has_list[query] = true;
    load->n_lists++;
    size_t n = json_array_size(list), n_relevant = 0;
    size_t *documents = wn_arena_alloc(&data->arena, n, sizeof *documents);
    double *grades = wn_arena_alloc(&data->arena, n, sizeof *grades);
    if (documents == NULL || grades == NULL)
        return fail_memory(err);
    WN_TRY(read_candidates(load, documents, grades, id, list, err));
    for (size_t i = 0; i < n; i++)
        n_relevant += grades[i] > 0;
    load->n_found += n_relevant;
    data->set.n_hopeless += n_relevant == 0;
    wn_topic topic = {(size_t)query, documents, grades, n};
    if (n_relevant > 0 && !wn_buf_push(&data->topics, &topic, sizeof topic))
        return fail_memory(err);
    return WN_OK;
}

static wn_status add_list_line(loader *load, wn_str line, wn_error *err)
{
    json_t *object;
    WN_TRY(wn_json_parse(&object, line, "JSON", err));
    wn_status status = add_list(load, object, err);
    json_decref(object);
    return status;
}

static wn_status read_line(loader *load, wn_str line, line_fn *fn, wn_error *err)
{
    size_t bad = wn_utf8_check(line);
    if (bad < line.len)
        WN_FAIL(err, WN_ERR_FORMAT, "byte %zu, 0x%02x, is not UTF-8", bad,
                (unsigned)(unsigned char)line.ptr[bad]);
    wn_str kept = wn_arena_str(&load->data->arena, line);
    return kept.ptr == NULL ? fail_memory(err) : fn(load, kept, err);
}

/* Give each line of dir/name to fn. */
static wn_status read_file(loader *load, const char *dir, const char *name, line_fn *fn,
                           wn_error *err)
{
    wn_status status = WN_OK;
    wn_lines lines;
    wn_buf path = WN_BUF_INIT;
    if (!wn_file_join(&path, dir, name))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for the path of %s", name);
    WN_TRY_OUT(wn_lines_open(&lines, path.ptr, WN_LINE_BYTES_MAX, -1, err));
    for (;;) {
        wn_str line;
        bool got;
        status = wn_lines_next(&lines, &line, &got, err);
        if (status != WN_OK || !got)
            break;
        status = read_line(load, line, fn, err);
        if (status != WN_OK) {
            wn_error_prefix(err, status, "%s line %llu", path.ptr,
                            (unsigned long long)lines.number);
            break;
        }
    }
    wn_lines_close(&lines);
out:
    wn_buf_deinit(&path);
    return status;
}

/* Read the four files; their order lets each line be checked against what is known already. */
static wn_status read_files(loader *load, const char *dir, wn_error *err)
{
    WN_TRY(read_file(load, dir, "queries.tsv", add_query, err));
    WN_TRY(read_file(load, dir, "docs.tsv", add_document, err));
    WN_TRY(read_file(load, dir, "qrels.tsv", add_judgement, err));
    size_t n_queries = load->data->queries.len / sizeof(wn_passage);
    size_t n_documents = load->data->documents.len / sizeof(wn_passage);
    load->has_list = wn_mem_zalloc(n_queries + 1, sizeof *load->has_list);
    load->last_list = wn_mem_zalloc(n_documents + 1, sizeof *load->last_list);
    if (load->has_list == NULL || load->last_list == NULL)
        return fail_memory(err);
    return read_file(load, dir, "candidates.jsonl", add_list_line, err);
}

/* The last part of a path, without slashes at its end. */
static wn_str name_of(const char *dir)
{
    wn_str path = wn_str_from(dir);
    while (path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    size_t start = path.len;
    while (start > 0 && path.ptr[start - 1] != '/')
        start--;
    return wn_str_slice(path, start, path.len);
}

/* Fill the public part from what was loaded. */
static wn_status finish(loader *load, const char *dir, wn_error *err)
{
    dataset *data = load->data;
    wn_dataset *set = &data->set;
    set->name = wn_arena_str(&data->arena, name_of(dir)).ptr;
    if (set->name == NULL)
        return fail_memory(err);
    set->queries = (const wn_passage *)(const void *)data->queries.ptr;
    set->n_queries = data->queries.len / sizeof(wn_passage);
    set->documents = (const wn_passage *)(const void *)data->documents.ptr;
    set->n_documents = data->documents.len / sizeof(wn_passage);
    set->topics = (const wn_topic *)(const void *)data->topics.ptr;
    set->n_topics = data->topics.len / sizeof(wn_topic);
    set->n_unlisted = set->n_queries - load->n_lists;
    set->n_missing = load->n_relevant - load->n_found;
    if (set->n_topics == 0)
        WN_FAIL(err, WN_ERR_FORMAT,
                "%s: none of %zu lists of candidates has a relevant document (%zu judgements, %zu "
                "of them of unknown queries or documents)",
                dir, load->n_lists, load->judgements.count + set->n_unknown, set->n_unknown);
    return WN_OK;
}

wn_status wn_dataset_open(const wn_dataset **out, const char *dir, wn_error *err)
{
    loader load = {.data = wn_mem_zalloc(1, sizeof(dataset))};
    if (load.data == NULL)
        return fail_memory(err);
    wn_status status = read_files(&load, dir, err);
    if (status == WN_OK)
        status = finish(&load, dir, err);
    wn_map_deinit(&load.query_ids);
    wn_map_deinit(&load.document_ids);
    wn_map_deinit(&load.judgements);
    wn_buf_deinit(&load.grades);
    wn_buf_deinit(&load.pair);
    wn_mem_free(load.has_list);
    wn_mem_free(load.last_list);
    if (status == WN_OK)
        *out = &load.data->set;
    else
        wn_dataset_close(&load.data->set);
    return status;
}

void wn_dataset_close(const wn_dataset *set)
{
    if (set == NULL)
        return;
    dataset *data = (dataset *)(uintptr_t)set;
    wn_arena_deinit(&data->arena);
    wn_buf_deinit(&data->queries);
    wn_buf_deinit(&data->documents);
    wn_buf_deinit(&data->topics);
    wn_mem_free(data);
}
