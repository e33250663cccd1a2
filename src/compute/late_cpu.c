/* Documents beside queries, on the processor.  An item is a document: its vectors are rows of a
 * product whose columns are those of the query, a few rows at a time, and of each column the
 * largest counts.  Vectors that are kept are such rows, and read where they lie; others are made
 * rows first, as those were, so that the bits are the same. */
#include "compute/exec.h"
#include "compute/scratch.h"

#include <math.h>
#include <string.h>

/* ---- what is packed and kept ----------------------------------------------------------------- */

size_t wn_vector_bytes(const wn_kernels *kernels, wn_dtype dtype, size_t dim)
{
    return dtype == WN_DTYPE_F32 ? dim * sizeof(float)
                                 : wn_gemm_row_used(wn_kernels_vector_gemm(kernels, dtype), dim);
}

/* Bytes of the part for f32, which is the first. */
static size_t first_part(const wn_kernels *kernels, size_t nq, size_t dim)
{
    return wn_round_up(wn_gemm_packed_bytes(kernels->gemm_f32, nq, dim), WN_ALIGN);
}

size_t wn_query_bytes(const wn_kernels *kernels, size_t nq, size_t dim)
{
    const wn_gemm *i8 = wn_kernels_vector_gemm(kernels, WN_DTYPE_I8);
    return first_part(kernels, nq, dim) + wn_gemm_packed_bytes(i8, nq, dim);
}

void wn_exec_pack_query(const wn_exec *exec, unsigned char *packed, const float *q, size_t nq,
                        size_t dim)
{
    const wn_kernels *kernels = exec->kernels;
    const wn_gemm *i8 = wn_kernels_vector_gemm(kernels, WN_DTYPE_I8);
    kernels->gemm_f32->pack(packed, q, dim, nq, dim);
    i8->pack(packed + first_part(kernels, nq, dim), q, dim, nq, dim);
}

const void *wn_query_part(const wn_kernels *kernels, const wn_query *query, wn_dtype dtype,
                          size_t dim)
{
    return query->packed + (dtype == WN_DTYPE_F32 ? 0 : first_part(kernels, query->n, dim));
}

/* ---- a document, block by block -------------------------------------------------------------- */

typedef struct late_job {
    const wn_exec *exec;
    const wn_doc_vectors *documents;
    const wn_query *const *queries;
    float *scores;
    wn_nearest *const *nearest;
    void *const *kept;
} late_job;

/* A document and the memory that it is compared in. */
typedef struct comparison {
    const wn_doc_vectors *d;
    const wn_gemm *gemm;
    const wn_query *q; /* NULL: none */
    const void *packed;
    size_t n; /* of q */
    wn_maxsim_scratch parts;
    unsigned char *scratch;
    float *best, *dots; /* [n], [gemm->mr][n] */
} comparison;

static comparison compare(const late_job *job, size_t item, int32_t worker)
{
    const wn_kernels *kernels = job->exec->kernels;
    comparison c = {.d = &job->documents[item],
                    .q = job->queries != NULL ? job->queries[item] : NULL,
                    .scratch = wn_exec_scratch(job->exec, worker)};
    c.gemm = wn_kernels_vector_gemm(kernels, c.d->dtype);
    if (c.q != NULL) {
        c.n = c.q->n;
        c.packed = wn_query_part(kernels, c.q, c.d->dtype, c.d->dim);
    }
    c.parts = wn_scratch_maxsim(c.gemm, c.n, c.d->dim);
    wn_exec_check_scratch(job->exec, c.parts.total);
    c.best = wn_exec_floats(c.scratch, 0);
    c.dots = wn_exec_floats(c.scratch, c.parts.dots);
    return c;
}

/* m vectors from vector j on as rows of the product; the stride is set. */
static const void *rows_at(const comparison *c, size_t j, size_t m, size_t *stride)
{
    const wn_doc_vectors *d = c->d;
    const float *plain = (const float *)d->rows + j * d->dim;
    *stride = d->dim * sizeof(float);
    if (d->dtype == WN_DTYPE_F32)
        return plain;
    if (d->kept) {
        *stride = wn_gemm_row_used(c->gemm, d->dim);
        return (const unsigned char *)d->rows + j * *stride;
    }
    *stride = c->parts.row_bytes;
    c->gemm->take_rows(c->scratch + c->parts.rows, *stride, plain, d->dim, NULL, m, d->dim);
    return c->scratch + c->parts.rows;
}

