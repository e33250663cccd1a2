/* Winnow: put documents in order of relevance to a query.
 *
 * Three handles, three lifetimes.  An engine is a loaded model: read-only, shared by all threads.
 * A runner owns the workspace and the worker threads that score: one call at a time.  A job is one
 * request: its texts tokenised, its results.  wn_rank() does one request in one call.
 *
 * Rules for the whole header.  Texts are UTF-8 and need no NUL.  Options structs start with
 * struct_size and are initialised with their WN_..._INIT macro; 0 or NULL means the default.  Newer
 * versions append fields only, so a program and a library of different age understand each other.
 * Functions that can fail return wn_status, set *err (may be NULL) and leave *out untouched.
 * The library never prints, exits, reads the environment, installs signals or keeps global
 * state. */
#ifndef WINNOW_H
#define WINNOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WN_VERSION "0.1.0"
#define WN_API __attribute__((visibility("default")))
#define WN_MUST_USE __attribute__((warn_unused_result))

/* What went wrong, by what the caller can do about it.  Numbers never change. */
typedef enum wn_status {
    WN_OK = 0,
    WN_ERR_ARGUMENT = 1,    /* the calling program is wrong: a bad option, a NULL, a range */
    WN_ERR_MEMORY = 2,      /* an allocation failed; nothing is half done */
    WN_ERR_IO = 3,          /* a file cannot be opened, read or mapped */
    WN_ERR_FORMAT = 4,      /* a model file is damaged or contradicts itself */
    WN_ERR_UNSUPPORTED = 5, /* a model asks for something that Winnow does not have */
    WN_ERR_LIMIT = 6,       /* a documented limit is exceeded */
    WN_ERR_INPUT = 7,       /* a text is not acceptable: not UTF-8, an empty query */
    WN_ERR_CANCELLED = 8,   /* the request's own should_stop() said so */
    WN_ERR_INTERNAL = 9     /* a mistake of ours */
} wn_status;

/* One error: status, the module that found it, a message that names the thing and both values. */
typedef struct wn_error {
    wn_status status;
    char where[44];
    char message[464];
} wn_error;

/* A text: len bytes at ptr, no NUL needed.  ptr may be NULL when len is 0. */
typedef struct wn_str {
    const char *ptr;
    size_t len;
} wn_str;

typedef struct wn_engine wn_engine; /* shared read-only */
typedef struct wn_runner wn_runner; /* one thread at a time */
typedef struct wn_job wn_job;       /* one thread at a time */

/* The fixed word of a status, such as "WN_ERR_FORMAT".
 * Thread:  any. */
WN_API const char *wn_status_name(wn_status status);

/* The version of the library that is linked, such as "0.1.0".
 * Thread:  any. */
WN_API const char *wn_version(void);

/* Reference results of the built-in model: JSON lines with query, document, raw_score, relevance.
 * Thread:  any; valid for ever. */
WN_API wn_str wn_builtin_reference(void);

/* ---- engine ---------------------------------------------------------------------------------- */

typedef struct wn_engine_options {
    size_t struct_size;
    const char *model_dir; /* a Hugging Face directory, a GGUF file, or a directory that holds one;
                              NULL: the built-in model */
    const char *cpu_level; /* "scalar", "avx2", "avx512", ...; NULL: the best of this machine */
    int32_t n_threads;     /* 1: read tokenizer and tensors one after the other; more: side by
                              side; 0: as the CPU quota allows */
    const char *dtype;     /* what layers are computed in: "f32", "bf16" or "int8"; "auto": the
                              fastest in which this model keeps the order of some sample pairs;
                              NULL: f32.  Embeddings, norms, softmax and heads are f32 always */
    const char *task;      /* whose adapter is added to the weights, and whose instruction is put in
                              front of every text: "retrieval.query", ... of jina-embeddings-v3;
                              NULL: none */
} wn_engine_options;
#define WN_ENGINE_OPTIONS_INIT {.struct_size = sizeof(wn_engine_options)}

/* What the model computes. */
typedef enum wn_kind {
    WN_KIND_CROSS_ENCODER = 1,   /* query and document read together, one logit */
    WN_KIND_LATE_INTERACTION = 2, /* a vector a token, sum of maxima */
    WN_KIND_EMBEDDER = 3,        /* one vector a text; ranks by cosine */
    WN_KIND_LISTWISE = 4         /* query and many documents read together: a document's score
                                    depends on the others of its request and on their order */
} wn_kind;

