/* BertNormalizer.  The crate makes four passes; here one does, because each character's fate hangs
 * on itself alone - except that the decomposition of strip_accents also puts marks in order.  Marks
 * with a class that survive the stripping are rare; a text that has one takes the four passes.
 * Source: huggingface/tokenizers 0.23, normalizers/bert.rs. */
#include "data/unicode.h"
#include "token/edit.h"
#include "token/normalize_steps.h"

#define WN_WHERE "token/normalize_bert"

void wn_bert_init(wn_bert *bert)
{
    for (uint32_t c = 0; c < 128; c++) {
        uint32_t flags = wn_unicode_flags(c);
        if (bert->clean_text && (flags & WN_UC_DROPPED) != 0)
            bert->ascii[c] = WN_BERT_DROP;
        else if (bert->clean_text && (flags & WN_UC_SPACE) != 0)
            bert->ascii[c] = ' ';
        else
            bert->ascii[c] = (uint8_t)(bert->lowercase ? wn_unicode_lower(c) : c);
    }
}

/* Rewrite n bytes of ASCII at `at`. */
static void put_ascii(const wn_bert *bert, wn_text *out, const wn_text *text, size_t at, size_t n)
{
    if (!wn_text_reserve(out, n))
        return;
    const unsigned char *p = (const unsigned char *)text->bytes.ptr + at;
    char *q = out->bytes.ptr + out->bytes.len;
    size_t k = 0;
    if (text->want_offsets) {
        uint32_t *start = out->start + out->bytes.len, *end = out->end + out->bytes.len;
        for (size_t i = 0; i < n; i++) {
            start[k] = text->start[at + i];
            end[k] = text->end[at + i];
            q[k] = (char)bert->ascii[p[i]];
            k += bert->ascii[p[i]] != WN_BERT_DROP;
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            q[k] = (char)bert->ascii[p[i]];
            k += bert->ascii[p[i]] != WN_BERT_DROP;
        }
    }
    out->bytes.len += k;
}

static void put_lower(const wn_bert *bert, wn_text *out, uint32_t c, const wn_text *text, size_t at)
{
    char bytes[2 * WN_UTF8_MAX];
    size_t n = wn_utf8_encode(bytes, bert->lowercase ? wn_unicode_lower(c) : c);
    if (bert->lowercase && c == WN_UC_DOTTED_I)
        n += wn_utf8_encode(bytes + n, 0x307);
    wn_text_push_like(out, bytes, n, text, at);
}

/* Rewrite the character c at `at`; false when its marks would have to be put in order. */
static bool put_char(const wn_bert *bert, wn_text *out, uint32_t c, const wn_text *text, size_t at)
{
    uint32_t flags = wn_unicode_flags(c);
    if (bert->clean_text && (flags & WN_UC_DROPPED) != 0)
        return true;
    if (bert->clean_text && (flags & WN_UC_SPACE) != 0)
        return wn_text_push_like(out, " ", 1, text, at) || true;
    bool apart = bert->handle_chinese_chars && (flags & WN_UC_CJK) != 0;
    if (apart)
        wn_text_push_like(out, " ", 1, text, at);
    const wn_unicode_record *record = wn_unicode_norm(c);
    if (!bert->strip_accents || ((record->unstable & WN_UC_NFD) == 0 && record->ccc == 0)) {
        if (!bert->strip_accents || (flags & WN_UC_NONSPACING) == 0)
            put_lower(bert, out, c, text, at);
    } else {
        uint32_t parts[WN_UNICODE_PARTS_MAX];
        size_t n = wn_unicode_decompose(parts, c, false);
        for (size_t i = 0; i < n; i++) {
            if ((wn_unicode_flags(parts[i]) & WN_UC_NONSPACING) != 0)
                continue;
            if (wn_unicode_norm(parts[i])->ccc != 0)
                return false;
            put_lower(bert, out, parts[i], text, at);
        }
    }
    if (apart)
        wn_text_push_like(out, " ", 1, text, at);
    return true;
}

/* One pass over text into out; false when marks would have to be put in order. */
static bool one_pass(const wn_bert *bert, const wn_text *text, wn_text *out)
{
    const char *p = text->bytes.ptr;
    const size_t n = text->bytes.len;
    wn_text_clear(out, text->want_offsets);
    wn_text_reserve(out, n);
    for (size_t i = 0, len; i < n;) {
        size_t run = wn_utf8_ascii_run(p + i, n - i);
        put_ascii(bert, out, text, i, run);
        i += run;
        for (; i < n && (unsigned char)p[i] >= 0x80; i += len)
            if (!put_char(bert, out, wn_utf8_decode(p + i, &len), text, i))
                return false;
    }
    return true;
}

static wn_status finish_pass(wn_text *text, wn_text *out, wn_error *err)
{
    if (out->bytes.failed)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a text of %zu bytes", text->bytes.len);
    if (out->bytes.len > WN_TEXT_BYTES_MAX)
        WN_FAIL(err, WN_ERR_LIMIT, "the normalized text is over %u bytes", WN_TEXT_BYTES_MAX);
    wn_text_swap(text, out);
    return WN_OK;
}

wn_status wn_bert_run(const wn_bert *bert, wn_text *text, wn_text *spare, wn_error *err)
{
    if (one_pass(bert, text, spare))
        return finish_pass(text, spare, err);
    wn_bert first = {.clean_text = bert->clean_text,
                     .handle_chinese_chars = bert->handle_chinese_chars};
    wn_bert_init(&first);
    bool whole = one_pass(&first, text, spare);
    WN_ASSERT(whole);
    WN_TRY(finish_pass(text, spare, err));
    WN_TRY(wn_form_run(WN_FORM_NFD, text, spare, err));
    WN_TRY(wn_filter_run(WN_UC_NONSPACING, text, spare, err));
    return bert->lowercase ? wn_lowercase_run(text, spare, err) : WN_OK;
}
