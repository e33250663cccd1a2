/* winnow verify: does a model give the scores that it should?
 * Reference pairs, where a model has them, are scored and compared.  The other checks need none:
 * they hold one way of computing a score against another. */
#include "cli/documents.h"
#include "data/json_text.h"
#include "cli/program.h"
#include "cli/published.h"

#include "base/file.h"
#include "base/str.h"
#include "data/lines.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define WN_WHERE            "cli/verify"
#define TOLERANCE           1e-4 /* of a reference score; of the scalar level, relative */
#define REFERENCE_SCORE_MAX 1e30

typedef enum outcome { OUTCOME_OK = 0, OUTCOME_WARNING, OUTCOME_FAILED, OUTCOME_SKIPPED } outcome;

static const char *const outcome_words[] = {"ok", "warning", "failed", "skipped"};

typedef enum check_id {
    CHECK_REFERENCE = 0,
    CHECK_PUBLISHED,
    CHECK_FINITE,
    CHECK_ALONE,
    CHECK_LEVELS,
    CHECK_DTYPE,
    CHECK_SENSE,
    CHECK_COUNT
} check_id;

static const char *const check_names[CHECK_COUNT] = {
    "reference scores", "published scores",      "finite scores",         "alone as in a batch",
    "CPU levels agree", "dtype keeps the order", "answers before others",
};

typedef struct check {
    outcome outcome;
    char detail[256];
} check;

/* A question, a text that answers it, one that does not. */
typedef struct sample {
    const char *query, *answer, *other;
} sample;

static const sample samples[] = {
    {"how do plants make food",
     "Photosynthesis lets plants turn sunlight, water and air into sugar.",
     "The train to the airport runs every twenty minutes."},
    {"capital of Italy", "Rome is the capital and the largest city of Italy.",
     "A good bread dough rests overnight in the refrigerator."},
    {"how to remove a file in Linux", "The command rm deletes a file on a Linux system.",
     "The violin concerto was first performed in Vienna."},
    {"treatment of a sore throat", "Warm tea with honey and rest can soothe a sore throat.",
     "The company opened three new offices last year."},
    {"who painted the Mona Lisa", "Leonardo da Vinci painted the Mona Lisa around 1503.",
     "Install the update and restart the computer."},
    {"cheap hotel near the beach", "An affordable hotel only two minutes from the beach.",
     "The equation has two real solutions when the discriminant is positive."},
};
#define N_SAMPLES       WN_ARRAY_LEN(samples)
#define N_LEVEL_SAMPLES 2 /* scored by the scalar level, which takes its time */

/* What one engine makes of the samples. */
typedef struct sample_scores {
    float in_batch[N_SAMPLES][2], alone[N_SAMPLES][2];
} sample_scores;

static void set(check *c, outcome result, const char *format, ...) WN_PRINTF(3, 4);
static void set(check *c, outcome result, const char *format, ...)
{
    va_list args;
    c->outcome = result;
    va_start(args, format);
    vsnprintf(c->detail, sizeof c->detail, format, args);
    va_end(args);
}

/* ---- scoring --------------------------------------------------------------------------------- */

/* Results of some documents by index, from the shortest way through the library. */
static wn_status score(wn_result *out, wn_runner *runner, wn_str query, const wn_str *documents,
                       size_t n, wn_error *err)
{
    wn_job *job = NULL;
    wn_request request = WN_REQUEST_INIT;
    request.query = query;
    request.documents = documents;
    request.n_documents = n;
    request.long_docs = WN_LONG_DOCS_TRUNCATE;
    request.should_stop = wn_program_should_stop;
    WN_TRY(wn_rank(&job, runner, &request, err));
    size_t n_results;
    const wn_result *results = wn_job_results(job, &n_results);
    for (size_t i = 0; i < n_results; i++)
        out[results[i].index] = results[i];
    wn_job_free(job);
    return WN_OK;
}

/* The logits of one sample's two texts: ranked together, or each in a call of its own. */
static wn_status score_sample(float out[2], wn_runner *runner, const sample *s, bool alone,
                              wn_error *err)
{
    wn_result results[2];
    wn_str query = wn_str_from(s->query);
    wn_str documents[2] = {wn_str_from(s->answer), wn_str_from(s->other)};
    size_t step = alone ? 1 : 2;
    for (size_t i = 0; i < 2; i += step)
        WN_TRY(score(results + i, runner, query, documents + i, step, err));
    for (size_t i = 0; i < 2; i++)
        out[i] = results[i].logit;
    return WN_OK;
}

