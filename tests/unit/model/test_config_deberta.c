/* DeBERTa's config.json: fields in their older and newer spellings, the class's defaults, what is
 * refused.  And those of the encoders that are BERT under other names. */
#include "tests/support/check.h"
#include "tests/support/check_config.h"

#include <string.h>

#define V3                                                                                         \
    "{'architectures':['DebertaV2ForSequenceClassification'],'model_type':'deberta-v2',"           \
    "'num_labels':1,'relative_attention':true,'position_buckets':256,'norm_rel_ebd':"              \
    "'layer_norm','share_att_key':true,'pos_att_type':'p2c|c2p','position_biased_input':false,"    \
    "'max_relative_positions':-1,'vocab_size':200,'hidden_size':32,'num_hidden_layers':2,"         \
    "'num_attention_heads':4,'intermediate_size':64,'max_position_embeddings':512}"
#define BARE "{'model_type':'deberta-v2','architectures':['DebertaV2Model']}"

static void fields_of_v3_are_read(void **state)
{
    (void)state;
    wn_config c = check_config(V3, "{}");
    assert_string_equal(c.family_name, "deberta-v2");
    assert_true(c.relative.span == 256 && c.relative.farthest == 512 && c.relative.has_norm);
    assert_true(c.relative.by_query && c.relative.by_key && c.n_score_terms == 3);
    assert_true(!c.has_positions && !c.has_types && c.type_vocab == 0 && c.norm_eps == 1e-7);
    assert_true(c.act == WN_ACT_GELU && c.head_act == WN_ACT_GELU && c.max_tokens == 512);
}

static void missing_fields_take_the_defaults_of_the_class(void **state)
{
    (void)state;
    wn_config c = check_config(BARE, "{}");
    assert_true(c.hidden == 1536 && c.n_layers == 24 && c.n_heads == 24 && c.intermediate == 6144);
    assert_true(c.vocab == 128100 && c.has_positions && c.type_vocab == 0 && c.norm_eps == 1e-7);
    assert_true(c.relative.span == 0 && c.n_score_terms == 1);
    c = check_config(BARE, "{'relative_attention':true,'share_att_key':true,'type_vocab_size':2,"
                           "'pos_att_type':'c2p'}");
    assert_true(c.relative.span == 512 && c.relative.farthest == 0 && c.has_types);
    assert_true(c.relative.by_query && !c.relative.by_key && c.n_score_terms == 2);
}

static void pos_att_type_is_a_text_or_a_list(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        bool by_query, by_key;
    } cases[] = {{"'p2c|c2p'", true, true},     {"'c2p'", true, false},   {"' p2c '", false, true},
                 {"['c2p','p2c']", true, true}, {"['p2c']", false, true}, {"[]", false, false},
                 {"''", false, false},          {"null", false, false}};
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        char patch[100];
        snprintf(patch, sizeof patch, "{'pos_att_type':%s}", cases[i].value);
        wn_config c = check_config(V3, patch);
        assert_int_equal(c.relative.by_query, cases[i].by_query);
        assert_int_equal(c.relative.by_key, cases[i].by_key);
        assert_int_equal(c.n_score_terms, 1 + cases[i].by_query + cases[i].by_key);
    }
}

static void what_would_be_computed_wrongly_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *patch, *message;
    } cases[] = {
        {"{'conv_kernel_size':3}", "conv_kernel_size 3 is not supported, only 0"},
        {"{'share_att_key':false}", "share_att_key false is not supported"},
        {"{'share_att_key':null}", "share_att_key false is not supported"},
        {"{'pos_att_type':'c2p|p2p'}", "pos_att_type 'p2p' is not supported"},
        {"{'pos_att_type':['x']}", "pos_att_type 'x' is not supported"},
        {"{'norm_rel_ebd':'batch_norm'}", "norm_rel_ebd 'batch_norm' is not supported"},
        {"{'embedding_size':16}", "embedding_size 16, pooler_hidden_size 32"},
        {"{'pooler_hidden_act':'mish'}", "pooler_hidden_act 'mish' is not supported"},
        {"{'num_labels':3}", "the model has 3 labels"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++)
        check_config_refused(V3, cases[i].patch, WN_ERR_UNSUPPORTED, cases[i].message);
    static const struct {
        const char *patch, *message;
    } mistakes[] = {
        {"{'pos_att_type':3}", "field 'pos_att_type': is neither a text nor a list"},
        {"{'position_buckets':3}", "field 'position_buckets': is 3, expected at least 4"},
        {"{'position_buckets':1024}", "less than twice max_relative_positions, 512"},
        {"{'relative_attention':1}", "field 'relative_attention': is an integer"},
        {"{'hidden_size':0}", "field 'hidden_size': is 0"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(mistakes); i++)
        check_config_refused(V3, mistakes[i].patch, WN_ERR_FORMAT, mistakes[i].message);
}

static void encoders_under_other_names_have_their_own_fields(void **state)
{
    (void)state;
    wn_config c = check_config("{'model_type':'distilbert','num_labels':1,'dim':48,'n_heads':6,"
                               "'n_layers':3,'hidden_dim':20,'activation':'relu'}",
                               "{}");
    assert_true(c.hidden == 48 && c.head_dim == 8 && c.n_layers == 3 && c.intermediate == 20);
    assert_true(c.act == WN_ACT_RELU && !c.has_types && c.max_tokens == 512 && c.norm_eps == 1e-12);
    check_config_refused("{'model_type':'distilbert','num_labels':1}", "{'dim':50}", WN_ERR_FORMAT,
                         "field 'dim': is 50, expected a multiple of the 12 heads");
    c = check_config("{'model_type':'electra','num_labels':1}", "{}");
    assert_true(c.hidden == 256 && c.embedding == 128 && c.n_heads == 4 && c.has_types);
    c = check_config("{'model_type':'electra','num_labels':1,'hidden_size':64,'embedding_size':64}",
                     "{}");
    assert_int_equal(c.embedding, 64);
    check_config_refused("{'model_type':'electra','num_labels':1}", "{'embedding_size':300}",
                         WN_ERR_FORMAT, "field 'embedding_size': is 300, expected 1..256");
    c = check_config("{'model_type':'mpnet','num_labels':1}", "{}");
    assert_true(c.vocab == 30527 && c.position_offset == 2 && c.max_tokens == 510 && !c.has_types);
    check_config_refused("{'model_type':'mpnet','num_labels':1}",
                         "{'relative_attention_num_buckets':64}", WN_ERR_UNSUPPORTED,
                         "relative_attention_num_buckets 64 is not supported, only 32");
    check_config_refused("{'model_type':'mpnet','num_labels':1}", "{'pad_token_id':0}",
                         WN_ERR_UNSUPPORTED, "pad_token_id 0 is not supported, only 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_v3_are_read),
        cmocka_unit_test(missing_fields_take_the_defaults_of_the_class),
        cmocka_unit_test(pos_att_type_is_a_text_or_a_list),
        cmocka_unit_test(what_would_be_computed_wrongly_is_refused),
        cmocka_unit_test(encoders_under_other_names_have_their_own_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
