/* winnow pull: a published model into the cache.  Its path goes to standard output. */
#include "cli/hub_options.h"

#include "base/str.h"
#include "hub/hub_cache.h"
#include "hub/pull.h"

#define WN_WHERE "cli/pull"

/* A pull under way. */
typedef struct pulling {
    wn_program *program;
    wn_progress progress;
} pulling;

static void show_progress(void *user, uint64_t n_done, uint64_t n_bytes)
{
    pulling *own = user;
    if (own->progress.n_first == 0)
        own->progress.n_first = (size_t)n_done;
    wn_progress_update(&own->progress, (size_t)n_done, (size_t)n_bytes);
}

static void show_note(void *user, const char *text)
{
    pulling *own = user;
    wn_progress_end(&own->progress);
    wn_program_note(own->program, "winnow: %s\n", text);
}

/* The second operand, or --gguf; NULL: neither. */
static wn_status gguf_pattern(const char **out, const wn_args *args, wn_error *err)
{
    const char *given = wn_args_text(args, WN_OPT_GGUF);
    *out = given;
    if (args->n_operands < 2)
        return WN_OK;
    if (given != NULL)
        WN_FAIL(err, WN_ERR_ARGUMENT, "'%s' and --gguf '%s': give one of them", args->operands[1],
                given);
    if (!wn_str_ends(wn_str_from(args->operands[1]), WN_STR(".gguf")))
        WN_FAIL(err, WN_ERR_ARGUMENT,
                "'%s' is no GGUF file; without one, all that the model needs is fetched",
                args->operands[1]);
    *out = args->operands[1];
    return WN_OK;
}

static wn_status report(wn_program *program, const char *cache, const wn_repo *repo,
                        const wn_pull_report *report, wn_error *err)
{
    char commit[WN_COMMIT_LEN + 1];
    wn_buf path = WN_BUF_INIT, line = WN_BUF_INIT;
    bool found;
    wn_status status = wn_cache_find(&path, &found, cache, repo, err);
    if (status == WN_OK && report->gguf[0] != '\0')
        status = wn_cache_read_ref(commit, cache, repo, err);
    if (status == WN_OK && report->gguf[0] != '\0')
        status = wn_hub_path(&path, err, "%s/%s/snapshots/%s/%s", cache, repo->folder, commit,
                             report->gguf);
    wn_buf_printf(&line, "%zu file%s, ", report->n_files, report->n_files == 1 ? "" : "s");
    wn_buf_push_size(&line, report->n_bytes);
    if (report->n_fetched == 0)
        wn_buf_push_str(&line, WN_STR(", were there already"));
    if (status == WN_OK && wn_buf_push_byte(&line, '\0'))
        wn_program_note(program, "winnow: %s: %s\n", program->args.operands[0], line.ptr);
    wn_buf_clear(&line);
    if (status == WN_OK) {
        wn_buf_printf(&line, "%s\n", path.ptr);
        status = wn_program_write(program, &line, err);
    }
    wn_buf_deinit(&path);
    wn_buf_deinit(&line);
    return status;
}

wn_status wn_cmd_pull(wn_program *program, wn_error *err)
{
    pulling own = {.program = program};
    wn_hub_settings settings;
    wn_repo repo;
    wn_pull_report done;
    const char *pattern;
    WN_TRY(wn_hub_repo_read(&repo, program->args.operands[0], err));
    WN_TRY(gguf_pattern(&pattern, &program->args, err));
    WN_TRY(wn_hub_check_online(err));
    WN_TRY(wn_hub_settings_read(&settings, program, err));
    settings.progress = show_progress;
    settings.note = show_note;
    settings.should_stop = wn_program_should_stop;
    settings.user = &own;
    wn_progress_begin(&own.progress, &program->terminal, NULL);
    own.progress.lines = !wn_args_has(&program->args, WN_OPT_QUIET);
    wn_status status = wn_pull(&done, &settings, &repo, pattern, err);
    wn_progress_end(&own.progress);
    if (status == WN_ERR_CANCELLED)
        wn_program_note(program, "winnow: stopped; the same command goes on from here\n");
    return status == WN_OK ? report(program, settings.cache, &repo, &done, err) : status;
}
