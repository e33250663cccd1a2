/* winnow bench: how fast a model ranks here, and what this machine can do at most. */
#include "bench/machine.h"
#include "bench/sweep.h"
#include "cli/bench_run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/process.h"
#include "base/str.h"
#include "base/thread.h"
#include "data/json_text.h"

#include <stdio.h>
#include <string.h>

#define WN_WHERE       "cli/bench"
#define NAME_SIZE      128
#define TEXTS_BYTES    (1 << 18) /* of a tokenizer's run */
#define TOKENIZER_RUNS 9

/* What all three ways of the command have. */
typedef struct bench {
    wn_program *program;
    bool json;
    wn_buf out;
    char processor[NAME_SIZE];
    wn_engine *engine;
    wn_runner *runner;
    wn_pool *pool; /* of the threads that a peak is measured with */
    wn_engine_info info;
    wn_runner_info runner_info;
} bench;

/* ---- writing --------------------------------------------------------------------------------- */

/* ,"key":number, in seven digits */
static void push_number(wn_buf *out, const char *key, double x)
{
    wn_buf_printf(out, ",\"%s\":%.7g", key, x);
}

static void push_text(wn_buf *out, const char *key, const char *text)
{
    wn_buf_printf(out, ",\"%s\":", key);
    wn_json_push_string(out, wn_str_from(text));
}

static bool is_coloured(const bench *b)
{
    return b->program->terminal.out_is_tty && b->program->terminal.colour;
}

/* The beginning of a line of the table. */
static void push_title(bench *b, const char *title)
{
    bool colour = is_coloured(b);
    wn_buf_printf(&b->out, " %s%-12s%s  ", colour ? "\033[2m" : "", title, colour ? "\033[0m" : "");
}

/* Write what has been made, and go on. */
static wn_status flush(bench *b, wn_error *err)
{
    WN_TRY(wn_program_write(b->program, &b->out, err));
    wn_buf_clear(&b->out);
    return WN_OK;
}

/* ---- the model ------------------------------------------------------------------------------- */

static wn_status open_engine(bench *b, wn_error *err)
{
    WN_TRY(wn_program_open_engine(&b->engine, b->program, err));
    return wn_engine_get_info(b->engine, &b->info, err);
}

static wn_status open_runner(bench *b, wn_error *err)
{
    WN_TRY(wn_program_open_runner(&b->runner, b->program, b->engine, err));
    return wn_runner_get_info(b->runner, &b->runner_info, err);
}

/* ---- a workload ------------------------------------------------------------------------------ */

static void push_run_table(bench *b, const wn_workload *w, const wn_bench_figures *f)
{
    wn_buf *out = &b->out;
    push_title(b, "model");
    wn_terminal_push_text(out, wn_str_from(b->info.model), WN_COLUMNS_UNLIMITED);
    wn_buf_push_byte(out, '\n');
    push_title(b, "workload");
    wn_terminal_push_text(out, wn_str_from(w->name), WN_COLUMNS_UNLIMITED);
    wn_buf_printf(out, ": %zu request%s, ", w->n, w->n == 1 ? "" : "s");
    wn_buf_push_count(out, w->n_documents);
    wn_buf_printf(out, " document%s, ", w->n_documents == 1 ? "" : "s");
    wn_buf_push_count(out, f->tokens);
    wn_buf_printf(out, " tokens\n");
    push_title(b, "machine");
    wn_terminal_push_text(out, wn_str_from(b->processor), WN_COLUMNS_UNLIMITED);
    wn_buf_printf(out, "; level %s, %s, %d thread%s, batches of ", b->info.cpu_level, b->info.dtype,
                  (int)b->runner_info.n_threads, b->runner_info.n_threads == 1 ? "" : "s");
    wn_buf_push_count(out, (uint64_t)b->runner_info.batch_tokens);
    wn_buf_printf(out, " tokens\n");
    push_title(b, "request");
    wn_buf_printf(out, "%.4g s median, %.4g fastest, %.4g slowest, of %zu pass%s\n", f->median,
                  f->min, f->max, f->n_passes, f->n_passes == 1 ? "" : "es");
    push_title(b, "rate");
    wn_buf_printf(out, "%.4g pairs a second, %.4g tokens a second, %.1f%% of the time tokenising\n",
                  (double)w->n_documents / f->pass_seconds, (double)f->tokens / f->pass_seconds,
                  100 * f->tokenize_share);
    push_title(b, "arithmetic");
    wn_buf_printf(out, "%.4g G operations, %.4g G a second", f->ops / 1e9,
                  f->ops / f->pass_seconds / 1e9);
    if (f->peak > 0)
        wn_buf_printf(out, ": %.1f%% of this machine's peak of %.4g",
                      100 * f->ops / f->pass_seconds / f->peak, f->peak / 1e9);
    wn_buf_push_byte(out, '\n');
    push_title(b, "load");
    wn_buf_printf(out, "%.3g s\n", f->load_seconds);
    push_title(b, "memory");
    wn_buf_printf(out, "%.1f MiB at most\n", (double)f->peak_bytes / (1 << 20));
}

