/* Two answers of /metrics, and what happened between them: gauges of the later one, rates of
 * counters, percentiles of histograms.  A family that the server does not have is no number (NAN),
 * so that nobody mistakes it for zero.  Pure.
 * Thread rule: one at a time. */
#ifndef WN_CLI_SCRAPE_H
#define WN_CLI_SCRAPE_H

#include "base/buf.h"
#include "base/status.h"
#include "cli/exposition.h"

/* One answer. */
typedef struct wn_scrape {
    wn_buf text;
    wn_sample *samples; /* [n_samples] slices of text */
    size_t n_samples;
    uint64_t at_ns;
} wn_scrape;

/* Which samples of a family: those whose label has the value; label NULL: all.  An end of the value
 * may be left out: "5*" is every status from 500 on. */
typedef struct wn_choice {
    const char *family, *label, *value;
} wn_choice;

/* The samples of scrape->text.
 * Fails:   WN_ERR_MEMORY, WN_ERR_FORMAT when there are none.
 * Owns:    caller frees with wn_scrape_deinit(). */
WN_MUST_USE wn_status wn_scrape_read(wn_scrape *scrape, uint64_t at_ns, wn_error *err);

/* Free; a scrape of zeros is allowed. */
void wn_scrape_deinit(wn_scrape *scrape);

/* The sum of the samples that are chosen. */
double wn_scrape_sum(const wn_scrape *scrape, wn_choice choice);

/* How much that grew in a second; a counter that starts again counts from zero. */
double wn_scrape_rate(const wn_scrape *now, const wn_scrape *before, wn_choice choice);

/* The mean of what a histogram observed between two scrapes. */
double wn_scrape_mean(const wn_scrape *now, const wn_scrape *before, wn_choice choice);

/* A quantile of it, q in 0..1, by straight lines within its buckets, as histogram_quantile() of
 * Prometheus has it; beyond the last bound, that bound.  NAN when nothing was observed. */
double wn_scrape_quantile(const wn_scrape *now, const wn_scrape *before, wn_choice choice,
                          double q);

/* The value of a label of the first sample of a family; empty when there is none. */
wn_str wn_scrape_label(const wn_scrape *scrape, const char *family, const char *label);

#endif
