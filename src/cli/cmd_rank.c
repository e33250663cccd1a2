/* winnow rank: documents of a file, one request, or a stream of requests. */
#include "cli/answer.h"
#include "cli/documents.h"
#include "cli/part_file.h"
#include "cli/program.h"
#include "cli/signals.h"
#include "cli/stream.h"

#include "base/clock.h"
#include "base/str.h"
#include "data/lines.h"

#include <signal.h>
#include <unistd.h>

#define WN_WHERE "cli/rank"

typedef enum mode { MODE_DOCUMENTS, MODE_REQUEST, MODE_STREAM } mode;

/* A model that is ready to rank. */
typedef struct ranker {
    wn_program *program;
    wn_engine *engine;
    wn_runner *runner;
    wn_engine_info info;
    wn_request base;
    wn_progress progress;
} ranker;

/* ---- the command line ------------------------------------------------------------------------ */

static wn_status refuse_outside_streams(const wn_args *args, wn_option_id id, wn_error *err)
{
    if (wn_args_has(args, id))
        WN_FAIL(err, WN_ERR_ARGUMENT,
                "--%s is for streams of requests: --format jsonl without --query and --request",
                wn_options[id].name);
    return WN_OK;
}

static wn_status find_mode(mode *out, const wn_args *args, wn_error *err)
{
    bool query = wn_args_has(args, WN_OPT_QUERY), request = wn_args_has(args, WN_OPT_REQUEST);
    bool jsonl = wn_args_int(args, WN_OPT_FORMAT) == WN_FORMAT_JSONL;
    if (query && request)
        WN_FAIL(err, WN_ERR_ARGUMENT, "--query and --request exclude each other");
    if (query && wn_args_text(args, WN_OPT_QUERY)[0] == '\0')
        WN_FAIL(err, WN_ERR_ARGUMENT, "--query is empty, expected a text");
    if (request && args->n_operands > 0)
        WN_FAIL(err, WN_ERR_ARGUMENT, "'%.100s' is one operand too many: --request names the input",
                args->operands[0]);
    if (!query && !request && !jsonl)
        WN_FAIL(err, WN_ERR_ARGUMENT,
                "rank needs a query: --query TEXT, --request FILE, or --format jsonl with a "
                "request on each line of the input");
    if (wn_args_has(args, WN_OPT_RESUME) && !wn_args_has(args, WN_OPT_OUTPUT))
        WN_FAIL(err, WN_ERR_ARGUMENT, "--resume needs --output FILE");
    *out = query ? MODE_DOCUMENTS : request ? MODE_REQUEST : MODE_STREAM;
    if (wn_args_has(args, WN_OPT_EXPLAIN) &&
        (*out == MODE_STREAM || wn_args_int(args, WN_OPT_FORMAT) == WN_FORMAT_TSV))
        WN_FAIL(
            err, WN_ERR_ARGUMENT,
            "--explain is for one ranking as a table, json or jsonl, with --query or --request");
    if (*out == MODE_STREAM)
        return WN_OK;
    WN_TRY(refuse_outside_streams(args, WN_OPT_RESUME, err));
    return refuse_outside_streams(args, WN_OPT_SHARD, err);
}

static const char *input_path(const wn_program *program)
{
    const char *path = program->args.n_operands > 0 ? program->args.operands[0] : "-";
    if (strcmp(path, "-") == 0 && isatty(STDIN_FILENO) == 1)
        wn_program_note(program, "reading from the terminal, Ctrl-D ends\n");
    return path;
}

/* ---- the model ------------------------------------------------------------------------------- */

static void on_progress(void *user, size_t n_done, size_t n_documents)
{
    ranker *r = user;
    wn_progress_update(&r->progress, n_done, n_documents);
}

