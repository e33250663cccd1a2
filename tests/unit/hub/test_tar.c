/* Headers of tars: what is written is read, and nothing else is. */
#include "tests/support/check.h"

#include "hub/tar.h"

static wn_error err;

static wn_tar_entry round_trip(const char *name, uint64_t size)
{
    unsigned char block[WN_TAR_BLOCK];
    wn_tar_entry entry = {.size = size}, got;
    bool is_end = true;
    snprintf(entry.name, sizeof entry.name, "%s", name);
    assert_ok(wn_tar_write_header(block, &entry, &err), &err);
    assert_ok(wn_tar_read_header(&got, &is_end, block, &err), &err);
    assert_false(is_end);
    assert_false(got.is_folder);
    return got;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {
        0, 1, 511, 512, ((uint64_t)1 << 33) - 1, (uint64_t)1 << 33, (uint64_t)1 << 45};
    for (size_t i = 0; i < WN_ARRAY_LEN(sizes); i++)
        assert_int_equal(round_trip("a/b", sizes[i]).size, sizes[i]);
    assert_string_equal(round_trip("a", 0).name, "a");
    assert_int_equal(wn_tar_padding(0), 0);
    assert_int_equal(wn_tar_padding(1), 511);
    assert_int_equal(wn_tar_padding(512), 0);
}

static void names_are_parted_at_a_slash(void **state)
{
    (void)state;
    char name[WN_TAR_NAME_MAX + 1];
    for (size_t folder = 1; folder <= 155; folder++) {
        for (size_t file = 99; file <= 100 && folder + 1 + file <= WN_TAR_NAME_MAX; file++) {
            memset(name, 'f', sizeof name);
            name[folder] = '/';
            name[folder + 1 + file] = '\0';
            assert_string_equal(round_trip(name, 0).name, name);
        }
    }
    memset(name, 'f', 101);
    name[101] = '\0';
    name[0] = name[2] = '/';
    assert_string_equal(round_trip(name, 0).name, name);
    assert_string_equal(round_trip(name + 1, 0).name, name + 1);
}

static void names_without_room_are_refused(void **state)
{
    (void)state;
    unsigned char block[WN_TAR_BLOCK];
    wn_tar_entry entry = {0};
    memset(entry.name, 'f', 101);
    assert_fails(wn_tar_write_header(block, &entry, &err), WN_ERR_LIMIT, &err, "too long");
    memset(entry.name, 'f', WN_TAR_NAME_MAX);
    entry.name[156] = '/';
    assert_fails(wn_tar_write_header(block, &entry, &err), WN_ERR_LIMIT, &err, "too long");
}

static void every_changed_byte_is_noticed(void **state)
{
    (void)state;
    unsigned char block[WN_TAR_BLOCK];
    wn_tar_entry entry = {.name = "models/x", .size = 7}, got;
    bool is_end;
    assert_ok(wn_tar_write_header(block, &entry, &err), &err);
    for (size_t i = 0; i < WN_TAR_BLOCK; i++) {
        block[i] ^= 1;
        bool in_sum = i >= 154 && i < 156; /* what ends its digits */
        if (!in_sum)
            assert_int_equal(wn_tar_read_header(&got, &is_end, block, &err), WN_ERR_FORMAT);
        block[i] ^= 1;
    }
}

static void a_block_of_zeros_is_the_end(void **state)
{
    (void)state;
    static const unsigned char zeros[WN_TAR_BLOCK];
    wn_tar_entry got;
    bool is_end = false;
    assert_ok(wn_tar_read_header(&got, &is_end, zeros, &err), &err);
    assert_true(is_end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(names_are_parted_at_a_slash),
        cmocka_unit_test(names_without_room_are_refused),
        cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(a_block_of_zeros_is_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
