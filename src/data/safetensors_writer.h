/* Writing a safetensors file: the header from a list of tensors, then their bytes in the same
 * order, in pieces of any size.  The header is filled up with spaces, so that the data begins at a
 * multiple of 8 bytes; tensors in falling order of element size are then all aligned.
 * Source: huggingface/safetensors, README "Format".
 * Thread rule: one at a time. */
#ifndef WN_DATA_SAFETENSORS_WRITER_H
#define WN_DATA_SAFETENSORS_WRITER_H

#include "base/new_file.h"
#include "data/safetensors.h"

typedef struct wn_safetensors_writer {
    wn_new_file file;
    uint64_t data_bytes; /* of all tensors */
    uint64_t written;    /* of them */
} wn_safetensors_writer;

/* Begin PATH.part with the header for n tensors, whose data is not looked at.
 * Fails:   WN_ERR_LIMIT when the header or the data is too large, WN_ERR_IO, WN_ERR_MEMORY.
 * Needs:   names are UTF-8 and differ; bytes are those of dims and dtype_name.
 * Owns:    caller frees with wn_safetensors_writer_deinit(), also after a failure. */
WN_MUST_USE wn_status wn_safetensors_writer_open(wn_safetensors_writer *writer, const char *path,
                                                 const wn_tensor_view *tensors, size_t n,
                                                 wn_error *err);

/* Append the next n bytes of the data.
 * Fails:   WN_ERR_IO.
 * Needs:   there are so many left. */
WN_MUST_USE wn_status wn_safetensors_writer_write(wn_safetensors_writer *writer, const void *bytes,
                                                  size_t n, wn_error *err);

/* Finish the file under its name.
 * Fails:   WN_ERR_IO.
 * Needs:   all data was written. */
WN_MUST_USE wn_status wn_safetensors_writer_commit(wn_safetensors_writer *writer, wn_error *err);

/* Free; a file that was not finished is removed. */
void wn_safetensors_writer_deinit(wn_safetensors_writer *writer);

#endif
