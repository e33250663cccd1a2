/* See hub_reply.h. */
#include "hub/hub_reply.h"

#include "base/str.h"

#include <stdio.h>
#include <strings.h>

#define WN_WHERE      "hub/reply"
#define WAIT_FIRST_MS 500
#define WAIT_DOUBLES  5 /* 16 seconds */

wn_hub_reply wn_hub_reply_init(void)
{
    return (wn_hub_reply){.whole_bytes = UINT64_MAX,
                          .length = UINT64_MAX,
                          .retry_after_s = -1,
                          .blob_bytes = UINT64_MAX};
}

/* ---- fields ---------------------------------------------------------------------------------- */

static wn_str trim(wn_str s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[s.len - 1]) != NULL)
        s.len--;
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = wn_str_slice(s, 1, s.len);
    return s;
}

/* Digits at the start of *s, which are taken off; false when there are none or too many. */
static bool take_number(uint64_t *out, wn_str *s)
{
    uint64_t n = 0;
    size_t i = 0;
    for (; i < s->len && s->ptr[i] >= '0' && s->ptr[i] <= '9'; i++) {
        if (n > (UINT64_MAX - 9) / 10)
            return false;
        n = 10 * n + (uint64_t)(s->ptr[i] - '0');
    }
    *s = wn_str_slice(*s, i, s->len);
    *out = n;
    return i > 0;
}

static uint64_t number_or_none(wn_str value)
{
    uint64_t n;
    return take_number(&n, &value) && value.len == 0 ? n : UINT64_MAX;
}

/* Printable ASCII that fits, else "". */
static void keep(char *out, size_t size, wn_str value)
{
    out[0] = '\0';
    if (value.len >= size)
        return;
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] < ' ' || value.ptr[i] > '~')
            return;
    if (value.len > 0)
        memcpy(out, value.ptr, value.len);
    out[value.len] = '\0';
}

static wn_str bare_etag(wn_str value)
{
    if (wn_str_starts(value, WN_STR("W/")))
        value = wn_str_slice(value, 2, value.len);
    if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
        value = wn_str_slice(value, 1, value.len - 1);
    return value;
}

/* "bytes 5-9/10", or with '*' for the last number. */
static void read_range(wn_hub_reply *reply, wn_str value)
{
    uint64_t first, last, whole = UINT64_MAX;
    if (!wn_str_starts(value, WN_STR("bytes ")))
        return;
    value = wn_str_slice(value, 6, value.len);
    if (!take_number(&first, &value) || !wn_str_starts(value, WN_STR("-")))
        return;
    value = wn_str_slice(value, 1, value.len);
    if (!take_number(&last, &value) || !wn_str_starts(value, WN_STR("/")))
        return;
    value = wn_str_slice(value, 1, value.len);
    if (!wn_str_equal(value, WN_STR("*")) && (!take_number(&whole, &value) || value.len > 0))
        return;
    reply->is_partial = true;
    reply->first_byte = first;
    reply->whole_bytes = whole;
}

static void begin(wn_hub_reply *reply, wn_str status_line)
{
    wn_hub_reply fresh = wn_hub_reply_init();
    const char *space = memchr(status_line.ptr, ' ', status_line.len);
    wn_str rest = {0};
    uint64_t status = 0;
    if (space != NULL)
        rest = wn_str_slice(status_line, (size_t)(space - status_line.ptr) + 1, status_line.len);
    memcpy(fresh.blob, reply->blob, sizeof fresh.blob);
    memcpy(fresh.commit, reply->commit, sizeof fresh.commit);
    fresh.blob_bytes = reply->blob_bytes;
    if (take_number(&status, &rest) && status < 1000)
        fresh.status = (long)status;
    *reply = fresh;
}

void wn_hub_reply_add(wn_hub_reply *reply, wn_str line)
{
    if (wn_str_starts(line, WN_STR("HTTP/"))) {
        begin(reply, line);
        return;
    }
    const char *colon = line.len == 0 ? NULL : memchr(line.ptr, ':', line.len);
    if (colon == NULL)
        return;
    char name[32];
    size_t n = (size_t)(colon - line.ptr);
    wn_str value = trim(wn_str_slice(line, n + 1, line.len));
    keep(name, sizeof name, (wn_str){line.ptr, n});
    uint64_t seconds = UINT64_MAX;
    if (strcasecmp(name, "ETag") == 0)
        keep(reply->etag, sizeof reply->etag, bare_etag(value));
    else if (strcasecmp(name, "X-Linked-Etag") == 0)
        keep(reply->blob, sizeof reply->blob, bare_etag(value));
    else if (strcasecmp(name, "X-Linked-Size") == 0)
        reply->blob_bytes = number_or_none(value);
    else if (strcasecmp(name, "X-Repo-Commit") == 0)
        keep(reply->commit, sizeof reply->commit, value);
    else if (strcasecmp(name, "X-Error-Code") == 0)
        keep(reply->code, sizeof reply->code, value);
    else if (strcasecmp(name, "X-Error-Message") == 0)
        keep(reply->reason, sizeof reply->reason, value);
    else if (strcasecmp(name, "Content-Length") == 0)
        reply->length = number_or_none(value);
    else if (strcasecmp(name, "Content-Encoding") == 0)
        reply->is_encoded = !wn_str_equal(value, WN_STR("identity"));
    else if (strcasecmp(name, "Content-Range") == 0)
        read_range(reply, value);
    else if (strcasecmp(name, "Retry-After") == 0)
        seconds = number_or_none(value);
    if (seconds <= INT32_MAX)
        reply->retry_after_s = (int32_t)seconds;
}

