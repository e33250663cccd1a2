/* Tasks for a scheduler and a machine that runs its batches in virtual time.
 * Thread rule: test thread only. */
#ifndef WN_TESTS_CHECK_SCHED_H
#define WN_TESTS_CHECK_SCHED_H

#include "serve/sched.h"

enum { CHECK_BATCH_TOKENS = 1000, CHECK_BATCH_ROWS = 100, CHECK_QUANTUM = 500 };

/* One batch at a time, so many nanoseconds a token. */
typedef struct check_machine {
    wn_sched *sched;
    uint64_t now_ns, ns_per_token, tokens; /* tokens: run so far */
    wn_sched_row rows[CHECK_BATCH_ROWS];
    size_t n_rows; /* of the batch that runs */
    uint64_t began_ns;
} check_machine;

/* A machine of 10,000 tokens a second; changes to the options first. */
check_machine check_machine_new(void (*change)(wn_sched_options *options));

/* All tasks have been given back. */
void check_machine_free(check_machine *machine);

/* A task of n_rows rows of equal length without a deadline, not prepared; freed with free(). */
wn_task *check_task(uint64_t flow, uint32_t n_rows, uint32_t tokens);

/* Its row lengths, to change them. */
uint32_t *check_tokens(wn_task *task);

/* Prepare and submit a task. */
wn_admission check_try(check_machine *machine, wn_task *task, uint64_t *wait_ns);

/* Submit a task, which has to be admitted. */
void check_submit(check_machine *machine, wn_task *task);

/* Begin a batch, end it (time goes on), do both.  Returns its rows. */
size_t check_begin(check_machine *machine);
void check_end(check_machine *machine);
size_t check_run(check_machine *machine);

/* Rows of a task in the last batch. */
size_t check_rows_of(const check_machine *machine, const wn_task *task);

/* The next task that is over is this one, with this outcome and so many rows done; frees it. */
void check_finished(check_machine *machine, wn_task *task, wn_outcome outcome, size_t n_done);

/* Run until nothing waits, and free all tasks. */
void check_drain(check_machine *machine);

#endif
