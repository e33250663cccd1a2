/* See stand_in.h. */
#include "token/stand_in.h"
#include "base/str.h"

#define WN_WHERE "token/stand_in"

static wn_status parse_prepend(wn_prepend *out, const wn_fields *component, wn_error *err)
{
    wn_str scheme = WN_STR("always");
    bool legacy = true;
    WN_TRY(wn_field_str(&scheme, component, "prepend_scheme", WN_OPTIONAL, err));
    WN_TRY(wn_field_bool(&legacy, component, "add_prefix_space", WN_OPTIONAL, err));
    if (wn_str_equal(scheme, WN_STR("always")))
        *out = WN_PREPEND_ALWAYS;
    else if (wn_str_equal(scheme, WN_STR("first")))
        *out = WN_PREPEND_FIRST;
    else if (wn_str_equal(scheme, WN_STR("never")))
        *out = WN_PREPEND_NEVER;
    else
        WN_FAIL(err, WN_ERR_FORMAT, "%s.prepend_scheme: '%.*s' is none of always, first, never",
                component->path, WN_STR_ARG(scheme));
    if (!legacy && *out != WN_PREPEND_NEVER)
        WN_FAIL(err, WN_ERR_FORMAT,
                "%s: add_prefix_space is false, prepend_scheme is '%.*s', expected 'never'",
                component->path, WN_STR_ARG(scheme));
    return WN_OK;
}

wn_status wn_field_character(wn_str *out, const wn_fields *fields, const char *key, wn_error *err)
{
    wn_str value;
    WN_TRY(wn_field_str(&value, fields, key, WN_REQUIRED, err));
    if (value.len == 0 || value.len != wn_utf8_len(value.ptr[0]))
        WN_FAIL(err, WN_ERR_FORMAT, "%s.%s: '%.*s' is not one character", fields->path, key,
                WN_STR_ARG(value));
    *out = value;
    return WN_OK;
}

wn_status wn_metaspace_parse(wn_metaspace *out, const wn_fields *component, wn_error *err)
{
    wn_str replacement;
    wn_metaspace metaspace = {0};
    WN_TRY(wn_field_character(&replacement, component, "replacement", err));
    WN_TRY(parse_prepend(&metaspace.prepend, component, err));
    memcpy(metaspace.replacement, replacement.ptr, replacement.len);
    metaspace.replacement_len = replacement.len;
    *out = metaspace;
    return WN_OK;
}

void wn_byte_stand_ins(uint32_t characters[256])
{
    uint32_t next = 0x100;
    for (uint32_t b = 0; b < 256; b++) {
        bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
        characters[b] = printable ? b : next++;
    }
}
