#!/usr/bin/env python3
"""Make the golden models of the decoders: tiny, random, with the results of transformers' Qwen classes.

  golden_qwen.py DIR          (needs what make_golden.py needs)

Prompts are written here as the publishers' code writes them: Qwen3-Reranker's three parts and mxbai-rerank's
pieces are tokenized each for itself, and cut as there.
"""
import os, random, shutil, sys
import torch
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import (Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM, Qwen3ForSequenceClassification)

import make_golden as golden
from make_golden import save, share_case, text, write_cases

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


def qwen_tokenizer():
    tk = Tokenizer(models.BPE())
    tk.normalizer = normalizers.NFC()
    tk.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLIT), "isolated"),
                                                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    lines = [PREFIX, f"<Instruct>: {INSTRUCTION}\n<Query>: x\n<Document>: y", SUFFIX, *MXBAI, "query: x", "document: y"] * 20
    lines += ["yes", "no", "\n\n"] * 100 + [" ".join(golden.WORDS)]
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tk.train_from_iterator(lines, BpeTrainer(vocab_size=560, special_tokens=specials, show_progress=False,
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
        loss = ((logits[:, answers[0]] - logits[:, answers[1]] - torch.tensor([y for *_, y in pairs])) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return [share_case(local)[:2] for _ in range(48)]


def ids_of(tk, piece):
    return tk.encode(piece, add_special_tokens=False).ids


def qwen3_ids(tk, query, document):
    prefix, suffix = ids_of(tk, PREFIX), ids_of(tk, SUFFIX)
    body = ids_of(tk, f"<Instruct>: {INSTRUCTION}\n<Query>: {query}\n<Document>: {document}")
    return prefix + body[:MAX_LENGTH - len(prefix) - len(suffix)] + suffix


def mxbai_ids(tk, query, document):
    prefix, sep, task, suffix = (ids_of(tk, piece) for piece in MXBAI)
    around = len(prefix) + len(task) + len(suffix) + len(sep)
    most = MAX_LENGTH - around
    q = ids_of(tk, f"query: {query}")[:most * 3 // 4]
    d = (sep + ids_of(tk, f"document: {document}"))[:most - len(q)]
    return prefix + q + d + sep + task + suffix


def logit_of(model, ids, answers):
    with torch.no_grad():
        z = model(input_ids=torch.tensor([ids])).logits[0].double()
    return float(z[0] if z.dim() == 1 else z[-1, answers[0]] - z[-1, answers[1]])


def cases_of(model, tk, make_ids, answers, long_query, pairs):
    pairs = pairs or [(text(n), text(m)) for n in (1, 6) for m in (1, 4, 19, 40)] + EDGES
    cases = [dict(query=q, document=d, logit=float(f"{logit_of(model, make_ids(tk, q, d), answers):.9g}")) for q, d in pairs]
    for n_query, n_doc in ((3, 400), (20, 300)) + (((400, 4), (500, 500)) if long_query else ()):
        q, d = text(n_query), text(n_doc)
        assert len(make_ids(tk, q, d)) == MAX_LENGTH or n_doc == 4
        cases.append(dict(query=q, document=d, long_docs="truncate", logit=float(f"{logit_of(model, make_ids(tk, q, d), answers):.9g}")))
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


def main():
    root = sys.argv[1]
    at = lambda name: os.path.join(root, name)
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
