/* What the process gives up, so that a mistake in it is of little use to an attacker: the user that
 * started it, new privileges, core dumps, files outside of a list (Landlock), connections and new
 * sockets (Landlock and seccomp), other programs and executable memory (seccomp).
 * Thread rule: main thread. */
#ifndef WN_SERVE_SANDBOX_H
#define WN_SERVE_SANDBOX_H

#include "base/status.h"

typedef enum wn_sandbox_mode {
    WN_SANDBOX_AUTO = 0, /* as much as the kernel has */
    WN_SANDBOX_ON,       /* all of it, or do not serve */
    WN_SANDBOX_OFF
} wn_sandbox_mode;

#define WN_SANDBOX_PATHS_MAX 64

typedef struct wn_sandbox_paths {
    const char *at[WN_SANDBOX_PATHS_MAX]; /* files, or folders with all that is below them */
    size_t n;
} wn_sandbox_paths;

typedef struct wn_sandbox_options {
    wn_sandbox_mode mode;
    const char *user;          /* to become, with that user's groups; NULL: stay */
    const char *gift;          /* a folder that was made for the user; NULL: none */
    wn_sandbox_paths readable; /* beside the few files of the system that libraries read */
    wn_sandbox_paths writable; /* folders */
} wn_sandbox_options;

typedef struct wn_sandbox {
    int landlock_abi; /* of the kernel; 0: files are not limited */
    bool seccomp;
} wn_sandbox;

/* Add a path; one too many or NULL is left out. */
void wn_sandbox_add(wn_sandbox_paths *paths, const char *path);

/* Become the user and limit files, for this thread and those that it will start.  Paths that do not
 * exist are left out; links in a readable folder may be followed.
 * Fails:   WN_ERR_IO for the user, and with WN_SANDBOX_ON when the kernel lacks something. */
WN_MUST_USE wn_status wn_sandbox_enter(wn_sandbox *out, const wn_sandbox_options *options,
                                       wn_error *err);

/* Limit system calls to those of a server at work, for all threads.
 * Fails:   WN_ERR_IO with WN_SANDBOX_ON when the kernel lacks it. */
WN_MUST_USE wn_status wn_sandbox_seal(wn_sandbox *sandbox, wn_sandbox_mode mode, wn_error *err);

/* Install the filter of system calls; false when that is not possible. */
bool wn_sandbox_filter_calls(void);

#endif
