/* See guard.h.  The reference holds one layer's matrices in f32 and packs each when it is its turn,
 * so that checking a model does not take the memory that its faster form saves; all pairs go
 * through in one batch, so each layer is packed once. */
#include "rank/guard.h"

#include "base/mem.h"
#include "base/str.h"
#include "rank/abi.h"

#include <math.h>

#define TAU_MIN          0.95 /* of 24 pairs: some that hardly differ may change places */
#define LARGEST          0.10 /* of the spread */
#define N_TEXTS          3
#define WITHIN(x, bound) ((x) <= (bound)) /* false for NaN */

/* A question, a text that answers it, one near to it, one about something else. */
static const struct {
    const char *query, *texts[N_TEXTS];
} samples[] = {
    {"how do plants make food",
     {"Photosynthesis lets plants turn sunlight, water and air into sugar.",
      "Most house plants need water once or twice a week.",
      "The train to the airport runs every twenty minutes."}},
    {"capital of Italy",
     {"Rome is the capital and the largest city of Italy.",
      "Milan is known for its fashion houses and its opera.",
      "A good bread dough rests overnight in the refrigerator."}},
    {"wie entferne ich einen Kalkfleck",
     {"Kalk auf Fliesen löst sich mit Essig oder Zitronensäure.",
      "Die Fliesen im Bad sind weiß und glatt.",
      "Der Ausschuss vertagte die Abstimmung auf Montag."}},
    {"how to remove a file in Linux",
     {"The command rm deletes a file on a Linux system.",
      "The kernel schedules processes on all cores.",
      "The violin concerto was first performed in Vienna."}},
    {"remède contre le mal de gorge",
     {"Une tisane au miel soulage souvent le mal de gorge.",
      "Le médecin reçoit les patients le mardi matin.",
      "Le musée ferme une heure plus tôt en hiver."}},
    {"mejor época para visitar Japón",
     {"La primavera, con los cerezos en flor, es ideal para viajar a Japón.",
      "Japón exporta automóviles y aparatos electrónicos.",
      "La receta lleva dos huevos y una taza de harina."}},
    {"who painted the Mona Lisa",
     {"Leonardo da Vinci painted the Mona Lisa around 1503.",
      "The museum shows paintings of four centuries.",
      "Install the update and restart the computer."}},
    {"cheap hotel near the beach",
     {"An affordable hotel only two minutes from the beach.",
      "The beach is crowded on summer weekends.",
      "The equation has two real solutions when the discriminant is positive."}},
};

_Static_assert(WN_ARRAY_LEN(samples) * N_TEXTS == WN_GUARD_PAIRS, "as guard.h says");

/* Logits of all pairs by an engine. */
static wn_status score(float *logits, const wn_engine *engine, wn_error *err)
{
    wn_runner *runner = NULL;
    wn_job *jobs[WN_ARRAY_LEN(samples)] = {NULL};
    wn_str texts[WN_ARRAY_LEN(samples)][N_TEXTS]; /* the jobs borrow them */
    const wn_runner_options options = WN_RUNNER_OPTIONS_INIT;
    wn_status status;
    WN_TRY(wn_runner_new(&runner, engine, &options, err));
    for (size_t i = 0; i < WN_ARRAY_LEN(samples); i++) {
        for (size_t t = 0; t < N_TEXTS; t++)
            texts[i][t] = wn_str_from(samples[i].texts[t]);
        wn_request request = WN_REQUEST_INIT;
        request.query = wn_str_from(samples[i].query);
        request.documents = texts[i];
        request.n_documents = N_TEXTS;
        request.long_docs = WN_LONG_DOCS_TRUNCATE;
        WN_TRY_OUT(wn_job_new(&jobs[i], runner, &request, err));
    }
    WN_TRY_OUT(wn_run(runner, jobs, WN_ARRAY_LEN(samples), err));
    for (size_t i = 0; i < WN_ARRAY_LEN(samples); i++) {
        size_t n;
        const wn_result *results = wn_job_results(jobs[i], &n);
        for (size_t t = 0; t < n; t++)
            logits[i * N_TEXTS + results[t].index] = results[t].logit;
    }
out:
    for (size_t i = 0; i < WN_ARRAY_LEN(samples); i++)
        wn_job_free(jobs[i]);
    wn_runner_free(runner);
    return status;
}

static int sign(float x)
{
    return (x > 0) - (x < 0);
}

static void compare(wn_dtype_report *out, const float *fast, const float *exact)
{
    long sum = 0, n_ordered = 0;
    float low = exact[0], high = exact[0], largest = 0;
    for (size_t i = 0; i < WN_GUARD_PAIRS; i++) {
        float difference = fabsf(fast[i] - exact[i]);
        largest = difference > largest || isnan(difference) ? difference : largest;
        low = fminf(low, exact[i]);
        high = fmaxf(high, exact[i]);
        for (size_t j = 0; j < i; j++) {
            sum += sign(exact[i] - exact[j]) * sign(fast[i] - fast[j]);
            n_ordered += exact[i] != exact[j];
        }
    }
    *out = (wn_dtype_report){.n_pairs = WN_GUARD_PAIRS,
                             .tau = n_ordered > 0 ? (double)sum / (double)n_ordered : 0,
                             .largest = (double)largest,
                             .spread = (double)(high - low)};
    out->good = out->tau >= TAU_MIN && WITHIN(out->largest, LARGEST * out->spread);
}

wn_status wn_guard_init(wn_guard *out, const wn_engine *engine, wn_pool *pool, wn_error *err)
{
    const wn_gemm *f32 = engine->kernels->gemm_f32;
    const wn_model_options options = {
        .kernels = engine->kernels, .gemm = f32, .pool = pool, .by_turns = true};
    wn_engine reference = *engine; /* shares all but the model */
    reference.gemm = f32;
    WN_TRY(wn_model_load(&reference.model, &engine->config, engine->origin.tensors, &options, err));
    wn_status status = score(out->exact, &reference, err);
    wn_model_free(reference.model);
    return status;
}

wn_status wn_guard_measure(wn_dtype_report *out, const wn_guard *guard, const wn_engine *engine,
                           wn_error *err)
{
    float fast[WN_GUARD_PAIRS];
    WN_TRY(score(fast, engine, err));
    compare(out, fast, guard->exact);
    return WN_OK;
}

wn_status wn_engine_check_dtype(const wn_engine *engine, wn_dtype_report *out, wn_error *err)
{
    wn_guard guard;
    wn_dtype_report report;
    WN_TRY(wn_guard_init(&guard, engine, NULL, err));
    WN_TRY(wn_guard_measure(&report, &guard, engine, err));
    return wn_abi_write(out, &report, sizeof report, "wn_dtype_report", err);
}