/* Facts of a loaded engine; strings are valid until wn_engine_close(). */
typedef struct wn_engine_info {
    size_t struct_size;
    const char *model;        /* model_dir as given, or "built-in" */
    const char *family;       /* "bert", "xlm-roberta", "colbert", ... */
    const char *tokenizer;    /* "WordPiece", "Unigram", "BPE" */
    const char *activation;   /* "sigmoid", "identity", "calibrated", "cosine" */
    const char *cpu_level;    /* kernel level in use */
    const char *cpu_reason;   /* why no higher level is in use */
    wn_kind kind;
    int32_t n_layers, hidden, n_heads, intermediate, vocab;
    int32_t dim;              /* width of a vector from wn_embed() or of a token vector */
    int32_t max_tokens;       /* longest sequence, special tokens included */
    int32_t max_query_tokens; /* longest query, special tokens included */
    uint64_t n_parameters;
    size_t weight_bytes;      /* weights that were copied into memory: packed matrices, norms */
    size_t mapped_bytes;      /* the others: tables that are read straight from the file */
    const char *fingerprint;  /* 16 hex digits that change with the model: over its JSON files
                                 whole and its tensors' names, types, shapes and data, of a tensor
                                 over 4,096 bytes 1,024 each from beginning, middle and end */
    int32_t max_document_tokens; /* own tokens of a document that are read at once, beside an empty
                                    query; a longer one is cut or windowed */
    const char *dtype;        /* what layers are computed in: "f32", "bf16", "int8" */
    const char *dtype_reason; /* why "auto" chose it; "" when it was asked for */
    const char *license;      /* of the weights, by the word that config.json, README.md or
                                 MODEL_CARD.md has for it, such as "apache-2.0"; "": none */
    const char *stored;       /* the file's format and its types by their share of the bytes:
                                 "safetensors, F16", "GGUF, Q4_K 74%, Q6_K 25%, F32 1%" */
    bool takes_instructions;  /* of requests: the model is asked in words */
} wn_engine_info;
#define WN_ENGINE_INFO_INIT {.struct_size = sizeof(wn_engine_info)}

/* Load a model.
 * Fails:   WN_ERR_IO, WN_ERR_FORMAT, WN_ERR_UNSUPPORTED (all name file, thing and both values),
 *          WN_ERR_ARGUMENT for an option out of range, an unknown cpu_level, a dtype that the
 *          level has no product of, or a task that the model has no adapter for; WN_ERR_MEMORY.
 * Owns:    caller closes *out with wn_engine_close().  The model's files must not change meanwhile.
 * Thread:  any. */
WN_API WN_MUST_USE wn_status wn_engine_open(wn_engine **out, const wn_engine_options *options,
                                            wn_error *err);

/* How near an engine's dtype is to f32 on sample pairs of short texts. */
typedef struct wn_dtype_report {
    size_t struct_size;
    size_t n_pairs;
    double tau;     /* Kendall's tau between the two orders of all pairs */
    double largest; /* largest difference of two logits of a pair */
    double spread;  /* from the lowest to the highest logit in f32 */
    bool good;      /* good enough for "auto" */
} wn_dtype_report;
#define WN_DTYPE_REPORT_INIT {.struct_size = sizeof(wn_dtype_report)}

/* Score the sample pairs with the engine and in f32, and compare.
 * Fails:   WN_ERR_FORMAT when a score is no number, WN_ERR_MEMORY, WN_ERR_ARGUMENT.
 * Thread:  any. */
WN_API WN_MUST_USE wn_status wn_engine_check_dtype(const wn_engine *engine, wn_dtype_report *out,
                                                   wn_error *err);

/* Free an engine; NULL is allowed.  All its runners and jobs must be gone.
 * Thread:  none may use it any more. */
WN_API void wn_engine_close(wn_engine *engine);

/* Fill *out (its struct_size set by WN_ENGINE_INFO_INIT).
 * Fails:   WN_ERR_ARGUMENT for another struct_size.
 * Thread:  any. */
WN_API WN_MUST_USE wn_status wn_engine_get_info(const wn_engine *engine, wn_engine_info *out,
                                                wn_error *err);

/* ---- quantizing ------------------------------------------------------------------------------ */

