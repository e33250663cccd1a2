/* Normalizers and character classes for every code point, against the sets measured from the
 * reference; grapheme clusters of the charsmap, layouts of published files, and refusals by name.
 */
#include "tests/support/check.h"

#include "base/mem.h"
#include "data/unicode.h"
#include "token/normalize.h"
#include "token/split.h"

#define CODES 0x110000

static wn_normalizer *normalizer_of(const char *json)
{
    wn_normalizer *normalizer = NULL;
    wn_error err;
    json_t *node = json_loads(json, 0, NULL);
    assert_non_null(node);
    assert_ok(wn_normalizer_parse(&normalizer, node, &err), &err);
    json_decref(node);
    return normalizer;
}

/* The normalized text, with and without byte ranges, which must agree. */
static const char *run(const wn_normalizer *normalizer, const char *text)
{
    static char out[4096];
    wn_error err;
    wn_text t = WN_TEXT_INIT, spare = WN_TEXT_INIT;
    for (int ranges = 1; ranges >= 0; ranges--) {
        wn_text_clear(&t, ranges != 0);
        assert_true(wn_text_push_original(&t, (wn_str){text, strlen(text)}, 0));
        assert_ok(wn_normalizer_run(normalizer, &t, &spare, &err), &err);
        assert_true(t.bytes.len < sizeof out);
        for (size_t i = 0; ranges && i < t.bytes.len; i++)
            assert_true(t.start[i] <= t.end[i] && t.end[i] <= strlen(text));
        const char *got = t.bytes.len == 0 ? "" : t.bytes.ptr;
        if (!ranges)
            assert_true(strlen(out) == t.bytes.len && memcmp(out, got, t.bytes.len) == 0);
        memcpy(out, got, t.bytes.len);
        out[t.bytes.len] = '\0';
    }
    wn_text_deinit(&t);
    wn_text_deinit(&spare);
    return out;
}

/* A measured set as flags [CODES]; NULL when the folder is not there. */
static uint8_t *read_set(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tokenizers/unicode-sets/%s.txt", name);
    const char *full = check_shared(path);
    if (full == NULL)
        return NULL;
    FILE *f = fopen(full, "r");
    assert_non_null(f);
    uint8_t *set = wn_mem_zalloc(CODES, 1);
    assert_non_null(set);
    for (char line[256]; fgets(line, sizeof line, f) != NULL;) {
        unsigned first, last;
        int n = sscanf(line, "%x-%x", &first, &last);
        for (unsigned c = first; n >= 1 && c <= (n == 2 ? last : first); c++)
            set[c] = 1;
    }
    fclose(f);
    return set;
}

/* A measured map: replacement of each code point as text, NULL where it stays. */
static char **read_map(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tokenizers/unicode-sets/%s.txt", name);
    FILE *f = fopen(check_shared(path), "r");
    assert_non_null(f);
    char **map = wn_mem_zalloc(CODES, sizeof *map);
    assert_non_null(map);
    for (char line[1024]; fgets(line, sizeof line, f) != NULL;) {
        char *rest, text[128];
        unsigned long c = strtoul(line, &rest, 16);
        if (rest == line || *rest != ';')
            continue;
        size_t n = 0;
        for (char *at = rest + 1; *at != '\0';) {
            unsigned long part = strtoul(at, &rest, 16);
            if (rest == at)
                break;
            n += wn_utf8_encode(text + n, (uint32_t)part);
            at = rest;
        }
        map[c] = wn_mem_zalloc(n + 1, 1);
        assert_non_null(map[c]);
        memcpy(map[c], text, n);
    }
    fclose(f);
    return map;
}

static void free_map(char **map)
{
    for (size_t c = 0; c < CODES; c++)
        wn_mem_free(map[c]);
    wn_mem_free(map);
}

static bool have_sets(void)
{
    if (check_shared("tokenizers/unicode-sets/onig_L.txt") != NULL)
        return true;
    printf("# the measured Unicode sets are not there\n");
    return false;
}

static bool is_surrogate(uint32_t c)
{
    return c >= 0xD800 && c <= 0xDFFF;
}

