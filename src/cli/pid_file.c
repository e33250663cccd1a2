/* See pid_file.h. */
#define _DEFAULT_SOURCE /* kill, pid_t */
#include "cli/pid_file.h"

#include "base/file.h"
#include "base/str.h"
#include "cli/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WN_WHERE "cli/pid_file"

bool wn_pid_file_path(wn_buf *buf, const char **out, const char *given)
{
    const char *folder = wn_options_env("RUNTIME_DIRECTORY");
    *out = given;
    if (given != NULL || folder == NULL)
        return true;
    if (!wn_buf_printf(buf, "%.*s/winnow.pid", (int)strcspn(folder, ":"), folder) ||
        !wn_buf_push_byte(buf, '\0'))
        return false;
    *out = buf->ptr;
    return true;
}

static wn_status write_whole(const char *path, const char *more, wn_str text, wn_error *err)
{
    wn_buf target = WN_BUF_INIT, part = WN_BUF_INIT;
    wn_status status = WN_OK;
    int fd = -1;
    wn_buf_printf(&target, "%s%s", path, more);
    wn_buf_printf(&part, "%s%s.part", path, more);
    if (!wn_buf_push_byte(&target, '\0') || !wn_buf_push_byte(&part, '\0'))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a path");
    fd = open(part.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || write(fd, text.ptr, text.len) != (ssize_t)text.len ||
        rename(part.ptr, target.ptr) != 0)
        WN_FAIL_OUT(err, WN_ERR_IO, "cannot write '%s': %s", target.ptr, strerror(errno));
out:
    if (fd >= 0)
        close(fd);
    wn_buf_deinit(&target);
    wn_buf_deinit(&part);
    return status;
}

wn_status wn_pid_file_report(const char *path, uint64_t n, const char *text, wn_error *err)
{
    char line[WN_RELOAD_TEXT_MAX + 32];
    int len = snprintf(line, sizeof line, "%llu %.1000s\n", (unsigned long long)n, text);
    return write_whole(path, ".reload", (wn_str){line, (size_t)len}, err);
}

wn_status wn_pid_file_write(const char *path, wn_error *err)
{
    char line[32];
    int len = snprintf(line, sizeof line, "%ld\n", (long)getpid());
    WN_TRY(wn_pid_file_report(path, 0, "ok", err));
    return write_whole(path, "", (wn_str){line, (size_t)len}, err);
}

static void remove_file(const char *path, const char *more)
{
    wn_buf name = WN_BUF_INIT;
    wn_buf_printf(&name, "%s%s", path, more);
    if (wn_buf_push_byte(&name, '\0'))
        (void)unlink(name.ptr);
    wn_buf_deinit(&name);
}

void wn_pid_file_remove(const char *path)
{
    remove_file(path, "");
    remove_file(path, ".reload");
}

wn_status wn_pid_file_read(pid_t *out, const char *path, wn_error *err)
{
    wn_buf text = WN_BUF_INIT;
    wn_status status;
    WN_TRY_OUT(wn_file_read(&text, path, 64, err));
    if (!wn_buf_push_byte(&text, '\0'))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a line");
    char *end;
    long pid = strtol(text.ptr, &end, 10);
    if (end == text.ptr || (*end != '\n' && *end != '\0') || pid <= 1)
        WN_FAIL_OUT(err, WN_ERR_FORMAT, "'%s' holds no process id", path);
    *out = (pid_t)pid;
out:
    wn_buf_deinit(&text);
    return status;
}

wn_status wn_pid_file_read_report(wn_reload_report *out, const char *path, wn_error *err)
{
    wn_buf name = WN_BUF_INIT, text = WN_BUF_INIT;
    wn_status status = WN_OK;
    *out = (wn_reload_report){.n = UINT64_MAX};
    wn_buf_printf(&name, "%s.reload", path);
    if (!wn_buf_push_byte(&name, '\0'))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a path");
    if (!wn_file_exists(name.ptr))
        goto out;
    WN_TRY_OUT(wn_file_read(&text, name.ptr, WN_RELOAD_TEXT_MAX + 32, err));
    if (!wn_buf_push_byte(&text, '\0'))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a line");
    char *end;
    out->n = strtoull(text.ptr, &end, 10);
    snprintf(out->text, sizeof out->text, "%.*s", (int)strcspn(end, "\n") - (*end == ' '),
             end + (*end == ' '));
out:
    wn_buf_deinit(&name);
    wn_buf_deinit(&text);
    return status;
}