static void push_run_json(bench *b, const wn_workload *w, const wn_bench_figures *f)
{
    wn_buf *out = &b->out;
    wn_buf_printf(out, "{\"winnow\":\"%s\"", wn_version());
    push_text(out, "processor", b->processor);
    push_text(out, "cpu_level", b->info.cpu_level);
    push_text(out, "dtype", b->info.dtype);
    push_text(out, "model", b->info.model);
    push_text(out, "fingerprint", b->info.fingerprint);
    push_text(out, "workload", w->name);
    wn_buf_printf(out,
                  ",\"threads\":%d,\"batch_tokens\":%d,\"requests\":%zu,\"documents\":%zu,"
                  "\"tokens\":%llu,\"passes\":%zu",
                  (int)b->runner_info.n_threads, (int)b->runner_info.batch_tokens, w->n,
                  w->n_documents, (unsigned long long)f->tokens, f->n_passes);
    wn_buf_printf(out, ",\"seconds_per_request\":{\"min\":%.7g,\"median\":%.7g,\"max\":%.7g}",
                  f->min, f->median, f->max);
    push_number(out, "pairs_per_second", (double)w->n_documents / f->pass_seconds);
    push_number(out, "tokens_per_second", (double)f->tokens / f->pass_seconds);
    push_number(out, "tokenize_share", f->tokenize_share);
    push_number(out, "operations", f->ops);
    push_number(out, "operations_per_second", f->ops / f->pass_seconds);
    if (f->peak > 0) {
        push_number(out, "peak_operations_per_second", f->peak);
        push_number(out, "share_of_peak", f->ops / f->pass_seconds / f->peak);
    }
    push_number(out, "load_seconds", f->load_seconds);
    wn_buf_printf(out, ",\"peak_memory_bytes\":%llu}\n", (unsigned long long)f->peak_bytes);
}

/* The machine's peak is measured before and after: it changes with what else the machine does. */
static wn_status measure_workload(bench *b, const wn_workload *workload, wn_error *err)
{
    wn_bench_figures figures = {0};
    size_t n_passes = (size_t)wn_args_int(&b->program->args, WN_OPT_REPEAT);
    uint64_t start_ns = wn_clock_ns();
    WN_TRY(open_engine(b, err));
    WN_TRY(open_runner(b, err));
    figures.load_seconds = (double)(wn_clock_ns() - start_ns) * 1e-9;
    WN_TRY(wn_pool_new(&b->pool, b->runner_info.n_threads, err));
    double before = wn_machine_peak(b->info.cpu_level, b->info.dtype, b->pool);
    WN_TRY(wn_bench_run(&figures, b->program, b->runner, &b->info, workload, n_passes, err));
    figures.peak = wn_machine_peak(b->info.cpu_level, b->info.dtype, b->pool);
    figures.peak = WN_MAX(figures.peak, before);
    figures.peak_bytes = wn_process_peak_bytes();
    (b->json ? push_run_json : push_run_table)(b, workload, &figures);
    return flush(b, err);
}