/* "1" c "2" must become "1" want "2". */
static void expect_code(const wn_normalizer *normalizer, uint32_t c, const char *want,
                        const char *what)
{
    char text[16], full[256];
    size_t n = 1;
    text[0] = '1';
    n += wn_utf8_encode(text + n, c);
    text[n++] = '2';
    text[n] = '\0';
    snprintf(full, sizeof full, "1%s2", want);
    const char *got = run(normalizer, text);
    if (strcmp(got, full) != 0)
        fail_msg("%s: U+%04X gives '%s', expected '%s'", what, c, got, full);
}

static void check_map(const char *json, const char *name, bool skip_hangul)
{
    wn_normalizer *normalizer = normalizer_of(json);
    char **map = read_map(name);
    size_t n_changed = 0;
    for (uint32_t c = 1; c < CODES; c++) {
        char self[8] = "";
        if (is_surrogate(c) || (skip_hangul && c >= 0xAC00 && c <= 0xD7A3))
            continue;
        self[wn_utf8_encode(self, c)] = '\0';
        expect_code(normalizer, c, map[c] != NULL ? map[c] : self, name);
        n_changed += map[c] != NULL;
    }
    printf("# %s: every code point, %zu change\n", name, n_changed);
    assert_true(n_changed > 1000);
    free_map(map);
    wn_normalizer_free(normalizer);
}

static void forms_and_lower_case_map_every_code_point_as_measured(void **state)
{
    (void)state;
    if (!have_sets())
        skip();
    check_map("{\"type\":\"NFC\"}", "map_nfc", false);
    check_map("{\"type\":\"NFD\"}", "map_nfd", true);
    check_map("{\"type\":\"NFKC\"}", "map_nfkc", false);
    check_map("{\"type\":\"NFKD\"}", "map_nfkd", true);
    check_map("{\"type\":\"Lowercase\"}", "map_lowercase", false);
}

#define BERT(clean, cjk, strip)                                                                    \
    "{\"type\":\"BertNormalizer\",\"clean_text\":" clean ",\"handle_chinese_chars\":" cjk          \
    ",\"strip_accents\":" strip ",\"lowercase\":false}"

static void bert_normalizer_treats_every_code_point_as_measured(void **state)
{
    (void)state;
    if (!have_sets())
        skip();
    uint8_t *removed = read_set("bert_clean_removed"), *space = read_set("bert_clean_to_space");
    uint8_t *cjk = read_set("bert_cjk_spaced"), *marks = read_set("bert_strip_accents_removed");
    uint8_t *accents = read_set("StripAccents_removed");
    wn_normalizer *clean = normalizer_of(BERT("true", "false", "false"));
    wn_normalizer *apart = normalizer_of(BERT("false", "true", "false"));
    wn_normalizer *strip = normalizer_of(BERT("false", "false", "true"));
    wn_normalizer *plain = normalizer_of("{\"type\":\"StripAccents\"}");
    for (uint32_t c = 1; c < CODES; c++) {
        char self[8] = "", spaced[16];
        if (is_surrogate(c))
            continue;
        self[wn_utf8_encode(self, c)] = '\0';
        snprintf(spaced, sizeof spaced, " %s ", self);
        expect_code(clean, c, removed[c] ? "" : space[c] ? " " : self, "clean_text");
        expect_code(apart, c, cjk[c] ? spaced : self, "handle_chinese_chars");
        expect_code(plain, c, accents[c] ? "" : self, "StripAccents");
        if (marks[c])
            expect_code(strip, c, "", "strip_accents");
    }
    uint8_t *all[] = {removed, space, cjk, marks, accents};
    for (size_t i = 0; i < WN_ARRAY_LEN(all); i++)
        wn_mem_free(all[i]);
    wn_normalizer_free(clean);
    wn_normalizer_free(apart);
    wn_normalizer_free(strip);
    wn_normalizer_free(plain);
}

