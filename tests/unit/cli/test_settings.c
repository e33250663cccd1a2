/* Settings from the environment and from configuration files. */
#define _GNU_SOURCE /* memmem, mkdtemp */
#include "tests/support/check.h"

#include "base/str.h"
#include "cli/settings.h"

#include <unistd.h>

typedef struct fixture {
    wn_args args;
    wn_error err;
} fixture;

static void begin(fixture *f, const char *command, const char *flag, const char *value)
{
    const char *words[] = {"winnow", command, flag, value};
    assert_ok(wn_args_parse(&f->args, flag == NULL ? 2 : 4, words, &f->err), &f->err);
}

#define LOAD(f, ...)                                                                               \
    wn_settings_load(&(f)->args, (const char *const[]){__VA_ARGS__, NULL}, &(f)->err)

/* A file of these bytes that is gone after the test program. */
static const char *file_of(const char *text)
{
    static char path[64];
    snprintf(path, sizeof path, "test_settings.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static void settings_of_a_variable_override_the_default(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "serve", NULL, NULL);
    assert_int_equal(wn_args_int(&f.args, WN_OPT_PORT), 8080);
    assert_ok(LOAD(&f, "WINNOW_PORT=9000", "WINNOW_STRICT_MODELS=Yes", "WINNOW_HOST="), &f.err);
    assert_int_equal(wn_args_int(&f.args, WN_OPT_PORT), 9000);
    assert_string_equal(f.args.values[WN_OPT_PORT].origin, "WINNOW_PORT");
    assert_true(wn_args_has(&f.args, WN_OPT_STRICT_MODELS));
    assert_string_equal(wn_args_text(&f.args, WN_OPT_HOST), "127.0.0.1");
    wn_args_deinit(&f.args);
}

static void variables_that_no_option_reads_are_found(void **state)
{
    (void)state;
    const char *const environment[] = {"PATH=/",
                                       "WINNOW_BODY_LIMIT=1",
                                       "WINNOW_API_KEY_FILE=f",
                                       "WINNOW_BATCH_TOKEN=1",
                                       "WINNOW_PORT_80_TCP_ADDR=10.0.0.1",
                                       "WINNOW_SERVICE_HOST=10.0.0.1",
                                       "WINNOW_HOST_FILE=x",
                                       "WINNOW_HELP=1",
                                       NULL};
    const char *const *at = environment;
    wn_str name;
    static const char *const expected[] = {"WINNOW_BATCH_TOKEN", "WINNOW_HOST_FILE", "WINNOW_HELP"};
    for (size_t i = 0; i < WN_ARRAY_LEN(expected); i++) {
        assert_true(wn_settings_find_unknown(&name, &at));
        assert_true(wn_str_equal(name, wn_str_from(expected[i])));
    }
    assert_false(wn_settings_find_unknown(&name, &at));
}

static void settings_of_a_flag_override_the_environment(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "serve", "--port", "1");
    assert_ok(LOAD(&f, "WINNOW_PORT=9000"), &f.err);
    assert_int_equal(wn_args_int(&f.args, WN_OPT_PORT), 1);
    wn_args_deinit(&f.args);
    const char *words[] = {"winnow", "serve", "--strict-models=false"};
    assert_ok(wn_args_parse(&f.args, 3, words, &f.err), &f.err);
    assert_ok(LOAD(&f, "WINNOW_STRICT_MODELS=1"), &f.err);
    assert_false(wn_args_has(&f.args, WN_OPT_STRICT_MODELS));
    wn_args_deinit(&f.args);
}

static void settings_reach_every_command(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "rank", NULL, NULL);
    assert_ok(LOAD(&f, "WINNOW_TOP_N=3", "WINNOW_HELP=1", "PORT=x", "WINNOW_PORT=x"), &f.err);
    assert_int_equal(wn_args_int(&f.args, WN_OPT_TOP_N), 3);
    assert_false(wn_args_has(&f.args, WN_OPT_HELP));
    assert_fails(LOAD(&f, "WINNOW_THREADS=0"), WN_ERR_ARGUMENT, &f.err,
                 "WINNOW_THREADS is '0', expected a number 1..256");
    wn_args_deinit(&f.args);
}

