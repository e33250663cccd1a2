/* Decoders' config.json: which head and which prompt, rotary positions in both spellings, and what
 * is refused by name. */
#include "tests/support/check.h"

#include "base/str.h"
#include "tests/support/check_config.h"

static wn_error err;

#define SIZES                                                                                      \
    "'hidden_size':32,'num_hidden_layers':2,'num_attention_heads':4,'num_key_value_heads':2,"      \
    "'intermediate_size':48,'vocab_size':200,'max_position_embeddings':40960"
#define QWEN3                                                                                      \
    "{'architectures':['Qwen3ForCausalLM'],'model_type':'qwen3','head_dim':16,"                    \
    "'rope_theta':1000000," SIZES "}"
#define SCORE                                                                                      \
    "{'architectures':['Qwen3ForSequenceClassification'],'model_type':'qwen3','head_dim':16,"      \
    "'num_labels':1," SIZES "}"
#define QWEN2 "{'architectures':['Qwen2ForCausalLM'],'model_type':'qwen2'," SIZES "}"
#define JINA3                                                                                      \
    "{'architectures':['JinaForRanking'],'model_type':'qwen3','head_dim':16,'sliding_window':"     \
    "null,'use_sliding_window':false,'max_window_layers':28," SIZES "}"
#define SCORE2                                                                                     \
    "{'architectures':['Qwen2ForSequenceClassification'],'model_type':'qwen2','num_labels':1,"     \
    "'pad_token_id':7," SIZES "}"
#define M0                                                                                         \
    "{'architectures':['JinaVLForRanking'],'model_type':'qwen2_vl','rope_scaling':{'type':"        \
    "'mrope','mrope_section':[1,1,2]}," SIZES "}"
#define GEMMA                                                                                      \
    "{'architectures':['GemmaForCausalLM'],'model_type':'gemma','head_dim':16,'hidden_act':"       \
    "'gelu'," SIZES "}"
#define CHAIN "[{'path':'','type':'sentence_transformers.base.modules.transformer.Transformer'}"
#define SCORED                                                                                     \
    CHAIN ",{'path':'1_LogitScore','type':'sentence_transformers.cross_encoder.modules."           \
          "logit_score.LogitScore'}]"

/* What lies beside config.json, with ' for "; NULL: not there. */
typedef struct beside {
    const char *modules, *logit_score, *tokenizer_config, *readme, *model_card;
} beside;

static wn_status parse(wn_config *out, const char *base, const char *patch, beside files)
{
    static char other[5][1024];
    wn_model_files all = {0};
    const char *const texts[] = {files.modules, files.logit_score, files.tokenizer_config,
                                 files.readme, files.model_card};
    wn_str *const fields[] = {&all.modules, &all.module_configs[1], &all.tokenizer_config,
                              &all.readme, &all.model_card};
    for (size_t i = 0; i < WN_ARRAY_LEN(texts); i++) {
        if (texts[i] == NULL)
            continue;
        snprintf(other[i], sizeof other[i], "%s", texts[i]);
        for (char *c = other[i]; *c != '\0'; c++)
            *c = *c == '\'' ? '"' : *c;
        *fields[i] = wn_str_from(other[i]);
    }
    return check_config_parse(out, base, patch, all, &err);
}

static wn_config accepts(const char *base, const char *patch, beside files)
{
    wn_config config;
    assert_ok(parse(&config, base, patch, files), &err);
    return config;
}

static void refuses(const char *base, const char *patch, beside files, wn_status status,
                    const char *message)
{
    wn_config config;
    assert_int_equal(parse(&config, base, patch, files), status);
    if (strstr(err.message, message) == NULL)
        fail_msg("message '%s' does not contain '%s'", err.message, message);
}

static void unsupported(const char *base, const char *patch, const char *message)
{
    refuses(base, patch, (beside){0}, WN_ERR_UNSUPPORTED, message);
}

