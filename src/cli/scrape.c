/* See scrape.h. */
#include "cli/scrape.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WN_WHERE    "cli/scrape"
#define BUCKETS_MAX 64

wn_status wn_scrape_read(wn_scrape *scrape, uint64_t at_ns, wn_error *err)
{
    wn_str rest = wn_buf_str(&scrape->text);
    wn_sample sample;
    size_t cap = 0;
    wn_mem_free(scrape->samples);
    scrape->samples = NULL;
    scrape->n_samples = 0;
    scrape->at_ns = at_ns;
    while (wn_exposition_next(&rest, &sample)) {
        if (!wn_mem_grow(&scrape->samples, &cap, scrape->n_samples + 1, sizeof sample))
            WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu samples", scrape->n_samples + 1);
        scrape->samples[scrape->n_samples++] = sample;
    }
    if (scrape->n_samples == 0)
        WN_FAIL(err, WN_ERR_FORMAT, "the answer has no metrics");
    return WN_OK;
}

void wn_scrape_deinit(wn_scrape *scrape)
{
    wn_mem_free(scrape->samples);
    wn_buf_deinit(&scrape->text);
    *scrape = (wn_scrape){0};
}

/* Whether the value of the label is the one that is wanted. */
static bool has_label(const wn_sample *sample, const char *label, const char *value)
{
    if (label == NULL)
        return true;
    wn_str got = wn_sample_label(sample, label), want = wn_str_from(value);
    if (want.len > 0 && want.ptr[want.len - 1] == '*')
        return wn_str_starts(got, wn_str_slice(want, 0, want.len - 1));
    return wn_str_equal(got, want);
}

/* Whether the sample is of the family with this behind its name, and chosen. */
static bool is_chosen(const wn_sample *sample, wn_choice choice, const char *suffix)
{
    wn_str name = wn_str_from(choice.family), end = wn_str_from(suffix);
    return sample->name.len == name.len + end.len && wn_str_starts(sample->name, name) &&
           wn_str_ends(sample->name, end) && has_label(sample, choice.label, choice.value);
}

static double sum_of(const wn_scrape *scrape, wn_choice choice, const char *suffix)
{
    double sum = NAN;
    for (size_t i = 0; i < scrape->n_samples; i++)
        if (is_chosen(&scrape->samples[i], choice, suffix))
            sum = (isnan(sum) ? 0 : sum) + scrape->samples[i].value;
    return sum;
}

double wn_scrape_sum(const wn_scrape *scrape, wn_choice choice)
{
    return sum_of(scrape, choice, "");
}

/* How much a counter grew. */
static double growth(const wn_scrape *now, const wn_scrape *before, wn_choice choice,
                     const char *suffix)
{
    double after = sum_of(now, choice, suffix), first = sum_of(before, choice, suffix);
    return isnan(first) || first > after ? after : after - first;
}

double wn_scrape_rate(const wn_scrape *now, const wn_scrape *before, wn_choice choice)
{
    double seconds = (double)(now->at_ns - before->at_ns) / 1e9;
    return growth(now, before, choice, "") / seconds;
}

double wn_scrape_mean(const wn_scrape *now, const wn_scrape *before, wn_choice choice)
{
    double n = growth(now, before, choice, "_count");
    return n > 0 ? growth(now, before, choice, "_sum") / n : NAN;
}

typedef struct bucket {
    double bound, n; /* observations up to the bound */
} bucket;

static double bound_of(const wn_sample *sample)
{
    char text[32];
    wn_str le = wn_sample_label(sample, "le");
    if (le.len == 0 || le.len >= sizeof text)
        return NAN;
    snprintf(text, sizeof text, "%.*s", (int)le.len, le.ptr);
    return strtod(text, NULL);
}

/* Add a scrape's buckets; series of several labels come together by their bounds. */
static size_t add_buckets(bucket *buckets, size_t n, const wn_scrape *scrape, wn_choice choice)
{
    for (size_t i = 0; i < scrape->n_samples; i++) {
        if (!is_chosen(&scrape->samples[i], choice, "_bucket"))
            continue;
        double bound = bound_of(&scrape->samples[i]);
        size_t k = 0;
        while (k < n && buckets[k].bound != bound)
            k++;
        if (k == n && (isnan(bound) || n == BUCKETS_MAX))
            continue;
        if (k == n)
            buckets[n++] = (bucket){bound, 0};
        buckets[k].n += scrape->samples[i].value;
    }
    return n;
}

static int compare_bounds(const void *a, const void *b)
{
    double x = ((const bucket *)a)->bound, y = ((const bucket *)b)->bound;
    return (x > y) - (x < y);
}

double wn_scrape_quantile(const wn_scrape *now, const wn_scrape *before, wn_choice choice, double q)
{
    bucket after[BUCKETS_MAX], first[BUCKETS_MAX];
    size_t n = add_buckets(after, 0, now, choice), m = add_buckets(first, 0, before, choice);
    qsort(after, n, sizeof *after, compare_bounds);
    qsort(first, m, sizeof *first, compare_bounds);
    bool same = n == m && n > 0 && first[n - 1].n <= after[n - 1].n;
    for (size_t i = 0; same && i < n; i++) /* of another server's start: all of it is new */
        same = first[i].bound == after[i].bound;
    for (size_t i = 0; same && i < n; i++)
        after[i].n -= first[i].n;
    double total = n > 0 ? after[n - 1].n : 0, wanted = q * total;
    if (!(total > 0))
        return NAN;
    size_t i = 0;
    while (i + 1 < n && after[i].n < wanted)
        i++;
    if (isinf(after[i].bound))
        return i > 0 ? after[i - 1].bound : NAN;
    double low = i > 0 ? after[i - 1].bound : 0, below = i > 0 ? after[i - 1].n : 0;
    double within = after[i].n - below;
    return within > 0 ? low + (after[i].bound - low) * (wanted - below) / within : after[i].bound;
}

wn_str wn_scrape_label(const wn_scrape *scrape, const char *family, const char *label)
{
    for (size_t i = 0; i < scrape->n_samples; i++)
        if (is_chosen(&scrape->samples[i], (wn_choice){.family = family}, ""))
            return wn_sample_label(&scrape->samples[i], label);
    return (wn_str){0};
}