typedef struct wn_quantize_options {
    size_t struct_size;
    void (*progress)(void *user, uint64_t n_done, uint64_t n_bytes); /* of the tensors' bytes */
    bool (*should_stop)(void *user); /* polled as often */
    void *user;
} wn_quantize_options;
#define WN_QUANTIZE_OPTIONS_INIT {.struct_size = sizeof(wn_quantize_options)}

typedef struct wn_quantize_report {
    size_t struct_size;
    size_t n_matrices;     /* that became 8-bit integers */
    uint64_t bytes_before; /* of all tensors */
    uint64_t bytes_after;
} wn_quantize_report;
#define WN_QUANTIZE_REPORT_INIT {.struct_size = sizeof(wn_quantize_report)}

/* Write the model of an engine as a directory whose matrices are 8-bit integers, as dtype "int8"
 * makes them when a model is loaded: in that dtype both have the same scores, to the bit.  Any
 * dtype and CPU level can load it.  Nothing is left in out_dir when it fails.
 * Fails:   WN_ERR_ARGUMENT when out_dir is there and not empty; WN_ERR_IO; WN_ERR_UNSUPPORTED when
 *          a matrix is I8 already; WN_ERR_FORMAT when one has values that are no numbers;
 *          WN_ERR_CANCELLED, WN_ERR_LIMIT, WN_ERR_MEMORY.
 * Thread:  any. */
WN_API WN_MUST_USE wn_status wn_quantize(wn_quantize_report *out, const wn_engine *engine,
                                         const char *out_dir, const wn_quantize_options *options,
                                         wn_error *err);

/* ---- runner ---------------------------------------------------------------------------------- */

typedef struct wn_runner_options {
    size_t struct_size;
    int32_t n_threads;    /* 1..256; 0: as many as the CPU quota gives */
    int32_t batch_tokens; /* token budget of one packed batch, at least the model's max_tokens;
                             0: a default that keeps activations in cache */
    bool tokenize_only;   /* no workspace: it makes jobs, which another runner scores */
} wn_runner_options;
#define WN_RUNNER_OPTIONS_INIT {.struct_size = sizeof(wn_runner_options)}

/* The memory plan of a runner: what it allocated, once, when it was made. */
typedef struct wn_runner_info {
    size_t struct_size;
    int32_t n_threads, batch_tokens, batch_seqs;
    size_t activation_bytes; /* tensors of one batch, and what requests' beginnings leave behind */
    size_t scratch_bytes;    /* per-thread scratch, all threads together */
} wn_runner_info;
#define WN_RUNNER_INFO_INIT {.struct_size = sizeof(wn_runner_info)}

/* Make a runner for an engine: plans and allocates all memory that scoring needs.
 * Fails:   WN_ERR_ARGUMENT for an option out of range, WN_ERR_MEMORY.
 * Owns:    borrows engine until wn_runner_free(*out).
 * Thread:  any. */
WN_API WN_MUST_USE wn_status wn_runner_new(wn_runner **out, const wn_engine *engine,
                                           const wn_runner_options *options, wn_error *err);

/* Free a runner; NULL is allowed. */
WN_API void wn_runner_free(wn_runner *runner);

/* Fill *out (its struct_size set by WN_RUNNER_INFO_INIT).
 * Fails:   WN_ERR_ARGUMENT for another struct_size.
 * Thread:  any. */
WN_API WN_MUST_USE wn_status wn_runner_get_info(const wn_runner *runner, wn_runner_info *out,
                                                wn_error *err);

/* ---- ranking --------------------------------------------------------------------------------- */

/* What happens to a pair that is longer than the model's window. */
typedef enum wn_long_docs {
    WN_LONG_DOCS_WINDOWS = 0,  /* overlapping windows, the best one counts */
    WN_LONG_DOCS_TRUNCATE = 1, /* cut as the family's reference does */
    WN_LONG_DOCS_ERROR = 2     /* WN_ERR_LIMIT that names the document and both lengths */
} wn_long_docs;

#define WN_FIELDS_MAX 64

