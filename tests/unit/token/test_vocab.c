/* Vocabulary, its trie and the cache of pre-tokens: what is put in is found, and nothing else. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "base/str.h"
#include "token/cache.h"
#include "token/vocab.h"

static wn_error err;

static int32_t add(wn_vocab *vocab, wn_str piece, uint32_t id)
{
    size_t at = vocab->bytes.len;
    int32_t old = 99;
    assert_true(wn_buf_push_str(&vocab->bytes, piece));
    assert_ok(wn_vocab_add(vocab, at, id, &old, &err), &err);
    return old;
}

static void pieces_are_found_by_id_and_by_text(void **state)
{
    (void)state;
    wn_vocab vocab;
    assert_ok(wn_vocab_init(&vocab, 16, &err), &err);
    assert_int_equal(add(&vocab, WN_STR("ab"), 5), -1);
    assert_int_equal(add(&vocab, WN_STR("abc"), 2), -1);
    assert_int_equal(add(&vocab, WN_STR(""), 0), -1);
    assert_int_equal(vocab.n_ids, 6);
    assert_int_equal(vocab.count, 3);
    assert_int_equal(wn_vocab_find(&vocab, WN_STR("ab")), 5);
    assert_int_equal(wn_vocab_find(&vocab, WN_STR("abc")), 2);
    assert_int_equal(wn_vocab_find(&vocab, WN_STR("")), 0);
    assert_int_equal(wn_vocab_find(&vocab, WN_STR("a")), -1);
    assert_int_equal(wn_vocab_find(&vocab, WN_STR("abcd")), -1);
    assert_true(wn_str_equal(wn_vocab_piece(&vocab, 2), WN_STR("abc")));
    assert_null(wn_vocab_piece(&vocab, 3).ptr);
    assert_null(wn_vocab_piece(&vocab, -1).ptr);
    assert_null(wn_vocab_piece(&vocab, 6).ptr);
    assert_int_equal(add(&vocab, WN_STR("ab"), 3), 5); /* the later id counts */
    assert_int_equal(wn_vocab_find(&vocab, WN_STR("ab")), 3);
    wn_vocab_deinit(&vocab);
}

/* Key number i: bytes of all values, of which many share a beginning. */
static wn_str key_of(char *bytes, uint32_t i)
{
    bytes[0] = (char)(i % 3);
    bytes[1] = (char)(i % 251);
    memcpy(bytes + 2, &i, sizeof i);
    return (wn_str){bytes, 2 + sizeof i};
}

static void a_trie_that_grows_keeps_every_key(void **state)
{
    (void)state;
    enum { N = 20000 };
    wn_trie trie;
    char bytes[8];
    assert_true(wn_trie_init(&trie, 0));
    for (uint32_t i = 0; i < N; i++) {
        int32_t old = 0;
        assert_true(wn_trie_put(&trie, key_of(bytes, i), (int32_t)i, &old));
        assert_int_equal(old, -1);
    }
    for (uint32_t i = 0; i < N; i++) {
        wn_str key = key_of(bytes, i);
        assert_int_equal(wn_trie_find(&trie, key), i);
        assert_int_equal(wn_trie_find(&trie, wn_str_slice(key, 0, 3)), -1);
        assert_int_not_equal(wn_trie_walk(&trie, WN_TRIE_ROOT, wn_str_slice(key, 0, 3)),
                             WN_TRIE_NONE);
    }
    for (uint32_t i = N; i < 2 * N; i++)
        assert_int_equal(wn_trie_find(&trie, key_of(bytes, i)), -1);
    assert_int_equal(wn_trie_walk(&trie, WN_TRIE_ROOT, WN_STR("\xFE")), WN_TRIE_NONE);
    wn_trie_deinit(&trie);
}

static void words_of_one_hash_take_the_slot_from_each_other(void **state)
{
    (void)state;
    wn_cache_slot *slots = wn_mem_aligned(WN_CACHE_SLOTS * sizeof *slots);
    const wn_token one[] = {{7, 0, 5}}, five[5] = {{0}};
    const uint32_t hash = 0x12345678;
    wn_cache_slot *slot = wn_cache_slot_of(slots, hash);
    assert_ptr_equal(slot, wn_cache_slot_of(slots, hash + WN_CACHE_SLOTS));
    wn_cache_keep(slot, WN_STR("first"), hash, one, 1);
    assert_true(wn_cache_hit(slot, WN_STR("first"), hash));
    assert_int_equal(slot->ids[0], 7);
    assert_false(wn_cache_hit(slot, WN_STR("other"), hash));
    assert_false(wn_cache_hit(slot, WN_STR("firs"), hash));
    wn_cache_keep(slot, WN_STR("long!"), hash, five, 5); /* too many pieces to be kept */
    assert_true(wn_cache_hit(slot, WN_STR("first"), hash));
    wn_cache_keep(slot, WN_STR("other"), hash, one, 1);
    assert_true(wn_cache_hit(slot, WN_STR("other"), hash));
    assert_false(wn_cache_hit(slot, WN_STR("first"), hash));
    wn_mem_free(slots);
}

static void every_byte_and_the_length_count_in_the_hash(void **state)
{
    (void)state;
    char word[WN_CACHE_KEY + 1];
    memset(word, 'a', sizeof word);
    for (size_t len = 1; len <= WN_CACHE_KEY; len++) {
        uint32_t hash = wn_cache_hash((wn_str){word, len});
        if (len < WN_CACHE_KEY)
            assert_int_not_equal(hash, wn_cache_hash((wn_str){word, len + 1}));
        for (size_t i = 0; i < len; i++) {
            word[i] = 'b';
            assert_int_not_equal(hash, wn_cache_hash((wn_str){word, len}));
            word[i] = 'a';
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_found_by_id_and_by_text),
        cmocka_unit_test(a_trie_that_grows_keeps_every_key),
        cmocka_unit_test(words_of_one_hash_take_the_slot_from_each_other),
        cmocka_unit_test(every_byte_and_the_length_count_in_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
