/* See unicode.h.  Hangul arithmetic: The Unicode Standard, section 3.12. */
#include "data/unicode.h"

#define HANGUL_S 0xAC00u
#define HANGUL_L 0x1100u
#define HANGUL_V 0x1161u
#define HANGUL_T 0x11A7u /* one before the first trailing consonant */
#define N_L      19u
#define N_V      21u
#define N_T      28u
#define N_S      (N_L * N_V * N_T)

/* Bytes of the valid sequence at p with n > 0 bytes left, 0 when there is none. */
static size_t sequence_len(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    size_t len = wn_utf8_len((char)p[0]);
    if (p[0] < 0xC2 || p[0] > 0xF4 || len > n)
        return 0;
    /* The second byte excludes overlong forms, surrogates and what is over U+10FFFF. */
    unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

size_t wn_utf8_check(wn_str text)
{
    size_t i = 0;
    while (i < text.len) {
        i += wn_utf8_ascii_run(text.ptr + i, text.len - i);
        while (i < text.len && (unsigned char)text.ptr[i] >= 0x80) {
            size_t len = sequence_len((const unsigned char *)text.ptr + i, text.len - i);
            if (len == 0)
                return i;
            i += len;
        }
    }
    return i;
}

size_t wn_unicode_decompose(uint32_t *parts, uint32_t c, bool compatibility)
{
    if (c - HANGUL_S < N_S) {
        uint32_t s = c - HANGUL_S, t = s % N_T;
        parts[0] = HANGUL_L + s / (N_V * N_T);
        parts[1] = HANGUL_V + s % (N_V * N_T) / N_T;
        parts[2] = HANGUL_T + t;
        return t == 0 ? 2 : 3;
    }
    const wn_unicode_record *record = wn_unicode_norm(c);
    uint32_t place = compatibility ? record->nfkd : record->nfd;
    if (place == 0) {
        parts[0] = c;
        return 1;
    }
    size_t n = wn_unicode_pool[place];
    for (size_t i = 0; i < n; i++)
        parts[i] = wn_unicode_pool[place + 1 + i];
    return n;
}

uint32_t wn_unicode_compose(uint32_t first, uint32_t second)
{
    if (first - HANGUL_L < N_L && second - HANGUL_V < N_V)
        return HANGUL_S + ((first - HANGUL_L) * N_V + (second - HANGUL_V)) * N_T;
    if (first - HANGUL_S < N_S && (first - HANGUL_S) % N_T == 0 && second - HANGUL_T - 1 < N_T - 1)
        return first + (second - HANGUL_T);
    size_t low = 0, high = wn_unicode_n_pairs;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const wn_unicode_pair *pair = &wn_unicode_pairs[mid];
        if (pair->first == first && pair->second == second)
            return pair->composed;
        if (pair->first < first || (pair->first == first && pair->second < second))
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}
