/* See pull.h. */
#define _GNU_SOURCE
#include "hub/pull.h"

#include "base/str.h"
#include "hub/fetch.h"
#include "hub/listing.h"

#include <stdio.h>
#include <sys/stat.h>

#define WN_WHERE "hub/pull"

typedef struct pull {
    wn_hub_client client;
    const wn_hub_settings *settings;
    const wn_repo *repo;
    wn_listing listing;
} pull;

/* Pages that ask for a login, of a proxy or a network, come in place of a list too. */
static wn_status not_a_hub(const pull *p, wn_error *err)
{
    wn_error why = *err;
    WN_FAIL(err, WN_ERR_FORMAT,
            "%s does not answer as a hub does: %s; is HF_ENDPOINT right, or does a proxy ask for a "
            "login?",
            p->settings->shown_endpoint, why.message);
}

static wn_status list_files(pull *p, wn_error *err)
{
    wn_buf url = WN_BUF_INIT, json = WN_BUF_INIT;
    wn_status status;
    wn_buf_printf(&url, "%s/api/models/%s/revision/", p->settings->endpoint, p->repo->id);
    wn_repo_push_url(&url, wn_str_from(p->repo->revision), false);
    wn_buf_printf(&url, "?blobs=true");
    if (!wn_buf_push_byte(&url, '\0'))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a URL");
    WN_TRY_OUT(wn_hub_client_get(&p->client, &json, url.ptr, WN_LISTING_BYTES_MAX,
                                 (wn_hub_subject){.repo = p->repo}, err));
    status = wn_listing_parse(&p->listing, wn_buf_str(&json), p->repo, err);
    if (status == WN_ERR_FORMAT)
        status = not_a_hub(p, err);
out:
    wn_buf_deinit(&url);
    wn_buf_deinit(&json);
    return status;
}

/* Mirrors may list names alone: then each file's headers tell the rest. */
static wn_status complete(pull *p, wn_listed_file *file, wn_error *err)
{
    wn_buf url = WN_BUF_INIT;
    wn_hub_reply reply;
    if (file->blob[0] != '\0' && file->size != UINT64_MAX)
        return WN_OK;
    wn_status status;
    WN_TRY_OUT(wn_hub_file_url(&url, p->settings, p->repo, p->listing.commit, file->name, err));
    WN_TRY_OUT(wn_hub_client_head(&p->client, &reply, url.ptr,
                                  (wn_hub_subject){p->repo, file->name}, err));
    const char *blob = reply.blob[0] != '\0' ? reply.blob : reply.etag;
    file->size = reply.blob_bytes != UINT64_MAX ? reply.blob_bytes : reply.length;
    if (!wn_repo_is_digest(wn_str_from(blob)) || file->size == UINT64_MAX)
        WN_FAIL_OUT(err, WN_ERR_FORMAT,
                    "'%s' of '%s': the server tells no %s, so that it could not be checked",
                    file->name, p->repo->id, file->size == UINT64_MAX ? "size" : "checksum");
    memcpy(file->blob, blob, strlen(blob) + 1);
out:
    wn_buf_deinit(&url);
    return status;
}

/* Bytes of a file that are still to be fetched. */
static wn_status missing_bytes(uint64_t *out, const pull *p, const wn_listed_file *file,
                               wn_error *err)
{
    static const char *const endings[] = {"", ".incomplete"};
    wn_buf path = WN_BUF_INIT;
    wn_status status = WN_OK;
    struct stat info;
    uint64_t there = 0;
    for (size_t i = 0; status == WN_OK && i < WN_ARRAY_LEN(endings); i++) {
        status = wn_hub_path(&path, err, "%s/%s/blobs/%s%s", p->settings->cache, p->repo->folder,
                             file->blob, endings[i]);
        if (status == WN_OK && stat(path.ptr, &info) == 0)
            there = WN_MAX(there, (uint64_t)info.st_size);
    }
    wn_buf_deinit(&path);
    *out = file->size - WN_MIN(there, file->size);
    return status;
}