static wn_status score_samples(sample_scores *out, wn_runner *runner, wn_error *err)
{
    for (size_t i = 0; i < N_SAMPLES; i++) {
        WN_TRY(score_sample(out->in_batch[i], runner, &samples[i], false, err));
        WN_TRY(score_sample(out->alone[i], runner, &samples[i], true, err));
    }
    return WN_OK;
}

/* ---- reference pairs ------------------------------------------------------------------------- */

/* One line of a reference file; relevance is NAN when it is not given. */
typedef struct reference_pair {
    wn_str query, document;
    double raw_score, relevance;
} reference_pair;

static wn_status read_pair(reference_pair *out, json_t **holder, wn_str line, const char *name,
                           wn_error *err)
{
    wn_binder binder;
    const char *query, *document;
    WN_TRY(wn_json_parse(holder, line, name, err));
    wn_binder_init(&binder, *holder, name);
    wn_bind_string(&binder, "query", &query, NULL);
    wn_bind_string(&binder, "document", &document, NULL);
    wn_bind_double(&binder, "raw_score", &out->raw_score, -REFERENCE_SCORE_MAX, REFERENCE_SCORE_MAX,
                   NAN);
    wn_bind_double(&binder, "relevance", &out->relevance, -REFERENCE_SCORE_MAX, REFERENCE_SCORE_MAX,
                   NAN);
    if (query == NULL || document == NULL || isnan(out->raw_score))
        wn_binder_note(&binder, "expected query, document and raw_score");
    WN_TRY(wn_binder_end(&binder, err));
    out->query = wn_str_from(query);
    out->document = wn_str_from(document);
    return WN_OK;
}

static wn_status compare_pair(check *c, double *worst, wn_runner *runner, wn_str line,
                              const char *name, wn_error *err)
{
    reference_pair pair;
    wn_result result;
    json_t *holder = NULL;
    wn_status status = read_pair(&pair, &holder, line, name, err);
    if (status == WN_OK)
        status = score(&result, runner, pair.query, &pair.document, 1, err);
    if (status == WN_OK) {
        double raw = fabs((double)result.logit - pair.raw_score);
        double relevance =
            isnan(pair.relevance) ? 0 : fabs(result.relevance_score - pair.relevance);
        double difference = WN_MAX(raw, relevance);
        *worst = WN_MAX(*worst, difference);
        if (!(difference <= TOLERANCE) && c->outcome != OUTCOME_FAILED)
            set(c, OUTCOME_FAILED, "%s: score %.6f and relevance %.6f, expected %.6f and %.6f",
                name, (double)result.logit, result.relevance_score, pair.raw_score, pair.relevance);
    }
    json_decref(holder);
    return status;
}

static wn_status check_reference(check *c, wn_runner *runner, wn_str text, const char *file,
                                 wn_error *err)
{
    double worst = 0;
    size_t n = 0, number = 1;
    for (size_t at = 0; at < text.len; number++) {
        const char *lf = memchr(text.ptr + at, '\n', text.len - at);
        size_t end = lf != NULL ? (size_t)(lf - text.ptr) : text.len;
        wn_str line = wn_str_slice(text, at, end);
        char name[64];
        snprintf(name, sizeof name, "%.40s line %zu", file, number);
        at = end + 1;
        if (wn_documents_is_blank(line))
            continue;
        WN_TRY(compare_pair(c, &worst, runner, line, name, err));
        n++;
    }
    if (n == 0)
        set(c, OUTCOME_FAILED, "%s holds no pairs", file);
    else if (c->outcome != OUTCOME_FAILED)
        set(c, OUTCOME_OK, "%zu pairs, largest difference %.1e", n, worst);
    return WN_OK;
}

static wn_status check_own_reference(check *c, wn_runner *runner, const char *model_dir,
                                     const char *dtype, wn_error *err)
{
    if (strcmp(dtype, "f32") != 0) {
        set(c, OUTCOME_SKIPPED, "they are those of f32, and %s is the dtype in use", dtype);
        return WN_OK;
    }
    if (model_dir == NULL)
        return check_reference(c, runner, wn_builtin_reference(), "reference.jsonl", err);
    wn_buf path = WN_BUF_INIT, text = WN_BUF_INIT;
    wn_status status = WN_OK;
    if (!wn_file_join(&path, model_dir, "reference.jsonl"))
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for a path");
    if (!wn_file_exists(path.ptr)) {
        set(c, OUTCOME_SKIPPED, "the model has no reference.jsonl");
        goto out;
    }
    WN_TRY_OUT(wn_file_read(&text, path.ptr, WN_LINE_BYTES_MAX, err));
    status = check_reference(c, runner, wn_buf_str(&text), "reference.jsonl", err);
out:
    wn_buf_deinit(&text);
    wn_buf_deinit(&path);
    return status;
}