static void character_classes_equal_the_measured_sets(void **state)
{
    (void)state;
    if (!have_sets())
        skip();
    const struct {
        const char *name;
        uint32_t flag;
    } sets[] = {{"onig_L", WN_UC_LETTER},
                {"onig_N", WN_UC_NUMBER},
                {"onig_s", WN_UC_SPACE},
                {"white_space", WN_UC_SPACE},
                {"bert_punct", WN_UC_PUNCT}};
    for (size_t i = 0; i < WN_ARRAY_LEN(sets); i++) {
        uint8_t *set = read_set(sets[i].name);
        size_t n = 0;
        for (uint32_t c = 0; c < CODES; c++) {
            if (is_surrogate(c))
                continue;
            n += set[c];
            if (((wn_unicode_flags(c) & sets[i].flag) != 0) != (set[c] != 0))
                fail_msg("%s: U+%04X is %s the set", sets[i].name, c, set[c] ? "in" : "not in");
        }
        printf("# %s: %zu code points\n", sets[i].name, n);
        wn_mem_free(set);
    }
}

/* The normalizer of a published file with SentencePiece's charsmap. */
static wn_normalizer *charsmap_normalizer(void)
{
    const char *path = check_shared("tokenizers/t5-small/tokenizer.json");
    json_t *file = path == NULL ? NULL : json_load_file(path, 0, NULL);
    assert_non_null(file);
    wn_normalizer *normalizer = NULL;
    wn_error err;
    assert_ok(wn_normalizer_parse(&normalizer, json_object_get(file, "normalizer"), &err), &err);
    json_decref(file);
    return normalizer;
}

