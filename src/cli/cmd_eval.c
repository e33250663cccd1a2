/* winnow eval: how good are the orders of a model, and of BM25, on sets of judged queries.
 * All sets are read and the files opened before anything is scored, so that a mistake in the last
 * of them does not cost an hour. */
#include "cli/part_file.h"
#include "cli/program.h"

#include "base/mem.h"
#include "base/str.h"
#include "data/json_text.h"
#include "eval/report.h"
#include "eval/scorer.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#define WN_WHERE "cli/cmd_eval"

/* A file that is there whole or not at all; path NULL: not asked for. */
typedef struct eval_file {
    wn_part_file part;
    wn_sink sink;
} eval_file;

typedef struct eval_run {
    wn_program *program;
    const wn_dataset **sets; /* [n_sets] */
    size_t n_sets;
    wn_engine *engine; /* NULL with --bm25-only */
    wn_scorer scorer;
    wn_evaluation *evaluation;
    eval_file page, scores;
    wn_buf line; /* of the scores; scratch */
    wn_progress progress;
    char noun[64]; /* what the progress counts */
} eval_run;

static wn_status open_sets(eval_run *run, wn_error *err)
{
    const wn_args *args = &run->program->args;
    run->sets = wn_mem_zalloc(args->n_operands, sizeof(const wn_dataset *));
    if (run->sets == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu sets", args->n_operands);
    for (; run->n_sets < args->n_operands; run->n_sets++)
        WN_TRY(wn_dataset_open(&run->sets[run->n_sets], args->operands[run->n_sets], err));
    return WN_OK;
}

/* Called for each query: begin a line of progress with the first of a set, end it with the last. */
static void show_progress(void *user, const char *set, size_t n_done, size_t n_queries)
{
    eval_run *run = user;
    if (n_done == 1) {
        snprintf(run->noun, sizeof run->noun, "queries of %s", set);
        wn_progress_begin(&run->progress, &run->program->terminal, run->noun);
    }
    wn_progress_update(&run->progress, n_done, n_queries);
    if (n_done == n_queries)
        wn_progress_end(&run->progress);
}

/* Score a topic and write a line of its candidates' scores, in their order. */
static wn_status score(void *arg, double *scores, const wn_dataset *set, const wn_topic *topic,
                       size_t n, size_t *notes, wn_error *err)
{
    eval_run *run = arg;
    wn_buf *line = &run->line;
    WN_TRY(wn_scorer_score(&run->scorer, scores, set, topic, n, notes, err));
    if (run->scores.part.path == NULL)
        return WN_OK;
    wn_buf_clear(line);
    wn_buf_printf(line, "{\"set\": ");
    wn_json_push_string(line, wn_str_from(set->name));
    wn_buf_printf(line, ", \"qid\": ");
    wn_json_push_string(line, set->queries[topic->query].id);
    for (size_t i = 0; i < n; i++) {
        wn_buf_printf(line, i == 0 ? ", \"scores\": [" : ", ");
        if (scores[i] > -DBL_MAX)
            wn_json_push_float(line, (float)scores[i]);
        else
            wn_buf_printf(line, "null");
    }
    if (!wn_buf_push_str(line, WN_STR("]}\n")))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a line of %zu scores", n);
    return wn_sink_write(&run->scores.sink, wn_buf_str(line), err);
}

/* The last part of a model's path, which is what a column has room for. */
static const char *short_name(const char *model)
{
    const char *slash = strrchr(model, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : model;
}

static wn_status open_model(eval_run *run, wn_evaluation_options *options, wn_error *err)
{
    static const char *const ways[] = {"window", "truncate", "error"};
    int64_t way = wn_args_int(&run->program->args, WN_OPT_LONG_DOCS);
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    WN_TRY(wn_program_open_engine(&run->engine, run->program, err));
    WN_TRY(wn_program_open_runner(&run->scorer.runner, run->program, run->engine, err));
    WN_TRY(wn_engine_get_info(run->engine, &info, err));
    run->scorer.long_docs = (wn_long_docs)way;
    run->scorer.should_stop = wn_program_should_stop;
    options->model = short_name(info.model);
    options->long_docs = ways[way];
    options->instruction = wn_args_text(&run->program->args, WN_OPT_INSTRUCTION);
    if (options->instruction != NULL && options->instruction[0] == '\0')
        options->instruction = NULL;
    if (options->instruction != NULL)
        run->scorer.instruction = wn_str_from(options->instruction);
    options->scorer = score;
    options->scorer_arg = run;
    return WN_OK;
}

static wn_status open_file(eval_file *file, const char *path, wn_error *err)
{
    return path == NULL ? WN_OK : wn_part_file_open(&file->part, &file->sink, path, false, err);
}

static wn_status commit_file(eval_file *file, wn_error *err)
{
    return file->part.path == NULL ? WN_OK : wn_part_file_commit(&file->part, &file->sink, err);
}

/* Close what is left of a run; *status and err keep the first failure. */
static void close_file(eval_file *file, wn_status *status, wn_error *err)
{
    wn_status closed =
        wn_part_file_deinit(&file->part, &file->sink, false, *status == WN_OK ? err : NULL);
    *status = *status == WN_OK ? closed : *status;
}

static wn_status write_page(eval_run *run, const wn_report *report, wn_error *err)
{
    wn_buf page = WN_BUF_INIT;
    wn_status status = WN_OK;
    if (!wn_report_push_html(&page, report))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for the page");
    WN_TRY_OUT(wn_sink_write(&run->page.sink, wn_buf_str(&page), err));
out:
    wn_buf_deinit(&page);
    return status;
}

static wn_status write_report(eval_run *run, const wn_report *report, wn_error *err)
{
    bool json = wn_args_int(&run->program->args, WN_OPT_REPORT_FORMAT) == 1;
    wn_buf text = WN_BUF_INIT;
    wn_status status = WN_OK;
    if (!(json ? wn_report_push_json : wn_report_push_table)(&text, report))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for the report");
    WN_TRY_OUT(wn_program_write(run->program, &text, err));
out:
    wn_buf_deinit(&text);
    return status;
}

static wn_status evaluate(eval_run *run, wn_error *err)
{
    const wn_args *args = &run->program->args;
    const char *page = wn_args_text(args, WN_OPT_HTML);
    wn_evaluation_options options = {
        .limit = (size_t)wn_args_int(args, WN_OPT_LIMIT),
        .top = (size_t)wn_args_int(args, WN_OPT_TOP),
        .should_stop = wn_program_should_stop,
        .progress = show_progress,
        .user = run,
    };
    WN_TRY(open_sets(run, err));
    if (!wn_args_has(args, WN_OPT_BM25_ONLY))
        WN_TRY(open_model(run, &options, err));
    WN_TRY(open_file(&run->page, page, err));
    WN_TRY(open_file(&run->scores, wn_args_text(args, WN_OPT_SCORES), err));
    WN_TRY(wn_evaluation_new(&run->evaluation, &options, err));
    for (size_t i = 0; i < run->n_sets; i++)
        WN_TRY(wn_evaluation_add(run->evaluation, run->sets[i], err));
    wn_report report = wn_evaluation_report(run->evaluation);
    if (page != NULL)
        WN_TRY(write_page(run, &report, err));
    WN_TRY(commit_file(&run->page, err));
    WN_TRY(commit_file(&run->scores, err));
    return write_report(run, &report, err);
}

wn_status wn_cmd_eval(wn_program *program, wn_error *err)
{
    eval_run run = {.program = program};
    wn_status status = evaluate(&run, err);
    wn_progress_end(&run.progress);
    close_file(&run.page, &status, err);
    close_file(&run.scores, &status, err);
    wn_buf_deinit(&run.line);
    wn_evaluation_free(run.evaluation);
    wn_scorer_deinit(&run.scorer);
    wn_runner_free(run.scorer.runner);
    wn_engine_close(run.engine);
    for (size_t i = 0; i < run.n_sets; i++)
        wn_dataset_close(run.sets[i]);
    wn_mem_free(run.sets);
    return status;
}
