/* Structs of callers that were compiled with an older or newer header, and texts without bytes. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/defs.h"
#include "base/str.h"

#define MODEL "tests/golden/models/embed-mean"

/* Room for the largest struct and for fields of the future behind it. */
typedef union room {
    size_t struct_size;
    unsigned char bytes[256];
} room;

static wn_engine *engine;
static wn_runner *runner;
static wn_error err;

static wn_status open_with(void *options)
{
    wn_engine *other = NULL;
    wn_status status = wn_engine_open(&other, options, &err);
    wn_engine_close(other);
    return status;
}

static wn_status run_with(void *options)
{
    wn_runner *other = NULL;
    wn_status status = wn_runner_new(&other, engine, options, &err);
    wn_runner_free(other);
    return status;
}

static wn_status rank_with(void *request)
{
    wn_job *job = NULL;
    wn_status status = wn_rank(&job, runner, request, &err);
    wn_job_free(job);
    return status;
}

static wn_status embed_with(void *options)
{
    float out[32];
    const wn_str text = WN_STR("balan");
    return wn_embed(out, runner, &text, 1, options, &err);
}

static wn_status tokenize_with(void *options)
{
    wn_tokens *t = NULL;
    wn_status status = wn_tokenize(&t, engine, WN_STR("balan"), options, &err);
    wn_tokens_free(t);
    return status;
}

static wn_status detokenize_with(void *options)
{
    wn_str text = {0};
    wn_status status = wn_detokenize(&text, engine, (const int32_t[]){5}, 1, options, &err);
    wn_text_free(text);
    return status;
}

static wn_status engine_info_to(void *info)
{
    return wn_engine_get_info(engine, info, &err);
}

static wn_status runner_info_to(void *info)
{
    return wn_runner_get_info(runner, info, &err);
}

static const struct {
    const char *name;
    size_t size;
    wn_status (*call)(void *);
    bool is_info;
} structs[] = {
    {"wn_engine_options", sizeof(wn_engine_options), open_with, false},
    {"wn_runner_options", sizeof(wn_runner_options), run_with, false},
    {"wn_request", sizeof(wn_request), rank_with, false},
    {"wn_embed_options", sizeof(wn_embed_options), embed_with, false},
    {"wn_tokenize_options", sizeof(wn_tokenize_options), tokenize_with, false},
    {"wn_detokenize_options", sizeof(wn_detokenize_options), detokenize_with, false},
    {"wn_engine_info", sizeof(wn_engine_info), engine_info_to, true},
    {"wn_runner_info", sizeof(wn_runner_info), runner_info_to, true},
};

static int open_model(void **state)
{
    (void)state;
    engine = check_engine(MODEL, NULL);
    runner = check_runner(engine, 1, 0);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    wn_runner_free(runner);
    wn_engine_close(engine);
    return 0;
}

static void struct_size_that_was_never_set_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < WN_ARRAY_LEN(structs); i++) {
        const size_t sizes[] = {0, 3, sizeof(size_t) - 1, (size_t)1 << 20, SIZE_MAX};
        for (size_t j = 0; j < WN_ARRAY_LEN(sizes); j++) {
            room r = {.struct_size = sizes[j]};
            assert_fails(structs[i].call(&r), WN_ERR_ARGUMENT, &err, structs[i].name);
        }
        assert_fails(structs[i].call(NULL), WN_ERR_ARGUMENT, &err, structs[i].name);
    }
}

static void older_struct_has_defaults_in_the_fields_that_it_lacks(void **state)
{
    (void)state;
    for (size_t i = 0; i < WN_ARRAY_LEN(structs); i++) {
        room r;
        memset(&r, 0xA5, sizeof r); /* what lies behind the caller's struct is not read */
        r.struct_size = sizeof(size_t);
        assert_ok(structs[i].call(&r), &err);
        assert_int_equal(r.struct_size, sizeof(size_t));
        for (size_t b = sizeof(size_t); b < sizeof r; b++)
            assert_int_equal(r.bytes[b], 0xA5);
    }
}

static void newer_struct_is_taken_while_its_new_fields_are_0(void **state)
{
    (void)state;
    for (size_t i = 0; i < WN_ARRAY_LEN(structs); i++) {
        room r = {.struct_size = sizeof r};
        assert_true(structs[i].size < sizeof r);
        assert_ok(structs[i].call(&r), &err);
        assert_int_equal(r.struct_size, sizeof r);
        r.bytes[sizeof r - 1] = 1;
        if (structs[i].is_info) {
            assert_ok(structs[i].call(&r), &err);
            assert_int_equal(r.bytes[sizeof r - 1], 0);
        } else {
            assert_fails(structs[i].call(&r), WN_ERR_ARGUMENT, &err, "byte 255 is set");
        }
    }
}

static void text_without_bytes_is_refused(void **state)
{
    (void)state;
    const wn_str none = {NULL, 0}, bad = {NULL, 3};
    const wn_str texts[] = {WN_STR("balan"), none, bad};
    wn_job *job = NULL;
    wn_tokens *t = NULL;
    float out[3 * 32];
    wn_embed_options embed = WN_EMBED_OPTIONS_INIT;
    wn_tokenize_options tokenize = WN_TOKENIZE_OPTIONS_INIT;
    wn_request request = check_request(bad, texts, 2);
    assert_fails(wn_rank(&job, runner, &request, &err), WN_ERR_ARGUMENT, &err, "query: ");
    request = check_request(none, texts, 3);
    assert_fails(wn_rank(&job, runner, &request, &err), WN_ERR_ARGUMENT, &err, "document 2: ");
    request = check_request(none, NULL, 1);
    assert_fails(wn_rank(&job, runner, &request, &err), WN_ERR_ARGUMENT, &err, "documents");
    assert_fails(wn_embed(out, runner, texts, 3, &embed, &err), WN_ERR_ARGUMENT, &err, "text 2: ");
    assert_ok(wn_embed(out, runner, texts, 2, &embed, &err), &err);
    assert_fails(wn_tokenize(&t, engine, bad, &tokenize, &err), WN_ERR_ARGUMENT, &err, "3 bytes");
    assert_ok(wn_tokenize(&t, engine, none, &tokenize, &err), &err);
    wn_str text;
    wn_detokenize_options detokenize = WN_DETOKENIZE_OPTIONS_INIT;
    assert_fails(wn_detokenize(&text, engine, NULL, 2, &detokenize, &err), WN_ERR_ARGUMENT, &err,
                 "ids is NULL, n is 2");
    assert_ok(wn_detokenize(&text, engine, NULL, 0, &detokenize, &err), &err);
    assert_int_equal(text.len, 0);
    wn_text_free(text);
    wn_tokens_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(struct_size_that_was_never_set_is_refused_by_name),
        cmocka_unit_test(older_struct_has_defaults_in_the_fields_that_it_lacks),
        cmocka_unit_test(newer_struct_is_taken_while_its_new_fields_are_0),
        cmocka_unit_test(text_without_bytes_is_refused),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