static void charsmap_maps_every_code_point_and_loses_what_the_reference_loses(void **state)
{
    (void)state;
    if (!have_sets())
        skip();
    wn_normalizer *normalizer = charsmap_normalizer();
    char **map = read_map("map_nmt_nfkc_charsmap");
    for (uint32_t c = 1; c < CODES; c++) {
        char self[8] = "";
        if (is_surrogate(c))
            continue;
        self[wn_utf8_encode(self, c)] = '\0';
        expect_code(normalizer, c, map[c] != NULL ? map[c] : self, "charsmap");
    }
    const char *const clusters[][2] = {
        {"e\u0302\u0301", "\u00EA"}, /* the acute is lost */
        {"a\u0306\u0301", "\u0103"},
        {"\uFF76\uFF9E", "\u30AB\u3099"}, /* six bytes: each for itself */
        {"\u304B\u3099", "\u304B\u3099"},
        {"\r\n", " "}, /* one cluster, one space */
        {"\u00BD", "1\u20442"},
        {"a\u2581b", "a b"},
        {"\u00AD\uFF5E", "\u00AD\uFF5E"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(clusters); i++)
        assert_string_equal(run(normalizer, clusters[i][0]), clusters[i][1]);
    free_map(map);
    wn_normalizer_free(normalizer);
}

static void steps_follow_the_reference(void **state)
{
    (void)state;
    const char *const cases[][3] = {
        {"{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}", " \u3000x y \t",
         "x y \t"},
        {"{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}", "   ", ""},
        {"{\"type\":\"Prepend\",\"prepend\":\"_\"}", "x", "_x"},
        {"{\"type\":\"Prepend\",\"prepend\":\"_\"}", "", ""},
        {"{\"type\":\"Replace\",\"pattern\":{\"String\":\"aa\"},\"content\":\"b\"}", "aaaaa",
         "bba"},
        {"{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\"_\"}", " x  y   ",
         " x_y_"},
        {"{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"[\u064B-\u0652x]\"},\"content\":\"\"}",
         "ax\u064Bb\u0652", "ab"},
        /* Ranges over several first bytes of UTF-8, and characters beside them. */
        {"{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"[b\u00E9-\u0451\u4E00-\u9FFF"
         "\U0001F600-\U0001F64F]\"},\"content\":\"\"}",
         "abc\u00E8\u00E9\u03B1\u0451\u0452\u4DFF\u4E00\u9FFF\uA000\U0001F5FF\U0001F600"
         "\U0001F64F\U0001F650",
         "ac\u00E8\u0452\u4DFF\uA000\U0001F5FF\U0001F650"},
        {"{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKC\"},{\"type\":\"Lowercase\"}]}",
         "\uFF21\u0130", "ai\u0307"},
        {"{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
         "\"strip_accents\":null,\"lowercase\":true}",
         "\u0130\u00C9\u4E2D\uAC00\u00AD", "ie \u4E2D \u1100\u1161"},
        {"{\"type\":\"NFD\"}", "a\u0323\u0301", "a\u0323\u0301"},
        {"{\"type\":\"NFD\"}", "a\u0301\u0323", "a\u0323\u0301"},
        {"{\"type\":\"NFC\"}", "a\u0301\u0323", "\u1EA1\u0301"},
        {"{\"type\":\"NFC\"}", "\u1100\u1161\u11A8", "\uAC01"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_normalizer *normalizer = normalizer_of(cases[i][0]);
        assert_string_equal(run(normalizer, cases[i][1]), cases[i][2]);
        wn_normalizer_free(normalizer);
    }
}

static void unknown_and_malformed_steps_are_named(void **state)
{
    (void)state;
    const struct {
        const char *json;
        wn_status status;
        const char *part;
    } cases[] = {
        {"{\"type\":\"Wizard\"}", WN_ERR_UNSUPPORTED, "'Wizard'"},
        {"{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"X\"}]}",
         WN_ERR_UNSUPPORTED, "normalizer.normalizers[1]"},
        {"[]", WN_ERR_FORMAT, "an array"},
        {"{\"type\":\"Prepend\",\"prepend\":3}", WN_ERR_FORMAT,
         "normalizer.prepend: is an integer"},
        {"{\"type\":\"Strip\",\"strip_left\":true}", WN_ERR_FORMAT, "strip_right"},
        {"{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"!!\"}", WN_ERR_FORMAT,
         "precompiled_charsmap"},
        {"{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"/////w==\"}", WN_ERR_FORMAT,
         "precompiled_charsmap"},
        {"{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a+(b|c)\"},\"content\":\"\"}",
         WN_ERR_UNSUPPORTED, "a+(b|c)"},
        {"{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(\"},\"content\":\"\"}",
         WN_ERR_UNSUPPORTED, "pattern"},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(cases); i++) {
        wn_normalizer *normalizer = NULL;
        wn_error err;
        json_t *node = json_loads(cases[i].json, 0, NULL);
        assert_fails(wn_normalizer_parse(&normalizer, node, &err), cases[i].status, &err,
                     cases[i].part);
        json_decref(node);
    }
}

static void a_text_that_grows_without_bound_is_refused(void **state)
{
    (void)state;
    const char *json =
        "{\"type\":\"Sequence\",\"normalizers\":["
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaa\"},"
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaa\"},"
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aaaaaaaa\"}]}";
    wn_normalizer *normalizer = normalizer_of(json);
    wn_text text = WN_TEXT_INIT, spare = WN_TEXT_INIT;
    wn_error err;
    char a[4096];
    memset(a, 'a', sizeof a);
    for (size_t n = 128; n <= sizeof a; n *= 32) { /* 512 times 128 is allowed to a short text */
        wn_text_clear(&text, false);
        assert_true(wn_text_push_original(&text, (wn_str){a, n}, 0));
        if (n == 128)
            assert_ok(wn_normalizer_run(normalizer, &text, &spare, &err), &err);
        else
            assert_fails(wn_normalizer_run(normalizer, &text, &spare, &err), WN_ERR_LIMIT, &err,
                         "grows to more than 327680 bytes");
    }
    wn_text_deinit(&text);
    wn_text_deinit(&spare);
    wn_normalizer_free(normalizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_and_lower_case_map_every_code_point_as_measured),
        cmocka_unit_test(bert_normalizer_treats_every_code_point_as_measured),
        cmocka_unit_test(character_classes_equal_the_measured_sets),
        cmocka_unit_test(charsmap_maps_every_code_point_and_loses_what_the_reference_loses),
        cmocka_unit_test(steps_follow_the_reference),
        cmocka_unit_test(unknown_and_malformed_steps_are_named),
        cmocka_unit_test(a_text_that_grows_without_bound_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
