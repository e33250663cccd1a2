/* See normalize_form.h.  The text is looked at in segments: from a code point that nothing before
 * it can change to the next such one.  Only segments that may change are decomposed, ordered and
 * composed.  Offsets follow the crate: each code point carries `change`, how many code points of
 * the old text it stands for minus one, negated; 1 for one that was added by decomposition. */
#include "token/normalize_form.h"
#include "base/mem.h"
#include "data/unicode.h"
#include "token/edit.h"

#include <string.h>

#define WN_WHERE "token/normalize_form"

typedef struct mark {
    uint32_t code;
    int32_t change;
    uint8_t ccc;
} mark;

#define SMALL_SEGMENT 64 /* marks that need no memory; an ordinary segment has two or three */
#define SMALL_RUN     16 /* marks that insertion sorts faster than counting */

typedef struct segment {
    mark *marks;
    size_t n, cap;
    mark *heap; /* [2 * cap]: the marks and room to sort them; NULL while small */
    mark small[SMALL_SEGMENT];
} segment;

static bool segment_grow(segment *seg, size_t n)
{
    if (n <= seg->cap)
        return true;
    size_t cap = WN_MAX(n, 2 * seg->cap);
    mark *heap = wn_mem_alloc(cap, 2 * sizeof *heap);
    if (heap == NULL)
        return false;
    memcpy(heap, seg->marks, seg->n * sizeof *heap);
    wn_mem_free(seg->heap);
    seg->heap = seg->marks = heap;
    seg->cap = cap;
    return true;
}

/* Decompose [from, to) of the text into seg. */
static bool segment_fill(segment *seg, const char *p, size_t from, size_t to, bool compatibility)
{
    seg->n = 0;
    for (size_t i = from, len; i < to; i += len) {
        uint32_t parts[WN_UNICODE_PARTS_MAX];
        size_t n = wn_unicode_decompose(parts, wn_utf8_decode(p + i, &len), compatibility);
        if (!segment_grow(seg, seg->n + n))
            return false;
        for (size_t k = 0; k < n; k++)
            seg->marks[seg->n++] = (mark){parts[k], k > 0, wn_unicode_norm(parts[k])->ccc};
    }
    return true;
}

/* Stable sort of marks[0..n) by class, with room for n more. */
static void sort_by_counting(mark *marks, size_t n, mark *room)
{
    size_t place[256] = {0};
    for (size_t i = 0; i < n; i++)
        place[marks[i].ccc]++;
    for (size_t k = 0, sum = 0; k < 256; k++) {
        size_t count = place[k];
        place[k] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        room[place[marks[i].ccc]++] = marks[i];
    memcpy(marks, room, n * sizeof *marks);
}

static void sort_by_insertion(mark *marks, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        mark m = marks[i];
        size_t k = i;
        for (; k > 0 && marks[k - 1].ccc > m.ccc; k--)
            marks[k] = marks[k - 1];
        marks[k] = m;
    }
}

/* Canonical ordering: every run of marks between starters by class. */
static void segment_order(segment *seg)
{
    for (size_t i = 0, end; i < seg->n; i = end) {
        end = i + 1;
        if (seg->marks[i].ccc == 0)
            continue;
        while (end < seg->n && seg->marks[end].ccc != 0)
            end++;
        if (end - i <= SMALL_RUN || seg->heap == NULL)
            sort_by_insertion(seg->marks + i, end - i);
        else
            sort_by_counting(seg->marks + i, end - i, seg->heap + seg->cap);
    }
}

/* Canonical composition in place. */
static void segment_compose(segment *seg)
{
    size_t n = 0, starter = SIZE_MAX;
    for (size_t i = 0; i < seg->n; i++) {
        mark m = seg->marks[i];
        /* Blocked: something since the starter has no class, or one that is not smaller. */
        bool open = starter != SIZE_MAX && (n - 1 == starter || seg->marks[n - 1].ccc < m.ccc);
        uint32_t composed = open ? wn_unicode_compose(seg->marks[starter].code, m.code) : 0;
        if (composed != 0) {
            seg->marks[starter].code = composed;
            seg->marks[starter].change += m.change - 1;
            continue;
        }
        if (m.ccc == 0)
            starter = n;
        seg->marks[n++] = m;
    }
    seg->n = n;
}

/* Replace [from, to) of the old text by seg. */
static void segment_put(const segment *seg, wn_edit *edit, size_t from, size_t to)
{
    const char *p = edit->text->bytes.ptr;
    wn_edit_skip(edit, from, to);
    for (size_t i = 0, at = from; i < seg->n; i++) {
        char bytes[WN_UTF8_MAX];
        mark m = seg->marks[i];
        size_t like = m.change > 0 ? at - (at > 0) : WN_MIN(at, to - 1);
        wn_edit_put(edit, bytes, wn_utf8_encode(bytes, m.code), like);
        for (int32_t k = m.change; k <= 0 && at < to; k++)
            at += wn_utf8_len(p[at]);
    }
}

wn_status wn_form_run(wn_form form, wn_text *text, wn_text *spare, wn_error *err)
{
    static const uint8_t flags[] = {WN_UC_NFC, WN_UC_NFKC, WN_UC_NFD, WN_UC_NFKD};
    const bool compatibility = form == WN_FORM_NFKC || form == WN_FORM_NFKD;
    const uint8_t unstable = flags[form];
    const char *p = text->bytes.ptr;
    const size_t n = text->bytes.len;
    segment seg = {.marks = seg.small, .cap = SMALL_SEGMENT};
    wn_edit edit;
    wn_edit_begin(&edit, text, spare);
    size_t safe = 0; /* the last code point that nothing before it can change */
    uint8_t last = 0;
    for (size_t i = 0, len; i < n;) {
        size_t run = wn_utf8_ascii_run(p + i, n - i);
        if (run > 0) {
            i += run;
            safe = i - 1;
            last = 0;
            continue;
        }
        const wn_unicode_record *record = wn_unicode_norm(wn_utf8_decode(p + i, &len));
        if ((record->unstable & unstable) == 0 && (record->ccc == 0 || record->ccc >= last)) {
            safe = record->ccc == 0 ? i : safe;
            last = record->ccc;
            i += len;
            continue;
        }
        for (i += len; i < n; i += len) {
            record = wn_unicode_norm(wn_utf8_decode(p + i, &len));
            if ((record->unstable & unstable) == 0 && record->ccc == 0)
                break;
        }
        if (!segment_fill(&seg, p, safe, i, compatibility)) {
            wn_mem_free(seg.heap);
            WN_FAIL(err, WN_ERR_MEMORY, "no memory to order %zu marks", seg.n);
        }
        segment_order(&seg);
        if (form == WN_FORM_NFC || form == WN_FORM_NFKC)
            segment_compose(&seg);
        segment_put(&seg, &edit, safe, i);
        safe = i;
        last = 0;
    }
    wn_mem_free(seg.heap);
    return wn_edit_finish(&edit, err);
}
