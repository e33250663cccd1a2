/* See openapi.h. */
#include "serve/openapi.h"

#include "base/str.h"
#include "data/json_text.h"
#include "serve/route.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void push_text(wn_buf *out, const char *name, const char *value)
{
    wn_buf_printf(out, "\"%s\":", name);
    wn_json_push_string(out, wn_str_from(value));
}

/* ---- request bodies -------------------------------------------------------------------------- */

static void push_range(wn_buf *out, const wn_field *field, const char *least, const char *most)
{
    if (isfinite(field->min))
        wn_buf_printf(out, ",\"%s\":%.17g", least, field->min);
    if (isfinite(field->max))
        wn_buf_printf(out, ",\"%s\":%.17g", most, field->max);
}

#define TEXT_OBJECT                                                                                \
    "{\"type\":\"object\",\"required\":[\"text\"],\"properties\":{\"text\":{\"type\":\"string\"}}" \
    "}"

static void push_field(wn_buf *out, const wn_field *field)
{
    wn_buf_printf(out, "\"%s\":{", field->name);
    push_text(out, "description", field->help);
    switch (field->kind) {
    case WN_FIELD_NONE:
        break;
    case WN_FIELD_BOOL:
        wn_buf_push_str(out, WN_STR(",\"type\":[\"boolean\",\"null\"]"));
        break;
    case WN_FIELD_INT:
    case WN_FIELD_LIMIT:
        wn_buf_push_str(out, WN_STR(",\"type\":[\"integer\",\"null\"]"));
        push_range(out, field, "minimum", "maximum");
        break;
    case WN_FIELD_NUMBER:
        wn_buf_push_str(out, WN_STR(",\"type\":[\"number\",\"null\"]"));
        push_range(out, field, "minimum", "maximum");
        break;
    case WN_FIELD_STRING:
        wn_buf_push_str(out, WN_STR(",\"type\":[\"string\",\"null\"]"));
        break;
    case WN_FIELD_QUERY:
        wn_buf_push_str(out, WN_STR(",\"anyOf\":[{\"type\":\"string\",\"minLength\":1},"));
        wn_buf_push_str(out, WN_STR(TEXT_OBJECT "]"));
        break;
    case WN_FIELD_DOCUMENTS:
        wn_buf_push_str(out, WN_STR(",\"type\":\"array\",\"items\":{\"type\":[\"string\","
                                    "\"object\"]}"));
        push_range(out, field, "minItems", "maxItems");
        break;
    case WN_FIELD_STRINGS:
        wn_buf_push_str(out, WN_STR(",\"type\":\"array\",\"items\":{\"type\":\"string\"}"));
        push_range(out, field, "minItems", "maxItems");
        break;
    case WN_FIELD_NAMES:
        wn_buf_push_str(out, WN_STR(",\"type\":[\"array\",\"object\",\"null\"],\"minItems\":1,"
                                    "\"items\":{\"type\":\"string\"},\"minProperties\":1,"
                                    "\"additionalProperties\":{\"type\":\"number\","
                                    "\"exclusiveMinimum\":0}"));
        break;
    }
    wn_buf_push_byte(out, '}');
}

/* An object of these fields, and, when it is closed, of no others. */
static void push_fields(wn_buf *out, const char *title, const wn_field *fields, size_t n,
                        bool closed)
{
    const char *comma = "";
    wn_buf_push_byte(out, '{');
    push_text(out, "title", title);
    wn_buf_push_str(out, WN_STR(",\"type\":\"object\",\"required\":["));
    for (size_t i = 0; i < n; i++) {
        if (fields[i].required) {
            wn_buf_printf(out, "%s\"%s\"", comma, fields[i].name);
            comma = ",";
        }
    }
    wn_buf_push_str(out, WN_STR("],\"properties\":{"));
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            wn_buf_push_byte(out, ',');
        push_field(out, &fields[i]);
    }
    wn_buf_push_str(out, closed ? WN_STR("},\"additionalProperties\":false}") : WN_STR("}}"));
}