typedef struct wn_request {
    size_t struct_size;
    wn_str query;
    const wn_str *documents; /* [n_documents], or more, see n_fields */
    size_t n_documents;
    size_t top_n;            /* results to return; 0: all */
    wn_long_docs long_docs;
    bool plain_specials;     /* "[SEP]" or "</s>" typed in a text is text, not a special token */
    bool want_windows;       /* report the byte range of the best window of each document */
    bool (*should_stop)(void *user); /* polled after each batch */
    void (*progress)(void *user, size_t n_done, size_t n_documents); /* after each batch */
    void *user;
    size_t max_document_tokens; /* a document counts as that long if it is longer, without special
                                   tokens; under WN_LONG_DOCS_ERROR it is refused; 0: no limit */
    bool want_matches; /* keep what wn_job_matches() tells; for late-interaction models */
    size_t n_fields;   /* a document is so many texts, documents [n_documents][n_fields]; each is
                          scored for itself, and the document's logit is the weighted mean over
                          those that have a token of their own; at most WN_FIELDS_MAX; 0: as 1 */
    const float *field_weights; /* [n_fields] each above 0; NULL: all are 1 */
    wn_str instruction; /* how to judge, in place of the model's own instruction; {0} or empty: its
                           own; of models that takes_instructions */
} wn_request;
#define WN_REQUEST_INIT {.struct_size = sizeof(wn_request)}

typedef struct wn_result {
    size_t index;           /* of the document in the request */
    float logit;            /* raw score; decides the order */
    double relevance_score; /* the model's own activation of the logit */
    bool empty;             /* the document has no token of its own: relevance 0, sorted last */
    bool truncated;         /* part of the document was cut off */
    bool scored;            /* false: wn_job_end() came before its last row; sorted last */
    uint32_t n_windows;     /* windows scored for this document */
    uint32_t n_tokens;      /* of the document, with the special tokens it would have alone */
    size_t window_start, window_end; /* bytes of the best window if want_windows, else all */
    uint32_t field;         /* whose logit is the highest of the document's; the window is of it */
} wn_result;

typedef struct wn_usage {
    uint64_t total_tokens;    /* tokens given to the model, special tokens included */
    uint64_t query_tokens;    /* of the query, with the request's instruction, once */
    uint64_t document_tokens; /* of all documents, each with the special tokens it would have alone;
                                 with query_tokens it is what rerank services bill */
    bool query_truncated;     /* the query was over its limit and was cut */
    uint64_t tokenize_ns, compute_ns;
} wn_usage;

/* Make a job: check and tokenise the query (once) and the documents (on the runner's threads).
 * Shapes:  request->documents [n_documents].
 * Fails:   WN_ERR_ARGUMENT for an option out of range or a NULL that has a length; WN_ERR_INPUT for
 *          text that is not UTF-8 (names the text and the byte), for an empty query of a
 *          late-interaction model; WN_ERR_LIMIT under WN_LONG_DOCS_ERROR, for a text, an
 *          instruction or a number of documents that is too large; WN_ERR_UNSUPPORTED for matches
 *          or an instruction where the model has none; WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_job_free(); borrows the request's texts until then.
 * Thread:  one at a time per runner. */
WN_API WN_MUST_USE wn_status wn_job_new(wn_job **out, wn_runner *runner, const wn_request *request,
                                        wn_error *err);

/* Free a job; NULL is allowed. */
WN_API void wn_job_free(wn_job *job);

/* Score jobs together in packed batches.  A pair's score has the same bits whatever else runs with
 * it.  A job that fails has no results, the others have theirs; the error is the first job's, with
 * "job I: " in front when there are several.  Allocates nothing.
 * Fails:   WN_ERR_CANCELLED when a job's should_stop() returned true, WN_ERR_FORMAT when the model
 *          gave a score that is no number; before anything runs, WN_ERR_ARGUMENT for a job of
 *          another engine.
 * Thread:  one at a time per runner. */
WN_API WN_MUST_USE wn_status wn_run(wn_runner *runner, wn_job *const *jobs, size_t n_jobs,
                                    wn_error *err);

/* ---- scheduling: for servers that mix the rows of many jobs in one batch --------------------- */

/* How the vectors of a document are kept. */
typedef enum wn_vector_format {
    WN_VECTOR_F32 = 0, /* as they are */
    WN_VECTOR_INT8 = 1 /* in about a quarter of the bytes: whole numbers of 8 bits and a scale a
                          vector; the query's are rounded likewise, and the comparison is faster */
} wn_vector_format;

/* One sequence that the model reads: a document, or a window of a long one, beside the query.
 * Late-interaction and embedding models read a document for itself; its vectors may be kept for
 * other queries.  The score is that of vectors in the format, whether they are kept or not. */
