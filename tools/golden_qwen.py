#!/usr/bin/env python3
"""Make the golden models of the decoders: tiny, random, with the results of transformers' Qwen classes.

  golden_qwen.py DIR          (needs what make_golden.py needs)

Those of DIR/../listwise read documents together; their cases hold a query, documents and a logit for each.  Prompts are written here as the publishers' code writes them: Qwen3-Reranker's three parts and mxbai-rerank's
pieces are tokenized each for itself, and cut as there.
"""
import json, os, random, shutil, sys
import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import (Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM, Qwen3ForSequenceClassification)

import make_golden as golden
from make_golden import edit_json, save, share_case, text, write_cases

SPLIT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
INSTRUCTION = "Given a web search query, retrieve relevant passages that answer the query"
PREFIX = ("<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. "
          "Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n")
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
MXBAI = ["<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n<|im_start|>user\n", "\n",
         "You are a search relevance expert who evaluates how well documents match search queries. For each query-document pair, "
         "carefully analyze the semantic relationship between them, then provide your binary relevance judgment (0 for not relevant, "
         "1 for relevant).\nRelevance:", "<|im_end|>\n<|im_start|>assistant\n"]
MAX_LENGTH = 420  # of the tiny models, as max_position_embeddings
SMALL = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=48,
             max_position_embeddings=MAX_LENGTH, rms_norm_eps=1e-6, attn_implementation="eager", pad_token_id=0)

# Texts whose first or last characters meet the prompt's in one pre-token, or seem to.
EDGES = [("", "lanba"), ("banlan", ""), ("what?", "  two spaces"), ("ends with a line\n", "\nbegins with one"), ("ends so: ", "1234 digits"),
         ("...", "!!! marks"), ("7", "\u0301 a combining mark"), ("yes", "no"), ("a <|im_end|> in a text", "<think> and <|im_start|>")]

# An instruction, a query and a document; the instruction's ends meet the prompt's, too.  No random texts: those of other cases stay.
INSTRUCTED = [(INSTRUCTION, "banlan celan", "lanba"), ("Rank what is cheap first.", "banlan celan", "lanba"), ("Rank what is cheap first.", "", "7"),
              ("ends with lines\n\n", "\nbegins with one", "latok"), ("  spaces, 1234 ", "7 what?", "runis podra"), ("?", "yes", "no"),
              ("an <|im_end|> in it, and \u0301", "\u00e9", "<think>")]
LONG = " ".join(golden.WORDS * 3)


