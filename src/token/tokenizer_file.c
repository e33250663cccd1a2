/* See tokenizer_file.h.  Outside of the two large values the reader looks only for keys and
 * brackets; any mistake there is left for jansson to find, which sees the same text. */
#include "token/tokenizer_file.h"
#include "base/mem.h"
#include "base/str.h"
#include "data/json_bind.h"
#include "data/json_scan.h"

#include <inttypes.h>

#define WN_WHERE "token/tokenizer_file"

/* An id may be this much over the file's size in bytes; real vocabularies have no such gaps. */
#define ID_SLACK (1u << 20)

typedef struct reader {
    wn_scan scan;
    wn_buf rest;        /* the text without the two values */
    const char *copied; /* rest holds all before this place */
    wn_tokenizer_file *file;
    wn_error *err;
} reader;

static wn_status scan_error(const reader *r, const char *path)
{
    if (r->scan.expected == NULL)
        WN_FAIL(r->err, WN_ERR_MEMORY, "no memory for %s", path);
    WN_FAIL(r->err, WN_ERR_FORMAT, "%s: byte %zu: expected %s", path,
            (size_t)(r->scan.at - r->scan.start), r->scan.expected);
}

/* ---- vocabulary ------------------------------------------------------------------------------ */

/* {"piece": id, ...} behind its bracket. */
static wn_status read_vocab_object(reader *r)
{
    wn_scan *scan = &r->scan;
    wn_vocab *vocab = &r->file->vocab;
    uint64_t id_max = ID_SLACK + (uint64_t)(scan->end - scan->start);
    r->file->form = WN_VOCAB_OBJECT;
    if (wn_scan_take(scan, '}'))
        return WN_OK;
    do {
        size_t at = vocab->bytes.len;
        uint64_t id;
        int32_t old;
        if (!wn_scan_string(scan, &vocab->bytes) || !wn_scan_need(scan, ':', "':'") ||
            !wn_scan_uint(scan, &id, id_max))
            return scan_error(r, "model.vocab");
        WN_TRY(wn_vocab_add(vocab, at, (uint32_t)id, &old, r->err));
        if (old >= 0) {
            wn_str piece = wn_vocab_piece(vocab, (int32_t)id);
            WN_FAIL(r->err, WN_ERR_FORMAT,
                    "model.vocab: '%.*s' is there twice, as %" PRId32 " and as %" PRIu64,
                    WN_STR_ARG(piece), old, id);
        }
    } while (wn_scan_take(scan, ','));
    return wn_scan_need(scan, '}', "',' or '}'") ? WN_OK : scan_error(r, "model.vocab");
}

/* [["piece", score], ...] behind its bracket. */
static wn_status read_vocab_list(reader *r)
{
    wn_scan *scan = &r->scan;
    wn_tokenizer_file *file = r->file;
    wn_vocab *vocab = &file->vocab;
    file->form = WN_VOCAB_LIST;
    if (wn_scan_take(scan, ']'))
        return WN_OK;
    do {
        size_t at = vocab->bytes.len, id = vocab->n_ids;
        if (!wn_mem_grow(&file->scores, &file->scores_cap, id + 1, sizeof *file->scores) ||
            !wn_scan_need(scan, '[', "'['") || !wn_scan_string(scan, &vocab->bytes) ||
            !wn_scan_need(scan, ',', "','") || !wn_scan_double(scan, &file->scores[id]) ||
            !wn_scan_need(scan, ']', "']'"))
            return scan_error(r, "model.vocab");
        WN_TRY(wn_vocab_add(vocab, at, (uint32_t)id, NULL, r->err));
    } while (wn_scan_take(scan, ','));
    return wn_scan_need(scan, ']', "',' or ']'") ? WN_OK : scan_error(r, "model.vocab");
}

/* ---- merges ---------------------------------------------------------------------------------- */

/* "a b": the split is at the one space; a line that starts with #version is no merge. */
static wn_status read_merge_line(reader *r, wn_merge_text *merge, bool *skip)
{
    wn_buf *bytes = &r->file->merge_bytes;
    size_t from = bytes->len;
    if (!wn_scan_string(&r->scan, bytes))
        return scan_error(r, "model.merges");
    wn_str line = {bytes->ptr + from, bytes->len - from};
    *skip = wn_str_starts(line, WN_STR("#version"));
    const char *space = memchr(line.ptr, ' ', line.len);
    if (*skip) {
        bytes->len = from;
        return WN_OK;
    }
    size_t left = space == NULL ? 0 : (size_t)(space - line.ptr);
    if (space == NULL || memchr(space + 1, ' ', line.len - left - 1) != NULL)
        WN_FAIL(r->err, WN_ERR_FORMAT, "model.merges[%zu]: '%.*s' is not two pieces and one space",
                r->file->n_merges, WN_STR_ARG(line));
    memmove(bytes->ptr + from + left, space + 1, line.len - left - 1);
    bytes->len--;
    *merge = (wn_merge_text){(uint32_t)left, (uint32_t)(line.len - left - 1)};
    return WN_OK;
}

/* ["a", "b"]; pieces may hold spaces here. */
static wn_status read_merge_pair(reader *r, wn_merge_text *merge)
{
    wn_scan *scan = &r->scan;
    wn_buf *bytes = &r->file->merge_bytes;
    size_t from = bytes->len;
    if (!wn_scan_string(scan, bytes) || !wn_scan_need(scan, ',', "','"))
        return scan_error(r, "model.merges");
    size_t middle = bytes->len;
    if (!wn_scan_string(scan, bytes) || !wn_scan_need(scan, ']', "']'"))
        return scan_error(r, "model.merges");
    *merge = (wn_merge_text){(uint32_t)(middle - from), (uint32_t)(bytes->len - middle)};
    return WN_OK;
}

