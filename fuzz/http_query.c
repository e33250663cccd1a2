/* The query of a request: its parameters end, none is longer than it, and what comes out of them
 * as the words of a report is read or refused. */
#include "serve/http_request.h"
#include "serve/usage_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn_str rest = {(const char *)data, size};
    wn_buf name = WN_BUF_INIT, value = WN_BUF_INIT;
    while (wn_http_next_parameter(&rest, &name, &value)) {
        wn_usage_query query;
        wn_error err;
        const char *wrong = NULL;
        wn_str text = wn_buf_str(&value);
        wn_report_order order = {.from = text, .to = text, .by = text, .key = text};
        WN_ASSERT(name.len + value.len <= size);
        WN_ASSERT(wn_report_query(&query, &order, 0, &wrong, &err) == WN_OK || wrong != NULL);
        order.from = order.to = order.by = (wn_str){0};
        WN_ASSERT(wn_report_query(&query, &order, 0, &wrong, &err) == WN_OK || wrong != NULL);
    }
    WN_ASSERT(rest.len == 0);
    wn_buf_deinit(&name);
    wn_buf_deinit(&value);
    return 0;
}
