/* config.json and its companions: which family, which limits, what is refused and by which name. */
#include "tests/support/check.h"
#include "tests/support/check_config.h"

#include "base/str.h"
#include "model/family.h"

static wn_error err;

#define BERT                                                                                       \
    "{'architectures':['BertForSequenceClassification'],'model_type':'bert','num_labels':"         \
    "1," CHECK_SIZES "}"
#define XLMR                                                                                       \
    "{'architectures':['XLMRobertaForSequenceClassification'],'model_type':'xlm-roberta',"         \
    "'id2label':{'0':'x'}," CHECK_SIZES "}"
#define FLASH                                                                                      \
    "{'architectures':['XLMRobertaForSequenceClassification'],'num_labels':1,'auto_map':"          \
    "{'AutoConfig':'jinaai/flash--configuration_xlm_roberta.XLMRobertaFlashConfig'}," CHECK_SIZES  \
    "}"
#define EMBEDDER "{'architectures':['BertModel'],'model_type':'bert'," CHECK_SIZES "}"
#define COLBERT  "{'architectures':['HF_ColBERT'],'model_type':'bert'," CHECK_SIZES "}"
#define BLOCK                                                                                      \
    "{'winnow':{'cls_id':2,'sep_id':3,'query_prefix_id':4,'doc_prefix_id':5,'max_query_tokens':"   \
    "20,"                                                                                          \
    "'token_weight':'token_weight','query_normalize':false,'calibration':{'a':2,'b':-1}},'dim':"   \
    "16}"

static wn_status parse(wn_config *out, const char *base, const char *patch, wn_model_files files)
{
    return check_config_parse(out, base, patch, files, &err);
}

static void unsupported(const char *base, const char *patch, const char *message)
{
    check_config_refused(base, patch, WN_ERR_UNSUPPORTED, message);
}

static void mistaken(const char *base, const char *patch, const char *message)
{
    check_config_refused(base, patch, WN_ERR_FORMAT, message);
}

static void family_comes_from_the_files_signals(void **state)
{
    (void)state;
    static const struct {
        const char *base, *patch, *family;
        wn_kind kind;
        size_t offset;
        bool has_types;
    } cases[] = {
        {BERT, "{}", "bert", WN_KIND_CROSS_ENCODER, 0, true},
        {BERT, "{'model_type':null}", "bert", WN_KIND_CROSS_ENCODER, 0, true},
        {BERT, "{'architectures':null}", "bert", WN_KIND_CROSS_ENCODER, 0, true},
        {EMBEDDER, "{}", "bert", WN_KIND_EMBEDDER, 0, true},
        {BERT, "{'architectures':['BertForMaskedLM']}", "bert", WN_KIND_EMBEDDER, 0, true},
        {XLMR, "{}", "xlm-roberta", WN_KIND_CROSS_ENCODER, 2, false},
        {XLMR, "{'pad_token_id':5}", "xlm-roberta", WN_KIND_CROSS_ENCODER, 6, false},
        {XLMR, "{'model_type':'roberta','architectures':['RobertaForSequenceClassification']}",
         "roberta", WN_KIND_CROSS_ENCODER, 2, false},
        {XLMR, "{'model_type':'camembert','architectures':['RobertaModel']}", "camembert",
         WN_KIND_EMBEDDER, 2, false},
        {FLASH, "{}", "xlm-roberta-flash", WN_KIND_CROSS_ENCODER, 2, false},
        {FLASH, "{'model_type':'xlm-roberta'}", "xlm-roberta-flash", WN_KIND_CROSS_ENCODER, 2,
         false},
        {COLBERT, "{}", "colbert", WN_KIND_LATE_INTERACTION, 0, false},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_config c = check_config(cases[i].base, cases[i].patch);
        assert_string_equal(c.family_name, cases[i].family);
        assert_int_equal(c.kind, cases[i].kind);
        assert_int_equal(c.position_offset, cases[i].offset);
        assert_int_equal(c.has_types, cases[i].has_types);
        assert_int_equal(c.max_tokens, 130 - cases[i].offset);
    }
}

