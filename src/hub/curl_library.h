/* libcurl, loaded when something is fetched and not before: it brings some thirty libraries along,
 * which would triple the time that the program takes to start and be of no use to a server.
 * Thread rule: main thread loads; the functions are libcurl's. */
#ifndef WN_HUB_CURL_LIBRARY_H
#define WN_HUB_CURL_LIBRARY_H

#include "base/status.h"

#include <curl/curl.h>

typedef struct wn_curl {
    void *library;
    CURLcode (*global_init)(long flags);
    void (*global_cleanup)(void);
    CURL *(*easy_init)(void);
    CURLcode (*easy_set)(CURL *easy, CURLoption option, ...);
    CURLcode (*easy_get)(CURL *easy, CURLINFO info, ...);
    CURLcode (*easy_perform)(CURL *easy);
    void (*easy_cleanup)(CURL *easy);
    const char *(*easy_error)(CURLcode code);
    struct curl_slist *(*list_append)(struct curl_slist *list, const char *text);
    void (*list_free)(struct curl_slist *list);
    CURLM *(*multi_init)(void);
    CURLMcode (*multi_add)(CURLM *multi, CURL *easy);
    CURLMcode (*multi_remove)(CURLM *multi, CURL *easy);
    CURLMcode (*multi_perform)(CURLM *multi, int *n_running);
    CURLMcode (*multi_poll)(CURLM *multi, struct curl_waitfd fds[], unsigned n_fds, int timeout_ms,
                            int *n_ready);
    CURLMsg *(*multi_info)(CURLM *multi, int *n_left);
    CURLMcode (*multi_cleanup)(CURLM *multi);
} wn_curl;

/* Load it and set it up.
 * Fails:   WN_ERR_IO when it is not installed or too old. */
WN_MUST_USE wn_status wn_curl_open(wn_curl *curl, wn_error *err);

/* Nothing that it made may be left.  A curl of zeros is allowed. */
void wn_curl_close(wn_curl *curl);

#endif