static void settings_of_platforms_come_behind_our_own(void **state)
{
    (void)state;
    static const struct {
        const char *variables[3];
        int64_t port;
    } cases[] = {{{"PORT=1"}, 1},
                 {{"PORT=1", "AIP_HTTP_PORT=2"}, 2},
                 {{"SAGEMAKER_BIND_TO_PORT=3", "AIP_HTTP_PORT=2"}, 3},
                 {{"WINNOW_PORT=4", "SAGEMAKER_BIND_TO_PORT=3"}, 4},
                 {{"WINNOW_PORT=tcp://10.0.0.1:80", "PORT=5"}, 5}};
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        fixture f;
        begin(&f, "serve", NULL, NULL);
        assert_ok(wn_settings_load(&f.args, cases[i].variables, &f.err), &f.err);
        assert_int_equal(wn_args_int(&f.args, WN_OPT_PORT), cases[i].port);
        wn_args_deinit(&f.args);
    }
}

static void settings_of_other_servers_are_understood(void **state)
{
    (void)state;
    fixture f;
    const char *words[] = {"winnow",        "serve",           "--model-id",      "DIR",
                           "--json-output", "--dtype",         "float16",         "--hostname",
                           "10.0.0.1",      "--disable-spans", "--payload-limit", "2000000"};
    assert_ok(wn_args_parse(&f.args, WN_ARRAY_LEN(words), words, &f.err), &f.err);
    assert_string_equal(wn_args_text(&f.args, WN_OPT_MODEL), "DIR");
    assert_string_equal(wn_args_text(&f.args, WN_OPT_HOST), "10.0.0.1");
    assert_int_equal(wn_args_int(&f.args, WN_OPT_LOG_FORMAT), 1);
    assert_int_equal(wn_args_int(&f.args, WN_OPT_BODY_LIMIT), 2000000);
    assert_int_equal(__builtin_popcountll(f.args.ignored), 1);
    assert_string_equal(wn_args_text(&f.args, WN_OPT_DTYPE), "float16");
    assert_ok(LOAD(&f, "JSON_OUTPUT=false", "MODEL_ID=other", "HOSTNAME=pod-1"), &f.err);
    assert_string_equal(wn_args_text(&f.args, WN_OPT_MODEL), "DIR");
    assert_string_equal(wn_args_text(&f.args, WN_OPT_HOST), "10.0.0.1");
    assert_fails(LOAD(&f, "JSON_OUTPUT=maybe"), WN_ERR_ARGUMENT, &f.err, "JSON_OUTPUT is 'maybe'");
    wn_args_deinit(&f.args);
    begin(&f, "rank", NULL, NULL);
    wn_args_target target;
    assert_false(wn_args_find(&target, WN_CMD_RANK, WN_STR("model-id")));
    wn_args_deinit(&f.args);
}

static void settings_read_secrets_from_files(void **state)
{
    (void)state;
    fixture f;
    char variable[128], path[64];
    snprintf(path, sizeof path, "%s", file_of("s3cret\r\n"));
    snprintf(variable, sizeof variable, "WINNOW_API_KEY_FILE=%s", path);
    begin(&f, "serve", NULL, NULL);
    assert_ok(LOAD(&f, variable), &f.err);
    assert_string_equal(wn_args_text(&f.args, WN_OPT_API_KEY), "s3cret");
    wn_args_deinit(&f.args);
    begin(&f, "serve", "--api-key-file", path);
    assert_string_equal(wn_args_text(&f.args, WN_OPT_API_KEY), "s3cret");
    wn_buf out = WN_BUF_INIT;
    assert_true(wn_settings_push(&out, &f.args) && wn_settings_push_json(&out, &f.args));
    assert_null(memmem(out.ptr, out.len, "s3cret", 6));
    wn_buf_deinit(&out);
    wn_args_deinit(&f.args);
    unlink(path);
    begin(&f, "serve", NULL, NULL);
    assert_fails(LOAD(&f, variable), WN_ERR_IO, &f.err, "WINNOW_API_KEY_FILE: ");
    wn_args_deinit(&f.args);
    snprintf(path, sizeof path, "%s", file_of("\n"));
    begin(&f, "serve", NULL, NULL);
    assert_fails(
        LOAD(&f, (snprintf(variable, sizeof variable, "WINNOW_API_KEY_FILE=%s", path), variable)),
        WN_ERR_ARGUMENT, &f.err, "is empty, expected a secret");
    unlink(path);
    wn_args_deinit(&f.args);
}

