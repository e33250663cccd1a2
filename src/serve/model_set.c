/* See model_set.h.  A place of the set has a name and holds one use of the model that answers to
 * it; exchanges hold the others.  Places do not move while they are used, so the thread that loads
 * may look at its place without the lock: nobody changes one that is loading. */
#define _GNU_SOURCE /* fstatat, dirfd */
#include "serve/model_set.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/thread.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define WN_WHERE     "serve/model_set"
#define MOD          "serve.models"
#define BUILTIN_NAME "winnow-multilingual-v1"

struct wn_model {
    wn_model *next; /* of all that are loaded */
    wn_model_set *set;
    wn_backend *backend;
    uint64_t bytes;
    size_t place;
    size_t n_uses; /* guarded by the set's lock */
    char name[WN_MODEL_NAME_MAX + 1];
};

typedef struct place {
    char name[WN_MODEL_NAME_MAX + 1]; /* "": not used */
    char dir[WN_MODEL_DIR_MAX + 1];
    char dtype[WN_MODEL_DTYPE_MAX + 1]; /* "": that of the options */
    char task[WN_MODEL_TASK_MAX + 1];   /* likewise */
    wn_model_state state;
    wn_error error;
    wn_model *model; /* that answers; NULL: none yet */
    size_t n_loads;
} place;

struct wn_model_set {
    wn_model_set_options options;
    wn_thread *thread;
    bool started; /* the sources are loaded, or one has failed; the thread's own */
    wn_lock lock; /* guards the rest */
    wn_cond changed;
    place places[WN_MODELS_MAX];
    wn_model *models;
    bool stopping;
};

/* ---- one model ------------------------------------------------------------------------------- */

/* NULL is allowed. */
static void free_model(wn_model *model)
{
    if (model == NULL)
        return;
    wn_backend_close(model->backend);
    wn_mem_free(model);
}

static bool has_weights(const char *name)
{
    wn_str file = wn_str_from(name);
    return wn_str_ends(file, WN_STR(".safetensors")) || wn_str_ends(file, WN_STR(".gguf"));
}

/* The weights' files, or the one file: what the model will take at least. */
static uint64_t file_bytes(const char *path)
{
    uint64_t bytes = 0;
    struct stat info;
    if (stat(path, &info) == 0 && S_ISREG(info.st_mode))
        return (uint64_t)info.st_size;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (has_weights(entry->d_name) && fstatat(dirfd(folder), entry->d_name, &info, 0) == 0 &&
            S_ISREG(info.st_mode))
            bytes += (uint64_t)info.st_size;
    }
    closedir(folder);
    return bytes;
}

/* Take memory of a later model from what requests have. */
static wn_status take_memory(wn_model_set *set, uint64_t bytes, wn_error *err)
{
    uint64_t used, peak, limit;
    if (wn_budget_lend(set->options.budget, bytes, set->options.budget_min))
        return WN_OK;
    wn_budget_look(set->options.budget, &used, &peak, &limit);
    WN_FAIL(err, WN_ERR_LIMIT,
            "the model takes %llu MiB, and of the %llu MiB that requests have %llu are in use and "
            "%llu have to be left: raise --memory-limit",
            (unsigned long long)(bytes >> 20), (unsigned long long)(limit >> 20),
            (unsigned long long)(used >> 20), (unsigned long long)(set->options.budget_min >> 20));
}

static wn_status open_backend(wn_model_set *set, wn_backend **out, const place *of, wn_error *err)
{
    wn_backend_options options = set->options.backend;
    wn_backend *backend;
    options.model_dir = of->dir[0] == '\0' ? NULL : of->dir;
    if (of->dtype[0] != '\0')
        options.dtype = of->dtype;
    if (of->task[0] != '\0')
        options.task = of->task;
    WN_TRY(wn_backend_open(&backend, &options, err));
    wn_status status = wn_backend_self_test(backend, err);
    if (status == WN_OK)
        *out = backend;
    else
        wn_backend_close(backend);
    return status;
}

