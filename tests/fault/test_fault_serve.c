/* The server's pure parts under failing allocations. */
#include "tests/fault/fault.h"
#include "tests/support/check_sched.h"

/* Only making a scheduler allocates. */
static wn_status schedule(void *arg, wn_error *err)
{
    wn_sched_options options = WN_SCHED_OPTIONS_DEFAULT;
    wn_task *task = arg;
    wn_sched_row rows[4];
    uint64_t wait_ns;
    wn_sched *sched = NULL;
    options.batch_tokens = 100;
    options.batch_rows = 4;
    wn_status status = wn_sched_new(&sched, &options, err);
    if (status == WN_OK) {
        wn_sched_prepare(task);
        (void)wn_sched_submit(sched, task, 0, &wait_ns);
        size_t n = wn_sched_next_batch(sched, rows, 0, 0, &wait_ns);
        wn_sched_done(sched, rows, n, 1, 1);
        (void)wn_sched_pop_finished(sched);
    }
    wn_sched_free(sched);
    return status;
}

static void scheduling_allocates_at_the_beginning_only(void **state)
{
    (void)state;
    wn_task *task = check_task(1, 3, 10);
    char why[256] = "";
    long n = fault_loop(why, sizeof why, schedule, task);
    free(task);
    if (n != 3)
        fail_msg("%ld allocations, expected 3 %s", n, why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scheduling_allocates_at_the_beginning_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
