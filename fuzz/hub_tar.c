/* Headers of a hostile tar, each as it is and with its sum put right: refused with a reason, or a
 * name that ends and a size that cannot wrap; what is read is written again as the same entry. */
#include "hub/tar.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_block(const unsigned char block[WN_TAR_BLOCK])
{
    wn_error err = {0};
    wn_tar_entry entry, again;
    unsigned char written[WN_TAR_BLOCK];
    bool is_end;
    wn_status status = wn_tar_read_header(&entry, &is_end, block, &err);
    WN_ASSERT(status == WN_OK || err.message[0] != '\0');
    if (status != WN_OK || is_end)
        return;
    WN_ASSERT(memchr(entry.name, '\0', sizeof entry.name) != NULL);
    WN_ASSERT(entry.size + wn_tar_padding(entry.size) <= INT64_MAX);
    if (entry.is_folder || entry.name[0] == '\0' ||
        wn_tar_write_header(written, &entry, &err) != WN_OK)
        return;
    WN_ASSERT(wn_tar_read_header(&again, &is_end, written, &err) == WN_OK && !is_end);
    WN_ASSERT(strcmp(again.name, entry.name) == 0 && again.size == entry.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char block[WN_TAR_BLOCK] = {0};
    unsigned sum = 0;
    memcpy(block, data, size < sizeof block ? size : sizeof block);
    read_block(block);
    memset(block + 148, ' ', 8);
    for (size_t i = 0; i < sizeof block; i++)
        sum += block[i];
    snprintf((char *)block + 148, 7, "%06o", sum);
    block[154] = '\0';
    memcpy(block + 257, "ustar", 5);
    read_block(block);
    return 0;
}
