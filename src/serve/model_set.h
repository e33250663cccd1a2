/* The models that a server answers with, by name; the first one is the default.  A thread of its
 * own loads them, one after the other, and frees those that nobody uses any more.  A model that is
 * loaded for a name that has one takes its place when it has passed its self-test, and not before:
 * who asked earlier is answered by the old one, which is freed behind the last of them.
 * Each model has its own backend with its own compute threads; the system shares the processors
 * among those that are busy.
 * Thread rule: any, unless a function says otherwise. */
#ifndef WN_SERVE_MODEL_SET_H
#define WN_SERVE_MODEL_SET_H

#include "base/log.h"
#include "serve/backend.h"
#include "serve/budget.h"
#include "serve/model_names.h"

#define WN_MODELS_MAX      WN_METRIC_MODELS
#define WN_MODEL_DIR_MAX   1023 /* bytes */
#define WN_MODEL_DTYPE_MAX 7
#define WN_MODEL_TASK_MAX  63

typedef struct wn_model wn_model; /* a loaded one; who takes it gives it back */
typedef struct wn_model_set wn_model_set;

typedef struct wn_model_source {
    const char *name;  /* NULL: after the directory */
    const char *dir;   /* NULL: the built-in model */
    const char *dtype; /* as of wn_engine_options; NULL: that of the set's options */
    const char *task;  /* likewise */
} wn_model_source;

typedef struct wn_model_set_options {
    wn_backend_options backend;     /* of each model; model_dir comes from its source */
    const wn_model_source *sources; /* [n_sources], 1..WN_MODELS_MAX, names all different */
    size_t n_sources;
    wn_budget *budget;   /* whose limit gives way to models that are loaded later */
    uint64_t budget_min; /* what has to be left of it */
    wn_log *log;
    /* Told once, on the set's thread: all sources are loaded, or one cannot be. */
    void (*loaded)(void *owner, const wn_error *err);
    void *owner;
} wn_model_set_options;

typedef enum wn_model_state {
    WN_MODEL_LOADING = 0,
    WN_MODEL_READY,
    WN_MODEL_FAILED /* what was there before, if anything, still answers */
} wn_model_state;

/* What can be told of a name. */
typedef struct wn_model_facts {
    char name[WN_MODEL_NAME_MAX + 1];
    char dir[WN_MODEL_DIR_MAX + 1];     /* of the last load; "": the built-in model */
    char dtype[WN_MODEL_DTYPE_MAX + 1]; /* asked for with it; "": the set's */
    wn_model_state state;               /* of the last load */
    char error[sizeof((wn_error *)0)->message];
    bool is_default;
    bool serving;     /* a model answers to it */
    uint64_t bytes;   /* of that model */
    size_t in_flight; /* requests that it has now */
    size_t n_loads;   /* models that have answered to the name */
} wn_model_facts;

typedef enum wn_model_outcome {
    WN_MODEL_DONE = 0,
    WN_MODEL_BUSY,      /* a model is being loaded for the name */
    WN_MODEL_TOO_MANY,  /* WN_MODELS_MAX names */
    WN_MODEL_UNKNOWN,   /* no such name */
    WN_MODEL_IS_DEFAULT /* can be replaced, not removed */
} wn_model_outcome;

/* Start to load the sources; *out is there before loaded() is called.
 * Fails:   WN_ERR_ARGUMENT for a name or directory that is too long, WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_model_set_free(); keeps copies of the sources, borrows the
 *          rest of the options. */
WN_MUST_USE wn_status wn_model_set_new(wn_model_set **out, const wn_model_set_options *options,
                                       wn_error *err);

/* Finish the load under way and the tickets of all models; further ones are refused.  NULL is
 * allowed. */
void wn_model_set_stop(wn_model_set *set);

/* Stop and free, when all models are given back.  NULL is allowed. */
void wn_model_set_free(wn_model_set *set);

/* The name that a source has. */
wn_str wn_model_source_name(const wn_model_source *source);

/* The name of the first model, which never changes. */
const char *wn_model_set_default_name(const wn_model_set *set);

/* Whether there is such a name, in any state. */
bool wn_model_set_has(wn_model_set *set, wn_str name);

/* The model of a name, or of place i of 0..WN_MODELS_MAX-1; NULL when there is none.
 * Owns:    caller gives it back with wn_model_give(). */
wn_model *wn_model_set_take(wn_model_set *set, wn_str name);
wn_model *wn_model_set_take_at(wn_model_set *set, size_t i);

/* Give a model back; NULL is allowed. */
void wn_model_give(wn_model *model);

/* What it is, while it is taken. */
wn_backend *wn_model_backend(const wn_model *model);
const char *wn_model_name(const wn_model *model);
size_t wn_model_place(const wn_model *model); /* of its name, 0..WN_MODELS_MAX-1 */

/* The facts of the next name, from place *i on; false behind the last. */
bool wn_model_set_next(wn_model_set *set, size_t *i, wn_model_facts *out);

/* Whether a model may be asked for in it: f32, bf16, int8 or auto. */
bool wn_model_dtype_is_valid(wn_str dtype);

/* Load a model for a name, new or not; the outcome of loading is among the facts.
 * Needs:   name, dir and dtype ("": the set's) within their limits; wn_model_name_is_valid(). */
wn_model_outcome wn_model_set_load(wn_model_set *set, wn_str name, const char *dir,
                                   const char *dtype);

/* Take a name away. */
wn_model_outcome wn_model_set_remove(wn_model_set *set, wn_str name);

#endif
