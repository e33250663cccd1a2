/* Published scores: the row of a model's shape, and the comparison, by a table of our own whose
 * "published" model is a golden one with the reference's scores. */
#include "tests/support/check.h"
#include "tests/support/check_engine.h"

#include "base/str.h"
#include "cli/published.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#define MODEL   "tests/golden/models/xlmr"
#define N_PAIRS 3

static wn_error err;
static wn_engine *engine;
static wn_runner *runner;
static wn_engine_info info;
static json_t *cases[N_PAIRS];
static wn_published_pair pairs[N_PAIRS];

/* The first cases that are not cut. */
static int open_model(void **state)
{
    (void)state;
    char line[20000];
    FILE *f = fopen(MODEL "/cases.jsonl", "r");
    assert_non_null(f);
    for (size_t n = 0; n < N_PAIRS && fgets(line, sizeof line, f) != NULL;) {
        json_t *row = json_loads(line, 0, NULL);
        if (json_object_get(row, "long_docs") != NULL) {
            json_decref(row);
            continue;
        }
        cases[n] = row;
        pairs[n++] = (wn_published_pair){json_string_value(json_object_get(row, "query")),
                                         json_string_value(json_object_get(row, "document")),
                                         json_number_value(json_object_get(row, "logit"))};
    }
    fclose(f);
    assert_non_null(cases[N_PAIRS - 1]);
    engine = check_engine(MODEL, NULL);
    runner = check_runner(engine, 1, 0);
    info = (wn_engine_info)WN_ENGINE_INFO_INIT;
    assert_ok(wn_engine_get_info(engine, &info, &err), &err);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PAIRS; i++)
        json_decref(cases[i]);
    wn_runner_free(runner);
    wn_engine_close(engine);
    return 0;
}

static wn_published_model row_of_the_model(void)
{
    return (wn_published_model){.name = "org/golden",
                                .family = info.family,
                                .kind = info.kind,
                                .n_layers = info.n_layers,
                                .hidden = info.hidden,
                                .n_heads = info.n_heads,
                                .intermediate = info.intermediate,
                                .vocab = info.vocab,
                                .max_tokens = info.max_tokens,
                                .pairs = pairs,
                                .n_pairs = N_PAIRS,
                                .tolerance = 1e-4,
                                .source = "a source"};
}

static void a_model_is_told_by_its_whole_shape(void **state)
{
    (void)state;
    wn_published_model table[] = {wn_published_models[0], row_of_the_model()};
    assert_ptr_equal(wn_published_find(table, 2, &info), &table[1]);
    assert_null(wn_published_find(table, 1, &info));
    for (int i = 0; i < 8; i++) {
        wn_published_model other = row_of_the_model();
        int32_t *const numbers[] = {&other.n_layers,     &other.hidden, &other.n_heads,
                                    &other.intermediate, &other.vocab,  &other.max_tokens};
        if (i < 6)
            ++*numbers[i];
        else if (i == 6)
            other.family = "bert";
        else
            other.kind = WN_KIND_EMBEDDER;
        assert_null(wn_published_find(&other, 1, &info));
    }
}

static void scores_are_shown_beside_the_published_ones(void **state)
{
    (void)state;
    char want[100];
    bool good = false;
    wn_buf detail = WN_BUF_INIT;
    const wn_published_model row = row_of_the_model();
    assert_ok(wn_published_compare(&good, &detail, &row, runner, &err), &err);
    assert_true(good && wn_buf_push_byte(&detail, '\0'));
    assert_memory_equal(detail.ptr, "org/golden: ", 12);
    for (size_t i = 0; i < N_PAIRS; i++) {
        snprintf(want, sizeof want, " (published %.4f)", pairs[i].logit);
        const char *found = strstr(detail.ptr, want);
        assert_non_null(found);
        while (found[-1] != ' ')
            found--;
        assert_true(fabs(strtod(found, NULL) - pairs[i].logit) < 2e-4);
    }
    assert_non_null(strstr(detail.ptr, "; a source"));
    wn_buf_deinit(&detail);
}

static void any_pair_may_be_too_far_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_PAIRS; i++) {
        bool good = true;
        wn_buf detail = WN_BUF_INIT;
        wn_published_pair far[N_PAIRS];
        wn_published_model row = row_of_the_model();
        memcpy(far, pairs, sizeof far);
        far[i].logit += i == 1 ? -3e-4 : 3e-4;
        row.pairs = far;
        assert_ok(wn_published_compare(&good, &detail, &row, runner, &err), &err);
        assert_false(good);
        row.tolerance = 1e-3;
        assert_ok(wn_published_compare(&good, &detail, &row, runner, &err), &err);
        assert_true(good);
        wn_buf_deinit(&detail);
    }
}

static void the_rows_say_where_their_figures_stand(void **state)
{
    (void)state;
    assert_true(wn_published_n_models > 0);
    for (size_t i = 0; i < wn_published_n_models; i++) {
        const wn_published_model *m = &wn_published_models[i];
        assert_true(strlen(m->source) > 10 && strchr(m->name, '/') != NULL);
        assert_true(m->n_pairs > 0 && m->tolerance > 0 && m->tolerance < 0.1);
        for (size_t p = 0; p < m->n_pairs; p++)
            assert_true(m->pairs[p].query[0] != '\0' && m->pairs[p].document[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_told_by_its_whole_shape),
        cmocka_unit_test(scores_are_shown_beside_the_published_ones),
        cmocka_unit_test(any_pair_may_be_too_far_off),
        cmocka_unit_test(the_rows_say_where_their_figures_stand),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
