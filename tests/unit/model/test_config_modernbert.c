/* ModernBERT's config.json in the spellings of transformers 4 and 5: what is read, what is refused.
 */
#include "tests/support/check.h"
#include "tests/support/check_config.h"

#define FOUR                                                                                       \
    "{'architectures':['ModernBertForSequenceClassification'],'model_type':'modernbert',"          \
    "'id2label':{'0':'x'},'num_hidden_layers':7}"
#define ROPES(global, local)                                                                       \
    "'rope_parameters':{'full_attention':{" global "},'sliding_attention':{" local "}}"

static void missing_fields_take_the_defaults_of_transformers(void **state)
{
    (void)state;
    wn_config c = check_config(FOUR, "{'num_hidden_layers':null}");
    assert_string_equal(c.family_name, "modernbert");
    assert_true(c.kind == WN_KIND_CROSS_ENCODER && c.vocab == 50368 && c.hidden == 768);
    assert_true(c.n_layers == 22 && c.n_heads == 12 && c.head_dim == 64 && c.intermediate == 1152);
    assert_true(c.max_tokens == 8192 && c.position_offset == 0 && c.norm_eps == 1e-5);
    assert_true(c.act == WN_ACT_GELU && c.head_act == WN_ACT_GELU && c.gate == WN_GATE_FIRST);
    assert_true(c.pool == WN_POOL_FIRST && c.window == 64 && !c.has_types);
    assert_true(!c.norm_bias && !c.attention_bias && !c.mlp_bias && !c.head_bias);
    assert_true(c.rope_base == 160000 && c.local_rope_base == 10000);
    for (size_t i = 0; i < c.n_layers; i++)
        assert_int_equal(c.is_local[i], i % 3 != 0);
}

static void fields_of_transformers_4_are_read(void **state)
{
    (void)state;
    wn_config c = check_config(
        FOUR, "{'global_rope_theta':80000.0,'local_rope_theta':5000.0,'local_attention':31,"
              "'global_attn_every_n_layers':2,'classifier_pooling':'mean','norm_bias':true,"
              "'attention_bias':true,'mlp_bias':true,'classifier_bias':true,"
              "'hidden_activation':'silu','classifier_activation':'relu','norm_eps':1e-6}");
    assert_true(c.rope_base == 80000 && c.local_rope_base == 5000 && c.window == 15);
    assert_true(c.is_local[1] && !c.is_local[2] && c.pool == WN_POOL_MEAN && c.norm_eps == 1e-6);
    assert_true(c.norm_bias && c.attention_bias && c.mlp_bias && c.head_bias);
    assert_true(c.act == WN_ACT_SILU && c.head_act == WN_ACT_RELU);
    c = check_config("{'model_type':'modernbert','architectures':['ModernBertModel'],"
                     "'global_rope_theta':777.0,'local_rope_theta':null}",
                     "{}");
    assert_true(c.kind == WN_KIND_EMBEDDER && c.local_rope_base == 777);
}

static void fields_of_transformers_5_are_read(void **state)
{
    (void)state;
    wn_config c = check_config(
        FOUR, "{'num_hidden_layers':3,'layer_types':['sliding_attention','full_attention',"
              "'sliding_attention']," ROPES("'rope_type':'default','rope_theta':9000.0",
                                            "'rope_type':'default'") ",'local_rope_theta':123.0}");
    assert_true(c.is_local[0] && !c.is_local[1] && c.is_local[2]);
    assert_true(c.rope_base == 9000 && c.local_rope_base == 123);
}

static void what_would_be_computed_wrongly_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *patch, *message;
    } cases[] = {
        {"{'hidden_activation':'quick_gelu'}", "hidden_activation 'quick_gelu' is not supported"},
        {"{'classifier_activation':'mish'}", "classifier_activation 'mish' is not supported"},
        {"{'classifier_pooling':'max'}", "classifier_pooling 'max' is not supported, only 'cls'"},
        {"{'rope_scaling':{'type':'linear','factor':2}}", "'rope_scaling' is set"},
        {"{" ROPES("'rope_type':'yarn','rope_theta':1000.0", "'rope_theta':1000.0") "}",
         "rope_type 'yarn' is not supported"},
        {"{'layer_types':['full_attention','full_attention','full_attention','x','full_attention',"
         "'full_attention','full_attention']}",
         "layer_types: layer 3 is 'x', expected 'full_attention' or"},
        {"{'quantization_config':{'bits':4}}", "'quantization_config' is set"},
        {"{'architectures':['ModernBertForTokenClassification']}",
         "architecture 'ModernBertForTokenClassification' of a modernbert model"},
        {"{'id2label':{'0':'a','1':'b'}}", "the model has 2 labels"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++)
        check_config_refused(FOUR, cases[i].patch, WN_ERR_UNSUPPORTED, cases[i].message);
}

static void mistakes_are_told_by_field(void **state)
{
    (void)state;
    static const struct {
        const char *patch, *message;
    } cases[] = {
        {"{'hidden_size':0,'local_attention':1}",
         "field 'hidden_size': is 0, expected 1..65536; field 'local_attention': is 1"},
        {"{'hidden_size':36}", "is 36, expected a multiple of twice the 12 heads"},
        {"{'global_rope_theta':0}", "field 'global_rope_theta': is 0"},
        {"{'global_attn_every_n_layers':0}", "field 'global_attn_every_n_layers': is 0"},
        {"{'layer_types':['full_attention']}",
         "field 'layer_types': names 1 layers, num_hidden_layers is 7"},
        {"{'layer_types':3}", "field 'layer_types': names 0 layers"},
        {"{'rope_parameters':{'rope_theta':1000.0}}",
         "field 'rope_parameters': has no object 'full_attention'"},
        {"{" ROPES("'rope_theta':'x'", "'rope_theta':1000.0") "}",
         "rope_parameters: field 'rope_theta': is a string"},
        {"{'norm_bias':3}", "field 'norm_bias': is an integer"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++)
        check_config_refused(FOUR, cases[i].patch, WN_ERR_FORMAT, cases[i].message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_fields_take_the_defaults_of_transformers),
        cmocka_unit_test(fields_of_transformers_4_are_read),
        cmocka_unit_test(fields_of_transformers_5_are_read),
        cmocka_unit_test(what_would_be_computed_wrongly_is_refused),
        cmocka_unit_test(mistakes_are_told_by_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
