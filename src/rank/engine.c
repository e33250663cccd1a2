/* Opening a model: read the files, tell the family, load tensors and tokenizer side by side, then
 * prove that they fit: every id that the tokenizer can give has a row in the embedding table, every
 * type id too.  After that no id is checked again. */
#include "rank/engine.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/str.h"
#include "base/thread.h"
#include "data/safetensors.h"
#include "rank/abi.h"
#include "rank/fingerprint.h"
#include "rank/guard.h"
#include "rank/listwise.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WN_WHERE            "rank/engine"
#define CONFIG_BYTES_MAX    (16u << 20)
#define TOKENIZER_BYTES_MAX (256u << 20)
#define FILES_MAX           (8 + WN_MODULES_MAX)

/* A card says nothing that scores depend on, so one that cannot be read is as good as none. */
static wn_status read_card(const wn_origin *origin, wn_buf *buf, wn_str *out, const char *name,
                           wn_error *err)
{
    wn_error ignored = {0};
    wn_status status = wn_origin_read(origin, buf, out, name, CONFIG_BYTES_MAX, false, &ignored);
    if (status == WN_ERR_MEMORY)
        WN_FAIL(err, WN_ERR_MEMORY, "%s", ignored.message);
    return WN_OK;
}

/* The bytes of the files that say what a model is. */
typedef struct config_bytes {
    wn_buf at[FILES_MAX];
    size_t n;
} config_bytes;

static wn_buf *next_buf(config_bytes *bytes)
{
    WN_ASSERT(bytes->n < FILES_MAX);
    return &bytes->at[bytes->n++];
}

static void config_bytes_deinit(config_bytes *bytes)
{
    for (size_t i = 0; i < bytes->n; i++)
        wn_buf_deinit(&bytes->at[i]);
}

/* Read a file that scores depend on. */
static wn_status read_part(wn_engine *engine, config_bytes *bytes, wn_str *out, const char *name,
                           bool required, wn_error *err)
{
    WN_TRY(wn_origin_read(&engine->origin, next_buf(bytes), out, name, CONFIG_BYTES_MAX, required,
                          err));
    engine->config_print = wn_fingerprint_file(engine->config_print, *out);
    return WN_OK;
}

/* The config.json of each module that has a folder. */
static wn_status read_modules(wn_engine *engine, config_bytes *bytes, wn_model_files *files,
                              wn_error *err)
{
    wn_folders folders;
    WN_TRY(wn_config_list_folders(&folders, files->modules, err));
    for (size_t i = 0; i < folders.n; i++) {
        char name[WN_FOLDER_MAX + sizeof "/config.json"];
        if (folders.at[i][0] == '\0')
            continue;
        snprintf(name, sizeof name, "%s/config.json", folders.at[i]);
        WN_TRY(read_part(engine, bytes, &files->module_configs[i], name, false, err));
    }
    return WN_OK;
}

/* The weights of the modules that make a head.  A file that is not there is no mistake yet:
 * wn_quantize() writes all weights into one. */
static wn_status add_modules(wn_engine *engine, wn_error *err)
{
    const wn_module_head *head = &engine->config.modules;
    const wn_module *const modules[] = {&head->dense, &head->norm, &head->out};
    const wn_origin *origin = &engine->origin;
    for (size_t i = 0; i < WN_ARRAY_LEN(modules); i++) {
        if (origin->dir != NULL && modules[i]->folder[0] != '\0')
            WN_TRY(wn_safetensors_add(origin->tensors, origin->dir, modules[i]->folder, err));
    }
    return WN_OK;
}

static wn_status read_config_files(wn_engine *engine, wn_model_files *files, config_bytes *bytes,
                                   wn_error *err)
{
    const struct {
        const char *name;
        wn_str *out;
    } optional[] = {
        {"tokenizer_config.json", &files->tokenizer_config},
        {"config_sentence_transformers.json", &files->sentence_transformers},
        {"sentence_bert_config.json", &files->sentence_bert_config},
        {"modules.json", &files->modules},
        {"artifact.metadata", &files->colbert_metadata},
    };
    WN_TRY(read_part(engine, bytes, &files->config, "config.json", true, err));
    for (size_t i = 0; i < WN_ARRAY_LEN(optional); i++)
        WN_TRY(read_part(engine, bytes, optional[i].out, optional[i].name, false, err));
    WN_TRY(read_modules(engine, bytes, files, err));
    WN_TRY(read_card(&engine->origin, next_buf(bytes), &files->readme, "README.md", err));
    return read_card(&engine->origin, next_buf(bytes), &files->model_card, "MODEL_CARD.md", err);
}

