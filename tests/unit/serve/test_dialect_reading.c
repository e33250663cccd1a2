/* What each dialect makes of a good body: the calls, in words. */
#include "tests/support/check_dialect.h"

#include "base/str.h"

/* query: document | document, and what differs from the call of an empty body. */
static void describe(wn_buf *out, const wn_rank_call *call)
{
    if (call->id.len > 0)
        wn_buf_printf(out, "#%.*s ", WN_STR_ARG(call->id));
    wn_buf_printf(out, "%.*s:", WN_STR_ARG(call->query));
    for (size_t i = 0; i < call->documents.n; i++)
        wn_buf_printf(out, "%s%.*s", i > 0 ? " | " : " ", WN_STR_ARG(call->documents.at[i]));
    for (size_t i = 0; i < call->rank_fields.n; i++)
        wn_buf_printf(out, " by %.*s", WN_STR_ARG(call->rank_fields.names[i]));
    if (call->model.len > 0)
        wn_buf_printf(out, " model=%.*s", WN_STR_ARG(call->model));
    if (call->instruction.len > 0)
        wn_buf_printf(out, " as=%.*s", WN_STR_ARG(call->instruction));
    if (call->top_n > 0)
        wn_buf_printf(out, " top=%lld", (long long)call->top_n);
    if (call->max_document_tokens > 0)
        wn_buf_printf(out, " max=%lld", (long long)call->max_document_tokens);
    if (call->deadline_ms > 0)
        wn_buf_printf(out, " deadline=%lld", (long long)call->deadline_ms);
    if (call->min_score > -HUGE_VAL)
        wn_buf_printf(out, " min=%g", call->min_score);
    wn_buf_printf(out, "%s%s%s%s%s%s", call->return_documents ? "" : " hidden",
                  call->truncation ? "" : " whole", call->raw_scores ? " raw" : "",
                  call->return_logits ? " logits" : "", call->return_spans ? " spans" : "",
                  call->explain ? " explain" : "");
}

typedef struct example {
    const wn_dialect *dialect;
    const char *body, *calls; /* one a line */
} example;

static void check_example(const example *e)
{
    check_reading reading;
    wn_buf text = WN_BUF_INIT;
    check_read(&reading, e->dialect, NULL, e->body);
    if (reading.body == NULL || reading.problem.status != 0)
        fail_msg("%s: %s: %s%s", e->dialect->name, e->body, reading.err.message,
                 reading.problem.detail);
    for (size_t i = 0; i < reading.calls.n; i++) {
        if (i > 0)
            wn_buf_push_byte(&text, '\n');
        describe(&text, &reading.calls.at[i]);
    }
    assert_true(wn_buf_push_byte(&text, '\0'));
    if (strcmp(text.ptr, e->calls) != 0)
        fail_msg("%s: %s is '%s', expected '%s'", e->dialect->name, e->body, text.ptr, e->calls);
    wn_buf_deinit(&text);
    check_read_end(&reading);
}

#define CHECK_EXAMPLES(...)                                                                        \
    do {                                                                                           \
        static const example examples[] = {__VA_ARGS__};                                           \
        for (size_t i = 0; i < WN_ARRAY_LEN(examples); i++)                                        \
            check_example(&examples[i]);                                                           \
    } while (0)

