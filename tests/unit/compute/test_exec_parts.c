/* Parts of a batch: threads take them where sequences can be dealt out evenly, and each finds in
 * its exec what a forward pass needs. */
#include "tests/support/check.h"

#include "compute/ops.h"
#include "tests/support/check_dims.h"

#include <pthread.h>

enum { THREADS = 3, TOKENS = 2304, SEQS_MAX = 64, PART_TOKENS = 256 };

typedef struct fixture {
    wn_pool *pool;
    wn_exec *exec;
} fixture;

static fixture begin(int32_t n_threads, size_t part_tokens)
{
    fixture f = {0};
    wn_plan plan;
    wn_error err;
    const char *reason;
    const wn_kernels *kernels = wn_kernels_get(NULL, &reason);
    assert_ok(wn_pool_new(&f.pool, n_threads, &err), &err);
    assert_ok(
        wn_plan_make(&plan, &mini, kernels, kernels->gemm_f32, (size_t)n_threads, TOKENS, &err),
        &err);
    plan.part_tokens = part_tokens; /* not what this machine's caches would make of it */
    assert_ok(wn_exec_new(&f.exec, &plan, kernels, f.pool, &err), &err);
    return f;
}

static void end(fixture *f)
{
    wn_exec_free(f->exec);
    wn_pool_free(f->pool);
}

/* A batch of sequences of these lengths whose arrays hold their own numbers. */
typedef struct sample {
    wn_batch batch;
    int32_t ids[TOKENS], types[TOKENS];
    uint32_t start[SEQS_MAX + 1], keys[SEQS_MAX], past_start[SEQS_MAX], past_len[SEQS_MAX];
} sample;

static void make_sample(sample *s, const uint32_t *lengths, size_t n)
{
    static const wn_past past;
    s->start[0] = 0;
    for (size_t i = 0; i < n; i++) {
        s->start[i + 1] = s->start[i] + lengths[i];
        s->keys[i] = lengths[i] - 1;
        s->past_start[i] = 100 + (uint32_t)i;
        s->past_len[i] = 200 + (uint32_t)i;
    }
    for (int32_t t = 0; t < TOKENS; t++) {
        s->ids[t] = t;
        s->types[t] = -t;
    }
    s->batch = (wn_batch){.n_seqs = n,
                          .n_tokens = s->start[n],
                          .ids = s->ids,
                          .types = s->types,
                          .seq_start = s->start,
                          .n_keys = s->keys,
                          .past = &past,
                          .past_start = s->past_start,
                          .past_len = s->past_len};
}

typedef struct visit {
    const sample *sample;
    wn_exec *whole;
    pthread_mutex_t lock;
    size_t n_calls, n_whole, most_seqs;
    int seen[SEQS_MAX];
} visit;

/* Take the tensors that plan.h lists and fill them with a number of the part's own. */
static void fill_tensors(wn_exec *exec, const wn_batch *part, float number)
{
    const size_t cols[] = {384, 384, 384, 3 * 384, 384, 96};
    wn_tensor t[WN_ARRAY_LEN(cols)];
    for (size_t i = 0; i < WN_ARRAY_LEN(cols); i++) {
        t[i] = wn_exec_tensor(exec, part->n_tokens, cols[i]);
        for (size_t j = 0; j < t[i].rows * t[i].cols; j++)
            t[i].data[j] = number;
    }
    for (size_t i = 0; i < 4; i++)
        (void)wn_exec_tensor(exec, part->n_seqs, 384);
    for (size_t i = 0; i < WN_ARRAY_LEN(cols); i++)
        for (size_t j = 0; j < t[i].rows * t[i].cols; j++)
            if (t[i].data[j] != number)
                fail_msg("tensor %zu of the part with %g was written by another", i, number);
}

static void see(void *arg, wn_exec *exec, const wn_batch *part, size_t first)
{
    visit *v = arg;
    const sample *s = v->sample;
    fill_tensors(exec, part, (float)first);
    pthread_mutex_lock(&v->lock);
    v->n_calls++;
    v->n_whole += exec == v->whole;
    v->most_seqs = WN_MAX(v->most_seqs, part->n_seqs);
    assert_int_equal(part->seq_start[0], 0);
    assert_int_equal(part->n_tokens, part->seq_start[part->n_seqs]);
    for (size_t i = 0; i < part->n_seqs; i++) {
        size_t seq = first + i, token = s->start[seq];
        v->seen[seq]++;
        assert_int_equal(part->seq_start[i + 1] - part->seq_start[i], s->start[seq + 1] - token);
        assert_int_equal(part->ids[part->seq_start[i]], token);
        assert_int_equal(part->types[part->seq_start[i]], -(int32_t)token);
        assert_int_equal(part->n_keys[i], s->keys[seq]);
        assert_int_equal(part->past_start[i], s->past_start[seq]);
        assert_int_equal(part->past_len[i], s->past_len[seq]);
    }
    pthread_mutex_unlock(&v->lock);
}

