#!/usr/bin/env python3
"""Make the golden models of decoders other than Qwen's own rerankers: tiny, random, with transformers' results.

  golden_decoders.py DIR          (needs what make_golden.py needs)

jina-m0 is transformers' language model of Qwen2-VL and the head of jina-reranker-m0 by its arithmetic, saved under the
names of the published checkpoint.
"""
import os, shutil, sys
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer
from transformers import GemmaConfig, GemmaForCausalLM, Qwen2Config, Qwen2ForSequenceClassification, Qwen2VLTextConfig, Qwen2VLTextModel

from golden_qwen import EDGES, MAX_LENGTH, SMALL, decoder, ids_of, logit_of, mxbai_ids, qwen_tokenizer, randomize, train
from make_golden import WORDS, save, text, write_cases, write_json

SCORE_ID = 100
M0 = "**Document**:\n{document}\n**Query**:\n{query}"


def number(value):
    return float(f"{float(value):.9g}")


# ---- jina-reranker-m0 ----------------------------------------------------------------------------

def m0_ids(tk, query, document, most):
    """The prompt as one text.  What is cut is the document's end, and of a query what is over three quarters of the room; the
    newline behind the document stays."""
    whole = ids_of(tk, M0.format(document=document, query=query)) + [SCORE_ID]
    q = ids_of(tk, f"**Query**:\n{query}")[:(most - 1) * 3 // 4]
    room = most - 1 - len(q)
    d = ids_of(tk, f"**Document**:\n{document}\n")
    if len(whole) <= most and len(ids_of(tk, f"**Query**:\n{query}")) == len(q):
        return whole
    newline = ids_of(tk, "\n")
    return (d if len(d) <= room else d[:room - len(newline)] + newline) + q + [SCORE_ID]


def m0_logit(model, head, ids):
    with torch.no_grad():
        h = model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long)).last_hidden_state[0, -1]
        return number((head["score.2.weight"] @ torch.relu(head["score.0.weight"] @ h + head["score.0.bias"]) + head["score.2.bias"])[0])


def jina_m0(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    tk, most = qwen_tokenizer(["**Document**:\n", "**Query**:\n", ".\n"] * 50, 420), 150
    sizes = {k: v for k, v in SMALL.items() if k not in ("attn_implementation", "pad_token_id")}
    sizes.update(max_position_embeddings=most, vocab_size=tk.get_vocab_size())
    rope = {"type": "mrope", "mrope_section": [1, 1, 2]}
    config = Qwen2VLTextConfig(**sizes, rope_scaling=dict(rope), rope_theta=1e4, attn_implementation="eager")
    model = randomize(Qwen2VLTextModel(config), 70)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.half())
    hidden = sizes["hidden_size"]
    head = {"score.0.weight": torch.randn(hidden, hidden) * 0.25, "score.0.bias": torch.randn(hidden),
            "score.2.weight": torch.randn(1, hidden) * 0.25, "score.2.bias": torch.randn(1)}
    weights = {f"model.{name}": value for name, value in model.state_dict().items()} | head
    weights = {name: value.half() for name, value in weights.items()}
    head = {name: weights[name].float() for name in head}
    weights.update({"visual.blocks.0.attn.qkv.weight": torch.zeros(2, 2).half(), "visual.merger.ln_q.bias": torch.zeros(2).half()})
    save_file(weights, os.path.join(folder, "model.safetensors"))
    tk.save(os.path.join(folder, "tokenizer.json"))
    write_json(folder, "tokenizer_config.json", {"model_max_length": 32768})
    write_json(folder, "config.json", dict(sizes, architectures=["JinaVLForRanking"], model_type="qwen2_vl", rope_theta=1e4, rope_scaling=rope,
               auto_map={"AutoModel": "modeling.JinaVLForRanking"}, use_sliding_window=False, vision_config={"depth": 1, "hidden_size": 8}))
    cases = []
    for q, d in [(text(n), text(m)) for n in (1, 6) for m in (1, 4, 15)] + EDGES + [("ends here.", "so does this."), ("a", "b \t")]:
        cases.append(dict(query=q, document=d, logit=m0_logit(model, head, m0_ids(tk, q, d, most))))
    for n_query, n_doc in ((3, 160), (20, 140), (120, 4), (130, 160)):
        q, d = text(n_query), text(n_doc)
        ids = m0_ids(tk, q, d, most)
        assert len(ids) == most or n_doc == 4, len(ids)
        cases.append(dict(query=q, document=d, long_docs="truncate", logit=m0_logit(model, head, ids)))
    write_cases(folder, cases)


# ---- Qwen2ForSequenceClassification --------------------------------------------------------------