static void both_eras_of_jina_are_read(void **state)
{
    (void)state;
    CHECK_EXAMPLES(
        {&wn_dialect_jina, "{\"query\":\"q\",\"documents\":[\"a\",{\"text\":\"b\",\"x\":1}]}",
         "q: a | b"},
        {&wn_dialect_jina,
         "{\"model\":\"m\",\"query\":{\"text\":\"q\"},\"documents\":[\"\"],\"top_n\":null,"
         "\"return_documents\":false,\"user\":1}",
         "q:  model=m hidden"},
        {&wn_dialect_jina, "{\"query\":\"q\",\"documents\":[\"a\"],\"top_k\":2}", "q: a top=2"},
        {&wn_dialect_jina, "{\"query\":\"q\",\"documents\":[\"a\"],\"top_n\":3.0,\"top_k\":2}",
         "q: a top=3"},
        {&wn_dialect_jina,
         "{\"query\":\"q\",\"documents\":[\"a\"],\"truncation\":false,\"max_doc_length\":5,"
         "\"raw_scores\":true}",
         "q: a max=5 whole raw"},
        {&wn_dialect_jina,
         "{\"query\":\"q\",\"documents\":[\"a\"],\"truncate\":false,\"max_tokens_per_doc\":6}",
         "q: a max=6 whole"},
        {&wn_dialect_jina,
         "{\"query\":\"q\",\"documents\":[\"a\"],\"return_logits\":true,\"return_spans\":true,"
         "\"explain\":true,\"deadline_ms\":7,\"min_score\":0.5,\"instruction\":\"i\"}",
         "q: a as=i deadline=7 min=0.5 logits spans explain"},
        {&wn_dialect_jina, "{\"query\":\"q\",\"documents\":[\"a\"],\"instruction\":null}", "q: a"},
        {&wn_dialect_tei, "{\"query\":\"q\",\"texts\":[\"a\"],\"instruction\":\"i\"}",
         "q: a as=i hidden"},
        {&wn_dialect_batch,
         "{\"queries\":[\"q\",\"r\"],\"documents\":[\"a\"],\"instruction\":\"i\"}",
         "q: a as=i hidden\nr: a as=i hidden"},
        {&wn_dialect_jina,
         "{\"query\":\"q\",\"rank_fields\":[\"t\",\"u\"],\"documents\":[{\"u\":\"b\",\"t\":\"a\"}]"
         "}",
         "q: a\nb by t by u"},
        {&wn_dialect_generic, "{\"query\":\"q\",\"documents\":[\"a\"],\"top_n\":0}", "q: a"}, );
}

static void names_of_other_apis_stand_for_the_same(void **state)
{
    (void)state;
    CHECK_EXAMPLES(
        {&wn_dialect_cohere_v1,
         "{\"query\":\"q\",\"documents\":[{\"t\":\"a\"}],\"rank_fields\":[\"t\"],"
         "\"return_documents\":true,\"max_chunks_per_doc\":10,\"top_n\":1}",
         "q: a by t top=1"},
        {&wn_dialect_cohere_v2,
         "{\"model\":\"m\",\"query\":\"q\",\"documents\":[\"a\"],\"max_tokens_per_doc\":9,"
         "\"priority\":1}",
         "q: a model=m max=9 hidden"},
        {&wn_dialect_tei,
         "{\"query\":\"q\",\"texts\":[\"a\",\"b\"],\"raw_scores\":true,\"truncate\":null,"
         "\"truncation_direction\":\"Right\"}",
         "q: a | b hidden raw"},
        {&wn_dialect_tei,
         "{\"query\":\"q\",\"texts\":[\"a\"],\"return_text\":true,\"truncate\":false}",
         "q: a whole"},
        {&wn_dialect_llamacpp, "{\"query\":\"q\",\"documents\":[\"a\"],\"top_n\":0}",
         "q: a hidden raw"},
        {&wn_dialect_voyage,
         "{\"query\":\"q\",\"documents\":[\"a\"],\"top_k\":4,\"truncation\":false}",
         "q: a top=4 hidden whole"},
        {&wn_dialect_pinecone,
         "{\"query\":\"q\",\"documents\":[{\"text\":\"a\"}],\"top_n\":5,"
         "\"parameters\":{\"truncate\":\"END\"}}",
         "q: a top=5"},
        {&wn_dialect_pinecone,
         "{\"query\":\"q\",\"documents\":[{\"text\":\"a\"}],\"return_documents\":false,"
         "\"parameters\":{\"truncate\":\"NONE\"}}",
         "q: a hidden whole"},
        {&wn_dialect_mixedbread,
         "{\"query\":\"q\",\"input\":[\"a\"],\"top_k\":6,\"return_input\":true}", "q: a top=6"},
        {&wn_dialect_isaacus, "{\"query\":\"q\",\"texts\":[\"a\"],\"top_n\":7}",
         "q: a top=7 hidden"},
        {&wn_dialect_nim,
         "{\"query\":{\"text\":\"q\"},\"passages\":[{\"text\":\"a\"}],\"truncate\":\"END\"}",
         "q: a raw"},
        {&wn_dialect_nim,
         "{\"query\":{\"text\":\"q\"},\"passages\":[{\"text\":\"a\"}],\"truncate\":\"NONE\"}",
         "q: a whole raw"},
        {&wn_dialect_openvino, "{\"query\":\"q\",\"documents\":[\"a\"],\"top_n\":8}",
         "q: a top=8 hidden"}, );
}