static void other_families_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const types[] = {"albert", "xlnet",  "deberta",    "modernbert-decoder",
                                        "llama",  "gemma2", "longformer", "bertx"};
    for (size_t i = 0; i < WN_ARRAY_LEN(types); i++) {
        char patch[100], message[100];
        snprintf(patch, sizeof patch, "{'model_type':'%s'}", types[i]);
        snprintf(message, sizeof message, "model_type '%s' is not supported", types[i]);
        unsupported(BERT, patch, message);
    }
    unsupported(BERT, "{'position_embedding_type':'alibi'}",
                "position_embedding_type 'alibi' is not supported, only 'absolute'");
    unsupported(BERT, "{'position_embedding_type':'relative_key'}", "'relative_key'");
    unsupported(FLASH, "{'position_embedding_type':'alibi'}", "'absolute' or 'rotary'");
    unsupported(BERT, "{'feed_forward_type':'geglu'}", "feed_forward_type 'geglu'");
    unsupported(BERT, "{'hidden_act':'quick_gelu'}", "hidden_act 'quick_gelu' is not supported");
    unsupported(BERT, "{'is_decoder':true}", "'is_decoder' is set");
    unsupported(BERT, "{'quantization_config':{'bits':4}}", "'quantization_config' is set");
    unsupported(BERT, "{'pruned_heads':{'0':[1]}}", "'pruned_heads' is set");
    unsupported(XLMR, "{'lora_adaptations':['a']}", "'lora_adaptations' is set");
    unsupported(BERT, "{'architectures':['BertForQuestionAnswering']}",
                "architecture 'BertForQuestionAnswering' of a bert model is not supported");
    unsupported(BERT, "{'architectures':['RobertaModel']}",
                "architecture 'RobertaModel' of a bert");
    unsupported("{}", "{}", "neither model_type nor auto_map nor architectures ('')");
}

static void a_cross_encoder_has_exactly_one_label(void **state)
{
    (void)state;
    check_config(BERT, "{'num_labels':7,'id2label':{'0':'x'}}");
    check_config(EMBEDDER, "{'num_labels':7}");
    unsupported(BERT, "{'num_labels':null}", "the model has 2 labels, a reranker has 1");
    unsupported(BERT, "{'num_labels':3}", "the model has 3 labels");
    unsupported(BERT, "{'id2label':{'0':'a','1':'b'}}", "the model has 2 labels");
    unsupported(BERT, "{'id2label':{}}", "the model has 0 labels");
    mistaken(BERT, "{'id2label':[0]}", "field 'id2label': is not an object");
    mistaken(BERT, "{'num_labels':-1}", "field 'num_labels': is -1, expected 1..");
}