static wn_status bench_workload(bench *b, wn_error *err)
{
    wn_workload workload = WN_WORKLOAD_INIT;
    const char *path = wn_args_text(&b->program->args, WN_OPT_WORKLOAD);
    wn_status status = wn_workload_read(&workload, path, err);
    if (status == WN_OK)
        status = measure_workload(b, &workload, err);
    wn_workload_deinit(&workload);
    return status;
}

/* ---- the machine ----------------------------------------------------------------------------- */

static void push_peak(bench *b, const wn_peak *peak, double one, double all, bool first)
{
    const char *dtype = wn_dtype_name(peak->dtype);
    if (!b->json) {
        wn_buf_printf(&b->out, " %-12s  %-5s  %-28s  %12.4g  %12.4g\n", peak->level, dtype,
                      peak->instructions, one / 1e9, all / 1e9);
        return;
    }
    wn_buf_printf(&b->out,
                  "%s{\"level\":\"%s\",\"dtype\":\"%s\",\"instructions\":\"%s\","
                  "\"one_thread\":%.7g,\"all_threads\":%.7g}",
                  first ? "" : ",", peak->level, dtype, peak->instructions, one, all);
}

static void push_peak_head(bench *b, int32_t n_threads)
{
    char all[24];
    snprintf(all, sizeof all, "%d thread%s", (int)n_threads, n_threads == 1 ? "" : "s");
    if (b->json) {
        wn_buf_printf(&b->out, "{\"winnow\":\"%s\"", wn_version());
        push_text(&b->out, "processor", b->processor);
        wn_buf_printf(&b->out, ",\"threads\":%d,\"operations_per_second\":[", (int)n_threads);
        return;
    }
    wn_buf_printf(&b->out, " %s\n %-12s  %-5s  %-28s  %12s  %12s\n", b->processor, "level", "dtype",
                  "instructions", "1 thread", all);
}

static void push_read(bench *b, double one, double all)
{
    if (b->json)
        wn_buf_printf(&b->out,
                      "],\"bytes_read_per_second\":{\"one_thread\":%.7g,\"all_threads\":%.7g}}\n",
                      one, all);
    else
        wn_buf_printf(&b->out,
                      " %-12s  %-5s  %-28s  %12.4g  %12.4g\n"
                      " 10^9 operations a second, of which a multiplication and an addition are "
                      "two; of memory, 10^9 bytes a second\n",
                      "memory", "", "loads", one / 1e9, all / 1e9);
}

static wn_status bench_peak(bench *b, wn_error *err)
{
    size_t n;
    bool first = true;
    double one, all;
    const wn_peak *peaks = wn_peaks(&n);
    int32_t asked = (int32_t)wn_args_int(&b->program->args, WN_OPT_THREADS);
    WN_TRY(wn_pool_new(&b->pool, asked > 0 ? asked : wn_thread_count(), err));
    push_peak_head(b, wn_pool_n_threads(b->pool));
    for (size_t i = 0; i < n; i++) {
        if (!wn_peak_runs(&peaks[i]))
            continue;
        if (wn_program_should_stop(NULL))
            WN_FAIL(err, WN_ERR_CANCELLED, "stopped at %s", peaks[i].level);
        one = wn_machine_compute(&peaks[i], NULL);
        all = wn_machine_compute(&peaks[i], b->pool);
        push_peak(b, &peaks[i], one, all, first);
        first = false;
    }
    WN_TRY(wn_machine_read(&one, NULL, err));
    WN_TRY(wn_machine_read(&all, b->pool, err));
    push_read(b, one, all);
    return flush(b, err);
}

/* ---- operations ------------------------------------------------------------------------------ */

