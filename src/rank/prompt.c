/* See prompt.h.  Pieces are tokenized each for itself, as the references do.  In Qwen3-Reranker's,
 * query and document are tokenized with the words around them: parts begin with the space that
 * stands in front of a text, where the Qwen pattern always starts a new pre-token.  A request's
 * instruction is tokenized as one text with the query behind it.
 * Source: QwenLM/Qwen3-Embedding examples/qwen3_reranker_transformers.py;
 * mixedbread-ai/mxbai-rerank mxbai_rerank_v2.py; jinaai/jina-reranker-m0 modeling.py;
 * FlagOpen/FlagEmbedding inference/reranker/decoder_only/base.py. */
#include "rank/prompt.h"
#include "base/mem.h"
#include "base/str.h"

#include <string.h>

#define WN_WHERE "rank/prompt"

#define PIECES_MAX 3

typedef struct words {
    const char *before[PIECES_MAX], *between, *behind[PIECES_MAX]; /* NULL: no more */
    const char *own_instruction; /* the last piece before the query, unless a request has one */
    const char *instruction_lead, *instruction_tail; /* NULL: it takes none */
    const char *query_lead, *query_tail, *doc_lead, *doc_tail;
    const char *doc_again; /* doc_lead without what joins the text */
    const char *answers[WN_ANSWERS_MAX];
    int32_t last_id;         /* behind all; 0: none */
    const char *specials[2]; /* tokens of the prompt that are no text; NULL: no more */
    size_t texts_tokens; /* what the reference gives the texts, beside what is behind them twice; 0:
                            no such limit */
} words;

static const words prompts[] = {
    [WN_PROMPT_QWEN3] =
        {
            .before = {"<|im_start|>system\nJudge whether the Document meets the requirements "
                       "based on the Query and the Instruct provided. Note that the answer can "
                       "only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n"},
            .own_instruction = "<Instruct>: Given a web search query, retrieve relevant passages "
                               "that answer the query\n<Query>:",
            .instruction_lead = "<Instruct>: ",
            .instruction_tail = "\n<Query>: ",
            .behind = {"<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"},
            .query_lead = " ",
            .query_tail = "\n<Document>:",
            .doc_lead = " ",
            .answers = {"yes", "no"},
            .specials = {"<|im_start|>", "<|im_end|>"},
        },
    [WN_PROMPT_MXBAI] =
        {
            .before = {"<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a "
                       "helpful assistant.<|im_end|>\n<|im_start|>user\n"},
            .between = "\n",
            .behind = {"\n",
                       "You are a search relevance expert who evaluates how well documents match "
                       "search queries. For each query-document pair, carefully analyze the "
                       "semantic relationship between them, then provide your binary relevance "
                       "judgment (0 for not relevant, 1 for relevant).\nRelevance:",
                       "<|im_end|>\n<|im_start|>assistant\n"},
            .instruction_lead = "instruction: ",
            .instruction_tail = "\nquery: ",
            .query_lead = "query: ",
            .doc_lead = "document: ",
            .doc_again = "document:",
            .answers = {"1", "0"},
            .specials = {"<|im_start|>", "<|im_end|>"},
        },
    [WN_PROMPT_JINA_V3] = /* the rest is in listwise.c */
    {
        .before = {"<|im_start|>system\nYou are a search relevance expert who can determine a "
                   "ranking of the passages based on how relevant they are to the query. If "
                   "the query is a question, how relevant a passage is depends on how well it "
                   "answers the question. If not, try to analyze the intent of the query and "
                   "assess how well each passage satisfies the intent. If an instruction is "
                   "provided, you should follow the instruction when determining the "
                   "ranking.<|im_end|>\n<|im_start|>"},
        .behind = {"\n</query><|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"},
        .instruction_lead = "<instruct>\n",
        .instruction_tail = "\n</instruct>\n",
        .answers = {"<|embed_token|>", "<|rerank_token|>"},
        .specials = {"<|im_start|>", "<|im_end|>"},
    },
    [WN_PROMPT_JINA_M0] =
        {
            .query_lead = "**Query**:\n",
            .doc_lead = "**Document**:\n",
            .doc_tail = "\n",
            .doc_again = "**Document**:\n",
            .last_id = 100,
        },
    [WN_PROMPT_GEMMA] =
        {
            .before = {"<bos>"},
            .between = "\n",
            .behind = {"\n", "Given a query A and a passage B, determine whether the passage "
                             "contains an answer to the query by providing a prediction of either "
                             "'Yes' or 'No'."},
            .query_lead = "A: ",
            .doc_lead = "B: ",
            .doc_again = "B:",
            .answers = {"Yes"},
            .specials = {"<bos>"},
            .texts_tokens = 512,
        },
};