static wn_status ranker_init(ranker *r, wn_program *program, wn_error *err)
{
    const wn_args *args = &program->args;
    *r = (ranker){.program = program, .info = WN_ENGINE_INFO_INIT, .base = WN_REQUEST_INIT};
    r->base.top_n = (size_t)wn_args_int(args, WN_OPT_TOP_N);
    r->base.long_docs = (wn_long_docs)wn_args_int(args, WN_OPT_LONG_DOCS);
    r->base.plain_specials = wn_args_has(args, WN_OPT_PLAIN_SPECIALS);
    r->base.want_windows = wn_args_has(args, WN_OPT_WINDOWS);
    if (wn_args_has(args, WN_OPT_INSTRUCTION))
        r->base.instruction = wn_str_from(wn_args_text(args, WN_OPT_INSTRUCTION));
    r->base.should_stop = wn_program_should_stop;
    WN_TRY(wn_program_open_engine(&r->engine, program, err));
    WN_TRY(wn_engine_get_info(r->engine, &r->info, err));
    if (r->base.instruction.len > 0 && !r->info.takes_instructions)
        WN_FAIL(err, WN_ERR_UNSUPPORTED,
                "--instruction: model '%s' takes none; only models that are asked in words do",
                r->info.model);
    return wn_program_open_runner(&r->runner, program, r->engine, err);
}

static void ranker_deinit(ranker *r)
{
    wn_runner_free(r->runner);
    wn_engine_close(r->engine);
}

/* ---- one ranking ----------------------------------------------------------------------------- */

/* Print what a person may want to know beside the results. */
static void print_notes(const ranker *r, const wn_answer *answer, size_t n_documents, double ms)
{
    size_t n_truncated = 0;
    for (size_t i = 0; i < answer->n_results; i++)
        n_truncated += answer->results[i].truncated ? 1 : 0;
    if (answer->usage.query_truncated)
        wn_program_note(r->program, "winnow: the query was cut at the model's limit of %d tokens\n",
                        (int)r->info.max_query_tokens);
    if (n_truncated > 0)
        wn_program_note(r->program, "winnow: %zu of the documents shown %s cut at %d tokens\n",
                        n_truncated, n_truncated == 1 ? "was" : "were", (int)r->info.max_tokens);
    const wn_terminal *terminal = &r->program->terminal;
    if (!terminal->out_is_tty || !terminal->err_is_tty)
        return;
    wn_buf line = WN_BUF_INIT;
    wn_buf_push_count(&line, n_documents);
    wn_buf_printf(&line, " document%s, ", n_documents == 1 ? "" : "s");
    wn_buf_push_count(&line, answer->usage.total_tokens);
    if (wn_buf_printf(&line, " tokens, %.3g %s", ms < 1000 ? ms : ms / 1000,
                      ms < 1000 ? "ms" : "s") &&
        wn_buf_push_byte(&line, '\0'))
        wn_program_note(r->program, "%s %s%s\n", terminal->colour ? "\033[2m" : "", line.ptr,
                        terminal->colour ? "\033[0m" : "");
    wn_buf_deinit(&line);
}

static bool push_answer(wn_buf *out, const wn_answer *answer, const wn_program *program)
{
    switch ((wn_format)wn_args_int(&program->args, WN_OPT_FORMAT)) {
    case WN_FORMAT_JSON:
        return wn_answer_push_json(out, answer, false);
    case WN_FORMAT_JSONL:
        return wn_answer_push_jsonl(out, answer);
    case WN_FORMAT_TSV:
        return wn_answer_push_tsv(out, answer);
    default:
        return wn_answer_push_table(out, answer, &program->terminal);
    }
}

