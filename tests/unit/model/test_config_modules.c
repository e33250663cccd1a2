/* Modules of sentence-transformers behind the pooling: which chains become a head, and what is
 * refused by name. */
#include "tests/support/check.h"
#include "tests/support/check_config.h"

#include "base/str.h"

#include <stdio.h>

static wn_error err;

#define BARE "{'model_type':'bert','architectures':['BertModel']," CHECK_SIZES "}"
#define HEADED                                                                                     \
    "{'model_type':'bert','architectures':['BertForSequenceClassification'],'num_labels':1,"       \
    "" CHECK_SIZES "}"

/* A module: its class, its folder and its config.json. */
typedef struct part {
    const char *type, *path, *config;
} part;

static const part transformer = {"a.Transformer", "", NULL},
                  pooling = {"b.Pooling", "1_Pooling", "{}"};
static const part dense = {
    "c.Dense", "2_Dense",
    "{\"in_features\":32,\"out_features\":32,\"bias\":false,"
    "\"activation_function\":\"torch.nn.modules.activation.GELU\",\"module_output_name\":null}"};
static const part norm = {"d.LayerNorm", "3_LayerNorm", "{\"dimension\":32}"};
static const part out = {"c.Dense", "4_Dense",
                         "{\"in_features\":32,\"out_features\":1,\"activation_function\":"
                         "\"torch.nn.modules.linear.Identity\",\"module_output_name\":\"scores\"}"};

static wn_status parse(wn_config *config, const char *base, const part *chain, size_t n)
{
    char modules[2048] = "[";
    wn_model_files files = {0};
    for (size_t i = 0; i < n; i++) {
        size_t at = strlen(modules);
        snprintf(modules + at, sizeof modules - at, "%s{\"type\":\"%s\",\"path\":\"%s\"}",
                 i > 0 ? "," : "", chain[i].type, chain[i].path);
        if (i < WN_MODULES_MAX)
            files.module_configs[i] = wn_str_from(chain[i].config);
    }
    strcat(modules, "]");
    files.modules = wn_str_from(modules);
    return check_config_parse(config, base, "{}", files, &err);
}

static void refused(const char *base, const part *chain, size_t n, wn_status status,
                    const char *message)
{
    wn_config config;
    assert_fails(parse(&config, base, chain, n), status, &err, message);
}

static void chain_that_ends_in_one_output_is_a_cross_encoder(void **state)
{
    (void)state;
    wn_config c;
    const part whole[] = {transformer, pooling, dense, norm, out};
    assert_ok(parse(&c, BARE, whole, 5), &err);
    assert_true(c.kind == WN_KIND_CROSS_ENCODER && c.score_rule == WN_SCORE_SIGMOID);
    assert_true(c.pool == WN_POOL_MEAN && c.modules.act == WN_ACT_GELU);
    assert_string_equal(c.modules.dense.name, "2_Dense.linear");
    assert_string_equal(c.modules.norm.name, "3_LayerNorm.norm");
    assert_string_equal(c.modules.out.name, "4_Dense.linear");
    assert_true(!c.modules.dense.has_bias && c.modules.norm.has_bias && c.modules.out.has_bias);
    const part shortest[] = {transformer, pooling, {"x.Dropout", "2_Dropout", NULL}, out};
    assert_ok(parse(&c, BARE, shortest, 4), &err);
    assert_true(c.kind == WN_KIND_CROSS_ENCODER && c.modules.dense.folder[0] == '\0' &&
                c.modules.norm.folder[0] == '\0');
    const part embedder[] = {transformer, pooling, {"x.Normalize", "2_Normalize", NULL}};
    assert_ok(parse(&c, BARE, embedder, 3), &err);
    assert_true(c.kind == WN_KIND_EMBEDDER && c.modules.out.folder[0] == '\0');
}