static wn_status read_config(wn_engine *engine, const char *task, wn_error *err)
{
    config_bytes bytes = {.n = 0};
    wn_model_files files = {.task = task};
    wn_status status = read_config_files(engine, &files, &bytes, err);
    if (status == WN_OK)
        status = wn_origin_tensors(&engine->origin, err);
    files.tensors = engine->origin.tensors;
    if (task != NULL)
        engine->config_print = wn_fingerprint_file(engine->config_print, wn_str_from(task));
    if (status == WN_OK)
        status = wn_config_parse(&engine->config, &files, err);
    if (status == WN_OK)
        status = add_modules(engine, err);
    config_bytes_deinit(&bytes);
    return status;
}

/* Loading the tensors and reading the tokenizer are independent and take about as long. */
typedef struct loading {
    wn_engine *engine;
    wn_pool *pool; /* that packs */
    wn_status status[2];
    wn_error err[2];
} loading;

static wn_status load_weights(wn_engine *engine, wn_pool *pool, wn_error *err)
{
    const wn_model_options options = {
        .kernels = engine->kernels, .gemm = engine->gemm, .pool = pool};
    return wn_model_load(&engine->model, &engine->config, engine->origin.tensors, &options, err);
}

static wn_status load_tokenizer(wn_engine *engine, wn_error *err)
{
    const char *dir = engine->origin.dir;
    wn_buf bytes = WN_BUF_INIT;
    wn_str json;
    wn_status status = wn_origin_read(&engine->origin, &bytes, &json, "tokenizer.json",
                                      TOKENIZER_BYTES_MAX, true, err);
    if (status == WN_OK) {
        engine->tokenizer_print = wn_fingerprint_file(0, json);
        status = wn_tokenizer_parse(&engine->tokenizer, json, err);
        if (status != WN_OK && engine->origin.gguf == NULL)
            wn_error_prefix(err, status, "%s%stokenizer.json", dir == NULL ? "" : dir,
                            dir == NULL ? "built-in " : "/");
    }
    wn_buf_deinit(&bytes);
    if (status == WN_OK)
        status = wn_prompt_make(&engine->prompt, &engine->config, engine->tokenizer, &engine->arena,
                                err);
    return status;
}

static void load_part(void *arg, size_t item, int32_t worker)
{
    (void)worker;
    loading *l = arg;
    if (l->engine->config.asks && l->status[0] != WN_OK)
        return;
    l->status[item] = item == 0 ? load_tokenizer(l->engine, &l->err[0])
                                : load_weights(l->engine, l->pool, &l->err[1]);
}

static wn_status load_parts(wn_engine *engine, wn_pool *pool, wn_error *err)
{
    loading l = {.engine = engine, .pool = pool};
    wn_pool *pair = NULL;
    if (pool != NULL && !engine->config.asks) /* a model that asks loads its answers' rows */
        WN_TRY(wn_pool_new(&pair, 2, err));
    wn_pool_run(pair, 2, load_part, &l);
    wn_pool_free(pair);
    for (size_t i = 2; i-- > 0;) {
        if (l.status[i] != WN_OK) {
            if (err != NULL)
                *err = l.err[i];
            return l.status[i];
        }
    }
    return WN_OK;
}

/* Every special token of a template needs a row of the embedding tables. */
static wn_status check_template(const wn_engine *engine, bool pair, wn_error *err)
{
    const wn_config *config = &engine->config;
    size_t n;
    const wn_template_item *items = wn_tokenizer_template(engine->tokenizer, pair, &n);
    for (size_t i = 0; i < n; i++) {
        if (items[i].id >= 0 && (size_t)items[i].id >= config->vocab)
            WN_FAIL(err, WN_ERR_FORMAT,
                    "tokenizer.json: the template uses id %d, config.json: vocab_size is %zu",
                    items[i].id, config->vocab);
        if (engine->use_types &&
            (items[i].type_id < 0 || (size_t)items[i].type_id >= config->type_vocab))
            WN_FAIL(err, WN_ERR_FORMAT,
                    "tokenizer.json: the template uses type id %d, config.json: type_vocab_size is "
                    "%zu",
                    items[i].type_id, config->type_vocab);
    }
    return WN_OK;
}

