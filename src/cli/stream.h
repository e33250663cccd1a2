/* A stream of requests, one JSON object a line, answered line by line in order and in memory that
 * does not grow with the number of lines.  A line that cannot be ranked gets an error line in its
 * place; only what makes going on senseless ends the stream.
 * Thread rule: main thread. */
#ifndef WN_CLI_STREAM_H
#define WN_CLI_STREAM_H

#include "cli/program.h"

typedef struct wn_stream {
    wn_runner *runner;
    const wn_request *base;     /* what all requests share; a request's own top_n goes first */
    const char *path;           /* of the input; "-" is standard input */
    uint64_t shard, n_shards;   /* lines shard, shard + n_shards, ... counted from 0 */
    uint64_t n_skip;            /* answers that are there already */
    uint64_t n_lines, n_errors; /* out: lines answered, of them with an error */
} wn_stream;

/* Answer all lines to program->out.  SIGTERM ends the stream behind the line in work, with success;
 * wn_signals_caught() tells.
 * Fails:   WN_ERR_IO, WN_ERR_CANCELLED after SIGINT, WN_ERR_ARGUMENT. */
WN_MUST_USE wn_status wn_stream_run(wn_stream *stream, wn_program *program, wn_error *err);

#endif
