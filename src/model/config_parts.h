/* What the config_*.c files share: each reads some of a model directory's files into one wn_config.
 * Thread rule: any. */
#ifndef WN_MODEL_CONFIG_PARTS_H
#define WN_MODEL_CONFIG_PARTS_H

#include "data/json_bind.h"
#include "model/config.h"

/* Bounds that no model in sight comes near; they keep every later product of sizes far from
 * wrapping. */
#define WN_HIDDEN_MAX    65536
#define WN_LATE_DIM_MAX  8192 /* width of the vectors that late interaction keeps */
#define WN_VOCAB_MAX     (16 * 1024 * 1024)
#define WN_POSITIONS_MAX (1024 * 1024)

/* Shortest longest sequence: special tokens and a token of each side. */
#define WN_TOKENS_MIN 8

/* Read a size field. */
void wn_bind_size(wn_binder *binder, const char *key, size_t *out, size_t min, size_t max,
                  size_t fallback);

/* The fields that BERT's configuration has and most others took over: sizes, eps, activation; what
 * is switched on beside the graph is refused, and methods other than BERT's.  Defaults are those of
 * config->family.
 * Fails:   WN_ERR_FORMAT, WN_ERR_UNSUPPORTED. */
WN_MUST_USE wn_status wn_config_read_sizes(wn_config *config, const json_t *json, wn_error *err);

/* The same without its methods, for a family that has its own. */
WN_MUST_USE wn_status wn_config_read_widths(wn_config *config, const json_t *json, wn_error *err);

/* Read a field that names a method: *out is the one of names [n] that it is.
 * Fails:   WN_ERR_FORMAT, WN_ERR_UNSUPPORTED. */
WN_MUST_USE wn_status wn_config_read_method(size_t *out, const json_t *json, const char *key,
                                            const char *fallback, const char *const *names,
                                            size_t n, wn_error *err);

/* An activation by its name in a field of config.json.
 * Fails:   WN_ERR_UNSUPPORTED. */
WN_MUST_USE wn_status wn_config_read_activation(wn_act *out, const char *key, const char *name,
                                                wn_error *err);

/* Switches of the reference's graphs that must be off, and objects that must be empty.
 * Fails:   WN_ERR_UNSUPPORTED that names the first other one. */
WN_MUST_USE wn_status wn_config_refuse_switches(const json_t *json, wn_error *err);

/* Parse a companion file; *out is NULL when it is not there.
 * Fails:   WN_ERR_FORMAT when it is not a JSON object.
 * Owns:    caller gives *out back with json_decref(). */
WN_MUST_USE wn_status wn_config_object(json_t **out, wn_str text, const char *name, wn_error *err);

/* A field that is an object; *out is NULL when it is null or not there.
 * Fails:   WN_ERR_FORMAT when it is anything else.
 * Owns:    *out is json's. */
WN_MUST_USE wn_status wn_config_field_object(const json_t **out, const json_t *json,
                                             const char *key, wn_error *err);

/* The tasks that a model has adapters for, and the one that is asked for (NULL: none):
 * config.adapters and config.text_prompt.
 * Fails:   WN_ERR_FORMAT, WN_ERR_UNSUPPORTED, WN_ERR_ARGUMENT when the model has no such task. */
WN_MUST_USE wn_status wn_config_read_tasks(wn_config *config, const json_t *json, const char *task,
                                           wn_error *err);

/* Late interaction: config.late and the fields that follow from it.  Sizes are read before.
 * Fails:   WN_ERR_FORMAT, WN_ERR_UNSUPPORTED. */
WN_MUST_USE wn_status wn_config_read_late(wn_config *config, const json_t *json,
                                          const wn_model_files *files, wn_error *err);

/* What sentence-transformers keeps beside config.json: the chain of modules, the pooling, the
 * longest sequence, the activation of scores.  json is config.json.
 * Fails:   WN_ERR_FORMAT, WN_ERR_UNSUPPORTED. */
WN_MUST_USE wn_status wn_config_read_companions(wn_config *config, const json_t *json,
                                                const wn_model_files *files, wn_error *err);

/* A module behind the pooling, Dense or LayerNorm, with its config.json: config->modules.
 * Fails:   WN_ERR_FORMAT, WN_ERR_UNSUPPORTED. */
WN_MUST_USE wn_status wn_config_add_module(wn_config *config, const char *type, const char *path,
                                           wn_str text, wn_error *err);

/* The last module was added: when they make a score, the model is a cross-encoder.
 * Fails:   WN_ERR_UNSUPPORTED when they make something else. */
WN_MUST_USE wn_status wn_config_end_modules(wn_config *config, wn_error *err);

/* Lower config->max_tokens to the tokenizer's model_max_length. */
WN_MUST_USE wn_status wn_config_read_tokenizer(wn_config *config, wn_str tokenizer_config,
                                               wn_error *err);

#endif
