/* A GGUF file as the Hugging Face directory that it was made from: its metadata as config.json and
 * companions, its tensors under their names there.  One reader with one set of checks then serves
 * both.  What conversion is known to leave out or get wrong is mended from what the file has, or
 * refused with the reason.
 * Thread rule: any. */
#ifndef WN_MODEL_GGUF_DIRECTORY_H
#define WN_MODEL_GGUF_DIRECTORY_H

#include "base/buf.h"
#include "data/gguf.h"

/* Append what a file of the directory would hold: "config.json", "modules.json" or
 * "1_Pooling/config.json"; nothing, when it would not be there.
 * Fails:   WN_ERR_FORMAT, WN_ERR_UNSUPPORTED (names the key or tensor, and what to do),
 *          WN_ERR_MEMORY. */
WN_MUST_USE wn_status wn_gguf_write_file(wn_buf *out, const wn_gguf *gguf, const char *name,
                                         wn_error *err);

/* Give the tensors the names and shapes that they have in the directory.
 * Fails:   WN_ERR_FORMAT for a tensor that is unknown, or has a value that is no number;
 *          WN_ERR_UNSUPPORTED for a type that cannot be widened; WN_ERR_MEMORY.  Some then have
 *          other names.
 * Thread:  one at a time per file, beside readers of its metadata. */
WN_MUST_USE wn_status wn_gguf_name_tensors(wn_gguf *gguf, wn_error *err);

#endif
