/* Truncation of a pair by each strategy, and the templates that post-processors make. */
#include "tests/support/check.h"

#include "base/str.h"
#include "token/postprocess.h"
#include "token/tokenizer.h"

static wn_error err;

static void pairs_are_cut_as_the_reference_does(void **state)
{
    (void)state;
    static const struct {
        size_t n_a, n_b, max;
        wn_truncation strategy;
        bool ok;
        size_t left_a, left_b;
    } cases[] = {
        {3, 4, 7, WN_TRUNCATE_LONGEST_FIRST, true, 3, 4},
        {10, 5, 8, WN_TRUNCATE_LONGEST_FIRST, true, 4, 4},
        {10, 2, 8, WN_TRUNCATE_LONGEST_FIRST, true, 6, 2},
        {2, 10, 8, WN_TRUNCATE_LONGEST_FIRST, true, 2, 6},
        {9, 9, 7, WN_TRUNCATE_LONGEST_FIRST, true, 3, 4},
        {10, 9, 7, WN_TRUNCATE_LONGEST_FIRST, true, 4, 3},
        {10, 5, 0, WN_TRUNCATE_LONGEST_FIRST, true, 0, 0},
        {10, 5, 8, WN_TRUNCATE_ONLY_FIRST, true, 3, 5},
        {7, 10, 10, WN_TRUNCATE_ONLY_FIRST, false, 7, 10},
        {8, 10, 11, WN_TRUNCATE_ONLY_FIRST, true, 1, 10},
        {5, 10, 8, WN_TRUNCATE_ONLY_SECOND, true, 5, 3},
        {10, 5, 8, WN_TRUNCATE_ONLY_SECOND, false, 10, 5},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        size_t n_a = cases[i].n_a, n_b = cases[i].n_b;
        bool ok = wn_truncate(&n_a, &n_b, cases[i].max, cases[i].strategy);
        assert_int_equal(ok, cases[i].ok);
        assert_int_equal(n_a, cases[i].left_a);
        assert_int_equal(n_b, cases[i].left_b);
    }
}

#define TEMPLATE                                                                                   \
    "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"S\",\"type_id\":0}," \
    "\"x\":0}],\"pair\":[],\"special_tokens\":{}}"
#define BERT            "{\"type\":\"BertProcessing\",\"cls\":[\"C\",7],\"sep\":[\"S\",8]}"
#define BYTES           "{\"type\":\"ByteLevel\"}"
#define SEQUENCE(steps) "{\"type\":\"Sequence\",\"processors\":[" steps "]}"

static wn_status parse(wn_postprocessor *out, const char *json)
{
    json_t *node = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(node);
    wn_status status = wn_postprocessor_parse(out, node, &err);
    json_decref(node);
    return status;
}

static void a_sequence_gives_the_template_of_its_one_deciding_step(void **state)
{
    (void)state;
    static const char *const cases[] = {BERT, SEQUENCE(BYTES "," BERT),
                                        SEQUENCE(SEQUENCE(BERT) "," BYTES)};
    const wn_template_item want[] = {
        {7, 0}, {WN_SEQUENCE_A, 0}, {8, 0}, {WN_SEQUENCE_B, 1}, {8, 1}};
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_postprocessor out;
        assert_ok(parse(&out, cases[i]), &err);
        assert_int_equal(out.single.count, 3);
        assert_int_equal(out.single.n_special, 2);
        assert_int_equal(out.pair.count, 5);
        assert_int_equal(out.pair.n_special, 3);
        assert_memory_equal(out.single.items, want, 3 * sizeof *want);
        assert_memory_equal(out.pair.items, want, sizeof want);
        wn_postprocessor_deinit(&out);
    }
}

static void mistakes_name_the_step(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        wn_status status;
        const char *message;
    } cases[] = {
        {"3", WN_ERR_FORMAT, "post_processor: is an integer, expected an object"},
        {"{}", WN_ERR_FORMAT, "post_processor.type: is missing, expected a string"},
        {"{\"type\":\"Odd\"}", WN_ERR_UNSUPPORTED, "post_processor.type: 'Odd' is not supported"},
        {SEQUENCE(BYTES ",{\"type\":\"BertProcessing\",\"cls\":3}"), WN_ERR_FORMAT,
         "post_processor.processors[1].cls: expected [token, id]"},
        {SEQUENCE(BYTES "," SEQUENCE("3")), WN_ERR_FORMAT,
         "post_processor.processors[1].processors[0]: is an integer, expected an object"},
        {SEQUENCE(BERT "," BERT), WN_ERR_UNSUPPORTED,
         "post_processor.processors[1]: a second template, BertProcessing, is not supported"},
        {SEQUENCE(TEMPLATE), WN_ERR_FORMAT,
         "post_processor.processors[0].single[0]: expected an object with SpecialToken or "},
        {"{\"type\":\"Sequence\",\"processors\":{}}", WN_ERR_FORMAT,
         "post_processor.processors: is an object, expected an array"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_postprocessor out;
        assert_fails(parse(&out, cases[i].json), cases[i].status, &err, cases[i].message);
        wn_postprocessor_deinit(&out);
    }
}

static void sequences_may_nest_eight_deep(void **state)
{
    (void)state;
    for (size_t depth = 8; depth <= 9; depth++) {
        char json[600] = "";
        for (size_t i = 0; i < depth; i++)
            strcat(json, "{\"type\":\"Sequence\",\"processors\":[");
        strcat(json, BYTES);
        for (size_t i = 0; i < depth; i++)
            strcat(json, "]}");
        wn_postprocessor out;
        assert_int_equal(parse(&out, json), depth == 8 ? WN_OK : WN_ERR_LIMIT);
        wn_postprocessor_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_cut_as_the_reference_does),
        cmocka_unit_test(a_sequence_gives_the_template_of_its_one_deciding_step),
        cmocka_unit_test(mistakes_name_the_step),
        cmocka_unit_test(sequences_may_nest_eight_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
