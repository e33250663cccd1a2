/* Precompiled charsmap: a small one that works, and every damage of the untrusted file. */
#include "tests/support/check.h"

#include "base/str.h"
#include "token/charsmap.h"

#define N_UNITS 98
#define LEAF    0x100u      /* the unit has one */
#define VALUE   0x80000000u /* the unit is one */

static wn_error err;

/* A double array with the one key "a" (0x61), whose leaf is unit 96 and points to blob byte 0. */
typedef struct parts {
    uint32_t units[N_UNITS];
    wn_str blob;
} parts;

static parts good_parts(void)
{
    parts p = {.blob = WN_STR("b\xC3\xA9\0")};
    p.units[0x61] = 0x61 | LEAF | 1u << 10; /* its leaf is at 0x61 ^ 1 */
    p.units[0x60] = VALUE | 0;
    return p;
}

/* The base64 text of a map. */
static const char *text_of(const parts *p, uint32_t array_bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static char text[1024];
    unsigned char bytes[512] = {0};
    size_t n = 4 + sizeof p->units, at = 0;
    memcpy(bytes, &array_bytes, 4);
    memcpy(bytes + 4, p->units, sizeof p->units);
    memcpy(bytes + n, p->blob.ptr, p->blob.len);
    n += p->blob.len;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits =
            (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | (uint32_t)bytes[i + 2];
        for (size_t k = 0; k < 4; k++)
            text[at++] = i + k > n ? '=' : digits[bits >> (18 - 6 * k) & 63];
    }
    text[at] = '\0';
    return text;
}

static void refuses(const char *base64, const char *message)
{
    wn_charsmap *map = NULL;
    assert_fails(wn_charsmap_parse(&map, wn_str_from(base64), "map", &err), WN_ERR_FORMAT, &err,
                 message);
    assert_null(map);
}

static void the_shortest_key_is_replaced(void **state)
{
    (void)state;
    wn_charsmap *map = NULL;
    wn_str to = {NULL, 0};
    parts p = good_parts();
    const char *text = text_of(&p, sizeof p.units);
    assert_ok(wn_charsmap_parse(&map, wn_str_from(text), "map", &err), &err);
    assert_true(wn_charsmap_find(map, &to, "ab", 2));
    assert_true(wn_str_equal(to, WN_STR("b\xC3\xA9")));
    assert_false(wn_charsmap_find(map, &to, "b", 1));
    assert_false(wn_charsmap_find(map, &to, "\xFF", 1));
    assert_false(wn_charsmap_find(map, &to, "\0", 1));
    assert_false(wn_charsmap_keeps_ascii(map, 'a'));
    assert_true(wn_charsmap_keeps_ascii(map, 'b'));
    wn_charsmap_free(map);
}

static void leaves_outside_of_the_map_are_refused(void **state)
{
    (void)state;
    parts p = good_parts();
    p.units[0x61] = 0x61 | LEAF | 128u << 10;
    refuses(text_of(&p, sizeof p.units), "map: unit 97 has its leaf at 225 of 98");
    p.units[0x61] = 0x61 | LEAF | 0x200 | 1u << 10; /* offset 1 << 8 */
    refuses(text_of(&p, sizeof p.units), "map: unit 97 has its leaf at 353 of 98");
    p = good_parts();
    p.units[0x60] = VALUE | 4;
    refuses(text_of(&p, sizeof p.units), "map: unit 97 has its string at 4 of 4");
    p.units[0x60] = VALUE | 2; /* inside of a character */
    refuses(text_of(&p, sizeof p.units), "map: unit 97 has its string at 2 of 4");
    p = good_parts();
    p.blob = WN_STR("b\xC3");
    refuses(text_of(&p, sizeof p.units), "map: strings are not UTF-8 at byte 1 of 2");
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    parts p = good_parts();
    refuses("", "map: array of 0 bytes in a map of 0 bytes");
    refuses("AAAA", "map: array of 0 bytes in a map of 3 bytes");
    refuses(text_of(&p, 0), "map: array of 0 bytes");
    refuses(text_of(&p, 6), "map: array of 6 bytes");
    refuses(text_of(&p, 400), "map: array of 400 bytes in a map of 400 bytes");
    refuses(text_of(&p, 0xFFFFFFFC), "map: array of 4294967292 bytes");
}

static void base64_is_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {"A",    "AA",   "AAA",      "AAAAA",    "A===", "====",
                                      "AA=A", "AB==", "AAAB====", "AA==AAAA", "AAF=", "AA-_"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuses(bad[i], "map: not base64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shortest_key_is_replaced),
        cmocka_unit_test(leaves_outside_of_the_map_are_refused),
        cmocka_unit_test(sizes_that_do_not_fit_are_refused),
        cmocka_unit_test(base64_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