/* The products of vectors j and those behind it, as many as the memory has room for; returns how
 * many. */
static size_t multiply_from(const comparison *c, size_t j)
{
    size_t m = WN_MIN(c->d->n - j, (size_t)c->gemm->mr), stride;
    const void *rows = rows_at(c, j, m, &stride);
    c->gemm->multiply(c->dots, c->parts.stride, rows, stride, c->packed, NULL, m, c->n, c->d->dim,
                      WN_ACT_NONE);
    return m;
}

/* ---- ops ------------------------------------------------------------------------------------- */

static void maxsim_item(void *arg, size_t item, int32_t worker)
{
    const late_job *job = arg;
    comparison c = compare(job, item, worker);
    const uint8_t *keep = c.d->keep;
    job->scores[item] = 0;
    if (c.d->n == 0 || (keep != NULL && memchr(keep, 1, c.d->n) == NULL))
        return;
    for (size_t i = 0; i < c.n; i++)
        c.best[i] = -INFINITY;
    for (size_t j = 0, m; j < c.d->n; j += m) {
        m = multiply_from(&c, j);
        job->exec->kernels->max_rows(c.best, c.dots, c.parts.stride, keep != NULL ? keep + j : NULL,
                                     m, c.n);
    }
    double sum = 0;
    for (size_t i = 0; i < c.n; i++)
        sum += (double)c.q->weights[i] * (double)c.best[i];
    job->scores[item] = (float)sum;
}

void wn_maxsim_cpu(wn_exec *exec, float *scores, const wn_query *const *queries,
                   const wn_doc_vectors *documents, size_t n)
{
    late_job job = {.exec = exec, .documents = documents, .queries = queries, .scores = scores};
    wn_pool_run(exec->pool, n, maxsim_item, &job);
}

/* Take row j of products where it is larger than what was seen. */
static void take_nearer(wn_nearest *nearest, const float *dots, size_t n, uint32_t j, bool first)
{
    for (size_t i = 0; i < n; i++) {
        if (first || dots[i] > nearest[i].dot)
            nearest[i] = (wn_nearest){j, dots[i]};
    }
}

static void nearest_item(void *arg, size_t item, int32_t worker)
{
    const late_job *job = arg;
    wn_nearest *nearest = job->nearest[item];
    if (nearest == NULL)
        return;
    comparison c = compare(job, item, worker);
    size_t n_seen = 0;
    for (size_t i = 0; i < c.n; i++)
        nearest[i] = (wn_nearest){UINT32_MAX, 0};
    for (size_t j = 0, m; j < c.d->n; j += m) {
        m = multiply_from(&c, j);
        for (size_t r = 0; r < m; r++) {
            if (c.d->keep == NULL || c.d->keep[j + r])
                take_nearer(nearest, c.dots + r * c.parts.stride, c.n, (uint32_t)(j + r),
                            n_seen++ == 0);
        }
    }
}

void wn_nearest_cpu(wn_exec *exec, wn_nearest *const *nearest, const wn_query *const *queries,
                    const wn_doc_vectors *documents, size_t n)
{
    late_job job = {.exec = exec, .documents = documents, .queries = queries, .nearest = nearest};
    wn_pool_run(exec->pool, n, nearest_item, &job);
}

static void keep_item(void *arg, size_t item, int32_t worker)
{
    const late_job *job = arg;
    unsigned char *out = job->kept[item];
    if (out == NULL)
        return;
    comparison c = compare(job, item, worker);
    size_t bytes = wn_vector_bytes(job->exec->kernels, c.d->dtype, c.d->dim), stride;
    for (size_t j = 0; j < c.d->n; j++, out += bytes)
        memcpy(out, rows_at(&c, j, 1, &stride), bytes);
}

void wn_keep_vectors_cpu(wn_exec *exec, void *const *kept, const wn_doc_vectors *documents,
                         size_t n)
{
    late_job job = {.exec = exec, .documents = documents, .kept = kept};
    wn_pool_run(exec->pool, n, keep_item, &job);
}