/* Every id of the tokenizer needs a row of the embedding table. */
static wn_status check_tokenizer(wn_engine *engine, wn_error *err)
{
    const wn_config *config = &engine->config;
    size_t vocab = wn_tokenizer_vocab_size(engine->tokenizer);
    for (size_t id = config->vocab; id < vocab; id++) {
        wn_str token = wn_tokenizer_token(engine->tokenizer, (int32_t)id);
        if (token.ptr != NULL)
            WN_FAIL(err, WN_ERR_FORMAT,
                    "tokenizer.json: token '%.*s' has id %zu, config.json: vocab_size is %zu",
                    WN_STR_ARG(token), id, config->vocab);
    }
    engine->use_types = config->has_types;
    WN_TRY(check_template(engine, false, err));
    return check_template(engine, true, err);
}

/* An id that config.json gives, or the id of a token by name. */
static wn_status resolve_id(const wn_engine *engine, int32_t *id, const char *const *names,
                            const char *what, wn_error *err)
{
    for (size_t i = 0; *id < 0 && names[i] != NULL; i++)
        *id = wn_tokenizer_find(engine->tokenizer, wn_str_from(names[i]));
    if (*id < 0)
        WN_FAIL(err, WN_ERR_FORMAT, "tokenizer.json has no %s token ('%s')", what, names[0]);
    if ((size_t)*id >= engine->config.vocab)
        WN_FAIL(err, WN_ERR_FORMAT, "config.json: %s id is %d, vocab_size is %zu", what, *id,
                engine->config.vocab);
    return WN_OK;
}