static void the_class_tells_the_head_and_the_family_the_prompt(void **state)
{
    (void)state;
    const beside alone = {0};
    wn_config c = accepts(QWEN3, "{}", alone);
    assert_string_equal(c.family_name, "qwen3");
    assert_true(c.kind == WN_KIND_CROSS_ENCODER && c.asks && c.n_answers == 2);
    assert_true(c.answers[0] == -1 && c.answers[1] == -1 && c.prompt == WN_PROMPT_QWEN3);
    assert_true(c.head_dim == 16 && c.n_kv_heads == 2 && c.rope_base == 1e6);
    assert_true(!c.is_tied && accepts(QWEN3, "{'tie_word_embeddings':true}", alone).is_tied);
    assert_true(c.norm_eps == 1e-6 && c.act == WN_ACT_SILU && c.gate == WN_GATE_FIRST);
    c = accepts(SCORE, "{}", alone);
    assert_true(!c.asks && c.n_answers == 0 && c.prompt == WN_PROMPT_QWEN3);
    c = accepts(QWEN2, "{}", alone);
    assert_string_equal(c.family_name, "qwen2");
    assert_true(c.asks && c.prompt == WN_PROMPT_MXBAI && c.head_dim == 8 && c.score_shift == 6);
    assert_true(!c.takes_template && !c.passes_pads);
    c = accepts(QWEN2, "{'hidden_size':896,'num_attention_heads':14}", alone);
    assert_true(c.head_dim == 64 && c.score_shift == 4.5);
    c = accepts(SCORE2, "{'hidden_size':896,'num_attention_heads':14}", alone);
    assert_true(!c.asks && c.n_answers == 0 && c.prompt == WN_PROMPT_MXBAI && c.score_shift == 0);
    assert_true(c.takes_template && c.passes_pads && c.pad_id == 7);
    assert_false(accepts(SCORE2, "{'pad_token_id':null}", alone).passes_pads);
    assert_false(accepts(QWEN2, "{'pad_token_id':7}", alone).passes_pads);
    assert_false(accepts(M0, "{'pad_token_id':7}", alone).passes_pads);
    assert_true(c.score_rule == WN_SCORE_SIGMOID);
}

static void jina_m0_is_its_class_over_qwen2_vl(void **state)
{
    (void)state;
    const beside alone = {0};
    wn_config c = accepts(M0, "{}", alone);
    assert_string_equal(c.family_name, "jina-reranker-m0");
    assert_true(c.kind == WN_KIND_CROSS_ENCODER && !c.asks && c.prompt == WN_PROMPT_JINA_M0);
    assert_true(c.document_first && c.score_shift == 2.65 && c.score_rule == WN_SCORE_SIGMOID);
    assert_true(c.rope_base == 1e6 && c.norm_eps == 1e-5 && c.head_dim == 8);
    assert_true(c.max_tokens == 10240 && c.max_query_tokens == 516 && c.max_doc_tokens == 9733);
    accepts(M0, "{'id2label':{'0':'a','1':'b'}}", alone);
    refuses(M0, "{'rope_scaling':{'type':'mrope','mrope_section':[1,1,1]}}", alone, WN_ERR_FORMAT,
            "'mrope_section': sections of 3 pairs, a head of 8 has 4");
    unsupported(M0, "{'rope_scaling':{'type':'yarn'}}",
                "rope type 'yarn' is not supported, only "
                "'mrope'");
    refuses(QWEN2, "{'rope_scaling':[4]}", alone, WN_ERR_FORMAT,
            "field 'rope_scaling': is an array, expected an object");
    refuses(QWEN2, "{'rope_parameters':4}", alone, WN_ERR_FORMAT,
            "field 'rope_parameters': is an integer, expected an object");
    unsupported(M0, "{'use_sliding_window':true}", "'use_sliding_window' is set");
    unsupported(M0, "{'architectures':['Qwen2VLForConditionalGeneration']}",
                "model_type 'qwen2_vl' is not supported");
    unsupported(QWEN2, "{'rope_scaling':{'type':'mrope','mrope_section':[1,1,2]}}",
                "rope type 'mrope' is not supported, only 'default'");
}

