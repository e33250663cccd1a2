/* Writing safetensors: what our reader, and that of other programs, reads back. */
#define _GNU_SOURCE
#include "tests/support/check.h"

#include "base/file.h"
#include "base/str.h"
#include "data/safetensors.h"
#include "data/safetensors_writer.h"

#include <stdio.h>
#include <unistd.h>

static wn_error err;
static char folder[] = "/tmp/winnow-writer-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const unsigned char bytes[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static const wn_tensor_view tensors[] = {
    {{"id", 2}, WN_DTYPE_OTHER, "I64", 1, {2}, bytes, 16},
    {{"a \"b\"\\\xC3\xA9", 8}, WN_DTYPE_F32, "F32", 2, {1, 2}, bytes + 16, 8},
    {{"scalar", 6}, WN_DTYPE_F32, "F32", 0, {0}, bytes + 24, 4},
    {{"none", 4}, WN_DTYPE_BF16, "BF16", 3, {2, 0, 5}, bytes + 28, 0},
    {{"i", 1}, WN_DTYPE_I8, "I8", 2, {2, 3}, bytes + 28, 6},
};

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    wn_safetensors_writer writer;
    wn_tensors *set = NULL;
    const size_t n = WN_ARRAY_LEN(tensors);
    assert_ok(wn_safetensors_writer_open(&writer, path_of("model.safetensors"), tensors, n, &err),
              &err);
    assert_int_equal(writer.data_bytes, 34);
    for (size_t at = 0; at < 34; at += 5) /* in pieces of any size */
        assert_ok(wn_safetensors_writer_write(&writer, bytes + at, WN_MIN(34 - at, 5), &err), &err);
    assert_false(wn_file_exists(path_of("model.safetensors")));
    assert_ok(wn_safetensors_writer_commit(&writer, &err), &err);
    wn_safetensors_writer_deinit(&writer);
    assert_ok(wn_safetensors_open(&set, folder, &err), &err);
    assert_int_equal(wn_tensors_count(set), n);
    for (size_t i = 0; i < n; i++) {
        const wn_tensor_view *view = wn_tensors_find(set, tensors[i].name);
        assert_non_null(view);
        assert_int_equal(view->dtype, tensors[i].dtype);
        assert_string_equal(view->dtype_name, tensors[i].dtype_name);
        assert_int_equal(view->n_dims, tensors[i].n_dims);
        assert_memory_equal(view->dims, tensors[i].dims, view->n_dims * sizeof *view->dims);
        assert_int_equal(view->bytes, tensors[i].bytes);
        assert_memory_equal(view->data, tensors[i].data, view->bytes);
    }
    assert_int_equal((uintptr_t)wn_tensors_find(set, WN_STR("id"))->data % 8, 0);
    wn_tensors_close(set);
    assert_int_equal(unlink(path_of("model.safetensors")), 0);
}

static void a_file_that_is_not_finished_is_removed(void **state)
{
    (void)state;
    wn_safetensors_writer writer;
    assert_ok(wn_safetensors_writer_open(&writer, path_of("b"), tensors, 1, &err), &err);
    assert_ok(wn_safetensors_writer_write(&writer, bytes, 3, &err), &err);
    wn_safetensors_writer_deinit(&writer);
    assert_false(wn_file_exists(path_of("b")));
    assert_false(wn_file_exists(path_of("b.part")));
}

static void what_no_reader_takes_is_not_written(void **state)
{
    (void)state;
    wn_safetensors_writer writer;
    wn_tensor_view huge[2] = {tensors[0], tensors[1]};
    huge[0].bytes = huge[1].bytes = INT64_MAX;
    assert_fails(wn_safetensors_writer_open(&writer, path_of("c"), huge, 2, &err), WN_ERR_LIMIT,
                 &err, "tensors of over 2^63 bytes");
    wn_safetensors_writer_deinit(&writer);
    assert_fails(wn_safetensors_writer_open(&writer, path_of("no/c"), tensors, 1, &err), WN_ERR_IO,
                 &err, "no/c.part': No such file");
    wn_safetensors_writer_deinit(&writer);
    assert_false(wn_file_exists(path_of("c.part")));
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_file_that_is_not_finished_is_removed),
        cmocka_unit_test(what_no_reader_takes_is_not_written),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
