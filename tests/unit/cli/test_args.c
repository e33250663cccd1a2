/* The command line and the tables that it is read by. */
#include "tests/support/check.h"

#include "base/str.h"
#include "cli/args.h"

#include <ctype.h>

/* Parse "winnow" and the given words. */
#define PARSE(args, err, ...)                                                                      \
    wn_args_parse(args, (int)WN_ARRAY_LEN(((const char *[]){"winnow", __VA_ARGS__})),              \
                  (const char *[]){"winnow", __VA_ARGS__}, err)

static void args_reads_options_in_every_form(void **state)
{
    (void)state;
    wn_args args;
    wn_error err;
    assert_ok(PARSE(&args, &err, "rank", "-q", "a", "--top-n=3", "-wfjson", "--threads", "2", "x"),
              &err);
    assert_int_equal(args.command, WN_CMD_RANK);
    assert_string_equal(wn_args_text(&args, WN_OPT_QUERY), "a");
    assert_int_equal(wn_args_int(&args, WN_OPT_TOP_N), 3);
    assert_true(wn_args_has(&args, WN_OPT_WINDOWS));
    assert_int_equal(wn_args_int(&args, WN_OPT_FORMAT), 1);
    assert_int_equal(wn_args_int(&args, WN_OPT_THREADS), 2);
    assert_false(wn_args_has(&args, WN_OPT_MODEL));
    assert_int_equal(args.n_operands, 1);
    assert_string_equal(args.operands[0], "x");
    wn_args_deinit(&args);
}

static void args_takes_the_last_of_several_values(void **state)
{
    (void)state;
    wn_args args;
    wn_error err;
    assert_ok(PARSE(&args, &err, "rank", "-n", "3", "--top-n", "5", "-n7"), &err);
    assert_int_equal(wn_args_int(&args, WN_OPT_TOP_N), 7);
    wn_args_deinit(&args);
}

static void args_ends_options_at_two_dashes(void **state)
{
    (void)state;
    wn_args args;
    wn_error err;
    assert_ok(PARSE(&args, &err, "tokenize", "--count", "--", "--count"), &err);
    assert_string_equal(args.operands[0], "--count");
    wn_args_deinit(&args);
    assert_ok(PARSE(&args, &err, "tokenize", "-"), &err);
    assert_string_equal(args.operands[0], "-");
    wn_args_deinit(&args);
    assert_ok(PARSE(&args, &err, "rank", "-q", "--", "-"), &err);
    assert_string_equal(wn_args_text(&args, WN_OPT_QUERY), "--");
    wn_args_deinit(&args);
}

static void args_without_a_command_is_help(void **state)
{
    (void)state;
    wn_args args;
    wn_error err;
    static const struct {
        const char *word;
        wn_command_id command;
    } cases[] = {{"--help", WN_CMD_HELP},
                 {"-h", WN_CMD_HELP},
                 {"--version", WN_CMD_VERSION},
                 {"-V", WN_CMD_VERSION}};
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        assert_ok(PARSE(&args, &err, cases[i].word), &err);
        assert_int_equal(args.command, cases[i].command);
        wn_args_deinit(&args);
    }
    assert_ok(wn_args_parse(&args, 1, (const char *[]){"winnow"}, &err), &err);
    assert_int_equal(args.command, WN_CMD_HELP);
    wn_args_deinit(&args);
    assert_ok(wn_args_parse(&args, 0, (const char *[]){NULL}, &err), &err);
    assert_int_equal(args.command, WN_CMD_HELP);
    wn_args_deinit(&args);
}

static void args_refuses_numbers_out_of_range(void **state)
{
    (void)state;
    wn_args args;
    wn_error err;
    static const char *const bad[] = {"0", "-1", "257", "99999999999999999999",
                                      "",  "1 ", "0x1", "-"};
    for (size_t i = 0; i < WN_ARRAY_LEN(bad); i++)
        assert_fails(PARSE(&args, &err, "info", "--threads", bad[i]), WN_ERR_ARGUMENT, &err,
                     "expected a number 1..256");
    assert_ok(PARSE(&args, &err, "info", "--threads", "256"), &err);
    wn_args_deinit(&args);
}