/* Of the same class as v3, and told by its windows, however they are written. */
static void jina_v35_is_refused_by_its_name(void **state)
{
    (void)state;
    static const char *const patches[] = {"{'use_sliding_window':true}",
                                          "{'sliding_window':1024}",
                                          "{'layer_types':['full_attention','sliding_attention']}",
                                          "{'sliding_window_pattern':5}",
                                          "{'local_attention':1024}",
                                          "{'window_size':1024}"};
    wn_config c = accepts(JINA3, "{}", (beside){0});
    assert_string_equal(c.family_name, "jina-reranker-v3");
    assert_true(c.kind == WN_KIND_LISTWISE && c.n_answers == 2);
    accepts(JINA3, "{'layer_types':['full_attention','full_attention']}", (beside){0});
    for (size_t i = 0; i < WN_ARRAY_LEN(patches); i++)
        unsupported(JINA3, patches[i],
                    "a JinaForRanking with sliding windows is jina-reranker-v3.5, which is not "
                    "supported, as its files");
    unsupported(JINA3, "{'window_size':1024}", "config.json: 'window_size' is set");
}

static void gemma_has_one_answer_and_its_own_activation(void **state)
{
    (void)state;
    const beside alone = {0};
    wn_config c = accepts(GEMMA, "{}", alone);
    assert_string_equal(c.family_name, "gemma");
    assert_true(c.asks && c.n_answers == 1 && c.prompt == WN_PROMPT_GEMMA && c.is_tied);
    assert_true(c.act == WN_ACT_GELU_TANH && c.head_dim == 16 && c.rope_base == 10000);
    assert_true(c.embedding_scale * c.embedding_scale > 31.99 && c.embedding_scale < 5.66);
    assert_true(c.max_query_tokens == 384 && c.max_doc_tokens == 512 && c.score_shift == 0);
    assert_false(accepts(GEMMA, "{'tie_word_embeddings':false}", alone).is_tied);
    c = accepts(GEMMA, "{'hidden_activation':'gelu_pytorch_tanh'}", alone);
    assert_int_equal(c.act, WN_ACT_GELU_TANH);
    assert_int_equal(accepts(GEMMA, "{'hidden_act':'silu'}", alone).act, WN_ACT_SILU);
    assert_int_equal(accepts(GEMMA, "{'hidden_act':null}", alone).act, WN_ACT_GELU_TANH);
    unsupported(GEMMA, "{'hidden_activation':'silu'}",
                "hidden_activation and hidden_act name two activations");
    unsupported(GEMMA, "{'hidden_act':'relu2'}", "hidden_act 'relu2' is not supported");
    unsupported(GEMMA, "{'use_bidirectional_attention':true}",
                "'use_bidirectional_attention' is set");
    unsupported(GEMMA, "{'rope_scaling':{'type':'linear'}}", "rope type 'linear'");
    unsupported(GEMMA, "{'architectures':['GemmaForSequenceClassification'],'num_labels':1}",
                "'GemmaForSequenceClassification' is not supported: no published reranker");
    unsupported(GEMMA, "{'model_type':'gemma2','architectures':['Gemma2ForCausalLM']}",
                "model_type 'gemma2' is not supported");
    unsupported(QWEN2, "{'use_bidirectional_attention':true}",
                "'use_bidirectional_attention' is set");
}

static void pairs_are_as_long_as_the_references_make_them(void **state)
{
    (void)state;
    const beside alone = {0}, tokenizer = {.tokenizer_config = "{'model_max_length':4096}"};
    assert_int_equal(accepts(QWEN3, "{}", alone).max_tokens, 8192);
    assert_int_equal(accepts(QWEN2, "{}", alone).max_tokens, 8192 + 79);
    assert_int_equal(accepts(QWEN3, "{'max_position_embeddings':1000}", alone).max_tokens, 1000);
    assert_int_equal(accepts(QWEN3, "{}", tokenizer).max_tokens, 4096);
}

static void rotary_positions_have_two_spellings(void **state)
{
    (void)state;
    const beside alone = {0};
    assert_true(accepts(QWEN3, "{'rope_theta':null}", alone).rope_base == 10000);
    wn_config c = accepts(
        QWEN3, "{'rope_theta':null,'rope_parameters':{'rope_theta':5000,'rope_type':'default'}}",
        alone);
    assert_true(c.rope_base == 5000);
    accepts(QWEN3, "{'rope_scaling':{'type':'default'}}", alone);
    unsupported(QWEN3, "{'rope_scaling':{'type':'yarn','factor':4}}", "rope type 'yarn'");
    unsupported(QWEN3, "{'rope_scaling':{'rope_type':'linear'}}", "rope type 'linear'");
    unsupported(QWEN3, "{'rope_parameters':{'rope_theta':5000,'rope_type':'dynamic'}}",
                "rope type 'dynamic'");
    refuses(QWEN3, "{'rope_theta':0}", alone, WN_ERR_FORMAT, "field 'rope_theta': is 0");
}

