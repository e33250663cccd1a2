/* winnow models: what was pulled is listed, checked, removed, carried to machines without a
 * network. */
#include "cli/hub_options.h"

#include "base/date.h"
#include "base/str.h"
#include "cli/signals.h"
#include "data/json_text.h"
#include "hub/bundle.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define WN_WHERE "cli/models"

/* A command under way. */
typedef struct work {
    wn_program *program;
    wn_hub_settings settings;
    wn_inventory inventory;
    wn_progress progress;
    wn_buf out;
} work;

/* Read the models that operand i names: all without one. */
static wn_status read_models(work *w, size_t i, wn_error *err)
{
    const wn_args *args = &w->program->args;
    const char *given = args->n_operands > i ? args->operands[i] : NULL;
    wn_repo repo;
    if (given == NULL)
        return wn_inventory_read(&w->inventory, w->settings.cache, NULL, false, err);
    WN_TRY(wn_hub_repo_read(&repo, given, err));
    return wn_inventory_read(&w->inventory, w->settings.cache, &repo, strchr(given, '@') != NULL,
                             err);
}

/* ---- list ------------------------------------------------------------------------------------ */

static void push_json(wn_buf *out, const wn_cached_model *m)
{
    wn_buf_printf(out, "{\"model\":\"%s\",\"commit\":\"%s\",\"refs\":[", m->repo.id, m->commit);
    for (const char *at = m->refs; *at != '\0';) {
        size_t n = strcspn(at, ",");
        wn_json_push_string(out, (wn_str){at, n});
        at += n + strspn(at + n, ", ");
        wn_buf_printf(out, "%s", *at != '\0' ? "," : "");
    }
    wn_buf_printf(out, "],\"bytes\":%llu,\"files\":%zu,\"license\":", (unsigned long long)m->size,
                  m->n_files);
    if (m->license[0] != '\0')
        wn_json_push_string(out, wn_str_from(m->license));
    else
        wn_buf_printf(out, "null");
    wn_buf_printf(out, ",\"last_used\":%lld,\"dir\":", (long long)m->last_used_s);
    wn_json_push_string(out, wn_str_from(m->dir));
    wn_buf_push_byte(out, '}');
}

/* The text, filled with spaces to some columns. */
static void push_cell(wn_buf *out, wn_str text, size_t columns)
{
    size_t n = wn_terminal_text_columns(text);
    wn_terminal_push_text(out, text, WN_COLUMNS_UNLIMITED);
    for (; n < columns; n++)
        wn_buf_push_byte(out, ' ');
    wn_buf_printf(out, "  ");
}

static void push_row(wn_buf *out, const wn_cached_model *m, size_t widest)
{
    wn_buf size = WN_BUF_INIT;
    wn_date d = wn_date_from_s(m->last_used_s);
    wn_str short_commit = {m->commit, 12};
    wn_buf_push_size(&size, m->size);
    push_cell(out, wn_str_from(m->repo.id), widest);
    push_cell(out, m->refs[0] != '\0' ? wn_str_from(m->refs) : short_commit, 12);
    push_cell(out, wn_buf_str(&size), 9);
    wn_buf_printf(out, "%5zu  ", m->n_files);
    push_cell(out, wn_str_from(m->license[0] != '\0' ? m->license : "unknown"), 12);
    wn_buf_printf(out, "%04d-%02d-%02d\n", d.year, d.month, d.day);
    wn_buf_deinit(&size);
}

static wn_status list(work *w, wn_error *err)
{
    const wn_inventory *all = &w->inventory;
    bool json = wn_args_has(&w->program->args, WN_OPT_JSON);
    size_t widest = strlen("model");
    WN_TRY(read_models(w, 1, err));
    for (size_t i = 0; i < all->n_models; i++)
        widest = WN_MAX(widest, strlen(all->models[i].repo.id));
    if (!json && all->n_models > 0)
        wn_buf_printf(&w->out, "%-*s  %-12s  %-9s  %5s  %-12s  %s\n", (int)widest, "model",
                      "revision", "size", "files", "licence", "last used");
    for (size_t i = 0; i < all->n_models; i++) {
        if (json)
            wn_buf_printf(&w->out, "%s", i == 0 ? "[" : ",\n ");
        if (json)
            push_json(&w->out, &all->models[i]);
        else
            push_row(&w->out, &all->models[i], widest);
    }
    if (json)
        wn_buf_printf(&w->out, all->n_models == 0 ? "[]\n" : "]\n");
    else if (all->n_models == 0)
        wn_program_note(w->program,
                        "winnow: there are no models yet in '%s': winnow pull ORG/NAME\n",
                        w->settings.cache);
    if (all->unfinished.len > 0)
        wn_program_note(w->program,
                        "winnow: not pulled to the end: %.*s; pull again, or winnow models rm\n",
                        WN_STR_ARG(wn_buf_str(&all->unfinished)));
    return WN_OK;
}

/* ---- verify ---------------------------------------------------------------------------------- */

