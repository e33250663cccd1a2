/* See hub_client.h. */
#define _GNU_SOURCE
#include "hub/hub_client.h"

#include "base/str.h"

#include <stdio.h>
#include <time.h>

#define WN_WHERE      "hub/client"
#define REDIRECTS_MAX 8
#define CONNECT_S     10
#define STEP_MS       50

wn_status wn_hub_client_open(wn_hub_client *client, const wn_hub_settings *settings, wn_error *err)
{
    *client = (wn_hub_client){.settings = settings};
    WN_TRY(wn_curl_open(&client->curl, err));
    client->easy = client->curl.easy_init();
    if (client->easy == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for requests");
    if (settings->token == NULL)
        return WN_OK;
    wn_buf header = WN_BUF_INIT;
    wn_status status = wn_hub_path(&header, err, "Authorization: Bearer %s", settings->token);
    if (status == WN_OK)
        client->with_token = client->curl.list_append(NULL, header.ptr);
    wn_buf_deinit(&header);
    if (status == WN_OK && client->with_token == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for requests");
    return status;
}

void wn_hub_client_close(wn_hub_client *client)
{
    if (client->easy != NULL)
        client->curl.easy_cleanup(client->easy);
    if (client->with_token != NULL)
        client->curl.list_free(client->with_token);
    wn_curl_close(&client->curl);
    *client = (wn_hub_client){0};
}

/* ---- one request ----------------------------------------------------------------------------- */

static size_t take_header(char *bytes, size_t size, size_t n, void *user)
{
    wn_hub_reply_add(user, (wn_str){bytes, size * n});
    return size * n;
}

static int ask_to_stop(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const wn_hub_settings *settings = user;
    (void)a, (void)b, (void)c, (void)d;
    return settings->should_stop(settings->user);
}

/* libcurl itself sends a header of ours to the first host only; a fetch over TLS stays there. */
void wn_hub_client_prepare(const wn_hub_client *client, CURL *easy, const char *url,
                           bool with_token, wn_hub_reply *reply)
{
    CURLcode (*set)(CURL *, CURLoption, ...) = client->curl.easy_set;
    bool secure = strncmp(client->settings->endpoint, "https:", 6) == 0;
    *reply = wn_hub_reply_init();
    set(easy, CURLOPT_URL, url);
    set(easy, CURLOPT_HTTPHEADER, with_token ? client->with_token : NULL);
    set(easy, CURLOPT_USERAGENT, "winnow/" WN_VERSION);
    set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    set(easy, CURLOPT_REDIR_PROTOCOLS_STR, secure ? "https" : "http,https");
    if (client->settings->ca_file != NULL)
        set(easy, CURLOPT_CAINFO, client->settings->ca_file);
    set(easy, CURLOPT_ACCEPT_ENCODING, "identity"); /* and decode what is encoded all the same */
    set(easy, CURLOPT_ERRORBUFFER, reply->failure);
    set(easy, CURLOPT_FOLLOWLOCATION, 1L);
    set(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    set(easy, CURLOPT_NOSIGNAL, 1L);
    set(easy, CURLOPT_CONNECTTIMEOUT, (long)WN_MIN(client->settings->timeout_s, CONNECT_S));
    set(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(easy, CURLOPT_LOW_SPEED_TIME, (long)client->settings->timeout_s);
    set(easy, CURLOPT_HEADERFUNCTION, take_header);
    set(easy, CURLOPT_HEADERDATA, reply);
    set(easy, CURLOPT_NOPROGRESS, 0L);
    set(easy, CURLOPT_XFERINFOFUNCTION, ask_to_stop);
    set(easy, CURLOPT_XFERINFODATA, client->settings);
}

bool wn_hub_client_is_passing(CURLcode code)
{
    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL: /* what came is no HTTP, such as the rest of another answer */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

const char *wn_hub_client_reason(const wn_hub_client *client, const wn_hub_reply *reply,
                                 CURLcode code)
{
    return reply->failure[0] != '\0' ? reply->failure : client->curl.easy_error(code);
}

wn_status wn_hub_client_wait(const wn_hub_client *client, uint64_t ms, wn_error *err)
{
    for (uint64_t slept = 0; slept < ms; slept += STEP_MS) {
        if (client->settings->should_stop(client->settings->user))
            WN_FAIL(err, WN_ERR_CANCELLED, "stopped");
        nanosleep(&(struct timespec){.tv_nsec = STEP_MS * 1000000}, NULL);
    }
    return WN_OK;
}

/* ---- documents ------------------------------------------------------------------------------- */

typedef struct body {
    wn_buf *out;
    size_t max_bytes;
    bool too_long;
    bool stays; /* does not follow where it is sent */
} body;

static size_t take_body(char *bytes, size_t size, size_t n, void *user)
{
    body *b = user;
    size *= n;
    b->too_long = b->out->len + size > b->max_bytes;
    return !b->too_long && wn_buf_push(b->out, bytes, size) ? size : 0;
}

static void note_retry(const wn_hub_settings *settings, const char *reason, uint64_t ms)
{
    char text[200];
    snprintf(text, sizeof text, "%.120s; trying again in %llu.%llu s", reason,
             (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000 / 100));
    settings->note(settings->user, text);
}

/* Perform until it answers, is refused, or has failed too often. */
static wn_status perform(wn_hub_client *client, wn_hub_reply *reply, body *b,
                         wn_hub_subject subject, const char *url, wn_error *err)
{
    const wn_hub_settings *settings = client->settings;
    for (int32_t n_failures = 1;; n_failures++) {
        wn_buf_clear(b->out);
        wn_hub_client_prepare(client, client->easy, url, true, reply);
        if (b->stays)
            client->curl.easy_set(client->easy, CURLOPT_FOLLOWLOCATION, 0L);
        CURLcode code = client->curl.easy_perform(client->easy);
        client->curl.easy_set(client->easy, CURLOPT_ERRORBUFFER, NULL);
        if (code == CURLE_ABORTED_BY_CALLBACK)
            WN_FAIL(err, WN_ERR_CANCELLED, "stopped");
        if (b->too_long)
            WN_FAIL(err, WN_ERR_LIMIT, "what %s tells of '%s' is longer than %zu bytes",
                    settings->shown_endpoint, subject.repo->id, b->max_bytes);
        if (b->out->failed)
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for what %s tells", settings->shown_endpoint);
        if (code == CURLE_OK && reply->status < 400 && !b->stays && b->out->len == 0)
            code = CURLE_GOT_NOTHING; /* as where the headers were cut */
        if (code == CURLE_OK && reply->status < 400)
            return WN_OK;
        bool passing =
            code == CURLE_OK ? wn_hub_reply_is_passing(reply) : wn_hub_client_is_passing(code);
        if (code == CURLE_OK)
            (void)wn_hub_refuse(reply, subject, settings, err);
        else
            (void)wn_error_set(err, WN_ERR_IO, WN_WHERE, "cannot reach %s: %s",
                               settings->shown_endpoint, wn_hub_client_reason(client, reply, code));
        if (!passing)
            return err->status;
        if (n_failures > settings->n_retries)
            return n_failures == 1 ? err->status
                                   : wn_error_prefix(err, err->status, "%d times", (int)n_failures);
        uint64_t ms = wn_hub_wait_ms(reply, n_failures);
        note_retry(settings, err->message, ms);
        WN_TRY(wn_hub_client_wait(client, ms, err));
    }
}

wn_status wn_hub_client_get(wn_hub_client *client, wn_buf *out, const char *url, size_t max_bytes,
                            wn_hub_subject subject, wn_error *err)
{
    body b = {.out = out, .max_bytes = max_bytes};
    wn_hub_reply reply;
    client->curl.easy_set(client->easy, CURLOPT_NOBODY, 0L);
    client->curl.easy_set(client->easy, CURLOPT_HTTPGET, 1L);
    client->curl.easy_set(client->easy, CURLOPT_WRITEFUNCTION, take_body);
    client->curl.easy_set(client->easy, CURLOPT_WRITEDATA, &b);
    return perform(client, &reply, &b, subject, url, err);
}

/* Only there may the token be shown. */
static bool is_of_endpoint(const wn_hub_settings *settings, const char *url)
{
    size_t n = strlen(settings->endpoint);
    return strncmp(url, settings->endpoint, n) == 0 && url[n] == '/';
}

wn_status wn_hub_client_head(wn_hub_client *client, wn_hub_reply *reply, const char *url,
                             wn_hub_subject subject, wn_error *err)
{
    wn_buf nothing = WN_BUF_INIT, at = WN_BUF_INIT;
    body b = {.out = &nothing, .max_bytes = SIZE_MAX, .stays = true};
    client->curl.easy_set(client->easy, CURLOPT_NOBODY, 1L);
    wn_status status = wn_hub_path(&at, err, "%s", url);
    for (int n = 0; status == WN_OK && n < REDIRECTS_MAX; n++) {
        const char *next = NULL;
        status = perform(client, reply, &b, subject, at.ptr, err);
        if (status != WN_OK || reply->status < 300 || reply->blob[0] != '\0')
            break;
        client->curl.easy_get(client->easy, CURLINFO_REDIRECT_URL, &next);
        if (next == NULL || !is_of_endpoint(client->settings, next))
            break;
        status = wn_hub_path(&at, err, "%s", next);
    }
    wn_buf_deinit(&nothing);
    wn_buf_deinit(&at);
    return status;
}

wn_status wn_hub_file_url(wn_buf *out, const wn_hub_settings *settings, const wn_repo *repo,
                          const char *commit, const char *file, wn_error *err)
{
    wn_buf_clear(out);
    wn_buf_printf(out, "%s/%s/resolve/%s/", settings->endpoint, repo->id, commit);
    if (!wn_repo_push_url(out, wn_str_from(file), true) || !wn_buf_push_byte(out, '\0'))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a URL");
    return WN_OK;
}
