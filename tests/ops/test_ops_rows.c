/* The ops around the layers: embedding, pooling, normalizing, sum of maxima, on ragged batches,
 * with one thread and three; and attention over sequences longer than one work item. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "compute/ops.h"
#include "tests/support/check_attention.h"
#include "tests/support/check_levels.h"
#include "tests/tolerance.h"

#include <math.h>

enum { SEQS = 5, TOKENS = 611, DIM = 40, LONGEST = 590, VOCAB = 50 };
static const uint32_t start[SEQS + 1] = {0, 1, 8, 598, 610, 611};
static const uint32_t keys[SEQS] = {1, 5, 571, 12, 1};

/* The same op on one thread and on three. */
typedef struct pair {
    wn_pool *pool;
    wn_exec *one, *three;
} pair;

static pair begin(const wn_kernels *kernels, size_t n_heads)
{
    pair p = {0};
    wn_dims dims = {.hidden = DIM,
                    .n_heads = n_heads,
                    .n_kv_heads = n_heads,
                    .head_dim = DIM / n_heads,
                    .up = 64,
                    .intermediate = 64,
                    .out_dim = DIM,
                    .max_tokens = LONGEST};
    wn_plan plan;
    wn_error err;
    assert_ok(wn_pool_new(&p.pool, 3, &err), &err);
    assert_ok(wn_plan_make(&plan, &dims, kernels, kernels->gemm_f32, 3, TOKENS, &err), &err);
    assert_ok(wn_exec_new(&p.one, &plan, kernels, NULL, &err), &err);
    assert_ok(wn_exec_new(&p.three, &plan, kernels, p.pool, &err), &err);
    return p;
}

static void end(pair *p)
{
    wn_exec_free(p->one);
    wn_exec_free(p->three);
    wn_pool_free(p->pool);
}

static wn_batch whole_batch(void)
{
    return (wn_batch){.n_seqs = SEQS, .n_tokens = TOKENS, .seq_start = start, .n_keys = keys};
}

static void check_embed(const wn_kernels *kernels)
{
    static float word[VOCAB * DIM], position[(LONGEST + 2) * DIM], type[2 * DIM];
    static int32_t ids[TOKENS], types[TOKENS];
    pair p = begin(kernels, 1);
    wn_batch batch = whole_batch();
    wn_embedding e = {.word = {(unsigned char *)word, WN_DTYPE_F32, VOCAB, DIM},
                      .position = {(unsigned char *)position, WN_DTYPE_F32, LONGEST + 2, DIM},
                      .type = {(unsigned char *)type, WN_DTYPE_F32, 2, DIM},
                      .position_offset = 2};
    check_random(word, VOCAB * DIM, 1);
    check_random(position, (LONGEST + 2) * DIM, 1);
    check_random(type, 2 * DIM, 1);
    for (size_t t = 0; t < TOKENS; t++) {
        ids[t] = (int32_t)(t * 7 % VOCAB);
        types[t] = (int32_t)(t % 2);
    }
    batch.ids = ids;
    for (int variant = 0; variant < 5; variant++) {
        batch.types = variant == 0 ? types : NULL;
        e.scale = variant == 4 ? 5.5f : 0;
        e.pads_apart = variant == 3;
        e.position.rows = variant == 2 ? 0 : LONGEST + 2;
        e.type.rows = variant == 2 ? 0 : 2;
        wn_exec_reset(p.one);
        wn_exec_reset(p.three);
        wn_tensor y = wn_exec_tensor(p.one, TOKENS, DIM), z = wn_exec_tensor(p.three, TOKENS, DIM);
        wn_exec_ops(p.one)->embed(p.one, &y, &batch, &e);
        wn_exec_ops(p.three)->embed(p.three, &z, &batch, &e);
        assert_memory_equal(y.data, z.data, sizeof(float[TOKENS * DIM]));
        for (size_t s = 0; s < SEQS; s++) {
            size_t n_pads = 0;
            for (size_t i = 0; i < (start[s + 1] - start[s]) * DIM; i++) {
                size_t t = start[s] + i / DIM, j = i % DIM;
                bool pad = variant == 3 && ids[t] == 1;
                size_t at = pad ? 1 : i / DIM - n_pads + 2;
                n_pads += pad && j == DIM - 1;
                float want = word[(size_t)ids[t] * DIM + j];
                want += variant == 2 ? 0 : position[at * DIM + j];
                want += variant == 2 ? 0 : type[(variant == 0 ? t % 2 : 0) * DIM + j];
                want *= variant == 4 ? 5.5f : 1;
                assert_true(y.data[t * DIM + j] == want);
            }
        }
    }
    end(&p);
}