static visit run(fixture *f, const sample *s)
{
    visit v = {.sample = s, .whole = f->exec, .lock = PTHREAD_MUTEX_INITIALIZER};
    wn_exec_run_parts(f->exec, &s->batch, see, &v);
    for (size_t i = 0; i < s->batch.n_seqs; i++)
        assert_int_equal(v.seen[i], 1);
    return v;
}

static void even_sequences_are_dealt_out_to_threads(void **state)
{
    (void)state;
    static sample s;
    const struct {
        size_t part_tokens;
        uint32_t length, n, n_parts;
    } cases[] = {{256, 128, 12, 6}, {512, 128, 12, 3}, {256, 170, 12, 6}, {256, 512, 3, 3},
                 {512, 170, 12, 6}, {256, 16, 48, 3},  {256, 100, 3, 3},  {512, 100, 3, 3},
                 {256, 128, 3, 3},  {256, 250, 6, 6},  {512, 250, 6, 3}};
    for (size_t c = 0; c < WN_ARRAY_LEN(cases); c++) {
        fixture f = begin(THREADS, cases[c].part_tokens);
        uint32_t lengths[SEQS_MAX];
        for (size_t i = 0; i < cases[c].n; i++)
            lengths[i] = cases[c].length;
        make_sample(&s, lengths, cases[c].n);
        visit v = run(&f, &s);
        assert_int_equal(v.n_calls, cases[c].n_parts);
        assert_int_equal(v.n_whole, 0);
        end(&f);
    }
}

static void threads_share_what_cannot_be_dealt_out(void **state)
{
    (void)state;
    static sample s;
    static const uint32_t long_one[] = {400, 10, 10}, four[] = {90, 90, 90, 90}, two[] = {500, 500};
    const struct {
        const uint32_t *lengths;
        size_t n;
    } cases[] = {{long_one, 3}, {four, 4}, {two, 2}, {two, 1}};
    fixture f = begin(THREADS, PART_TOKENS);
    for (size_t c = 0; c < WN_ARRAY_LEN(cases); c++) {
        make_sample(&s, cases[c].lengths, cases[c].n);
        wn_exec_reset(f.exec);
        visit v = run(&f, &s);
        assert_int_equal(v.n_calls, 1);
        assert_int_equal(v.n_whole, 1);
    }
    end(&f);
}

static void parts_spare_the_tensors_before_them(void **state)
{
    (void)state;
    static sample s;
    uint32_t lengths[THREADS] = {200, 200, 200};
    fixture f = begin(THREADS, PART_TOKENS);
    make_sample(&s, lengths, THREADS);
    wn_tensor rows = wn_exec_tensor(f.exec, 600, 96);
    for (size_t i = 0; i < rows.rows * rows.cols; i++)
        rows.data[i] = (float)i;
    assert_int_equal(run(&f, &s).n_whole, 0);
    for (size_t i = 0; i < rows.rows * rows.cols; i++)
        assert_true(rows.data[i] == (float)i);
    end(&f);
}

static void note_exec(void *arg, wn_exec *exec, const wn_batch *part, size_t first)
{
    wn_exec **seen = arg;
    *seen = exec;
    assert_int_equal(first, 0);
    assert_int_equal(part->n_seqs, THREADS);
}

static void there_are_no_parts_without_room_for_them(void **state)
{
    (void)state;
    static sample s;
    uint32_t lengths[THREADS] = {200, 200, 200};
    wn_exec *seen = NULL;
    fixture f = begin(THREADS, PART_TOKENS);
    make_sample(&s, lengths, THREADS);
    (void)wn_exec_tensor(f.exec, TOKENS, 7 * 384);
    wn_exec_run_parts(f.exec, &s.batch, note_exec, &seen);
    assert_ptr_equal(seen, f.exec);
    end(&f);
}

static void one_thread_makes_groups_of_few_tokens(void **state)
{
    (void)state;
    static sample s;
    static const uint32_t lengths[] = {50, 50, 28, 1, 300, 64, 64};
    static const size_t ends[] = {3, 4, 5, 7};
    fixture one = begin(1, PART_TOKENS), three = begin(THREADS, PART_TOKENS);
    make_sample(&s, lengths, WN_ARRAY_LEN(lengths));
    visit v = run(&one, &s);
    assert_int_equal(v.n_whole, 1);
    assert_int_equal(wn_exec_group_end(three.exec, &s.batch, 0), s.batch.n_seqs);
    for (size_t first = 0, i = 0; first < s.batch.n_seqs; first = ends[i++]) {
        assert_int_equal(wn_exec_group_end(one.exec, &s.batch, first), ends[i]);
        wn_batch group = wn_exec_group(one.exec, &s.batch, first, ends[i]);
        assert_int_equal(group.n_seqs, ends[i] - first);
        assert_int_equal(group.n_tokens, s.start[ends[i]] - s.start[first]);
        assert_int_equal(group.ids[0], s.start[first]);
    }
    end(&one);
    end(&three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(even_sequences_are_dealt_out_to_threads),
        cmocka_unit_test(threads_share_what_cannot_be_dealt_out),
        cmocka_unit_test(parts_spare_the_tensors_before_them),
        cmocka_unit_test(there_are_no_parts_without_room_for_them),
        cmocka_unit_test(one_thread_makes_groups_of_few_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
