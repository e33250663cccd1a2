/* config.json of Alibaba's NewModel: the speeds of its rotary positions, and what is refused. */
#include "tests/support/check.h"
#include "tests/support/check_config.h"

#include <math.h>

#define NEW                                                                                        \
    "{'architectures':['NewForSequenceClassification'],'model_type':'new','num_labels':1,"         \
    "'rope_theta':20000,'rope_scaling':{'type':'ntk','factor':8.0}," CHECK_SIZES "}"

static void rope_is_scaled_as_the_published_code_does(void **state)
{
    (void)state;
    static const struct {
        const char *patch;
        double base, divisor;
    } cases[] = {
        {"{}", 160000, 1.681792830507429}, /* 8^(2/8) */
        {"{'rope_scaling':{'rope_type':'ntk','factor':8}}", 160000, 1.681792830507429},
        {"{'hidden_size':256}", 160000, 1.0671404006768237}, /* heads of 64, as published */
        {"{'rope_scaling':null}", 20000, 1},
        {"{'rope_scaling':{'type':'ntk','factor':1}}", 20000, 1},
        {"{'rope_scaling':null,'rope_theta':null}", 10000, 1},
        {"{'rope_scaling':null,'rope_theta':null,'rope_parameters':{'rope_type':'default',"
         "'rope_theta':500}}",
         500, 1},
        {"{'rope_scaling':null,'rope_theta':null,'rope_parameters':{'rope_type':'ntk','factor':2,"
         "'rope_theta':500}}",
         1000, 1.189207115002721},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_config c = check_config(NEW, cases[i].patch);
        assert_true(fabs(c.rope_base / cases[i].base - 1) < 1e-12);
        assert_true(fabs(c.rope_divisor / cases[i].divisor - 1) < 1e-12);
        assert_true(c.gate == WN_GATE_SECOND && c.act == WN_ACT_GELU && !c.has_types);
        assert_string_equal(c.family_name, "new");
    }
}

static void types_may_be_missing(void **state)
{
    (void)state;
    assert_int_equal(check_config(NEW, "{}").type_vocab, 1);
    assert_int_equal(check_config(NEW, "{'type_vocab_size':0}").type_vocab, 0);
}

static void what_is_not_computed_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *patch, *message;
    } cases[] = {
        {"{'rope_scaling':{'type':'dynamic','factor':2}}",
         "rope type 'dynamic' is not supported, only 'ntk'"},
        {"{'rope_scaling':{'type':'ntk','factor':2,'mixed_b':0.625}}", "'mixed_b'"},
        {"{'position_embedding_type':'absolute'}", "position_embedding_type 'absolute'"},
        {"{'layer_norm_type':'rms_norm'}", "layer_norm_type 'rms_norm'"},
        {"{'pack_qkv':false}", "'pack_qkv' is off"},
        {"{'logn_attention_scale':true}", "'logn_attention_scale' is set"},
        {"{'architectures':['NewForQuestionAnswering']}", "'NewForQuestionAnswering' of a new"},
        {"{'architectures':['HF_ColBERT']}", "HF_ColBERT over new"},
        {"{'num_labels':3}", "the model has 3 labels"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++)
        check_config_refused(NEW, cases[i].patch, WN_ERR_UNSUPPORTED, cases[i].message);
    check_config_refused(NEW, "{'rope_scaling':{'type':'ntk','factor':0.5}}", WN_ERR_FORMAT,
                         "config.json: rope: field 'factor': is 0.5, expected 1..");
    check_config_refused(NEW, "{'rope_theta':0}", WN_ERR_FORMAT, "field 'rope_theta': is 0");
    check_config_refused(NEW, "{'num_attention_heads':32}", WN_ERR_FORMAT,
                         "heads of 1, expected an even number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rope_is_scaled_as_the_published_code_does),
        cmocka_unit_test(types_may_be_missing),
        cmocka_unit_test(what_is_not_computed_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
