/* config.json of JinaBERT in both forms: by what each is told, also from BERT whose name it bears,
 * and what is refused. */
#include "tests/support/check.h"
#include "tests/support/check_config.h"

#define BERT                                                                                       \
    "{'architectures':['BertForSequenceClassification'],'model_type':'bert','num_labels':1,"       \
    "'position_embedding_type':'alibi','feed_forward_type':'geglu'," CHECK_SIZES "}"
#define JINA "{'_name_or_path':'jinaai/jina-bert-implementation'}"
#define CODE "{'_name_or_path':'jinaai/jina-bert-v2-qk-post-norm'}"

static void each_form_is_told_by_where_it_comes_from(void **state)
{
    (void)state;
    static const struct {
        const char *patch, *family;
        wn_gate gate;
    } cases[] = {
        {JINA, "jina-bert", WN_GATE_FIRST},
        {"{'auto_map':{'AutoConfig':'jinaai/jina-bert-implementation--configuration_bert."
         "JinaBertConfig'}}",
         "jina-bert", WN_GATE_FIRST},
        {"{'auto_map':{'AutoConfig':'configuration_bert.JinaBertConfig'}}", "jina-bert",
         WN_GATE_FIRST},
        {"{'architectures':['JinaBertForSequenceClassification']}", "jina-bert", WN_GATE_FIRST},
        {CODE, "jina-bert-qk-norm", WN_GATE_SECOND},
        {"{'auto_map':{'AutoConfig':'jinaai/jina-bert-v2-qk-post-norm--configuration_bert."
         "JinaBertConfig'}}",
         "jina-bert-qk-norm", WN_GATE_SECOND},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_config c = check_config(BERT, cases[i].patch);
        assert_string_equal(c.family_name, cases[i].family);
        assert_true(c.kind == WN_KIND_CROSS_ENCODER && c.gate == cases[i].gate);
        assert_true(c.act == WN_ACT_GELU && c.has_types && c.position_offset == 0);
        assert_int_equal(c.max_tokens, 130);
    }
}

static void tensors_tell_what_config_json_hides(void **state)
{
    (void)state;
    static const struct {
        const char *tensor, *family;
    } cases[] = {
        {"bert.encoder.layer.0.mlp.gated_layers.weight", "jina-bert"},
        {"encoder.layer.3.mlp.gated_layers.weight", "jina-bert"},
        {"bert.encoder.layer.0.mlp.up_gated_layer.weight", "jina-bert-qk-norm"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++)
        assert_string_equal(check_config_with_tensor(BERT, "{}", cases[i].tensor).family_name,
                            cases[i].family);
    assert_string_equal(
        check_config_with_tensor(BERT, JINA, "bert.encoder.layer.0.mlp.up_gated_layer.weight")
            .family_name,
        "jina-bert-qk-norm");
    check_config_refused(BERT, "{}", WN_ERR_UNSUPPORTED, "position_embedding_type 'alibi'");
}

static void the_gate_is_named_by_the_feed_forward(void **state)
{
    (void)state;
    wn_config c = check_config(BERT, "{'_name_or_path':'jinaai/jina-bert-implementation',"
                                     "'feed_forward_type':'reglu'}");
    assert_true(c.act == WN_ACT_RELU && c.gate == WN_GATE_FIRST);
    c = check_config(BERT, "{'_name_or_path':'jinaai/jina-bert-implementation',"
                           "'hidden_act':'silu'}");
    assert_int_equal(c.act, WN_ACT_GELU);
}

static void what_is_not_computed_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *patch, *message;
    } cases[] = {
        {"'feed_forward_type':'original'", "feed_forward_type 'original' is not supported, only "
                                           "'geglu' or 'reglu'"},
        {"'feed_forward_type':null", "feed_forward_type 'original' is not supported"},
        {"'feed_forward_type':'swiglu'", "feed_forward_type 'swiglu'"},
        {"'position_embedding_type':'absolute'",
         "position_embedding_type 'absolute' is not supported, only 'alibi'"},
        {"'num_labels':2", "the model has 2 labels"},
        {"'architectures':['JinaBertForQuestionAnswering']",
         "architecture 'JinaBertForQuestionAnswering' of a jina-bert model"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        char patch[300];
        snprintf(patch, sizeof patch, "{'_name_or_path':'jinaai/jina-bert-implementation',%s}",
                 cases[i].patch);
        check_config_refused(BERT, patch, WN_ERR_UNSUPPORTED, cases[i].message);
    }
    check_config_refused(BERT,
                         "{'_name_or_path':'x/jina-bert-v2-qk-post-norm','architectures':["
                         "'HF_ColBERT']}",
                         WN_ERR_UNSUPPORTED, "HF_ColBERT over jina-bert-qk-norm");
    check_config_refused(BERT,
                         "{'_name_or_path':'jinaai/jina-bert-implementation','hidden_size':0,"
                         "'num_attention_heads':0}",
                         WN_ERR_FORMAT, "config.json: field 'hidden_size': is 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_is_told_by_where_it_comes_from),
        cmocka_unit_test(tensors_tell_what_config_json_hides),
        cmocka_unit_test(the_gate_is_named_by_the_feed_forward),
        cmocka_unit_test(what_is_not_computed_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
