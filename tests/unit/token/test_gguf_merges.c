/* The merges of a SentencePiece vocabulary: which there are, their order, and what bounds them. */
#include "tests/support/check.h"

#include "base/mem.h"
#include "base/str.h"
#include "token/gguf_merges.h"
#include "token/vocab.h"

#define M "\xE2\x96\x81"

static wn_error err;

static wn_scored_piece piece(const char *text, double score, int32_t id)
{
    return (wn_scored_piece){wn_str_from(text), score, id};
}

static void list_is(wn_scored_piece *pieces, size_t n, const char *want)
{
    wn_buf out = WN_BUF_INIT;
    assert_ok(wn_gguf_merges_push(&out, pieces, n, &err), &err);
    wn_buf_push_byte(&out, '\0');
    assert_string_equal(out.ptr, want);
    wn_buf_deinit(&out);
}

static void a_piece_is_made_of_each_two_that_spell_it(void **state)
{
    (void)state;
    wn_scored_piece pieces[] = {piece("ab", 0, 0),  piece("abc", -1, 1), piece("a", -2, 2),
                                piece("b", -3, 3),  piece("c", -4, 4),   piece("bc", -5, 5),
                                piece("xy", -6, 6), piece("", -7, 7)};
    list_is(pieces, WN_ARRAY_LEN(pieces),
            "[[\"a\",\"b\"],[\"ab\",\"c\"],[\"a\",\"bc\"],[\"b\",\"c\"]]");
    list_is(pieces, 0, "[]");
    wn_scored_piece alone[] = {piece("ab", 0, 0), piece("a", 0, 1)};
    list_is(alone, WN_ARRAY_LEN(alone), "[]");
}

/* The order of ids is neither that of scores nor that of the array. */
static void higher_scores_come_first_then_lower_ids(void **state)
{
    (void)state;
    wn_scored_piece pieces[] = {piece("aa", -9, 1), piece("ab", -2, 4), piece("ba", -0.0, 3),
                                piece("bb", 0, 2),  piece("a", 5, 5),   piece("b", -1e30, 0)};
    list_is(pieces, WN_ARRAY_LEN(pieces),
            "[[\"b\",\"b\"],[\"b\",\"a\"],[\"a\",\"b\"],[\"a\",\"a\"]]");
}

static void cuts_of_a_piece_are_in_the_order_of_their_left_ids(void **state)
{
    (void)state;
    wn_scored_piece pieces[] = {piece("aaaa", 0, 9), piece("a", 0, 7), piece("aaa", 0, 6),
                                piece("aa", 0, 8)};
    list_is(pieces, WN_ARRAY_LEN(pieces),
            "[[\"a\",\"aa\"],[\"aa\",\"a\"],[\"a\",\"a\"],[\"aaa\",\"a\"],[\"a\",\"aaa\"],"
            "[\"aa\",\"aa\"]]");
}

static void cuts_are_between_characters(void **state)
{
    (void)state;
    wn_scored_piece pieces[] = {piece(M M, 0, 0), piece(M, 0, 1), piece("\"\n", 0, 2),
                                piece("\"", 0, 3), piece("\n", 0, 4)};
    list_is(pieces, WN_ARRAY_LEN(pieces), "[[\"" M "\",\"" M "\"],[\"\\\"\",\"\\n\"]]");
}

static void refuses(wn_scored_piece *pieces, size_t n, const char *message)
{
    wn_buf out = WN_BUF_INIT;
    assert_fails(wn_gguf_merges_push(&out, pieces, n, &err), WN_ERR_LIMIT, &err, message);
    wn_buf_deinit(&out);
}

static void long_pieces_are_refused(void **state)
{
    (void)state;
    char text[WN_MERGED_PIECE_MAX + 1];
    memset(text, 'a', sizeof text);
    wn_scored_piece pieces[] = {{{text, WN_MERGED_PIECE_MAX}, 0, 3}, piece("a", 0, 4)};
    list_is(pieces, WN_ARRAY_LEN(pieces), "[]");
    pieces[0].text.len++;
    refuses(pieces, WN_ARRAY_LEN(pieces), "the piece with id 3 has 257 bytes, at most 256");
}

/* Pieces of WN_MERGED_PIECE_MAX bytes, each with its number in front. */
static void vocabularies_that_no_reader_takes_are_not_looked_at(void **state)
{
    (void)state;
    const size_t n = WN_VOCAB_BYTES_MAX / WN_MERGED_PIECE_MAX + 1;
    char *texts = wn_mem_zalloc(n, WN_MERGED_PIECE_MAX);
    wn_scored_piece *pieces = wn_mem_alloc(n, sizeof *pieces);
    assert_true(texts != NULL && pieces != NULL);
    for (size_t i = 0; i < n; i++) {
        char *text = texts + i * WN_MERGED_PIECE_MAX;
        snprintf(text, WN_MERGED_PIECE_MAX, "%zu", i);
        pieces[i] = (wn_scored_piece){{text, WN_MERGED_PIECE_MAX}, 0, (int32_t)i};
    }
    refuses(pieces, n, "pieces of over 16777215 bytes in all");
    wn_mem_free(pieces);
    wn_mem_free(texts);
}

/* All of a..ab..b: every cut of each is two others; 2 MB of pieces would have 280 MB of merges. */
static void vocabularies_in_which_every_cut_counts_are_bounded(void **state)
{
    (void)state;
    const size_t half = 128, n = half * half - 1;
    char text[2 * WN_MERGED_PIECE_MAX];
    memset(text, 'a', WN_MERGED_PIECE_MAX);
    memset(text + WN_MERGED_PIECE_MAX, 'b', WN_MERGED_PIECE_MAX);
    wn_scored_piece *pieces = wn_mem_alloc(n + 1, sizeof *pieces);
    assert_non_null(pieces);
    for (size_t i = 0; i <= n; i++) {
        size_t n_a = i / half, n_b = i % half;
        pieces[i] = (wn_scored_piece){{text + WN_MERGED_PIECE_MAX - n_a, n_a + n_b}, 0, (int32_t)i};
    }
    refuses(pieces + 1, n, "the merges of 16383 pieces have over 67108864 bytes");
    wn_mem_free(pieces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_piece_is_made_of_each_two_that_spell_it),
        cmocka_unit_test(higher_scores_come_first_then_lower_ids),
        cmocka_unit_test(cuts_of_a_piece_are_in_the_order_of_their_left_ids),
        cmocka_unit_test(cuts_are_between_characters),
        cmocka_unit_test(long_pieces_are_refused),
        cmocka_unit_test(vocabularies_that_no_reader_takes_are_not_looked_at),
        cmocka_unit_test(vocabularies_in_which_every_cut_counts_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
