/* What the families of decoders share: fields of config.json, names of tensors, the forward pass.
 * A family says what differs: defaults, biases, norms of heads, activation, prompt, head.
 * For model/ only.
 * Thread rule: any. */
#ifndef WN_MODEL_CAUSAL_H
#define WN_MODEL_CAUSAL_H

#include "model/family.h"

/* What a family's class has where config.json says nothing. */
typedef struct wn_causal_defaults {
    size_t vocab, hidden, n_layers, n_heads, intermediate, max_positions;
    size_t n_kv_heads; /* 0: as many as n_heads */
    size_t head_dim;   /* 0: hidden / n_heads, and there is no such field */
    double norm_eps, rope_base;
    bool is_tied;
    const char *rope_type; /* that stands for the default one as well; or NULL */
} wn_causal_defaults;

/* Read the sizes, the rotary positions and what must be off.  The activation is the family's.
 * Fails:   WN_ERR_FORMAT, WN_ERR_UNSUPPORTED. */
WN_MUST_USE wn_status wn_causal_configure(wn_config *config, const json_t *json,
                                          const wn_causal_defaults *defaults, wn_error *err);

/* Read the activation of a field that is "silu" where it is missing. */
WN_MUST_USE wn_status wn_causal_read_activation(wn_config *config, const json_t *json,
                                                wn_error *err);

/* How a part of layer N is called. */
#define WN_CAUSAL_LAYER "layers.%zu."

/* The names of all but the norms of heads, and the head: the words' or score. */
void wn_causal_lay_out(wn_layout *out, const wn_config *config);

#endif
