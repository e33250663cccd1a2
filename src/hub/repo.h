/* Names of published models, ORG/NAME[@REVISION], and what may be part of a path in the cache.
 * Names come from strangers: whatever passes here stays inside its folder.  Pure.
 * Source: huggingface_hub 2.4, utils/_validators.py, file_download.repo_folder_name().
 * Thread rule: any. */
#ifndef WN_HUB_REPO_H
#define WN_HUB_REPO_H

#include "base/buf.h"

#define WN_REPO_PART_MAX     96 /* bytes of an organisation or a name */
#define WN_REPO_REVISION_MAX 127
#define WN_REPO_FILE_MAX     255
#define WN_REPO_MAIN         "main"

typedef struct wn_repo {
    char id[2 * WN_REPO_PART_MAX + 2];       /* "ORG/NAME" */
    char folder[2 * WN_REPO_PART_MAX + 16];  /* "models--ORG--NAME" */
    char revision[WN_REPO_REVISION_MAX + 1]; /* a branch, a tag or a commit; "main" when none was
                                                given */
} wn_repo;

/* Read "ORG/NAME" or "ORG/NAME@REVISION"; false when it is something else. */
bool wn_repo_parse(wn_repo *out, wn_str text);

/* Read "models--ORG--NAME"; the revision is "main". */
bool wn_repo_parse_folder(wn_repo *out, wn_str folder);

/* Whether it is a commit: 40 hexadecimal digits in lower case. */
bool wn_repo_is_commit(wn_str text);

/* Whether it may name a blob: a SHA-256 or SHA-1 in hexadecimal. */
bool wn_repo_is_digest(wn_str text);

/* Whether it can be a branch or tag, which becomes a path below refs/. */
bool wn_repo_is_revision(wn_str text);

/* Whether a file's name, perhaps with folders, stays where it is put: no empty part, none that
 * begins with a dot, no backslash or control character. */
bool wn_repo_is_file(wn_str name);

/* Append text as a part of a URL; with keep_slashes '/' stays as it is. */
bool wn_repo_push_url(wn_buf *out, wn_str text, bool keep_slashes);

#endif
