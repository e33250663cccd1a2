/* A folder of reports that an operator shows to everybody: what `winnow eval --html` and
 * `winnow bench --format json` have written.  Only files that lie in it themselves, with plain
 * names: no links, no other folders, nothing hidden.
 * Thread rule: any that may wait for a disk. */
#ifndef WN_SERVE_REPORT_DIR_H
#define WN_SERVE_REPORT_DIR_H

#include "base/buf.h"
#include "base/status.h"

#define WN_REPORT_NAME_MAX  127       /* bytes */
#define WN_REPORTS_MAX      1000      /* of a list */
#define WN_REPORT_BYTES_MAX (8 << 20) /* of one that is read */

typedef struct wn_report_file {
    char name[WN_REPORT_NAME_MAX + 1];
    uint64_t bytes;
    int64_t modified_s; /* Unix seconds of the years 1970 to 9999 */
} wn_report_file;

/* Whether a name may be one of a report: letters, digits, '.', '-', '_', no dot in front, ".html"
 * or ".json" at the end. */
bool wn_report_name_is_valid(wn_str name);
bool wn_report_is_page(wn_str name); /* ".html" */

/* The reports of a folder, the newest first; *n_more of those in it found no room.
 * Shapes:  out [WN_REPORTS_MAX].
 * Fails:   WN_ERR_IO when the folder cannot be read. */
WN_MUST_USE wn_status wn_report_dir_list(wn_report_file *out, size_t *n, size_t *n_more,
                                         const char *dir, wn_error *err);

/* Read one into *out, replacing its content.
 * Fails:   WN_ERR_INPUT when there is no report of that name, WN_ERR_LIMIT when it is larger than
 *          WN_REPORT_BYTES_MAX, WN_ERR_IO, WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_report_dir_read(wn_buf *out, const char *dir, wn_str name, wn_error *err);

#endif