static void embedding_adds_word_position_and_type(void **state)
{
    (void)state;
    check_levels(check_embed);
}

static void check_pool(const wn_kernels *kernels)
{
    pair p = begin(kernels, 1);
    wn_batch batch = whole_batch();
    wn_tensor x = wn_exec_tensor(p.one, TOKENS, DIM), y = wn_exec_tensor(p.one, SEQS, DIM);
    wn_tensor z = wn_exec_tensor(p.three, SEQS, DIM);
    check_random(x.data, TOKENS * DIM, 1);
    const wn_pool_kind kinds[] = {WN_POOL_MEAN, WN_POOL_FIRST};
    for (size_t k = 0; k < 2; k++) {
        wn_exec_ops(p.one)->pool(p.one, &y, &x, &batch, kinds[k]);
        wn_exec_ops(p.three)->pool(p.three, &z, &x, &batch, kinds[k]);
        assert_memory_equal(y.data, z.data, sizeof(float[SEQS * DIM]));
        for (size_t i = 0; i < SEQS * DIM; i++) {
            size_t s = i / DIM, j = i % DIM, last = start[s] + keys[s] - 1;
            double mean = 0;
            for (size_t t = start[s]; t <= last; t++)
                mean += (double)x.data[t * DIM + j] / keys[s];
            if (kinds[k] == WN_POOL_MEAN)
                assert_true(fabs((double)y.data[i] - mean) < TOLERANCE_MEAN);
            else
                assert_true(y.data[i] == x.data[start[s] * DIM + j]);
        }
    }
    enum { PART = DIM - 3 };
    wn_tensor part = wn_tensor_of(y.data, SEQS, PART);
    memset(x.data, 0, sizeof(float[TOKENS * DIM]));
    wn_exec_ops(p.one)->put_rows(p.one, &x, &part, &batch, WN_ROWS_LAST);
    for (size_t i = 0; i < TOKENS * DIM; i++) {
        size_t t = i / DIM, s = wn_find_start(start, SEQS, t), j = i % DIM;
        bool is_there = t == start[s] + keys[s] - 1 && j < PART;
        assert_true(x.data[i] == (is_there ? y.data[s * PART + j] : 0));
    }
    end(&p);
}

static void pooling_takes_the_first_or_the_mean_of_the_keys_and_rows_are_put_back(void **state)
{
    (void)state;
    check_levels(check_pool);
}

static void check_normalize(const wn_kernels *kernels)
{
    pair p = begin(kernels, 1);
    wn_tensor x = wn_exec_tensor(p.one, TOKENS, DIM), y = wn_exec_tensor(p.three, TOKENS, DIM);
    check_random(x.data, TOKENS * DIM, 3);
    wn_exec_ops(p.three)->normalize(p.three, &y, &x);
    wn_exec_ops(p.one)->normalize(p.one, &x, &x);
    assert_memory_equal(x.data, y.data, sizeof(float[TOKENS * DIM]));
    for (size_t i = 0; i < TOKENS; i++) {
        double squares = 0;
        for (size_t j = 0; j < DIM; j++)
            squares += pow((double)x.data[i * DIM + j], 2);
        assert_true(fabs(squares - 1) < TOLERANCE_UNIT);
    }
    end(&p);
}

static void normalize_gives_every_row_length_one(void **state)
{
    (void)state;
    check_levels(check_normalize);
}

/* ---- documents beside queries ---------------------------------------------------------------- */

enum { NQ = 19 };

/* A query and documents of every length; of each three tokens one does not count. */
typedef struct late {
    wn_query query[2];
    const wn_query *queries[SEQS];
    wn_doc_vectors documents[SEQS];
    void *kept[SEQS];
    float q[NQ * DIM], weight[2][NQ];
    uint8_t keep[TOKENS];
} late;

static void drop_late(late *l)
{
    wn_mem_free(l->query[0].packed);
    for (size_t s = 0; s < SEQS; s++)
        wn_mem_free(l->kept[s]);
}

