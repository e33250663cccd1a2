#!/usr/bin/env python3
"""Client libraries, as published, against a running server: what changes is the base URL and the key.

Each client ranks the same two documents and has to find the second one first.  Clients whose URL is fixed in
their code get it replaced.  The table of `client version call` is printed as the tests' names.
`make conformance` installs the clients of clients.txt; a client that is not there is skipped by name.
"""
import asyncio, atexit, importlib.metadata, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), os.path.join(HERE, "../api")]
os.environ.update(HF_HUB_OFFLINE="1", LITELLM_LOCAL_MODEL_COST_MAP="True", DO_NOT_TRACK="1", HAYSTACK_TELEMETRY_ENABLED="False")
import tap

KEY = "conformance-key"
QUERY = "capital of France"
DOCUMENTS = ["Berlin is in Germany.", "Paris is the capital of France.", "A recipe for lemon cake."]
BEST = 1
server = None


def url(path=""):
    global server
    if server is None:
        import api_server
        server = api_server.Server("--api-key", KEY)
        atexit.register(server.stop)
    return f"http://{server.host}:{server.port}{path}"


def check(indexes, scores):
    """All documents, the right one first, scores from high to low."""
    assert sorted(indexes) == list(range(len(DOCUMENTS))), indexes
    assert indexes[0] == BEST, indexes
    assert list(scores) == sorted(scores, reverse=True) and scores[0] > scores[1], scores


def cohere_v1(cohere):
    client = cohere.Client(api_key=KEY, base_url=url())
    got = client.rerank(model="rerank-english-v3.0", query=QUERY, documents=DOCUMENTS, return_documents=True)
    check([r.index for r in got.results], [r.relevance_score for r in got.results])
    assert got.results[0].document.text == DOCUMENTS[BEST]
    assert got.meta.billed_units.search_units == 1


def cohere_v2(cohere):
    client = cohere.ClientV2(api_key=KEY, base_url=url())
    got = client.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS, top_n=3, max_tokens_per_doc=4096)
    check([r.index for r in got.results], [r.relevance_score for r in got.results])
    assert got.id


def cohere_wrong_key(cohere):
    try:
        cohere.ClientV2(api_key="wrong", base_url=url()).rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS)
    except cohere.errors.UnauthorizedError as error:
        assert "Invalid API key" in str(error.body), error.body
    else:
        raise AssertionError("a wrong key was accepted")


def cohere_mistake(cohere):
    try:
        cohere.ClientV2(api_key=KEY, base_url=url()).rerank(model="rerank-v3.5", query="", documents=DOCUMENTS)
    except cohere.errors.UnprocessableEntityError as error:
        assert "query" in str(error.body), error.body
    else:
        raise AssertionError("an empty query was accepted")


def voyageai_rerank(voyageai):
    client = voyageai.Client(api_key=KEY, base_url=url("/v1"))
    got = client.rerank(QUERY, DOCUMENTS, model="rerank-2.5", top_k=3, truncation=True)
    check([r.index for r in got.results], [r.relevance_score for r in got.results])
    assert got.results[0].document == DOCUMENTS[BEST] and got.total_tokens > 0


def voyageai_async(voyageai):
    async def call():
        client = voyageai.AsyncClient(api_key=KEY, base_url=url("/v1"))
        return await client.rerank(QUERY, DOCUMENTS, model="rerank-2.5")

    got = asyncio.run(call())
    check([r.index for r in got.results], [r.relevance_score for r in got.results])


def langchain_jina(langchain_community):
    from langchain_community.document_compressors import jina_rerank
    from langchain_core.documents import Document
    jina_rerank.JINA_API_URL = url("/v1/rerank")
    compressor = jina_rerank.JinaRerank(jina_api_key=KEY, model="jina-reranker-v1-base-en", top_n=3)
    compressor.session.headers["Authorization"] = f"Bearer {KEY}"
    got = compressor.rerank(DOCUMENTS, QUERY)
    check([r["index"] for r in got], [r["relevance_score"] for r in got])
    kept = compressor.compress_documents([Document(page_content=text) for text in DOCUMENTS], QUERY)
    assert kept[0].page_content == DOCUMENTS[BEST] and kept[0].metadata["relevance_score"] > 0


