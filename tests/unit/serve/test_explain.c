/* What is told of results beyond their scores: against the model asked directly. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/defs.h"
#include "base/mem.h"
#include "base/str.h"
#include "serve/explain.h"

#define BERT    "tests/golden/models/bert"
#define COLBERT "tests/golden/models/colbert"

static const wn_str query = {"balan dimer", 11};
static const wn_str documents[] = {
    {"  Fonis balan. Gutok dimer celan! ", 34},
    {"balan", 5},
    {"Celan d\xC3\xADmer: fonis. Balan? Bamer", 33},
};
static wn_error err;

/* A ranking and its second round. */
typedef struct ranking {
    wn_arena arena;
    wn_engine *engine;
    wn_runner *runner;
    wn_rank_call call;
    wn_job *first, *second;
    wn_explain_plan plan;
} ranking;

static void begin(ranking *r, const char *model)
{
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    size_t n;
    *r = (ranking){.engine = check_engine(model, NULL)};
    r->runner = check_runner(r->engine, 1, 0);
    r->call = wn_rank_call_init(&r->arena);
    r->call.query = query;
    r->call.documents = (wn_texts){.at = documents, .n = WN_ARRAY_LEN(documents)};
    r->call.explain = r->call.return_spans = true;
    wn_request request = check_request(query, documents, WN_ARRAY_LEN(documents));
    request.want_windows = true;
    assert_ok(wn_rank(&r->first, r->runner, &request, &err), &err);
    assert_ok(wn_engine_get_info(r->engine, &info, &err), &err);
    const wn_result *results = wn_job_results(r->first, &n);
    assert_true(wn_explain_make_plan(&r->plan, &r->call, results, n, &info));
    assert_true(wn_explain_list_texts(&r->plan, &r->call));
    request = check_request(query, r->plan.texts, r->plan.n_texts);
    request.want_matches = r->plan.want_matches;
    assert_ok(wn_rank(&r->second, r->runner, &request, &err), &err);
    assert_true(wn_explain_read(&r->call, &r->plan, r->second));
}

static void end(ranking *r)
{
    wn_job_free(r->first);
    wn_job_free(r->second);
    wn_runner_free(r->runner);
    wn_engine_close(r->engine);
    wn_arena_deinit(&r->arena);
}

static float logit_of(ranking *r, wn_str text)
{
    wn_request request = check_request(query, &text, 1);
    wn_job *job = NULL;
    size_t n;
    assert_ok(wn_rank(&job, r->runner, &request, &err), &err);
    float logit = wn_job_results(job, &n)[0].logit;
    wn_job_free(job);
    return logit;
}

/* What is written of the results, as JSON. */
static json_t *written(ranking *r)
{
    wn_buf out = WN_BUF_INIT;
    size_t n;
    const wn_result *results = wn_job_results(r->first, &n);
    wn_buf_push_byte(&out, '[');
    for (size_t i = 0; i < n; i++) {
        wn_buf_printf(&out, "%s{\"index\":%zu", i > 0 ? "," : "", results[i].index);
        assert_true(wn_explain_push(&out, &r->call, &results[i]));
        wn_buf_push_byte(&out, '}');
    }
    wn_buf_push_byte(&out, ']');
    json_t *json = json_loadb(out.ptr, out.len, 0, NULL);
    assert_non_null(json);
    wn_buf_deinit(&out);
    return json;
}

static wn_segment range_of(const json_t *object)
{
    return (wn_segment){(size_t)json_integer_value(json_object_get(object, "start")),
                        (size_t)json_integer_value(json_object_get(object, "end"))};
}

static wn_str slice(wn_str text, wn_segment s)
{
    return wn_str_slice(text, s.start, s.end);
}

