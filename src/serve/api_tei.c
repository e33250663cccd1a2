/* What clients of text-embeddings-inference ask for beside /rerank: what the server is, and the
 * tokens of texts.
 * Source:  text-embeddings-inference 1.9: docs/openapi.json. */
#include "serve/api.h"
#include "serve/service.h"

#include "base/str.h"
#include "data/json_bind.h"
#include "data/json_text.h"

bool wn_api_info(wn_exchange *x)
{
    wn_backend *backend = wn_service_backend(x->service);
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    if (backend == NULL || wn_engine_get_info(wn_backend_engine(backend), &info, NULL) != WN_OK) {
        wn_service_refuse_loading(x);
        return true;
    }
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
                  wn_backend_batch_tokens(backend), WN_DOCUMENTS_PER_CALL_MAX,
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

static bool push_tokens(wn_exchange *x, const json_t *text, const wn_tokenize_options *options)
{
    wn_buf *out = &x->reply.body;
    wn_tokens *tokens;
    wn_error err = {0};
    const wn_engine *engine = wn_backend_engine(wn_service_backend(x->service));
    wn_str bytes = {json_string_value(text), json_string_length(text)};
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
    if (wn_service_backend(x->service) == NULL) {
        wn_service_refuse_loading(x);
        return true;
    }
    if (!wn_exchange_parse(x))
        return true;
    const json_t *inputs = json_object_get(x->json, "inputs");
    const wn_tokenize_options options = {
        .struct_size = sizeof options,
        .no_specials = json_is_false(json_object_get(x->json, "add_special_tokens")),
        .plain_specials = true,
    };
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
        if (!push_tokens(x, text, &options))
            return true;
    }
    wn_buf_push_byte(&x->reply.body, ']');
    wn_exchange_reply_json(x, 200);
    return true;
}
