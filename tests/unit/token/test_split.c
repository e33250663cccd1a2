/* Pre-tokenizers: behaviours, layouts and traps of the reference, and the hand-written scanners
 * against PCRE2 running the same expressions on random text. */
#include "tests/support/check.h"

#include "base/defs.h"
#include "base/str.h"
#include "data/unicode.h"
#include "token/pattern.h"
#include "token/split.h"

static wn_splitter *splitter_of(const char *json)
{
    wn_splitter *splitter = NULL;
    wn_error err;
    json_t *node = json_loads(json, 0, NULL);
    assert_non_null(node);
    assert_ok(wn_splitter_parse(&splitter, node, &err), &err);
    json_decref(node);
    return splitter;
}

/* Pre-tokens joined by '|'. */
static const char *cut(const wn_splitter *splitter, const char *text)
{
    static char out[4096];
    wn_error err;
    wn_text t = WN_TEXT_INIT;
    wn_spans spans = WN_SPANS_INIT;
    wn_split_scratch scratch = WN_SPLIT_SCRATCH_INIT;
    size_t n = 0;
    wn_text_clear(&t, true);
    assert_true(wn_text_push_original(&t, (wn_str){text, strlen(text)}, 0));
    assert_ok(wn_splitter_run(splitter, &t, true, &spans, &scratch, &err), &err);
    for (size_t i = 0; i < spans.count; i++) {
        wn_span s = spans.items[i];
        assert_true(s.start < s.end && s.end <= t.bytes.len);
        assert_true(n + s.end - s.start + 2 < sizeof out);
        if (i > 0)
            out[n++] = '|';
        memcpy(out + n, t.bytes.ptr + s.start, s.end - s.start);
        n += s.end - s.start;
    }
    out[n] = '\0';
    wn_text_deinit(&t);
    wn_spans_deinit(&spans);
    wn_split_scratch_deinit(&scratch);
    return out;
}

#define SPLIT(pattern, behavior, invert)                                                           \
    "{\"type\":\"Split\",\"pattern\":{\"String\":\"" pattern "\"},\"behavior\":\"" behavior        \
    "\",\"invert\":" invert "}"
#define QWEN                                                                                       \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{" \
    "L}\\\\p{N}]?"                                                                                 \
    "\\\\p{L}+|\\\\p{N}| "                                                                         \
    "?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\"},"       \
    "\"behavior\":\"Isolated\",\"invert\":false}"
#define META(scheme, split)                                                                        \
    "{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"" scheme                   \
    "\",\"split\":" split "}"