static void settings_read_credentials_of_systemd(void **state)
{
    (void)state;
    fixture f;
    char folder[] = "test_settings.XXXXXX", path[64], variable[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/api-key", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("from-systemd", file);
    fclose(file);
    snprintf(variable, sizeof variable, "CREDENTIALS_DIRECTORY=%s", folder);
    begin(&f, "serve", NULL, NULL);
    assert_ok(LOAD(&f, variable), &f.err);
    assert_string_equal(wn_args_text(&f.args, WN_OPT_API_KEY), "from-systemd");
    assert_string_equal(f.args.values[WN_OPT_API_KEY].origin, path);
    wn_args_deinit(&f.args);
    unlink(path);
    begin(&f, "serve", NULL, NULL);
    assert_ok(LOAD(&f, variable), &f.err);
    assert_null(wn_args_text(&f.args, WN_OPT_API_KEY));
    wn_args_deinit(&f.args);
    rmdir(folder);
}

static void settings_of_a_file_lie_between_default_and_environment(void **state)
{
    (void)state;
    fixture f;
    char path[64];
    snprintf(path, sizeof path, "%s",
             file_of("# ours\nport: 1\nlog-level: debug\nmodel: \"a b\"\n"
                     "strict-models: true\nmax-batch-tokens: 512\n"));
    begin(&f, "serve", "--config", path);
    assert_ok(LOAD(&f, "WINNOW_PORT=2"), &f.err);
    assert_int_equal(wn_args_int(&f.args, WN_OPT_PORT), 2);
    assert_int_equal(wn_args_int(&f.args, WN_OPT_LOG_LEVEL), 1);
    assert_string_equal(wn_args_text(&f.args, WN_OPT_MODEL), "a b");
    assert_int_equal(wn_args_int(&f.args, WN_OPT_BATCH_TOKENS), 512);
    assert_non_null(strstr(f.args.values[WN_OPT_LOG_LEVEL].origin, " line 3"));
    wn_args_deinit(&f.args);
    unlink(path);
}

static void settings_of_the_user_are_found_by_the_home(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "serve", NULL, NULL);
    assert_ok(LOAD(&f, "HOME=/nonexistent", "XDG_CONFIG_HOME=/nonexistent"), &f.err);
    wn_args_deinit(&f.args);
    begin(&f, "serve", NULL, NULL);
    assert_ok(LOAD(&f, "HOME=/nonexistent"), &f.err);
    wn_args_deinit(&f.args);
    begin(&f, "serve", "--config", "/nonexistent");
    assert_fails(LOAD(&f, "HOME=/nonexistent"), WN_ERR_IO, &f.err, "/nonexistent");
    wn_args_deinit(&f.args);
}