typedef struct wn_row_ref {
    wn_job *job;
    size_t row;    /* below wn_job_n_rows(), or WN_ROW_QUERY */
    void *vectors; /* [wn_job_vector_bytes()], aligned as floats are; NULL: not to be kept.  Of use
                      to engines of this model, cpu_level and dtype only */
    bool known;    /* vectors holds those of an equal row, which are used; else they are written */
    wn_vector_format format;
} wn_row_ref;

/* No row, but the job's query, which late-interaction and embedding models read for themselves.  It
 * is read with the first row anyway, so it is asked for only when all rows have their scores. */
#define WN_ROW_QUERY SIZE_MAX

/* Bytes of a row's vectors, which depend on nothing but wn_job_row_ids(); 0 for cross-encoders.
 * Needs:   row < wn_job_n_rows(). */
WN_API size_t wn_job_vector_bytes(const wn_job *job, size_t row, wn_vector_format format);

/* Whether wn_job_end() would miss the query: the relevance of some models depends on it beside the
 * scores. */
WN_API bool wn_job_needs_query(const wn_job *job);

/* Rows of a job; those of a document are neighbours. */
WN_API size_t wn_job_n_rows(const wn_job *job);

/* Tokens of a row's sequence; the text of documents[] that it is of; and the tokens of a text, with
 * the special tokens that it would have alone.
 * Needs:   row < wn_job_n_rows(), text < n_documents * n_fields. */
WN_API uint32_t wn_job_row_tokens(const wn_job *job, size_t row);
WN_API size_t wn_job_row_text(const wn_job *job, size_t row);
WN_API uint32_t wn_job_text_tokens(const wn_job *job, size_t text);

/* What the model reads for a row, which decides its score: equal ids and types under equal queries
 * have equal scores.
 * Shapes:  ids, types [wn_job_row_tokens()]. */
WN_API void wn_job_row_ids(const wn_job *job, size_t row, int32_t *ids, int32_t *types);

/* The query's own sequence, and the instruction's if it is read apart from it.
 * Shapes:  ids, types [wn_usage.query_tokens]. */
WN_API void wn_job_query_ids(const wn_job *job, int32_t *ids, int32_t *types);

/* Score these rows, of any jobs, as wn_run() would: with the same bits, allocating nothing.
 * should_stop() and progress() are not called.
 * Fails:   before anything runs, WN_ERR_ARGUMENT for a row that is not there, a job of another
 *          engine, vectors of a cross-encoder, or a runner that only tokenises.
 * Thread:  one at a time per runner, and per job. */
WN_API WN_MUST_USE wn_status wn_run_rows(wn_runner *runner, const wn_row_ref *rows, size_t n_rows,
                                         wn_error *err);

/* The score of a row; NAN before it has one. */
WN_API float wn_job_logit(const wn_job *job, size_t row);

/* Give a row the score that an equal one had. */
WN_API void wn_job_set_logit(wn_job *job, size_t row, float logit);

/* Whether each row has to be read by the model, since its score alone will not do: the request
 * wanted matches, or the model reads documents together. */
WN_API bool wn_job_wants_matches(const wn_job *job);

/* Make the results of a job whose rows were scored by wn_run_rows() or wn_job_set_logit().  With
 * partial, documents that lack a row are results without a score.
 * Fails:   WN_ERR_FORMAT as wn_run(); WN_ERR_ARGUMENT when a row is missing and partial is false,
 *          or the query was not read.
 * Thread:  one at a time per job. */
WN_API WN_MUST_USE wn_status wn_job_end(wn_job *job, bool partial, wn_error *err);

/* Results in order: logit from high to low, equal ones in request order; then the empty ones, then
 * those without a score.
 * Returns NULL and *n = 0 unless the last wn_run() or wn_job_end() of the job succeeded.
 * Owns:    valid until wn_job_free(). */
WN_API const wn_result *wn_job_results(const wn_job *job, size_t *n);

/* What one token of the query found in a document. */
typedef struct wn_match {
    size_t query_start, query_end; /* bytes of the query's token; equal: one that the model adds */
    size_t start, end;             /* bytes of the document's token; equal: one that it adds */
    float weight;                  /* its part of the logit, which is the sum of all */
} wn_match;

/* Matches of a document's best window, a token of the query each, in the query's order.  Returns
 * their number, which is 0 unless the request wanted matches, the last run succeeded and the model
 * itself read the window (not wn_job_set_logit() alone).
 * Shapes:  out [wn_usage.query_tokens].
 * Needs:   document is one of the request's.
 * Source:  Khattab & Zaharia 2020, ColBERT, section 3.3: the score is a sum of maxima. */