static bool is_ascii_punctuation(char c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

/* Skip the first token of each character: all of WordPiece's, of Metaspace's some are two. */
static wn_status find_punctuation(wn_engine *engine, wn_error *err)
{
    wn_encoder *encoder = NULL;
    wn_ids ids = WN_IDS_INIT;
    wn_status status;
    engine->skip_token = wn_arena_alloc(&engine->arena, engine->config.vocab, 1);
    if (engine->skip_token == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for %zu token flags", engine->config.vocab);
    memset(engine->skip_token, 0, engine->config.vocab);
    WN_TRY_OUT(wn_encoder_new(&encoder, engine->tokenizer, err));
    for (int c = '!'; c <= '~'; c++) {
        char text = (char)c;
        ids.n = 0;
        if (!is_ascii_punctuation(text))
            continue;
        WN_TRY_OUT(wn_encode(encoder, &ids, (wn_str){&text, 1}, true, err));
        if (ids.n > 0)
            engine->skip_token[ids.ids[0]] = 1;
    }
out:
    wn_ids_deinit(&ids);
    wn_encoder_free(encoder);
    return status;
}

static wn_status prepare_late(wn_engine *engine, wn_error *err)
{
    wn_late_config *late = &engine->config.late;
    const char *const query[] = {late->query_token, NULL}, *const doc[] = {late->doc_token, NULL};
    WN_TRY(resolve_id(engine, &late->query_marker, query, "query marker", err));
    WN_TRY(resolve_id(engine, &late->doc_marker, doc, "document marker", err));
    WN_TRY(
        resolve_id(engine, &late->cls_id, (const char *const[]){"[CLS]", "<s>", NULL}, "CLS", err));
    WN_TRY(resolve_id(engine, &late->sep_id, (const char *const[]){"[SEP]", "</s>", NULL}, "SEP",
                      err));
    if (late->query_pad_to > 0)
        WN_TRY(resolve_id(engine, &late->mask_id, (const char *const[]){"[MASK]", "<mask>", NULL},
                          "mask", err));
    return late->skip_punctuation ? find_punctuation(engine, err) : WN_OK;
}

/* A prompt that ends in a token of its own ends in no padding. */
static bool may_end_in_pads(const wn_engine *engine)
{
    const wn_config *config = &engine->config;
    const wn_template *pair = &engine->prompt.plain.pair;
    int32_t last = pair->count > 0 ? pair->items[pair->count - 1].id : WN_SEQUENCE_B;
    return config->passes_pads && (last < 0 || last == config->pad_id);
}

/* Tokens of a query in a prompt that has so many around query and document. */
static size_t room_of_query(const wn_config *config, size_t around)
{
    size_t room = config->max_tokens > around ? (config->max_tokens - around) * 3 / 4 : 0;
    return config->max_query_tokens > 0 ? WN_MIN(room, config->max_query_tokens) : room;
}

/* Limits of a query and of what surrounds the texts, once, for all requests. */
static wn_status prepare_limits(wn_engine *engine, wn_error *err)
{
    const wn_config *config = &engine->config;
    engine->n_special_pair = engine->prompt.plain.pair.n_special;
    if (config->prompt == WN_PROMPT_NONE) /* else texts have no special tokens of their own */
        engine->n_special_single = wn_tokenizer_n_special(engine->tokenizer, false);
    size_t room = config->max_tokens;
    size_t n_part = engine->prompt.doc_again.n + engine->prompt.doc_end.n + 1;
    if (config->kind == WN_KIND_LATE_INTERACTION) {
        engine->n_special_single = 3;
        room = config->late.max_query_tokens;
        WN_TRY(prepare_late(engine, err));
    } else if (config->kind == WN_KIND_CROSS_ENCODER) {
        size_t around = engine->n_special_pair - engine->prompt.plain.n_between;
        room = config->max_tokens / 4 * 3;
        if (config->prompt != WN_PROMPT_NONE)
            room = room_of_query(config, around);
        else if (config->max_query_tokens > 0)
            room = config->max_query_tokens;
    }
    if (config->kind == WN_KIND_LISTWISE)
        room = WN_MIN(config->max_tokens, (size_t)WN_LISTWISE_QUERY_TOKENS);
    bool pairs = !wn_engine_reads_apart(engine);
    size_t n_special = pairs ? engine->n_special_pair : engine->n_special_single;
    engine->may_end_in_pads = may_end_in_pads(engine);
    if (n_special == 0) /* the first of them is what the models pool, and no text is then empty */
        WN_FAIL(err, WN_ERR_FORMAT,
                "tokenizer.json: the template adds no special token, expected at least one");
    if (room <= engine->n_special_single || config->max_tokens <= n_special + (pairs ? n_part : 0))
        WN_FAIL(err, WN_ERR_FORMAT,
                "a sequence has at most %zu tokens (a query %zu), the special tokens alone are %zu",
                config->max_tokens, room, n_special);
    engine->max_query_ids = room - engine->n_special_single;
    if (pairs)
        engine->max_query_ids =
            WN_MIN(engine->max_query_ids, config->max_tokens - engine->n_special_pair - n_part);
    return WN_OK;
}

size_t wn_engine_row_room(const wn_engine *engine, size_t n_others)
{
    if (engine->config.kind == WN_KIND_LATE_INTERACTION)
        return engine->config.late.max_doc_tokens - engine->n_special_single;
    if (engine->config.kind == WN_KIND_EMBEDDER)
        return engine->config.max_tokens - engine->n_special_single;
    if (engine->config.kind == WN_KIND_LISTWISE)
        return WN_MIN(engine->config.max_tokens, (size_t)WN_LISTWISE_DOC_TOKENS);
    size_t room = n_others >= engine->config.max_tokens ? 0 : engine->config.max_tokens - n_others;
    return engine->config.max_doc_tokens > 0 ? WN_MIN(room, engine->config.max_doc_tokens) : room;
}

static void make_fingerprint(wn_engine *engine)
{
    const uint64_t files[2] = {engine->config_print, engine->tokenizer_print};
    uint64_t all = wn_fingerprint_file(0, (wn_str){(const char *)files, sizeof files});
    all = wn_fingerprint_tensors(all, engine->origin.tensors);
    snprintf(engine->fingerprint, sizeof engine->fingerprint, "%016" PRIx64, all);
}

static wn_status read_options(wn_engine_options *out, const wn_engine_options *options,
                              wn_error *err)
{
    WN_TRY(wn_abi_read(out, sizeof *out, options, "wn_engine_options", err));
    if (out->n_threads < 0 || out->n_threads > WN_POOL_THREADS_MAX)
        WN_FAIL(err, WN_ERR_ARGUMENT, "n_threads is %d, expected 0..%d", out->n_threads,
                WN_POOL_THREADS_MAX);
    return WN_OK;
}

static wn_status choose_kernels(wn_engine *engine, const char *level, wn_error *err)
{
    engine->kernels = wn_kernels_get(level, &engine->cpu_reason);
    if (engine->kernels == NULL)
        WN_FAIL(err, WN_ERR_ARGUMENT, "CPU level '%s': %s", level == NULL ? "best" : level,
                engine->cpu_reason);
    return WN_OK;
}

/* Fastest first. */
static const struct {
    const char *name;
    wn_dtype dtype;
} dtypes[] = {{"int8", WN_DTYPE_I8}, {"bf16", WN_DTYPE_BF16}, {"f32", WN_DTYPE_F32}};

static void use_dtype(wn_engine *engine, size_t i)
{
    engine->dtype = dtypes[i].name;
    engine->gemm = wn_kernels_gemm(engine->kernels, dtypes[i].dtype);
}

/* The dtype of a name; of "auto" the first that the level has a product of. */
static wn_status choose_dtype(wn_engine *engine, const char *name, wn_error *err)
{
    bool is_auto = strcmp(name, "auto") == 0;
    for (size_t i = 0; i < WN_ARRAY_LEN(dtypes); i++) {
        if (!is_auto && strcmp(name, dtypes[i].name) != 0)
            continue;
        use_dtype(engine, i);
        if (engine->gemm != NULL)
            return WN_OK;
        if (!is_auto)
            WN_FAIL(err, WN_ERR_ARGUMENT, "dtype '%s': the CPU level '%s' has no product of it",
                    name, engine->kernels->level);
    }
    WN_FAIL(err, WN_ERR_ARGUMENT, "dtype '%s': expected auto, f32, bf16 or int8", name);
}

static wn_status note_report(wn_engine *engine, const wn_dtype_report *report, wn_error *err)
{
    char text[400];
    snprintf(text, sizeof text,
             "%s%s%s: of %zu pairs Kendall's tau to f32 is %.3f, a logit differs by at most %.2g "
             "of %.2g",
             engine->dtype_reason, engine->dtype_reason[0] != '\0' ? "; " : "", engine->dtype,
             report->n_pairs, report->tau, report->largest, report->spread);
    wn_str kept = wn_arena_str(&engine->arena, wn_str_from(text));
    if (kept.ptr == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for a text");
    engine->dtype_reason = kept.ptr;
    return WN_OK;
}

/* From the dtype that the engine is loaded in, go on to slower ones until one is good enough. */
static wn_status settle_dtype(wn_engine *engine, wn_pool *pool, wn_error *err)
{
    size_t i = 0;
    wn_guard guard;
    while (engine->dtype != dtypes[i].name)
        i++;
    if (dtypes[i].dtype != WN_DTYPE_F32)
        WN_TRY(wn_guard_init(&guard, engine, pool, err));
    while (dtypes[i].dtype != WN_DTYPE_F32) {
        wn_dtype_report report;
        WN_TRY(wn_guard_measure(&report, &guard, engine, err));
        WN_TRY(note_report(engine, &report, err));
        if (report.good)
            return WN_OK;
        do
            use_dtype(engine, ++i);
        while (engine->gemm == NULL);
        wn_model_free(engine->model);
        engine->model = NULL;
        WN_TRY(load_weights(engine, pool, err));
    }
    return WN_OK;
}

wn_status wn_engine_open(wn_engine **out, const wn_engine_options *given, wn_error *err)
{
    wn_engine_options options;
    WN_TRY(read_options(&options, given, err));
    wn_engine *engine = wn_mem_zalloc(1, sizeof *engine);
    if (engine == NULL)
        WN_FAIL(err, WN_ERR_MEMORY, "no memory for an engine");
    wn_pool *pool = NULL;
    wn_status status;
    const char *path = options.model_dir;
    engine->name = wn_arena_str(&engine->arena, wn_str_from(path == NULL ? "built-in" : path)).ptr;
    if (engine->name == NULL)
        WN_FAIL_OUT(err, WN_ERR_MEMORY, "no memory for an engine");
    int32_t n_threads = options.n_threads == 0 ? wn_thread_count() : options.n_threads;
    WN_TRY_OUT(choose_kernels(engine, options.cpu_level, err));
    const char *dtype = options.dtype == NULL ? "f32" : options.dtype;
    engine->dtype_reason = "";
    WN_TRY_OUT(choose_dtype(engine, dtype, err));
    WN_TRY_OUT(wn_origin_open(&engine->origin, path == NULL ? NULL : engine->name, err));
    WN_TRY_OUT(read_config(engine, options.task, err));
    WN_TRY_OUT(wn_origin_describe(&engine->stored, &engine->arena, &engine->origin, err));
    if (n_threads > 1)
        WN_TRY_OUT(wn_pool_new(&pool, n_threads, err));
    WN_TRY_OUT(load_parts(engine, pool, err));
    WN_TRY_OUT(check_tokenizer(engine, err));
    WN_TRY_OUT(prepare_limits(engine, err));
    if (strcmp(dtype, "auto") == 0)
        WN_TRY_OUT(settle_dtype(engine, pool, err));
    make_fingerprint(engine);
    *out = engine;
    engine = NULL;
out:
    wn_pool_free(pool);
    if (status != WN_OK && engine->origin.gguf != NULL)
        wn_error_prefix(err, status, "%s", engine->name);
    wn_mem_trim(); /* what loading took for a while would stay until as much is taken again */
    wn_engine_close(engine);
    return status;
}

void wn_engine_close(wn_engine *engine)
{
    if (engine == NULL)
        return;
    wn_model_free(engine->model);
    wn_tokenizer_free(engine->tokenizer);
    wn_origin_close(&engine->origin);
    wn_arena_deinit(&engine->arena);
    wn_mem_free(engine);
}

static const char *activation_name(wn_score_rule rule)
{
    static const char *const names[] = {
        [WN_SCORE_SIGMOID] = "sigmoid",       [WN_SCORE_IDENTITY] = "identity",
        [WN_SCORE_CALIBRATED] = "calibrated", [WN_SCORE_MEAN] = "mean",
        [WN_SCORE_COSINE] = "cosine",
    };
    return names[rule];
}

wn_status wn_engine_get_info(const wn_engine *engine, wn_engine_info *out, wn_error *err)
{
    const wn_config *c = &engine->config;
    bool late = c->kind == WN_KIND_LATE_INTERACTION;
    const wn_engine_info info = {
        .model = engine->name,
        .family = c->family_name,
        .tokenizer = wn_tokenizer_model_name(engine->tokenizer),
        .activation = activation_name(c->score_rule),
        .cpu_level = engine->kernels->level,
        .cpu_reason = engine->cpu_reason,
        .kind = c->kind,
        .n_layers = (int32_t)c->n_layers,
        .hidden = (int32_t)c->hidden,
        .n_heads = (int32_t)c->n_heads,
        .intermediate = (int32_t)c->intermediate,
        .vocab = (int32_t)c->vocab,
        .dim = (int32_t)wn_model_dims(engine->model).out_dim,
        .max_tokens = (int32_t)(late ? c->late.max_doc_tokens : c->max_tokens),
        .max_query_tokens = (int32_t)(engine->max_query_ids + engine->n_special_single),
        .n_parameters = wn_model_n_parameters(engine->model),
        .weight_bytes = wn_model_weight_bytes(engine->model),
        .mapped_bytes = wn_model_mapped_bytes(engine->model),
        .fingerprint = engine->fingerprint,
        .max_document_tokens = (int32_t)wn_engine_row_room(engine, engine->n_special_pair),
        .dtype = engine->dtype,
        .dtype_reason = engine->dtype_reason,
        .license = c->license,
        .stored = engine->stored,
        .takes_instructions = wn_prompt_takes_instructions(&engine->prompt),
    };
    return wn_abi_write(out, &info, sizeof info, "wn_engine_info", err);
}