static void tell_file(void *user, const wn_cached_model *model, const char *file,
                      wn_file_state state, const char *got, const char *want)
{
    work *w = user;
    if (state == WN_FILE_DAMAGED)
        wn_buf_printf(&w->out, "%s: %s: damaged: the checksum is %s, expected %s\n", model->repo.id,
                      file, got, want);
    if (state == WN_FILE_MISSING)
        wn_buf_printf(&w->out, "%s: %s: missing\n", model->repo.id, file);
    if (state == WN_FILE_UNCHECKED)
        wn_buf_printf(&w->out, "%s: %s: no checksum is known\n", model->repo.id, file);
}

static wn_status verify(work *w, wn_error *err)
{
    wn_verify_report report = {.found = tell_file, .user = w};
    const wn_inventory *all = &w->inventory;
    wn_buf size = WN_BUF_INIT;
    WN_TRY(read_models(w, 1, err));
    for (size_t i = 0; i < all->n_models; i++)
        WN_TRY(wn_inventory_verify(&report, &all->models[i], &w->settings, err));
    size_t n_bad = report.n_by_state[WN_FILE_DAMAGED] + report.n_by_state[WN_FILE_MISSING];
    size_t n = report.n_by_state[WN_FILE_GOOD] + n_bad + report.n_by_state[WN_FILE_UNCHECKED];
    wn_buf_push_size(&size, report.n_bytes);
    if (wn_buf_push_byte(&size, '\0'))
        wn_program_note(
            w->program,
            "winnow: %zu file%s in %zu revision%s, %s: %zu good, %zu bad, %zu without a "
            "known checksum%s\n",
            n, n == 1 ? "" : "s", all->n_models, all->n_models == 1 ? "" : "s", size.ptr,
            report.n_by_state[WN_FILE_GOOD], n_bad, report.n_by_state[WN_FILE_UNCHECKED],
            n_bad > 0 ? "; winnow models rm, and pull it again" : "");
    wn_buf_deinit(&size);
    if (n_bad > 0)
        w->program->exit_code = WN_EXIT_DATA;
    return WN_OK;
}

/* ---- rm -------------------------------------------------------------------------------------- */

/* Whether a person at the terminal says yes. */
static wn_status ask(bool *yes, const work *w, const char *what, wn_error *err)
{
    char answer[16] = "";
    *yes = wn_args_has(&w->program->args, WN_OPT_YES);
    if (*yes)
        return WN_OK;
    if (!isatty(STDIN_FILENO))
        WN_FAIL(err, WN_ERR_ARGUMENT, "%s is removed when --yes is given", what);
    fprintf(stderr, "remove %s? [y/N] ", what);
    fflush(stderr);
    ssize_t n = read(STDIN_FILENO, answer, sizeof answer - 1);
    if (wn_signals_caught() != 0)
        WN_FAIL(err, WN_ERR_CANCELLED, "stopped");
    *yes = n > 0 && (answer[0] == 'y' || answer[0] == 'Y');
    return WN_OK;
}

static wn_status describe(wn_buf *out, const work *w, uint64_t size, wn_error *err)
{
    size_t n = w->inventory.n_models;
    wn_buf_printf(out, "%s (", w->program->args.operands[1]);
    if (n > 1)
        wn_buf_printf(out, "%zu revisions, ", n);
    if (n == 0)
        wn_buf_printf(out, "of a pull that was not finished, ");
    wn_buf_push_size(out, size);
    wn_buf_printf(out, ")");
    if (!wn_buf_push_byte(out, '\0'))
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for the name of a model");
    return WN_OK;
}

/* What is there of a model or of one revision; of a model also what has no revision yet. */
static wn_status look_at(work *w, uint64_t *size, const wn_repo *repo, bool has_revision,
                         wn_error *err)
{
    wn_status status = wn_inventory_read(&w->inventory, w->settings.cache, repo, has_revision, err);
    *size = status == WN_OK ? w->inventory.models[0].size : 0;
    if (has_revision || (status != WN_OK && status != WN_ERR_INPUT))
        return status;
    wn_error why = {0};
    wn_status measured = wn_inventory_measure(size, w->settings.cache, repo, &why);
    if (measured == WN_OK && *size == 0)
        return status;
    *err = why;
    return measured;
}

static wn_status remove_models(work *w, wn_error *err)
{
    const char *name = w->program->args.operands[1], *cache = w->settings.cache;
    bool has_revision = strchr(name, '@') != NULL, yes = false;
    wn_buf text = WN_BUF_INIT;
    uint64_t n = 0;
    wn_repo repo;
    wn_status status;
    WN_TRY(wn_hub_repo_read(&repo, name, err));
    WN_TRY(look_at(w, &n, &repo, has_revision, err));
    WN_TRY_OUT(describe(&text, w, n, err));
    WN_TRY_OUT(ask(&yes, w, text.ptr, err));
    if (!yes)
        goto out;
    if (has_revision)
        WN_TRY_OUT(wn_inventory_remove(&n, cache, &w->inventory.models[0], repo.revision, err));
    else
        WN_TRY_OUT(wn_inventory_remove_all(&n, cache, &repo, err));
    wn_buf_clear(&text);
    wn_buf_push_size(&text, n);
    if (wn_buf_push_byte(&text, '\0'))
        wn_program_note(w->program, "winnow: %s is removed, %s are free\n", name, text.ptr);
out:
    wn_buf_deinit(&text);
    return status;
}

