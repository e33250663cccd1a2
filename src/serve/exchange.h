/* One request on its way through the server, from its head to its answer.  It belongs to one thread
 * at a time and is handed on by queues: I/O thread, worker, scheduler, worker, I/O thread.  Only
 * `gone` is touched by two at once.  A handler answers by filling `reply`, or `problem`, which the
 * request's dialect turns into a reply.
 * Thread rule: one at a time. */
#ifndef WN_SERVE_EXCHANGE_H
#define WN_SERVE_EXCHANGE_H

#include "base/flag.h"
#include "base/queue.h"
#include "serve/accounts.h"
#include "serve/forwarded.h"
#include "serve/model_set.h"
#include "serve/reply.h"
#include "serve/route.h"

struct wn_service;

/* What a request is charged for. */
typedef struct wn_bill {
    uint64_t documents, tokens, cached_tokens;
} wn_bill;

/* How long its stages took. */
typedef struct wn_times {
    uint64_t parse_ns, tokenize_ns, queue_ns, compute_ns;
} wn_times;

typedef struct wn_exchange {
    wn_queue_item item; /* first: it waits in queues */
    struct wn_service *service;
    void (*answered)(struct wn_exchange *x); /* called on any thread when reply is complete */
    void *owner;                             /* of the connection */

    /* The request; the connection keeps it until the answer is sent. */
    const wn_http_request *request;
    wn_buf body;
    wn_route_match match;
    const wn_dialect *dialect;
    wn_identity identity;
    bool begun; /* it was charged as a request, and has to be settled */
    char request_id[130];
    char peer[WN_ADDRESS_MAX + 1];   /* address at the other end of the connection */
    char client[WN_ADDRESS_MAX + 1]; /* of who sends the request, maybe through proxies */
    wn_flag gone;                    /* the client does not wait any more */

    /* What handlers make of it. */
    wn_arena arena;
    json_t *json;
    wn_rank_call call; /* the first of calls, or the only one */
    wn_calls calls;
    wn_ticket *tickets; /* [n_tickets] in arena: one a call, and one more a call that explains */
    size_t n_tickets;
    wn_countdown pending;          /* tickets that are not yet done */
    wn_model *model;               /* taken for it; NULL: none */
    wn_backend *backend;           /* of the model, and of the tickets */
    wn_flag submitted;             /* tickets and backend are there */
    wn_flag explaining;            /* those that explain are there too */
    struct wn_explain_plan *plans; /* [calls.n] in arena, while it explains */
    bool resumed;                  /* the scheduler is done with it */
    int32_t worker;                /* that works on it, 0.. */
    wn_problem problem;
    wn_reply reply;
    uint64_t began_ns, parsed_ns, deadline_ns; /* of wn_clock_ns() */
    size_t bytes_in;
    uint64_t held_bytes; /* taken from the service's budget */
    wn_bill bill;
    wn_times times;
} wn_exchange;

/* Make it ready for a request; only service, answered, owner and peer are kept. */
void wn_exchange_begin(wn_exchange *x, const wn_http_request *request, uint64_t now_ns);

/* Free what the request needed. */
void wn_exchange_end(wn_exchange *x);

/* Give the answer its last touch: a problem becomes a reply in the dialect's shape, the fields that
 * every answer has are added. */
void wn_exchange_seal(wn_exchange *x);

/* Add the fields that every answer has. */
void wn_exchange_push_fields(const wn_exchange *x, wn_reply *reply);

/* Set x->dialect by the request's head and, once there is one, its body. */
void wn_exchange_choose_dialect(wn_exchange *x);

/* Parse the body as JSON into x->json; false, and a problem, when it is none or says that it is of
 * another kind. */
bool wn_exchange_parse(wn_exchange *x);

/* Parse the body by the form of the route into the struct that its fields are of; an empty body is
 * one without fields.  False, and a problem, when it is wrong. */
bool wn_exchange_read_form(wn_exchange *x, void *out);

/* The same with the parameters of the query, each of which is a string. */
bool wn_exchange_read_query(wn_exchange *x, void *out);

/* Answer with a JSON text. */
void wn_exchange_reply_json(wn_exchange *x, int status);

#endif