/* Ask the model what the scores of a ranking rest on. */
static wn_status explain(ranker *r, wn_rank_call *call, const wn_job *ranked, wn_error *err)
{
    size_t n;
    wn_job *job = NULL;
    wn_explain_plan plan;
    const wn_result *results = wn_job_results(ranked, &n);
    if (n > WN_EXPLAIN_RESULTS_MAX)
        WN_FAIL(err, WN_ERR_INPUT, "%zu results, at most %d are explained; give --top-n", n,
                WN_EXPLAIN_RESULTS_MAX);
    if (!wn_explain_make_plan(&plan, call, results, n, &r->info) ||
        !wn_explain_list_texts(&plan, call))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory to explain %zu results", n);
    wn_request request = {.struct_size = sizeof request,
                          .query = call->query,
                          .instruction = call->instruction,
                          .documents = plan.texts,
                          .n_documents = plan.n_texts,
                          .want_matches = plan.want_matches,
                          .plain_specials = r->base.plain_specials,
                          .should_stop = r->base.should_stop};
    WN_TRY(wn_rank(&job, r->runner, &request, err));
    bool ok = wn_explain_read(call, &plan, job);
    wn_job_free(job);
    if (!ok)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory to explain %zu results", n);
    return WN_OK;
}

/* Rank with the request's texts and write the answer, of which id and documents are given. */
static wn_status rank_once(ranker *r, wn_request *request, wn_answer *answer, wn_error *err)
{
    wn_job *job = NULL;
    wn_buf out = WN_BUF_INIT;
    wn_arena arena = WN_ARENA_INIT;
    wn_rank_call call = wn_rank_call_init(&arena);
    call.query = request->query;
    call.instruction = request->instruction;
    call.documents = (wn_texts){.at = request->documents, .n = request->n_documents};
    call.explain = wn_args_has(&r->program->args, WN_OPT_EXPLAIN);
    answer->with_windows = request->want_windows;
    answer->explained = call.explain ? &call : NULL;
    request->want_windows |= call.explain;
    uint64_t start_ns = wn_clock_ns();
    wn_progress_begin(&r->progress, &r->program->terminal, "documents");
    wn_status status = wn_rank(&job, r->runner, request, err);
    wn_progress_end(&r->progress);
    if (status == WN_OK && call.explain)
        status = explain(r, &call, job, err);
    if (status != WN_OK) {
        wn_job_free(job);
        wn_arena_deinit(&arena);
        return status;
    }
    double ms = (double)(wn_clock_ns() - start_ns) / 1e6;
    answer->results = wn_job_results(job, &answer->n_results);
    answer->usage = wn_job_usage(job);
    answer->unbounded = strcmp(r->info.activation, "identity") == 0;
    push_answer(&out, answer, r->program);
    status = wn_program_write(r->program, &out, err);
    if (status == WN_OK)
        print_notes(r, answer, request->n_documents, ms);
    wn_buf_deinit(&out);
    wn_job_free(job);
    wn_arena_deinit(&arena);
    return status;
}

static wn_status rank_documents(ranker *r, wn_error *err)
{
    const wn_args *args = &r->program->args;
    wn_document_list list = WN_DOCUMENT_LIST_INIT;
    wn_input_kind kind = (wn_input_kind)wn_args_int(args, WN_OPT_INPUT);
    wn_status status = wn_document_list_read(&list, input_path(r->program), kind, err);
    if (status == WN_OK) {
        wn_answer answer = {.documents = list.at, .with_documents = true};
        wn_request request = r->base;
        request.query = wn_str_from(wn_args_text(args, WN_OPT_QUERY));
        request.documents = list.texts;
        request.n_documents = list.n;
        status = rank_once(r, &request, &answer, err);
    }
    wn_document_list_deinit(&list);
    return status;
}