static void every_size_is_range_checked_and_all_mistakes_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *patch, *message;
    } cases[] = {
        {"{'hidden_size':0}", "field 'hidden_size': is 0, expected 1..65536"},
        {"{'hidden_size':1e30}", "field 'hidden_size': is 1e+30"},
        {"{'hidden_size':33}", "field 'hidden_size': is 33, expected a multiple of the 4 heads"},
        {"{'num_hidden_layers':0}", "field 'num_hidden_layers': is 0"},
        {"{'num_hidden_layers':9223372036854775807}", "field 'num_hidden_layers'"},
        {"{'num_attention_heads':-4}", "field 'num_attention_heads': is -4"},
        {"{'intermediate_size':'64'}", "field 'intermediate_size': is a string"},
        {"{'vocab_size':99999999}", "field 'vocab_size': is 99999999"},
        {"{'max_position_embeddings':2.5}", "field 'max_position_embeddings': is 2.5"},
        {"{'max_position_embeddings':7}",
         "field 'max_position_embeddings': is 7, expected at least 8"},
        {"{'type_vocab_size':0}", "field 'type_vocab_size': is 0"},
        {"{'pad_token_id':200}", "field 'pad_token_id': is 200, expected 0..199"},
        {"{'layer_norm_eps':0}", "field 'layer_norm_eps': is 0"},
        {"{'layer_norm_eps':true}", "field 'layer_norm_eps': is true"},
        {"{'hidden_act':3}", "field 'hidden_act': is an integer"},
        {"{'model_type':3}", "field 'model_type': is an integer"},
        {"{'position_embedding_type':1}", "field 'position_embedding_type': is an integer"},
        {"{'architectures':'BertModel'}", "field 'architectures': is not a list of names"},
        {"{'architectures':[1]}", "field 'architectures': is not a list of names"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++)
        mistaken(BERT, cases[i].patch, cases[i].message);
    mistaken(XLMR, "{'max_position_embeddings':9}", "is 9, expected at least 10");
    mistaken(BERT, "{'hidden_size':0,'vocab_size':0}",
             "'vocab_size': is 0, expected 1..16777216; field 'hidden_size'");
    wn_model_files files = {0};
    wn_config config;
    assert_fails(wn_config_parse(&config, &files, &err), WN_ERR_FORMAT, &err,
                 "config.json is missing");
    files.config = WN_STR("[]");
    assert_fails(wn_config_parse(&config, &files, &err), WN_ERR_FORMAT, &err, "is an array");
}

static void missing_fields_take_the_defaults_of_transformers(void **state)
{
    (void)state;
    wn_config c = check_config("{'model_type':'bert','architectures':['BertModel']}", "{}");
    assert_true(c.n_layers == 12 && c.hidden == 768 && c.n_heads == 12 && c.head_dim == 64);
    assert_true(c.intermediate == 3072 && c.vocab == 30522 && c.type_vocab == 2);
    assert_true(c.max_tokens == 512 && c.norm_eps == 1e-12 && c.act == WN_ACT_GELU);
    c = check_config("{'model_type':'xlm-roberta','num_labels':1,'layer_norm_eps':1e-5}", "{}");
    assert_true(c.position_offset == 2 && c.max_tokens == 510 && c.type_vocab == 2 &&
                c.norm_eps == 1e-5);
}

static void activations_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        wn_act act;
    } acts[] = {{"gelu", WN_ACT_GELU},
                {"gelu_python", WN_ACT_GELU},
                {"gelu_new", WN_ACT_GELU_TANH},
                {"gelu_pytorch_tanh", WN_ACT_GELU_TANH},
                {"gelu_fast", WN_ACT_GELU_TANH},
                {"relu", WN_ACT_RELU},
                {"silu", WN_ACT_SILU},
                {"swish", WN_ACT_SILU},
                {"tanh", WN_ACT_TANH}};
    for (size_t i = 0; i < WN_ARRAY_LEN(acts); i++) {
        char patch[60];
        snprintf(patch, sizeof patch, "{'hidden_act':'%s'}", acts[i].name);
        assert_int_equal(check_config(BERT, patch).act, acts[i].act);
    }
}

static void score_rule_is_the_one_that_sentence_transformers_applies(void **state)
{
    (void)state;
    wn_config c;
    assert_int_equal(check_config(BERT, "{}").score_rule, WN_SCORE_SIGMOID);
    assert_int_equal(check_config(EMBEDDER, "{}").score_rule, WN_SCORE_COSINE);
    static const char *const identity =
        "{'sentence_transformers':{'activation_fn':'torch.nn.modules.linear.Identity'}}";
    assert_int_equal(check_config(BERT, identity).score_rule, WN_SCORE_IDENTITY);
    assert_int_equal(
        check_config(BERT,
                     "{'sbert_ce_default_activation_function':'torch.nn.modules.linear.Identity'}")
            .score_rule,
        WN_SCORE_IDENTITY);
    assert_int_equal(
        check_config(
            BERT, "{'sbert_ce_default_activation_function':'torch.nn.modules.activation.Sigmoid'}")
            .score_rule,
        WN_SCORE_SIGMOID);
    unsupported(BERT, "{'sentence_transformers':{'activation_fn':'torch.nn.Tanh'}}",
                "activation 'torch.nn.Tanh' of scores is not supported");
    wn_model_files files = {.sentence_transformers = WN_STR(
                                "{\"activation_fn\":\"torch.nn.modules.activation.Sigmoid\"}")};
    assert_ok(parse(&c, BERT, identity, files), &err);
    assert_int_equal(c.score_rule, WN_SCORE_SIGMOID);
}