static void cuts_follow_the_reference(void **state)
{
    (void)state;
    const char *const cases[][3] = {
        {SPLIT("-", "Removed", "false"), "a-b--c-", "a|b|c"},
        {SPLIT("-", "Removed", "true"), "a-b--c-", "-|-|-|-"},
        {SPLIT("-", "Isolated", "false"), "a-b--c-", "a|-|b|-|-|c|-"},
        {SPLIT("-", "MergedWithPrevious", "false"), "a-b--c-", "a-|b-|-|c-"},
        {SPLIT("-", "MergedWithNext", "false"), "a-b--c-", "a|-b|-|-c|-"},
        {SPLIT("-", "Contiguous", "false"), "a-b--c-", "a|-|b|--|c|-"},
        {"{\"type\":\"BertPreTokenizer\"}", " don't  stop\u3002", "don|'|t|stop|\u3002"},
        {"{\"type\":\"WhitespaceSplit\"}", " a\u00A0b\tc ", "a|b|c"},
        {"{\"type\":\"Whitespace\"}", "it's a_b, ok...", "it|'|s|a_b|,|ok|..."},
        {"{\"type\":\"Digits\",\"individual_digits\":true}", "ab12c", "ab|1|2|c"},
        {"{\"type\":\"Digits\",\"individual_digits\":false}", "ab12c3", "ab|12|c|3"},
        {"{\"type\":\"Punctuation\"}", "a,b!!", "a|,|b|!|!"},
        {"{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}", "a,b!!", "a|,|b|!!"},
        {META("always", "true"), "a b  c", "_a|_b|_|_c"},
        {META("always", "true"), " a", "_a"},
        {META("never", "true"), "a b", "a|_b"},
        {META("first", "true"), "a b", "_a|_b"},
        {META("always", "false"), "a b", "_a_b"},
        {"{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"}," META(
             "always", "true") "]}",
         " a  b ", "_a|_b"},
        {"{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"}," META(
             "first", "true") "]}",
         "a b", "_a|b"},
        {"{\"type\":\"ByteLevel\",\"add_prefix_space\":false}", "x   y", "x|\u0120\u0120|\u0120y"},
        {"{\"type\":\"ByteLevel\",\"add_prefix_space\":true}", "it's 42", "\u0120it|'s|\u012042"},
        {"{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":false}", " a b",
         "\u0120a\u0120b"},
        {QWEN, "x \r\n y", "x| \r\n| y"},
        {QWEN, "a_b 1234", "a|_b| |1|2|3|4"},
        {QWEN, "it'\u017F'LL", "it|'\u017F|'LL"},
        {QWEN, "\u3000x", "\u3000x"},
        {"null", "a b", "a b"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_splitter *splitter = NULL;
        wn_error err;
        json_t *node = json_loads(cases[i][0], JSON_DECODE_ANY, NULL);
        assert_non_null(node);
        assert_ok(wn_splitter_parse(&splitter, node, &err), &err);
        assert_string_equal(cut(splitter, cases[i][1]), cases[i][2]);
        json_decref(node);
        wn_splitter_free(splitter);
    }
}

static uint64_t random_state = 88172645463325252u;
static size_t random_below(size_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % n);
}

/* Characters whose class is the same in Unicode 14 and 16; spaces, quotes and contractions often.
 */
static size_t random_text(char *text, size_t n_chars)
{
    static const uint32_t pool[] = {
        ' ',    ' ',    ' ',    '\n',    '\r',    '\t',   0x0B,   0xA0,  0x85,  0x3000, 0x2028,
        0xFEFF, 0x200B, '\'',   '\'',    's',     'S',    't',    'T',   'r',   'e',    'v',
        'l',    'L',    'm',    'd',     'a',     'Z',    '0',    '9',   '7',   '_',    '-',
        '.',    '!',    '<',    '*',     '%',     '&',    '#',    '@',   '$',   '+',    0xE9,
        0xDF,   0x416,  0x17F,  0x212A,  0xBD,    0xB2,   0x2167, 0x661, 0x301, 0x93F,  0x915,
        0x4E2D, 0x3042, 0xAC00, 0x1F44D, 0x1F3FD, 0x20AC, 0x221E, 0xAD,  0x1,   0xE000,
    };
    size_t n = 0;
    for (size_t i = 0; i < n_chars; i++)
        n += wn_utf8_encode(text + n, pool[random_below(WN_ARRAY_LEN(pool))]);
    text[n] = '\0';
    return n;
}

static wn_pattern *pattern_of(const char *regex, bool foreign)
{
    char wrapped[512];
    wn_pattern *pattern = NULL;
    wn_error err;
    snprintf(wrapped, sizeof wrapped, foreign ? "(?:%s)" : "%s", regex);
    json_t *node = json_pack("{s:s}", "Regex", wrapped);
    assert_ok(wn_pattern_parse(&pattern, node, "pattern", &err), &err);
    assert_true(wn_pattern_is_foreign(pattern) == foreign);
    json_decref(node);
    return pattern;
}

