/* What a GGUF file calls a model and its parts, and what Hugging Face does.  A row of the table is
 * a layout of tensors and the class that config.json would name.  llama.cpp calls all post-norm
 * encoders with absolute positions "bert"; which of them a file is, its tokenizer tells.
 * For gguf_directory.c.  Thread rule: constant. */
#ifndef WN_MODEL_GGUF_ARCHITECTURE_H
#define WN_MODEL_GGUF_ARCHITECTURE_H

#include <stdbool.h>
#include <stddef.h>

/* The two halves of JinaBERT's gated layer, where they lie apart; the whole has the first name. */
#define WN_GGUF_UP_HALF   "mlp.gated_layers"
#define WN_GGUF_GATE_HALF "mlp.gate_half"

/* What a part is called here and there, without ".weight" and ".bias"; or a field and its value. */
typedef struct wn_gguf_part {
    const char *from, *to;
} wn_gguf_part;

/* A layout of tensors. */
typedef struct wn_gguf_layout {
    const char *layer;          /* "blk.N." becomes this with N */
    const wn_gguf_part *parts;  /* of a layer, up to from NULL */
    const wn_gguf_part *others; /* likewise */
} wn_gguf_layout;

/* A key behind "ARCHITECTURE." and the field of config.json that it fills. */
typedef struct wn_gguf_field {
    const char *key, *name;
    bool required;
} wn_gguf_field;

/* What general.architecture means, together with the tokenizer and a tensor that only one has. */
typedef struct wn_gguf_architecture {
    const char *name, *tokenizer, *marker; /* marker NULL: none */
    const char *lacks;                     /* a tensor that it has not; NULL: none */
    const char *refusal;                   /* why no file of this name is read; NULL: some are */
    const char *model_type, *class_prefix;
    const char *auto_config;      /* of auto_map; NULL: none */
    const wn_gguf_part *settings; /* more of config.json, up to from NULL; or NULL */
    const char *dense, *out;      /* of the head; dense NULL: the file has not all of it */
    const char *norm;             /* of the head; NULL: none */
    bool cuts_positions;          /* the rows up to the padding token's are left out */
    bool answers;                 /* a language model, whose answers are the head */
    bool names_pooling;           /* a head is told by a key what it pools */
    const wn_gguf_layout *layout;
    const wn_gguf_field *fields; /* up to key NULL */
} wn_gguf_architecture;

extern const wn_gguf_architecture wn_gguf_architectures[]; /* [wn_gguf_n_architectures] */
extern const size_t wn_gguf_n_architectures;

#endif
