/* Configuration files: whatever they hold, they are read or refused. */
#include "cli/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *const words[] = {"winnow", "serve"};
    wn_args args;
    wn_error err;
    wn_buf out = WN_BUF_INIT;
    if (wn_args_parse(&args, 2, words, &err) != WN_OK)
        return 0;
    wn_status status = wn_settings_parse(&args, (wn_str){(const char *)data, size}, "file", &err);
    if (status == WN_OK) /* what was understood can be said again */
        WN_ASSERT(wn_settings_push(&out, &args) &&
                  wn_settings_parse(&args, (wn_str){out.ptr, out.len}, "printed", &err) == WN_OK);
    wn_buf_deinit(&out);
    wn_args_deinit(&args);
    return 0;
}