static void longest_sequence_is_the_smallest_limit(void **state)
{
    (void)state;
    wn_config c;
    wn_model_files files = {.tokenizer_config =
                                WN_STR("{\"model_max_length\":1000000000000000019884624838656}")};
    assert_ok(parse(&c, BERT, "{}", files), &err);
    assert_int_equal(c.max_tokens, 130);
    files.tokenizer_config = WN_STR("{\"model_max_length\":100}");
    assert_ok(parse(&c, BERT, "{}", files), &err);
    assert_int_equal(c.max_tokens, 100);
    files.sentence_bert_config = WN_STR("{\"max_seq_length\":60}");
    assert_ok(parse(&c, EMBEDDER, "{}", files), &err);
    assert_int_equal(c.max_tokens, 60);
    files.tokenizer_config = WN_STR("{\"model_max_length\":\"100\"}");
    assert_int_equal(parse(&c, BERT, "{}", files), WN_ERR_FORMAT);
    assert_non_null(
        strstr(err.message, "tokenizer_config.json: field 'model_max_length': is a string"));
}

static void flash_reranker_has_the_windows_of_its_reference(void **state)
{
    (void)state;
    wn_config c = check_config(FLASH, "{'max_position_embeddings':1026}");
    assert_true(c.max_tokens == 1024 && c.max_query_tokens == 512 && c.window_overlap == 80);
    c = check_config(FLASH, "{'max_position_embeddings':8194}");
    assert_true(c.max_tokens == 1024 && c.max_query_tokens == 512);
    c = check_config(XLMR, "{}");
    assert_true(c.max_query_tokens == 0 && c.window_overlap == 80);
    c = check_config(FLASH, "{'architectures':['XLMRobertaModel']}");
    assert_int_equal(c.max_query_tokens, 0);
}

#define CHAIN(pooling_path, third)                                                                 \
    "[{\"type\":\"sentence_transformers.models.Transformer\",\"path\":\"\"},"                      \
    "{\"type\":\"sentence_transformers.models.Pooling\",\"path\":\"" pooling_path "\"}" third "]"

static void embedder(const char *modules, const char *pooling, wn_status status, bool cls,
                     const char *message)
{
    wn_config c;
    wn_model_files files = {.modules = wn_str_from(modules),
                            .module_configs = {[1] = wn_str_from(pooling)}};
    wn_status got = parse(&c, EMBEDDER, "{}", files);
    if (got != status || strstr(err.message, message) == NULL)
        fail_msg("%s, %s: %s '%s', expected '%s'", modules, pooling == NULL ? "" : pooling,
                 wn_status_name(got), err.message, message);
    if (got == WN_OK)
        assert_int_equal(c.pool, cls ? WN_POOL_FIRST : WN_POOL_MEAN);
}

