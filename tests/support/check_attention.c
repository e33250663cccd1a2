/* See check_attention.h. */
#include "tests/support/check.h"
#include "tests/support/check_attention.h"

#include <math.h>

#define KEYS_MAX 1024

/* Does query row i see key j? */
static bool sees(const wn_attention *a, size_t i, size_t j)
{
    size_t away = i > j ? i - j : j - i;
    return (!a->causal || j <= i) && (a->window == 0 || away <= a->window);
}

/* What a distance adds to a score, before the scale. */
static double by_distance(const wn_attention *a, const check_places *places, const float *q,
                          const float *k, size_t i, size_t j, size_t head)
{
    const wn_relative *r = a->relative;
    size_t b = (size_t)r->bucket[r->n_places - 1 + j - i];
    size_t at = head * r->n_buckets + b;
    double sum = r->by_head != NULL ? (double)r->by_head[at] : 0;
    for (size_t p = 0; p < a->head_dim; p++) {
        if (r->keys != NULL)
            sum += (double)q[p] * (double)places->keys[at * a->head_dim + p];
        if (r->queries != NULL)
            sum += (double)k[p] * (double)places->queries[at * a->head_dim + p];
    }
    return sum;
}

void check_attention_row(double *out, const wn_tensor *qkv, const wn_attention *a, size_t first,
                         size_t n_keys, size_t row, size_t head, const check_places *places)
{
    size_t d = a->head_dim, kv = head / (a->n_heads / a->n_kv_heads);
    const float *base = qkv->data + first * qkv->cols, *q = base + row * qkv->cols + head * d;
    const float *keys = base + (a->n_heads + kv) * d, *values = keys + a->n_kv_heads * d;
    double weights[KEYS_MAX], top = -INFINITY, sum = 0;
    assert_true(n_keys <= KEYS_MAX && qkv->cols == wn_attention_width(a));
    for (size_t j = 0; j < n_keys; j++) {
        weights[j] = 0;
        for (size_t p = 0; p < d; p++)
            weights[j] += (double)q[p] * (double)keys[j * qkv->cols + p] * (double)a->scale;
        if (a->relative != NULL)
            weights[j] +=
                by_distance(a, places, q, keys + j * qkv->cols, row, j, head) * (double)a->scale;
        if (a->slopes != NULL)
            weights[j] -= (double)a->slopes[head] * fabs((double)row - (double)j);
        if (!sees(a, row, j))
            weights[j] = -INFINITY;
        top = fmax(top, weights[j]);
    }
    for (size_t j = 0; j < n_keys; j++)
        sum += weights[j] = isfinite(top) ? exp(weights[j] - top) : 0;
    for (size_t p = 0; p < d; p++) {
        out[p] = 0;
        for (size_t j = 0; j < n_keys && sum > 0; j++)
            out[p] += weights[j] / sum * (double)values[j * qkv->cols + p];
    }
}
