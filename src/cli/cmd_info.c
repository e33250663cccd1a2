/* winnow info: what a model is, its limits, the memory that ranking with it takes. */
#include "data/json_text.h"
#include "cli/program.h"

#include "base/str.h"

#define FACTS_MAX 32

/* One line of the output. */
typedef struct fact {
    const char *key;   /* in JSON */
    const char *title; /* in the table */
    const char *text;  /* NULL: a number */
    const char *json;  /* of a text, when it is not the text as a string; or NULL */
    const char *unit;  /* "B" is shown as MiB */
    uint64_t number;
} fact;

typedef struct facts {
    fact at[FACTS_MAX];
    size_t n;
} facts;

static void add_text(facts *f, const char *key, const char *title, const char *text)
{
    WN_ASSERT(f->n < FACTS_MAX);
    f->at[f->n++] = (fact){.key = key, .title = title, .text = text};
}

static void add_number(facts *f, const char *key, const char *title, uint64_t number,
                       const char *unit)
{
    WN_ASSERT(f->n < FACTS_MAX);
    f->at[f->n++] = (fact){.key = key, .title = title, .unit = unit, .number = number};
}

static void add_flag(facts *f, const char *key, const char *title, bool is_so)
{
    add_text(f, key, title, is_so ? "yes" : "no");
    f->at[f->n - 1].json = is_so ? "true" : "false";
}

static const char *kind_name(wn_kind kind)
{
    switch (kind) {
    case WN_KIND_CROSS_ENCODER:
        return "cross-encoder";
    case WN_KIND_LATE_INTERACTION:
        return "late interaction";
    case WN_KIND_LISTWISE:
        return "listwise";
    default:
        return "embedder";
    }
}

static void collect(facts *f, const wn_engine_info *e, const wn_runner_info *r)
{
    add_text(f, "model", "model", e->model);
    add_text(f, "fingerprint", "fingerprint", e->fingerprint);
    add_text(f, "license", "licence", e->license[0] != '\0' ? e->license : "unknown");
    add_text(f, "kind", "kind", kind_name(e->kind));
    add_text(f, "family", "family", e->family);
    add_text(f, "tokenizer", "tokenizer", e->tokenizer);
    add_text(f, "activation", "activation", e->activation);
    add_text(f, "stored", "stored as", e->stored);
    add_number(f, "parameters", "parameters", e->n_parameters, "");
    add_number(f, "layers", "layers", (uint64_t)e->n_layers, "");
    add_number(f, "hidden", "hidden width", (uint64_t)e->hidden, "");
    add_number(f, "heads", "heads", (uint64_t)e->n_heads, "");
    add_number(f, "intermediate", "inner width", (uint64_t)e->intermediate, "");
    add_number(f, "vocabulary", "vocabulary", (uint64_t)e->vocab, "tokens");
    add_number(f, "dimension", "vector width", (uint64_t)e->dim, "");
    add_number(f, "max_tokens", "longest input", (uint64_t)e->max_tokens, "tokens");
    add_number(f, "max_query_tokens", "longest query", (uint64_t)e->max_query_tokens, "tokens");
    add_flag(f, "takes_instructions", "instructions", e->takes_instructions);
    add_number(f, "weight_bytes", "weights", e->weight_bytes, "B");
    add_number(f, "mapped_bytes", "read from the file", e->mapped_bytes, "B");
    add_number(f, "batch_tokens", "batch", (uint64_t)r->batch_tokens, "tokens");
    add_number(f, "batch_sequences", "texts in a batch", (uint64_t)r->batch_seqs, "at most");
    add_number(f, "activation_bytes", "activations", r->activation_bytes, "B");
    add_number(f, "scratch_bytes", "scratch", r->scratch_bytes, "B");
    add_number(f, "threads", "threads", (uint64_t)r->n_threads, "");
    add_text(f, "cpu_level", "CPU level", e->cpu_level);
    if (e->cpu_reason != NULL && e->cpu_reason[0] != '\0')
        add_text(f, "cpu_reason", "why not higher", e->cpu_reason);
    add_text(f, "dtype", "computed in", e->dtype);
    if (e->dtype_reason[0] != '\0')
        add_text(f, "dtype_reason", "why", e->dtype_reason);
}

static void push_json(wn_buf *out, const facts *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const fact *a = &f->at[i];
        wn_buf_printf(out, "%s\"%s\":", i == 0 ? "{" : ",", a->key);
        if (a->json != NULL)
            wn_buf_printf(out, "%s", a->json);
        else if (a->unit == NULL)
            wn_json_push_string(out, wn_str_from(a->text));
        else
            wn_buf_printf(out, "%llu", (unsigned long long)a->number);
    }
    wn_buf_printf(out, "}\n");
}

static void push_table(wn_buf *out, const facts *f, const wn_terminal *terminal)
{
    bool colour = terminal->out_is_tty && terminal->colour;
    for (size_t i = 0; i < f->n; i++) {
        const fact *a = &f->at[i];
        wn_buf_printf(out, " %s%-18s%s  ", colour ? "\033[2m" : "", a->title,
                      colour ? "\033[0m" : "");
        if (a->unit == NULL) {
            wn_terminal_push_text(out, wn_str_from(a->text), WN_COLUMNS_UNLIMITED);
        } else if (strcmp(a->unit, "B") == 0) {
            wn_buf_printf(out, "%.1f MiB", (double)a->number / (1 << 20));
        } else {
            wn_buf_push_count(out, a->number);
            wn_buf_printf(out, "%s%s", a->unit[0] != '\0' ? " " : "", a->unit);
        }
        wn_buf_push_byte(out, '\n');
    }
}

static wn_status print(wn_program *program, const wn_engine_info *engine,
                       const wn_runner_info *runner, wn_error *err)
{
    facts f = {.n = 0};
    wn_buf out = WN_BUF_INIT;
    collect(&f, engine, runner);
    if (wn_args_has(&program->args, WN_OPT_JSON))
        push_json(&out, &f);
    else
        push_table(&out, &f, &program->terminal);
    wn_status status = wn_program_write(program, &out, err);
    wn_buf_deinit(&out);
    return status;
}

wn_status wn_cmd_info(wn_program *program, wn_error *err)
{
    wn_engine *engine = NULL;
    wn_runner *runner = NULL;
    wn_engine_info engine_info = WN_ENGINE_INFO_INIT;
    wn_runner_info runner_info = WN_RUNNER_INFO_INIT;
    wn_status status = wn_program_open_engine(&engine, program, err);
    if (status == WN_OK)
        status = wn_program_open_runner(&runner, program, engine, err);
    if (status == WN_OK)
        status = wn_engine_get_info(engine, &engine_info, err);
    if (status == WN_OK)
        status = wn_runner_get_info(runner, &runner_info, err);
    if (status == WN_OK)
        status = print(program, &engine_info, &runner_info, err);
    wn_runner_free(runner);
    wn_engine_close(engine);
    return status;
}