static void pooling_is_read_in_both_spellings(void **state)
{
    (void)state;
    const char *chain = CHAIN("1_Pooling", "");
    embedder(chain, "{\"pooling_mode_cls_token\":true,\"word_embedding_dimension\":32}", WN_OK,
             true, "");
    embedder(chain, "{\"pooling_mode_mean_tokens\":true}", WN_OK, false, "");
    embedder(chain, "{}", WN_OK, false, "");
    embedder(chain, "{\"pooling_mode\":\"cls\"}", WN_OK, true, "");
    embedder(chain, "{\"pooling_mode\":[\"mean\"]}", WN_OK, false, "");
    embedder(chain, "{\"pooling_mode\":\"lasttoken\"}", WN_ERR_UNSUPPORTED, false,
             "pooling 'lasttoken'");
    embedder(chain, "{\"pooling_mode\":[\"mean\",\"cls\"]}", WN_ERR_UNSUPPORTED, false,
             "not one of 'cls' and 'mean'");
    embedder(chain, "{\"pooling_mode\":3}", WN_ERR_UNSUPPORTED, false,
             "not one of 'cls' and 'mean'");
    embedder(chain, "{\"pooling_mode_max_tokens\":true}", WN_ERR_UNSUPPORTED, false,
             "pooling 'max'");
    embedder(chain, "{\"pooling_mode_cls_token\":true,\"pooling_mode_mean_tokens\":true}",
             WN_ERR_UNSUPPORTED, false, "not one of 'cls' and 'mean'");
    embedder(chain, "{\"word_embedding_dimension\":31}", WN_ERR_FORMAT, false,
             "is 31, hidden_size is 32");
    embedder(chain, "{\"embedding_dimension\":33}", WN_ERR_FORMAT, false,
             "field 'embedding_dimension': is 33, hidden_size is 32");
    embedder(chain, NULL, WN_ERR_FORMAT, false, "1_Pooling/config.json, which is missing");
}

static void modules_that_are_not_computed_are_refused(void **state)
{
    (void)state;
    embedder(CHAIN("1_Pooling", ",{\"type\":\"x.Normalize\",\"path\":\"2_Normalize\"}"), "{}",
             WN_OK, false, "");
    embedder(CHAIN("1_Pooling", ",{\"type\":\"x.Dense\",\"path\":\"2_Dense\"}"), "{}",
             WN_ERR_FORMAT, false, "modules.json names 2_Dense/config.json, which is missing");
    embedder(CHAIN("2_Pooling", ""), "{}", WN_ERR_UNSUPPORTED, false,
             "in '2_Pooling' is not supported");
    embedder("[{\"type\":\"x.Transformer\",\"path\":\"0_Transformer\"}]", "{}", WN_ERR_UNSUPPORTED,
             false, "in '0_Transformer' is not supported");
    embedder("[]", "{}", WN_ERR_FORMAT, false, "not a list of modules");
    embedder("{}", "{}", WN_ERR_FORMAT, false, "not a list of modules");
    embedder("[1]", "{}", WN_ERR_FORMAT, false, "not a list of objects");
    wn_config c;
    wn_model_files files = {.sentence_transformers = WN_STR("{\"default_prompt_name\":\"query\"}")};
    assert_int_equal(parse(&c, EMBEDDER, "{}", files), WN_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "default prompt 'query'"));
}

static void colbert_takes_its_metadata_or_the_defaults_of_colbert_v2(void **state)
{
    (void)state;
    wn_config c = check_config(COLBERT, "{}");
    assert_true(c.late.dim == 0 && c.late.query_marker == -1 && c.late.doc_marker == -1);
    assert_string_equal(c.late.query_token, "[unused0]");
    assert_string_equal(c.late.doc_token, "[unused1]");
    assert_true(c.late.cls_id == -1 && c.late.sep_id == -1 && c.late.mask_id == -1);
    assert_true(c.late.max_query_tokens == 32 && c.late.query_pad_to == 32 &&
                c.late.max_doc_tokens == 130);
    assert_true(!c.late.attend_to_mask && c.late.skip_punctuation && !c.late.token_weight);
    assert_true(c.late.query_normalize && c.late.doc_normalize && c.score_rule == WN_SCORE_MEAN);
    wn_model_files files = {.colbert_metadata =
                                WN_STR("{\"dim\":96,\"query_maxlen\":48,\"doc_maxlen\":180,"
                                       "\"attend_to_mask_tokens\":true,\"mask_punctuation\":false,"
                                       "\"similarity\":\"cosine\"}")};
    assert_ok(parse(&c, COLBERT, "{}", files), &err);
    assert_true(c.late.dim == 96 && c.late.query_pad_to == 48 && c.late.max_doc_tokens == 130);
    assert_true(c.late.attend_to_mask && !c.late.skip_punctuation);
    files.colbert_metadata =
        WN_STR("{\"similarity\":\"l2\",\"query_token_id\":\"\",\"query_maxlen\":1000}");
    assert_int_equal(parse(&c, COLBERT, "{}", files), WN_ERR_FORMAT);
    assert_string_equal(err.message,
                        "artifact.metadata: field 'query_maxlen': is 1000, expected 8..130; "
                        "field 'query_token_id': has 0 bytes, expected 1..63; "
                        "field 'similarity': is 'l2', expected 'cosine'");
}

