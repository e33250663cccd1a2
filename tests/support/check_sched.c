/* See check_sched.h. */
#include "tests/support/check.h"
#include "tests/support/check_sched.h"

check_machine check_machine_new(void (*change)(wn_sched_options *options))
{
    check_machine machine = {.ns_per_token = 100000};
    wn_sched_options options = WN_SCHED_OPTIONS_DEFAULT;
    wn_error err;
    options.batch_tokens = CHECK_BATCH_TOKENS;
    options.batch_rows = CHECK_BATCH_ROWS;
    options.quantum_tokens = CHECK_QUANTUM;
    options.tokens_per_s = 10000;
    if (change != NULL)
        change(&options);
    assert_ok(wn_sched_new(&machine.sched, &options, &err), &err);
    return machine;
}

void check_machine_free(check_machine *machine)
{
    wn_sched_stats stats = wn_sched_look(machine->sched);
    assert_true(stats.tasks == 0 && stats.flows == 0 && stats.running_rows == 0);
    assert_true(stats.waiting_rows == 0 && stats.waiting_tokens == 0);
    assert_null(wn_sched_pop_finished(machine->sched));
    wn_sched_free(machine->sched);
}

wn_task *check_task(uint64_t flow, uint32_t n_rows, uint32_t tokens)
{
    wn_task *task = calloc(1, sizeof *task + 2 * n_rows * sizeof(uint32_t));
    assert_non_null(task);
    uint32_t *room = (uint32_t *)(void *)(task + 1);
    *task = (wn_task){.flow = flow,
                      .weight = 1,
                      .deadline_ns = UINT64_MAX,
                      .row_tokens = room,
                      .order = room + n_rows,
                      .n_rows = n_rows};
    for (uint32_t i = 0; i < n_rows; i++)
        room[i] = tokens;
    return task;
}

uint32_t *check_tokens(wn_task *task)
{
    return (uint32_t *)(void *)(task + 1);
}

wn_admission check_try(check_machine *machine, wn_task *task, uint64_t *wait_ns)
{
    wn_sched_prepare(task);
    return wn_sched_submit(machine->sched, task, machine->now_ns, wait_ns);
}

void check_submit(check_machine *machine, wn_task *task)
{
    assert_int_equal(check_try(machine, task, NULL), WN_ADMITTED);
}

size_t check_begin(check_machine *machine)
{
    uint64_t wake_ns;
    machine->began_ns = machine->now_ns;
    machine->n_rows =
        wn_sched_next_batch(machine->sched, machine->rows, 0, machine->now_ns, &wake_ns);
    assert_true(wake_ns == UINT64_MAX && machine->n_rows <= CHECK_BATCH_ROWS);
    return machine->n_rows;
}

void check_end(check_machine *machine)
{
    uint64_t tokens = 0;
    for (size_t i = 0; i < machine->n_rows; i++)
        tokens += machine->rows[i].task->row_tokens[machine->rows[i].row];
    assert_true(tokens <= CHECK_BATCH_TOKENS);
    machine->tokens += tokens;
    machine->now_ns = machine->began_ns + tokens * machine->ns_per_token;
    wn_sched_done(machine->sched, machine->rows, machine->n_rows, machine->now_ns,
                  machine->now_ns - machine->began_ns);
}

size_t check_run(check_machine *machine)
{
    size_t n = check_begin(machine);
    if (n > 0)
        check_end(machine);
    return n;
}

size_t check_rows_of(const check_machine *machine, const wn_task *task)
{
    size_t n = 0;
    for (size_t i = 0; i < machine->n_rows; i++)
        n += machine->rows[i].task == task;
    return n;
}

void check_finished(check_machine *machine, wn_task *task, wn_outcome outcome, size_t n_done)
{
    assert_ptr_equal(wn_sched_pop_finished(machine->sched), task);
    assert_int_equal(task->outcome, outcome);
    assert_int_equal(task->n_done, n_done);
    free(task);
}

void check_drain(check_machine *machine)
{
    while (check_run(machine) > 0)
        ;
    for (wn_task *task; (task = wn_sched_pop_finished(machine->sched)) != NULL;)
        free(task);
}
