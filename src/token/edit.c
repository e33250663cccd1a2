/* See edit.h. */
#include "token/edit.h"

#define WN_WHERE "token/edit"

void wn_edit_begin(wn_edit *edit, wn_text *text, wn_text *spare)
{
    *edit = (wn_edit){.text = text, .out = spare};
}

void wn_edit_skip(wn_edit *edit, size_t from, size_t to)
{
    if (!edit->touched) {
        wn_text_clear(edit->out, edit->text->want_offsets);
        edit->touched = true;
    }
    wn_text_push_text(edit->out, edit->text, edit->copied, from);
    edit->copied = to;
}

void wn_edit_put(wn_edit *edit, const char *bytes, size_t n, size_t like)
{
    if (edit->too_long || edit->out->bytes.len + n > edit->text->limit)
        edit->too_long = true;
    else
        wn_text_push_like(edit->out, bytes, n, edit->text, like);
}

wn_status wn_edit_finish(wn_edit *edit, wn_error *err)
{
    if (!edit->touched)
        return WN_OK;
    wn_text_push_text(edit->out, edit->text, edit->copied, edit->text->bytes.len);
    if (edit->too_long || edit->out->bytes.len > edit->text->limit)
        WN_FAIL(err, WN_ERR_LIMIT, "normalizer: the text grows to more than %zu bytes",
                edit->text->limit);
    if (edit->out->bytes.failed)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a text of %zu bytes", edit->text->bytes.len);
    wn_text_swap(edit->text, edit->out);
    return WN_OK;
}