static void colbert_over_another_family_has_its_habits(void **state)
{
    (void)state;
    const wn_model_files own = {.colbert_metadata =
                                    WN_STR("{\"query_token_id\":\"[Q]\",\"doc_token_id\":\"[D]\","
                                           "\"attend_to_mask_tokens\":false}")};
    wn_config c = check_config(FLASH, "{'architectures':['HF_ColBERT']}");
    assert_string_equal(c.family_name, "colbert");
    assert_string_equal(c.family->name, "xlm-roberta-flash");
    assert_string_equal(c.late.query_token, "[QueryMarker]");
    assert_string_equal(c.late.doc_token, "[DocumentMarker]");
    assert_true(c.kind == WN_KIND_LATE_INTERACTION && c.late.attend_to_mask);
    assert_ok(parse(&c, FLASH, "{'architectures':['HF_ColBERT']}", own), &err);
    assert_string_equal(c.late.query_token, "[Q]");
    assert_string_equal(c.late.doc_token, "[D]");
    assert_true(c.late.attend_to_mask);
    assert_ok(parse(&c, XLMR, "{'architectures':['HF_ColBERT']}", own), &err);
    assert_true(!c.late.attend_to_mask && !c.has_types);
}

static void flash_positions_may_be_rotary(void **state)
{
    (void)state;
    assert_true(check_config(FLASH, "{}").rope_base == 0);
    wn_config c = check_config(FLASH, "{'position_embedding_type':'rotary'}");
    assert_true(c.rope_base == 10000 && c.rope_divisor == 1 && c.max_tokens == 128);
    c = check_config(FLASH, "{'position_embedding_type':'rotary','rotary_emb_base':20000}");
    assert_true(c.rope_base == 20000);
    c = check_config(FLASH, "{'position_embedding_type':'rotary','rotary_emb_base':20000,"
                            "'rope_theta':500}");
    assert_true(c.rope_base == 500);
    unsupported(FLASH, "{'position_embedding_type':'rotary','rotary_emb_interleaved':true}",
                "'rotary_emb_interleaved' is set");
    unsupported(FLASH, "{'position_embedding_type':'rotary','rotary_emb_scale_base':512}",
                "'rotary_emb_scale_base' is set");
    unsupported(FLASH, "{'position_embedding_type':'rotary','rotary_emb_dim':4}",
                "rotary_emb_dim 4 is not supported, only that of a head, 8");
    mistaken(FLASH, "{'position_embedding_type':'rotary','num_attention_heads':32}",
             "heads of 1, expected an even number");
}

