/* See score_file.h. */
#define _GNU_SOURCE
#include "serve/score_file.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define WN_WHERE    "serve/score_file"
#define VERSION     1
#define BYTE_ORDER_ 0x01020304u
#define SUM_BYTES   32
#define SCORE_BYTES 20

static const char magic[8] = {'W', 'N', 'S', 'C', 'O', 'R', 'E', 'S'};

typedef struct header {
    char magic[8];
    uint32_t version, byte_order;
    uint8_t key[WN_DIGEST_KEY_BYTES];
    char model[WN_SCORE_MODEL_BYTES];
} header;
_Static_assert(sizeof(header) == 96, "as documented");

/* ---- reading --------------------------------------------------------------------------------- */

static wn_status check_sum(wn_str bytes, wn_error *err)
{
    unsigned char sum[SUM_BYTES];
    size_t n = bytes.len - SUM_BYTES;
    if (EVP_Digest(bytes.ptr, n, sum, NULL, EVP_sha256(), NULL) != 1)
        WN_FAIL(err, WN_ERR_MEMORY, "OpenSSL could not hash %zu bytes", n);
    if (memcmp(sum, bytes.ptr + n, sizeof sum) != 0)
        WN_FAIL(err, WN_ERR_FORMAT, "the checksum over %zu bytes is wrong: it is torn or damaged",
                n);
    return WN_OK;
}

static wn_status check_header(const header *h, const char *model, wn_error *err)
{
    if (memcmp(h->magic, magic, sizeof magic) != 0)
        WN_FAIL(err, WN_ERR_FORMAT, "it does not begin with '%.8s'", magic);
    if (h->version != VERSION)
        WN_FAIL(err, WN_ERR_FORMAT, "its version is %u, expected %d", h->version, VERSION);
    if (h->byte_order != BYTE_ORDER_)
        WN_FAIL(err, WN_ERR_FORMAT, "its byte order is %08x, expected %08x", h->byte_order,
                BYTE_ORDER_);
    if (h->model[WN_SCORE_MODEL_BYTES - 1] != '\0')
        WN_FAIL(err, WN_ERR_FORMAT, "the name of its model has no end");
    if (strcmp(h->model, model) != 0)
        WN_FAIL(err, WN_ERR_INPUT, "its scores are of model '%s', this one is '%s'", h->model,
                model);
    return WN_OK;
}

wn_status wn_score_file_parse(wn_score_file *out, wn_str bytes, const char *model, wn_error *err)
{
    header h;
    if (bytes.len < sizeof h + SUM_BYTES || (bytes.len - sizeof h - SUM_BYTES) % SCORE_BYTES != 0)
        WN_FAIL(err, WN_ERR_FORMAT, "it has %zu bytes, expected %zu and %d a score", bytes.len,
                sizeof h + SUM_BYTES, SCORE_BYTES);
    memcpy(&h, bytes.ptr, sizeof h);
    WN_TRY(check_header(&h, model, err));
    WN_TRY(check_sum(bytes, err));
    wn_score_file file = {.scores = (const unsigned char *)bytes.ptr + sizeof h,
                          .n = (bytes.len - sizeof h - SUM_BYTES) / SCORE_BYTES};
    memcpy(file.key, h.key, sizeof file.key);
    for (size_t i = 0; i < file.n; i++) {
        wn_row_digest digest;
        float logit;
        wn_score_file_at(&file, i, &digest, &logit);
        if (digest.half[0] == 0 && digest.half[1] == 0)
            WN_FAIL(err, WN_ERR_FORMAT, "score %zu has a digest of zeros", i);
        if (!isfinite(logit))
            WN_FAIL(err, WN_ERR_FORMAT, "score %zu is %f, expected a number", i, (double)logit);
    }
    *out = file;
    return WN_OK;
}

void wn_score_file_at(const wn_score_file *file, size_t i, wn_row_digest *digest, float *logit)
{
    const unsigned char *at = file->scores + i * SCORE_BYTES;
    memcpy(digest, at, sizeof *digest);
    memcpy(logit, at + sizeof *digest, sizeof *logit);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_bytes(wn_score_writer *w, const void *bytes, size_t n)
{
    if (EVP_DigestUpdate(w->sum, bytes, n) != 1 || fwrite(bytes, 1, n, w->stream) != n)
        w->reason = w->reason != 0 ? w->reason : errno;
}

wn_status wn_score_writer_begin(wn_score_writer *w, const char *path,
                                const uint8_t key[WN_DIGEST_KEY_BYTES], const char *model,
                                wn_error *err)
{
    size_t len = strlen(model);
    header h = {.version = VERSION, .byte_order = BYTE_ORDER_};
    WN_ASSERT(len < sizeof h.model);
    *w = (wn_score_writer){.path = path, .sum = EVP_MD_CTX_new()};
    if (w->sum == NULL || EVP_DigestInit_ex(w->sum, EVP_sha256(), NULL) != 1 ||
        !wn_buf_printf(&w->part, "%s.%d.part", path, (int)getpid()) ||
        !wn_buf_push_byte(&w->part, '\0'))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory to write '%s'", path);
    int fd = open(w->part.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0)
        w->stream = fdopen(fd, "wb");
    if (w->stream == NULL) {
        int reason = errno;
        if (fd >= 0)
            close(fd);
        WN_FAIL(err, WN_ERR_IO, "cannot write '%s': %s", w->part.ptr, strerror(reason));
    }
    memcpy(h.magic, magic, sizeof magic);
    memcpy(h.key, key, sizeof h.key);
    memcpy(h.model, model, len);
    write_bytes(w, &h, sizeof h);
    return WN_OK;
}

void wn_score_writer_push(wn_score_writer *w, wn_row_digest digest, float logit)
{
    unsigned char bytes[SCORE_BYTES];
    memcpy(bytes, &digest, sizeof digest);
    memcpy(bytes + sizeof digest, &logit, sizeof logit);
    write_bytes(w, bytes, sizeof bytes);
}

/* The checksum, then everything to the disk, then the name. */
static bool finish(wn_score_writer *w)
{
    unsigned char sum[SUM_BYTES];
    bool done = w->reason == 0 && EVP_DigestFinal_ex(w->sum, sum, NULL) == 1 &&
                fwrite(sum, 1, sizeof sum, w->stream) == sizeof sum && fflush(w->stream) == 0 &&
                fsync(fileno(w->stream)) == 0 && rename(w->part.ptr, w->path) == 0;
    w->reason = w->reason != 0 ? w->reason : errno;
    return done;
}

wn_status wn_score_writer_end(wn_score_writer *w, bool keep, wn_error *err)
{
    wn_status status = WN_OK;
    bool kept = keep && finish(w);
    if (keep && !kept)
        status = wn_error_set(err, WN_ERR_IO, WN_WHERE, "cannot write '%s': %s", w->path,
                              strerror(w->reason));
    if (w->stream != NULL) {
        (void)fclose(w->stream);
        if (!kept)
            (void)unlink(w->part.ptr);
    }
    EVP_MD_CTX_free(w->sum);
    wn_buf_deinit(&w->part);
    *w = (wn_score_writer){0};
    return status;
}
