/* The query of a request: its parameters end, none is longer than it, and what comes out of them
 * as the words of a report is read or refused. */
#include "serve/http_request.h"
#include "serve/usage_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One of the words, or all of them, is the text. */
static void check_report(wn_str text)
{
    const wn_report_order orders[] = {{.from = text},
                                      {.to = text},
                                      {.by = text},
                                      {.key = text},
                                      {.from = text, .to = text, .by = text, .key = text}};
    for (size_t i = 0; i < WN_ARRAY_LEN(orders); i++) {
        wn_usage_query query;
        wn_error err;
        const char *wrong = NULL;
        WN_ASSERT(wn_report_query(&query, &orders[i], 0, &wrong, &err) != WN_OK ||
                  query.since_s < query.until_s);
        WN_ASSERT(wrong != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn_str rest = {(const char *)data, size};
    wn_buf name = WN_BUF_INIT, value = WN_BUF_INIT;
    while (wn_http_next_parameter(&rest, &name, &value)) {
        WN_ASSERT(name.len + value.len <= size);
        check_report(wn_buf_str(&value));
    }
    WN_ASSERT(rest.len == 0);
    wn_buf_deinit(&name);
    wn_buf_deinit(&value);
    return 0;
}
