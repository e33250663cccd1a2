/* Models by name: taken, replaced under those who use them, refused, taken away. */
#include "tests/support/check.h"

#include "base/lock.h"
#include "base/str.h"
#include "serve/model_set.h"

#include <sched.h>

#define MODELS "tests/golden/models/"

typedef struct fixture {
    wn_model_set *set;
    wn_metrics metrics;
    wn_budget budget;
    wn_lock lock;
    wn_cond changed;
    bool told;
    wn_error outcome;
} fixture;

static void loaded(void *owner, const wn_error *err)
{
    fixture *f = owner;
    wn_lock_enter(&f->lock);
    f->told = true;
    f->outcome = err != NULL ? *err : (wn_error){0};
    wn_cond_signal(&f->changed);
    wn_lock_leave(&f->lock);
}

/* A set of these sources, when they are loaded or cannot be. */
static void begin(fixture *f, const wn_model_source *sources, size_t n)
{
    wn_error err = {0};
    memset(f, 0, sizeof *f);
    wn_lock_init(&f->lock);
    wn_cond_init(&f->changed);
    wn_budget_init(&f->budget, 1 << 30);
    const wn_model_set_options options = {
        .backend = {.n_threads = 1, .n_workers = 1, .metrics = &f->metrics},
        .sources = sources,
        .n_sources = n,
        .budget = &f->budget,
        .loaded = loaded,
        .owner = f,
    };
    assert_ok(wn_model_set_new(&f->set, &options, &err), &err);
    wn_lock_enter(&f->lock);
    while (!f->told)
        wn_cond_wait(&f->changed, &f->lock);
    wn_lock_leave(&f->lock);
}

static void end(fixture *f)
{
    wn_model_set_free(f->set);
    wn_budget_deinit(&f->budget);
    wn_cond_deinit(&f->changed);
    wn_lock_deinit(&f->lock);
}

static bool find_facts(fixture *f, const char *name, wn_model_facts *out)
{
    for (size_t i = 0; wn_model_set_next(f->set, &i, out);)
        if (strcmp(out->name, name) == 0)
            return true;
    return false;
}

/* The facts of a name when it does not load any more. */
static wn_model_facts load(fixture *f, const char *name, const char *dir)
{
    wn_model_facts facts;
    assert_int_equal(wn_model_set_load(f->set, wn_str_from(name), dir, ""), WN_MODEL_DONE);
    while (find_facts(f, name, &facts) && facts.state == WN_MODEL_LOADING)
        sched_yield();
    return facts;
}

static uint64_t budget_limit(fixture *f)
{
    uint64_t used, peak, limit;
    wn_budget_look(&f->budget, &used, &peak, &limit);
    return limit;
}

static const wn_model_source two[] = {{.name = "one", .dir = MODELS "bert"},
                                      {.dir = MODELS "xlmr/", .dtype = "int8"}};

static void a_model_is_found_by_its_name_and_by_its_place(void **state)
{
    (void)state;
    fixture f;
    begin(&f, two, 2);
    assert_int_equal(f.outcome.status, WN_OK);
    assert_string_equal(wn_model_set_default_name(f.set), "one");
    wn_model *a = wn_model_set_take(f.set, WN_STR("org/ONE")), *b = wn_model_set_take_at(f.set, 1);
    assert_string_equal(wn_model_name(a), "one");
    assert_string_equal(wn_model_name(b), "xlmr");
    assert_ptr_not_equal(wn_model_backend(a), wn_model_backend(b));
    assert_null(wn_model_set_take(f.set, WN_STR("two")));
    assert_null(wn_model_set_take(f.set, WN_STR("")));
    assert_null(wn_model_set_take_at(f.set, 2));
    wn_model_facts facts;
    assert_true(find_facts(&f, "one", &facts));
    assert_true(facts.is_default && facts.serving && facts.in_flight == 1 && facts.bytes > 0);
    wn_model_give(a);
    wn_model_give(b);
    wn_model_give(NULL);
    end(&f);
}

static void a_model_that_is_taken_outlives_the_one_that_replaces_it(void **state)
{
    (void)state;
    fixture f;
    begin(&f, two, 2);
    uint64_t limit = budget_limit(&f);
    wn_model *old = wn_model_set_take(f.set, WN_STR("one"));
    uint64_t old_bytes = wn_backend_bytes(wn_model_backend(old));
    wn_model_facts facts = load(&f, "one", MODELS "bert-d64");
    assert_int_equal(facts.state, WN_MODEL_READY);
    assert_int_equal(facts.n_loads, 2);
    assert_int_equal(facts.in_flight, 0);
    assert_int_equal(budget_limit(&f), limit - facts.bytes);
    wn_model *now = wn_model_set_take(f.set, WN_STR("one"));
    assert_ptr_not_equal(old, now);
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    assert_ok(wn_engine_get_info(wn_backend_engine(wn_model_backend(old)), &info, NULL),
              &f.outcome);
    assert_string_equal(info.model, MODELS "bert");
    wn_model_give(old);
    while (budget_limit(&f) != limit - facts.bytes + old_bytes) /* it is freed on the thread */
        sched_yield();
    wn_model_give(now);
    end(&f);
}

static void a_load_that_fails_leaves_what_there_was(void **state)
{
    (void)state;
    fixture f;
    begin(&f, two, 2);
    uint64_t limit = budget_limit(&f);
    wn_model_facts facts = load(&f, "one", MODELS "nowhere");
    assert_int_equal(facts.state, WN_MODEL_FAILED);
    assert_non_null(strstr(facts.error, "nowhere"));
    assert_true(facts.serving);
    facts = load(&f, "new", MODELS "nowhere");
    assert_false(facts.serving);
    assert_null(wn_model_set_take(f.set, WN_STR("new")));
    assert_true(wn_model_set_has(f.set, WN_STR("new")));
    assert_int_equal(budget_limit(&f), limit);
    facts = load(&f, "new", MODELS "bert-relu");
    assert_true(facts.state == WN_MODEL_READY && facts.serving && facts.error[0] == '\0');
    end(&f);
}

