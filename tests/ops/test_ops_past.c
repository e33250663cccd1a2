/* Sequences that go on from a past: the same bits as when they are read whole, whatever the dtype,
 * wherever the past ends. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "compute/ops.h"
#include "tests/support/check_levels.h"

enum { HEADS = 4, KV = 2, DIM = 16, WIDTH = (HEADS + 2 * KV) * DIM, WHOLE = 560, LAYER = 1 };

static const wn_attention attention = {.n_heads = HEADS,
                                       .n_kv_heads = KV,
                                       .head_dim = DIM,
                                       .scale = 0.3f,
                                       .causal = true,
                                       .layer = LAYER};

static wn_exec *new_exec(const wn_kernels *kernels, const wn_gemm *gemm, wn_pool *pool)
{
    const wn_dims dims = {.hidden = HEADS * DIM,
                          .n_heads = HEADS,
                          .n_kv_heads = KV,
                          .head_dim = DIM,
                          .up = 80,
                          .intermediate = 40,
                          .out_dim = 1,
                          .max_tokens = WHOLE,
                          .n_layers = LAYER + 1,
                          .past_tokens = WHOLE};
    wn_exec *exec = NULL;
    wn_plan plan;
    wn_error err;
    assert_ok(wn_plan_make(&plan, &dims, kernels, gemm, 3, 3 * WHOLE, &err), &err);
    assert_ok(wn_exec_new(&exec, &plan, kernels, pool, &err), &err);
    return exec;
}

/* Two sequences: the second begins with a past of n_past tokens in the middle of the memory, the
 * first with nothing. */
static void check_split(wn_exec *exec, size_t n_past, const char *dtype)
{
    const wn_ops *ops = wn_exec_ops(exec);
    const uint32_t n_first = 7, n_own = (uint32_t)(WHOLE - n_past);
    wn_exec_reset(exec);
    wn_tensor qkv = wn_exec_tensor(exec, WHOLE, WIDTH);
    wn_tensor y = wn_exec_tensor(exec, WHOLE, HEADS * DIM);
    wn_tensor z = wn_exec_tensor(exec, WHOLE + n_first, HEADS * DIM);
    wn_tensor both = wn_exec_tensor(exec, n_first + n_own, WIDTH);
    const uint32_t whole_start[] = {0, WHOLE}, past_seq[] = {0, (uint32_t)n_past};
    const uint32_t starts[] = {0, n_first, n_first + n_own};
    const uint32_t at[] = {0, (uint32_t)(n_past > 200 ? 0 : 30)}, lens[] = {0, (uint32_t)n_past};
    wn_batch whole = {.n_seqs = 1, .n_tokens = WHOLE, .seq_start = whole_start};
    check_random(qkv.data, WHOLE * WIDTH, 1);
    ops->attention(exec, &y, &qkv, &whole, &attention);
    wn_batch kept = {.n_seqs = 1,
                     .n_tokens = n_past,
                     .seq_start = past_seq,
                     .past = wn_exec_past(exec),
                     .past_start = &at[1]};
    wn_tensor beginning = wn_tensor_of(qkv.data, n_past, WIDTH);
    ops->keep_past(exec, &beginning, &kept, &attention);
    check_random(both.data, n_first * WIDTH, 1);
    memcpy(both.data + n_first * WIDTH, qkv.data + n_past * WIDTH, n_own * WIDTH * sizeof(float));
    wn_batch rest = {.n_seqs = 2,
                     .n_tokens = n_first + n_own,
                     .seq_start = starts,
                     .past = wn_exec_past(exec),
                     .past_start = at,
                     .past_len = lens};
    wn_tensor out = wn_tensor_of(z.data, n_first + n_own, HEADS * DIM);
    ops->attention(exec, &out, &both, &rest, &attention);
    if (memcmp(z.data + n_first * HEADS * DIM, y.data + n_past * HEADS * DIM,
               n_own * HEADS * DIM * sizeof(float)) != 0)
        fail_msg("%s: other bits behind a past of %zu tokens", dtype, n_past);
    wn_attention last = attention;
    last.rows = WN_ROWS_LAST;
    out.rows = 2;
    ops->attention(exec, &out, &both, &rest, &last);
    if (memcmp(z.data + HEADS * DIM, y.data + (WHOLE - 1) * HEADS * DIM,
               HEADS * DIM * sizeof(float)) != 0)
        fail_msg("%s: other bits of the last row alone behind a past of %zu tokens", dtype, n_past);
}

static void check_level(const wn_kernels *kernels)
{
    static const size_t pasts[] = {1, 15, 100, 255, 256, 257, 300, 511, 512, 559};
    static const struct {
        const char *name;
        wn_dtype dtype;
    } dtypes[] = {{"f32", WN_DTYPE_F32}, {"bf16", WN_DTYPE_BF16}, {"int8", WN_DTYPE_I8}};
    wn_pool *pool = NULL;
    wn_error err;
    assert_ok(wn_pool_new(&pool, 3, &err), &err);
    for (size_t d = 0; d < WN_ARRAY_LEN(dtypes); d++) {
        const wn_gemm *gemm = wn_kernels_gemm(kernels, dtypes[d].dtype);
        if (gemm == NULL)
            continue;
        wn_exec *exec = new_exec(kernels, gemm, pool);
        for (size_t i = 0; i < WN_ARRAY_LEN(pasts); i++)
            check_split(exec, pasts[i], dtypes[d].name);
        wn_exec_free(exec);
    }
    wn_pool_free(pool);
}

static void rows_behind_a_past_have_the_bits_of_the_whole_sequence(void **state)
{
    (void)state;
    check_levels(check_level);
}

/* Heads turn by their place in the whole. */
static void check_places(const wn_kernels *kernels)
{
    enum { PAST = 9, OWN = 5 };
    const uint32_t whole_start[] = {0, PAST + OWN}, own_start[] = {0, OWN}, at[] = {0},
                   lens[] = {PAST};
    wn_exec *exec = new_exec(kernels, kernels->gemm_f32, NULL);
    wn_rotary rotary;
    wn_error err;
    assert_ok(wn_rotary_init(&rotary, 10000, 1, DIM, WHOLE, &err), &err);
    const wn_head_turn turn = {.rotary = &rotary};
    wn_tensor x = wn_exec_tensor(exec, PAST + OWN, WIDTH), y = wn_exec_tensor(exec, OWN, WIDTH);
    check_random(x.data, (PAST + OWN) * WIDTH, 1);
    memcpy(y.data, x.data + PAST * WIDTH, OWN * WIDTH * sizeof(float));
    wn_batch whole = {.n_seqs = 1, .n_tokens = PAST + OWN, .seq_start = whole_start};
    wn_batch own = {.n_seqs = 1,
                    .n_tokens = OWN,
                    .seq_start = own_start,
                    .past = wn_exec_past(exec),
                    .past_start = at,
                    .past_len = lens};
    wn_exec_ops(exec)->turn_heads(exec, &x, &whole, &attention, &turn);
    wn_exec_ops(exec)->turn_heads(exec, &y, &own, &attention, &turn);
    assert_memory_equal(y.data, x.data + PAST * WIDTH, OWN * WIDTH * sizeof(float));
    wn_rotary_deinit(&rotary);
    wn_exec_free(exec);
}

static void heads_behind_a_past_turn_by_their_place_in_the_whole(void **state)
{
    (void)state;
    check_levels(check_places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_behind_a_past_have_the_bits_of_the_whole_sequence),
        cmocka_unit_test(heads_behind_a_past_turn_by_their_place_in_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