static void settings_refuse_files_that_say_something_else(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        wn_status status;
        const char *message;
    } cases[] = {
        {"prot: 1\n", WN_ERR_FORMAT, "F line 1: unknown setting 'prot'; did you mean 'port'?"},
        {"\nxyzzy: 1\n", WN_ERR_FORMAT, "F line 2: unknown setting 'xyzzy'"},
        {"config: x\n", WN_ERR_FORMAT, "F line 1: unknown setting 'config'"},
        {"port: 1\nport: 2\n", WN_ERR_FORMAT, "F line 2: 'port' is set a second time"},
        {"port: 1\nhost: x\n\nport-file: x\n", WN_ERR_FORMAT, "unknown setting 'port-file'"},
        {"port: 65536\n", WN_ERR_ARGUMENT, "F line 1: port is '65536', expected a number 0..65535"},
        {"host: x\nlog-level: dbug\n", WN_ERR_ARGUMENT, "F line 2: log-level is 'dbug'"},
        {"strict-models: 2\n", WN_ERR_ARGUMENT, "strict-models is '2', expected true or false"},
        {"port:\n", WN_ERR_FORMAT, "'port' has no value"},
        {"host: ~\n", WN_ERR_FORMAT, "'host' has no value"},
        {"host: null\n", WN_ERR_FORMAT, "'host' has no value"},
        {"host: \"a\\0b\"\n", WN_ERR_FORMAT, "'host' holds a NUL"},
        {"host: [a]\n", WN_ERR_FORMAT, "F line 1: 'host' is no single value"},
        {"host: &a b\nserved-model-name: *a\n", WN_ERR_FORMAT, "line 2: 'served-model-name' is no"},
        {"model: []\n", WN_ERR_FORMAT, "'model' is an empty list"},
        {"model: [a, [b]]\n", WN_ERR_FORMAT, "F line 1: 'model' is no single value"},
        {"model:\n- a\n-\n", WN_ERR_FORMAT, "F line 3: 'model' has no value"},
        {"model:\n- a\n- ''\n", WN_ERR_FORMAT, "F line 3: 'model' has an empty value"},
        {"model:\n- a\n- \"b\\nc\"\n", WN_ERR_FORMAT, "F line 3: 'model' holds a line break"},
        {"model: |\n  a\n  b\n", WN_ERR_FORMAT, "F line 1: 'model' holds a line break"},
        {"model: ''\n", WN_ERR_ARGUMENT, "F line 1: model is empty, expected a name"},
        {"model: {a: b}\n", WN_ERR_FORMAT, "F line 1: 'model' is no single value"},
        {"[a]: b\n", WN_ERR_FORMAT, "F line 1: expected the name of a setting"},
        {"- port\n", WN_ERR_FORMAT, "F line 1: expected 'name: value'"},
        {"port: 1\n---\nport: 2\n", WN_ERR_FORMAT, "F line 2: a second document"},
        {"host: \"abc\n", WN_ERR_FORMAT, "F line 2: found unexpected end of stream"},
        {"api-key-file: /nonexistent\n", WN_ERR_IO, "F line 1: "},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        fixture f;
        begin(&f, "serve", NULL, NULL);
        assert_fails(wn_settings_parse(&f.args, wn_str_from(cases[i].text), "F", &f.err),
                     cases[i].status, &f.err, cases[i].message);
        wn_args_deinit(&f.args);
    }
}

/* A list of a source stands for itself: it is not added to that of another. */
static void settings_that_repeat_are_a_list(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "serve", NULL, NULL);
    assert_ok(wn_settings_parse(&f.args, WN_STR("model:\n- a=x\n- y z\nport: 1\n"), "F", &f.err),
              &f.err);
    assert_string_equal(wn_args_text(&f.args, WN_OPT_MODEL), "a=x\ny z");
    assert_string_equal(f.args.values[WN_OPT_MODEL].origin, "F line 2");
    assert_fails(LOAD(&f, "WINNOW_MODEL=\n\n"), WN_ERR_ARGUMENT, &f.err,
                 "WINNOW_MODEL is empty, expected a name");
    assert_ok(LOAD(&f, "WINNOW_MODEL=p\n\nq\n"), &f.err);
    assert_string_equal(wn_args_text(&f.args, WN_OPT_MODEL), "p\n\nq\n");
    wn_buf out = WN_BUF_INIT;
    assert_true(wn_settings_push(&out, &f.args) && wn_buf_push_byte(&out, '\0'));
    assert_non_null(strstr(out.ptr, "model: [\"p\", \"q\"] "));
    wn_buf_deinit(&out);
    wn_args_deinit(&f.args);
    const char *words[] = {"winnow", "serve", "-m", "a", "--model=b", "--model", "c=d"};
    assert_ok(wn_args_parse(&f.args, WN_ARRAY_LEN(words), words, &f.err), &f.err);
    assert_ok(LOAD(&f, "WINNOW_MODEL=p"), &f.err);
    assert_string_equal(wn_args_text(&f.args, WN_OPT_MODEL), "a\nb\nc=d");
    wn_args_deinit(&f.args);
    words[1] = "rank"; /* where one model is enough */
    assert_ok(wn_args_parse(&f.args, 5, words, &f.err), &f.err);
    assert_string_equal(wn_args_text(&f.args, WN_OPT_MODEL), "b");
    wn_args_deinit(&f.args);
}