static void push_body(wn_buf *out, const wn_dialect *dialect)
{
    push_fields(out, dialect->name, dialect->fields, dialect->n_fields, false);
}

/* ---- operations ------------------------------------------------------------------------------ */

typedef void push_schema_fn(wn_buf *out, const wn_dialect *dialect);

static void push_answer(wn_buf *out, const wn_dialect *dialect)
{
    wn_buf_printf(out, "{\"title\":\"%s\",%s}", dialect->name, dialect->answer_schema);
}

static void push_problem(wn_buf *out, const wn_dialect *dialect)
{
    wn_buf_printf(out, "{\"title\":\"%s\",%s}", dialect->name, dialect->problem_schema);
}

/* The bodies that are no JSON, which stand first; returns the others. */
static const wn_dialect *const *push_texts(wn_buf *out, const wn_dialect *const *at)
{
    for (; (*at)->parse != NULL; at++) {
        wn_buf_printf(out, "\"text/csv\":{\"schema\":{\"title\":\"%s\",\"type\":\"string\",",
                      (*at)->name);
        push_text(out, "description", (*at)->fields->help);
        wn_buf_push_str(out, WN_STR("}},"));
    }
    return at;
}

/* One schema, or any of those of the route's dialects. */
static void push_content(wn_buf *out, const wn_route *route, push_schema_fn *push_schema)
{
    const wn_dialect *const *at = route->dialects;
    wn_buf_push_str(out, WN_STR("\"content\":{"));
    if (push_schema == push_body)
        at = push_texts(out, at);
    bool several = at[0]->speaks != NULL;
    wn_buf_push_str(out, WN_STR("\"application/json\":{\"schema\":"));
    if (several)
        wn_buf_push_str(out, WN_STR("{\"anyOf\":["));
    for (bool more = true; more; at++) {
        more = (*at)->speaks != NULL;
        push_schema(out, *at);
        if (more)
            wn_buf_push_byte(out, ',');
    }
    if (several)
        wn_buf_push_str(out, WN_STR("]}"));
    wn_buf_push_str(out, WN_STR("}}"));
}

static void push_schema(wn_buf *out, const char *title, const char *schema)
{
    wn_buf_printf(out, ",\"content\":{\"application/json\":{\"schema\":{\"title\":\"%s\",%s}}}",
                  title, schema);
}

static void push_responses(wn_buf *out, const wn_route *route)
{
    wn_buf_printf(out, "\"responses\":{\"%d\":{\"description\":\"The answer\"",
                  route->status == 0 ? 200 : route->status);
    if (route->dialects != NULL) {
        wn_buf_push_byte(out, ',');
        push_content(out, route, push_answer);
    }
    if (route->form != NULL)
        push_schema(out, route->form->title, route->form->answer_schema);
    wn_buf_push_str(out, WN_STR("},\"default\":{\"description\":\"A problem: 400, 401, 403, 404, "
                                "409, 413, 415, 422, 429, 503 or 504\""));
    if (route->dialects != NULL) {
        wn_buf_push_byte(out, ',');
        push_content(out, route, push_problem);
    }
    if (route->form != NULL)
        push_schema(out, "problem", WN_SCHEMA_PROBLEM_FLAT);
    wn_buf_push_str(out, WN_STR("}}"));
}

static const char *method_word(const wn_route *route)
{
    switch (route->method) {
    case WN_HTTP_GET:
        return "get";
    case WN_HTTP_PATCH:
        return "patch";
    case WN_HTTP_DELETE:
        return "delete";
    default:
        return "post";
    }
}

/* A unique name: the method and the path with everything else than letters and digits as "_". */
static void push_operation_id(wn_buf *out, const wn_route *route)
{
    wn_buf_printf(out, "\"operationId\":\"%s", method_word(route));
    for (const char *p = route->path; *p != '\0'; p++) {
        bool word = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');
        wn_buf_push_byte(out, word ? *p : '_');
    }
    wn_buf_push_byte(out, '"');
}

