/* The handlers of the route table, by the file api_NAME.c that has them.
 * Thread rule: as their route says, on an I/O thread or on a worker. */
#ifndef WN_SERVE_API_H
#define WN_SERVE_API_H

#include "serve/route.h"

/* api_rank.c: a call of any dialect through the scheduler. */
wn_handler wn_api_rank, wn_api_rank_resume;

/* Whether a request whose head is there would be admitted, as far as its length tells; a false one
 * is a problem.
 * Thread:  I/O. */
bool wn_api_rank_foresee(struct wn_exchange *x);

/* How many of the sequences of a request are scored.
 * Needs:   its tickets are submitted.
 * Thread:  any. */
void wn_api_rank_progress(const struct wn_exchange *x, uint64_t *n_done, uint64_t *n_total);

/* The client does not wait any more. */
void wn_api_rank_cancel(struct wn_exchange *x);

/* api_rank.c: what a call would cost, without scoring it. */
wn_handler wn_api_estimate;

/* api_health.c */
wn_handler wn_api_live, wn_api_ready, wn_api_startup, wn_api_nim_live, wn_api_nim_ready;

/* api_tei.c */
wn_handler wn_api_info, wn_api_tokenize, wn_api_decode;

/* api_tei.c: the fields that TEI's answers have; nothing to other answers.
 * Needs:   x->times and x->bill are set. */
void wn_tei_push_fields(struct wn_exchange *x);

/* api_docs.c */
wn_handler wn_api_openapi, wn_api_docs;

/* api_web.c: pages for people. */
wn_handler wn_api_root, wn_api_page, wn_api_web_file;

/* api_limits.c */
wn_handler wn_api_limits;
extern const wn_form wn_form_limits;

/* api_reports.c */
wn_handler wn_api_reports, wn_api_report;
extern const wn_form wn_form_reports, wn_form_report;

/* api_metrics.c */
wn_handler wn_api_metrics;

/* api_keys.c: for administrators. */
wn_handler wn_api_keys_list, wn_api_keys_create, wn_api_keys_show, wn_api_keys_update,
    wn_api_keys_revoke, wn_api_keys_rotate;
extern const wn_form wn_form_key_list, wn_form_key_create, wn_form_key, wn_form_key_update,
    wn_form_key_rotate;

/* api_usage.c */
wn_handler wn_api_usage, wn_api_usage_errors, wn_api_usage_statement;
extern const wn_form wn_form_usage, wn_form_usage_errors, wn_form_usage_statement;

/* api_own_key.c */
wn_handler wn_api_own_key;
extern const wn_form wn_form_own_key;

/* api_models.c */
wn_handler wn_api_models, wn_api_model, wn_api_cluster_auth;

/* api_model_set.c: for administrators. */
wn_handler wn_api_models_list, wn_api_models_load, wn_api_models_show, wn_api_models_remove;
extern const wn_form wn_form_model_list, wn_form_model_load, wn_form_model, wn_form_model_gone;

#endif