static wn_status measure(wn_pull_report *out, pull *p, wn_error *err)
{
    for (size_t i = 0; i < p->listing.n_files; i++) {
        wn_listed_file *file = &p->listing.files[i];
        uint64_t missing = 0;
        if (!file->wanted)
            continue;
        WN_TRY(complete(p, file, err));
        WN_TRY(missing_bytes(&missing, p, file, err));
        if (file->size > INT64_MAX - out->n_bytes)
            WN_FAIL(err, WN_ERR_FORMAT, "'%s' of '%s': %llu bytes cannot be", file->name,
                    p->repo->id, (unsigned long long)file->size);
        out->n_files++;
        out->n_bytes += file->size;
        out->n_fetched += missing;
    }
    return WN_OK;
}

static wn_status check_room(const pull *p, uint64_t n, wn_error *err)
{
    wn_buf folder = WN_BUF_INIT;
    wn_status status;
    WN_TRY_OUT(wn_hub_path(&folder, err, "%s/%s/blobs/", p->settings->cache, p->repo->folder));
    WN_TRY_OUT(wn_hub_make_parents(folder.ptr, err));
    status = wn_hub_check_room(folder.ptr, n, err);
out:
    wn_buf_deinit(&folder);
    return status;
}

static wn_status fetch_all(const wn_pull_report *report, pull *p, wn_error *err)
{
    uint64_t n_done = 0;
    for (size_t i = 0; i < p->listing.n_files; i++) {
        const wn_listed_file *file = &p->listing.files[i];
        const wn_fetch_order order = {.repo = p->repo,
                                      .commit = p->listing.commit,
                                      .file = file->name,
                                      .blob = file->blob,
                                      .size = file->size,
                                      .n_before = n_done,
                                      .n_in_all = report->n_bytes};
        if (!file->wanted)
            continue;
        WN_TRY(wn_fetch(&p->client, &order, err));
        n_done += file->size;
        p->settings->progress(p->settings->user, n_done, report->n_bytes);
    }
    return WN_OK;
}

static wn_status link_all(const pull *p, wn_error *err)
{
    for (size_t i = 0; i < p->listing.n_files; i++) {
        const wn_listed_file *file = &p->listing.files[i];
        if (file->wanted)
            WN_TRY(wn_cache_link(p->settings->cache, p->repo, p->listing.commit, file->name,
                                 file->blob, err));
    }
    return wn_cache_write_ref(p->settings->cache, p->repo, p->listing.commit, err);
}

/* The one GGUF file that is wanted. */
static void name_gguf(wn_pull_report *out, const wn_listing *listing)
{
    size_t n = 0;
    for (size_t i = 0; i < listing->n_files; i++) {
        const wn_listed_file *file = &listing->files[i];
        if (file->wanted && wn_str_ends(wn_str_from(file->name), WN_STR(".gguf")) && n++ == 0)
            snprintf(out->gguf, sizeof out->gguf, "%s", file->name);
    }
    if (n > 1)
        out->gguf[0] = '\0';
}

wn_status wn_pull(wn_pull_report *out, const wn_hub_settings *settings, const wn_repo *repo,
                  const char *gguf_pattern, wn_error *err)
{
    pull p = {.settings = settings, .repo = repo};
    wn_pull_report report = {0};
    wn_status status;
    WN_TRY_OUT(wn_hub_client_open(&p.client, settings, err));
    WN_TRY_OUT(list_files(&p, err));
    WN_TRY_OUT(wn_listing_pick(&p.listing, repo, gguf_pattern, err));
    WN_TRY_OUT(measure(&report, &p, err));
    WN_TRY_OUT(check_room(&p, report.n_fetched, err));
    WN_TRY_OUT(fetch_all(&report, &p, err));
    WN_TRY_OUT(link_all(&p, err));
    name_gguf(&report, &p.listing);
    *out = report;
out:
    wn_listing_deinit(&p.listing);
    wn_hub_client_close(&p.client);
    return status;
}