def langchain_jina_no_top_n(langchain_community):
    from langchain_community.document_compressors import jina_rerank
    jina_rerank.JINA_API_URL = url("/v1/rerank")
    compressor = jina_rerank.JinaRerank(jina_api_key=KEY, top_n=None)
    got = compressor.rerank([{"text": text} for text in DOCUMENTS], QUERY)
    check([r["index"] for r in got], [r["relevance_score"] for r in got])


def langchain_jina_error(langchain_community):
    from langchain_community.document_compressors import jina_rerank
    jina_rerank.JINA_API_URL = url("/v1/rerank")
    try:
        jina_rerank.JinaRerank(jina_api_key="wrong").rerank(DOCUMENTS, QUERY)
    except RuntimeError as error:
        assert "Invalid API key" in str(error), error
    else:
        raise AssertionError("a wrong key was accepted")


def haystack_jina(haystack):
    from haystack import Document
    from haystack.utils import Secret
    from haystack_integrations.components.rankers.jina import JinaRanker
    ranker = JinaRanker(api_key=Secret.from_token(KEY), base_url=url("/v1/rerank"))
    got = ranker.run(query=QUERY, documents=[Document(content=text) for text in DOCUMENTS] + [Document(content=None)])
    assert got["documents"][0].content == DOCUMENTS[BEST] and len(got["documents"]) == 4
    assert got["meta"]["usage"]["total_tokens"] > 0


def llama_index_jina(llama_index):
    from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
    import llama_index.postprocessor.jinaai_rerank.base as base
    names = [name for name in vars(base) if name.endswith("URL")]
    ranker = base.JinaRerank(api_key=KEY, top_n=3, **({} if names else {"base_url": url("/v1")}))
    for name in names:
        setattr(base, name, url("/v1/rerank"))
    if hasattr(ranker, "api_url"):
        ranker.api_url = url("/v1/rerank")
    nodes = [NodeWithScore(node=TextNode(text=text), score=0.0) for text in DOCUMENTS]
    got = ranker.postprocess_nodes(nodes, QueryBundle(QUERY))
    assert [n.node.get_content() for n in got][0] == DOCUMENTS[BEST] and len(got) == 3


def litellm_of(provider, model, path="", **more):
    """litellm's `infinity` wants a document as a string and its `hosted_vllm` as an object, for the same bytes on
    /rerank: the object is given, so `infinity` is asked without documents."""
    def call(litellm):
        got = litellm.rerank(model=f"{provider}/{model}", query=QUERY, documents=DOCUMENTS, top_n=3, api_key=KEY,
                             api_base=url(path), **more)
        check([r["index"] for r in got.results], [r["relevance_score"] for r in got.results])
        if "document" in got.results[0]:
            assert DOCUMENTS[BEST] in str(got.results[0]["document"])

    call.__name__ = "litellm_" + provider
    return call


def rerankers_of(provider, path):
    def call(rerankers):
        from rerankers.models.api_rankers import APIRanker
        ranker = APIRanker("jina-reranker-v2-base-multilingual", KEY, provider, url=url(path))
        got = ranker.rank(QUERY, DOCUMENTS)
        assert got.results[0].document.text == DOCUMENTS[BEST], got

    call.__name__ = "rerankers_" + provider
    return call


def pinecone_rerank(pinecone):
    client = pinecone.Pinecone(api_key=KEY, host=url())
    got = client.inference.rerank(model="bge-reranker-v2-m3", query=QUERY, documents=[{"text": d} for d in DOCUMENTS],
                                  top_n=3, return_documents=True, parameters={"truncate": "END"})
    check([r.index for r in got.data], [r.score for r in got.data])
    assert got.data[0].document["text"] == DOCUMENTS[BEST] and got.usage.rerank_units == 1


def infinity_rerank(infinity_client):
    from infinity_client import Client
    from infinity_client.api.default import rerank
    from infinity_client.models import RerankInput
    client = Client(base_url=url(), headers={"Authorization": f"Bearer {KEY}"})
    got = rerank.sync(client=client, body=RerankInput.from_dict({"query": QUERY, "documents": DOCUMENTS}))
    check([r.index for r in got.results], [r.relevance_score for r in got.results])


