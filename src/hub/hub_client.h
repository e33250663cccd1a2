/* Requests to the hub.  The token goes to the endpoint alone: not to the host that it sends one on
 * to for the bytes.
 * Thread rule: one at a time. */
#ifndef WN_HUB_HUB_CLIENT_H
#define WN_HUB_HUB_CLIENT_H

#include "hub/curl_library.h"
#include "hub/hub_reply.h"

typedef struct wn_hub_client {
    wn_curl curl;
    const wn_hub_settings *settings; /* borrowed */
    struct curl_slist *with_token;   /* headers; NULL: there is no token */
    CURL *easy;
} wn_hub_client;

/* Load libcurl and set the client up.
 * Fails:   WN_ERR_IO, WN_ERR_MEMORY.
 * Owns:    caller frees with wn_hub_client_close(), also after a failure. */
WN_MUST_USE wn_status wn_hub_client_open(wn_hub_client *client, const wn_hub_settings *settings,
                                         wn_error *err);
void wn_hub_client_close(wn_hub_client *client);

/* Make a handle ask for a URL and report to *reply; its body goes where the caller says.
 * Owns:    borrows reply and url until the request is over. */
void wn_hub_client_prepare(const wn_hub_client *client, CURL *easy, const char *url,
                           bool with_token, wn_hub_reply *reply);

/* Get a document of at most max_bytes, trying again as the settings say.
 * Fails:   as wn_hub_refuse(); WN_ERR_IO, WN_ERR_LIMIT, WN_ERR_MEMORY, WN_ERR_CANCELLED. */
WN_MUST_USE wn_status wn_hub_client_get(wn_hub_client *client, wn_buf *out, const char *url,
                                        size_t max_bytes, wn_hub_subject subject, wn_error *err);

/* Ask for the headers of a file alone.  The way is followed on the endpoint's host, not beyond.
 * Fails:   as wn_hub_client_get(). */
WN_MUST_USE wn_status wn_hub_client_head(wn_hub_client *client, wn_hub_reply *reply,
                                         const char *url, wn_hub_subject subject, wn_error *err);

/* Whether a transfer that ended so may do better when it is tried again. */
bool wn_hub_client_is_passing(CURLcode code);

/* Why a transfer failed, in libcurl's words.
 * Owns:    borrows reply. */
const char *wn_hub_client_reason(const wn_hub_client *client, const wn_hub_reply *reply,
                                 CURLcode code);

/* Sleep, in steps between which should_stop is asked.
 * Fails:   WN_ERR_CANCELLED. */
WN_MUST_USE wn_status wn_hub_client_wait(const wn_hub_client *client, uint64_t ms, wn_error *err);

/* ENDPOINT/ORG/NAME/resolve/COMMIT/FILE
 * Fails:   WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_hub_file_url(wn_buf *out, const wn_hub_settings *settings,
                                      const wn_repo *repo, const char *commit, const char *file,
                                      wn_error *err);

#endif
