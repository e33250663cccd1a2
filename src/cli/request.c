/* See request.h. */
#include "cli/request.h"

#include "base/mem.h"
#include "base/str.h"
#include "data/json_text.h"

#define WN_WHERE "cli/request"

static wn_str string_of(const json_t *value)
{
    return (wn_str){json_string_value(value), json_string_length(value)};
}

/* A bounded json_t of an object; *out is NULL after a failure. */
static wn_status parse_object(json_t **out, wn_str text, const char *name, wn_error *err)
{
    json_t *json = NULL;
    WN_TRY(wn_json_parse(&json, text, name, err));
    if (!json_is_object(json)) {
        const char *type = wn_json_type_name(json);
        json_decref(json);
        WN_FAIL(err, WN_ERR_FORMAT, "%s: is %s, expected an object", name, type);
    }
    *out = json;
    return WN_OK;
}

/* The text of a document, which is a string or an object with one; `what` is its place. */
static wn_status document_text(wn_str *out, const json_t *value, const char *name, const char *what,
                               wn_error *err)
{
    const json_t *text = json_is_object(value) ? json_object_get(value, "text") : value;
    if (json_is_string(text)) {
        *out = string_of(text);
        return WN_OK;
    }
    if (text == NULL)
        WN_FAIL(err, WN_ERR_FORMAT, "%s: %s has no field 'text'", name, what);
    if (json_is_object(value))
        WN_FAIL(err, WN_ERR_FORMAT, "%s: 'text' of %s is %s, expected a string", name, what,
                wn_json_type_name(text));
    WN_FAIL(err, WN_ERR_FORMAT, "%s: %s is %s, expected a string or an object with 'text'", name,
            what, wn_json_type_name(value));
}

wn_status wn_document_parse(wn_document *out, json_t **holder, wn_str line, const char *name,
                            wn_error *err)
{
    json_t *json = NULL;
    wn_document document = {.json = line};
    WN_TRY(parse_object(&json, line, name, err));
    wn_status status = document_text(&document.text, json, name, "the object", err);
    if (status != WN_OK) {
        json_decref(json);
        return status;
    }
    *out = document;
    *holder = json;
    return WN_OK;
}

/* The source text of a member; empty when there is none. */
static wn_str member_text(const json_t *object, wn_str text, const char *key)
{
    wn_json_walk walk = wn_json_walk_begin(text);
    const char *name;
    json_t *value;
    wn_str source;
    json_object_foreach((json_t *)object, name, value)
    {
        if (!wn_json_walk_next(&walk, &source))
            break;
        if (strcmp(name, key) == 0)
            return source;
    }
    return (wn_str){0};
}

static wn_status read_documents(wn_rank_request *request, wn_str text, const char *name,
                                wn_error *err)
{
    const json_t *array = json_object_get(request->json, "documents");
    if (array == NULL)
        WN_FAIL(err, WN_ERR_FORMAT, "%s: has no field 'documents'", name);
    if (!json_is_array(array))
        WN_FAIL(err, WN_ERR_FORMAT, "%s: field 'documents' is %s, expected an array", name,
                wn_json_type_name(array));
    size_t n = json_array_size(array);
    if (n == 0)
        WN_FAIL(err, WN_ERR_FORMAT, "%s: field 'documents' is empty, expected at least one", name);
    request->documents = wn_mem_zalloc(n, sizeof *request->documents);
    request->texts = wn_mem_zalloc(n, sizeof *request->texts);
    if (request->documents == NULL || request->texts == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory for %zu documents", name, n);
    wn_json_walk walk = wn_json_walk_begin(member_text(request->json, text, "documents"));
    for (size_t i = 0; i < n; i++) {
        char what[40];
        snprintf(what, sizeof what, "document %zu", i);
        wn_document *document = &request->documents[i];
        bool found = wn_json_walk_next(&walk, &document->json);
        WN_ASSERT(found);
        WN_TRY(document_text(&document->text, json_array_get(array, i), name, what, err));
        request->texts[i] = document->text;
    }
    request->n_documents = n;
    return WN_OK;
}

/* All mistakes in the small fields are told together. */
static wn_status read_fields(wn_rank_request *request, const char *name, wn_error *err)
{
    wn_binder binder;
    int64_t top_n;
    const char *instruction;
    const json_t *query = json_object_get(request->json, "query");
    wn_binder_init(&binder, request->json, name);
    if (query == NULL)
        wn_binder_note(&binder, "has no field 'query'");
    else if (!json_is_string(query))
        wn_binder_note(&binder, "field 'query': is %s, expected a string",
                       wn_json_type_name(query));
    wn_bind_int(&binder, "top_n", &top_n, 1, WN_TOP_N_MAX, 0);
    wn_bind_string(&binder, "instruction", &instruction, NULL);
    wn_bind_bool(&binder, "return_documents", &request->return_documents, false);
    WN_TRY(wn_binder_end(&binder, err));
    request->query = string_of(query);
    request->instruction = string_of(json_object_get(request->json, "instruction"));
    request->top_n = (size_t)top_n;
    if (request->query.len == 0)
        WN_FAIL(err, WN_ERR_INPUT, "%s: field 'query' is empty", name);
    return WN_OK;
}

wn_status wn_rank_request_parse(wn_rank_request *out, wn_str text, const char *name, wn_error *err)
{
    *out = (wn_rank_request){0};
    WN_TRY(parse_object(&out->json, text, name, err));
    out->id = member_text(out->json, text, "id");
    WN_TRY(read_fields(out, name, err));
    return read_documents(out, text, name, err);
}

void wn_rank_request_deinit(wn_rank_request *request)
{
    json_decref(request->json);
    wn_mem_free(request->documents);
    wn_mem_free(request->texts);
    *request = (wn_rank_request){0};
}