/* A prompt in the making: its ids, then where the texts stand. */
typedef struct making {
    wn_encoder *encoder;
    wn_ids ids;
    wn_error *err;
} making;

static wn_status add_piece(making *m, const char *piece)
{
    return piece == NULL ? WN_OK
                         : wn_encode(m->encoder, &m->ids, wn_str_from(piece), false, m->err);
}

static wn_status add_id(making *m, int32_t id)
{
    if (!wn_mem_grow(&m->ids.ids, &m->ids.cap, m->ids.n + 1, sizeof *m->ids.ids))
        WN_FAIL(m->err, WN_ERR_MEMORY, "no memory for %zu tokens", m->ids.n + 1);
    m->ids.ids[m->ids.n++] = id;
    return WN_OK;
}

static wn_status add_pieces(making *m, const char *const *pieces)
{
    for (size_t i = 0; i < PIECES_MAX && pieces[i] != NULL; i++)
        WN_TRY(add_piece(m, pieces[i]));
    return WN_OK;
}

static wn_status make_span(wn_id_span *out, making *m, const char *text, wn_arena *arena)
{
    m->ids.n = 0;
    WN_TRY(add_piece(m, text));
    int32_t *ids = wn_arena_alloc(arena, m->ids.n, sizeof *ids);
    if (ids == NULL)
        WN_FAIL(m->err, WN_ERR_MEMORY, "no memory for %zu tokens", m->ids.n);
    for (size_t i = 0; i < m->ids.n; i++)
        ids[i] = m->ids.ids[i];
    *out = (wn_id_span){ids, m->ids.n};
    return WN_OK;
}

static wn_status make_spans(wn_prompt *out, making *m, const words *w, wn_arena *arena)
{
    WN_TRY(make_span(&out->tail, m, w->query_tail, arena));
    WN_TRY(make_span(&out->doc_again, m, w->doc_again, arena));
    return make_span(&out->doc_end, m, w->doc_tail, arena);
}

static wn_status make_frame(wn_frame *out, making *m, const words *w, wn_config *config,
                            bool instructed, wn_arena *arena)
{
    bool document_first = config->document_first;
    size_t *max_tokens = &config->max_tokens;
    m->ids.n = 0;
    WN_TRY(add_pieces(m, w->before));
    if (!instructed)
        WN_TRY(add_piece(m, w->own_instruction));
    size_t at_first = m->ids.n;
    WN_TRY(add_piece(m, w->between));
    size_t at_second = m->ids.n, at = 0;
    WN_TRY(add_pieces(m, w->behind));
    if (w->last_id > 0)
        WN_TRY(add_id(m, w->last_id));
    size_t n = m->ids.n;
    wn_template *pair = &out->pair;
    *pair = (wn_template){
        .items = wn_arena_alloc(arena, n + 2, sizeof *pair->items), .count = n + 2, .n_special = n};
    if (pair->items == NULL)
        WN_FAIL(m->err, WN_ERR_MEMORY, "no memory for a prompt of %zu tokens", n);
    for (size_t i = 0; i <= n; i++) {
        if (i == at_first)
            pair->items[at++].id = document_first ? WN_SEQUENCE_B : WN_SEQUENCE_A;
        if (i == at_second)
            pair->items[at++].id = document_first ? WN_SEQUENCE_A : WN_SEQUENCE_B;
        if (i < n)
            pair->items[at++].id = m->ids.ids[i];
    }
    if (w->texts_tokens > 0)
        *max_tokens = WN_MIN(*max_tokens, w->texts_tokens + 2 * (n - at_second));
    out->n_between = at_second - at_first;
    out->n_before = document_first ? at_first : at_second;
    return WN_OK;
}

