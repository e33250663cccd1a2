/* What stands in a piece for something that a vocabulary cannot spell: Metaspace's character for a
 * space, ByteLevel's printable characters for bytes.  Pre-tokenizers put them in, decoders take
 * them out.
 * Source: huggingface/tokenizers 0.23, pre_tokenizers/metaspace.rs, byte_level.rs.
 * Thread rule: any. */
#ifndef WN_TOKEN_STAND_IN_H
#define WN_TOKEN_STAND_IN_H

#include "data/unicode.h"
#include "token/field.h"

typedef enum wn_prepend { WN_PREPEND_NEVER, WN_PREPEND_ALWAYS, WN_PREPEND_FIRST } wn_prepend;

typedef struct wn_metaspace {
    char replacement[WN_UTF8_MAX]; /* one character */
    size_t replacement_len;
    wn_prepend prepend; /* where one stands that was no space */
} wn_metaspace;

/* Read a component of type Metaspace.
 * Fails:   WN_ERR_FORMAT with the JSON path. */
WN_MUST_USE wn_status wn_metaspace_parse(wn_metaspace *out, const wn_fields *component,
                                         wn_error *err);

/* Read a field that is one character.
 * Fails:   WN_ERR_FORMAT with the JSON path.
 * Owns:    valid as long as the JSON. */
WN_MUST_USE wn_status wn_field_character(wn_str *out, const wn_fields *fields, const char *key,
                                         wn_error *err);

#define WN_BYTE_STAND_INS 0x144 /* above the highest character that stands for a byte */

/* The characters of bytes 0 to 255: printable Latin-1 for itself, the other 68 from U+0100 on. */
void wn_byte_stand_ins(uint32_t characters[256]);

#endif