WN_API size_t wn_job_matches(const wn_job *job, size_t document, wn_match *out);

/* Token counts and times of a job.
 * Thread:  one at a time. */
WN_API wn_usage wn_job_usage(const wn_job *job);

/* wn_job_new() and wn_run() in one call.
 * Owns:    caller frees *out with wn_job_free(); borrows the request's texts until then.
 * Thread:  one at a time per runner. */
WN_API WN_MUST_USE wn_status wn_rank(wn_job **out, wn_runner *runner, const wn_request *request,
                                     wn_error *err);

/* ---- embeddings ------------------------------------------------------------------------------ */

typedef enum wn_pooling {
    WN_POOLING_AUTO = 0, /* what the model directory says, else mean */
    WN_POOLING_MEAN = 1,
    WN_POOLING_CLS = 2
} wn_pooling;

typedef struct wn_embed_options {
    size_t struct_size;
    wn_pooling pooling;
    bool no_normalize;   /* keep the vectors' lengths */
    bool plain_specials;
    bool error_if_long;  /* WN_ERR_LIMIT instead of cutting at the model's max_tokens */
    bool *truncated;     /* [n] or NULL: set where a text was cut */
} wn_embed_options;
#define WN_EMBED_OPTIONS_INIT {.struct_size = sizeof(wn_embed_options)}

/* One vector a text.
 * Shapes:  texts [n], out [n][dim] row-major f32, dim as in wn_engine_info.
 * Fails:   WN_ERR_UNSUPPORTED when the model has no single vector a text; WN_ERR_FORMAT when a
 *          vector is not finite; as wn_job_new().
 * Thread:  one at a time per runner. */
WN_API WN_MUST_USE wn_status wn_embed(float *out, wn_runner *runner, const wn_str *texts, size_t n,
                                      const wn_embed_options *options, wn_error *err);

/* ---- tokens ---------------------------------------------------------------------------------- */

typedef struct wn_tokens {
    size_t n;
    const int32_t *ids;    /* [n] */
    const int32_t *types;  /* [n] */
    const size_t *start;   /* [n] byte range in the text; start == end for special tokens */
    const size_t *end;     /* [n] */
    const wn_str *tokens;  /* [n] vocabulary strings; valid until wn_engine_close() */
} wn_tokens;

typedef struct wn_tokenize_options {
    size_t struct_size;
    bool no_specials;    /* leave out what the template adds */
    bool plain_specials; /* special tokens typed in the text are text */
} wn_tokenize_options;
#define WN_TOKENIZE_OPTIONS_INIT {.struct_size = sizeof(wn_tokenize_options)}

/* Tokens of one text, uncut.
 * Fails:   WN_ERR_ARGUMENT for a NULL that has a length, WN_ERR_INPUT for text that is not UTF-8,
 *          WN_ERR_LIMIT for text that is too large, WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_tokens_free().
 * Thread:  any. */
WN_API WN_MUST_USE wn_status wn_tokenize(wn_tokens **out, const wn_engine *engine, wn_str text,
                                         const wn_tokenize_options *options, wn_error *err);

/* Free tokens; NULL is allowed. */
WN_API void wn_tokens_free(wn_tokens *tokens);

typedef struct wn_detokenize_options {
    size_t struct_size;
    bool keep_specials; /* special tokens are part of the text */
} wn_detokenize_options;
#define WN_DETOKENIZE_OPTIONS_INIT {.struct_size = sizeof(wn_detokenize_options)}

/* The text of ids, by the decoder of the model's tokenizer; an id without a token adds nothing.
 * Shapes:  ids [n].
 * Fails:   WN_ERR_UNSUPPORTED for a decoder that Winnow does not have, WN_ERR_ARGUMENT for a NULL
 *          with an n, WN_ERR_LIMIT for a text that is too large, WN_ERR_MEMORY.
 * Owns:    caller frees *out with wn_text_free().
 * Thread:  any. */
WN_API WN_MUST_USE wn_status wn_detokenize(wn_str *out, const wn_engine *engine,
                                           const int32_t *ids, size_t n,
                                           const wn_detokenize_options *options, wn_error *err);

/* Free a text that the library made. */
WN_API void wn_text_free(wn_str text);

#ifdef __cplusplus
}
#endif
#endif