static void a_model_takes_its_memory_from_what_requests_have(void **state)
{
    (void)state;
    fixture f;
    begin(&f, two, 2);
    wn_budget_set_limit(&f.budget, 1 << 16);
    wn_model_facts facts = load(&f, "one", MODELS "bert");
    assert_int_equal(facts.state, WN_MODEL_FAILED);
    assert_non_null(strstr(facts.error, "--memory-limit"));
    wn_budget_set_limit(&f.budget, 1 << 30);
    assert_true(wn_budget_take(&f.budget, (1 << 30) - 1000));
    facts = load(&f, "one", MODELS "bert");
    assert_int_equal(facts.state, WN_MODEL_FAILED);
    wn_budget_give(&f.budget, (1 << 30) - 1000);
    facts = load(&f, "three", MODELS "bert");
    assert_int_equal(facts.state, WN_MODEL_READY);
    assert_int_equal(budget_limit(&f), (1u << 30) - facts.bytes);
    assert_int_equal(wn_model_set_remove(f.set, WN_STR("three")), WN_MODEL_DONE);
    while (budget_limit(&f) != 1u << 30)
        sched_yield();
    end(&f);
}

static void names_are_taken_away_but_for_the_default(void **state)
{
    (void)state;
    fixture f;
    char name[16];
    begin(&f, two, 2);
    assert_int_equal(wn_model_set_remove(f.set, WN_STR("none")), WN_MODEL_UNKNOWN);
    assert_int_equal(wn_model_set_remove(f.set, WN_STR("one")), WN_MODEL_IS_DEFAULT);
    wn_model *held = wn_model_set_take(f.set, WN_STR("xlmr"));
    assert_int_equal(wn_model_set_remove(f.set, WN_STR("xlmr")), WN_MODEL_DONE);
    assert_false(wn_model_set_has(f.set, WN_STR("xlmr")));
    assert_string_equal(wn_model_name(held), "xlmr");
    wn_model_give(held);
    for (int i = 0; i < WN_MODELS_MAX - 1; i++) {
        snprintf(name, sizeof name, "m%d", i);
        assert_int_equal(wn_model_set_load(f.set, wn_str_from(name), MODELS "nowhere", ""),
                         WN_MODEL_DONE);
    }
    assert_int_equal(wn_model_set_load(f.set, WN_STR("last"), MODELS "bert", ""),
                     WN_MODEL_TOO_MANY);
    end(&f); /* also with loads that have not begun */
}

static void a_source_that_cannot_be_loaded_is_told(void **state)
{
    (void)state;
    fixture f;
    const wn_model_source sources[] = {
        {.name = "a", .dir = MODELS "bert"}, {.name = "b", .dir = MODELS "nowhere"}, {.name = "c"}};
    begin(&f, sources, 3);
    assert_int_equal(f.outcome.status, WN_ERR_IO);
    assert_non_null(strstr(f.outcome.message, "nowhere"));
    end(&f);
}

static void a_source_is_named_after_its_directory(void **state)
{
    (void)state;
    static const struct {
        wn_model_source source;
        const char *name;
    } cases[] = {
        {{.name = "x", .dir = "/a/b"}, "x"},
        {{.dir = "/a/b"}, "b"},
        {{.dir = "a/b//"}, "b"},
        {{.dir = "b"}, "b"},
        {{.dir = "/"}, "/"},
        {{.dir = NULL}, "winnow-multilingual-v1"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_str name = wn_model_source_name(&cases[i].source);
        assert_int_equal(name.len, strlen(cases[i].name));
        assert_memory_equal(name.ptr, cases[i].name, name.len);
    }
}

static void names_go_into_paths_and_fields_as_they_are(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "A-b_c.d:9", "org/model", "a/b/c"};
    static const char *const bad[] = {"", "/", "/a", "a/", "a b", "a?b", "a%20", "\xc3\xa9", "a\n"};
    for (size_t i = 0; i < WN_ARRAY_LEN(good); i++)
        assert_true(wn_model_name_is_valid(wn_str_from(good[i])));
    for (size_t i = 0; i < WN_ARRAY_LEN(bad); i++)
        assert_false(wn_model_name_is_valid(wn_str_from(bad[i])));
    assert_false(wn_model_name_is_valid((wn_str){"a\0b", 3}));
    assert_true(wn_model_name_equal(WN_STR("jinaai/Jina-X"), WN_STR("jina-x")));
    assert_false(wn_model_name_equal(WN_STR("a/"), WN_STR("")));
    assert_true(wn_model_name_is_known(WN_STR("BAAI/bge-reranker-base")));
    assert_false(wn_model_name_is_known(WN_STR("bge-reranker")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_found_by_its_name_and_by_its_place),
        cmocka_unit_test(a_model_that_is_taken_outlives_the_one_that_replaces_it),
        cmocka_unit_test(a_load_that_fails_leaves_what_there_was),
        cmocka_unit_test(a_model_takes_its_memory_from_what_requests_have),
        cmocka_unit_test(names_are_taken_away_but_for_the_default),
        cmocka_unit_test(a_source_that_cannot_be_loaded_is_told),
        cmocka_unit_test(a_source_is_named_after_its_directory),
        cmocka_unit_test(names_go_into_paths_and_fields_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
