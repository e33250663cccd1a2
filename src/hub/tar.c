/* See tar.h. */
#include "hub/tar.h"

#include "base/str.h"

#include <stdio.h>

#define WN_WHERE "hub/tar"

/* Fields: where they begin, how long they are. */
enum {
    NAME = 0,
    NAME_LEN = 100,
    MODE = 100,
    SIZE = 124,
    SIZE_LEN = 12,
    TIME = 136,
    SUM = 148,
    SUM_LEN = 8,
    KIND = 156,
    MAGIC = 257,
    PREFIX = 345,
    PREFIX_LEN = 155
};

#define OCTAL_SIZE_MAX ((uint64_t)1 << 33) /* 11 octal digits */

/* The sum of all bytes, those of the sum itself as spaces. */
static unsigned sum_of(const unsigned char block[WN_TAR_BLOCK])
{
    unsigned sum = 0;
    for (size_t i = 0; i < WN_TAR_BLOCK; i++)
        sum += i >= SUM && i < SUM + SUM_LEN ? ' ' : block[i];
    return sum;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A name that is too long is parted at a slash. */
static bool write_name(unsigned char *block, wn_str name)
{
    size_t cut = 0;
    if (name.len > NAME_LEN) {
        cut = WN_MAX(name.len - NAME_LEN - 1, (size_t)1); /* an empty prefix has no slash */
        while (cut < name.len && name.ptr[cut] != '/')
            cut++;
        if (cut >= name.len - 1 || cut > PREFIX_LEN)
            return false;
        memcpy(block + PREFIX, name.ptr, cut);
        cut++;
    }
    memcpy(block + NAME, name.ptr + cut, name.len - cut);
    return true;
}

static void write_size(unsigned char *block, uint64_t size)
{
    char digits[SIZE_LEN + 1];
    if (size < OCTAL_SIZE_MAX) {
        snprintf(digits, sizeof digits, "%011llo", (unsigned long long)size);
        memcpy(block + SIZE, digits, SIZE_LEN);
        return;
    }
    block[SIZE] = 0x80; /* GNU: the number itself, the highest byte first */
    for (size_t i = 0; i < 8; i++)
        block[SIZE + SIZE_LEN - 1 - i] = (unsigned char)(size >> 8 * i);
}

wn_status wn_tar_write_header(unsigned char block[WN_TAR_BLOCK], const wn_tar_entry *entry,
                              wn_error *err)
{
    char sum[SUM_LEN];
    memset(block, 0, WN_TAR_BLOCK);
    if (!write_name(block, wn_str_from(entry->name)))
        WN_FAIL(err, WN_ERR_LIMIT, "'%s': the name is too long for a tar", entry->name);
    memcpy(block + MODE,
           "0000644\0"
           "0000000\0"
           "0000000",
           24);
    write_size(block, entry->size);
    memcpy(block + TIME, "00000000000", 12);
    block[KIND] = '0';
    memcpy(block + MAGIC,
           "ustar\0"
           "00",
           8);
    snprintf(sum, sizeof sum, "%06o", sum_of(block));
    memcpy(block + SUM, sum, 7);
    block[SUM + 7] = ' ';
    return WN_OK;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Digits, with spaces before them and a space or NUL behind, unless they fill the field. */
static bool read_octal(uint64_t *out, const unsigned char *field, size_t n)
{
    size_t i = 0;
    uint64_t number = 0;
    while (i < n && field[i] == ' ')
        i++;
    size_t first = i;
    for (; i < n && field[i] >= '0' && field[i] <= '7'; i++)
        number = number << 3 | (uint64_t)(field[i] - '0');
    if (i == first || (i < n && field[i] != ' ' && field[i] != '\0'))
        return false;
    *out = number;
    return true;
}

static bool read_size(uint64_t *out, const unsigned char *field)
{
    uint64_t number = 0;
    if (field[0] != 0x80)
        return read_octal(out, field, SIZE_LEN);
    for (size_t i = 1; i < SIZE_LEN; i++) {
        if (number >> 55 != 0)
            return false;
        number = number << 8 | field[i];
    }
    *out = number;
    return true;
}

static wn_str field_of(const unsigned char *field, size_t n)
{
    const void *end = memchr(field, '\0', n);
    return (wn_str){(const char *)field,
                    end == NULL ? n : (size_t)((const unsigned char *)end - field)};
}

static bool is_zero(const unsigned char block[WN_TAR_BLOCK])
{
    for (size_t i = 0; i < WN_TAR_BLOCK; i++)
        if (block[i] != 0)
            return false;
    return true;
}

static void read_name(wn_tar_entry *entry, const unsigned char block[WN_TAR_BLOCK])
{
    wn_str name = field_of(block + NAME, NAME_LEN), prefix = field_of(block + PREFIX, PREFIX_LEN);
    if (memcmp(block + MAGIC, "ustar\0", 6) != 0) /* GNU has times where the prefix is */
        prefix.len = 0;
    snprintf(entry->name, sizeof entry->name, "%.*s%s%.*s", (int)prefix.len, prefix.ptr,
             prefix.len > 0 ? "/" : "", (int)name.len, name.ptr);
}

wn_status wn_tar_read_header(wn_tar_entry *entry, bool *is_end,
                             const unsigned char block[WN_TAR_BLOCK], wn_error *err)
{
    uint64_t sum, size;
    *is_end = is_zero(block);
    if (*is_end)
        return WN_OK;
    if (memcmp(block + MAGIC, "ustar", 5) != 0 || !read_octal(&sum, block + SUM, SUM_LEN) ||
        sum != sum_of(block))
        WN_FAIL(err, WN_ERR_FORMAT, "it is no tar, or a damaged one");
    wn_tar_entry found = {.is_folder = block[KIND] == '5'};
    read_name(&found, block);
    if (block[KIND] != '0' && block[KIND] != '\0' && !found.is_folder)
        WN_FAIL(err, WN_ERR_FORMAT,
                "'%s' is an entry of kind '%c', and only regular files are taken", found.name,
                block[KIND] > ' ' && block[KIND] <= '~' ? block[KIND] : '?');
    if (!read_size(&size, block + SIZE) || size > INT64_MAX - WN_TAR_BLOCK ||
        (found.is_folder && size != 0))
        WN_FAIL(err, WN_ERR_FORMAT, "'%s' has a size that cannot be", found.name);
    found.size = size;
    *entry = found;
    return WN_OK;
}