def qwen2_pairs(folder, model, tk):
    """A classification whose tokenizer writes pairs, with padding at their end: transformers reads the last token that is none."""
    pad, end = (tk.token_to_id(t) for t in ("<|endoftext|>", "<|im_end|>"))
    tk.post_processor = processors.TemplateProcessing(single="$A <|im_end|>", pair="$A <|im_end|> $B:1 <|endoftext|>:1",
                                                      special_tokens=[("<|endoftext|>", pad), ("<|im_end|>", end)])
    pads = [("a", "b<|endoftext|>"), ("a<|endoftext|>", "<|endoftext|><|endoftext|>"), ("", ""), ("<|endoftext|>", "x<|endoftext|>y")]
    save(folder, randomize(model, 72, 0.2), tk, torch.float16)
    model = type(model).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    tk.enable_truncation(MAX_LENGTH, strategy="longest_first")
    pairs = [(text(n), text(m)) for n in (1, 6) for m in (1, 4, 19, 40)] + EDGES + pads
    cases = [dict(query=q, document=d) for q, d in pairs]
    cases += [dict(query=text(n), document=text(m), long_docs="truncate") for n, m in ((3, 500), (500, 4), (500, 500))]
    for case in cases:
        case["logit"] = number(logit_of(model, tk.encode(case["query"], case["document"]).ids, ()))
    write_cases(folder, cases)


def qwen2(at):
    tk = qwen_tokenizer()
    model = lambda: Qwen2ForSequenceClassification(Qwen2Config(**SMALL, vocab_size=tk.get_vocab_size(), num_labels=1, rope_theta=1e6))
    for name in ("qwen2-score", "qwen2-pairs"):
        shutil.rmtree(at(name), ignore_errors=True)
    decoder(at("qwen2-score"), model(), tk, mxbai_ids, (), 71, scale=0.2)
    qwen2_pairs(at("qwen2-pairs"), model(), tk)


# ---- bge-reranker-v2-gemma -----------------------------------------------------------------------

PROMPT = ("Given a query A and a passage B, determine whether the passage contains an answer to the query by providing a prediction of either "
          "'Yes' or 'No'.")
TEXTS_TOKENS = 512  # FlagEmbedding's max_length


def gemma_tokenizer(vocab=480):
    """Of Gemma's kind: spaces as U+2581, nothing split, bytes for what is unknown, runs of newlines as tokens."""
    tk = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tk.normalizer = normalizers.Replace(" ", "\u2581")
    tk.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")  # or a text would become one piece
    specials = ["<pad>", "<eos>", "<bos>", "<unk>"] + [f"<0x{b:02X}>" for b in range(256)]
    lines = [PROMPT, "A: x", "B: y", "Yes", "No", " ".join(WORDS)] * 20
    tk.train_from_iterator(lines, BpeTrainer(vocab_size=vocab, special_tokens=specials, show_progress=False, initial_alphabet=list("ABY:\u2581")))
    tk.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tk.add_tokens([AddedToken("\n" * n, normalized=False) for n in (1, 2, 3)])
    bos = tk.token_to_id("<bos>")
    tk.post_processor = processors.TemplateProcessing(single="<bos> $A", pair="<bos> $A <bos> $B:1", special_tokens=[("<bos>", bos)])
    tk.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    return tk


def gemma_ids(tk, query, document):
    sep, prompt = ids_of(tk, "\n"), ids_of(tk, PROMPT)
    first = [tk.token_to_id("<bos>")] + ids_of(tk, f"A: {query}")[:TEXTS_TOKENS * 3 // 4]
    second = sep + ids_of(tk, f"B: {document}")[:TEXTS_TOKENS]
    return first + second[:TEXTS_TOKENS + len(sep) + len(prompt) - len(first)] + sep + prompt


def gemma(folder, seed, trained=False, config=None, **more):
    shutil.rmtree(folder, ignore_errors=True)
    tk = gemma_tokenizer()
    sizes = dict(SMALL, max_position_embeddings=1100, vocab_size=tk.get_vocab_size(), num_key_value_heads=1, head_dim=16) | more
    model = randomize(GemmaForCausalLM(GemmaConfig(**sizes)), seed)
    answers = [tk.token_to_id("Yes")]
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.sub_(1) if "norm" in name else p.mul_(0.3) if "embed" in name else None
    pairs = train(model, tk, gemma_ids, answers) if trained else [(text(n), text(m)) for n in (1, 6) for m in (1, 4, 19, 40)] + EDGES
    save(folder, model, tk, torch.float16, **(config or {}))
    tk.save(os.path.join(folder, "tokenizer.json"), pretty=False)
    os.remove(os.path.join(folder, "generation_config.json"))
    model = GemmaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    cases = [dict(query=q, document=d) for q, d in pairs]
    cases += [dict(query=text(n), document=text(m), long_docs="truncate") for n, m in ((3, 600), (200, 600), (500, 4), (500, 600))]
    for case in cases:
        case["logit"] = number(logit_of(model, gemma_ids(tk, case["query"], case["document"]), answers))
    write_cases(folder, cases)


def main():
    at = lambda name: os.path.join(sys.argv[1], name)
    jina_m0(at("jina-m0"))
    qwen2(at)
    gemma(at("gemma"), 73, trained=True, hidden_size=40, intermediate_size=64)
    gemma(at("gemma-legacy"), 74, num_hidden_layers=1, hidden_size=16, num_attention_heads=2, head_dim=256,
          config={"rope_parameters": "DELETE", "rope_theta": 10000.0, "hidden_act": "gelu", "hidden_activation": None, "tie_word_embeddings": "DELETE"})


if __name__ == "__main__":
    main()