static void what_the_graph_does_not_compute_is_refused_by_name(void **state)
{
    (void)state;
    unsupported(QWEN3, "{'use_sliding_window':true}", "'use_sliding_window' is set");
    unsupported(QWEN3, "{'attention_bias':true}", "'attention_bias' is set");
    unsupported(QWEN3, "{'quantization_config':{'bits':4}}", "'quantization_config' is set");
    unsupported(QWEN3, "{'layer_types':['full_attention','sliding_attention']}",
                "layer_types[1] 'sliding_attention' is not supported");
    unsupported(QWEN3, "{'hidden_act':'relu2'}", "hidden_act 'relu2'");
    unsupported(QWEN3, "{'architectures':['Qwen3Model']}", "architecture 'Qwen3Model' of a qwen3");
    unsupported(SCORE, "{'num_labels':2}", "the model has 2 labels");
    unsupported(SCORE2, "{'num_labels':2}", "the model has 2 labels");
    unsupported(SCORE2, "{'num_labels':null}", "the model has 2 labels");
    unsupported("{'architectures':['RobertaForCausalLM'],'model_type':'roberta'}", "{}",
                "architecture 'RobertaForCausalLM' of a roberta model");
}

static void sizes_are_range_checked(void **state)
{
    (void)state;
    static const struct {
        const char *base, *patch, *message;
    } cases[] = {
        {QWEN3, "{'head_dim':15}", "a head is 15 wide, expected an even number"},
        {QWEN3, "{'head_dim':0}", "field 'head_dim': is 0, expected 2..65536"},
        {QWEN3, "{'num_key_value_heads':3}", "is 3, expected a divisor of the 4 heads"},
        {QWEN3, "{'num_key_value_heads':0}", "field 'num_key_value_heads': is 0"},
        {QWEN3, "{'rms_norm_eps':0}", "field 'rms_norm_eps': is 0"},
        {QWEN3, "{'vocab_size':0}", "field 'vocab_size': is 0"},
        {QWEN3, "{'max_position_embeddings':7}", "field 'max_position_embeddings': is 7"},
        {QWEN3, "{'tie_word_embeddings':1}", "field 'tie_word_embeddings': is an integer"},
        {SCORE2, "{'pad_token_id':200}", "field 'pad_token_id': is 200, expected -1..199"},
        {QWEN2, "{'hidden_size':34}", "is 34, expected a multiple of the 4 heads"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++)
        refuses(cases[i].base, cases[i].patch, (beside){0}, WN_ERR_FORMAT, cases[i].message);
}

static void chains_of_modules_tell_the_answers(void **state)
{
    (void)state;
    beside files = {.modules = SCORED, .logit_score = "{'true_token_id':7,'false_token_id':3}"};
    wn_config c = accepts(QWEN3, "{}", files);
    assert_true(c.n_answers == 2 && c.answers[0] == 7 && c.answers[1] == 3);
    files.logit_score = "{'true_token_id':7,'false_token_id':null}";
    c = accepts(QWEN3, "{}", files);
    assert_true(c.n_answers == 1 && c.answers[0] == 7);
    files.logit_score = "{'true_token_id':200,'false_token_id':3}";
    refuses(QWEN3, "{}", files, WN_ERR_FORMAT, "field 'true_token_id': is 200, expected 0..199");
    files.logit_score = "{'false_token_id':3}";
    refuses(QWEN3, "{}", files, WN_ERR_FORMAT, "field 'true_token_id'");
    files.logit_score = NULL;
    refuses(QWEN3, "{}", files, WN_ERR_FORMAT, "1_LogitScore/config.json, which is missing");
    files.modules = CHAIN "]";
    refuses(QWEN3, "{}", files, WN_ERR_UNSUPPORTED, "a qwen3 with neither LogitScore nor");
    refuses(SCORE, "{}", files, WN_ERR_UNSUPPORTED, "a chat template with '<Instruct>'");
    files.tokenizer_config = "{'chat_template':'<Instruct>: {{ instruction }}'}";
    accepts(SCORE, "{}", files);
    refuses(SCORE2, "{}", files, WN_ERR_UNSUPPORTED, "a chat template with 'search relevance");
    files.tokenizer_config = "{'chat_template':'You are a search relevance expert who'}";
    accepts(SCORE2, "{}", files);
    files.modules = SCORED;
    refuses("{'model_type':'bert','architectures':['BertForSequenceClassification'],"
            "'num_labels':1," SIZES "}",
            "{}", (beside){.modules = SCORED}, WN_ERR_UNSUPPORTED, "modules.json");
}

#define CARD(lines) "---\nlicense: apache-2.0\n" lines "---\n# "

static void what_a_card_says_against_ranking_is_believed(void **state)
{
    (void)state;
    static const char *const bases[] = {QWEN3, SCORE, QWEN2, SCORE2, GEMMA};
    static const char *const good[] = {CARD("pipeline_tag: text-ranking\n") "A model",
                                       CARD("") "A Reranker",
                                       CARD("pipeline_tag: text-classification\n") "RERANKER",
                                       "For reranking", CARD("tags:\n- text-ranking\n")};
    static const struct {
        const char *card, *message;
    } bad[] = {
        {CARD("pipeline_tag: text-generation\n") "It can rerank, too",
         "README.md: this is no reranker: its pipeline_tag is 'text-generation'"},
        {CARD("pipeline_tag: feature-extraction\n") "Embeddings and rerankers",
         "its pipeline_tag is 'feature-extraction', expected 'text-ranking'"},
        {CARD("pipeline_tag: text-classification\n") "A reward model",
         "README.md: this is no reranker: the card of the "},
        {"A chat model", "says nothing of reranking"},
    };
    for (size_t b = 0; b < WN_ARRAY_LEN(bases); b++) {
        for (size_t i = 0; i < WN_ARRAY_LEN(good); i++)
            accepts(bases[b], "{}", (beside){.readme = good[i], .model_card = "A chat model"});
        for (size_t i = 0; i < WN_ARRAY_LEN(bad); i++)
            refuses(bases[b], "{}", (beside){.readme = bad[i].card}, WN_ERR_UNSUPPORTED,
                    bad[i].message);
        refuses(bases[b], "{}", (beside){.model_card = "A chat model"}, WN_ERR_UNSUPPORTED,
                "MODEL_CARD.md: this is no reranker");
    }
    accepts(M0, "{}", (beside){.readme = "A model of its own class"});
    accepts("{'architectures':['BertForSequenceClassification'],'model_type':'bert',"
            "'num_labels':1," SIZES "}",
            "{}", (beside){.readme = "A classification"});
    accepts(QWEN3, "{}",
            (beside){.modules = SCORED,
                     .logit_score = "{'true_token_id':7,'false_token_id':3}",
                     .readme = "A chain says enough"});
}

static void code_of_a_models_own_is_not_guessed(void **state)
{
    (void)state;
    unsupported(QWEN3, "{'auto_map':{'AutoConfig':'modeling_zeranker.ZEConfig'}}",
                "'auto_map' names code of the model's own");
    unsupported(GEMMA, "{'auto_map':{'AutoModelForCausalLM':'gemma_model.CostWise'}}",
                "'auto_map' names code of the model's own");
    accepts(QWEN3, "{'auto_map':{}}", (beside){0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_class_tells_the_head_and_the_family_the_prompt),
        cmocka_unit_test(jina_m0_is_its_class_over_qwen2_vl),
        cmocka_unit_test(jina_v35_is_refused_by_its_name),
        cmocka_unit_test(gemma_has_one_answer_and_its_own_activation),
        cmocka_unit_test(pairs_are_as_long_as_the_references_make_them),
        cmocka_unit_test(rotary_positions_have_two_spellings),
        cmocka_unit_test(what_the_graph_does_not_compute_is_refused_by_name),
        cmocka_unit_test(sizes_are_range_checked),
        cmocka_unit_test(chains_of_modules_tell_the_answers),
        cmocka_unit_test(what_a_card_says_against_ranking_is_believed),
        cmocka_unit_test(code_of_a_models_own_is_not_guessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
