/* See published.h.  The figures are in the rows, with where they come from. */
#include "cli/published.h"

#include "base/str.h"

#include <math.h>
#include <string.h>

#define WN_WHERE "cli/published"

/* In fp16, whose steps are 0.0078 at the first one. */
static const wn_published_pair bge_v2_m3[] = {
    {"A red apple", "A llama in the garden", -8.7265625},
    {"A red apple", "I want some fruit", -0.10467529},
};

const wn_published_model wn_published_models[] = {
    {.name = "BAAI/bge-reranker-v2-m3",
     .family = "xlm-roberta",
     .kind = WN_KIND_CROSS_ENCODER,
     .n_layers = 24,
     .hidden = 1024,
     .n_heads = 16,
     .intermediate = 4096,
     .vocab = 250002,
     .max_tokens = 8192,
     .pairs = bge_v2_m3,
     .n_pairs = WN_ARRAY_LEN(bge_v2_m3),
     .tolerance = 0.02,
     .source = "fp16, github.com/ggml-org/llama.cpp pull request 9510"},
};

const size_t wn_published_n_models = WN_ARRAY_LEN(wn_published_models);

const wn_published_model *wn_published_find(const wn_published_model *table, size_t n,
                                            const wn_engine_info *info)
{
    for (size_t i = 0; i < n; i++) {
        const wn_published_model *m = &table[i];
        if (strcmp(m->family, info->family) == 0 && m->kind == info->kind &&
            m->n_layers == info->n_layers && m->hidden == info->hidden &&
            m->n_heads == info->n_heads && m->intermediate == info->intermediate &&
            m->vocab == info->vocab && m->max_tokens == info->max_tokens)
            return m;
    }
    return NULL;
}

static wn_status score(double *out, wn_runner *runner, const wn_published_pair *pair, wn_error *err)
{
    size_t n;
    wn_job *job = NULL;
    const wn_str document = wn_str_from(pair->document);
    wn_request request = WN_REQUEST_INIT;
    request.query = wn_str_from(pair->query);
    request.documents = &document;
    request.n_documents = 1;
    WN_TRY(wn_rank(&job, runner, &request, err));
    *out = (double)wn_job_results(job, &n)->logit;
    wn_job_free(job);
    return WN_OK;
}

wn_status wn_published_compare(bool *good, wn_buf *detail, const wn_published_model *model,
                               wn_runner *runner, wn_error *err)
{
    bool near = true;
    wn_buf_printf(detail, "%s:", model->name);
    for (size_t i = 0; i < model->n_pairs; i++) {
        double got = 0, want = model->pairs[i].logit;
        WN_TRY(score(&got, runner, &model->pairs[i], err));
        near = near && fabs(got - want) <= model->tolerance;
        wn_buf_printf(detail, "%s %.4f (published %.4f)", i > 0 ? "," : "", got, want);
    }
    if (!wn_buf_printf(detail, "; %s", model->source))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory to compare with %s", model->name);
    *good = near;
    return WN_OK;
}
