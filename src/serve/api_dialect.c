/* See api_dialect.h. */
#include "serve/api_dialect.h"

#include "base/str.h"
#include "data/json_text.h"
#include "serve/explain.h"

#include <math.h>

wn_rank_call wn_rank_call_init(wn_arena *arena)
{
    return (wn_rank_call){
        .arena = arena, .return_documents = true, .truncation = true, .min_score = -HUGE_VAL};
}

void wn_call_hide_documents(wn_rank_call *call, const wn_http_request *request)
{
    (void)request;
    call->return_documents = false;
}

bool wn_calls_spread(wn_calls *calls, size_t n, const char *field, wn_problem *problem)
{
    if (n > WN_CALLS_PER_BODY_MAX) {
        wn_problem_note(problem, field, "too_long", NULL,
                        "List should have at most %d items after validation, not %zu",
                        WN_CALLS_PER_BODY_MAX, n);
        return false;
    }
    wn_rank_call *at = wn_arena_alloc(calls->arena, n, sizeof *at);
    if (at == NULL) {
        wn_problem_set_error(problem, &(wn_error){.status = WN_ERR_MEMORY});
        return false;
    }
    for (size_t i = 0; i < n; i++)
        at[i] = calls->at[0];
    calls->at = at;
    calls->n = n;
    return true;
}

bool wn_call_set_pair(wn_rank_call *call, const json_t *query, const json_t *document,
                      wn_problem *problem)
{
    wn_str *text = wn_arena_alloc(call->arena, 1, sizeof *text);
    if (text == NULL) {
        wn_problem_set_error(problem, &(wn_error){.status = WN_ERR_MEMORY});
        return false;
    }
    *text = (wn_str){json_string_value(document), json_string_length(document)};
    call->query = (wn_str){json_string_value(query), json_string_length(query)};
    call->documents = (wn_texts){.at = text, .n = 1};
    return true;
}

/* As the client sent it; NULL when documents were not read from a list. */
static const json_t *source_of(const wn_rank_call *call, size_t i)
{
    return json_array_get(call->documents.source, i);
}

static int push_dumped(const char *bytes, size_t n, void *out)
{
    return wn_buf_push(out, bytes, n) ? 0 : -1;
}

bool wn_push_document_string(wn_buf *out, const wn_rank_call *call, size_t i)
{
    return wn_json_push_string(out, call->documents.at[i]);
}

bool wn_push_document_source(wn_buf *out, const wn_rank_call *call, size_t i)
{
    const json_t *source = source_of(call, i);
    if (json_is_object(source)) {
        out->failed |= json_dump_callback(source, push_dumped, out, JSON_COMPACT) != 0;
        return !out->failed;
    }
    return wn_push_document_string(out, call, i);
}

bool wn_push_document_object(wn_buf *out, const wn_rank_call *call, size_t i)
{
    if (json_is_object(source_of(call, i)))
        return wn_push_document_source(out, call, i);
    wn_buf_push_str(out, WN_STR("{\"text\":"));
    wn_push_document_string(out, call, i);
    return wn_buf_push_byte(out, '}');
}

bool wn_push_extras(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    if (!result->scored)
        wn_buf_push_str(out, WN_STR(",\"scored\":false"));
    if (call->return_logits) {
        wn_buf_push_str(out, WN_STR(",\"logit\":"));
        wn_json_push_float(out, result->logit);
    }
    if (call->rank_fields.texts != NULL && (call->return_spans || call->explain)) {
        wn_buf_push_str(out, WN_STR(",\"field\":"));
        wn_json_push_string(out, call->rank_fields.names[result->field]);
    }
    if (call->return_spans)
        wn_buf_printf(out, ",\"span\":{\"start\":%zu,\"end\":%zu}", result->window_start,
                      result->window_end);
    return wn_explain_push(out, call, result);
}

