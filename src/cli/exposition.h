/* Reads what a server tells Prometheus: samples, one a line.  Lines that are none, comments and
 * what is broken, are passed over.  Pure: slices of the text, nothing is decoded or kept.
 * Source:  Prometheus text exposition format 0.0.4.
 * Thread rule: any. */
#ifndef WN_CLI_EXPOSITION_H
#define WN_CLI_EXPOSITION_H

#include "base/str.h"

typedef struct wn_sample {
    wn_str name;
    wn_str labels; /* between the braces, as written; empty: none */
    double value;  /* may be infinite or no number */
} wn_sample;

/* Take the next sample off a text; false at its end. */
bool wn_exposition_next(wn_str *text, wn_sample *out);

/* The value of a label as it is written, escapes and all; empty when there is none. */
wn_str wn_sample_label(const wn_sample *sample, const char *name);

#endif