static void the_weight_of_a_word_is_what_the_score_loses_without_it(void **state)
{
    (void)state;
    ranking r;
    begin(&r, BERT);
    json_t *results = written(&r), *result, *token;
    size_t i, k, n_tokens = 0;
    json_array_foreach(results, i, result)
    {
        wn_str text = documents[json_integer_value(json_object_get(result, "index"))];
        const json_t *explain = json_object_get(result, "explain");
        assert_string_equal(json_string_value(json_object_get(explain, "method")), "occlusion");
        assert_null(json_object_get(explain, "special"));
        json_array_foreach(json_object_get(explain, "tokens"), k, token)
        {
            char rest[64];
            wn_segment s = range_of(token);
            int len =
                snprintf(rest, sizeof rest, "%.*s%s", (int)s.start, text.ptr, text.ptr + s.end);
            double loss =
                (double)logit_of(&r, text) - (double)logit_of(&r, (wn_str){rest, (size_t)len});
            assert_near(json_real_value(json_object_get(token, "weight")), loss, 1e-6);
            assert_true(wn_str_equal(
                slice(text, s), wn_str_from(json_string_value(json_object_get(token, "text")))));
            assert_null(json_object_get(token, "query"));
            n_tokens++;
        }
    }
    assert_int_equal(i, 3);
    assert_int_equal(n_tokens, 5 + 1 + 5);
    json_decref(results);
    end(&r);
}

static void check_sentences(const char *model)
{
    static const char *const sentences[3][4] = {
        {"Fonis balan.", "Gutok dimer celan!"},
        {"balan"},
        {"Celan d\xC3\xADmer: fonis.", "Balan?", "Bamer"},
    };
    ranking r;
    begin(&r, model);
    json_t *results = written(&r), *result;
    size_t i;
    json_array_foreach(results, i, result)
    {
        size_t index = (size_t)json_integer_value(json_object_get(result, "index"));
        wn_str told = slice(documents[index], range_of(json_object_get(result, "sentence")));
        const char *best = NULL;
        for (size_t k = 0; sentences[index][k] != NULL; k++) {
            if (best == NULL ||
                logit_of(&r, wn_str_from(sentences[index][k])) > logit_of(&r, wn_str_from(best)))
                best = sentences[index][k];
        }
        assert_true(wn_str_equal(told, wn_str_from(best)));
    }
    json_decref(results);
    end(&r);
}

static void the_best_sentence_is_the_one_with_the_highest_score(void **state)
{
    (void)state;
    check_sentences(BERT);
    check_sentences(COLBERT);
}

static void late_interaction_is_explained_by_its_sum(void **state)
{
    (void)state;
    ranking r;
    begin(&r, COLBERT);
    json_t *results = written(&r), *result, *token;
    size_t i, k, n, n_query = 0;
    const wn_result *ranked = wn_job_results(r.first, &n);
    json_array_foreach(results, i, result)
    {
        const json_t *explain = json_object_get(result, "explain");
        double sum = json_real_value(json_object_get(explain, "special"));
        size_t last = 0;
        assert_string_equal(json_string_value(json_object_get(explain, "method")),
                            "late-interaction");
        json_array_foreach(json_object_get(explain, "tokens"), k, token)
        {
            wn_segment s = range_of(token);
            assert_true(k == 0 || s.start > last);
            last = s.start;
            sum += json_real_value(json_object_get(token, "weight"));
            n_query += json_array_size(json_object_get(token, "query"));
        }
        assert_near(sum, (double)ranked[i].logit, 1e-5);
    }
    assert_true(n_query > 0);
    json_decref(results);
    end(&r);
}

static void what_was_not_scored_is_not_told(void **state)
{
    (void)state;
    ranking r;
    begin(&r, BERT);
    assert_true(wn_explain_read(&r.call, &r.plan, NULL));
    json_t *results = written(&r), *result;
    size_t i;
    json_array_foreach(results, i, result)
    {
        size_t index = (size_t)json_integer_value(json_object_get(result, "index"));
        assert_null(json_object_get(result, "explain"));
        /* The only sentence needs no score. */
        assert_int_equal(json_object_get(result, "sentence") != NULL, index == 1);
    }
    json_decref(results);
    end(&r);
}

