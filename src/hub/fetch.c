/* See fetch.h.  A part is a range of the file that one connection asks for; the part that begins
 * where the file on disk ends is written as it arrives, the others wait for their turn. */
#define _GNU_SOURCE
#include "hub/fetch.h"

#include "base/clock.h"
#include "base/str.h"
#include "hub/blob_digest.h"
#include "hub/hub_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define WN_WHERE       "hub/fetch"
#define POLL_MS        100
#define PROGRESS_BYTES 65536 /* an attempt that brought as many was no failure in a row */

typedef struct fetch fetch;

typedef struct part {
    fetch *fetch;
    CURL *easy;
    wn_hub_reply reply;
    uint64_t end;      /* behind the last byte of the range */
    uint64_t at;       /* the next byte to arrive */
    uint64_t began_at; /* `at` when this attempt began */
    wn_buf early;      /* the bytes before `at` that are not yet written */
    int32_t n_failures;
    uint64_t retry_ns; /* the next attempt is not before */
    bool is_used, is_running, is_direct;
} part;

struct fetch {
    wn_hub_client *client;
    const wn_fetch_order *order;
    CURLM *multi;
    part parts[WN_HUB_CONNECTIONS_MAX];
    wn_blob_digest digest; /* of what is written */
    wn_buf incomplete;     /* path */
    wn_buf url;
    wn_buf direct; /* where the hub sent us for the bytes; empty: ask the hub */
    int fd;
    uint64_t n_written; /* a beginning of the file, on disk */
    uint64_t n_asked;   /* bytes that belong to some part, or are written */
    uint64_t n_resumed; /* bytes that were there before */
    bool ranges_work;
    bool starts_over; /* what is written cannot be gone on from */
    bool has_started_over;
    wn_status status; /* of a callback */
    wn_error failure;
};

static const wn_hub_settings *settings_of(const fetch *f)
{
    return f->client->settings;
}

/* ---- the file -------------------------------------------------------------------------------- */

static wn_status begin_digest(fetch *f, wn_error *err)
{
    if (f->digest.context != NULL)
        wn_blob_digest_end(&f->digest, NULL);
    return wn_blob_digest_begin(&f->digest, wn_str_from(f->order->blob), f->order->size, err);
}

static wn_status truncate_file(fetch *f, wn_error *err)
{
    if (ftruncate(f->fd, 0) != 0 || lseek(f->fd, 0, SEEK_SET) != 0)
        WN_FAIL(err, WN_ERR_IO, "cannot write '%s': %s", f->incomplete.ptr, strerror(errno));
    f->n_written = f->n_asked = 0;
    return begin_digest(f, err);
}