def xinference_rerank(xinference_client):
    from xinference_client import RESTfulClient
    client = RESTfulClient(url(), api_key=KEY)
    got = client.get_model("winnow-multilingual-v1").rerank(DOCUMENTS, QUERY, top_n=3, return_documents=True)
    check([r["index"] for r in got["results"]], [r["relevance_score"] for r in got["results"]])


def requests_dify(requests):
    """What Dify's plugins send: model, query, documents, top_n null; raise_for_status; index and score."""
    got = requests.post(url("/v1/rerank"), json={"model": "jina-reranker-v2-base-multilingual", "query": QUERY,
                                                 "documents": DOCUMENTS, "top_n": None, "return_documents": False},
                        headers={"Authorization": f"Bearer {KEY}"}, timeout=10)
    got.raise_for_status()
    check([r["index"] for r in got.json()["results"]], [r["relevance_score"] for r in got.json()["results"]])


def requests_tei(requests):
    """What Dify's TEI plugin does: /info, then /rerank with texts."""
    headers = {"Authorization": f"Bearer {KEY}"}
    info = requests.get(url("/info"), headers=headers, timeout=10).json()
    assert list(info["model_type"])[0] == "reranker" and info["max_input_length"] > 0
    got = requests.post(url("/rerank"), json={"query": QUERY, "texts": DOCUMENTS, "return_text": True}, headers=headers,
                        timeout=10).json()
    check([r["index"] for r in got], [r["score"] for r in got])


TABLE = [
    ("cohere", "cohere", cohere_v1), ("cohere", "cohere", cohere_v2), ("cohere", "cohere", cohere_wrong_key),
    ("cohere", "cohere", cohere_mistake),
    ("voyageai", "voyageai", voyageai_rerank), ("voyageai", "voyageai", voyageai_async),
    ("langchain-community", "langchain_community", langchain_jina),
    ("langchain-community", "langchain_community", langchain_jina_no_top_n),
    ("langchain-community", "langchain_community", langchain_jina_error),
    ("jina-haystack", "haystack", haystack_jina),
    ("llama-index-postprocessor-jinaai-rerank", "llama_index", llama_index_jina),
    ("litellm", "litellm", litellm_of("jina_ai", "jina-reranker-v2-base-multilingual")),
    ("litellm", "litellm", litellm_of("cohere", "rerank-v3.5")),
    ("litellm", "litellm", litellm_of("infinity", "bge-reranker-base", return_documents=False)),
    ("litellm", "litellm", litellm_of("hosted_vllm", "BAAI/bge-reranker-base")),
    ("litellm", "litellm", litellm_of("huggingface", "BAAI/bge-reranker-base")),
    ("litellm", "litellm", litellm_of("voyage", "rerank-2.5", "/v1/rerank")),
    ("rerankers", "rerankers", rerankers_of("jina", "/v1/rerank")),
    ("rerankers", "rerankers", rerankers_of("cohere", "/v2/rerank")),
    ("rerankers", "rerankers", rerankers_of("voyage", "/v1/rerank")),
    ("rerankers", "rerankers", rerankers_of("mixedbread.ai", "/v1/reranking")),
    ("rerankers", "rerankers", rerankers_of("isaacus", "/v1/rerankings")),
    ("rerankers", "rerankers", rerankers_of("pinecone", "/rerank")),
    ("rerankers", "rerankers", rerankers_of("text-embeddings-inference", "/rerank")),
    ("pinecone", "pinecone", pinecone_rerank),
    ("infinity_client", "infinity_client", infinity_rerank),
    ("xinference-client", "xinference_client", xinference_rerank),
    ("requests", "requests", requests_dify), ("requests", "requests", requests_tei),
]


def as_test(package, module, call):
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        version = None

    def test():
        if version is None:
            raise tap.Skip(f"{package} is not installed: make conformance")
        call(__import__(module))

    test.__name__ = f"test_{package} {version or ''} {call.__name__}"
    return test


if __name__ == "__main__":
    only = sys.argv[1:]
    tests = [as_test(*row) for row in TABLE]
    tap.main({"test_" + t.__name__: t for t in tests if not only or any(word in t.__name__ for word in only)})