static void only_results_that_are_shown_cost_anything(void **state)
{
    (void)state;
    wn_arena arena = WN_ARENA_INIT;
    wn_explain_plan plan;
    wn_rank_call call = wn_rank_call_init(&arena);
    const wn_result results[] = {
        {.index = 0, .scored = true, .relevance_score = 0.9, .window_end = documents[0].len},
        {.index = 1, .scored = true, .relevance_score = 0.1, .window_end = documents[1].len},
        {.index = 2, .scored = true, .empty = true},
        {.index = 2, .window_end = documents[2].len},
    };
    call.documents = (wn_texts){.at = documents, .n = 3};
    assert_true(wn_explain_make_plan(&plan, &call, results, 4,
                                     &(wn_engine_info){.kind = WN_KIND_CROSS_ENCODER}));
    assert_int_equal(plan.n_texts + plan.n_items, 0);
    call.explain = true;
    assert_true(wn_explain_make_plan(&plan, &call, results, 4,
                                     &(wn_engine_info){.kind = WN_KIND_CROSS_ENCODER}));
    assert_int_equal(plan.n_texts, 1 + 5 + 1 + 1);
    call.min_score = 0.5;
    assert_true(wn_explain_make_plan(&plan, &call, results, 4,
                                     &(wn_engine_info){.kind = WN_KIND_CROSS_ENCODER}));
    assert_int_equal(plan.n_texts, 1 + 5);
    assert_true(plan.bytes >= (1 + 5) * 20 && plan.texts == NULL);
    call.explain = false;
    call.return_spans = true;
    assert_true(wn_explain_make_plan(&plan, &call, results, 4,
                                     &(wn_engine_info){.kind = WN_KIND_EMBEDDER}));
    assert_int_equal(plan.n_texts, 2);
    call.return_spans = false;
    call.explain = true;
    assert_true(wn_explain_make_plan(&plan, &call, results, 4,
                                     &(wn_engine_info){.kind = WN_KIND_LATE_INTERACTION}));
    assert_int_equal(plan.n_texts, 1);
    assert_true(plan.want_matches);
    wn_arena_deinit(&arena);
}

static void sentences_are_told_of_the_first_results(void **state)
{
    (void)state;
    wn_arena arena = WN_ARENA_INIT;
    wn_explain_plan plan;
    wn_rank_call call = wn_rank_call_init(&arena);
    static wn_result results[300];
    for (size_t i = 0; i < WN_ARRAY_LEN(results); i++)
        results[i] = (wn_result){.scored = true, .window_end = documents[0].len};
    call.documents = (wn_texts){.at = documents, .n = 1};
    call.return_spans = true;
    assert_true(wn_explain_make_plan(&plan, &call, results, 300,
                                     &(wn_engine_info){.kind = WN_KIND_CROSS_ENCODER}));
    assert_int_equal(plan.n_items, WN_SENTENCE_RESULTS_MAX);
    assert_int_equal(plan.n_texts, 2 * WN_SENTENCE_RESULTS_MAX);
    wn_arena_deinit(&arena);
}

static void more_than_is_explained_is_refused(void **state)
{
    (void)state;
    wn_rank_call at[2] = {wn_rank_call_init(NULL), wn_rank_call_init(NULL)};
    const wn_calls calls = {.at = at, .n = 2};
    wn_problem problem = {0};
    at[0].documents.n = at[1].documents.n = 1000;
    assert_false(wn_explain_is_wanted(&calls, &problem));
    at[1].return_spans = true;
    assert_true(wn_explain_is_wanted(&calls, &problem));
    at[0].explain = true;
    at[0].top_n = WN_EXPLAIN_RESULTS_MAX;
    assert_true(wn_explain_is_wanted(&calls, &problem));
    assert_int_equal(problem.status, 0);
    at[1].explain = true;
    at[1].documents.n = 1;
    assert_true(wn_explain_is_wanted(&calls, &problem));
    assert_int_equal(problem.status, 422);
    assert_non_null(strstr(problem.detail, "At most 10 results of a request can be explained, "
                                           "not 11; set top_n"));
    wn_problem_deinit(&problem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_weight_of_a_word_is_what_the_score_loses_without_it),
        cmocka_unit_test(the_best_sentence_is_the_one_with_the_highest_score),
        cmocka_unit_test(late_interaction_is_explained_by_its_sum),
        cmocka_unit_test(what_was_not_scored_is_not_told),
        cmocka_unit_test(only_results_that_are_shown_cost_anything),
        cmocka_unit_test(sentences_are_told_of_the_first_results),
        cmocka_unit_test(more_than_is_explained_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