/* The path with "{id}" for its argument. */
static void push_path(wn_buf *out, const wn_route *route)
{
    const char *dots = strstr(route->path, "...");
    if (dots == NULL)
        wn_buf_printf(out, "\"%s\":{", route->path);
    else
        wn_buf_printf(out, "\"%.*s{id}%s\":{", (int)(dots - route->path), route->path, dots + 3);
}

static bool has_form(const wn_route *route)
{
    return route->form != NULL && route->form->n_fields > 0;
}

/* The argument of the path; of a GET, whose form is its query, the fields. */
static void push_parameters(wn_buf *out, const wn_route *route)
{
    if (strstr(route->path, "...") != NULL)
        wn_buf_push_str(out, WN_STR("\"parameters\":[{\"name\":\"id\",\"in\":\"path\",\"required\":"
                                    "true,\"schema\":{\"type\":\"string\"}}],"));
    if (route->method != WN_HTTP_GET || !has_form(route))
        return;
    for (size_t i = 0; i < route->form->n_fields; i++) {
        wn_buf_printf(out, "%s{\"name\":\"%s\",\"in\":\"query\",",
                      i == 0 ? "\"parameters\":[" : ",", route->form->fields[i].name);
        push_text(out, "description", route->form->fields[i].help);
        wn_buf_push_str(out, WN_STR(",\"schema\":{\"type\":\"string\"}}"));
    }
    wn_buf_push_str(out, WN_STR("],"));
}

static void push_operation(wn_buf *out, const wn_route *route)
{
    wn_buf_printf(out, "\"%s\":{", method_word(route));
    push_text(out, "summary", route->summary);
    wn_buf_push_byte(out, ',');
    push_operation_id(out, route);
    wn_buf_printf(out, ",\"tags\":[\"%s\"],", route->name);
    if (route->scope == WN_SCOPE_PUBLIC)
        wn_buf_push_str(out, WN_STR("\"security\":[],"));
    push_parameters(out, route);
    if (route->dialects != NULL) {
        wn_buf_push_str(out, WN_STR("\"requestBody\":{\"required\":true,"));
        push_content(out, route, push_body);
        wn_buf_push_str(out, WN_STR("},"));
    }
    if (has_form(route) && route->method != WN_HTTP_GET) {
        wn_buf_push_str(out, WN_STR("\"requestBody\":{\"content\":{\"application/json\":{"
                                    "\"schema\":"));
        push_fields(out, route->form->title, route->form->fields, route->form->n_fields, true);
        wn_buf_push_str(out, WN_STR("}}},"));
    }
    push_responses(out, route);
    wn_buf_push_byte(out, '}');
}

bool wn_openapi_push(wn_buf *out)
{
    size_t n;
    const wn_route *routes = wn_routes(&n);
    wn_buf_printf(out,
                  "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Winnow\",\"version\":\"%s\","
                  "\"description\":\"Puts documents in order of relevance to a query.\","
                  "\"license\":{\"name\":\"Apache-2.0\",\"identifier\":\"Apache-2.0\"}},"
                  "\"servers\":[{\"url\":\"/\"}],\"security\":[{\"bearer\":[]}],"
                  "\"components\":{\"securitySchemes\":{\"bearer\":{\"type\":\"http\","
                  "\"scheme\":\"bearer\"}}},\"paths\":{",
                  wn_version());
    for (size_t i = 0; i < n; i++) {
        bool same_path = i > 0 && strcmp(routes[i].path, routes[i - 1].path) == 0;
        if (i > 0)
            wn_buf_push_str(out, same_path ? WN_STR(",") : WN_STR("},"));
        if (!same_path)
            push_path(out, &routes[i]);
        push_operation(out, &routes[i]);
    }
    return wn_buf_push_str(out, WN_STR("}}}"));
}

/* ---- the page -------------------------------------------------------------------------------- */

static void push_html(wn_buf *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        switch (*p) {
        case '<':
            wn_buf_push_str(out, WN_STR("&lt;"));
            break;
        case '>':
            wn_buf_push_str(out, WN_STR("&gt;"));
            break;
        case '&':
            wn_buf_push_str(out, WN_STR("&amp;"));
            break;
        default:
            wn_buf_push_byte(out, *p);
        }
    }
}

