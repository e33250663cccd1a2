/* Words of a model card: of its front matter by key (licences: test_license.c), and anywhere. */
#include "tests/support/check.h"

#include "base/str.h"
#include "data/card.h"

#define CARD                                                                                       \
    "---\nlibrary_name: transformers\npipeline_tag: \"text-ranking\"  # what it does\n---\n"

static void words_stand_behind_their_keys(void **state)
{
    (void)state;
    char out[WN_CARD_WORD_MAX + 1];
    assert_true(wn_card_find(out, WN_STR(CARD), WN_STR("pipeline_tag:")));
    assert_string_equal(out, "text-ranking");
    assert_true(wn_card_find(out, WN_STR("---\r\ntags:\r\n- a\r\nx: b\r\n"), WN_STR("tags:")));
    assert_string_equal(out, "a");
    assert_false(wn_card_find(out, WN_STR(CARD), WN_STR("tag:")));
    assert_false(
        wn_card_find(out, WN_STR("# A model\npipeline_tag: x\n"), WN_STR("pipeline_tag:")));
    assert_false(wn_card_find(out, WN_STR(CARD "license: x\n"), WN_STR("license:")));
    assert_false(wn_card_find(out, WN_STR("---\nlicense: two words\n"), WN_STR("license:")));
    assert_false(wn_card_find(out, (wn_str){NULL, 0}, WN_STR("license:")));
}

static void mentions_are_found_in_either_case_and_at_both_ends(void **state)
{
    (void)state;
    assert_true(wn_card_mentions(WN_STR("ReRanker"), "rerank"));
    assert_true(wn_card_mentions(WN_STR("a model to RERANK"), "rerank"));
    assert_false(wn_card_mentions(WN_STR("a model to reran"), "rerank"));
    assert_false(wn_card_mentions(WN_STR("re-ranking"), "rerank"));
    assert_false(wn_card_mentions((wn_str){NULL, 0}, "rerank"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_stand_behind_their_keys),
        cmocka_unit_test(mentions_are_found_in_either_case_and_at_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