/* Load a place's model.  The memory of the first ones is measured when all are there. */
static wn_status open_model(wn_model_set *set, wn_model **out, const place *of, wn_error *err)
{
    bool later = set->started;
    uint64_t lent = later ? file_bytes(of->dir) + set->options.backend.cache_bytes +
                                set->options.backend.vector_bytes
                          : 0;
    wn_model *model = wn_mem_zalloc(1, sizeof *model);
    if (model == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a model");
    wn_status status;
    if (later)
        WN_TRY_OUT(take_memory(set, lent, err));
    status = open_backend(set, &model->backend, of, err);
    wn_budget_return(set->options.budget, lent);
    if (status != WN_OK)
        goto out;
    model->bytes = wn_backend_bytes(model->backend);
    if (later)
        WN_TRY_OUT(take_memory(set, model->bytes, err));
    model->set = set;
    model->place = (size_t)(of - set->places);
    snprintf(model->name, sizeof model->name, "%s", of->name);
    *out = model;
    model = NULL;
out:
    free_model(model);
    return status;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void log_loaded(wn_model_set *set, const place *of, uint64_t began_ns, const wn_model *model,
                       const wn_error *err)
{
    wn_engine_info info = WN_ENGINE_INFO_INIT;
    wn_log_line line = wn_log_begin(set->options.log, model != NULL ? WN_LOG_INFO : WN_LOG_ERROR,
                                    MOD, model != NULL ? "model_ready" : "model_failed");
    wn_log_text(&line, "name", wn_str_from(of->name));
    wn_log_text(&line, "dir", wn_str_from(of->dir[0] == '\0' ? "built-in" : of->dir));
    wn_log_real(&line, "ms", (double)(wn_clock_ns() - began_ns) / 1e6);
    if (model != NULL) {
        bool told = wn_engine_get_info(wn_backend_engine(model->backend), &info, NULL) == WN_OK &&
                    info.license[0] != '\0';
        wn_log_text(&line, "license", told ? wn_str_from(info.license) : WN_STR("unknown"));
        wn_log_int(&line, "bytes", (int64_t)model->bytes);
    } else {
        wn_log_text(&line, "reason", wn_str_from(err->message));
    }
    wn_log_end(&line);
}

/* Load the model of a place and let it answer from now on.
 * Needs:   the lock, which is given up meanwhile. */
static void load(wn_model_set *set, place *of)
{
    wn_model *model = NULL;
    wn_error err = {0};
    wn_lock_leave(&set->lock);
    uint64_t began_ns = wn_clock_ns();
    if (open_model(set, &model, of, &err) != WN_OK)
        model = NULL;
    log_loaded(set, of, began_ns, model, &err);
    wn_lock_enter(&set->lock);
    of->state = model != NULL ? WN_MODEL_READY : WN_MODEL_FAILED;
    of->error = err;
    if (model == NULL)
        return;
    if (of->model != NULL)
        of->model->n_uses--;
    model->n_uses = 1;
    model->next = set->models;
    set->models = model;
    of->model = model;
    of->n_loads++;
}

static place *next_to_load(wn_model_set *set)
{
    for (size_t i = 0; i < WN_MODELS_MAX; i++)
        if (set->places[i].name[0] != '\0' && set->places[i].state == WN_MODEL_LOADING)
            return &set->places[i];
    return NULL;
}

/* Take a model that nobody uses off the list; NULL when there is none. */
static wn_model *take_unused(wn_model_set *set)
{
    for (wn_model **at = &set->models; *at != NULL; at = &(*at)->next) {
        wn_model *model = *at;
        if (model->n_uses == 0) {
            *at = model->next;
            return model;
        }
    }
    return NULL;
}

/* Needs:   the lock, which is given up meanwhile. */
static void free_unused(wn_model_set *set, wn_model *model)
{
    wn_lock_leave(&set->lock);
    wn_log_line line = wn_log_begin(set->options.log, WN_LOG_INFO, MOD, "model_freed");
    wn_log_text(&line, "name", wn_str_from(model->name));
    wn_log_end(&line);
    uint64_t bytes = model->bytes;
    free_model(model);
    wn_budget_return(set->options.budget, bytes);
    wn_lock_enter(&set->lock);
}

/* Tell how it began when that is known.
 * Needs:   the lock, which is given up meanwhile. */
static void tell_started(wn_model_set *set, const place *last)
{
    bool failed = last->state == WN_MODEL_FAILED;
    if (set->started || (!failed && next_to_load(set) != NULL))
        return;
    wn_error err = last->error;
    set->started = true;
    wn_lock_leave(&set->lock);
    set->options.loaded(set->options.owner, failed ? &err : NULL);
    wn_lock_enter(&set->lock);
}

static void work(void *arg)
{
    wn_model_set *set = arg;
    wn_lock_enter(&set->lock);
    while (!set->stopping) {
        wn_model *unused = take_unused(set);
        place *of = next_to_load(set);
        if (unused != NULL) {
            free_unused(set, unused);
        } else if (of != NULL) {
            load(set, of);
            tell_started(set, of);
        } else {
            wn_cond_wait(&set->changed, &set->lock);
        }
    }
    wn_lock_leave(&set->lock);
}

/* ---- life ------------------------------------------------------------------------------------ */

wn_str wn_model_source_name(const wn_model_source *source)
{
    if (source->name != NULL || source->dir == NULL)
        return wn_str_from(source->name != NULL ? source->name : BUILTIN_NAME);
    wn_str base = wn_str_from(source->dir);
    while (base.len > 1 && base.ptr[base.len - 1] == '/')
        base.len--;
    size_t i = base.len;
    while (i > 0 && base.ptr[i - 1] != '/')
        i--;
    return i == base.len ? base : wn_str_slice(base, i, base.len);
}

static wn_status add_source(wn_model_set *set, place *of, const wn_model_source *source,
                            wn_error *err)
{
    wn_str name = wn_model_source_name(source);
    const char *dir = source->dir != NULL ? source->dir : "";
    const char *dtype = source->dtype != NULL ? source->dtype : "";
    const char *task = source->task != NULL ? source->task : "";
    if (name.len > WN_MODEL_NAME_MAX || strlen(dir) > WN_MODEL_DIR_MAX)
        WN_FAIL(err, WN_ERR_ARGUMENT,
                "model '%.*s' in '%.100s': name has %zu bytes, at most %d, "
                "directory %zu, at most %d",
                WN_STR_ARG(name), dir, name.len, WN_MODEL_NAME_MAX, strlen(dir), WN_MODEL_DIR_MAX);
    WN_ASSERT(name.len > 0 && !wn_model_set_has(set, name));
    WN_ASSERT(strlen(dtype) <= WN_MODEL_DTYPE_MAX && strlen(task) <= WN_MODEL_TASK_MAX);
    snprintf(of->name, sizeof of->name, "%.*s", WN_STR_ARG(name));
    snprintf(of->dir, sizeof of->dir, "%s", dir);
    snprintf(of->dtype, sizeof of->dtype, "%s", dtype);
    snprintf(of->task, sizeof of->task, "%s", task);
    return WN_OK;
}

wn_status wn_model_set_new(wn_model_set **out, const wn_model_set_options *options, wn_error *err)
{
    WN_ASSERT(options->n_sources > 0 && options->n_sources <= WN_MODELS_MAX);
    wn_model_set *set = wn_mem_zalloc(1, sizeof *set);
    if (set == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for models");
    wn_status status = WN_OK;
    set->options = *options;
    wn_lock_init(&set->lock);
    wn_cond_init(&set->changed);
    for (size_t i = 0; i < options->n_sources && status == WN_OK; i++)
        status = add_source(set, &set->places[i], &options->sources[i], err);
    *out = set; /* the thread may tell that all are loaded before this returns */
    if (status == WN_OK)
        status = wn_thread_start(&set->thread, "wn-load", work, set, err);
    if (status != WN_OK) {
        *out = NULL;
        wn_model_set_free(set);
    }
    return status;
}

void wn_model_set_stop(wn_model_set *set)
{
    if (set == NULL)
        return;
    wn_lock_enter(&set->lock);
    set->stopping = true;
    wn_cond_signal(&set->changed);
    wn_lock_leave(&set->lock);
    wn_thread_join(set->thread);
    set->thread = NULL;
    for (wn_model *model = set->models; model != NULL; model = model->next)
        wn_backend_stop(model->backend);
}

void wn_model_set_free(wn_model_set *set)
{
    if (set == NULL)
        return;
    wn_model_set_stop(set);
    for (wn_model *next, *model = set->models; model != NULL; model = next) {
        next = model->next;
        free_model(model);
    }
    wn_cond_deinit(&set->changed);
    wn_lock_deinit(&set->lock);
    wn_mem_free(set);
}

/* ---- using ----------------------------------------------------------------------------------- */

const char *wn_model_set_default_name(const wn_model_set *set)
{
    return set->places[0].name;
}

/* Needs:   the lock. */
static place *find(wn_model_set *set, wn_str name)
{
    for (size_t i = 0; i < WN_MODELS_MAX; i++)
        if (wn_model_name_equal(name, wn_str_from(set->places[i].name)))
            return &set->places[i];
    return NULL;
}

bool wn_model_set_has(wn_model_set *set, wn_str name)
{
    wn_lock_enter(&set->lock);
    bool found = find(set, name) != NULL;
    wn_lock_leave(&set->lock);
    return found;
}

/* Needs:   the lock. */
static wn_model *use(const place *of)
{
    if (of == NULL || of->model == NULL)
        return NULL;
    of->model->n_uses++;
    return of->model;
}

wn_model *wn_model_set_take(wn_model_set *set, wn_str name)
{
    wn_lock_enter(&set->lock);
    wn_model *model = use(find(set, name));
    wn_lock_leave(&set->lock);
    return model;
}

wn_model *wn_model_set_take_at(wn_model_set *set, size_t i)
{
    wn_lock_enter(&set->lock);
    wn_model *model = use(&set->places[i]);
    wn_lock_leave(&set->lock);
    return model;
}

void wn_model_give(wn_model *model)
{
    if (model == NULL)
        return;
    wn_model_set *set = model->set;
    wn_lock_enter(&set->lock);
    WN_ASSERT(model->n_uses > 0);
    if (--model->n_uses == 0)
        wn_cond_signal(&set->changed);
    wn_lock_leave(&set->lock);
}

wn_backend *wn_model_backend(const wn_model *model)
{
    return model->backend;
}

const char *wn_model_name(const wn_model *model)
{
    return model->name;
}

size_t wn_model_place(const wn_model *model)
{
    return model->place;
}

bool wn_model_set_next(wn_model_set *set, size_t *i, wn_model_facts *out)
{
    wn_lock_enter(&set->lock);
    while (*i < WN_MODELS_MAX && set->places[*i].name[0] == '\0')
        ++*i;
    const place *of = *i < WN_MODELS_MAX ? &set->places[(*i)++] : NULL;
    if (of != NULL) {
        *out = (wn_model_facts){.state = of->state,
                                .is_default = of == set->places,
                                .serving = of->model != NULL,
                                .n_loads = of->n_loads};
        memcpy(out->name, of->name, sizeof out->name);
        memcpy(out->dir, of->dir, sizeof out->dir);
        memcpy(out->dtype, of->dtype, sizeof out->dtype);
        if (of->state == WN_MODEL_FAILED)
            memcpy(out->error, of->error.message, sizeof out->error);
        if (of->model != NULL) {
            out->bytes = of->model->bytes;
            out->in_flight = of->model->n_uses - 1;
        }
    }
    wn_lock_leave(&set->lock);
    return of != NULL;
}

/* ---- changing -------------------------------------------------------------------------------- */

/* Needs:   the lock. */
static place *find_free(wn_model_set *set)
{
    for (size_t i = 0; i < WN_MODELS_MAX; i++)
        if (set->places[i].name[0] == '\0')
            return &set->places[i];
    return NULL;
}

bool wn_model_dtype_is_valid(wn_str dtype)
{
    static const char *const names[] = {"f32", "bf16", "int8", "auto"};
    for (size_t i = 0; i < WN_ARRAY_LEN(names); i++) {
        if (wn_str_equal(dtype, wn_str_from(names[i])))
            return true;
    }
    return false;
}

wn_model_outcome wn_model_set_load(wn_model_set *set, wn_str name, const char *dir,
                                   const char *dtype)
{
    wn_model_outcome outcome = WN_MODEL_DONE;
    wn_lock_enter(&set->lock);
    place *of = find(set, name);
    if (of == NULL && (of = find_free(set)) != NULL) {
        snprintf(of->name, sizeof of->name, "%.*s", WN_STR_ARG(name));
        wn_metrics_forget_model(set->options.backend.metrics, (size_t)(of - set->places));
    } else if (of == NULL) {
        outcome = WN_MODEL_TOO_MANY;
    } else if (of->state == WN_MODEL_LOADING) {
        outcome = WN_MODEL_BUSY;
    }
    if (outcome == WN_MODEL_DONE) {
        of->state = WN_MODEL_LOADING;
        snprintf(of->dir, sizeof of->dir, "%s", dir);
        snprintf(of->dtype, sizeof of->dtype, "%s", dtype);
        of->task[0] = '\0';
        wn_cond_signal(&set->changed);
    }
    wn_lock_leave(&set->lock);
    return outcome;
}

wn_model_outcome wn_model_set_remove(wn_model_set *set, wn_str name)
{
    wn_lock_enter(&set->lock);
    place *of = find(set, name);
    wn_model_outcome outcome = of == NULL                      ? WN_MODEL_UNKNOWN
                               : of == set->places             ? WN_MODEL_IS_DEFAULT
                               : of->state == WN_MODEL_LOADING ? WN_MODEL_BUSY
                                                               : WN_MODEL_DONE;
    if (outcome == WN_MODEL_DONE) {
        if (of->model != NULL)
            of->model->n_uses--;
        *of = (place){0};
        wn_cond_signal(&set->changed);
    }
    wn_lock_leave(&set->lock);
    return outcome;
}