static wn_status find_specials(const wn_tokenizer *tokenizer, const words *w, wn_error *err)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(w->specials) && w->specials[i] != NULL; i++) {
        if (wn_tokenizer_find(tokenizer, wn_str_from(w->specials[i])) < 0)
            WN_FAIL(err, WN_ERR_FORMAT,
                    "tokenizer.json: there is no token '%s', which the model's prompt has",
                    w->specials[i]);
    }
    return WN_OK;
}

static wn_status find_answers(wn_config *config, const wn_tokenizer *tokenizer, const words *w,
                              wn_error *err)
{
    for (size_t i = 0; i < config->n_answers; i++) {
        wn_str answer = wn_str_from(w->answers[i]);
        if (config->answers[i] < 0)
            config->answers[i] = wn_tokenizer_find(tokenizer, answer);
        if (config->answers[i] < 0)
            WN_FAIL(err, WN_ERR_FORMAT,
                    "tokenizer.json: there is no token '%.*s', which the model is used with",
                    WN_STR_ARG(answer));
        if ((size_t)config->answers[i] >= config->vocab)
            WN_FAIL(err, WN_ERR_FORMAT,
                    "the token '%.*s' has id %d, config.json: vocab_size is %zu",
                    WN_STR_ARG(answer), config->answers[i], config->vocab);
    }
    return WN_OK;
}

static wn_str str_or_empty(const char *text)
{
    return wn_str_from(text == NULL ? "" : text);
}

wn_status wn_prompt_make(wn_prompt *out, wn_config *config, const wn_tokenizer *tokenizer,
                         wn_arena *arena, wn_error *err)
{
    *out = (wn_prompt){0};
    if (config->takes_template && wn_tokenizer_n_special(tokenizer, true) > 0)
        config->prompt = WN_PROMPT_NONE;
    if (config->prompt == WN_PROMPT_NONE) {
        wn_template *pair = &out->plain.pair;
        const wn_template_item *items = wn_tokenizer_template(tokenizer, true, &pair->count);
        pair->items = (wn_template_item *)(uintptr_t)items; /* read only from here on */
        pair->n_special = wn_tokenizer_n_special(tokenizer, true);
        return WN_OK;
    }
    const words *w = &prompts[config->prompt];
    if ((size_t)w->last_id >= config->vocab)
        WN_FAIL(err, WN_ERR_FORMAT, "the prompt ends in id %d, config.json: vocab_size is %zu",
                w->last_id, config->vocab);
    out->query_lead = str_or_empty(w->query_lead);
    out->query_tail = str_or_empty(w->query_tail);
    out->doc_lead = str_or_empty(w->doc_lead);
    out->doc_tail = str_or_empty(w->doc_tail);
    out->instruction_lead = str_or_empty(w->instruction_lead);
    out->instruction_tail = str_or_empty(w->instruction_tail);
    making m = {.err = err};
    wn_status status;
    WN_TRY_OUT(find_specials(tokenizer, w, err));
    WN_TRY_OUT(find_answers(config, tokenizer, w, err));
    WN_TRY_OUT(wn_encoder_new(&m.encoder, tokenizer, err));
    WN_TRY_OUT(make_frame(&out->plain, &m, w, config, false, arena));
    WN_TRY_OUT(make_frame(&out->instructed, &m, w, config, true, arena));
    WN_TRY_OUT(make_spans(out, &m, w, arena));
out:
    wn_encoder_free(m.encoder);
    wn_ids_deinit(&m.ids);
    return status;
}

void wn_prompt_cut_query(const wn_prompt *prompt, int32_t *out, const int32_t *query, size_t n)
{
    size_t n_tail = WN_MIN(prompt->tail.n, n), n_own = n - n_tail;
    if (n_own > 0)
        memcpy(out, query, n_own * sizeof *out);
    if (n_tail > 0)
        memcpy(out + n_own, prompt->tail.ids, n_tail * sizeof *out);
}
