/* winnow embed: a vector a text, as JSON lines. */
#include "cli/documents.h"
#include "data/json_text.h"
#include "cli/program.h"
#include "cli/signals.h"

#include "base/mem.h"
#include "base/str.h"

#define WN_WHERE    "cli/embed"
#define CHUNK_TEXTS 256 /* embedded between two writes */

static bool push_vector(wn_buf *out, size_t index, const float *vector, size_t dim, bool truncated)
{
    wn_buf_printf(out, "{\"index\":%zu,\"embedding\":[", index);
    for (size_t i = 0; i < dim; i++) {
        if (i > 0)
            wn_buf_push_byte(out, ',');
        wn_json_push_float(out, vector[i]);
    }
    return wn_buf_push_str(out, truncated ? WN_STR("],\"truncated\":true}\n") : WN_STR("]}\n"));
}

static wn_status embed_all(wn_program *program, wn_runner *runner, const wn_document_list *list,
                           size_t dim, float *vectors, wn_buf *out, wn_error *err)
{
    wn_embed_options options = WN_EMBED_OPTIONS_INIT;
    options.pooling = (wn_pooling)wn_args_int(&program->args, WN_OPT_POOLING);
    options.no_normalize = wn_args_has(&program->args, WN_OPT_NO_NORMALIZE);
    options.plain_specials = wn_args_has(&program->args, WN_OPT_PLAIN_SPECIALS);
    bool truncated[CHUNK_TEXTS];
    size_t n_truncated = 0;
    options.truncated = truncated;
    wn_progress progress;
    wn_progress_begin(&progress, &program->terminal, "texts");
    wn_status status = WN_OK;
    for (size_t done = 0; status == WN_OK && done < list->n;) {
        size_t n = WN_MIN(list->n - done, (size_t)CHUNK_TEXTS);
        status = wn_embed(vectors, runner, list->texts + done, n, &options, err);
        wn_buf_clear(out);
        for (size_t i = 0; status == WN_OK && i < n; i++) {
            push_vector(out, done + i, vectors + i * dim, dim, truncated[i]);
            n_truncated += truncated[i];
        }
        if (status == WN_OK)
            status = wn_program_write(program, out, err);
        done += n;
        if (status == WN_OK && wn_program_should_stop(NULL))
            status = wn_error_set(err, WN_ERR_CANCELLED, WN_WHERE, "stopped after %zu texts", done);
        if (!program->terminal.out_is_tty)
            wn_progress_update(&progress, done, list->n);
    }
    wn_progress_end(&progress);
    if (n_truncated > 0)
        wn_program_note(program, "winnow: %zu of %zu texts %s cut at the model's limit\n",
                        n_truncated, list->n, n_truncated == 1 ? "was" : "were");
    return status;
}

wn_status wn_cmd_embed(wn_program *program, wn_error *err)
{
    const wn_args *args = &program->args;
    wn_engine *engine = NULL;
    wn_runner *runner = NULL;
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    wn_document_list list = WN_DOCUMENT_LIST_INIT;
    wn_buf out = WN_BUF_INIT;
    float *vectors = NULL;
    wn_status status;
    WN_TRY_OUT(wn_program_open_engine(&engine, program, err));
    WN_TRY_OUT(wn_engine_get_info(engine, &info, err));
    WN_TRY_OUT(wn_program_open_runner(&runner, program, engine, err));
    WN_TRY_OUT(wn_document_list_read(&list, args->n_operands > 0 ? args->operands[0] : "-",
                                     (wn_input_kind)wn_args_int(args, WN_OPT_INPUT), err));
    size_t dim = (size_t)info.dim;
    vectors = wn_mem_alloc(CHUNK_TEXTS, dim * sizeof *vectors);
    if (vectors == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for %d vectors of %zu", CHUNK_TEXTS, dim);
    status = embed_all(program, runner, &list, dim, vectors, &out, err);
out:
    wn_mem_free(vectors);
    wn_buf_deinit(&out);
    wn_document_list_deinit(&list);
    wn_runner_free(runner);
    wn_engine_close(engine);
    return status;
}