/* ---- tars ------------------------------------------------------------------------------------ */

/* The revision that is meant: of several, main is. */
static wn_status choose(const wn_cached_model **out, const work *w, wn_error *err)
{
    const wn_inventory *all = &w->inventory;
    char commit[WN_COMMIT_LEN + 1] = "";
    *out = all->models;
    if (all->n_models == 1)
        return WN_OK;
    WN_TRY(wn_cache_read_ref(commit, w->settings.cache, &all->models[0].repo, err));
    for (size_t i = 0; i < all->n_models; i++) {
        *out = &all->models[i];
        if (strcmp((*out)->commit, commit) == 0)
            return WN_OK;
    }
    WN_FAIL(err, WN_ERR_INPUT,
            "model '%s' has %zu revisions in the cache, and none is main: name "
            "one, %s@REVISION",
            (*out)->repo.id, all->n_models, (*out)->repo.id);
}

static wn_status export_model(work *w, wn_error *err)
{
    const char *const *operands = w->program->args.operands;
    const wn_cached_model *model;
    WN_TRY(read_models(w, 1, err));
    WN_TRY(choose(&model, w, err));
    WN_TRY(wn_bundle_export(model, operands[2], &w->settings, err));
    wn_progress_end(&w->progress);
    wn_program_note(w->program, "winnow: %s@%s is in '%s'\n", model->repo.id, model->commit,
                    operands[2]);
    return WN_OK;
}

static wn_status import_model(work *w, wn_error *err)
{
    char commit[WN_COMMIT_LEN + 1], known[WN_COMMIT_LEN + 1];
    wn_buf path = WN_BUF_INIT;
    bool found;
    wn_repo repo;
    WN_TRY(wn_bundle_import(&repo, commit, w->program->args.operands[1], &w->settings, err));
    snprintf(repo.revision, sizeof repo.revision, WN_REPO_MAIN);
    WN_TRY(wn_cache_read_ref(known, w->settings.cache, &repo, err));
    wn_progress_end(&w->progress);
    wn_program_note(w->program, "winnow: every checksum is right: --model %s%s%s\n", repo.id,
                    strcmp(known, commit) == 0 ? "" : "@",
                    strcmp(known, commit) == 0 ? "" : commit);
    snprintf(repo.revision, sizeof repo.revision, "%s", commit);
    wn_status status = wn_cache_find(&path, &found, w->settings.cache, &repo, err);
    if (status == WN_OK)
        wn_buf_printf(&w->out, "%s\n", path.ptr);
    wn_buf_deinit(&path);
    return status;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static const struct {
    const char *word;
    size_t min, max; /* operands behind it */
    const char *what;
    wn_status (*run)(work *w, wn_error *err);
} actions[] = {
    {"list", 0, 0, "nothing", list},
    {"verify", 0, 1, "at most a model", verify},
    {"rm", 1, 1, "a model", remove_models},
    {"export", 2, 2, "a model and a FILE.tar", export_model},
    {"import", 1, 1, "a FILE.tar", import_model},
};

static wn_status find_action(size_t *out, const wn_args *args, wn_error *err)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(actions); i++) {
        size_t n = args->n_operands - 1;
        if (strcmp(args->operands[0], actions[i].word) != 0)
            continue;
        if (n < actions[i].min || n > actions[i].max)
            WN_FAIL(err, WN_ERR_ARGUMENT, "models %s: %zu operand%s, expected %s", actions[i].word,
                    n, n == 1 ? "" : "s", actions[i].what);
        *out = i;
        return WN_OK;
    }
    WN_FAIL(err, WN_ERR_ARGUMENT,
            "'%s' is nothing that can be done with models, expected list, verify, rm, export or "
            "import",
            args->operands[0]);
}

static void show_progress(void *user, uint64_t n_done, uint64_t n_bytes)
{
    work *w = user;
    wn_progress_update(&w->progress, (size_t)n_done, (size_t)n_bytes);
}

wn_status wn_cmd_models(wn_program *program, wn_error *err)
{
    work w = {.program = program};
    size_t i = 0;
    WN_TRY(find_action(&i, &program->args, err));
    WN_TRY(wn_hub_settings_read(&w.settings, program, err));
    w.settings.progress = show_progress;
    w.settings.user = &w;
    wn_progress_begin(&w.progress, &program->terminal, NULL);
    wn_status status = actions[i].run(&w, err);
    wn_progress_end(&w.progress);
    if (status == WN_OK)
        status = wn_program_write(program, &w.out, err);
    wn_inventory_deinit(&w.inventory);
    wn_buf_deinit(&w.out);
    return status;
}
