/* Configurations for tests, from JSON with ' for ".
 * Thread rule: test thread only. */
#ifndef WN_TESTS_CHECK_CONFIG_H
#define WN_TESTS_CHECK_CONFIG_H

#include "model/config.h"

/* Fields that every config.json here has. */
#define CHECK_SIZES                                                                                \
    "'hidden_size':32,'num_hidden_layers':2,'num_attention_heads':4,'intermediate_size':64,"       \
    "'vocab_size':200,'max_position_embeddings':130"

/* Parse config.json = base with the fields of patch (null removes one), and companions. */
wn_status check_config_parse(wn_config *out, const char *base, const char *patch,
                             wn_model_files files, wn_error *err);

/* The same without companions; a failure to parse it fails the test. */
wn_config check_config(const char *base, const char *patch);

/* The same of a model that has a tensor of this name. */
wn_config check_config_with_tensor(const char *base, const char *patch, const char *tensor);

/* It must fail so, with a message that contains this one. */
void check_config_refused(const char *base, const char *patch, wn_status status,
                          const char *message);

#endif
