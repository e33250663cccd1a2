/* What clients of text-embeddings-inference ask for beside /rerank: what the server is, and the
 * tokens of texts, and the texts of tokens.
 * Source:  text-embeddings-inference 1.9: docs/openapi.json. */
#include "serve/api.h"
#include "serve/service.h"
#include "serve/tei_tokens.h"

#include "base/mem.h"
#include "base/clock.h"
#include "base/str.h"
#include "data/json_text.h"

#define NS_PER_MS    1000000
#define BYTES_A_BYTE 256 /* of a text for /tokenize: it may be a token, here and in the answer */

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

/* Add the tokens of a text; held: what the request holds without them and those before. */
static bool push_tokens(wn_exchange *x, wn_str text, const wn_tokenize_options *options,
                        uint64_t held)
{
    wn_buf *out = &x->reply.body;
    wn_tokens *tokens;
    wn_error err = {0};
    const wn_engine *engine = wn_backend_engine(x->backend);
    if (!wn_service_hold(x, held + 2 * out->len + BYTES_A_BYTE * text.len))
        return false;
    if (wn_tokenize(&tokens, engine, text, options, &err) != WN_OK) {
        wn_problem_set_error(&x->problem, &err);
        return false;
    }
    wn_tei_push_tokens(out, tokens);
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
    size_t n = wn_tei_count_texts(inputs, &x->problem);
    for (size_t i = 0; i < n; i++) {
        wn_buf_push_byte(&x->reply.body, i == 0 ? '[' : ',');
        if (!push_tokens(x, wn_tei_text_at(inputs, i), &options, held))
            return true;
    }
    if (n == 0)
        return true;
    wn_buf_push_byte(&x->reply.body, ']');
    wn_exchange_reply_json(x, 200);
    return true;
}

static bool push_decoded(wn_exchange *x, const json_t *list, const wn_detokenize_options *options)
{
    wn_str text;
    wn_error err = {.status = WN_ERR_MEMORY};
    const wn_engine *engine = wn_backend_engine(x->backend);
    size_t n = json_array_size(list);
    int32_t *ids = wn_mem_alloc(n, sizeof *ids);
    if (ids != NULL)
        wn_tei_read_ids(ids, list);
    bool ok = ids != NULL && wn_detokenize(&text, engine, ids, n, options, &err) == WN_OK;
    wn_mem_free(ids);
    if (!ok) {
        wn_problem_set_error(&x->problem, &err);
        return false;
    }
    wn_json_push_string(&x->reply.body, text);
    wn_text_free(text);
    return true;
}

bool wn_api_decode(wn_exchange *x)
{
    x->dialect = &wn_dialect_tei;
    if (!wn_service_choose_model(x, (wn_str){0}) || !wn_exchange_parse(x))
        return true;
    const json_t *ids = json_object_get(x->json, "ids");
    const wn_detokenize_options options = {
        .struct_size = sizeof options,
        .keep_specials = json_is_false(json_object_get(x->json, "skip_special_tokens")),
    };
    size_t n = wn_tei_count_lists(ids, &x->problem);
    for (size_t i = 0; i < n; i++) {
        wn_buf_push_byte(&x->reply.body, i == 0 ? '[' : ',');
        if (!push_decoded(x, wn_tei_list_at(ids, i), &options))
            return true;
    }
    if (n == 0)
        return true;
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
