/* safetensors files: one file or a sharded index, memory-mapped, every header field checked once at
 * open, so that the views handed out need no check.
 * Refuses: a header over 100 MB or longer than the file, JSON that is not flat or nests deeper than
 * the format needs, duplicate names, an unknown dtype's use, shape x dtype other than the range,
 * ranges that overlap, leave gaps or do not cover the file.
 * Source: huggingface/safetensors, README "Format".
 * Thread rule: shared read-only after open. */
#ifndef WN_DATA_SAFETENSORS_H
#define WN_DATA_SAFETENSORS_H

#include "data/tensors.h"

#define WN_SAFETENSORS_HEADER_MAX (100u * 1000 * 1000)
#define WN_SAFETENSORS_FILES_MAX  1024

/* Open dir/model.safetensors, or the files that dir/model.safetensors.index.json names.  An index
 * must place exactly the tensors that its files hold, each in one file of the same directory.
 * Fails:   WN_ERR_IO, WN_ERR_LIMIT, WN_ERR_MEMORY, WN_ERR_FORMAT (names file, tensor and values).
 * Owns:    caller closes with wn_tensors_close(). */
WN_MUST_USE wn_status wn_safetensors_open(wn_tensors **out, const char *dir, wn_error *err);

/* The same from bytes in memory (the built-in model, tests, fuzzers); borrows them until close.
 * name is used in error messages. */
WN_MUST_USE wn_status wn_safetensors_parse(wn_tensors **out, wn_str bytes, const char *name,
                                           wn_error *err);

/* Add dir/folder/model.safetensors, where it is there; its tensors are called FOLDER.NAME.
 * Fails:   as wn_safetensors_open(). */
WN_MUST_USE wn_status wn_safetensors_add(wn_tensors *set, const char *dir, const char *folder,
                                         wn_error *err);

#endif