typedef struct ops_view {
    bench *bench;
    wn_progress progress;
    size_t n_rows;
    wn_status status; /* of writing, and why it failed */
    wn_error error;
} ops_view;

static void push_op_json(ops_view *view, const wn_sweep_row *row)
{
    wn_buf *out = &view->bench->out;
    wn_buf_printf(out, "%s\n {\"op\":\"%s\"", view->n_rows > 0 ? "," : "", row->op);
    push_text(out, "shape", row->shape);
    if (row->dtype[0] != '\0')
        push_text(out, "dtype", row->dtype);
    push_number(out, "seconds", row->seconds);
    push_text(out, "unit", row->unit);
    push_number(out, "per_second", row->amount / row->seconds);
    if (row->peak > 0)
        push_number(out, "share_of_peak", row->amount / row->seconds / row->peak);
    wn_buf_push_byte(out, '}');
}

/* Takes a row: a table grows line by line, JSON is written when it is whole. */
static bool take_row(void *user, const wn_sweep_row *row)
{
    ops_view *view = user;
    bench *b = view->bench;
    double rate = row->amount / row->seconds;
    if (b->json) {
        push_op_json(view, row);
    } else {
        wn_buf_printf(&b->out, " %-10s  %-5s  %-28s  %9.4g  %9.4g", row->op, row->dtype, row->shape,
                      row->seconds * 1e3, rate / 1e9);
        if (row->peak > 0)
            wn_buf_printf(&b->out, "  %6.1f%%", 100 * rate / row->peak);
        wn_buf_push_byte(&b->out, '\n');
        view->status = flush(b, &view->error);
    }
    wn_progress_update(&view->progress, ++view->n_rows, 0);
    return view->status == WN_OK && !wn_program_should_stop(NULL);
}

/* Texts of so many bytes each, as one job; the fastest of some runs. */
static wn_status time_tokenizer(ops_view *view, wn_runner *runner, const wn_str *texts, size_t n,
                                wn_error *err)
{
    char shape[64];
    uint64_t best_ns = UINT64_MAX;
    wn_request request = WN_REQUEST_INIT;
    request.query = WN_STR("water");
    request.documents = texts;
    request.n_documents = n;
    for (int i = 0; i < TOKENIZER_RUNS; i++) {
        wn_job *job = NULL;
        WN_TRY(wn_job_new(&job, runner, &request, err));
        uint64_t ns = wn_job_usage(job).tokenize_ns;
        best_ns = WN_MIN(best_ns, ns);
        wn_job_free(job);
    }
    snprintf(shape, sizeof shape, "%zu x %zu bytes", n, texts[0].len);
    wn_sweep_row row = {
        "tokenizer", shape, "", (double)WN_MAX(best_ns, 1) * 1e-9, (double)(n * texts[0].len),
        "bytes",     0};
    if (!take_row(view, &row))
        WN_FAIL(err, WN_ERR_CANCELLED, "stopped at the tokenizer");
    return WN_OK;
}

/* The texts of the built-in workload, end to end, cut into texts of several lengths. */
static wn_status sweep_tokenizer(ops_view *view, wn_runner *runner, wn_error *err)
{
    static const size_t lengths[] = {64, 512, 4096, 32768};
    wn_workload workload = WN_WORKLOAD_INIT;
    wn_buf text = WN_BUF_INIT;
    wn_str *texts = wn_mem_alloc(TEXTS_BYTES / lengths[0], sizeof *texts);
    wn_status status;
    WN_TRY_OUT(wn_workload_read(&workload, NULL, err));
    for (size_t i = 0; text.len < TEXTS_BYTES && !text.failed; i++) {
        wn_buf_push_str(&text, workload.at[0].asked.texts[i % workload.n_documents]);
        wn_buf_push_byte(&text, ' ');
    }
    if (texts == NULL || text.failed)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for %d bytes of text", TEXTS_BYTES);
    for (size_t l = 0; l < WN_ARRAY_LEN(lengths); l++) {
        size_t n = TEXTS_BYTES / lengths[l];
        for (size_t i = 0; i < n; i++)
            texts[i] = (wn_str){text.ptr + i * lengths[l], lengths[l]};
        WN_TRY_OUT(time_tokenizer(view, runner, texts, n, err));
    }
out:
    wn_mem_free(texts);
    wn_buf_deinit(&text);
    wn_workload_deinit(&workload);
    return status;
}

