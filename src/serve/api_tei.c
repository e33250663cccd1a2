/* What clients of text-embeddings-inference ask for beside /rerank: what the server is, and the
 * tokens of texts, and the texts of tokens.
 * Source:  text-embeddings-inference 1.9: docs/openapi.json. */
#include "serve/api.h"
#include "serve/service.h"

#include "base/mem.h"
#include "base/clock.h"
#include "base/str.h"
#include "data/json_bind.h"
#include "data/json_text.h"

#define NS_PER_MS      1000000
#define IDS_A_CALL_MAX 100000 /* of all lists of /decode: a token may be a kilobyte of text */
#define BYTES_A_BYTE   256 /* of a text for /tokenize: it may be a token, here and in the answer */

bool wn_api_info(wn_exchange *x)
{
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    if (!wn_service_choose_model(x, (wn_str){0}))
        return true;
    WN_ASSERT(wn_engine_get_info(wn_backend_engine(x->backend), &info, NULL) == WN_OK);
    wn_buf *out = &x->reply.body;
    wn_buf_push_byte(out, '{');
    wn_push_member_string(out, "model_id", wn_str_from(wn_service_model_name(x->service)));
    wn_buf_push_str(out, WN_STR(",\"model_sha\":null,\"model_dtype\":\"float32\","));
    wn_push_member_string(out, "served_model_name", wn_str_from(wn_service_model_name(x->service)));
    wn_buf_printf(out,
                  ",\"model_type\":{\"reranker\":{\"id2label\":{\"0\":\"LABEL_0\"},\"label2id\":{"
                  "\"LABEL_0\":0}}},\"max_concurrent_requests\":%d,\"max_input_length\":%d,"
                  "\"max_batch_tokens\":%d,\"max_batch_requests\":null,"
                  "\"max_client_batch_size\":%d,\"auto_truncate\":true,"
                  "\"tokenization_workers\":%d,\"version\":\"%s\",\"sha\":null,"
                  "\"docker_label\":null}",
                  wn_service_facts_of(x->service).max_requests, info.max_tokens,
                  wn_backend_batch_tokens(x->backend), WN_DOCUMENTS_PER_CALL_MAX,
                  wn_service_facts_of(x->service).n_workers, wn_version());
    wn_exchange_reply_json(x, 200);
    return true;
}

/* Whether byte range [start, end) stands for a token of the text; specials that were added have an
 * empty one. */
static void push_token(wn_buf *out, const wn_tokens *tokens, size_t i)
{
    bool special = tokens->start[i] == tokens->end[i];
    wn_buf_printf(out, "%s{\"id\":%d,\"text\":", i > 0 ? "," : "", tokens->ids[i]);
    wn_json_push_string(out, tokens->tokens[i]);
    if (special)
        wn_buf_push_str(out, WN_STR(",\"special\":true,\"start\":null,\"stop\":null}"));
    else
        wn_buf_printf(out, ",\"special\":false,\"start\":%zu,\"stop\":%zu}", tokens->start[i],
                      tokens->end[i]);
}

/* Add the tokens of a text; held: what the request holds without them and those before. */
static bool push_tokens(wn_exchange *x, const json_t *text, const wn_tokenize_options *options,
                        uint64_t held)
{
    wn_buf *out = &x->reply.body;
    wn_tokens *tokens;
    wn_error err = {0};
    const wn_engine *engine = wn_backend_engine(x->backend);
    wn_str bytes = {json_string_value(text), json_string_length(text)};
    if (!wn_service_hold(x, held + 2 * out->len + BYTES_A_BYTE * bytes.len))
        return false;
    if (wn_tokenize(&tokens, engine, bytes, options, &err) != WN_OK) {
        wn_problem_set_error(&x->problem, &err);
        return false;
    }
    wn_buf_push_byte(out, '[');
    for (size_t i = 0; i < tokens->n; i++)
        push_token(out, tokens, i);
    wn_buf_push_byte(out, ']');
    wn_tokens_free(tokens);
    return true;
}

bool wn_api_tokenize(wn_exchange *x)
{
    x->dialect = &wn_dialect_tei;
    if (!wn_service_choose_model(x, (wn_str){0}) || !wn_exchange_parse(x))
        return true;
    const json_t *inputs = json_object_get(x->json, "inputs");
    const wn_tokenize_options options = {
        .struct_size = sizeof options,
        .no_specials = json_is_false(json_object_get(x->json, "add_special_tokens")),
        .plain_specials = true,
    };
    uint64_t held = x->held_bytes;
    size_t n = json_is_string(inputs) ? 1 : json_array_size(inputs);
    if (n == 0 || n > WN_DOCUMENTS_PER_CALL_MAX) {
        wn_problem_note(&x->problem, "inputs", "string_type", NULL,
                        "Input should be a string or a list of 1 to %d strings, it is %s",
                        WN_DOCUMENTS_PER_CALL_MAX, wn_json_type_name(inputs));
        return true;
    }
    wn_buf_push_byte(&x->reply.body, '[');
    for (size_t i = 0; i < n; i++) {
        const json_t *text = json_is_string(inputs) ? inputs : json_array_get(inputs, i);
        if (!json_is_string(text)) {
            wn_problem_note(&x->problem, "inputs", "string_type", NULL,
                            "Item %zu should be a string, it is %s", i, wn_json_type_name(text));
            return true;
        }
        if (i > 0)
            wn_buf_push_byte(&x->reply.body, ',');
        if (!push_tokens(x, text, &options, held))
            return true;
    }
    wn_buf_push_byte(&x->reply.body, ']');
    wn_exchange_reply_json(x, 200);
    return true;
}

