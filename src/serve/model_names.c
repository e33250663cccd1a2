/* See model_names.h. */
#include "serve/model_names.h"

#include "base/str.h"

#include <strings.h>

static const char *const known[] = {
    /* Jina */
    "jina-reranker-v1-base-en",
    "jina-reranker-v1-turbo-en",
    "jina-reranker-v1-tiny-en",
    "jina-reranker-v2-base-multilingual",
    "jina-reranker-m0",
    "jina-reranker-v3",
    "jina-reranker-v3.5",
    "jina-colbert-v1-en",
    "jina-colbert-v2",
    /* Cohere */
    "rerank-english-v2.0",
    "rerank-multilingual-v2.0",
    "rerank-english-v3.0",
    "rerank-multilingual-v3.0",
    "rerank-v3.5",
    "rerank-v4.0-fast",
    "rerank-v4.0-pro",
    /* Voyage */
    "rerank-1",
    "rerank-lite-1",
    "rerank-2",
    "rerank-2-lite",
    "rerank-2.5",
    "rerank-2.5-lite",
    /* open models, as Pinecone, TEI, vLLM and others are asked for them */
    "bge-reranker-base",
    "bge-reranker-large",
    "bge-reranker-v2-m3",
    "bge-reranker-v2-gemma",
    "pinecone-rerank-v0",
    "cohere-rerank-3.5",
    "mxbai-rerank-xsmall-v1",
    "mxbai-rerank-base-v1",
    "mxbai-rerank-large-v1",
    "mxbai-rerank-base-v2",
    "mxbai-rerank-large-v2",
    "ms-marco-MiniLM-L-6-v2",
    "ms-marco-MiniLM-L-12-v2",
    "ms-marco-MiniLM-L6-v2",
    "ms-marco-MiniLM-L12-v2",
    "gte-multilingual-reranker-base",
    "gte-reranker-modernbert-base",
    "Qwen3-Reranker-0.6B",
    "Qwen3-Reranker-4B",
    "Qwen3-Reranker-8B",
    "answerai-colbert-small-v1",
    "nv-rerankqa-mistral-4b-v3",
    "llama-3.2-nv-rerankqa-1b-v2",
    /* infinity's clients when no model is named */
    "not-specified",
};

/* What stands behind the last slash. */
static wn_str base_name(wn_str id)
{
    for (size_t i = id.len; i > 0; i--) {
        if (id.ptr[i - 1] == '/')
            return wn_str_slice(id, i, id.len);
    }
    return id;
}

bool wn_model_name_equal(wn_str a, wn_str b)
{
    wn_str x = base_name(a), y = base_name(b);
    return x.len == y.len && x.len > 0 && strncasecmp(x.ptr, y.ptr, x.len) == 0;
}

bool wn_model_name_is_known(wn_str id)
{
    for (size_t i = 0; i < WN_ARRAY_LEN(known); i++) {
        if (wn_model_name_equal(id, wn_str_from(known[i])))
            return true;
    }
    return false;
}

bool wn_model_name_is_valid(wn_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || c == '.' || c == ':';
        if (!word && (c != '/' || i == 0 || i + 1 == name.len))
            return false;
    }
    return name.len > 0;
}
