/* See dialect.h. */
#include "serve/dialect.h"

#include "base/str.h"
#include "data/json_text.h"

#include <math.h>

wn_rank_call wn_rank_call_init(wn_arena *arena)
{
    return (wn_rank_call){
        .arena = arena, .return_documents = true, .truncation = true, .min_score = -HUGE_VAL};
}

static const json_t *source_of(const wn_rank_call *call, size_t i)
{
    return call->documents.source == NULL ? NULL : json_array_get(call->documents.source, i);
}

static int push_dumped(const char *bytes, size_t n, void *out)
{
    return wn_buf_push(out, bytes, n) ? 0 : -1;
}

bool wn_push_document_string(wn_buf *out, const wn_rank_call *call, size_t i)
{
    return wn_json_push_string(out, call->documents.at[i]);
}

bool wn_push_document_object(wn_buf *out, const wn_rank_call *call, size_t i)
{
    const json_t *source = source_of(call, i);
    if (json_is_object(source))
        return json_dump_callback(source, push_dumped, out, JSON_COMPACT) == 0 && !out->failed;
    wn_buf_push_str(out, WN_STR("{\"text\":"));
    wn_push_document_string(out, call, i);
    return wn_buf_push_byte(out, '}');
}

bool wn_push_extras(wn_buf *out, const wn_rank_call *call, const wn_result *result)
{
    if (call->return_logits) {
        wn_buf_push_str(out, WN_STR(",\"logit\":"));
        wn_json_push_float(out, result->logit);
    }
    if (call->return_spans)
        wn_buf_printf(out, ",\"span\":{\"start\":%zu,\"end\":%zu}", result->window_start,
                      result->window_end);
    return !out->failed;
}

bool wn_call_wants(const wn_rank_call *call, const wn_result *result)
{
    return result->relevance_score >= call->min_score;
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
