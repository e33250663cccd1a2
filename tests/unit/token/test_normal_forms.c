/* The normal forms of Unicode, by the Unicode Consortium's own NormalizationTest.txt: every form of
 * every line becomes what its head demands, and every other code point stays as it is in all.  Code
 * points that the reference's version of Unicode does not know are left out. */
#define _GNU_SOURCE
#include "tests/support/check.h"

#include "base/mem.h"
#include "token/normalize.h"

#include <unistd.h>

#define FOLDER  "/usr/share/unicode/"
#define CODES   0x110000
#define COLUMNS 5
#define VERSION 9 /* of the reference's forms */

enum { NFC, NFD, NFKC, NFKD, FORMS };

static const char *const form_names[FORMS] = {"NFC", "NFD", "NFKC", "NFKD"};

/* Of a column, the column that a form of it has to be (counted from 0), from the file's head. */
static const size_t expected_column[FORMS][COLUMNS] = {
    {1, 1, 1, 3, 3}, {2, 2, 2, 4, 4}, {3, 3, 3, 3, 3}, {4, 4, 4, 4, 4}};

typedef struct fixture {
    wn_normalizer *normalizers[FORMS];
    wn_text text, spare;
    uint8_t *listed; /* [CODES] have a line of their own */
    uint8_t *young;  /* [CODES] came after VERSION */
    size_t n_checks, n_young;
} fixture;

/* A file of the Unicode Character Database, or NULL. */
static FILE *open_file(const char *name)
{
    char path[128], command[160];
    snprintf(path, sizeof path, FOLDER "%s", name);
    snprintf(command, sizeof command, "bzcat -f %s", path); /* -f: plain ones, too */
    return access(path, R_OK) == 0 ? popen(command, "r") : NULL;
}

/* Lines "XXXX ; 12.1" and "XXXX..YYYY ; 12.1". */
static void read_ages(fixture *f)
{
    FILE *file = open_file("DerivedAge.txt");
    assert_non_null(file);
    for (char line[2048]; fgets(line, sizeof line, file) != NULL;) {
        unsigned long first, last;
        double age;
        int n = sscanf(line, "%lx..%lx ; %lf", &first, &last, &age);
        if (n == 1) {
            n += 1 + sscanf(line, "%*x ; %lf", &age);
            last = first;
        }
        for (unsigned long c = first; n == 3 && age >= VERSION + 1 && c <= last; c++)
            f->young[c] = 1;
    }
    assert_int_equal(pclose(file), 0);
}

static void init(fixture *f)
{
    *f = (fixture){.listed = wn_mem_zalloc(CODES, 1), .young = wn_mem_zalloc(CODES, 1)};
    assert_true(f->listed != NULL && f->young != NULL);
    read_ages(f);
    wn_error err = {0};
    for (size_t i = 0; i < FORMS; i++) {
        json_t *node = json_pack("{s:s}", "type", form_names[i]);
        assert_ok(wn_normalizer_parse(&f->normalizers[i], node, &err), &err);
        json_decref(node);
    }
}

static void deinit(fixture *f)
{
    for (size_t i = 0; i < FORMS; i++)
        wn_normalizer_free(f->normalizers[i]);
    wn_text_deinit(&f->text);
    wn_text_deinit(&f->spare);
    wn_mem_free(f->listed);
    wn_mem_free(f->young);
}

static void check(fixture *f, size_t form, const char *given, const char *wanted, const char *line)
{
    wn_error err = {0};
    wn_text_clear(&f->text, false);
    assert_true(wn_text_push_original(&f->text, (wn_str){given, strlen(given)}, 0));
    assert_ok(wn_normalizer_run(f->normalizers[form], &f->text, &f->spare, &err), &err);
    if (f->text.bytes.len != strlen(wanted) ||
        memcmp(f->text.bytes.ptr, wanted, f->text.bytes.len) != 0)
        fail_msg("%s of '%s': '%.*s', expected '%s': %s", form_names[form], given,
                 (int)f->text.bytes.len, f->text.bytes.ptr, wanted, line);
    f->n_checks++;
}

static char *push_utf8(char *out, unsigned long c)
{
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[n == 1 ? 0 : n] | c);
    out[n] = '\0';
    return out + n;
}

/* Five columns of code points in hexadecimal, each ended by ';'; false when one is too young. */
static bool read_columns(fixture *f, char columns[COLUMNS][128], const char *line)
{
    const char *at = line;
    bool young = false;
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t n = 0;
        for (char *out = columns[i], *end; *at != ';'; at = end, n++) {
            unsigned long c = strtoul(at, &end, 16);
            assert_true(end > at && c < CODES && out - columns[i] < 120);
            out = push_utf8(out, c);
            young |= f->young[c];
            if (i == 0 && n == 0 && *end == ';')
                f->listed[c] = 1;
        }
        at++;
    }
    return !young;
}

static void normal_forms_are_those_of_the_consortium(void **state)
{
    (void)state;
    FILE *file = open_file("NormalizationTest.txt.bz2");
    if (file == NULL) {
        print_message("no " FOLDER "NormalizationTest.txt.bz2 (Debian: unicode-data)\n");
        skip();
    }
    fixture f;
    init(&f);
    char columns[COLUMNS][128];
    for (char line[2048]; fgets(line, sizeof line, file) != NULL;) {
        if (line[0] == '#' || line[0] == '@' || line[0] == '\n')
            continue;
        if (!read_columns(&f, columns, line)) {
            f.n_young++;
            continue;
        }
        for (size_t form = 0; form < FORMS; form++)
            for (size_t i = 0; i < COLUMNS; i++)
                check(&f, form, columns[i], columns[expected_column[form][i]], line);
    }
    assert_int_equal(pclose(file), 0);
    assert_true(f.n_checks > 300000);
    for (unsigned long c = 1; c < CODES; c++) {
        if (f.listed[c] || (c >= 0xd800 && c < 0xe000))
            continue;
        push_utf8(columns[0], c);
        for (size_t form = 0; form < FORMS; form++)
            check(&f, form, columns[0], columns[0], "not listed");
    }
    print_message("# %zu checks, %zu lines left out\n", f.n_checks, f.n_young);
    deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normal_forms_are_those_of_the_consortium),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
