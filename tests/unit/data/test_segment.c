/* Sentences and words by example, and what holds for any text. */
#include "tests/support/check.h"

#include "base/defs.h"
#include "base/str.h"
#include "data/segment.h"

/* The segments with bars between them. */
static void check(size_t (*cut)(wn_segment *, size_t, wn_str), size_t most, const char *text,
                  const char *want)
{
    wn_segment segments[64];
    char got[1024] = "";
    size_t n = cut(segments, most, wn_str_from(text)), at = 0;
    assert_true(n <= most);
    for (size_t i = 0; i < n; i++)
        at +=
            (size_t)snprintf(got + at, sizeof got - at, "%s%.*s", i > 0 ? "|" : "",
                             (int)(segments[i].end - segments[i].start), text + segments[i].start);
    assert_string_equal(got, want);
}

static void sentences_end_at_marks_that_white_space_follows(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {" \n\t ", ""},
        {"One", "One"},
        {"  One. Two!  Three?", "One.|Two!|Three?"},
        {"Version 3.14 of it.It goes on", "Version 3.14 of it.It goes on"},
        {"It is 5 p.m. in Rome. Late.", "It is 5 p.m. in Rome.|Late."},
        {"J. R. Doe came. He left.", "J. R. Doe came.|He left."},
        {"Really?! Yes... No", "Really?!|Yes...|No"},
        {"He said \"Go.\" She went (far.) Away", "He said \"Go.\"|She went (far.)|Away"},
        {"\xC3\x89t\xC3\xA9. \xC3\x89t\xC3\xA9. \xC3\xA9t\xC3\xA9.",
         "\xC3\x89t\xC3\xA9.|\xC3\x89t\xC3\xA9. \xC3\xA9t\xC3\xA9."},
        {"a line\r\nanother\n\n- third", "a line|another|- third"},
        {"what? yes! and", "what?|yes!|and"},
        {"...", "..."},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++)
        check(wn_segment_sentences, 64, cases[i][0], cases[i][1]);
}

static void ideographic_marks_end_a_sentence_at_once(void **state)
{
    (void)state;
    check(wn_segment_sentences, 64,
          "\xE4\xBB\x8A\xE6\x97\xA5\xE3\x80\x82\xE3\x80\x8C\xE8\xA1\x8C\xE3\x81\x8F\xEF\xBC\x9F"
          "\xE3\x80\x8D\xE3\x81\xAF",
          "\xE4\xBB\x8A\xE6\x97\xA5\xE3\x80\x82|\xE3\x80\x8C\xE8\xA1\x8C\xE3\x81\x8F\xEF\xBC\x9F"
          "\xE3\x80\x8D|\xE3\x81\xAF");
    check(wn_segment_sentences, 64, "\xE0\xA4\x95 \xE0\xA5\xA4 \xE0\xA4\x96",
          "\xE0\xA4\x95 \xE0\xA5\xA4|\xE0\xA4\x96");
}

static void words_are_runs_and_single_ideographs(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"-- ,", ""},
        {" don't 'stop' (x_1): e\xCC\x81t", "don't|stop|x_1|e\xCC\x81t"},
        {"x'", "x"},
        {"\xE4\xBB\x8A\xE6\x97\xA5\xE3\x81\x8F\xE3\x81\xAF\x61",
         "\xE4\xBB\x8A|\xE6\x97\xA5|\xE3\x81\x8F\xE3\x81\xAF\x61"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++)
        check(wn_segment_words, 64, cases[i][0], cases[i][1]);
}

static void too_many_are_put_together_evenly(void **state)
{
    (void)state;
    check(wn_segment_words, 3, "a, b, c, d, e, f, g", "a, b, c|d, e, f|g");
    check(wn_segment_words, 7, "a, b, c, d, e, f, g", "a|b|c|d|e|f|g");
    check(wn_segment_sentences, 1, "Aa. Bb. Cc.", "Aa. Bb. Cc.");
}

/* Of any text: in order, apart, inside, never empty, on borders of characters. */
static void segments_of_any_text_are_in_order_and_whole(void **state)
{
    (void)state;
    static const char *const atoms[] = {"a",
                                        "B",
                                        ".",
                                        "!",
                                        " ",
                                        "\n",
                                        "'",
                                        "\"",
                                        "1",
                                        "\xC3\xA9",
                                        "\xE3\x80\x82",
                                        "\xE4\xBB\x8A",
                                        "\xF0\x9F\x91\x8D",
                                        "\xCC\x81",
                                        "\xE2\x80\xA6",
                                        ")"};
    for (int round = 0; round < 20000; round++) {
        char text[128] = "";
        size_t n = check_random_below(20), len = 0;
        for (size_t i = 0; i < n; i++)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s",
                                    atoms[check_random_below(WN_ARRAY_LEN(atoms))]);
        for (int kind = 0; kind < 2; kind++) {
            wn_segment s[8];
            size_t most = 1 + check_random_below(8), end = 0;
            size_t count = kind == 0 ? wn_segment_sentences(s, most, (wn_str){text, len})
                                     : wn_segment_words(s, most, (wn_str){text, len});
            assert_true(count <= most);
            for (size_t i = 0; i < count; i++) {
                assert_true(s[i].start >= end && s[i].start < s[i].end && s[i].end <= len);
                assert_true(((unsigned char)text[s[i].start] & 0xC0) != 0x80);
                assert_true(s[i].end == len || ((unsigned char)text[s[i].end] & 0xC0) != 0x80);
                end = s[i].end;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_end_at_marks_that_white_space_follows),
        cmocka_unit_test(ideographic_marks_end_a_sentence_at_once),
        cmocka_unit_test(words_are_runs_and_single_ideographs),
        cmocka_unit_test(too_many_are_put_together_evenly),
        cmocka_unit_test(segments_of_any_text_are_in_order_and_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