/* Another model of the same shape may be meant, so that a difference is no failure. */
static wn_status check_published(check *c, wn_runner *runner, const wn_engine_info *info,
                                 wn_error *err)
{
    bool good = false;
    wn_buf detail = WN_BUF_INIT;
    const wn_published_model *model =
        wn_published_find(wn_published_models, wn_published_n_models, info);
    if (model == NULL || strcmp(info->dtype, "f32") != 0) {
        set(c, OUTCOME_SKIPPED, "%s",
            model == NULL ? "none are known for a model of this shape" : "they are those of f32");
        return WN_OK;
    }
    wn_status status = wn_published_compare(&good, &detail, model, runner, err);
    if (status == WN_OK)
        set(c, good ? OUTCOME_OK : OUTCOME_WARNING, "%s%.*s",
            good ? "" : "not those of a model of this shape: ", WN_STR_ARG(wn_buf_str(&detail)));
    wn_buf_deinit(&detail);
    return status;
}

/* ---- checks without a reference -------------------------------------------------------------- */

static void check_samples(check *checks, const sample_scores *s)
{
    size_t n_infinite = 0, n_unequal = 0, n_senseless = 0, last_senseless = 0;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        for (size_t j = 0; j < 2; j++) {
            n_infinite += isfinite(s->in_batch[i][j]) ? 0 : 1;
            n_unequal += memcmp(&s->in_batch[i][j], &s->alone[i][j], sizeof(float)) != 0 ? 1 : 0;
        }
        if (!(s->in_batch[i][0] > s->in_batch[i][1])) {
            n_senseless++;
            last_senseless = i;
        }
    }
    set(&checks[CHECK_FINITE], n_infinite > 0 ? OUTCOME_FAILED : OUTCOME_OK,
        "%zu of %zu scores are finite", 2 * N_SAMPLES - n_infinite, 2 * N_SAMPLES);
    set(&checks[CHECK_ALONE], n_unequal > 0 ? OUTCOME_FAILED : OUTCOME_OK,
        "%zu of %zu scores have the same bits", 2 * N_SAMPLES - n_unequal, 2 * N_SAMPLES);
    if (n_senseless == 0)
        set(&checks[CHECK_SENSE], OUTCOME_OK, "in all of %zu English questions", N_SAMPLES);
    else
        set(&checks[CHECK_SENSE], OUTCOME_WARNING, "not in %zu of %zu questions, as in '%s'",
            n_senseless, N_SAMPLES, samples[last_senseless].query);
}

static wn_status check_levels(check *c, wn_program *program, const wn_engine_info *info,
                              const sample_scores *best, wn_error *err)
{
    if (strcmp(info->cpu_level, "scalar") == 0 || strcmp(info->dtype, "f32") != 0) {
        set(c, OUTCOME_SKIPPED, "%s is the level and %s the dtype in use", info->cpu_level,
            info->dtype);
        return WN_OK;
    }
    wn_engine_options options = WN_ENGINE_OPTIONS_INIT;
    wn_engine *engine = NULL;
    wn_runner *runner = NULL;
    float scalar[N_LEVEL_SAMPLES][2];
    options.model_dir = wn_args_text(&program->args, WN_OPT_MODEL);
    options.cpu_level = "scalar";
    options.task = wn_args_text(&program->args, WN_OPT_TASK);
    wn_status status = wn_engine_open(&engine, &options, err);
    if (status == WN_OK)
        status = wn_program_open_runner(&runner, program, engine, err);
    for (size_t i = 0; status == WN_OK && i < N_LEVEL_SAMPLES; i++)
        status = score_sample(scalar[i], runner, &samples[i], false, err);
    wn_runner_free(runner);
    wn_engine_close(engine);
    WN_TRY(status);
    double worst = 0;
    for (size_t i = 0; i < N_LEVEL_SAMPLES * 2; i++) {
        double a = (double)best->in_batch[i / 2][i % 2], b = (double)scalar[i / 2][i % 2];
        double difference = fabs(a - b) / WN_MAX(fabs(b), 1.0);
        worst = isnan(difference) ? INFINITY : WN_MAX(worst, difference);
    }
    set(c, worst <= TOLERANCE ? OUTCOME_OK : OUTCOME_FAILED,
        "%s and scalar, largest relative difference %.1e", info->cpu_level, worst);
    return WN_OK;
}