/* ---- what follows ---------------------------------------------------------------------------- */

bool wn_hub_reply_is_passing(const wn_hub_reply *reply)
{
    return reply->status == 408 || reply->status == 429 || reply->status >= 500;
}

uint64_t wn_hub_wait_ms(const wn_hub_reply *reply, int32_t n_failures)
{
    if (reply->retry_after_s >= 0)
        return (uint64_t)WN_MIN(reply->retry_after_s, WN_HUB_RETRY_AFTER_MAX_S) * 1000;
    return (uint64_t)WAIT_FIRST_MS << WN_MIN(WN_MAX(n_failures - 1, 0), WAIT_DOUBLES);
}

static bool has_code(const wn_hub_reply *reply, const char *code)
{
    return strcmp(reply->code, code) == 0;
}

/* Nobody says whether a model is missing or private: without a token both look alike. */
static wn_status refuse_access(const wn_hub_reply *reply, const wn_repo *repo,
                               const wn_hub_settings *settings, wn_error *err)
{
    const char *endpoint = settings->shown_endpoint;
    if (has_code(reply, "GatedRepo"))
        WN_FAIL(err, WN_ERR_INPUT, "model '%s' is gated: accept its terms at %s/%s%s%s%s", repo->id,
                endpoint, repo->id,
                settings->token != NULL ? ", as the user whose token this is"
                                        : ", make a token at ",
                settings->token != NULL ? "" : endpoint,
                settings->token != NULL ? "" : "/settings/tokens, and set HF_TOKEN to it");
    if (reply->status == 403 && reply->reason[0] != '\0')
        WN_FAIL(err, WN_ERR_INPUT, "%s refuses model '%s' (403): %s", endpoint, repo->id,
                reply->reason);
    if (settings->token != NULL)
        WN_FAIL(err, WN_ERR_INPUT,
                "%s refuses the token for model '%s' (%ld): check HF_TOKEN, what the token may do, "
                "and the name",
                endpoint, repo->id, reply->status);
    WN_FAIL(err, WN_ERR_INPUT,
            "%s shows no model '%s' (%ld): the name is wrong, or it is private; then make a token "
            "at %s/settings/tokens, and set HF_TOKEN to it",
            endpoint, repo->id, reply->status, endpoint);
}

static wn_status refuse_missing(const wn_hub_reply *reply, wn_hub_subject subject,
                                const wn_hub_settings *settings, wn_error *err)
{
    const wn_repo *repo = subject.repo;
    if (has_code(reply, "RevisionNotFound"))
        WN_FAIL(err, WN_ERR_INPUT, "model '%s' has no revision '%s'", repo->id, repo->revision);
    if (subject.file != NULL)
        WN_FAIL(err, WN_ERR_INPUT, "model '%s' has no file '%s' at revision '%s'", repo->id,
                subject.file, repo->revision);
    if (has_code(reply, "RepoNotFound") || strcmp(repo->revision, WN_REPO_MAIN) == 0)
        WN_FAIL(err, WN_ERR_INPUT, "%s has no model '%s'", settings->shown_endpoint, repo->id);
    WN_FAIL(err, WN_ERR_INPUT, "%s has no model '%s' with a revision '%s'",
            settings->shown_endpoint, repo->id, repo->revision);
}

wn_status wn_hub_refuse(const wn_hub_reply *reply, wn_hub_subject subject,
                        const wn_hub_settings *settings, wn_error *err)
{
    const char *what = subject.file != NULL ? subject.file : subject.repo->id;
    if (reply->status == 401 || reply->status == 403)
        return refuse_access(reply, subject.repo, settings, err);
    if (reply->status == 404 || reply->status == 410)
        return refuse_missing(reply, subject, settings, err);
    if (reply->status == 416)
        WN_FAIL(err, WN_ERR_IO, "'%s': the server has no bytes there (416), though it told of them",
                what);
    if (reply->status == 429)
        WN_FAIL(err, WN_ERR_IO, "'%s': too many requests (429)%s", what,
                settings->token == NULL ? "; with a token, HF_TOKEN, more are allowed" : "");
    WN_FAIL(err, WN_ERR_IO, "'%s': the server answered %ld%s%s", what, reply->status,
            reply->reason[0] != '\0' ? ": " : "", reply->reason);
}
