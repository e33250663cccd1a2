/* A list of files as a hostile hub might send it: refused with a reason, or all names stay inside
 * their folder and all digests are such. */
#include "base/str.h"
#include "hub/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const wn_repo repo = {.id = "a/b", .folder = "models--a--b", .revision = "main"};
    wn_listing listing;
    wn_error err = {0};
    if (size == 0)
        return 0;
    wn_status status = wn_listing_parse(&listing, (wn_str){(const char *)data, size}, &repo, &err);
    WN_ASSERT(status == WN_OK || err.message[0] != '\0');
    for (size_t i = 0; status == WN_OK && i < listing.n_files; i++) {
        const wn_listed_file *file = &listing.files[i];
        WN_ASSERT(wn_repo_is_file(wn_str_from(file->name)));
        WN_ASSERT(file->blob[0] == '\0' || wn_repo_is_digest(wn_str_from(file->blob)));
    }
    if (status == WN_OK &&
        wn_listing_pick(&listing, &repo, data[size - 1] & 1 ? "*" : NULL, &err) == WN_OK)
        for (size_t i = 0; i < listing.n_files; i++)
            WN_ASSERT(!listing.files[i].wanted ||
                      !wn_listing_is_pickle(wn_str_from(listing.files[i].name)));
    wn_listing_deinit(&listing);
    return 0;
}
