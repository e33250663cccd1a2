/* See price_file.h.  The file is read as a tree of libyaml's nodes, of which a price table is two
 * mappings deep; what else it holds is refused with its line. */
#include "cli/price_file.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdio.h>
#include <yaml.h>

#define WN_WHERE     "cli/price_file"
#define PRICE_DIGITS 9 /* before the point */
#define DECIMALS     2 /* of most currencies */
#define BYTES_MAX    (1 << 20)

typedef struct reader {
    const char *name; /* of the file */
    yaml_document_t document;
    wn_prices *out;
} reader;

/* One name and its value in a mapping. */
typedef struct member {
    wn_str name;
    const yaml_node_t *value;
    size_t line;
} member;

static wn_str text_of(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE)
        return (wn_str){0};
    return (wn_str){(const char *)node->data.scalar.value, node->data.scalar.length};
}

static wn_status member_at(member *out, reader *r, const yaml_node_t *mapping, size_t i,
                           wn_error *err)
{
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start + i;
    const yaml_node_t *key = yaml_document_get_node(&r->document, pair->key);
    *out = (member){.name = text_of(key),
                    .value = yaml_document_get_node(&r->document, pair->value),
                    .line = key->start_mark.line + 1};
    if (key->type != YAML_SCALAR_NODE)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: expected a name", r->name, out->line);
    return WN_OK;
}

static size_t count_of(const yaml_node_t *mapping)
{
    return (size_t)(mapping->data.mapping.pairs.top - mapping->data.mapping.pairs.start);
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "0.02" in millionths; false for what is no such number. */
static bool parse_price(uint64_t *out, wn_str s)
{
    uint64_t value = 0;
    size_t i = 0, decimals = 0;
    for (; i < s.len && is_digit(s.ptr[i]) && i < PRICE_DIGITS; i++)
        value = value * 10 + (uint64_t)(s.ptr[i] - '0');
    if (i == 0)
        return false;
    bool point = i < s.len && s.ptr[i] == '.';
    for (i += point; point && i < s.len && is_digit(s.ptr[i]) && decimals < 6; i++, decimals++)
        value = value * 10 + (uint64_t)(s.ptr[i] - '0');
    for (size_t k = decimals; k < 6; k++)
        value *= 10;
    *out = value;
    return i == s.len && (!point || decimals > 0);
}

static wn_status read_price(uint64_t *out, bool *has, const reader *r, const member *m,
                            wn_error *err)
{
    if (*has)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: '%.*s' is given a second time", r->name, m->line,
                WN_STR_ARG(m->name));
    *has = true;
    if (!parse_price(out, text_of(m->value)))
        WN_FAIL(err, WN_ERR_FORMAT,
                "%s line %zu: '%.*s' is '%.*s', expected a price of a million tokens such as 0.02, "
                "of at most 6 decimals",
                r->name, m->line, WN_STR_ARG(m->name), WN_STR_ARG(text_of(m->value)));
    return WN_OK;
}

/* A text without control characters, which is printed as it is. */
static wn_status read_text(char *out, size_t size, const reader *r, const member *m, wn_error *err)
{
    wn_str text = text_of(m->value);
    bool fits = text.len > 0 && text.len < size;
    for (size_t i = 0; fits && i < text.len; i++)
        fits = (unsigned char)text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f;
    if (!fits)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: '%.*s' is no text of 1 to %zu bytes in a line",
                r->name, m->line, WN_STR_ARG(m->name), size - 1);
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return WN_OK;
}

static wn_status read_currency(const reader *r, const member *m, wn_error *err)
{
    wn_str text = text_of(m->value);
    bool ok = text.len == 3;
    for (size_t i = 0; ok && i < 3; i++)
        ok = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z';
    if (!ok)
        WN_FAIL(err, WN_ERR_FORMAT,
                "%s line %zu: 'currency' is '%.*s', expected three letters such as EUR", r->name,
                m->line, WN_STR_ARG(text));
    return read_text(r->out->currency, sizeof r->out->currency, r, m, err);
}

static wn_status read_decimals(const reader *r, const member *m, wn_error *err)
{
    wn_str text = text_of(m->value);
    if (text.len != 1 || text.ptr[0] < '0' || text.ptr[0] > '0' + WN_PRICE_DECIMALS_MAX)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: 'decimals' is '%.*s', expected 0 to %d", r->name,
                m->line, WN_STR_ARG(text), WN_PRICE_DECIMALS_MAX);
    r->out->decimals = (uint32_t)(text.ptr[0] - '0');
    return WN_OK;
}

/* ---- mappings -------------------------------------------------------------------------------- */