/* The list of merges behind its bracket; all of one form. */
static wn_status read_merges(reader *r)
{
    wn_scan *scan = &r->scan;
    wn_tokenizer_file *file = r->file;
    file->has_merges = true;
    if (wn_scan_take(scan, ']'))
        return WN_OK;
    if (!wn_buf_reserve(&file->merge_bytes, 1 + (size_t)(scan->end - scan->at) / 4))
        return scan_error(r, "model.merges");
    bool pairs = wn_scan_take(scan, '[');
    for (bool first = true;; first = false) {
        wn_merge_text merge = {0, 0};
        bool skip = false;
        if (!wn_mem_grow(&file->merges, &file->merges_cap, file->n_merges + 1,
                         sizeof *file->merges))
            return scan_error(r, "model.merges");
        if (pairs) {
            if (!first && !wn_scan_need(scan, '[', "'[', as before"))
                return scan_error(r, "model.merges");
            WN_TRY(read_merge_pair(r, &merge));
        } else {
            WN_TRY(read_merge_line(r, &merge, &skip));
        }
        if (!skip)
            file->merges[file->n_merges++] = merge;
        if (!wn_scan_take(scan, ','))
            break;
    }
    return wn_scan_need(scan, ']', "',' or ']'") ? WN_OK : scan_error(r, "model.merges");
}

/* ---- the file -------------------------------------------------------------------------------- */

/* If the value that comes next is one of the two large ones, read it; null stays in its place. */
static wn_status read_large(reader *r, wn_str key)
{
    wn_scan *scan = &r->scan;
    wn_tokenizer_file *file = r->file;
    bool is_vocab = wn_str_equal(key, WN_STR("vocab"));
    if (!is_vocab && !wn_str_equal(key, WN_STR("merges")))
        return WN_OK;
    if (is_vocab ? file->form != WN_VOCAB_MISSING : file->has_merges)
        WN_FAIL(r->err, WN_ERR_FORMAT, "model.%.*s is there twice", WN_STR_ARG(key));
    const char *from = scan->at;
    if (wn_scan_take(scan, '['))
        WN_TRY(is_vocab ? read_vocab_list(r) : read_merges(r));
    else if (is_vocab && wn_scan_take(scan, '{'))
        WN_TRY(read_vocab_object(r));
    else
        return WN_OK;
    if (!wn_buf_push(&r->rest, r->copied, (size_t)(from - r->copied)) ||
        !wn_buf_push_str(&r->rest, WN_STR("null")))
        WN_FAIL(r->err, WN_ERR_MEMORY, "no memory for tokenizer.json");
    r->copied = scan->at;
    return WN_OK;
}

/* Walk the members of the object that comes next; in_model tells which of the two it is.
 * Returns WN_OK also when the text is not as expected: that is for jansson to say. */
static wn_status walk_object(reader *r, bool in_model)
{
    wn_scan *scan = &r->scan;
    wn_buf key = WN_BUF_INIT;
    wn_status status = WN_OK;
    if (!wn_scan_take(scan, '{'))
        return WN_OK;
    do {
        key.len = 0;
        if (!wn_scan_string(scan, &key) || !wn_scan_take(scan, ':'))
            break;
        const char *value = scan->at;
        if (in_model)
            status = read_large(r, wn_buf_str(&key));
        else if (wn_str_equal(wn_buf_str(&key), WN_STR("model")))
            status = walk_object(r, true);
        if (status != WN_OK)
            break;
        if (scan->at == value && !wn_scan_skip(scan))
            break;
    } while (wn_scan_take(scan, ','));
    if (status == WN_OK && key.failed)
        status = wn_error_set(r->err, WN_ERR_MEMORY, WN_WHERE, "no memory for a key");
    wn_buf_deinit(&key);
    if (status == WN_OK)
        wn_scan_take(scan, '}');
    return status;
}

wn_status wn_tokenizer_file_parse(wn_tokenizer_file *out, wn_str json, wn_error *err)
{
    *out = (wn_tokenizer_file){0};
    if (json.len > WN_TOKENIZER_JSON_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "tokenizer.json has %zu bytes, at most %u are read", json.len,
                WN_TOKENIZER_JSON_MAX);
    WN_TRY(wn_vocab_init(&out->vocab, 64 + json.len / 8, err));
    reader r = {.scan = {json.ptr, json.ptr, json.ptr + json.len, NULL},
                .copied = json.ptr,
                .file = out,
                .err = err};
    wn_status status = walk_object(&r, false);
    if (status == WN_OK && !wn_buf_push(&r.rest, r.copied, (size_t)(r.scan.end - r.copied)))
        status = wn_error_set(err, WN_ERR_MEMORY, WN_WHERE, "no memory for tokenizer.json");
    if (status == WN_OK)
        status = wn_json_parse(&out->root, wn_buf_str(&r.rest), "tokenizer.json", err);
    wn_buf_deinit(&r.rest);
    if (status == WN_OK && !json_is_object(out->root))
        WN_FAIL(err, WN_ERR_FORMAT, "tokenizer.json: is not an object");
    return status;
}

void wn_tokenizer_file_deinit(wn_tokenizer_file *file)
{
    json_decref(file->root);
    wn_vocab_deinit(&file->vocab);
    wn_mem_free(file->scores);
    wn_buf_deinit(&file->merge_bytes);
    wn_mem_free(file->merges);
    *file = (wn_tokenizer_file){0};
}