bool wn_push_member_document(wn_buf *out, const wn_rank_call *call, const wn_result *result,
                             const char *name, wn_push_document *push)
{
    if (!call->return_documents)
        return !out->failed;
    wn_buf_printf(out, ",\"%s\":", name);
    return push(out, call, result->index);
}

/* Up to the extras, without the closing brace. */
static void push_scored(wn_buf *out, const wn_rank_call *call, const wn_result *result,
                        const char *score)
{
    wn_buf_printf(out, "{\"index\":%zu,\"%s\":", result->index, score);
    wn_json_push_double(out, wn_call_score(call, result));
    wn_push_extras(out, call, result);
}

bool wn_push_scored(wn_buf *out, const wn_rank_call *call, const wn_result *result,
                    const char *score)
{
    push_scored(out, call, result, score);
    return wn_buf_push_byte(out, '}');
}

bool wn_push_found(wn_buf *out, const wn_rank_call *call, const wn_result *result,
                   const char *score, const char *document, wn_push_document *push)
{
    push_scored(out, call, result, score);
    wn_push_member_document(out, call, result, document, push);
    return wn_buf_push_byte(out, '}');
}

bool wn_push_result(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    return wn_push_found(out, call, result, "relevance_score", "document", wn_push_document_object);
}

bool wn_push_results(wn_buf *out, const wn_rank_call *call, const wn_rank_answer *answer,
                     bool (*push_result)(wn_buf *out, const wn_rank_call *call,
                                         const wn_result *result))
{
    const char *comma = "";
    wn_buf_push_byte(out, '[');
    for (size_t i = 0; i < answer->n_results && !out->failed; i++) {
        const wn_result *result = &answer->results[i];
        if (result->scored && result->relevance_score < call->min_score)
            continue; /* of one without a score it is not known */
        wn_buf_push_str(out, wn_str_from(comma));
        push_result(out, call, result);
        comma = ",";
    }
    return wn_buf_push_byte(out, ']');
}

bool wn_push_member_string(wn_buf *out, const char *name, wn_str value)
{
    wn_buf_printf(out, "\"%s\":", name);
    return wn_json_push_string(out, value);
}

bool wn_push_member_int(wn_buf *out, const char *name, uint64_t value)
{
    return wn_buf_printf(out, "\"%s\":%llu", name, (unsigned long long)value);
}

bool wn_push_usage(wn_buf *out, uint64_t n)
{
    wn_buf_push_str(out, WN_STR("\"usage\":{"));
    wn_push_member_int(out, "prompt_tokens", n);
    wn_buf_push_byte(out, ',');
    wn_push_member_int(out, "total_tokens", n);
    return wn_buf_push_byte(out, '}');
}

bool wn_push_cached_tokens(wn_buf *out, uint64_t n)
{
    if (n > 0) {
        wn_buf_push_byte(out, ',');
        wn_push_member_int(out, "cached_tokens", n);
    }
    return !out->failed;
}

wn_str wn_body_string(const json_t *body, const char *name)
{
    const json_t *value = json_object_get(body, name);
    return (wn_str){json_string_value(value), json_string_length(value)};
}

int wn_status_without_422(const wn_problem *problem)
{
    return problem->status == 422 ? 400 : problem->status;
}

bool wn_push_problem_flat(wn_buf *out, const wn_problem *problem, const char *request_id)
{
    wn_buf_push_str(out, WN_STR("{\"detail\":"));
    wn_json_push_string(out, wn_str_from(problem->detail));
    if (problem->code != NULL) {
        wn_buf_push_str(out, WN_STR(",\"code\":"));
        wn_json_push_string(out, wn_str_from(problem->code));
    }
    wn_buf_push_str(out, WN_STR(",\"request_id\":"));
    wn_json_push_string(out, wn_str_from(request_id));
    if (problem->status == 422) {
        wn_buf_push_str(out, WN_STR(",\"errors\":["));
        wn_buf_push_str(out, wn_buf_str(&problem->mistakes));
        wn_buf_push_byte(out, ']');
    }
    return wn_buf_push_byte(out, '}');
}
