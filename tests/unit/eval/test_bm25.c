/* Terms and BM25 scores against the reference script and against values worked out by hand. */
#include "tests/support/check.h"

#include "base/str.h"
#include "eval/bm25.h"
#include "eval/terms.h"

#include <math.h>

/* The terms of the text with a blank behind each. */
static void assert_terms(const char *text, const char *want)
{
    wn_error err = {0};
    wn_buf terms = WN_BUF_INIT;
    assert_ok(wn_terms_push(&terms, wn_str_from(text), &err), &err);
    for (size_t i = 0; i < terms.len; i++)
        terms.ptr[i] = terms.ptr[i] == '\n' ? ' ' : terms.ptr[i];
    wn_buf_push_byte(&terms, '\0');
    assert_string_equal(terms.ptr, want);
    wn_buf_deinit(&terms);
}

static void words_are_runs_of_letters_marks_and_numbers(void **state)
{
    (void)state;
    assert_terms("", "");
    assert_terms(" .,!\t", "");
    assert_terms("Don't stop-at 3.14, snake_case!", "don t stop at 3 14 snake case ");
    assert_terms("na\xC3\xAFve na\x69\xCC\x88ve", "na\xC3\xAFve na\xC3\xAFve ");
    assert_terms("\xE0\xA4\xB9\xE0\xA4\xBF\xE0\xA4\xA8\xE0\xA5\x8D",
                 "\xE0\xA4\xB9\xE0\xA4\xBF\xE0\xA4\xA8\xE0\xA5\x8D ");
}

static void compatibility_forms_are_resolved(void **state)
{
    (void)state;
    assert_terms("\xEF\xAC\x81x \xE2\x91\xA0 \xEF\xBC\xA1",
                 "fix 1 a "); /* fi ligature, (1), wide A */
    assert_terms("x\xC2\xB2", "x2 ");
}

static void case_is_folded_as_unicode_says(void **state)
{
    (void)state;
    assert_terms("\xC3\x84RGER \xD0\x96", "\xC3\xA4rger \xD0\xB6 ");
    assert_terms("\xC4\xB0", "i\xCC\x87 ");
    assert_terms("\xCE\x9F\xCE\xA3 \xCE\xA3\xCE\x9F \xCE\xA3",
                 "\xCE\xBF\xCF\x82 \xCF\x83\xCE\xBF \xCF\x83 ");
}

static void scripts_without_blanks_give_pairs(void **state)
{
    (void)state;
    assert_terms("\xE6\x9D\xB1", "\xE6\x9D\xB1 ");
    assert_terms("\xE6\x9D\xB1\xE4\xBA\xAC\xE9\x83\xBD",
                 "\xE6\x9D\xB1\xE4\xBA\xAC \xE4\xBA\xAC\xE9\x83\xBD ");
    assert_terms("GPU\xE3\x81\xA8"
                 "2\xE6\x9D\xB1\xE4\xBA\xAC",
                 "gpu \xE3\x81\xA8 2 \xE6\x9D\xB1\xE4\xBA\xAC ");
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    wn_error err;
    wn_buf terms = WN_BUF_INIT;
    assert_fails(wn_terms_push(&terms, WN_STR("ab\xFF"), &err), WN_ERR_INPUT, &err, "3 bytes");
    wn_buf_deinit(&terms);
}

static void score_is_the_formula(void **state)
{
    (void)state;
    const wn_str texts[] = {WN_STR("cat cat dog"), WN_STR("dog"), WN_STR(""), WN_STR("a b c d e")};
    const size_t documents[] = {3, 0, 1, 2};
    double scores[4];
    wn_error err = {0};
    wn_bm25 *bm25 = NULL;
    assert_ok(wn_bm25_new(&bm25, texts, 4, &err), &err);
    assert_ok(wn_bm25_score(bm25, scores, WN_STR("Dog, cat! dog? unknown"), documents, 4, &err),
              &err);
    /* Lengths 3, 1, 0 (counts as 1), 5: the mean is 2.5.  idf(cat) = ln(1 + 3.5 / 1.5),
     * idf(dog) = ln(1 + 2.5 / 2.5). */
    double cat = log(1 + 3.5 / 1.5), dog = log(2), norm = 0.9 * (0.6 + 0.4 * 3 / 2.5);
    assert_near(scores[0], 0, 0);
    assert_near(scores[1], cat * 2 * 1.9 / (2 + norm) + 2 * dog * 1.9 / (1 + norm), 1e-12);
    assert_near(scores[2], 2 * dog * 1.9 / (1 + 0.9 * (0.6 + 0.4 * 1 / 2.5)), 1e-12);
    assert_near(scores[3], 0, 0);
    wn_bm25_free(bm25);
}

static void empty_collection_and_empty_query_score_nothing(void **state)
{
    (void)state;
    wn_error err = {0};
    wn_bm25 *bm25 = NULL;
    const wn_str text = WN_STR("...");
    const size_t document = 0;
    double score = 1;
    assert_ok(wn_bm25_new(&bm25, NULL, 0, &err), &err);
    assert_ok(wn_bm25_score(bm25, NULL, WN_STR("x"), NULL, 0, &err), &err);
    wn_bm25_free(bm25);
    assert_ok(wn_bm25_new(&bm25, &text, 1, &err), &err);
    assert_ok(wn_bm25_score(bm25, &score, WN_STR(""), &document, 1, &err), &err);
    assert_near(score, 0, 0);
    wn_bm25_free(bm25);
    wn_bm25_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_runs_of_letters_marks_and_numbers),
        cmocka_unit_test(compatibility_forms_are_resolved),
        cmocka_unit_test(case_is_folded_as_unicode_says),
        cmocka_unit_test(scripts_without_blanks_give_pairs),
        cmocka_unit_test(text_that_is_not_utf8_is_refused),
        cmocka_unit_test(score_is_the_formula),
        cmocka_unit_test(empty_collection_and_empty_query_score_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
