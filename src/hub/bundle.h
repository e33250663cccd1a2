/* A model's revision as one tar, for machines without a network:
 *
 *   models--ORG--NAME/snapshots/COMMIT/FILE    its files
 *   models--ORG--NAME/refs/REVISION            its branches and tags
 *   SHA256SUMS                                 of all of these, as sha256sum -c reads them
 *
 * What is imported becomes visible when all of it is there and every checksum is right.  A tar
 * comes from a stranger: other paths, links, two models, two files of a name, pickles, a file that
 * is not in SHA256SUMS or the other way round are refused.
 * Thread rule: one at a time. */
#ifndef WN_HUB_BUNDLE_H
#define WN_HUB_BUNDLE_H

#include "hub/inventory.h"

#define WN_BUNDLE_SUMS       "SHA256SUMS"
#define WN_BUNDLE_FILES_MAX  10000
#define WN_BUNDLE_SUMS_BYTES ((size_t)4 << 20)

/* Write a model's revision to PATH, which must not be there; its files are checked on the way.
 * Fails:   WN_ERR_IO, WN_ERR_LIMIT for a name that does not fit, WN_ERR_FORMAT for a damaged file,
 *          WN_ERR_MEMORY, WN_ERR_CANCELLED; nothing is left of PATH then. */
WN_MUST_USE wn_status wn_bundle_export(const wn_cached_model *model, const char *path,
                                       const wn_hub_settings *settings, wn_error *err);

/* Take a model's revision from PATH into the cache of the settings; *repo and commit say which.
 * Fails:   WN_ERR_FORMAT, WN_ERR_LIMIT, WN_ERR_IO, WN_ERR_MEMORY, WN_ERR_CANCELLED; the cache is as
 *          it was then. */
WN_MUST_USE wn_status wn_bundle_import(wn_repo *repo, char commit[WN_COMMIT_LEN + 1],
                                       const char *path, const wn_hub_settings *settings,
                                       wn_error *err);

#endif