static void make_late(late *l, const wn_kernels *kernels, wn_exec *exec, const wn_tensor *d,
                      wn_dtype dtype)
{
    unsigned char *packed = wn_mem_aligned(wn_query_bytes(kernels, NQ, DIM));
    assert_non_null(packed);
    check_random(d->data, TOKENS * DIM, 1);
    check_random(l->q, NQ * DIM, 1);
    check_random(l->weight[0], 2 * NQ, 1);
    for (size_t t = 0; t < TOKENS; t++)
        l->keep[t] = t % 3 != 0;
    wn_exec_pack_query(exec, packed, l->q, NQ, DIM);
    for (size_t i = 0; i < 2; i++)
        l->query[i] = (wn_query){packed, l->weight[i], NQ};
    for (size_t s = 0; s < SEQS; s++) {
        size_t n = start[s + 1] - start[s];
        l->queries[s] = &l->query[s % 2];
        l->documents[s] = (wn_doc_vectors){.rows = d->data + start[s] * DIM,
                                           .n = n,
                                           .dim = DIM,
                                           .keep = l->keep + start[s],
                                           .dtype = dtype};
        /* All but one are kept, to the byte. */
        l->kept[s] = s == 1 ? NULL : wn_mem_alloc(n, wn_vector_bytes(kernels, dtype, DIM));
    }
}

/* Read the vectors that are kept from now on. */
static void forget_rows(late *l, const wn_tensor *d)
{
    for (size_t s = 0; s < SEQS; s++) {
        if (l->kept[s] == NULL)
            continue;
        l->documents[s].rows = l->kept[s];
        l->documents[s].kept = true;
        memset(d->data + start[s] * DIM, 0, (start[s + 1] - start[s]) * DIM * sizeof(float));
    }
}

static double dot_of(const late *l, const wn_tensor *d, size_t i, size_t t)
{
    double dot = 0;
    for (size_t j = 0; j < DIM; j++)
        dot += (double)l->q[i * DIM + j] * (double)d->data[t * DIM + j];
    return dot;
}

static double exact_maxsim(const late *l, const wn_tensor *d, size_t s)
{
    double sum = 0;
    for (size_t i = 0; i < NQ; i++) {
        double best = -INFINITY;
        for (size_t t = start[s]; t < start[s + 1]; t++)
            best = l->keep[t] ? fmax(best, dot_of(l, d, i, t)) : best;
        sum += isinf(best) ? 0 : (double)l->queries[s]->weights[i] * best;
    }
    return sum;
}

static void check_maxsim_of(const wn_kernels *kernels, wn_dtype dtype)
{
    pair p = begin(kernels, 1);
    wn_tensor d = wn_exec_tensor(p.one, TOKENS, DIM);
    const wn_ops *ops = wn_exec_ops(p.one);
    const double bound = dtype == WN_DTYPE_F32 ? TOLERANCE_MAXSIM : TOLERANCE_MAXSIM_I8;
    float scores[SEQS], again[SEQS];
    late l;
    make_late(&l, kernels, p.one, &d, dtype);
    ops->maxsim(p.one, scores, l.queries, l.documents, SEQS);
    for (size_t s = 0; s < SEQS; s++)
        assert_near((double)scores[s], exact_maxsim(&l, &d, s), bound);
    assert_true(scores[0] == 0); /* its only token does not count */
    ops->maxsim(p.three, again, l.queries, l.documents, SEQS);
    assert_memory_equal(scores, again, sizeof scores);
    ops->keep_vectors(p.three, l.kept, l.documents, SEQS);
    forget_rows(&l, &d);
    ops->maxsim(p.three, again, l.queries, l.documents, SEQS);
    assert_memory_equal(scores, again, sizeof scores);
    l.documents[2].n = 0;
    ops->maxsim(p.one, scores, l.queries, l.documents, SEQS);
    assert_true(scores[2] == 0);
    drop_late(&l);
    end(&p);
}

static void check_maxsim(const wn_kernels *kernels)
{
    check_maxsim_of(kernels, WN_DTYPE_F32);
    check_maxsim_of(kernels, WN_DTYPE_I8);
}

static void maxsim_scores_each_document_by_its_vectors_that_count(void **state)
{
    (void)state;
    check_levels(check_maxsim);
}