def qwen_tokenizer(lines=None, vocab=560, specials=()):
    tk = Tokenizer(models.BPE())
    tk.normalizer = normalizers.NFC()
    tk.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"),
                                                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    lines = lines or [PREFIX, f"<Instruct>: {INSTRUCTION}\n<Query>: x\n<Document>: y", SUFFIX, *MXBAI, "query: x", "document: y"] * 20
    lines += ["yes", "no", "\n\n"] * 100 + [" ".join(golden.WORDS)]
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *specials]
    tk.train_from_iterator(lines, BpeTrainer(vocab_size=vocab, special_tokens=specials, show_progress=False,
                           initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tk.add_tokens([AddedToken("<think>", special=False, normalized=False), AddedToken("</think>", special=False, normalized=False)])
    return tk


def randomize(model, seed, scale=0.25):
    """Norms about 1, matrices so large that activations reach +-3 and attention is far from even."""
    torch.manual_seed(golden.SEED + seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "norm" in name:
                p.copy_(1 + 0.3 * torch.randn_like(p))
            elif "embed_tokens" in name or "lm_head" in name:
                p.normal_(0, 0.5)
            else:
                p.normal_(0, scale if p.dim() == 2 else 2 * scale)
    return model.eval().float()


def score_of(logits, answers):
    """One answer's logit, less another's where there are two."""
    return logits[..., answers[0]] - (logits[..., answers[1]] if len(answers) > 1 else 0)


def train(model, tk, make_ids, answers, steps=300):
    """As xlmr-outliers: after a minute logits differ enough from pair to pair for their order to mean something."""
    torch.set_num_threads(1)
    local = random.Random(golden.SEED)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 2 and "embed" not in name:
                p.mul_(0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 2e-3 * min(1, step / 50) * (1 - step / steps) + 1e-5
        pairs = [share_case(local) for _ in range(32)]
        ids = [make_ids(tk, q, d) for q, d, _ in pairs]
        longest = max(map(len, ids))
        last = torch.tensor([len(i) - 1 for i in ids])
        logits = model(input_ids=torch.tensor([i + [0] * (longest - len(i)) for i in ids])).logits[torch.arange(len(ids)), last]
        loss = ((score_of(logits, answers) - torch.tensor([y for *_, y in pairs])) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return [share_case(local)[:2] for _ in range(48)]


def ids_of(tk, piece):
    return tk.encode(piece, add_special_tokens=False).ids


def qwen3_ids(tk, query, document, instruction=INSTRUCTION):
    prefix, suffix = ids_of(tk, PREFIX), ids_of(tk, SUFFIX)
    body = ids_of(tk, f"<Instruct>: {instruction}\n<Query>: {query}\n<Document>: {document}")
    return prefix + body[:MAX_LENGTH - len(prefix) - len(suffix)] + suffix


def mxbai_ids(tk, query, document, instruction=None):
    prefix, sep, task, suffix = (ids_of(tk, piece) for piece in MXBAI)
    around = len(prefix) + len(task) + len(suffix) + len(sep)
    most = MAX_LENGTH - around
    asked = f"query: {query}" if instruction is None else f"instruction: {instruction}\nquery: {query}"
    q = ids_of(tk, asked)[:most * 3 // 4]
    d = (sep + ids_of(tk, f"document: {document}"))[:most - len(q)]
    return prefix + q + d + sep + task + suffix


def logit_of(model, ids, answers):
    with torch.no_grad():
        z = model(input_ids=torch.tensor([ids])).logits[0].double()
    return float(z[0] if z.dim() == 1 else score_of(z[-1], answers))


def cases_of(model, tk, make_ids, answers, long_query, pairs):
    trained_on, pairs = pairs, pairs or [(text(n), text(m)) for n in (1, 6) for m in (1, 4, 19, 40)] + EDGES
    cases = [dict(query=q, document=d, logit=float(f"{logit_of(model, make_ids(tk, q, d), answers):.9g}")) for q, d in pairs]
    for n_query, n_doc in ((3, 400), (20, 300)) + (((400, 4), (500, 500)) if long_query else ()):
        q, d = text(n_query), text(n_doc)
        assert len(make_ids(tk, q, d)) == MAX_LENGTH or n_doc == 4
        cases.append(dict(query=q, document=d, long_docs="truncate", logit=float(f"{logit_of(model, make_ids(tk, q, d), answers):.9g}")))
    return cases if trained_on else cases + instructed_cases(model, tk, make_ids, answers, long_query)


def instructed_cases(model, tk, make_ids, answers, long_query):
    cases = [dict(instruction=i, query=q, document=d) for i, q, d in INSTRUCTED]
    cases += [dict(instruction=INSTRUCTED[1][0], query=q, document=LONG, long_docs="truncate") for q in ("banlan", LONG)[:1 + long_query]]
    for case in cases:
        ids = make_ids(tk, case["query"], case["document"], case["instruction"])
        assert ("long_docs" in case) == (len(ids) == MAX_LENGTH)
        case["logit"] = float(f"{logit_of(model, ids, answers):.9g}")
    assert abs(cases[0]["logit"] - cases[1]["logit"]) > 0.01  # it counts
    return cases


def decoder(folder, model, tk, make_ids, answers, seed, long_query=False, config=None, scale=0.25, trained=False):
    answers = [tk.token_to_id(a) for a in answers]
    model = randomize(model, seed, scale)
    pairs = train(model, tk, make_ids, answers) if trained else []
    save(folder, model, tk, torch.float16, **(config or {}))
    model = type(model).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()  # save() rounds rotary tables, too
    if os.path.exists(os.path.join(folder, "generation_config.json")):
        os.remove(os.path.join(folder, "generation_config.json"))
    write_cases(folder, cases_of(model, tk, make_ids, answers, long_query, pairs))


# ---- listwise ------------------------------------------------------------------------------------

EMBED, RERANK = "<|embed_token|>", "<|rerank_token|>"
SYSTEM = ("<|im_start|>system\nYou are a search relevance expert who can determine a ranking of the passages based on how relevant they are "
          "to the query. If the query is a question, how relevant a passage is depends on how well it answers the question. If not, try to "
          "analyze the intent of the query and assess how well each passage satisfies the intent. If an instruction is provided, you should "
          "follow the instruction when determining the ranking.<|im_end|>\n<|im_start|>user\n")
MODEL_MAX, MAX_QUERY, MAX_DOC, BLOCK = 4000, 512, 2048, 125


def jina_prompt(query, documents, instruction=None):
    """One text for a block, as jina-reranker-v3 writes it."""
    query, asked, *documents = (t.replace(RERANK, "").replace(EMBED, "") for t in (query, instruction or "", *documents))
    asked = f"<instruct>\n{asked}\n</instruct>\n" if instruction else ""
    passages = "\n".join(f'<passage id="{i}">\n{d}{EMBED}\n</passage>' for i, d in enumerate(documents))
    return (f"{SYSTEM}I will provide you with {len(documents)} passages, each indicated by a numerical identifier. Rank the passages based on "
            f"their relevance to query: {query}\n{asked}{passages}\n<query>\n{query}{RERANK}\n</query>{SUFFIX}")


def shorten(tk, value, most):
    ids = ids_of(tk, value)[:most]
    return (tk.decode(ids, skip_special_tokens=False) if len(ids) >= most else value), len(ids)


def blocks_of(lengths, n_query, max_doc):
    """Ranges of documents that share a prompt."""
    blocks, first, room = [], 0, MODEL_MAX - 2 * n_query
    for i, length in enumerate(lengths):
        room -= length
        if i + 1 - first >= BLOCK or room <= max_doc or i + 1 == len(lengths):
            blocks.append((first, i + 1))
            first, room = i + 1, MODEL_MAX - 2 * n_query
    return blocks


def jina_scores(model, projector, tk, query, documents, max_doc, instruction=None):
    marks = [tk.token_to_id(EMBED), tk.token_to_id(RERANK)]
    query, n_query = shorten(tk, query, MAX_QUERY)
    documents, lengths = zip(*(shorten(tk, d, max_doc) for d in documents))
    vectors, queries, weights = [], [], []
    for first, end in blocks_of(lengths, n_query, max_doc):
        ids = torch.tensor([ids_of(tk, jina_prompt(query, documents[first:end], instruction))])
        with torch.no_grad():
            h = model.model(input_ids=ids).last_hidden_state[0]
            own, q = (projector[1] @ torch.relu(projector[0] @ h[ids[0] == mark].T) for mark in marks)
        vectors.append(own)
        queries.append(q[:, 0])
        weights.append(((1 + torch.nn.functional.cosine_similarity(own, q, dim=0)) / 2).max())
    weights = torch.stack(weights)
    average = (torch.stack(queries) * weights[:, None]).sum(0) / weights.sum()
    scores = torch.nn.functional.cosine_similarity(torch.cat(vectors, 1).double(), average[:, None].double(), dim=0)
    return [float(f"{s:.9g}") for s in scores], len(queries)


def instructed_lists(cases):
    return [dict(instruction=i, query=cases[at]["query"], documents=cases[at]["documents"])
            for i, at in (("Rank what is cheap first.", 1), ("ends with a line\n", 2), (f"a{EMBED}b {RERANK}\u0301", 6))]


def listwise(folder):
    lines = [jina_prompt("banlan", [str(i) for i in range(100)]).replace(EMBED, "").replace(RERANK, "")] + [" ".join(golden.WORDS)] * 10
    tk = qwen_tokenizer(lines, 420, (EMBED, RERANK))
    config = Qwen3Config(**dict(SMALL, max_position_embeddings=MODEL_MAX + 96), head_dim=8, tie_word_embeddings=True, rope_theta=1e5,
                         vocab_size=tk.get_vocab_size())
    shutil.rmtree(folder, ignore_errors=True)
    save(folder, randomize(Qwen3ForCausalLM(config), 64), tk, torch.float16, architectures=["JinaForRanking"], model_max_length=MODEL_MAX)
    os.remove(os.path.join(folder, "generation_config.json"))
    model = Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    projector = [(torch.randn(shape) * 0.4).half().float() for shape in ((16, 32), (24, 16))]
    path = os.path.join(folder, "model.safetensors")
    save_file({**load_file(path), "projector.0.weight": projector[0].half(), "projector.2.weight": projector[1].half()}, path)
    cases = [dict(query=text(2), documents=[text(4)]), dict(query=text(3), documents=[text(n) for n in (1, 9, 2, 30, 5)]),
             dict(query=text(3), documents=[text(1) for _ in range(130)]), dict(query=text(4), documents=[text(60) for _ in range(35)]),
             dict(query=text(4), documents=[text(20), "zu \u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9", text(3)], max_doc=11),
             dict(query=text(400), documents=[text(2), text(3)]),
             dict(query=f"{text(1)}{RERANK} {EMBED}?", documents=["", f"a{EMBED}b", f"<|embed{RERANK}_token|>", "<|im_end|> <think>", "\n", "7 "])]
    cases += instructed_lists(cases)
    for case in cases:
        case["logits"], case["blocks"] = jina_scores(model, projector, tk, case["query"], case["documents"], case.get("max_doc", MAX_DOC),
                                                     case.get("instruction"))
    assert [c["blocks"] for c in cases] == [1, 1, 2, 2, 1, 1, 1, 1, 2, 1], [c["blocks"] for c in cases]
    with open(os.path.join(folder, "cases.jsonl"), "w") as f:
        f.writelines(json.dumps(c) + "\n" for c in cases)


def main():
    root = sys.argv[1]
    at = lambda name: os.path.join(root, name)
    listwise(os.path.join(root, "..", "listwise", "jina-v3"))
    tk = qwen_tokenizer()
    small = dict(SMALL, vocab_size=tk.get_vocab_size())
    for name in ("qwen3", "qwen3-untied", "qwen3-score", "qwen2"):
        shutil.rmtree(at(name), ignore_errors=True)
    decoder(at("qwen3"), Qwen3ForCausalLM(Qwen3Config(**dict(small, hidden_size=48, intermediate_size=72),
            head_dim=16, tie_word_embeddings=True, rope_theta=1e6)), tk,
            qwen3_ids, ("yes", "no"), 60, trained=True)
    decoder(at("qwen3-untied"), Qwen3ForCausalLM(Qwen3Config(**dict(small, num_key_value_heads=1), head_dim=8, tie_word_embeddings=False,
            rope_theta=5e3)), tk,
            qwen3_ids, ("yes", "no"), 61, config={"rope_parameters": "DELETE", "rope_theta": 5000.0, "rope_scaling": None})
    decoder(at("qwen3-score"), Qwen3ForSequenceClassification(Qwen3Config(**small, head_dim=16, num_labels=1, tie_word_embeddings=True)), tk,
            qwen3_ids, (), 62)
    decoder(at("qwen2"), Qwen2ForCausalLM(Qwen2Config(**small, tie_word_embeddings=True, rope_theta=1e6)), tk, mxbai_ids, ("1", "0"), 63, True,
            scale=0.2)


if __name__ == "__main__":
    main()
