/* See stream.h. */
#include "cli/stream.h"

#include "base/str.h"
#include "cli/answer.h"
#include "cli/documents.h"
#include "data/json_text.h"
#include "cli/part_file.h"
#include "cli/signals.h"
#include "data/lines.h"

#include <signal.h>

#define WN_WHERE "cli/stream"

/* A mistake of one line leaves the others as good as they were. */
static bool concerns_one_line(wn_status status)
{
    return status != WN_ERR_IO && status != WN_ERR_CANCELLED && status != WN_ERR_ARGUMENT;
}

static bool stop_at_once(void *user)
{
    (void)user;
    return wn_signals_caught() == SIGINT;
}

/* Messages may quote the input, torn in the middle of a character: make them text again. */
static bool push_error_line(wn_buf *out, const wn_error *error, uint64_t number, wn_str id)
{
    wn_buf message = WN_BUF_INIT;
    wn_terminal_push_text(&message, wn_str_from(error->message), WN_COLUMNS_UNLIMITED);
    wn_buf_push_str(out, WN_STR(WN_ERROR_LINE_START));
    wn_json_push_string(out, wn_buf_str(&message));
    wn_buf_printf(out, ",\"line\":%llu", (unsigned long long)number);
    if (id.len > 0) {
        wn_buf_printf(out, ",\"id\":");
        wn_json_push_compact(out, id);
    }
    wn_buf_push(out, "}\n", 2);
    out->failed |= message.failed;
    wn_buf_deinit(&message);
    return !out->failed;
}

static wn_status rank(wn_buf *out, const wn_stream *stream, const wn_rank_request *asked,
                      wn_error *err)
{
    wn_request request = *stream->base;
    wn_job *job = NULL;
    request.query = asked->query;
    if (asked->instruction.len > 0)
        request.instruction = asked->instruction;
    request.documents = asked->texts;
    request.n_documents = asked->n_documents;
    request.top_n = asked->top_n > 0 ? asked->top_n : request.top_n;
    request.should_stop = stop_at_once;
    WN_TRY(wn_rank(&job, stream->runner, &request, err));
    wn_answer answer = {
        .usage = wn_job_usage(job),
        .id = asked->id,
        .documents = asked->documents,
        .with_documents = asked->return_documents,
        .with_windows = request.want_windows,
    };
    answer.results = wn_job_results(job, &answer.n_results);
    bool pushed = wn_answer_push_json(out, &answer, true);
    wn_job_free(job);
    if (!pushed)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the answer");
    return WN_OK;
}

/* Answer one line; line is NULL when it could not be read, for the reason that *err tells. */
static wn_status answer_line(wn_stream *stream, wn_program *program, wn_buf *out,
                             const wn_str *line, uint64_t number, wn_error *err)
{
    wn_rank_request asked = {0};
    wn_status status = err->status;
    wn_buf_clear(out);
    if (line != NULL)
        status = wn_rank_request_parse(&asked, *line, "request", err);
    if (line != NULL && status == WN_OK)
        status = rank(out, stream, &asked, err);
    if (status != WN_OK && concerns_one_line(status)) {
        wn_buf_clear(out);
        if (push_error_line(out, err, number, asked.id))
            status = WN_OK;
        stream->n_errors++;
    }
    wn_rank_request_deinit(&asked);
    WN_TRY(status);
    stream->n_lines++;
    return wn_program_write(program, out, err);
}

static bool is_ours(const wn_stream *stream, uint64_t number)
{
    return (number - 1) % stream->n_shards == stream->shard;
}

static wn_status answer_lines(wn_stream *stream, wn_program *program, wn_lines *lines, wn_buf *out,
                              wn_error *err)
{
    wn_progress progress;
    uint64_t n_seen = 0;
    wn_status status = WN_OK;
    wn_terminal drawn = program->terminal;
    drawn.progress = drawn.progress && !drawn.out_is_tty;
    wn_progress_begin(&progress, &drawn, "requests");
    while (status == WN_OK && wn_signals_caught() == 0) {
        wn_str line;
        bool got = true;
        wn_error line_error = {0};
        wn_status read = wn_lines_next(lines, &line, &got, &line_error);
        if (read == WN_ERR_CANCELLED || (read == WN_OK && !got))
            break;
        if (read != WN_OK && read != WN_ERR_LIMIT) {
            *err = line_error;
            status = read;
            break;
        }
        if (!is_ours(stream, lines->number) || (read == WN_OK && wn_documents_is_blank(line)) ||
            n_seen++ < stream->n_skip)
            continue;
        status = answer_line(stream, program, out, read == WN_OK ? &line : NULL, lines->number,
                             &line_error);
        *err = line_error;
        wn_progress_update(&progress, (size_t)stream->n_lines, 0);
    }
    wn_progress_end(&progress);
    if (status == WN_OK && wn_signals_caught() == 0 && n_seen < stream->n_skip)
        WN_FAIL(
            err, WN_ERR_INPUT,
            "the output has %llu lines already, but the input has only %llu: not the same input",
            (unsigned long long)stream->n_skip, (unsigned long long)n_seen);
    if (status == WN_OK && wn_signals_caught() == SIGINT)
        WN_FAIL(err, WN_ERR_CANCELLED, "stopped behind line %llu",
                (unsigned long long)lines->number);
    return status;
}

wn_status wn_stream_run(wn_stream *stream, wn_program *program, wn_error *err)
{
    wn_lines lines;
    wn_buf out = WN_BUF_INIT;
    wn_status opened =
        wn_lines_open(&lines, stream->path, WN_LINE_BYTES_MAX, wn_signals_wake_fd(), err);
    if (opened == WN_ERR_CANCELLED && wn_signals_caught() == SIGTERM)
        return WN_OK; /* while a FIFO had no writer yet */
    WN_TRY(opened);
    wn_status status = answer_lines(stream, program, &lines, &out, err);
    wn_buf_deinit(&out);
    wn_lines_close(&lines);
    return status;
}