static const char *kind_words(const wn_field *field)
{
    switch (field->kind) {
    case WN_FIELD_NONE:
        return "any";
    case WN_FIELD_BOOL:
        return "true or false";
    case WN_FIELD_INT:
        return "whole number";
    case WN_FIELD_LIMIT:
        return "whole number or null";
    case WN_FIELD_NUMBER:
        return "number";
    case WN_FIELD_STRING:
        return "string";
    case WN_FIELD_QUERY:
        return "string or {\"text\"}";
    case WN_FIELD_DOCUMENTS:
        return "list of strings or objects";
    case WN_FIELD_STRINGS:
        return "list of strings";
    case WN_FIELD_NAMES:
        return "list of strings, or object of weights";
    }
    return "";
}

/* whose: which bodies it is about; NULL: all of the route. */
static void push_table(wn_buf *out, const char *title, const char *whose, const wn_field *fields,
                       size_t n)
{
    wn_buf_printf(out, "<h3>%s</h3>", title);
    if (whose != NULL)
        wn_buf_printf(out, "<p>For %s.</p>", whose);
    wn_buf_push_str(out, WN_STR("<table><tr><th>field</th><th>type</th><th>meaning</th></tr>"));
    for (size_t i = 0; i < n; i++) {
        const wn_field *field = &fields[i];
        wn_buf_printf(out, "<tr><td><code>%s</code>%s</td><td>", field->name,
                      field->required ? " *" : "");
        push_html(out, kind_words(field));
        wn_buf_push_str(out, WN_STR("</td><td>"));
        push_html(out, field->help);
        wn_buf_push_str(out, WN_STR("</td></tr>"));
    }
    wn_buf_push_str(out, WN_STR("</table>"));
}

bool wn_openapi_push_page(wn_buf *out)
{
    size_t n;
    const wn_route *routes = wn_routes(&n);
    wn_buf_push_str(
        out,
        WN_STR("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
               "<meta name=\"viewport\" content=\"width=device-width\"><title>Winnow API</title>"
               "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;"
               "padding:0 1rem;color:#1c2530;background:#fff}code{background:#eef2f5;padding:0 "
               ".25em;border-radius:3px}h2{border-top:1px solid #cfd8e0;padding-top:1rem;"
               "margin-top:2rem}h3{margin-bottom:.3rem}table{border-collapse:collapse;width:"
               "100%}td,th{border-bottom:1px solid #e3e9ee;padding:.3rem .6rem .3rem 0;"
               "text-align:left;vertical-align:top}.public{color:#56707f}@media "
               "(prefers-color-scheme:dark){body{background:#14191f;color:#dde5ec}code"
               "{background:#232b34}td,th,h2{border-color:#333e49}}</style></head><body>"
               "<h1>Winnow API</h1><p>Puts documents in order of relevance to a query. The "
               "same as <a href=\"/openapi.json\">OpenAPI</a>. A star marks fields that are "
               "needed; null is as good as absent, other fields are ignored. Keys go into "
               "<code>Authorization: Bearer KEY</code>.</p>"));
    for (size_t i = 0; i < n; i++) {
        const wn_route *route = &routes[i];
        wn_buf_printf(out, "<h2><code>%s %s</code></h2><p>", wn_http_method_name(route->method),
                      route->path);
        push_html(out, route->summary);
        if (route->scope == WN_SCOPE_PUBLIC)
            wn_buf_push_str(out, WN_STR(" <span class=\"public\">(no key needed)</span>"));
        wn_buf_push_str(out, WN_STR("</p>"));
        const wn_dialect *const *at = route->dialects;
        for (bool more = at != NULL; more; at++) {
            more = (*at)->speaks != NULL;
            const char *rest = at == route->dialects ? NULL : "all others";
            push_table(out, (*at)->name, more ? (*at)->told_by : rest, (*at)->fields,
                       (*at)->n_fields);
        }
        if (has_form(route))
            push_table(out, route->form->title, NULL, route->form->fields, route->form->n_fields);
    }
    return wn_buf_push_str(out, WN_STR("</body></html>\n"));
}