/* Open DIGEST.incomplete behind what an earlier fetch has left. */
static wn_status open_file(fetch *f, wn_error *err)
{
    const wn_fetch_order *o = f->order;
    struct stat info;
    WN_TRY(wn_hub_path(&f->incomplete, err, "%s/%s/blobs/%s.incomplete", settings_of(f)->cache,
                       o->repo->folder, o->blob));
    WN_TRY(wn_hub_make_parents(f->incomplete.ptr, err));
    f->fd = open(f->incomplete.ptr, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (f->fd < 0 || fstat(f->fd, &info) != 0)
        WN_FAIL(err, WN_ERR_IO, "cannot write '%s': %s", f->incomplete.ptr, strerror(errno));
    if ((uint64_t)info.st_size > o->size)
        return truncate_file(f, err);
    f->n_resumed = f->n_written = f->n_asked = (uint64_t)info.st_size;
    WN_TRY(begin_digest(f, err));
    return wn_blob_digest_read(&f->digest, f->fd, f->n_written, f->incomplete.ptr, settings_of(f),
                               err);
}

static wn_status write_bytes(fetch *f, wn_str bytes, wn_error *err)
{
    for (size_t done = 0; done < bytes.len;) {
        ssize_t n = write(f->fd, bytes.ptr + done, bytes.len - done);
        if (n < 0 && errno == ENOSPC)
            return wn_hub_check_room(f->incomplete.ptr, f->order->size - f->n_written + 1, err);
        if (n < 0 && errno != EINTR)
            WN_FAIL(err, WN_ERR_IO, "cannot write '%s': %s", f->incomplete.ptr, strerror(errno));
        if (n <= 0)
            continue;
        WN_TRY(wn_blob_digest_add(&f->digest, bytes.ptr + done, (size_t)n, err));
        done += (size_t)n;
        f->n_written += (uint64_t)n;
    }
    return WN_OK;
}

/* Write what has its turn. */
static wn_status flush(fetch *f, wn_error *err)
{
    for (size_t i = 0; i < WN_HUB_CONNECTIONS_MAX;) {
        part *p = &f->parts[i++];
        if (!p->is_used || p->early.len == 0 || p->at - p->early.len != f->n_written)
            continue;
        WN_TRY(write_bytes(f, wn_buf_str(&p->early), err));
        wn_buf_clear(&p->early);
        i = 0; /* another one may have its turn now */
    }
    return WN_OK;
}

/* ---- what arrives ---------------------------------------------------------------------------- */

static wn_status differs(const fetch *f, const char *what, const char *want, const char *got,
                         wn_error *err)
{
    WN_FAIL(err, WN_ERR_FORMAT, "'%s' of '%s': the server's file has %s %s, expected %s",
            f->order->file, f->order->repo->id, what, got, want);
}

static wn_status check_size(const fetch *f, uint64_t told, wn_error *err)
{
    char want[24], got[24];
    if (told == UINT64_MAX || told == f->order->size)
        return WN_OK;
    snprintf(want, sizeof want, "%llu", (unsigned long long)f->order->size);
    snprintf(got, sizeof got, "%llu", (unsigned long long)told);
    return differs(f, "a size of", want, got, err);
}

/* Whether the first bytes of an answer are those that were asked for. */
static wn_status accept_answer(part *p, wn_error *err)
{
    fetch *f = p->fetch;
    const wn_hub_reply *reply = &p->reply;
    long n_redirects = 0;
    f->client->curl.easy_get(p->easy, CURLINFO_REDIRECT_COUNT, &n_redirects);
    bool own = !p->is_direct && n_redirects == 0 && strlen(reply->etag) == strlen(f->order->blob) &&
               wn_repo_is_digest(wn_str_from(reply->etag));
    const char *blob = reply->blob[0] != '\0' ? reply->blob : own ? reply->etag : f->order->blob;
    if (strcmp(blob, f->order->blob) != 0)
        return differs(f, "the etag", f->order->blob, blob, err);
    if (reply->is_partial) {
        WN_TRY(check_size(f, reply->whole_bytes, err));
        f->ranges_work = reply->first_byte == p->at;
        f->starts_over = !f->ranges_work;
        return WN_OK;
    }
    WN_TRY(check_size(f, reply->is_encoded ? UINT64_MAX : reply->length, err));
    if (p->at > 0) {
        f->starts_over = true; /* the server knows no ranges */
        return WN_OK;
    }
    p->end = f->n_asked = f->order->size;
    return WN_OK;
}

static wn_status take(part *p, wn_str bytes, wn_error *err)
{
    fetch *f = p->fetch;
    if (p->at == p->began_at)
        WN_TRY(accept_answer(p, err));
    if (f->starts_over)
        WN_FAIL(err, WN_ERR_IO, "starts over");
    if (bytes.len > p->end - p->at)
        WN_FAIL(err, WN_ERR_FORMAT, "'%s' of '%s': the server sends more than was asked for",
                f->order->file, f->order->repo->id);
    if (!wn_buf_push_str(&p->early, bytes))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a part of '%s'", f->order->file);
    p->at += bytes.len;
    return flush(f, err);
}

static size_t take_body(char *bytes, size_t size, size_t n, void *user)
{
    part *p = user;
    fetch *f = p->fetch;
    size *= n;
    if (p->reply.status >= 300) /* a page about it */
        return size;
    if (f->status == WN_OK)
        f->status = take(p, (wn_str){bytes, size}, &f->failure);
    return f->status == WN_OK ? size : 0;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static wn_status start_part(part *p, wn_error *err)
{
    fetch *f = p->fetch;
    const wn_curl *curl = &f->client->curl;
    char range[48];
    if (p->easy == NULL && (p->easy = curl->easy_init()) == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a request");
    p->began_at = p->at;
    p->is_direct = f->direct.len > 0;
    wn_hub_client_prepare(f->client, p->easy, p->is_direct ? f->direct.ptr : f->url.ptr,
                          !p->is_direct, &p->reply);
    bool is_whole = p->at == 0 && p->end == f->order->size;
    snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)p->at,
             (unsigned long long)p->end - 1);
    curl->easy_set(p->easy, CURLOPT_RANGE, is_whole ? NULL : range);
    curl->easy_set(p->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* each its own */
    curl->easy_set(p->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl->easy_set(p->easy, CURLOPT_WRITEDATA, p);
    curl->easy_set(p->easy, CURLOPT_PRIVATE, p);
    if (curl->multi_add(f->multi, p->easy) != CURLM_OK)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a request");
    p->is_running = true;
    return WN_OK;
}

static void stop_part(part *p)
{
    if (p->is_running)
        p->fetch->client->curl.multi_remove(p->fetch->multi, p->easy);
    p->is_running = false;
}

/* Give ranges to parts that are free and start what does not run; until an answer shows that the
 * server knows ranges, there is one part. */
static wn_status start_parts(fetch *f, wn_error *err)
{
    uint64_t now = wn_clock_ns(), size = f->order->size;
    for (int32_t i = 0; i < settings_of(f)->n_connections; i++) {
        part *p = &f->parts[i];
        bool is_done = p->at == p->end && p->early.len == 0 && !p->is_running;
        if ((!p->is_used || is_done) && f->n_asked < size && (i == 0 || f->ranges_work)) {
            p->is_used = true;
            p->at = f->n_asked;
            p->end = p->at + WN_MIN(WN_FETCH_PART_BYTES, size - p->at);
            p->n_failures = 0;
            p->retry_ns = 0;
            f->n_asked = p->end;
        }
        if (p->is_used && !p->is_running && p->at < p->end && now >= p->retry_ns)
            WN_TRY(start_part(p, err));
    }
    return WN_OK;
}

/* Once more from the first byte. */
static wn_status start_over(fetch *f, wn_error *err)
{
    for (size_t i = 0; i < WN_HUB_CONNECTIONS_MAX; i++) {
        part *p = &f->parts[i];
        stop_part(p);
        wn_buf_clear(&p->early);
        p->is_used = false;
    }
    if (f->has_started_over)
        WN_FAIL(err, WN_ERR_IO, "'%s' of '%s': the server gives other bytes than it is asked for",
                f->order->file, f->order->repo->id);
    settings_of(f)->note(settings_of(f)->user,
                         "what is there cannot be gone on from: starting over");
    f->has_started_over = true;
    f->starts_over = false;
    f->ranges_work = false;
    f->status = WN_OK;
    return truncate_file(f, err);
}

/* ---- ends and failures ----------------------------------------------------------------------- */

static wn_status give_up(const part *p, const char *reason, wn_error *err)
{
    const fetch *f = p->fetch;
    WN_FAIL(
        err, WN_ERR_IO,
        "'%s' of '%s': %s, %d time%s; %llu of %llu bytes are kept, and the same command goes on "
        "from there",
        f->order->file, f->order->repo->id, reason, (int)p->n_failures,
        p->n_failures == 1 ? "" : "s", (unsigned long long)f->n_written,
        (unsigned long long)f->order->size);
}

static wn_status try_again(part *p, const char *reason, wn_error *err)
{
    fetch *f = p->fetch;
    char text[200];
    if (p->at - p->began_at >= PROGRESS_BYTES)
        p->n_failures = 0;
    if (++p->n_failures > settings_of(f)->n_retries)
        return give_up(p, reason, err);
    uint64_t ms = wn_hub_wait_ms(&p->reply, p->n_failures);
    p->retry_ns = wn_clock_ns() + ms * 1000000;
    snprintf(text, sizeof text, "'%.60s': %.80s; trying again in %llu.%llu s", f->order->file,
             reason, (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000 / 100));
    settings_of(f)->note(settings_of(f)->user, text);
    return WN_OK;
}

/* An answer that is a refusal. */
static wn_status refused(part *p, wn_error *err)
{
    fetch *f = p->fetch;
    const wn_hub_reply *reply = &p->reply;
    char reason[64];
    long n_redirects = 0;
    f->client->curl.easy_get(p->easy, CURLINFO_REDIRECT_COUNT, &n_redirects);
    snprintf(reason, sizeof reason, "the server answered %ld", reply->status);
    if (wn_hub_reply_is_passing(reply))
        return try_again(p, reason, err);
    if (p->is_direct) { /* such an address holds for a while only */
        wn_buf_clear(&f->direct);
        return try_again(p, reason, err);
    }
    if (reply->status == 416 && p->at > 0 && !f->has_started_over) {
        f->starts_over = true;
        return WN_OK;
    }
    if (n_redirects > 0 && reply->status != 416)
        WN_FAIL(err, WN_ERR_IO, "'%s' of '%s': the host that %s sends one on to answered %ld",
                f->order->file, f->order->repo->id, settings_of(f)->shown_endpoint, reply->status);
    return wn_hub_refuse(reply, (wn_hub_subject){f->order->repo, f->order->file}, settings_of(f),
                         err);
}

static wn_status keep_direct(part *p, wn_error *err)
{
    fetch *f = p->fetch;
    const char *url = NULL;
    long n_redirects = 0;
    f->client->curl.easy_get(p->easy, CURLINFO_REDIRECT_COUNT, &n_redirects);
    f->client->curl.easy_get(p->easy, CURLINFO_EFFECTIVE_URL, &url);
    return n_redirects > 0 && url != NULL ? wn_hub_path(&f->direct, err, "%s", url) : WN_OK;
}

static wn_status ended(part *p, CURLcode code, wn_error *err)
{
    fetch *f = p->fetch;
    stop_part(p);
    if (f->starts_over)
        return WN_OK;
    if (f->status != WN_OK) {
        *err = f->failure;
        return f->status;
    }
    if (code == CURLE_ABORTED_BY_CALLBACK)
        WN_FAIL(err, WN_ERR_CANCELLED, "stopped");
    if (code == CURLE_OK && p->reply.status >= 300)
        return refused(p, err);
    if (code == CURLE_OK && p->at < p->end)
        return try_again(p, "the server sent too little", err);
    if (code == CURLE_OK)
        return keep_direct(p, err);
    if (wn_hub_client_is_passing(code))
        return try_again(p, wn_hub_client_reason(f->client, &p->reply, code), err);
    WN_FAIL(err, WN_ERR_IO, "'%s' of '%s': %s", f->order->file, f->order->repo->id,
            wn_hub_client_reason(f->client, &p->reply, code));
}

static wn_status look_at_ends(fetch *f, wn_error *err)
{
    const wn_curl *curl = &f->client->curl;
    int n_left;
    for (CURLMsg *message; (message = curl->multi_info(f->multi, &n_left)) != NULL;) {
        char *p = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl->easy_get(message->easy_handle, CURLINFO_PRIVATE, &p);
        WN_TRY(ended((part *)(void *)p, code, err));
    }
    return f->starts_over ? start_over(f, err) : WN_OK;
}

static void tell_progress(const fetch *f)
{
    uint64_t n = f->n_written;
    for (size_t i = 0; i < WN_HUB_CONNECTIONS_MAX; i++)
        n += f->parts[i].early.len;
    settings_of(f)->progress(settings_of(f)->user, f->order->n_before + n, f->order->n_in_all);
}

static wn_status transfer(fetch *f, wn_error *err)
{
    const wn_curl *curl = &f->client->curl;
    int n_running;
    while (f->n_written < f->order->size) {
        if (settings_of(f)->should_stop(settings_of(f)->user))
            WN_FAIL(err, WN_ERR_CANCELLED, "stopped");
        WN_TRY(start_parts(f, err));
        if (curl->multi_perform(f->multi, &n_running) != CURLM_OK)
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for requests");
        WN_TRY(look_at_ends(f, err));
        tell_progress(f);
        if (f->n_written < f->order->size)
            (void)curl->multi_poll(f->multi, NULL, 0, POLL_MS, NULL);
    }
    return WN_OK;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* The checksum decides; what a resumed file got wrong may be what was there before. */
static wn_status check(fetch *f, bool *again, wn_error *err)
{
    const wn_fetch_order *o = f->order;
    char hex[WN_BLOB_HEX_MAX + 1];
    wn_blob_digest_end(&f->digest, hex);
    if (strcmp(hex, o->blob) == 0)
        return WN_OK;
    if (f->n_resumed > 0 && !f->has_started_over) {
        *again = true;
        return start_over(f, err);
    }
    (void)unlink(f->incomplete.ptr);
    WN_FAIL(err, WN_ERR_FORMAT,
            "'%s' of '%s': the checksum is %s, expected %s; what was fetched is deleted", o->file,
            o->repo->id, hex, o->blob);
}

static wn_status commit(fetch *f, const char *path, wn_error *err)
{
    int fd = f->fd;
    f->fd = -1;
    bool ok = fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    if (!ok || rename(f->incomplete.ptr, path) != 0)
        WN_FAIL(err, WN_ERR_IO, "cannot write '%s': %s", path, strerror(errno));
    return WN_OK;
}

static void deinit(fetch *f)
{
    const wn_curl *curl = &f->client->curl;
    for (size_t i = 0; i < WN_HUB_CONNECTIONS_MAX; i++) {
        stop_part(&f->parts[i]);
        if (f->parts[i].easy != NULL)
            curl->easy_cleanup(f->parts[i].easy);
        wn_buf_deinit(&f->parts[i].early);
    }
    if (f->multi != NULL)
        curl->multi_cleanup(f->multi);
    if (f->digest.context != NULL)
        wn_blob_digest_end(&f->digest, NULL);
    if (f->fd >= 0)
        close(f->fd);
    wn_buf_deinit(&f->incomplete);
    wn_buf_deinit(&f->url);
    wn_buf_deinit(&f->direct);
}

static wn_status run(fetch *f, const char *path, wn_error *err)
{
    const wn_fetch_order *o = f->order;
    bool again = false;
    WN_TRY(wn_hub_file_url(&f->url, settings_of(f), o->repo, o->commit, o->file, err));
    f->multi = f->client->curl.multi_init();
    if (f->multi == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for requests");
    for (size_t i = 0; i < WN_HUB_CONNECTIONS_MAX; i++)
        f->parts[i].fetch = f;
    WN_TRY(open_file(f, err));
    do {
        again = false;
        WN_TRY(transfer(f, err));
        WN_TRY(check(f, &again, err));
    } while (again);
    return commit(f, path, err);
}

/* Whether a whole blob is there; one of another size never was. */
static wn_status is_there(bool *out, const char *path, uint64_t size, wn_error *err)
{
    struct stat info;
    bool exists = stat(path, &info) == 0;
    *out = exists && (uint64_t)info.st_size == size;
    if (*out || (!exists && errno == ENOENT))
        return WN_OK;
    if (unlink(path) != 0 && errno != ENOENT)
        WN_FAIL(err, WN_ERR_IO, "cannot remove '%s', which is damaged: %s", path, strerror(errno));
    return WN_OK;
}

wn_status wn_fetch(wn_hub_client *client, const wn_fetch_order *order, wn_error *err)
{
    const wn_hub_settings *settings = client->settings;
    fetch f = {.client = client, .order = order, .fd = -1};
    wn_buf path = WN_BUF_INIT;
    wn_status status;
    int lock = -1;
    bool there = false;
    WN_TRY_OUT(wn_hub_path(&path, err, "%s/%s/blobs/%s", settings->cache, order->repo->folder,
                           order->blob));
    WN_TRY_OUT(is_there(&there, path.ptr, order->size, err));
    if (there)
        goto out;
    WN_TRY_OUT(wn_cache_lock(&lock, settings, order->repo, order->blob, err));
    WN_TRY_OUT(is_there(&there, path.ptr, order->size, err)); /* another process may have it now */
    if (!there)
        status = run(&f, path.ptr, err);
out:
    deinit(&f);
    if (lock >= 0)
        wn_cache_unlock(lock);
    wn_buf_deinit(&path);
    return status;
}
