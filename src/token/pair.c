/* How long the two sides of a pair may stay: the formulas of huggingface/tokenizers 0.23,
 * utils/truncation.rs, and the assembly of ids by a template.  Declared in tokenizer.h. */
#include "token/tokenizer.h"

static void cut_longest_first(size_t *n_a, size_t *n_b, size_t max)
{
    bool swap = *n_a > *n_b;
    size_t shorter = WN_MIN(*n_a, *n_b);
    size_t longer = shorter > max ? shorter : WN_MAX(shorter, max - shorter);
    if (shorter + longer > max) {
        shorter = max / 2;
        longer = shorter + max % 2;
    }
    *n_a = swap ? longer : shorter;
    *n_b = swap ? shorter : longer;
}

bool wn_truncate(size_t *n_a, size_t *n_b, size_t max, wn_truncation strategy)
{
    size_t total = *n_a + (n_b == NULL ? 0 : *n_b);
    if (total <= max)
        return true;
    if (max == 0) {
        *n_a = 0;
        if (n_b != NULL)
            *n_b = 0;
        return true;
    }
    if (strategy == WN_TRUNCATE_LONGEST_FIRST) {
        if (n_b == NULL)
            *n_a = max;
        else
            cut_longest_first(n_a, n_b, max);
        return true;
    }
    size_t *target = strategy == WN_TRUNCATE_ONLY_FIRST ? n_a : n_b;
    size_t surplus = total - max;
    if (target == NULL || *target <= surplus)
        return false;
    *target -= surplus;
    return true;
}

static size_t append(int32_t *ids, int32_t *types, size_t at, const int32_t *src, size_t n,
                     int32_t type_id)
{
    for (size_t i = 0; i < n; i++) {
        ids[at + i] = src[i];
        types[at + i] = type_id;
    }
    return at + n;
}

static size_t assemble(const wn_template_item *items, size_t n_items, int32_t *ids, int32_t *types,
                       wn_id_span a, wn_id_span b, bool with_specials)
{
    size_t n = 0;
    for (size_t i = 0; i < n_items; i++) {
        wn_template_item item = items[i];
        if (item.id == WN_SEQUENCE_A)
            n = append(ids, types, n, a.ids, a.n, item.type_id);
        else if (item.id == WN_SEQUENCE_B)
            n = append(ids, types, n, b.ids, b.n, item.type_id);
        else if (with_specials)
            n = append(ids, types, n, &item.id, 1, item.type_id);
    }
    return n;
}

size_t wn_template_assemble(const wn_template *t, int32_t *ids, int32_t *types, wn_id_span a,
                            wn_id_span b)
{
    return assemble(t->items, t->count, ids, types, a, b, true);
}

size_t wn_tokenizer_assemble(const wn_tokenizer *tokenizer, int32_t *ids, int32_t *types,
                             const int32_t *a, size_t n_a, const int32_t *b, size_t n_b,
                             bool with_specials)
{
    size_t n_items;
    const wn_template_item *items = wn_tokenizer_template(tokenizer, b != NULL, &n_items);
    return assemble(items, n_items, ids, types, (wn_id_span){a, n_a}, (wn_id_span){b, n_b},
                    with_specials);
}
