/* Headers of the hub's answers, and how long to wait after them. */
#include "tests/support/check.h"

#include "base/str.h"
#include "hub/hub_reply.h"

static wn_hub_reply read(const char *const *lines)
{
    wn_hub_reply reply = wn_hub_reply_init();
    for (; *lines != NULL; lines++)
        wn_hub_reply_add(&reply, wn_str_from(*lines));
    return reply;
}

static void what_is_said_of_the_blob_outlives_a_redirect(void **state)
{
    (void)state;
    const char *const lines[] = {"HTTP/1.1 302 Found\r\n",
                                 "ETag: \"x\"\r\n",
                                 "X-Linked-Etag: \"abc\"\r\n",
                                 "x-linked-size: 12\r\n",
                                 "X-Repo-Commit: 00ff\r\n",
                                 "Retry-After: 3\r\n",
                                 "\r\n",
                                 "HTTP/2 206 \r\n",
                                 "content-range: bytes 5-9/12\r\n",
                                 "content-length:5\r\n",
                                 "\r\n",
                                 NULL};
    wn_hub_reply r = read(lines);
    assert_int_equal(r.status, 206);
    assert_string_equal(r.blob, "abc");
    assert_int_equal(r.blob_bytes, 12);
    assert_string_equal(r.commit, "00ff");
    assert_string_equal(r.etag, "");
    assert_int_equal(r.retry_after_s, -1);
    assert_true(r.is_partial);
    assert_int_equal(r.first_byte, 5);
    assert_int_equal(r.whole_bytes, 12);
    assert_int_equal(r.length, 5);
}

static void malformed_fields_count_as_not_there(void **state)
{
    (void)state;
    const char *const lines[] = {"HTTP/1.1 200 OK",
                                 "Content-Length: 99999999999999999999",
                                 "Content-Range: bytes x-9/12",
                                 "ETag: \"\x01\"",
                                 "X-Linked-Size: -1",
                                 "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT",
                                 "no colon",
                                 ": no name",
                                 "",
                                 NULL};
    wn_hub_reply r = read(lines);
    assert_int_equal(r.length, UINT64_MAX);
    assert_false(r.is_partial);
    assert_string_equal(r.etag, "");
    assert_int_equal(r.blob_bytes, UINT64_MAX);
    assert_int_equal(r.retry_after_s, -1);
    const char *const weak[] = {"HTTP/1.1 200 OK", "ETag: W/\"abc\"", "Content-Range: bytes 0-1/*",
                                NULL};
    r = read(weak);
    assert_string_equal(r.etag, "abc");
    assert_true(r.is_partial);
    assert_int_equal(r.whole_bytes, UINT64_MAX);
}

static void waiting_doubles_unless_the_server_says(void **state)
{
    (void)state;
    wn_hub_reply r = wn_hub_reply_init();
    assert_int_equal(wn_hub_wait_ms(&r, 1), 500);
    assert_int_equal(wn_hub_wait_ms(&r, 2), 1000);
    assert_int_equal(wn_hub_wait_ms(&r, 6), 16000);
    assert_int_equal(wn_hub_wait_ms(&r, 99), 16000);
    r.retry_after_s = 0;
    assert_int_equal(wn_hub_wait_ms(&r, 3), 0);
    r.retry_after_s = 7;
    assert_int_equal(wn_hub_wait_ms(&r, 3), 7000);
    r.retry_after_s = INT32_MAX;
    assert_int_equal(wn_hub_wait_ms(&r, 3), WN_HUB_RETRY_AFTER_MAX_S * 1000);
}

static void only_some_answers_pass(void **state)
{
    (void)state;
    static const struct {
        long status;
        bool passes;
    } rows[] = {{200, false}, {404, false}, {401, false}, {408, true}, {416, false},
                {429, true},  {500, true},  {503, true},  {599, true}};
    for (size_t i = 0; i < WN_ARRAY_LEN(rows); i++) {
        wn_hub_reply r = wn_hub_reply_init();
        r.status = rows[i].status;
        assert_int_equal(wn_hub_reply_is_passing(&r), rows[i].passes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_of_the_blob_outlives_a_redirect),
        cmocka_unit_test(malformed_fields_count_as_not_there),
        cmocka_unit_test(waiting_doubles_unless_the_server_says),
        cmocka_unit_test(only_some_answers_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
