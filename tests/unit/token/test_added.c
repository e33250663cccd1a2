/* Added tokens: which text becomes which token, and which ids are refused. */
#include "tests/support/check.h"

#include "base/str.h"
#include "token/added.h"

static wn_error err;

#define TOKEN(id, content, options) "{\"id\":" id ",\"content\":\"" content "\"," options "}"
#define FLAGS(single, lstrip, rstrip, normalized, special)                                         \
    "\"single_word\":" single ",\"lstrip\":" lstrip ",\"rstrip\":" rstrip                          \
    ",\"normalized\":" normalized ",\"special\":" special
#define PLAIN FLAGS("false", "false", "false", "false", "false")

/* Parse with the vocabulary "x" = 0 and a normalizer that makes lower case. */
static wn_status parse(wn_added *added, const char *json)
{
    wn_vocab vocab;
    wn_normalizer *normalizer = NULL;
    json_t *lower = json_loads("{\"type\":\"Lowercase\"}", 0, NULL);
    json_t *node = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(node);
    assert_ok(wn_normalizer_parse(&normalizer, lower, &err), &err);
    assert_ok(wn_vocab_init(&vocab, 16, &err), &err);
    assert_true(wn_buf_push_byte(&vocab.bytes, 'x'));
    assert_ok(wn_vocab_add(&vocab, 0, 0, NULL, &err), &err);
    wn_status status = wn_added_parse(added, node, &vocab, normalizer, &err);
    wn_vocab_deinit(&vocab);
    wn_normalizer_free(normalizer);
    json_decref(node);
    json_decref(lower);
    return status;
}

/* Text with each hit as <id:text>. */
static const char *mark(const wn_added *added, const wn_matcher *matcher, const char *text,
                        bool plain_specials)
{
    static char out[256];
    wn_added_cursor cursor = {0};
    wn_added_hit hit;
    size_t n = 0;
    while (wn_added_next(added, matcher, wn_str_from(text), plain_specials, &cursor, &hit)) {
        n += (size_t)snprintf(out + n, sizeof out - n, "%.*s<%d:%.*s>",
                              (int)(hit.start - hit.before), text + hit.before, hit.id,
                              (int)(hit.end - hit.start), text + hit.start);
    }
    snprintf(out + n, sizeof out - n, "%s", text + cursor.done);
    return out;
}

static void hits_are_leftmost_and_longest_and_follow_the_flags(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"[" TOKEN("1", "ab", PLAIN) "," TOKEN("2", "abc", PLAIN) "," TOKEN("3", "bcd", PLAIN) "]",
         "abcd ab", "<2:abc>d <1:ab>"},
        {"[" TOKEN("1", "ab", FLAGS("true", "false", "false", "false", "false")) "]",
         "ab cab ab, abc \xC3\xA9"
         "ab",
         "<1:ab> cab <1:ab>, abc \xC3\xA9"
         "ab"},
        {"[" TOKEN("1", "ab", FLAGS("false", "true", "false", "false", "false")) "]",
         "c  \xE3\x80\x80"
         "ab c",
         "c<1:  \xE3\x80\x80"
         "ab> c"},
        {"[" TOKEN("1", "ab", FLAGS("false", "false", "true", "false", "false")) "]", "c ab \t c",
         "c <1:ab \t >c"},
        {"[" TOKEN("0", "x", PLAIN) "]", "axb", "a<0:x>b"},
        {"[]", "ab", "ab"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_added added;
        assert_ok(parse(&added, cases[i][0]), &err);
        assert_string_equal(mark(&added, &added.raw, cases[i][1], false), cases[i][2]);
        wn_added_deinit(&added);
    }
}

static void special_tokens_can_be_passed_over(void **state)
{
    (void)state;
    wn_added added;
    assert_ok(parse(&added, "[" TOKEN("1", "ab",
                                      FLAGS("false", "false", "false", "false",
                                            "true")) "," TOKEN("2", "cd", PLAIN) "]"),
              &err);
    assert_string_equal(mark(&added, &added.raw, "abcd", false), "<1:ab><2:cd>");
    assert_string_equal(mark(&added, &added.raw, "abcd", true), "ab<2:cd>");
    wn_added_deinit(&added);
}

static void normalized_tokens_are_looked_for_in_normalized_text(void **state)
{
    (void)state;
    wn_added added;
    assert_ok(parse(&added, "[" TOKEN("1", "AB",
                                      FLAGS("false", "false", "false", "true",
                                            "false")) "," TOKEN("2", "CD", PLAIN) "]"),
              &err);
    assert_string_equal(mark(&added, &added.raw, "ABCDab", false), "AB<2:CD>ab");
    assert_string_equal(mark(&added, &added.normalized, "ABcdab", false), "ABcd<1:ab>");
    wn_added_deinit(&added);
}

static void ids_and_fields_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "added_tokens: is an object, expected an array"},
        {"[3]", "added_tokens[0]: is an integer, expected an object"},
        {"[{\"id\":1}]", "added_tokens[0].content: is missing, expected a string"},
        {"[" TOKEN("-1", "ab", PLAIN) "]", "added_tokens[0].id: is -1, expected 0.."},
        {"[" TOKEN("2", "ab", PLAIN) "]", "'ab' has id 2, the vocabulary gives it 1"},
        {"[" TOKEN("1", "x", PLAIN) "]", "'x' has id 1, the vocabulary gives it 0"},
        {"[" TOKEN("1", "a", PLAIN) "," TOKEN("2", "a", PLAIN) "]",
         "added_tokens[1].id: 'a' has id 2, the vocabulary gives it 1"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_added added;
        wn_status status = parse(&added, cases[i][0]);
        assert_int_equal(status, WN_ERR_FORMAT);
        if (strstr(err.message, cases[i][1]) == NULL)
            fail_msg("'%s' does not contain '%s'", err.message, cases[i][1]);
        wn_added_deinit(&added);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hits_are_leftmost_and_longest_and_follow_the_flags),
        cmocka_unit_test(special_tokens_can_be_passed_over),
        cmocka_unit_test(normalized_tokens_are_looked_for_in_normalized_text),
        cmocka_unit_test(ids_and_fields_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