static wn_status sweep(ops_view *view, wn_error *err)
{
    bench *b = view->bench;
    const wn_args *args = &b->program->args;
    bool one_dtype = wn_args_has(args, WN_OPT_DTYPE) && strcmp(wn_program_dtype(args), "auto") != 0;
    wn_runner_options options = WN_RUNNER_OPTIONS_INIT;
    options.n_threads = 1;
    options.tokenize_only = true;
    WN_TRY(wn_runner_new(&b->runner, b->engine, &options, err));
    WN_TRY(wn_sweep_run(b->info.cpu_level, one_dtype ? b->info.dtype : NULL, take_row, view, err));
    return sweep_tokenizer(view, b->runner, err);
}

static wn_status bench_ops(bench *b, wn_error *err)
{
    wn_terminal drawn = b->program->terminal;
    ops_view view = {.bench = b};
    WN_TRY(open_engine(b, err));
    if (b->json) {
        wn_buf_printf(&b->out, "{\"winnow\":\"%s\"", wn_version());
        push_text(&b->out, "processor", b->processor);
        push_text(&b->out, "cpu_level", b->info.cpu_level);
        wn_buf_printf(&b->out, ",\"threads\":1,\"operations\":[");
    } else {
        drawn.progress = drawn.progress && !drawn.out_is_tty;
        wn_buf_printf(&b->out, " %s, level %s, 1 thread\n %-10s  %-5s  %-28s  %9s  %9s  %7s\n",
                      b->processor, b->info.cpu_level, "operation", "dtype", "shape", "ms", "G/s",
                      "of peak");
    }
    wn_progress_begin(&view.progress, &drawn, "operations");
    wn_status status = sweep(&view, err);
    wn_progress_end(&view.progress);
    if (view.status != WN_OK)
        *err = view.error;
    WN_TRY(view.status);
    WN_TRY(status);
    wn_buf_printf(&b->out, b->json
                               ? "\n]}\n"
                               : " G/s: 10^9 operations, elements, or bytes of text a second\n");
    return flush(b, err);
}

/* ---- the command ----------------------------------------------------------------------------- */

static wn_status check_options(const wn_args *args, wn_error *err)
{
    bool peak = wn_args_has(args, WN_OPT_PEAK), ops = wn_args_has(args, WN_OPT_OPS);
    if (peak && ops)
        WN_FAIL(err, WN_ERR_ARGUMENT, "--peak and --ops exclude each other");
    if ((peak || ops) && wn_args_has(args, WN_OPT_WORKLOAD))
        WN_FAIL(err, WN_ERR_ARGUMENT, "--workload and --%s exclude each other",
                peak ? "peak" : "ops");
    return WN_OK;
}

wn_status wn_cmd_bench(wn_program *program, wn_error *err)
{
    const wn_args *args = &program->args;
    bench b = {.program = program,
               .json = wn_args_int(args, WN_OPT_REPORT_FORMAT) == 1,
               .info = WN_ENGINE_INFO_INIT,
               .runner_info = WN_RUNNER_INFO_INIT};
    WN_TRY(check_options(args, err));
    wn_machine_name(b.processor, sizeof b.processor);
    wn_status status = wn_args_has(args, WN_OPT_PEAK)  ? bench_peak(&b, err)
                       : wn_args_has(args, WN_OPT_OPS) ? bench_ops(&b, err)
                                                       : bench_workload(&b, err);
    wn_buf_deinit(&b.out);
    wn_pool_free(b.pool);
    wn_runner_free(b.runner);
    wn_engine_close(b.engine);
    return status;
}