static void check_nearest_of(const wn_kernels *kernels, wn_dtype dtype)
{
    pair p = begin(kernels, 1);
    wn_tensor d = wn_exec_tensor(p.one, TOKENS, DIM);
    const wn_ops *ops = wn_exec_ops(p.one);
    const double bound = dtype == WN_DTYPE_F32 ? TOLERANCE_MAXSIM : TOLERANCE_MAXSIM_I8;
    float scores[SEQS];
    wn_nearest found[SEQS][NQ], again[SEQS][NQ], *to[SEQS], *to_again[SEQS];
    late l;
    make_late(&l, kernels, p.one, &d, dtype);
    memset(found, 0, sizeof found);
    memset(again, 0, sizeof again);
    for (size_t s = 0; s < SEQS; s++) {
        to[s] = s == 1 ? NULL : found[s];
        to_again[s] = s == 1 ? NULL : again[s];
    }
    ops->maxsim(p.one, scores, l.queries, l.documents, SEQS);
    ops->nearest(p.one, to, l.queries, l.documents, SEQS);
    for (size_t s = 0; s < SEQS; s++) {
        double sum = 0;
        for (size_t i = 0; i < NQ && s != 1; i++) {
            size_t t = start[s] + found[s][i].token;
            if (found[s][i].token == UINT32_MAX)
                continue;
            assert_true(t < start[s + 1] && l.keep[t]);
            assert_near((double)found[s][i].dot, dot_of(&l, &d, i, t), bound);
            sum += (double)l.queries[s]->weights[i] * (double)found[s][i].dot;
        }
        if (s != 1)
            assert_near(sum, (double)scores[s], TOLERANCE_MAXSIM);
    }
    assert_int_equal(found[0][0].token, UINT32_MAX); /* its only token does not count */
    assert_int_equal(found[1][0].token, 0);          /* nothing was written */
    ops->keep_vectors(p.one, l.kept, l.documents, SEQS);
    forget_rows(&l, &d);
    ops->nearest(p.three, to_again, l.queries, l.documents, SEQS);
    assert_memory_equal(found, again, sizeof found);
    drop_late(&l);
    end(&p);
}

static void check_nearest(const wn_kernels *kernels)
{
    check_nearest_of(kernels, WN_DTYPE_F32);
    check_nearest_of(kernels, WN_DTYPE_I8);
}

static void nearest_tokens_are_those_that_maxsim_adds_up(void **state)
{
    (void)state;
    check_levels(check_nearest);
}

/* ---- long sequences -------------------------------------------------------------------------- */

static void check_long_attention(const wn_kernels *kernels)
{
    const wn_attention a = {.n_heads = 2, .n_kv_heads = 2, .head_dim = DIM / 2, .scale = 0.3f};
    pair p = begin(kernels, a.n_heads);
    wn_batch batch = whole_batch();
    wn_tensor qkv = wn_exec_tensor(p.one, TOKENS, 3 * DIM), y = wn_exec_tensor(p.one, TOKENS, DIM);
    wn_tensor z = wn_exec_tensor(p.three, TOKENS, DIM);
    check_random(qkv.data, TOKENS * 3 * DIM, 1);
    wn_exec_ops(p.one)->attention(p.one, &y, &qkv, &batch, &a);
    wn_exec_ops(p.three)->attention(p.three, &z, &qkv, &batch, &a);
    assert_memory_equal(y.data, z.data, sizeof(float[TOKENS * DIM]));
    for (size_t s = 0; s < SEQS; s++) {
        for (size_t i = 0; i < start[s + 1] - start[s]; i += 1 + i / 5) {
            double want[DIM / 2];
            for (size_t j = 0; j < DIM; j++) {
                if (j % a.head_dim == 0)
                    check_attention_row(want, &qkv, &a, start[s], keys[s], i, j / a.head_dim, NULL);
                double got = (double)y.data[(start[s] + i) * DIM + j];
                assert_true(fabs(got - want[j % a.head_dim]) < TOLERANCE_ATTENTION);
            }
        }
    }
    const uint32_t alone_start[2] = {0, LONGEST};
    wn_batch alone = {
        .n_seqs = 1, .n_tokens = LONGEST, .seq_start = alone_start, .n_keys = &keys[2]};
    wn_tensor part = wn_tensor_of(qkv.data + start[2] * 3 * DIM, LONGEST, 3 * DIM),
              out = wn_tensor_of(z.data, LONGEST, DIM);
    wn_exec_ops(p.three)->attention(p.three, &out, &part, &alone, &a);
    assert_memory_equal(out.data, y.data + start[2] * DIM, sizeof(float[LONGEST * DIM]));
    end(&p);
}

static void attention_of_a_long_sequence_is_cut_without_a_trace(void **state)
{
    (void)state;
    check_levels(check_long_attention);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embedding_adds_word_position_and_type),
        cmocka_unit_test(pooling_takes_the_first_or_the_mean_of_the_keys_and_rows_are_put_back),
        cmocka_unit_test(normalize_gives_every_row_length_one),
        cmocka_unit_test(maxsim_scores_each_document_by_its_vectors_that_count),
        cmocka_unit_test(nearest_tokens_are_those_that_maxsim_adds_up),
        cmocka_unit_test(attention_of_a_long_sequence_is_cut_without_a_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