static void settings_of_nothing_are_the_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# nothing\n", "---\n{}\n"};
    for (size_t i = 0; i < WN_ARRAY_LEN(texts); i++) {
        fixture f;
        begin(&f, "serve", NULL, NULL);
        assert_ok(wn_settings_parse(&f.args, wn_str_from(texts[i]), "F", &f.err), &f.err);
        wn_args_deinit(&f.args);
    }
}

/* What --print-config prints makes the same server. */
static void settings_printed_are_a_file_of_the_same_settings(void **state)
{
    (void)state;
    fixture f, g;
    const char *words[] = {"winnow", "serve", "--host",         "a: #\"\n",
                           "--port", "7",     "--strict-models"};
    assert_ok(wn_args_parse(&f.args, WN_ARRAY_LEN(words), words, &f.err), &f.err);
    wn_buf out = WN_BUF_INIT;
    assert_true(wn_settings_push(&out, &f.args));
    begin(&g, "serve", NULL, NULL);
    assert_ok(wn_settings_parse(&g.args, wn_buf_str(&out), "F", &g.err), &g.err);
    for (int i = 0; i < WN_OPT_COUNT; i++) {
        assert_int_equal(f.args.values[i].number, g.args.values[i].number);
        if (f.args.values[i].text != NULL && wn_options[i].kind == WN_VALUE_TEXT)
            assert_string_equal(f.args.values[i].text, g.args.values[i].text);
    }
    wn_buf_deinit(&out);
    wn_args_deinit(&f.args);
    wn_args_deinit(&g.args);
}

static void options_of_aliases_are_options_of_the_server(void **state)
{
    (void)state;
    size_t n = 0;
    for (const wn_alias *a = wn_aliases; a->name != NULL || a->variable != NULL; a++, n++) {
        assert_true(a->option == WN_OPT_COUNT
                        ? a->note != NULL
                        : (wn_options[a->option].commands & WN_FOR(SERVE)) != 0);
        assert_true(a->option == WN_OPT_COUNT || a->is_switch == (a->on != NULL));
    }
    assert_true(n <= 64); /* bits of wn_args.ignored */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_of_a_variable_override_the_default),
        cmocka_unit_test(variables_that_no_option_reads_are_found),
        cmocka_unit_test(settings_of_a_flag_override_the_environment),
        cmocka_unit_test(settings_reach_every_command),
        cmocka_unit_test(settings_of_platforms_come_behind_our_own),
        cmocka_unit_test(settings_of_other_servers_are_understood),
        cmocka_unit_test(settings_read_secrets_from_files),
        cmocka_unit_test(settings_read_credentials_of_systemd),
        cmocka_unit_test(settings_of_a_file_lie_between_default_and_environment),
        cmocka_unit_test(settings_of_the_user_are_found_by_the_home),
        cmocka_unit_test(settings_refuse_files_that_say_something_else),
        cmocka_unit_test(settings_that_repeat_are_a_list),
        cmocka_unit_test(settings_of_nothing_are_the_defaults),
        cmocka_unit_test(settings_printed_are_a_file_of_the_same_settings),
        cmocka_unit_test(options_of_aliases_are_options_of_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
