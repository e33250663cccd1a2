/* See event_stream.h.  Data are one line: JSON texts of ours have no line end in them. */
#include "serve/event_stream.h"

#include "base/str.h"

#define RESULT "event: result\ndata: "
#define ERROR  "event: error\ndata: "
#define END    "\n\n"

bool wn_event_stream_is_wanted(const wn_http_request *request)
{
    static const wn_str type = {"text/event-stream", 17};
    wn_str accept, range;
    if (request->minor_version < 1 || !wn_http_find(request, "Accept", &accept))
        return false;
    while (wn_http_next_item(&accept, &range)) {
        size_t n = 0;
        while (n < range.len && range.ptr[n] != ';')
            n++;
        if (wn_http_same(wn_http_trim(wn_str_slice(range, 0, n)), type))
            return true;
    }
    return false;
}

bool wn_event_stream_push_head(wn_buf *out, const wn_buf *fields, bool keep_alive)
{
    wn_buf_push_str(out, WN_STR("HTTP/1.1 200 OK\r\n"));
    wn_buf_push_str(out, wn_buf_str(fields));
    wn_buf_push_str(out, WN_STR("Content-Type: text/event-stream\r\n"
                                "Cache-Control: no-store\r\n"
                                "X-Accel-Buffering: no\r\n"
                                "Transfer-Encoding: chunked\r\n"));
    if (!keep_alive)
        wn_buf_push_str(out, WN_STR("Connection: close\r\n"));
    return wn_buf_push_str(out, WN_STR("\r\n"));
}

bool wn_event_stream_push_progress(wn_buf *out, uint64_t n_done, uint64_t n_total)
{
    wn_buf event = WN_BUF_INIT;
    wn_buf_printf(&event, "event: progress\ndata: {\"done\":%llu,\"total\":%llu}" END,
                  (unsigned long long)n_done, (unsigned long long)n_total);
    bool ok = !event.failed && wn_buf_printf(out, "%zx\r\n", event.len) &&
              wn_buf_push_str(out, wn_buf_str(&event)) && wn_buf_push_str(out, WN_STR("\r\n"));
    wn_buf_deinit(&event);
    return ok;
}

bool wn_event_stream_open_last(wn_buf *out, bool is_error, size_t n_bytes)
{
    wn_str name = is_error ? WN_STR(ERROR) : WN_STR(RESULT);
    return wn_buf_printf(out, "%zx\r\n", name.len + n_bytes + strlen(END)) &&
           wn_buf_push_str(out, name);
}

bool wn_event_stream_close_last(wn_buf *out)
{
    return wn_buf_push_str(out, WN_STR(END "\r\n0\r\n\r\n"));
}