static void args_refuses_shards_that_are_none(void **state)
{
    (void)state;
    wn_args args;
    wn_error err;
    static const char *const bad[] = {"1/1", "-1/2", "0/0", "0/1000001", "/",
                                      "1",   "1/",   "/2",  "1/2/3"};
    for (size_t i = 0; i < WN_ARRAY_LEN(bad); i++)
        assert_fails(PARSE(&args, &err, "rank", "--shard", bad[i]), WN_ERR_ARGUMENT, &err,
                     "expected I/N");
    assert_ok(PARSE(&args, &err, "rank", "--shard", "999999/1000000"), &err);
    assert_int_equal(args.values[WN_OPT_SHARD].number, 999999);
    assert_int_equal(args.values[WN_OPT_SHARD].of, 1000000);
    wn_args_deinit(&args);
}

static void args_names_the_nearest_word(void **state)
{
    (void)state;
    wn_args args;
    wn_error err;
    assert_fails(PARSE(&args, &err, "tokenise"), WN_ERR_ARGUMENT, &err, "did you mean 'tokenize'?");
    assert_fails(PARSE(&args, &err, "rank", "--qurey"), WN_ERR_ARGUMENT, &err,
                 "did you mean '--query'?");
    assert_fails(PARSE(&args, &err, "rank", "--long"), WN_ERR_ARGUMENT, &err,
                 "did you mean '--long-docs'?");
    assert_fails(PARSE(&args, &err, "rank", "--long-docs", "trunc"), WN_ERR_ARGUMENT, &err,
                 "did you mean 'truncate'?");
    assert_fails(PARSE(&args, &err, "rank", "--xyz"), WN_ERR_ARGUMENT, &err, "lists them");
}

static void args_distance_counts_edits(void **state)
{
    (void)state;
    assert_int_equal(wn_args_distance(WN_STR("rank"), WN_STR("rank")), 0);
    assert_int_equal(wn_args_distance(WN_STR("rnak"), WN_STR("rank")), 1);
    assert_int_equal(wn_args_distance(WN_STR("rak"), WN_STR("rank")), 1);
    assert_int_equal(wn_args_distance(WN_STR("bank"), WN_STR("rank")), 1);
    assert_int_equal(wn_args_distance(WN_STR(""), WN_STR("rank")), 4);
    assert_int_equal(wn_args_distance(WN_STR("info"), WN_STR("rank")), 4);
    char longest[34];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(wn_args_distance((wn_str){longest, 33}, WN_STR("a")), SIZE_MAX);
}

/* ---- the tables ------------------------------------------------------------------------------ */

static void options_have_one_meaning_for_each_word_of_a_command(void **state)
{
    (void)state;
    for (int i = 0; i < WN_OPT_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            const wn_option *a = &wn_options[i], *b = &wn_options[j];
            if ((a->commands & b->commands) == 0)
                continue;
            assert_string_not_equal(a->name, b->name);
            assert_true(a->letter == 0 || a->letter != b->letter);
        }
    }
}

static void options_rows_are_complete(void **state)
{
    (void)state;
    for (int i = 0; i < WN_OPT_COUNT; i++) {
        const wn_option *option = &wn_options[i];
        assert_true(option->name != NULL && option->help != NULL && option->commands != 0);
        assert_true((option->kind == WN_VALUE_NONE) == (option->value == NULL));
        assert_true((option->kind == WN_VALUE_CHOICE) == (option->choices != NULL));
        assert_true(option->kind != WN_VALUE_INT || option->min < option->max);
        assert_true(option->help[strlen(option->help) - 1] != '.');
        assert_true(option->commands <= WN_FOR_ALL);
    }
    for (int i = 0; i < WN_CMD_COUNT; i++) {
        const wn_command *command = &wn_commands[i];
        assert_true(command->name != NULL && command->synopsis != NULL);
        assert_true(command->details != NULL && command->examples != NULL);
        assert_true(islower((unsigned char)command->summary[0]));
        assert_int_equal(wn_args_find_command(command->name), i);
        assert_true((command->max_operands > 0) == (command->operand != WN_VALUE_NONE));
        assert_true(strchr(command->summary, '\'') == NULL); /* quoted in completions */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(args_reads_options_in_every_form),
        cmocka_unit_test(args_takes_the_last_of_several_values),
        cmocka_unit_test(args_ends_options_at_two_dashes),
        cmocka_unit_test(args_without_a_command_is_help),
        cmocka_unit_test(args_refuses_numbers_out_of_range),
        cmocka_unit_test(args_refuses_shards_that_are_none),
        cmocka_unit_test(args_names_the_nearest_word),
        cmocka_unit_test(args_distance_counts_edits),
        cmocka_unit_test(options_have_one_meaning_for_each_word_of_a_command),
        cmocka_unit_test(options_rows_are_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