static void other_chains_are_refused(void **state)
{
    (void)state;
    const part normalize = {"x.Normalize", "2_Normalize", NULL};
    const part vectors[] = {transformer, pooling, dense, normalize};
    refused(BARE, vectors, 4, WN_ERR_UNSUPPORTED, "modules.json: '2_Dense' makes vectors");
    const part twice[] = {transformer, pooling, dense, dense, out};
    refused(BARE, twice, 5, WN_ERR_UNSUPPORTED, "'2_Dense' behind '2_Dense' is not supported");
    const part turned[] = {transformer, pooling, norm, dense, out};
    refused(BARE, turned, 5, WN_ERR_UNSUPPORTED, "'2_Dense' behind '3_LayerNorm'");
    const part norms[] = {transformer, pooling, norm, norm, out};
    refused(BARE, norms, 5, WN_ERR_UNSUPPORTED, "'3_LayerNorm' behind '3_LayerNorm'");
    const part behind[] = {transformer, pooling, out, norm};
    refused(BARE, behind, 4, WN_ERR_UNSUPPORTED, "LayerNorm in '3_LayerNorm' is not supported");
    const part unit_score[] = {transformer, pooling, out, normalize};
    refused(BARE, unit_score, 4, WN_ERR_UNSUPPORTED, "module 'x.Normalize' in '2_Normalize'");
    const part unit_row[] = {transformer, pooling, normalize, out};
    refused(BARE, unit_row, 4, WN_ERR_UNSUPPORTED, "module 'c.Dense' in '4_Dense'");
    const part unpooled[] = {transformer, out};
    refused(BARE, unpooled, 2, WN_ERR_UNSUPPORTED, "module 'c.Dense' in '4_Dense'");
    const part two_heads[] = {transformer, pooling, out};
    refused(HEADED, two_heads, 3, WN_ERR_UNSUPPORTED, "Dense in '4_Dense' is not supported there");
    part away[] = {transformer, pooling, out};
    away[2].path = "../4_Dense";
    refused(BARE, away, 3, WN_ERR_UNSUPPORTED, "Dense in '../4_Dense' is not supported there");
}

static void modules_say_what_is_computed(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        wn_status status;
        const char *message;
    } cases[] = {
        {NULL, WN_ERR_FORMAT, "modules.json names 2_Dense/config.json, which is missing"},
        {"[]", WN_ERR_FORMAT, "2_Dense/config.json: is an array"},
        {"{\"in_features\":31}", WN_ERR_FORMAT,
         "2_Dense/config.json: field 'in_features': is 31, hidden_size is 32"},
        {"{\"out_features\":16}", WN_ERR_UNSUPPORTED, "2_Dense/config.json: out_features 16 is"},
        {"{\"out_features\":0}", WN_ERR_FORMAT, "field 'out_features': is 0"},
        {"{\"activation_function\":\"torch.nn.modules.activation.Mish\"}", WN_ERR_UNSUPPORTED,
         "activation_function 'torch.nn.modules.activation.Mish' is not supported"},
        {"{\"activation_function\":\"mine.GELU\"}", WN_ERR_UNSUPPORTED, "'mine.GELU'"},
        {"{\"out_features\":1}", WN_ERR_UNSUPPORTED, "of the score is not supported, only"},
        {"{\"use_residual\":true}", WN_ERR_UNSUPPORTED, "'use_residual' is set"},
        {"{\"module_input_name\":\"token_embeddings\"}", WN_ERR_UNSUPPORTED,
         "reads 'token_embeddings' and writes 'token_embeddings'"},
        {"{\"module_output_name\":\"scores\"}", WN_ERR_UNSUPPORTED, "writes 'scores', expected"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        part chain[] = {transformer, pooling, dense, out};
        chain[2].config = cases[i].config;
        refused(BARE, chain, 4, cases[i].status, cases[i].message);
    }
    part chain[] = {transformer, pooling, norm, out};
    chain[2].config = "{\"dimension\":16}";
    refused(BARE, chain, 4, WN_ERR_FORMAT, "field 'dimension': is 16, hidden_size is 32");
    part plain[] = {transformer, pooling, dense, out};
    wn_config c;
    plain[2].config = "{}";
    assert_ok(parse(&c, BARE, plain, 4), &err);
    assert_true(c.modules.act == WN_ACT_TANH && c.modules.dense.has_bias);
}

static void folders_are_listed_in_order(void **state)
{
    (void)state;
    wn_folders f;
    assert_ok(wn_config_list_folders(&f, (wn_str){NULL, 0}, &err), &err);
    assert_int_equal(f.n, 0);
    assert_ok(wn_config_list_folders(&f,
                                     WN_STR("[{\"path\":\"\"},{\"path\":\"1_Pooling\"},{\"path\":"
                                            "\"../x\"},{\"path\":3},7,{\"path\":\"a/b\"}]"),
                                     &err),
              &err);
    assert_int_equal(f.n, 6);
    for (size_t i = 0; i < f.n; i++)
        assert_string_equal(f.at[i], i == 1 ? "1_Pooling" : "");
    assert_int_equal(wn_config_list_folders(&f, WN_STR("[{"), &err), WN_ERR_FORMAT);
    assert_ok(wn_config_list_folders(&f, WN_STR("[0,1,2,3,4,5,6,7,8,9]"), &err), &err);
    assert_int_equal(f.n, WN_MODULES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chain_that_ends_in_one_output_is_a_cross_encoder),
        cmocka_unit_test(other_chains_are_refused),
        cmocka_unit_test(modules_say_what_is_computed),
        cmocka_unit_test(folders_are_listed_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
