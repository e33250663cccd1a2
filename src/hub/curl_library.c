/* See curl_library.h.  POSIX says that what dlsym() gives may be a function. */
#define _GNU_SOURCE
#include "hub/curl_library.h"

#include <dlfcn.h>
#include <string.h>

#define WN_WHERE "hub/curl"
#define LIBRARY  "libcurl.so.4"

/* A member of wn_curl and libcurl's name for it. */
#define ROW(member, symbol)                                                                        \
    {                                                                                              \
        symbol, offsetof(wn_curl, member)                                                          \
    }

static const struct {
    const char *symbol;
    size_t offset;
} rows[] = {
    ROW(global_init, "curl_global_init"),
    ROW(global_cleanup, "curl_global_cleanup"),
    ROW(easy_init, "curl_easy_init"),
    ROW(easy_set, "curl_easy_setopt"),
    ROW(easy_get, "curl_easy_getinfo"),
    ROW(easy_perform, "curl_easy_perform"),
    ROW(easy_cleanup, "curl_easy_cleanup"),
    ROW(easy_error, "curl_easy_strerror"),
    ROW(list_append, "curl_slist_append"),
    ROW(list_free, "curl_slist_free_all"),
    ROW(multi_init, "curl_multi_init"),
    ROW(multi_add, "curl_multi_add_handle"),
    ROW(multi_remove, "curl_multi_remove_handle"),
    ROW(multi_perform, "curl_multi_perform"),
    ROW(multi_poll, "curl_multi_poll"),
    ROW(multi_info, "curl_multi_info_read"),
    ROW(multi_cleanup, "curl_multi_cleanup"),
};

wn_status wn_curl_open(wn_curl *curl, wn_error *err)
{
    *curl = (wn_curl){.library = dlopen(LIBRARY, RTLD_NOW | RTLD_NODELETE)};
    if (curl->library == NULL)
        WN_FAIL(err, WN_ERR_IO,
                "nothing can be fetched without " LIBRARY " (Debian's package libcurl4): %s",
                dlerror());
    for (size_t i = 0; i < WN_ARRAY_LEN(rows); i++) {
        void *symbol = dlsym(curl->library, rows[i].symbol);
        if (symbol == NULL) {
            wn_curl_close(curl);
            WN_FAIL(err, WN_ERR_IO, LIBRARY " is too old: it has no %s", rows[i].symbol);
        }
        memcpy((char *)curl + rows[i].offset, &symbol, sizeof symbol);
    }
    if (curl->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        return WN_OK;
    curl->global_cleanup = NULL;
    wn_curl_close(curl);
    WN_FAIL(err, WN_ERR_IO, LIBRARY " cannot be set up");
}

void wn_curl_close(wn_curl *curl)
{
    if (curl->global_cleanup != NULL)
        curl->global_cleanup();
    if (curl->library != NULL)
        dlclose(curl->library);
    *curl = (wn_curl){0};
}
