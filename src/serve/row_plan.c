/* See row_plan.h. */
#include "serve/row_plan.h"

#include "base/mem.h"
#include "base/seed.h"

#include <math.h>

#define WN_WHERE "serve/row_plan"

static bool make_room(wn_row_plan *plan, size_t n, bool with_documents)
{
    plan->digests = wn_mem_alloc(n, sizeof *plan->digests);
    plan->known = wn_mem_zalloc(n, sizeof *plan->known);
    plan->first = wn_mem_alloc(n, sizeof *plan->first);
    plan->rows = wn_mem_alloc(n, sizeof *plan->rows);
    plan->tokens = wn_mem_alloc(n, sizeof *plan->tokens);
    plan->order = wn_mem_alloc(n, sizeof *plan->order);
    if (with_documents)
        plan->documents = wn_mem_alloc(n, sizeof *plan->documents);
    return plan->digests != NULL && plan->known != NULL && plan->first != NULL &&
           plan->rows != NULL && plan->tokens != NULL && plan->order != NULL &&
           (plan->documents != NULL || !with_documents);
}

void wn_row_plan_deinit(wn_row_plan *plan)
{
    wn_mem_free(plan->digests);
    wn_mem_free(plan->documents);
    wn_mem_free(plan->known);
    wn_mem_free(plan->first);
    wn_mem_free(plan->rows);
    wn_mem_free(plan->tokens);
    wn_mem_free(plan->order);
    *plan = (wn_row_plan){0};
}

static void push(wn_row_plan *plan, size_t row, uint32_t tokens)
{
    plan->rows[plan->n] = row;
    plan->tokens[plan->n++] = tokens;
}

/* Sort the rows into those that are known, those that are like another, and those to compute. */
static void sort_out(wn_row_plan *plan, wn_row_planner *planner, wn_job *job, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        float logit = NAN;
        plan->first[i] = (uint32_t)wn_digest_set_first(&planner->set, plan->digests, i);
        if (plan->first[i] != i) {
            plan->n_same++;
        } else if (planner->cache != NULL &&
                   wn_score_cache_find(planner->cache, &plan->digests[i], &logit, 1) == 1) {
            wn_job_set_logit(job, i, logit);
            plan->known[i] = true;
            plan->n_cached++;
        } else {
            push(plan, i, wn_job_row_tokens(job, i));
        }
    }
}

/* A score can be taken from an equal row, matches cannot: rows that need them equal no other. */
static wn_status make_digests(wn_row_plan *plan, wn_row_planner *planner, uint64_t scope,
                              const wn_job *job, wn_error *err)
{
    size_t bytes = wn_job_n_rows(job) * sizeof *plan->digests;
    if (!wn_job_wants_matches(job))
        return wn_row_digester_run(planner->digester, scope, job, plan->digests, err);
    if (!wn_random_bytes(plan->digests, bytes))
        WN_FAIL(err, WN_ERR_MEMORY, "no random bytes for %zu rows", wn_job_n_rows(job));
    return WN_OK;
}

wn_status wn_row_plan_make(wn_row_plan *out, wn_row_planner *planner, uint64_t scope, wn_job *job,
                           wn_error *err)
{
    size_t n_rows = wn_job_n_rows(job);
    *out = (wn_row_plan){0};
    if (n_rows == 0)
        return WN_OK;
    if (!make_room(out, n_rows, planner->keeps_vectors) ||
        !wn_digest_set_begin(&planner->set, n_rows))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu rows", n_rows);
    WN_TRY(make_digests(out, planner, scope, job, err));
    if (planner->keeps_vectors)
        WN_TRY(wn_row_digester_run_documents(planner->digester, scope, job, out->documents, err));
    sort_out(out, planner, job, n_rows);
    if (out->n == 0 && wn_job_needs_query(job))
        push(out, WN_ROW_QUERY, (uint32_t)wn_job_usage(job).query_tokens);
    return WN_OK;
}

/* A document counts when all its rows were known. */
static uint64_t cached_tokens(const wn_row_plan *plan, const wn_job *job, size_t n_rows)
{
    uint64_t tokens = 0;
    for (size_t i = 0, next; i < n_rows; i = next) {
        size_t text = wn_job_row_text(job, i);
        bool known = true;
        for (next = i; next < n_rows && wn_job_row_text(job, next) == text; next++)
            known = known && plan->known[next];
        tokens += known ? wn_job_text_tokens(job, text) : 0;
    }
    return tokens + (plan->n == 0 ? wn_job_usage(job).query_tokens : 0);
}

void wn_row_plan_end(wn_row_plan *plan, wn_job *job)
{
    size_t n_rows = plan->first == NULL ? 0 : wn_job_n_rows(job);
    for (size_t i = 0; i < n_rows; i++) {
        float logit = wn_job_logit(job, plan->first[i]);
        if (plan->first[i] != i && !isnan(logit)) {
            wn_job_set_logit(job, i, logit);
            plan->known[i] = plan->known[plan->first[i]];
        }
    }
    plan->cached_tokens = n_rows == 0 ? 0 : cached_tokens(plan, job, n_rows);
}
