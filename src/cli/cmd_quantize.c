/* winnow quantize: a model in a third to a quarter of its size, its matrices 8-bit integers. */
#include "cli/program.h"
#include "data/json_text.h"

#include "base/str.h"

#define WN_WHERE "cli/quantize"

/* What is printed at the end. */
typedef struct outcome {
    const char *model, *directory;
    wn_quantize_report size;
    wn_dtype_report dtype;
} outcome;

static void show_progress(void *user, uint64_t n_done, uint64_t n_bytes)
{
    wn_progress_update(user, (size_t)(n_done >> 10), (size_t)(n_bytes >> 10));
}

static wn_status quantize(outcome *out, wn_program *program, const wn_engine *engine, wn_error *err)
{
    wn_quantize_options options = WN_QUANTIZE_OPTIONS_INIT;
    wn_progress progress;
    options.progress = show_progress;
    options.should_stop = wn_program_should_stop;
    options.user = &progress;
    wn_progress_begin(&progress, &program->terminal, "KiB");
    wn_status status = wn_quantize(&out->size, engine, out->directory, &options, err);
    wn_progress_end(&progress);
    return status;
}

static void push_json(wn_buf *buf, const outcome *o)
{
    wn_buf_printf(buf, "{\"ok\":%s,\"model\":", o->dtype.good ? "true" : "false");
    wn_json_push_string(buf, wn_str_from(o->model));
    wn_buf_printf(buf, ",\"directory\":");
    wn_json_push_string(buf, wn_str_from(o->directory));
    wn_buf_printf(buf, ",\"matrices\":%zu,\"bytes_before\":%llu,\"bytes_after\":%llu,\"pairs\":%zu",
                  o->size.n_matrices, (unsigned long long)o->size.bytes_before,
                  (unsigned long long)o->size.bytes_after, o->dtype.n_pairs);
    wn_buf_printf(buf, ",\"tau\":");
    wn_json_push_double(buf, o->dtype.tau);
    wn_buf_printf(buf, ",\"largest\":");
    wn_json_push_double(buf, o->dtype.largest);
    wn_buf_printf(buf, ",\"spread\":");
    wn_json_push_double(buf, o->dtype.spread);
    wn_buf_printf(buf, "}\n");
}

static void push_table(wn_buf *buf, const outcome *o)
{
    const double mib = 1 << 20;
    wn_buf_printf(buf, " model      ");
    wn_terminal_push_text(buf, wn_str_from(o->model), WN_COLUMNS_UNLIMITED);
    wn_buf_printf(buf, "\n written    ");
    wn_terminal_push_text(buf, wn_str_from(o->directory), WN_COLUMNS_UNLIMITED);
    wn_buf_printf(buf, "\n matrices   %zu in 8 bits\n", o->size.n_matrices);
    wn_buf_printf(buf, " weights    %.1f MiB, before %.1f MiB\n", (double)o->size.bytes_after / mib,
                  (double)o->size.bytes_before / mib);
    wn_buf_printf(buf,
                  " beside f32 %s: Kendall's tau %.3f of %zu pairs, largest difference %.2g of "
                  "%.2g\n",
                  o->dtype.good ? "good" : "not good enough", o->dtype.tau, o->dtype.n_pairs,
                  o->dtype.largest, o->dtype.spread);
}

static wn_status print(wn_program *program, const outcome *o, wn_error *err)
{
    wn_buf buf = WN_BUF_INIT;
    if (wn_args_has(&program->args, WN_OPT_JSON))
        push_json(&buf, o);
    else if (!wn_args_has(&program->args, WN_OPT_QUIET) || !o->dtype.good)
        push_table(&buf, o);
    wn_status status = wn_program_write(program, &buf, err);
    wn_buf_deinit(&buf);
    return status;
}

static wn_status open_engine(wn_engine **out, wn_program *program, const char *model_dir,
                             wn_error *err)
{
    wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    options.model_dir = model_dir;
    options.cpu_level = wn_args_text(&program->args, WN_OPT_CPU_LEVEL);
    options.dtype = "int8";
    WN_TRY(wn_program_check_model(model_dir, err));
    wn_status status = wn_engine_open(out, &options, err);
    if (status != WN_OK && status != WN_ERR_MEMORY && status != WN_ERR_ARGUMENT)
        program->exit_code = WN_EXIT_DATA;
    return status;
}

/* The engine computes what the directory will, so that it can be compared with f32 as it is. */
wn_status wn_cmd_quantize(wn_program *program, wn_error *err)
{
    const wn_args *args = &program->args;
    bool builtin = args->n_operands == 1;
    outcome o = {.directory = args->operands[builtin ? 0 : 1],
                 .size = WN_QUANTIZE_REPORT_INIT,
                 .dtype = WN_DTYPE_REPORT_INIT};
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    wn_engine *engine = NULL;
    wn_status status;
    WN_TRY_OUT(open_engine(&engine, program, builtin ? NULL : args->operands[0], err));
    WN_TRY_OUT(wn_engine_get_info(engine, &info, err));
    o.model = info.model;
    WN_TRY_OUT(quantize(&o, program, engine, err));
    WN_TRY_OUT(wn_engine_check_dtype(engine, &o.dtype, err));
    if (!o.dtype.good)
        program->exit_code = WN_EXIT_DATA;
    status = print(program, &o, err);
out:
    wn_engine_close(engine);
    return status;
}