static wn_status read_model(reader *r, const member *of, wn_error *err)
{
    wn_price price = {.has_tokens = false};
    member m;
    if (of->value->type != YAML_MAPPING_NODE)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: '%.*s' has no prices, such as {tokens: 0.02}",
                r->name, of->line, WN_STR_ARG(of->name));
    if (of->name.len == 0 || of->name.len > WN_MODEL_NAME_MAX)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: a model's name has %zu bytes, expected 1 to %d",
                r->name, of->line, of->name.len, WN_MODEL_NAME_MAX);
    memcpy(price.model, of->name.ptr, of->name.len);
    for (size_t i = 0; i < r->out->n_models; i++)
        if (strcmp(r->out->models[i].model, price.model) == 0)
            WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: '%s' is given a second time", r->name,
                    of->line, price.model);
    for (size_t i = 0; i < count_of(of->value); i++) {
        WN_TRY(member_at(&m, r, of->value, i, err));
        if (wn_str_equal(m.name, WN_STR("tokens")))
            WN_TRY(read_price(&price.tokens, &price.has_tokens, r, &m, err));
        else if (wn_str_equal(m.name, WN_STR("cached_tokens")))
            WN_TRY(read_price(&price.cached_tokens, &price.has_cached, r, &m, err));
        else
            WN_FAIL(err, WN_ERR_FORMAT,
                    "%s line %zu: '%.*s' has no price, expected tokens or cached_tokens", r->name,
                    m.line, WN_STR_ARG(m.name));
    }
    if (!price.has_tokens)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: '%s' has no price of tokens", r->name, of->line,
                price.model);
    if (r->out->n_models == WN_PRICE_MODELS_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "%s line %zu: more than %d models", r->name, of->line,
                WN_PRICE_MODELS_MAX);
    r->out->models[r->out->n_models++] = price;
    return WN_OK;
}

static wn_status read_models(reader *r, const member *of, wn_error *err)
{
    member m;
    if (of->value->type != YAML_MAPPING_NODE)
        WN_FAIL(err, WN_ERR_FORMAT, "%s line %zu: 'models' has no names of models", r->name,
                of->line);
    for (size_t i = 0; i < count_of(of->value); i++) {
        WN_TRY(member_at(&m, r, of->value, i, err));
        WN_TRY(read_model(r, &m, err));
    }
    return WN_OK;
}

static wn_status read_member(reader *r, const member *m, wn_error *err)
{
    if (wn_str_equal(m->name, WN_STR("currency")))
        return read_currency(r, m, err);
    if (wn_str_equal(m->name, WN_STR("decimals")))
        return read_decimals(r, m, err);
    if (wn_str_equal(m->name, WN_STR("issuer")))
        return read_text(r->out->issuer, sizeof r->out->issuer, r, m, err);
    if (wn_str_equal(m->name, WN_STR("note")))
        return read_text(r->out->note, sizeof r->out->note, r, m, err);
    if (wn_str_equal(m->name, WN_STR("models")))
        return read_models(r, m, err);
    WN_FAIL(err, WN_ERR_FORMAT,
            "%s line %zu: '%.*s' is not known, expected currency, decimals, issuer, note or models",
            r->name, m->line, WN_STR_ARG(m->name));
}

static wn_status read_document(reader *r, wn_error *err)
{
    member m;
    const yaml_node_t *root = yaml_document_get_root_node(&r->document);
    if (root == NULL || root->type != YAML_MAPPING_NODE)
        WN_FAIL(err, WN_ERR_FORMAT, "%s: no price table: expected currency and models", r->name);
    for (size_t i = 0; i < count_of(root); i++) {
        WN_TRY(member_at(&m, r, root, i, err));
        WN_TRY(read_member(r, &m, err));
    }
    if (r->out->currency[0] == '\0' || r->out->n_models == 0)
        WN_FAIL(err, WN_ERR_FORMAT, "%s: has no %s", r->name,
                r->out->currency[0] == '\0' ? "currency" : "models");
    return WN_OK;
}

wn_status wn_prices_parse(wn_prices *out, wn_str text, const char *name, wn_error *err)
{
    reader r = {.name = name, .out = out};
    yaml_parser_t parser;
    *out = (wn_prices){.decimals = DECIMALS};
    if (!yaml_parser_initialize(&parser))
        WN_FAIL(err, WN_ERR_MEMORY, "%s: no memory to read it", name);
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.len > 0 ? text.ptr : ""),
                                 text.len);
    wn_status status = WN_OK;
    if (!yaml_parser_load(&parser, &r.document)) {
        bool memory = parser.error == YAML_MEMORY_ERROR;
        status = wn_error_set(err, memory ? WN_ERR_MEMORY : WN_ERR_FORMAT, WN_WHERE,
                              "%s line %zu: %s", name, parser.problem_mark.line + 1,
                              memory || parser.problem == NULL ? "no memory" : parser.problem);
    } else {
        status = read_document(&r, err);
        yaml_document_delete(&r.document);
    }
    yaml_parser_delete(&parser);
    return status;
}

wn_status wn_price_file_read(wn_prices **out, const char *path, wn_error *err)
{
    wn_buf text = WN_BUF_INIT;
    wn_status status = WN_OK;
    *out = NULL;
    if (path == NULL)
        return WN_OK;
    wn_prices *prices = wn_mem_zalloc(1, sizeof *prices);
    if (prices == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for prices");
    WN_TRY_OUT(wn_file_read(&text, path, BYTES_MAX, err));
    WN_TRY_OUT(wn_prices_parse(prices, wn_buf_str(&text), path, err));
    *out = prices;
    prices = NULL;
out:
    wn_mem_free(prices);
    wn_buf_deinit(&text);
    return status;
}
