/* A file of kept scores, damaged in any way: refused with a reason, or all of its scores are finite
 * numbers.  Every input is tried as it is and with its checksum put right. */
#include "serve/score_file.h"

#include <math.h>
#include <string.h>

#define SUM_BYTES 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const char *bytes, size_t size)
{
    wn_score_file file = {.n = 0};
    wn_error err = {0};
    wn_status status = wn_score_file_parse(&file, (wn_str){bytes, size}, "model", &err);
    WN_ASSERT(status == WN_OK || err.message[0] != '\0');
    if (status != WN_OK)
        return;
    WN_ASSERT(size == 96 + 20 * file.n + SUM_BYTES);
    for (size_t i = 0; i < file.n; i++) {
        wn_row_digest digest;
        float logit;
        wn_score_file_at(&file, i, &digest, &logit);
        WN_ASSERT(isfinite(logit) && (digest.half[0] != 0 || digest.half[1] != 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char bytes[1 << 16];
    if (size > sizeof bytes)
        return 0;
    parse((const char *)data, size);
    if (size < SUM_BYTES)
        return 0;
    memcpy(bytes, data, size);
    unsigned char *sum = (unsigned char *)bytes + size - SUM_BYTES;
    WN_ASSERT(EVP_Digest(bytes, size - SUM_BYTES, sum, NULL, EVP_sha256(), NULL) == 1);
    parse(bytes, size);
    return 0;
}