static void scanners_equal_pcre2_on_random_text(void **state)
{
    (void)state;
    static const char *const regexes[] = {
        "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| "
        "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
        "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
        "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
        "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        "[\\p{L}\\p{M}]+|\\p{N}+|[\\p{S}*%&#@]",
    };
    for (size_t r = 0; r < WN_ARRAY_LEN(regexes); r++) {
        wn_pattern *own = pattern_of(regexes[r], false), *pcre = pattern_of(regexes[r], true);
        void *match = NULL;
        size_t n_matches = 0;
        for (size_t turn = 0; turn < 20000; turn++) {
            char text[256];
            size_t n = random_text(text, 1 + random_below(24));
            wn_finder a, b;
            wn_error err;
            wn_str s = {text, n};
            assert_ok(wn_finder_begin(&a, own, s, NULL, &err), &err);
            assert_ok(wn_finder_begin(&b, pcre, s, &match, &err), &err);
            for (bool found_a = true, found_b; found_a;) {
                wn_span x = {0, 0}, y = {0, 0};
                assert_ok(wn_finder_next(&a, &found_a, &x, &err), &err);
                assert_ok(wn_finder_next(&b, &found_b, &y, &err), &err);
                if (found_a != found_b || x.start != y.start || x.end != y.end)
                    fail_msg("pattern %zu on '%s': [%u,%u), PCRE2 [%u,%u)", r, text, x.start, x.end,
                             y.start, y.end);
                n_matches += found_a;
            }
        }
        printf("# pattern %zu: %zu matches equal\n", r, n_matches);
        wn_finder_match_free(match);
        wn_pattern_free(own);
        wn_pattern_free(pcre);
    }
}

static void foreign_pattern_runs_with_limits(void **state)
{
    (void)state;
    wn_splitter *words =
        splitter_of("{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[a-z]+(?=x)|\\\\d\"},"
                    "\"behavior\":\"Isolated\",\"invert\":false}");
    assert_string_equal(cut(words, "abx1c"), "ab|x|1|c");
    wn_splitter_free(words);
    wn_splitter *slow = splitter_of("{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a+)+$\"},"
                                    "\"behavior\":\"Isolated\",\"invert\":false}");
    char text[64];
    memset(text, 'a', 60);
    text[60] = 'b';
    wn_text t = WN_TEXT_INIT;
    wn_spans spans = WN_SPANS_INIT;
    wn_split_scratch scratch = WN_SPLIT_SCRATCH_INIT;
    wn_error err;
    wn_text_clear(&t, false);
    assert_true(wn_text_push_original(&t, (wn_str){text, 61}, 0));
    assert_fails(wn_splitter_run(slow, &t, true, &spans, &scratch, &err), WN_ERR_LIMIT, &err,
                 "(a+)+$");
    wn_text_deinit(&t);
    wn_spans_deinit(&spans);
    wn_split_scratch_deinit(&scratch);
    wn_splitter_free(slow);
}

static void unknown_and_malformed_steps_are_named(void **state)
{
    (void)state;
    const struct {
        const char *json;
        wn_status status;
        const char *part;
    } cases[] = {
        {"{\"type\":\"Jieba\"}", WN_ERR_UNSUPPORTED, "'Jieba'"},
        {"{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"},\"behavior\":\"Isolated\",\"invert\":"
         "false}",
         WN_ERR_UNSUPPORTED, "pre_tokenizer.pattern"},
        {"{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"},\"behavior\":\"Maybe\"}", WN_ERR_FORMAT,
         "'Maybe'"},
        {"{\"type\":\"Split\",\"behavior\":\"Isolated\"}", WN_ERR_FORMAT, "pre_tokenizer.pattern"},
        {"{\"type\":\"Metaspace\",\"replacement\":\"ab\"}", WN_ERR_FORMAT, "'ab'"},
        {"{\"type\":\"Metaspace\",\"replacement\":\"_\",\"add_prefix_space\":false}", WN_ERR_FORMAT,
         "add_prefix_space"},
        {"{\"type\":\"ByteLevel\"}", WN_ERR_FORMAT, "add_prefix_space"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_splitter *splitter = NULL;
        wn_error err;
        json_t *node = json_loads(cases[i].json, 0, NULL);
        assert_fails(wn_splitter_parse(&splitter, node, &err), cases[i].status, &err,
                     cases[i].part);
        json_decref(node);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_follow_the_reference),
        cmocka_unit_test(scanners_equal_pcre2_on_random_text),
        cmocka_unit_test(foreign_pattern_runs_with_limits),
        cmocka_unit_test(unknown_and_malformed_steps_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
