/* See reply.h. */
#include "serve/reply.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

typedef struct reason {
    int status;
    const char *words;
} reason;

static const reason reasons[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {424, "Failed Dependency"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

void wn_reply_deinit(wn_reply *reply)
{
    wn_buf_deinit(&reply->fields);
    wn_buf_deinit(&reply->body);
    *reply = (wn_reply){0};
}

bool wn_reply_push_field(wn_reply *reply, const char *name, const char *format, ...)
{
    char value[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(value, sizeof value, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof value)
        return false;
    for (int i = 0; i < n; i++) {
        if ((unsigned char)value[i] < ' ' || value[i] == 0x7f)
            return false;
    }
    return wn_buf_printf(&reply->fields, "%s: %s\r\n", name, value);
}

int wn_reply_status(size_t i)
{
    return i < WN_ARRAY_LEN(reasons) ? reasons[i].status : 0;
}

const char *wn_reply_reason(int status)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].words;
    }
    return "Unknown";
}

static bool push_date(wn_buf *out)
{
    struct tm utc;
    time_t now = time(NULL);
    char text[64];
    gmtime_r(&now, &utc);
    size_t n = strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    return wn_buf_push(out, text, n);
}

bool wn_reply_push_head(wn_buf *out, const wn_reply *reply, bool keep_alive)
{
    wn_buf_printf(out, "HTTP/1.1 %d %s\r\n", reply->status, wn_reply_reason(reply->status));
    push_date(out);
    wn_buf_push_str(out, wn_buf_str(&reply->fields));
    if (reply->content_type != NULL)
        wn_buf_printf(out, "Content-Type: %s\r\n", reply->content_type);
    if (reply->status != 204 && reply->status != 304)
        wn_buf_printf(out, "Content-Length: %zu\r\n", reply->body.len);
    if (!keep_alive)
        wn_buf_push_str(out, WN_STR("Connection: close\r\n"));
    wn_buf_push_str(out, WN_STR("\r\n"));
    return !out->failed;
}