static void wrapped_bodies_are_unwrapped(void **state)
{
    (void)state;
    CHECK_EXAMPLES(
        {&wn_dialect_sagemaker,
         "{\"data\":{\"query\":\"q\",\"documents\":[{\"text\":\"a\"}],\"top_n\":2}}", "q: a top=2"},
        {&wn_dialect_sagemaker, "{\"data\":[{\"query\":\"q\",\"documents\":[\"a\"]}]}", "q: a"},
        {&wn_dialect_vertex,
         "{\"instances\":[{\"query\":\"q\",\"texts\":[\"a\"]},{\"query\":\"r\",\"texts\":[\"b\"],"
         "\"top_n\":1,\"raw_scores\":false}],\"parameters\":{\"raw_scores\":true,\"top_n\":3,"
         "\"return_text\":true}}",
         "q: a top=3 raw\nr: b top=1"},
        {&wn_dialect_vertex,
         "{\"instances\":[{\"query\":\"q\",\"texts\":[\"a\"],\"truncate\":false}],"
         "\"parameters\":null}",
         "q: a hidden whole"}, );
}

static void pairs_are_calls_of_one_document(void **state)
{
    (void)state;
    CHECK_EXAMPLES({&wn_dialect_tei_predict, "{\"inputs\":[\"q\",\"a\"]}", "q: a"},
                   {&wn_dialect_tei_predict,
                    "{\"inputs\":[[\"q\",\"a\"],[\"r\",\"b\"]],\"raw_scores\":true,"
                    "\"truncate\":false}",
                    "q: a whole raw\nr: b whole raw"},
                   {&wn_dialect_vllm_score, "{\"text_1\":\"q\",\"text_2\":\"a\"}", "q: a"},
                   {&wn_dialect_vllm_score,
                    "{\"model\":\"m\",\"text_1\":[\"q\"],\"text_2\":[\"a\",\"b\"]}",
                    "q: a model=m\nq: b model=m"},
                   {&wn_dialect_vllm_score, "{\"text_1\":[\"q\",\"r\"],\"text_2\":[\"a\",\"b\"]}",
                    "q: a\nr: b"}, );
}

static void batches_are_a_call_a_query(void **state)
{
    (void)state;
    CHECK_EXAMPLES(
        {&wn_dialect_batch,
         "{\"model\":\"m\",\"queries\":[\"q\",\"r\"],\"documents\":[\"a\"],\"top_n\":1}",
         "q: a model=m top=1 hidden\nr: a model=m top=1 hidden"},
        {&wn_dialect_batch, "{\"queries\":[\"q\"],\"requests\":null,\"documents\":[\"a\"]}",
         "q: a hidden"},
        {&wn_dialect_batch,
         "{\"queries\":null,\"requests\":[{\"query\":\"q\",\"documents\":[\"a\"]}]}",
         "q: a hidden"},
        {&wn_dialect_batch,
         "{\"model\":\"m\",\"top_n\":2,\"requests\":[{\"query\":\"q\",\"documents\":[\"a\"]},"
         "{\"query\":\"r\",\"documents\":[\"b\"],\"model\":\"other\",\"top_n\":1,"
         "\"return_documents\":true}]}",
         "q: a model=m top=2 hidden\nr: b model=m top=1"}, );
}

static void lines_of_csv_are_calls(void **state)
{
    (void)state;
    CHECK_EXAMPLES({&wn_dialect_sagemaker_csv, "1,q,[\"a\"]", "#1 q: a"},
                   {&wn_dialect_sagemaker_csv,
                    "1,q\\,s,[\"a\"\\,{\"text\":\"b\"}],2\r\n\r\nx\\y,r,[\"c\"],\n",
                    "#1 q,s: a | b top=2\n#x\\y r: c"},
                   {&wn_dialect_sagemaker_csv, ",q\\,[\"a\"],[\"a\"]\n", "q,[\"a\"]: a"},
                   {&wn_dialect_sagemaker_csv, "\\,1,q\\x,[\"a\"]", "#,1 q\\x: a"}, );
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_eras_of_jina_are_read),
        cmocka_unit_test(names_of_other_apis_stand_for_the_same),
        cmocka_unit_test(wrapped_bodies_are_unwrapped),
        cmocka_unit_test(pairs_are_calls_of_one_document),
        cmocka_unit_test(batches_are_a_call_a_query),
        cmocka_unit_test(lines_of_csv_are_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
