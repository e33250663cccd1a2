/* See repo.h. */
#include "hub/repo.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "models--"

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* An organisation or a name: begins and ends with a word's character, and has no "--" or "..". */
static bool is_part(wn_str s)
{
    if (s.len == 0 || s.len > WN_REPO_PART_MAX || !is_word(s.ptr[0]) || !is_word(s.ptr[s.len - 1]))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_word(s.ptr[i]) && s.ptr[i] != '-' && s.ptr[i] != '.')
            return false;
        if (i > 0 && !is_word(s.ptr[i]) && s.ptr[i] == s.ptr[i - 1])
            return false;
    }
    return true;
}

static bool fill(wn_repo *out, wn_str org, wn_str name, wn_str revision)
{
    if (!is_part(org) || !is_part(name) || !wn_repo_is_revision(revision))
        return false;
    snprintf(out->id, sizeof out->id, "%.*s/%.*s", (int)org.len, org.ptr, (int)name.len, name.ptr);
    snprintf(out->folder, sizeof out->folder, PREFIX "%.*s--%.*s", (int)org.len, org.ptr,
             (int)name.len, name.ptr);
    snprintf(out->revision, sizeof out->revision, "%.*s", (int)revision.len, revision.ptr);
    return true;
}

bool wn_repo_parse(wn_repo *out, wn_str text)
{
    const char *slash = text.len == 0 ? NULL : memchr(text.ptr, '/', text.len);
    if (slash == NULL)
        return false;
    size_t n = (size_t)(slash - text.ptr);
    wn_str name = wn_str_slice(text, n + 1, text.len), revision = WN_STR(WN_REPO_MAIN);
    const char *at = name.len == 0 ? NULL : memchr(name.ptr, '@', name.len);
    if (at != NULL) {
        size_t m = (size_t)(at - name.ptr);
        revision = wn_str_slice(name, m + 1, name.len);
        name.len = m;
    }
    return fill(out, wn_str_slice(text, 0, n), name, revision);
}

bool wn_repo_parse_folder(wn_repo *out, wn_str folder)
{
    const wn_str prefix = WN_STR(PREFIX);
    if (!wn_str_starts(folder, prefix))
        return false;
    wn_str rest = wn_str_slice(folder, prefix.len, folder.len);
    for (size_t i = 1; i + 2 < rest.len; i++)
        if (rest.ptr[i] == '-' && rest.ptr[i + 1] == '-')
            return fill(out, wn_str_slice(rest, 0, i), wn_str_slice(rest, i + 2, rest.len),
                        WN_STR(WN_REPO_MAIN));
    return false;
}

static bool is_hex(wn_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.ptr[i] >= '0' && s.ptr[i] <= '9') || (s.ptr[i] >= 'a' && s.ptr[i] <= 'f')))
            return false;
    return true;
}

bool wn_repo_is_commit(wn_str text)
{
    return text.len == 40 && is_hex(text);
}

bool wn_repo_is_digest(wn_str text)
{
    return (text.len == 40 || text.len == 64) && is_hex(text);
}

/* Every part between slashes has a character and does not begin with a dot. */
static bool has_plain_parts(wn_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool first = i == 0 || s.ptr[i - 1] == '/';
        if (first && (s.ptr[i] == '/' || s.ptr[i] == '.'))
            return false;
    }
    return s.len > 0 && s.ptr[s.len - 1] != '/';
}

bool wn_repo_is_revision(wn_str text)
{
    if (text.len > WN_REPO_REVISION_MAX || !has_plain_parts(text))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_word(text.ptr[i]) && strchr("-./+=", text.ptr[i]) == NULL)
            return false;
    return true;
}

bool wn_repo_is_file(wn_str name)
{
    if (name.len > WN_REPO_FILE_MAX || !has_plain_parts(name))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < ' ' || name.ptr[i] == '\x7f' || name.ptr[i] == '\\')
            return false;
    return true;
}

bool wn_repo_push_url(wn_buf *out, wn_str text, bool keep_slashes)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (is_word(c) || c == '-' || c == '.' || c == '~' || (c == '/' && keep_slashes))
            wn_buf_push_byte(out, c);
        else
            wn_buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
    return !out->failed;
}
