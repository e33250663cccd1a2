/* What a tokenizer is made of, for tokenizer.c (which builds it) and encode.c (which uses it).
 * Thread rule: shared read-only. */
#ifndef WN_TOKEN_TOKENIZER_PARTS_H
#define WN_TOKEN_TOKENIZER_PARTS_H

#include "token/added.h"
#include "token/decoder.h"
#include "token/normalize.h"
#include "token/postprocess.h"
#include "token/split.h"
#include "token/token_model.h"

struct wn_tokenizer {
    wn_vocab vocab;
    wn_added added;
    wn_normalizer *normalizer;
    wn_splitter *splitter;
    wn_token_model *model;
    wn_postprocessor postprocessor;
    wn_decoder *decoder; /* NULL: one that we do not have, as decoder_err says */
    wn_error decoder_err;
    size_t n_ids;        /* highest id + 1, added tokens included */
    wn_str *added_by_id; /* [n_ids - vocab.n_ids] content of added tokens behind the vocabulary */
};

#endif
