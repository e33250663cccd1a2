/* Answers as server-sent events: who asks for them, and their bytes. */
#include "tests/support/check.h"

#include "base/str.h"
#include "serve/event_stream.h"

static void only_who_names_the_type_gets_events(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        uint8_t minor;
        bool wanted;
    } rows[] = {
        {"text/event-stream", 1, true},
        {"text/event-stream", 0, false}, /* a body of unknown length needs chunks */
        {"application/json, text/event-stream;q=0.5", 1, true},
        {"Text/Event-Stream , */*", 1, true},
        {"*/*", 1, false},
        {"text/*", 1, false},
        {"text/event-streams", 1, false},
        {"application/json", 1, false},
        {",,", 1, false},
        {"", 1, false},
    };
    for (size_t i = 0; i < WN_ARRAY_LEN(rows); i++) {
        const wn_http_field field = {WN_STR("accept"), wn_str_from(rows[i].accept)};
        const wn_http_request request = {
            .fields = &field, .n_fields = 1, .minor_version = rows[i].minor};
        if (wn_event_stream_is_wanted(&request) != rows[i].wanted)
            fail_msg("Accept '%s', HTTP/1.%d: expected %d", rows[i].accept, rows[i].minor,
                     rows[i].wanted);
    }
    const wn_http_request none = {.minor_version = 1};
    assert_false(wn_event_stream_is_wanted(&none));
}

static void bytes_are_chunks_of_events(void **state)
{
    (void)state;
    static const char want[] = "HTTP/1.1 200 OK\r\nX-Request-Id: a\r\n"
                               "Content-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                               "X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "30\r\nevent: progress\ndata: {\"done\":12,\"total\":3456}\n\n\r\n"
                               "1d\r\nevent: result\ndata: {\"a\":1}\n\n\r\n0\r\n\r\n";
    wn_buf fields = WN_BUF_INIT, out = WN_BUF_INIT;
    wn_buf_push_str(&fields, WN_STR("X-Request-Id: a\r\n"));
    assert_true(wn_event_stream_push_head(&out, &fields, true));
    assert_true(wn_event_stream_push_progress(&out, 12, 3456));
    assert_true(wn_event_stream_open_last(&out, false, 7));
    wn_buf_push_str(&out, WN_STR("{\"a\":1}"));
    assert_true(wn_event_stream_close_last(&out));
    wn_buf_push_byte(&out, '\0');
    assert_string_equal(out.ptr, want);
    wn_buf_clear(&out);
    assert_true(wn_event_stream_push_head(&out, &fields, false));
    assert_true(wn_event_stream_open_last(&out, true, 0));
    wn_buf_push_byte(&out, '\0');
    assert_non_null(strstr(out.ptr, "\r\nConnection: close\r\n\r\n15\r\nevent: error\ndata: "));
    wn_buf_deinit(&fields);
    wn_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_names_the_type_gets_events),
        cmocka_unit_test(bytes_are_chunks_of_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
