/* Loading a set: what it holds, what is counted, and what each damaged file is refused with. */
#define _GNU_SOURCE
#include "tests/support/check.h"

#include "base/str.h"
#include "eval/dataset.h"

#include <unistd.h>

static char dir[] = "/tmp/winnow-dataset-XXXXXX";
static const char *const names[] = {"queries.tsv", "docs.tsv", "qrels.tsv", "candidates.jsonl"};

/* A correct set; each test replaces one file. */
static const char *const sound[] = {"q1\ten\tfirst\nq2\tde\tzweite\n", "d1\ten\tone\nd2\ten\ttwo\n",
                                    "q1\td1\t1\nq2\td2\t1\n",
                                    "{\"qid\":\"q1\",\"cands\":[\"d2\",\"d1\"]}\n"};

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void write_file(const char *name, const char *content, size_t n)
{
    FILE *file = fopen(path_of(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void write_text(const char *name, const char *content)
{
    write_file(name, content, strlen(content));
}

static void write_sound(void)
{
    for (size_t i = 0; i < 4; i++)
        write_text(names[i], sound[i]);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_dir(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        unlink(path_of(names[i]));
    return rmdir(dir);
}

/* With this file in place of the sound one, opening fails and says this behind the file's path. */
static void assert_refused_bytes(const char *name, const char *content, size_t n, const char *text)
{
    wn_error err;
    const wn_dataset *set = NULL;
    write_sound();
    write_file(name, content, n);
    assert_fails(wn_dataset_open(&set, dir, &err), WN_ERR_FORMAT, &err, text);
    if (strncmp(err.message, path_of(name), strlen(path_of(name))) != 0)
        fail_msg("message '%s' does not begin with the path of %s", err.message, name);
    assert_null(set);
}

static void assert_refused(const char *name, const char *content, const char *text)
{
    assert_refused_bytes(name, content, strlen(content), text);
}

static void assert_str(wn_str got, const char *want)
{
    assert_true(wn_str_equal(got, wn_str_from(want)));
}

static void set_holds_what_the_files_say(void **state)
{
    (void)state;
    wn_error err = {0};
    const wn_dataset *set = NULL;
    assert_ok(wn_dataset_open(&set, "tests/eval/tiny/", &err), &err);
    assert_string_equal(set->name, "tiny");
    assert_int_equal(set->n_queries, 6);
    assert_int_equal(set->n_documents, 9);
    assert_int_equal(set->n_topics, 4);
    assert_str(set->queries[1].id, "q2");
    assert_str(set->queries[1].language, "de");
    assert_str(set->queries[1].text, "Hauptstadt von Frankreich");
    assert_str(set->documents[8].text, "Bake the bread for forty minutes.");
    const wn_topic *topic = &set->topics[1];
    const size_t documents[] = {4, 3, 2, 5};
    const double grades[] = {0, 2, 1, 0};
    assert_int_equal(topic->query, 1);
    assert_int_equal(topic->n_candidates, 4);
    assert_memory_equal(topic->documents, documents, sizeof documents);
    assert_memory_equal(topic->grades, grades, sizeof grades);
    wn_dataset_close(set);
    wn_dataset_close(NULL);
}

static void what_cannot_be_used_is_counted(void **state)
{
    (void)state;
    wn_error err = {0};
    const wn_dataset *set = NULL;
    assert_ok(wn_dataset_open(&set, "tests/eval/tiny", &err), &err);
    assert_int_equal(set->n_hopeless, 1); /* q5 */
    assert_int_equal(set->n_unlisted, 1); /* q6 */
    assert_int_equal(set->n_unknown, 1);  /* q5 d99 */
    assert_int_equal(set->n_missing, 1);  /* q3 d4 */
    wn_dataset_close(set);
}

static void line_ends_tabs_in_texts_and_fractions_are_understood(void **state)
{
    (void)state;
    wn_error err = {0};
    const wn_dataset *set = NULL;
    write_sound();
    write_text("docs.tsv", "d1\t\tone\tmore\r\nd2\ten\t");
    write_text("qrels.tsv", "q1\td1\t0.5\r\nq1\td2\t2.0");
    assert_ok(wn_dataset_open(&set, dir, &err), &err);
    assert_str(set->documents[0].text, "one\tmore");
    assert_str(set->documents[1].text, "");
    assert_true(set->topics[0].grades[0] == 2.0 && set->topics[0].grades[1] == 0.5);
    wn_dataset_close(set);
}

static void damaged_tables_are_refused_with_line_and_values(void **state)
{
    (void)state;
    assert_refused("queries.tsv", "q1\ten\tx\nq2 no tab\n", " line 2: 1 fields, expected 3");
    assert_refused("queries.tsv", "q1\ten\tx\n\n", " line 2: 1 fields, expected 3");
    assert_refused("docs.tsv", "d1\ttwo fields\n", " line 1: 2 fields, expected 3");
    assert_refused("docs.tsv", "d1\ten\tx\nd2\ten\ty\nd1\ten\tz\n",
                   " line 3: id 'd1' is the same as in line 1");
    assert_refused_bytes("docs.tsv", "d1\ten\t\xC3(\n", 9, " line 1: byte 6, 0xc3, is not UTF-8");
    assert_refused("qrels.tsv", "q1\td1\tgood\n",
                   " line 1: grade 'good', expected a number of 0 to 30");
    assert_refused("qrels.tsv", "q1\td1\t-1\n", "grade '-1'");
    assert_refused("qrels.tsv", "q1\td1\t31\n", "grade '31'");
    assert_refused("qrels.tsv", "q1\td1\t1.2.3\n", "grade '1.2.3'");
    assert_refused("qrels.tsv", "q1\td1\tnan\n", "grade 'nan'");
    assert_refused("qrels.tsv", "q1\td1\t\n", "grade ''");
    assert_refused("qrels.tsv", "q1\td1\t1\nq1\td1\t2\n",
                   " line 2: query 'q1', document 'd1': judged again, grade 2 after 1");
}

static void damaged_lists_are_refused_with_line_and_values(void **state)
{
    (void)state;
    const char *const name = "candidates.jsonl";
    assert_refused(name, "{\"qid\":\"q1\",\"cands\":[\"d1\"}\n", " line 1: JSON");
    assert_refused(name, "[]\n", "'qid' is missing");
    assert_refused(name, "{\"qid\":1,\"cands\":[]}\n", "'qid' is of another type");
    assert_refused(name, "{\"qid\":\"q1\"}\n", "'cands' is missing");
    assert_refused(name, "{\"qid\":\"q1\",\"cands\":{}}\n", "'cands' is of another type");
    assert_refused(name, "{\"qid\":\"q1\",\"cands\":[\"d1\",7]}\n", "candidate 1 is not a string");
    assert_refused(name, "{\"qid\":\"q7\",\"cands\":[]}\n", "query 'q7' is not in queries.tsv");
    assert_refused(name, "{\"qid\":\"q1\",\"cands\":[\"d9\"]}\n",
                   " line 1: query 'q1': candidate 'd9' is not in docs.tsv");
    assert_refused(name, "{\"qid\":\"q1\",\"cands\":[\"d1\",\"d1\"]}\n",
                   "candidate 'd1' is listed twice");
    assert_refused(name, "{\"qid\":\"q1\",\"cands\":[\"d1\"]}\n{\"qid\":\"q1\",\"cands\":[]}\n",
                   " line 2: query 'q1' has a second list");
}

static void missing_file_and_set_without_topics_are_refused(void **state)
{
    (void)state;
    wn_error err;
    const wn_dataset *set = NULL;
    assert_fails(wn_dataset_open(&set, "tests/eval/nowhere", &err), WN_ERR_IO, &err,
                 "tests/eval/nowhere/queries.tsv");
    write_sound();
    write_text("qrels.tsv", "q1\td1\t0\nq9\td1\t1\n");
    assert_fails(wn_dataset_open(&set, dir, &err), WN_ERR_FORMAT, &err,
                 "none of 1 lists of candidates has a relevant document (2 judgements, 1 of them");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_holds_what_the_files_say),
        cmocka_unit_test(what_cannot_be_used_is_counted),
        cmocka_unit_test(line_ends_tabs_in_texts_and_fractions_are_understood),
        cmocka_unit_test(damaged_tables_are_refused_with_line_and_values),
        cmocka_unit_test(damaged_lists_are_refused_with_line_and_values),
        cmocka_unit_test(missing_file_and_set_without_topics_are_refused),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
