/* The handlers of the route table, by the file api_NAME.c that has them.
 * Thread rule: as their route says, on an I/O thread or on a worker. */
#ifndef WN_SERVE_API_H
#define WN_SERVE_API_H

#include "serve/route.h"

/* api_rank.c: a call of any dialect through the scheduler. */
wn_handler wn_api_rank, wn_api_rank_resume;

/* api_health.c */
wn_handler wn_api_live, wn_api_ready, wn_api_startup;

/* api_models.c */
wn_handler wn_api_models, wn_api_model;

#endif
