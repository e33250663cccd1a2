/* See self_test.h. */
#include "serve/self_test.h"

#include "base/str.h"
#include "data/json_bind.h"

#include <math.h>
#include <string.h>

#define WN_WHERE      "serve/self_test"
#define TOLERANCE_F32 1e-3
#define TOLERANCE     2e-2 /* of the other dtypes: that of int8 is off by 2e-3 or so */
#define PAIRS_MAX     4    /* each delays the start */

static wn_status score(float *out, wn_runner *runner, wn_str query, wn_str document, wn_error *err)
{
    const wn_request request = {.struct_size = sizeof request,
                                .query = query,
                                .documents = &document,
                                .n_documents = 1,
                                .long_docs = WN_LONG_DOCS_TRUNCATE};
    wn_job *job;
    size_t n;
    WN_TRY(wn_rank(&job, runner, &request, err));
    *out = wn_job_results(job, &n)[0].logit;
    wn_job_free(job);
    return WN_OK;
}

static wn_str text_of(const json_t *pair, const char *name)
{
    const json_t *text = json_object_get(pair, name);
    return (wn_str){json_string_value(text), json_string_length(text)};
}

static wn_status check_pair(wn_runner *runner, const json_t *pair, double tolerance, wn_error *err)
{
    float got;
    double want = json_number_value(json_object_get(pair, "raw_score"));
    WN_TRY(score(&got, runner, text_of(pair, "query"), text_of(pair, "document"), err));
    if (fabs((double)got - want) > tolerance * fmax(1, fabs(want)))
        WN_FAIL(err, WN_ERR_INTERNAL,
                "self-test: the score is %.6g, expected %.6g: this build or machine computes wrong "
                "scores",
                (double)got, want);
    return WN_OK;
}

wn_status wn_self_test(wn_runner *runner, const wn_engine *engine, wn_error *err)
{
    float any;
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    WN_TRY(wn_engine_get_info(engine, &info, err));
    if (!wn_str_equal(wn_str_from(info.model), WN_STR("built-in")))
        return score(&any, runner, WN_STR("capital of France"),
                     WN_STR("Paris is the capital of France."), err);
    double tolerance =
        wn_str_equal(wn_str_from(info.dtype), WN_STR("f32")) ? TOLERANCE_F32 : TOLERANCE;
    wn_str rest = wn_builtin_reference();
    for (int i = 0; rest.len > 0 && i < PAIRS_MAX; i++) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t n = end == NULL ? rest.len : (size_t)(end - rest.ptr);
        json_t *pair;
        WN_TRY(wn_json_parse(&pair, (wn_str){rest.ptr, n}, "reference", err));
        wn_status status = check_pair(runner, pair, tolerance, err);
        json_decref(pair);
        WN_TRY(status);
        rest = wn_str_slice(rest, WN_MIN(n + 1, rest.len), rest.len);
    }
    return WN_OK;
}
