/* What a client is told of its limits: response fields behind a decision, and the problem that
 * refuses a request.
 * Source:  draft-ietf-httpapi-ratelimit-headers-10 (RateLimit, RateLimit-Policy), RFC 9110 section
 *          10.2.3 (Retry-After), OpenAI's X-RateLimit fields, the hosted API's error catalogue.
 * Thread rule: one at a time per reply or problem. */
#ifndef WN_SERVE_LIMIT_REPLY_H
#define WN_SERVE_LIMIT_REPLY_H

#include "serve/limiter.h"
#include "serve/problem.h"
#include "serve/quota.h"
#include "serve/reply.h"

/* Append RateLimit and RateLimit-Policy for each rate that has a limit, and with x_fields
 * X-RateLimit-{Limit,Remaining,Reset}-{Requests,Tokens} as well. */
bool wn_limit_push_fields(wn_reply *reply, const wn_decision *decision, bool x_fields);

/* Refuse a request that a decision did not allow: status 429, and when to come again, up to a tenth
 * later by jitter (any number), so that those who were refused together do not come together.  A
 * request that is larger than the burst has no such time. */
void wn_limit_refuse(wn_problem *problem, const wn_decision *decision, const wn_cost *cost,
                     uint64_t jitter);

/* Refuse a request for which wn_limiter_enter() gave false: status 429. */
void wn_limit_refuse_entry(wn_problem *problem, const wn_limits *limits);

/* Refuse a request that a quota does not allow: with this status, 403 or 402. */
void wn_limit_refuse_quota(wn_problem *problem, wn_quota_outcome outcome,
                           const wn_key_limits *limits, int status);

#endif
