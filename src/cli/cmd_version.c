/* winnow version */
#include "data/json_text.h"
#include "cli/program.h"

#include "base/str.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

#if defined(__x86_64__)
#define MACHINE "x86_64"
#elif defined(__aarch64__)
#define MACHINE "aarch64"
#else
#define MACHINE "other"
#endif

wn_status wn_cmd_version(wn_program *program, wn_error *err)
{
    wn_buf out = WN_BUF_INIT;
    if (wn_args_has(&program->args, WN_OPT_JSON)) {
        wn_buf_printf(&out, "{\"name\":\"winnow\",\"version\":\"%s\",\"compiler\":", wn_version());
        wn_json_push_string(&out, WN_STR(COMPILER));
        wn_buf_printf(&out, ",\"machine\":\"" MACHINE "\"}\n");
    } else {
        wn_buf_printf(&out, "winnow %s\n", wn_version());
    }
    wn_status status = wn_program_write(program, &out, err);
    wn_buf_deinit(&out);
    return status;
}