static void tasks_are_those_that_config_json_lists(void **state)
{
    (void)state;
    static const char v3[] = "{'architectures':['XLMRobertaModel'],'lora_adaptations':['a','b.c'],"
                             "'lora_rank':2,'lora_alpha':3,'task_instructions':{'b.c':'Find: '}}";
    wn_model_files files = {0};
    wn_config c = check_config(FLASH, v3);
    assert_true(c.adapters.n_tasks == 2 && c.adapters.task == 2 && c.adapters.rank == 2);
    assert_true(c.adapters.scale == 1.5 && c.text_prompt[0] == '\0');
    files.task = "b.c";
    assert_ok(parse(&c, FLASH, v3, files), &err);
    assert_true(c.adapters.task == 1);
    assert_string_equal(c.text_prompt, "Find: ");
    files.task = "a";
    assert_ok(parse(&c, FLASH, v3, files), &err);
    assert_true(c.adapters.task == 0 && c.text_prompt[0] == '\0');
    files.task = "b";
    assert_fails(parse(&c, FLASH, v3, files), WN_ERR_ARGUMENT, &err,
                 "task 'b': the model has adapters for a, b.c");
    assert_fails(parse(&c, EMBEDDER, "{}", files), WN_ERR_ARGUMENT, &err,
                 "task 'b': the model has no adapters for tasks");
    mistaken(FLASH, "{'architectures':['XLMRobertaModel'],'lora_adaptations':[3]}",
             "field 'lora_adaptations': is not a list of names");
    mistaken(FLASH, "{'lora_adaptations':'a'}", "'lora_adaptations': is not a list of at most 64");
    mistaken(FLASH, "{'lora_adaptations':['a'],'lora_rank':0}", "field 'lora_rank': is 0");
}

static void own_late_interaction_block_is_read_and_strict(void **state)
{
    (void)state;
    wn_config c = check_config(COLBERT, BLOCK);
    assert_true(c.late.dim == 16 && c.late.cls_id == 2 && c.late.sep_id == 3);
    assert_true(c.late.query_marker == 4 && c.late.doc_marker == 5 && c.late.query_pad_to == 0);
    assert_true(c.late.max_query_tokens == 20 && c.late.max_doc_tokens == 130 &&
                c.max_tokens == 130);
    assert_true(!c.late.query_normalize && c.late.doc_normalize && c.late.token_weight &&
                !c.late.skip_punctuation);
    assert_true(c.score_rule == WN_SCORE_CALIBRATED && c.late.calibration_a == 2 &&
                c.late.calibration_b == -1);
    mistaken(COLBERT, "{'winnow':3}", "config.json: winnow: is not an object");
    mistaken(COLBERT, "{'winnow':{}}", "field 'cls_id': is missing, expected 0..199");
    mistaken(COLBERT, "{'winnow':{'cls_id':200,'sep_id':1,'query_prefix_id':1,'doc_prefix_id':1}}",
             "is 200, expected 0..199");
    mistaken(COLBERT, "{'winnow':{'scoring':'sum','dropout':1}}",
             "field 'dropout': is unknown; field 'scoring': is 'sum'");
    mistaken(COLBERT,
             "{'winnow':{'cls_id':1,'sep_id':1,'query_prefix_id':1,'doc_prefix_id':1,'calibration':"
             "{'a':1}}}",
             "winnow.calibration: is not an object with 'a' and 'b'");
    mistaken(COLBERT,
             "{'winnow':{'cls_id':1,'sep_id':1,'query_prefix_id':1,'doc_prefix_id':1,'calibration_"
             "input':'raw'}}",
             "field 'calibration_input': is 'raw', expected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(family_comes_from_the_files_signals),
        cmocka_unit_test(other_families_are_refused_by_name),
        cmocka_unit_test(a_cross_encoder_has_exactly_one_label),
        cmocka_unit_test(every_size_is_range_checked_and_all_mistakes_are_told),
        cmocka_unit_test(missing_fields_take_the_defaults_of_transformers),
        cmocka_unit_test(activations_are_told_apart),
        cmocka_unit_test(score_rule_is_the_one_that_sentence_transformers_applies),
        cmocka_unit_test(longest_sequence_is_the_smallest_limit),
        cmocka_unit_test(flash_reranker_has_the_windows_of_its_reference),
        cmocka_unit_test(pooling_is_read_in_both_spellings),
        cmocka_unit_test(modules_that_are_not_computed_are_refused),
        cmocka_unit_test(colbert_takes_its_metadata_or_the_defaults_of_colbert_v2),
        cmocka_unit_test(colbert_over_another_family_has_its_habits),
        cmocka_unit_test(flash_positions_may_be_rotary),
        cmocka_unit_test(tasks_are_those_that_config_json_lists),
        cmocka_unit_test(own_late_interaction_block_is_read_and_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