/* Shapes:  ids [json_array_size(list)]; false, and a problem, when one is no id. */
static bool read_ids(wn_exchange *x, int32_t *ids, const json_t *list)
{
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        const json_t *id = json_array_get(list, i);
        json_int_t value = json_integer_value(id);
        if (!json_is_integer(id) || value < 0 || value > UINT32_MAX) {
            wn_problem_note(&x->problem, "ids", "int_type", NULL,
                            "Item %zu should be a whole number from 0 to %u", i, UINT32_MAX);
            return false;
        }
        ids[i] = value > INT32_MAX ? -1 : (int32_t)value; /* neither is an id of any token */
    }
    return true;
}

/* Ids and lists of a list. */
static size_t count_ids(const json_t *list)
{
    size_t n = json_array_size(list), sum = n;
    for (size_t i = 0; i < n; i++)
        sum += json_array_size(json_array_get(list, i));
    return sum;
}

static bool push_decoded(wn_exchange *x, const json_t *list, const wn_detokenize_options *options)
{
    wn_str text;
    wn_error err = {.status = WN_ERR_MEMORY};
    const wn_engine *engine = wn_backend_engine(x->backend);
    size_t n = json_array_size(list);
    int32_t *ids = wn_mem_alloc(n, sizeof *ids);
    bool ok = ids != NULL && read_ids(x, ids, list) &&
              wn_detokenize(&text, engine, ids, n, options, &err) == WN_OK;
    wn_mem_free(ids);
    if (ok) {
        wn_json_push_string(&x->reply.body, text);
        wn_text_free(text);
    } else if (x->problem.status == 0) {
        wn_problem_set_error(&x->problem, &err);
    }
    return ok;
}

bool wn_api_decode(wn_exchange *x)
{
    x->dialect = &wn_dialect_tei;
    if (!wn_service_choose_model(x, (wn_str){0}) || !wn_exchange_parse(x))
        return true;
    const json_t *ids = json_object_get(x->json, "ids");
    bool many = json_is_array(json_array_get(ids, 0));
    size_t n = many ? json_array_size(ids) : 1;
    const wn_detokenize_options options = {
        .struct_size = sizeof options,
        .keep_specials = json_is_false(json_object_get(x->json, "skip_special_tokens")),
    };
    if (!json_is_array(ids)) {
        wn_problem_note(&x->problem, "ids", "list_type", NULL,
                        "Input should be a list of ids or of such lists, it is %s",
                        wn_json_type_name(ids));
        return true;
    }
    if (count_ids(ids) > IDS_A_CALL_MAX) {
        wn_problem_note(&x->problem, "ids", "too_long", NULL, "%zu ids and lists, at most %d",
                        count_ids(ids), IDS_A_CALL_MAX);
        return true;
    }
    wn_buf_push_byte(&x->reply.body, '[');
    for (size_t i = 0; i < n; i++) {
        const json_t *list = many ? json_array_get(ids, i) : ids;
        if (!json_is_array(list)) {
            wn_problem_note(&x->problem, "ids", "list_type", NULL,
                            "Item %zu should be a list of ids, it is %s", i,
                            wn_json_type_name(list));
            return true;
        }
        if (i > 0)
            wn_buf_push_byte(&x->reply.body, ',');
        if (!push_decoded(x, list, &options))
            return true;
    }
    wn_buf_push_byte(&x->reply.body, ']');
    wn_exchange_reply_json(x, 200);
    return true;
}

static uint64_t characters(wn_str text)
{
    uint64_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return n;
}

void wn_tei_push_fields(wn_exchange *x)
{
    uint64_t n_characters = 0;
    if (x->dialect != &wn_dialect_tei && x->dialect != &wn_dialect_tei_predict)
        return;
    for (size_t i = 0; i < x->calls.n; i++) {
        n_characters += characters(x->calls.at[i].query);
        for (size_t d = 0; d < x->calls.at[i].documents.n; d++)
            n_characters += characters(x->calls.at[i].documents.at[d]);
    }
    const wn_times *t = &x->times;
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {
        {"x-compute-time", (wn_clock_ns() - x->began_ns) / NS_PER_MS},
        {"x-compute-characters", n_characters},
        {"x-compute-tokens", x->bill.tokens},
        {"x-total-time", (wn_clock_ns() - x->began_ns) / NS_PER_MS},
        {"x-tokenization-time", t->tokenize_ns / NS_PER_MS},
        {"x-queue-time", t->queue_ns / NS_PER_MS},
        {"x-inference-time", t->compute_ns / NS_PER_MS},
    };
    wn_reply_push_field(&x->reply, "x-compute-type", "cpu");
    for (size_t i = 0; i < WN_ARRAY_LEN(fields); i++)
        wn_reply_push_field(&x->reply, fields[i].name, "%llu", (unsigned long long)fields[i].value);
}