static wn_status rank_request(ranker *r, wn_error *err)
{
    const char *path = wn_args_text(&r->program->args, WN_OPT_REQUEST);
    wn_rank_request asked = {0};
    wn_buf text = WN_BUF_INIT;
    wn_status status = wn_program_read_input(&text, path, err);
    wn_str json = wn_buf_str(&text);
    if (wn_str_starts(json, WN_STR(WN_BYTE_ORDER_MARK)))
        json = wn_str_slice(json, strlen(WN_BYTE_ORDER_MARK), json.len);
    if (status == WN_OK)
        status = wn_rank_request_parse(&asked, json, path, err);
    if (status == WN_OK) {
        wn_answer answer = {
            .id = asked.id,
            .query = asked.query,
            .documents = asked.documents,
            .with_documents = asked.return_documents,
        };
        wn_request request = r->base;
        request.query = asked.query;
        if (asked.instruction.len > 0)
            request.instruction = asked.instruction;
        request.documents = asked.texts;
        request.n_documents = asked.n_documents;
        request.top_n = asked.top_n > 0 ? asked.top_n : request.top_n;
        status = rank_once(r, &request, &answer, err);
    }
    wn_rank_request_deinit(&asked);
    wn_buf_deinit(&text);
    return status;
}

/* ---- a stream -------------------------------------------------------------------------------- */

static wn_status rank_stream(ranker *r, const wn_part_file *part, wn_error *err)
{
    const wn_option_value *shard = &r->program->args.values[WN_OPT_SHARD];
    wn_stream stream = {
        .runner = r->runner,
        .base = &r->base,
        .path = input_path(r->program),
        .shard = (uint64_t)shard->number,
        .n_shards = shard->text == NULL ? 1 : (uint64_t)shard->of,
        .n_skip = part->n_lines,
        .n_lines = part->n_lines,
        .n_errors = part->n_errors,
    };
    wn_status status = wn_stream_run(&stream, r->program, err);
    if (stream.n_errors > 0) {
        wn_program_note(r->program, "winnow: %llu of %llu lines could not be ranked\n",
                        (unsigned long long)stream.n_errors, (unsigned long long)stream.n_lines);
        if (status == WN_OK)
            r->program->exit_code = WN_EXIT_PARTIAL;
    }
    return status;
}

/* ---- the command ----------------------------------------------------------------------------- */

static wn_status run(wn_program *program, mode how, const wn_part_file *part, wn_error *err)
{
    ranker r;
    wn_status status = ranker_init(&r, program, err);
    r.base.progress = on_progress;
    r.base.user = &r;
    if (status == WN_OK)
        status = how == MODE_DOCUMENTS ? rank_documents(&r, err)
                 : how == MODE_REQUEST ? rank_request(&r, err)
                                       : rank_stream(&r, part, err);
    ranker_deinit(&r);
    return status;
}

/* As run(), with standard output replaced by a file that is there whole or not at all. */
static wn_status run_to_file(wn_program *program, mode how, wn_error *err)
{
    wn_part_file part;
    const char *path = wn_args_text(&program->args, WN_OPT_OUTPUT);
    bool resume = wn_args_has(&program->args, WN_OPT_RESUME);
    wn_status status = wn_part_file_open(&part, &program->out, path, resume, err);
    program->terminal.out_is_tty = false;
    program->terminal.out_columns = WN_COLUMNS_UNLIMITED;
    if (status == WN_OK && part.is_done)
        wn_program_note(program, "winnow: '%s' is there already, nothing to do\n", path);
    else if (status == WN_OK)
        status = run(program, how, &part, err);
    bool is_cut = how == MODE_STREAM && wn_signals_caught() == SIGTERM;
    if (status == WN_OK && !part.is_done && !is_cut)
        status = wn_part_file_commit(&part, &program->out, err);
    wn_status closed =
        wn_part_file_deinit(&part, &program->out, how == MODE_STREAM, status == WN_OK ? err : NULL);
    return status == WN_OK ? closed : status;
}

wn_status wn_cmd_rank(wn_program *program, wn_error *err)
{
    mode how = MODE_DOCUMENTS;
    WN_TRY(find_mode(&how, &program->args, err));
    if (wn_args_has(&program->args, WN_OPT_OUTPUT))
        return run_to_file(program, how, err);
    return run(program, how, &(wn_part_file){0}, err);
}
