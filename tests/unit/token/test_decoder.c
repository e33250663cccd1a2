/* What no published tokenizer asks of a decoder: odd bytes, both ends stripped, mistakes by name.
 * The results of the reference are in test_goldens.c. */
#include "tests/support/check.h"

#include "base/defs.h"
#include "base/str.h"
#include "token/decoder.h"

#define SEQUENCE(steps) "{\"type\":\"Sequence\",\"decoders\":[" steps "]}"
#define REPLACEMENT     "\xEF\xBF\xBD"

static wn_error err;

static wn_status parse(wn_decoder **out, const char *json)
{
    json_t *node = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(node);
    wn_status status = wn_decoder_parse(out, node, &err);
    json_decref(node);
    return status;
}

static void check(const char *json, const char *const *pieces, const char *want)
{
    wn_decoder *decoder = NULL;
    wn_pieces at = WN_PIECES_INIT;
    assert_ok(parse(&decoder, json), &err);
    for (; *pieces != NULL; pieces++)
        wn_pieces_push(&at, wn_str_from(*pieces));
    assert_ok(wn_decoder_run(decoder, &at, &err), &err);
    wn_buf_push_byte(&at.bytes, '\0');
    assert_string_equal(at.bytes.ptr, want);
    wn_pieces_deinit(&at);
    wn_decoder_free(decoder);
}

#define CHECK(json, want, ...) check(json, (const char *const[]){__VA_ARGS__, NULL}, want)

static void broken_bytes_become_one_mark_for_each_longest_front_of_a_character(void **state)
{
    (void)state;
    /* Stand-ins: U+00E2 is byte E2, U+0124 is 82, U+00F0 is F0, U+0141 is 9F, U+00C3 is C3. */
    CHECK("{\"type\":\"ByteLevel\"}", "a" REPLACEMENT "b" REPLACEMENT "c", "a\xC3\xA2\xC4\xA4", "b",
          "\xC3\xB0\xC5\x81", "c");
    CHECK("{\"type\":\"ByteLevel\"}", REPLACEMENT REPLACEMENT "x", "\xC3\x83\xC3\x83", "x");
    CHECK("{\"type\":\"ByteFallback\"}", REPLACEMENT REPLACEMENT "x\xC3\xA9", "<0xE2>", "<0x82>",
          "x", "<0xC3>", "<0xA9>");
    CHECK("{\"type\":\"ByteFallback\"}", "<0xG0><0x411>A", "<0xG0>", "<0x411>", "<0x41>");
}

static void a_character_is_stripped_so_often_from_each_end(void **state)
{
    (void)state;
    CHECK("{\"type\":\"Strip\",\"content\":\"_\",\"start\":1,\"stop\":2}", "_a_x|yb|_", "__a",
          "__x|__", "_y", "b|___", "", "_");
}

static void mistakes_name_the_step(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        wn_status status;
        const char *message;
    } cases[] = {
        {"3", WN_ERR_FORMAT, "decoder: is an integer, expected an object"},
        {SEQUENCE("{\"type\":\"CTC\"}"), WN_ERR_UNSUPPORTED,
         "decoder.decoders[0]: decoder 'CTC' is not supported"},
        {"{\"type\":\"WordPiece\",\"cleanup\":true}", WN_ERR_FORMAT,
         "decoder.prefix: is missing, expected a string"},
        {"{\"type\":\"Metaspace\",\"replacement\":\"ab\"}", WN_ERR_FORMAT,
         "decoder.replacement: 'ab' is not one character"},
        {SEQUENCE("{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":-1}"),
         WN_ERR_FORMAT, "decoder.decoders[1].start: is -1, expected 0..2147483647"},
        {"{\"type\":\"Replace\",\"content\":\"x\",\"pattern\":{\"Regex\":\"a+?b\"}}",
         WN_ERR_UNSUPPORTED, "decoder.pattern: only literal patterns are supported in a decoder"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_decoder *decoder = NULL;
        assert_fails(parse(&decoder, cases[i].json), cases[i].status, &err, cases[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_bytes_become_one_mark_for_each_longest_front_of_a_character),
        cmocka_unit_test(a_character_is_stripped_so_often_from_each_end),
        cmocka_unit_test(mistakes_name_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