static wn_status check_dtype(check *c, const wn_engine *engine, const wn_engine_info *info,
                             wn_error *err)
{
    wn_dtype_report report = WN_DTYPE_REPORT_INIT;
    if (strcmp(info->dtype, "f32") == 0) {
        set(c, OUTCOME_SKIPPED, "f32 is the dtype in use");
        return WN_OK;
    }
    WN_TRY(wn_engine_check_dtype(engine, &report, err));
    set(c, report.good ? OUTCOME_OK : OUTCOME_FAILED,
        "%s beside f32, %zu pairs: Kendall's tau %.3f, largest difference %.2g of %.2g",
        info->dtype, report.n_pairs, report.tau, report.largest, report.spread);
    return WN_OK;
}

/* ---- the command ----------------------------------------------------------------------------- */

static void push_json(wn_buf *out, const check *checks, const char *model, bool ok)
{
    wn_buf_printf(out, "{\"ok\":%s,\"model\":", ok ? "true" : "false");
    wn_json_push_string(out, wn_str_from(model));
    wn_buf_printf(out, ",\"checks\":[");
    for (int i = 0; i < CHECK_COUNT; i++) {
        wn_buf_printf(out,
                      "%s\n  {\"check\":\"%s\",\"outcome\":\"%s\",\"detail\":", i > 0 ? "," : "",
                      check_names[i], outcome_words[checks[i].outcome]);
        wn_json_push_string(out, wn_str_from(checks[i].detail));
        wn_buf_push_byte(out, '}');
    }
    wn_buf_printf(out, "\n]}\n");
}

static void push_table(wn_buf *out, const check *checks, const wn_terminal *terminal)
{
    static const char *const colours[] = {"32", "33", "31", "2"};
    bool colour = terminal->out_is_tty && terminal->colour;
    for (int i = 0; i < CHECK_COUNT; i++) {
        outcome o = checks[i].outcome;
        if (colour)
            wn_buf_printf(out, " \033[%sm%-7s\033[0m", colours[o], outcome_words[o]);
        else
            wn_buf_printf(out, " %-7s", outcome_words[o]);
        wn_buf_printf(out, "  %-22s ", check_names[i]);
        wn_terminal_push_text(out, wn_str_from(checks[i].detail), WN_COLUMNS_UNLIMITED);
        wn_buf_push_byte(out, '\n');
    }
}

static wn_status report(wn_program *program, const check *checks, const wn_engine_info *info,
                        wn_error *err)
{
    bool ok = true;
    for (int i = 0; i < CHECK_COUNT; i++)
        ok = ok && checks[i].outcome != OUTCOME_FAILED;
    wn_buf out = WN_BUF_INIT;
    if (wn_args_has(&program->args, WN_OPT_JSON))
        push_json(&out, checks, info->model, ok);
    else if (!wn_args_has(&program->args, WN_OPT_QUIET) || !ok)
        push_table(&out, checks, &program->terminal);
    wn_status status = wn_program_write(program, &out, err);
    wn_buf_deinit(&out);
    if (!ok)
        program->exit_code = WN_EXIT_DATA;
    return status;
}

wn_status wn_cmd_verify(wn_program *program, wn_error *err)
{
    wn_engine *engine = NULL;
    wn_runner *runner = NULL;
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    check checks[CHECK_COUNT] = {0};
    sample_scores scores;
    const char *model_dir = wn_args_text(&program->args, WN_OPT_MODEL);
    wn_status status;
    WN_TRY_OUT(wn_program_open_engine(&engine, program, err));
    WN_TRY_OUT(wn_engine_get_info(engine, &info, err));
    WN_TRY_OUT(wn_program_open_runner(&runner, program, engine, err));
    WN_TRY_OUT(check_own_reference(&checks[CHECK_REFERENCE], runner, model_dir, info.dtype, err));
    WN_TRY_OUT(check_published(&checks[CHECK_PUBLISHED], runner, &info, err));
    WN_TRY_OUT(score_samples(&scores, runner, err));
    check_samples(checks, &scores);
    WN_TRY_OUT(check_levels(&checks[CHECK_LEVELS], program, &info, &scores, err));
    WN_TRY_OUT(check_dtype(&checks[CHECK_DTYPE], engine, &info, err));
    status = report(program, checks, &info, err);
out:
    wn_runner_free(runner);
    wn_engine_close(engine);
    return status;
}
