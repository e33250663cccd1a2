/* See check.h. */
#include "tests/support/check.h"

#include <unistd.h>

const char *check_shared(const char *path)
{
    static char full[4096];
    const char *root = getenv("WINNOW_SHARED");
    snprintf(full, sizeof full, "%s/%s", root != NULL ? root : "../shared", path);
    return access(full, R_OK) == 0 ? full : NULL;
}
