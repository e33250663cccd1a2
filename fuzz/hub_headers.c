/* Headers as a hostile hub might send them: texts end, and are printable. */
#define _GNU_SOURCE /* strnlen */
#include "base/str.h"
#include "hub/hub_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t size)
{
    size_t n = strnlen(text, size);
    WN_ASSERT(n < size);
    for (size_t i = 0; i < n; i++)
        WN_ASSERT(text[i] >= ' ' && text[i] <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn_hub_reply reply = wn_hub_reply_init();
    for (size_t at = 0; at < size;) {
        size_t n = 0;
        while (at + n < size && data[at + n] != '\n')
            n++;
        wn_hub_reply_add(&reply, (wn_str){(const char *)data + at, n});
        at += n + 1;
    }
    check(reply.etag, sizeof reply.etag);
    check(reply.blob, sizeof reply.blob);
    check(reply.code, sizeof reply.code);
    check(reply.reason, sizeof reply.reason);
    check(reply.commit, sizeof reply.commit);
    WN_ASSERT(wn_hub_wait_ms(&reply, 1) <= (uint64_t)WN_HUB_RETRY_AFTER_MAX_S * 1000);
    return 0;
}
