#!/usr/bin/env python3
"""Make a reranker of a published shape with random weights, as a Hugging Face directory with its
ONNX export beside it.

  make_model.py SHAPE DIR       SHAPE: a row of families.py

The weights are random (seed 0), so only speed and agreement can be compared, not quality.  Their sizes are
such that each layer adds about as much as it finds and that attention prefers some tokens, as in a trained
model: logits differ enough for their order to mean something in low precision.  The tokenizer, WordPiece,
Unigram or BPE as the family may have it, knows whole words, so that a text's length in tokens is its number
of words; vocabularies, with which nothing is computed, are mostly small.
"""
import os, re, shutil, sys
import torch
import transformers as hf
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

import families
from families import SHAPES, WINDOW, golden_decoders, golden_jina, golden_qwen
from make_golden import edit_json, rename_flash, write_json


# ---- tokenizers ----------------------------------------------------------------------------------


def make_wordpiece(n):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + (["[unused0]", "[unused1]"] if n < 30000 else [])
    words += [f"w{i}" for i in range(n - len(words))]
    tk = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tk.normalizer = normalizers.BertNormalizer(lowercase=True)
    tk.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tk.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tk, {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def make_unigram(n):
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [(s, 0.0) for s in specials] + [("\u2581", -5.0)]
    pieces += [(f"\u2581w{i}", -10.0) for i in range(n - len(pieces) - 1)] + [("<mask>", 0.0)]
    tk = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tk.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always")
    tk.add_special_tokens(specials + ["<mask>"])
    tk.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return tk, {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>",
                "unk_token": "<unk>", "mask_token": "<mask>"}


def make_qwen(n):
    """Words of prompts and texts are one token each; at most n."""
    words = golden_qwen.golden.WORDS
    prompt = golden_qwen.jina_prompt(words[0], [str(i) for i in range(100)])
    lines = [golden_qwen.PREFIX, f"<Instruct>: {golden_qwen.INSTRUCTION}\n<Query>: x\n<Document>: y", golden_qwen.SUFFIX, *golden_qwen.MXBAI,
             "query: x", "document: y", golden_decoders.M0.format(document="x", query="y"), prompt, " " + " ".join(words)] * 20
    for mark in (golden_qwen.EMBED, golden_qwen.RERANK):
        lines = [line.replace(mark, "") for line in lines]
    return golden_qwen.qwen_tokenizer(lines, n, (golden_qwen.EMBED, golden_qwen.RERANK)), {"pad_token": "<|endoftext|>"}


def make_gemma(n):
    return golden_decoders.gemma_tokenizer(n), {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}


TOKENIZERS = {"wordpiece": make_wordpiece, "unigram": make_unigram, "qwen": make_qwen, "gemma": make_gemma}


# ---- weights -------------------------------------------------------------------------------------


def std_of(name, fan_in):
    """Of the elements of a matrix.  With these of queries and keys, scores of attention have a deviation of about 2."""
    sharp = re.search(r"\b(query|key|q|k)(_proj|_lin)?\.weight$", name)
    return ((2 if sharp else 1) / fan_in) ** 0.5


def weigh(named):
    torch.manual_seed(0)
    with torch.no_grad():
        for name, p in named:
            if re.search(r"\b[qk]_norm\b", name):  # of heads, whose scores their matrices then do not decide
                p.fill_(2 ** 0.5)
            elif "norm" not in name.lower() and name != "emb_ln":
                p.normal_(0, 0.02 if p.dim() == 1 or "embed" in name else std_of(name, p.shape[1]))


def make_class(shape, out, ending, **more):
    """A model of transformers, saved; -> its tensors' number of words is that of the tokenizer."""
    config = getattr(hf, shape.model + "Config")(**shape.config, attn_implementation="eager", **more)
    model = getattr(hf, shape.model + ending)(config)
    weigh(model.named_parameters())
    model.eval().save_pretrained(out)
    if os.path.exists(os.path.join(out, "generation_config.json")):
        os.remove(os.path.join(out, "generation_config.json"))


def make_pairs(shape, out, tk):
    make_class(shape, out, "ForSequenceClassification", num_labels=1, vocab_size=shape.vocab)


def make_flash(shape, out, tk):
    make_pairs(shape, os.path.join(out, "plain"), tk)
    make_pairs(shape, out, tk)
    rename_flash(out)


def net_tensors(kind, shape, vocab, types, head):
    c = shape.config
    t = golden_jina.random_tensors(kind, vocab, c["hidden_size"], c["intermediate_size"], c["num_hidden_layers"], types, head, 0)
    for name, p in t.items():
        if p.dim() == 1:
            p.fill_(1.0 if name.endswith("weight") else 0.0)
    norms = [n for n in t if t[n].dim() == 1 and n.endswith("weight")]
    weigh((n, p) for n, p in t.items() if n not in norms and n.replace(".bias", ".weight") not in norms)
    return t


def make_net(shape, out, tk):
    c = shape.config
    t = net_tensors(shape.kind, shape, shape.vocab, 1 if shape.kind == "new" else 2, True)
    more = dict(theta=20000, factor=8) if shape.kind == "new" else {}
    net = golden_jina.Net(shape.kind, c["num_attention_heads"], **more, **t)
    if shape.kind == "new":
        config = golden_jina.new_config(net, tk, "NewForSequenceClassification", WINDOW)
        golden_jina.save(out, net, tk, config, "new.", torch.float32, at_root=("classifier", "pooler"))
    else:
        config = golden_jina.jina_config(net, tk, shape.kind, "JinaBertForSequenceClassification", "geglu", True, WINDOW)
        golden_jina.save(out, net, tk, config, "bert.", torch.float32)


def make_answers(shape, out, tk):
    make_class(shape, out, "ForCausalLM", vocab_size=tk.get_vocab_size())


def add_tensors(out, prefix, **shapes):
    path = os.path.join(out, "model.safetensors")
    added = {n.replace("_", "."): torch.randn(*s) / s[1] ** 0.5 for n, s in shapes.items()}
    save_file({prefix + k.removeprefix(prefix): v for k, v in families.weights_of(out).items()} | added, path, metadata={"format": "pt"})


def make_m0(shape, out, tk):
    hidden, vocab = shape.config["hidden_size"], tk.get_vocab_size()
    model = hf.Qwen2VLTextModel(families.m0_config(shape, vocab))
    weigh(model.named_parameters())
    head = {"score.0.weight": torch.randn(hidden, hidden) / hidden ** 0.5, "score.0.bias": torch.zeros(hidden),
            "score.2.weight": torch.randn(1, hidden) / hidden ** 0.5, "score.2.bias": torch.zeros(1)}
    save_file({f"model.{n}": p for n, p in model.state_dict().items()} | head, os.path.join(out, "model.safetensors"), metadata={"format": "pt"})
    write_json(out, "config.json", shape.config | dict(architectures=["JinaVLForRanking"], model_type="qwen2_vl", vocab_size=vocab,
                                                       rope_scaling=families.M0_ROPE, use_sliding_window=False))


def make_late(shape, out, tk):
    make_class(shape, out, "Model", vocab_size=shape.vocab)
    add_tensors(out, "bert.", linear_weight=(96, shape.config["hidden_size"]))
    edit_json(out, "config.json", {"architectures": ["HF_ColBERT"]})
    write_marks(out, shape, 96)


def write_marks(out, shape, dim):
    query, document = families.Late.MARKS[shape.tokenizer][-2:]
    write_json(out, "artifact.metadata", dict(dim=dim, query_maxlen=families.Late.QUERY_LENGTH, doc_maxlen=WINDOW, attend_to_mask_tokens=False,
                                              mask_punctuation=True, query_token_id=query, doc_token_id=document))


def make_late_net(shape, out, tk):
    hidden, dim = shape.config["hidden_size"], 128
    tk.add_special_tokens(list(families.Late.MARKS[shape.tokenizer][-2:]))
    t = net_tensors("flash", shape, tk.get_vocab_size(), 1, False)
    net = golden_jina.Net("flash", shape.config["num_attention_heads"], eps=1e-5, theta=10000, **t)
    net.t["linear.weight"] = torch.randn(dim, hidden) / hidden ** 0.5
    golden_jina.save(out, net, tk, golden_jina.flash_config(net, tk, "HF_ColBERT", WINDOW), "roberta.", torch.float32)
    write_marks(out, shape, dim)


def make_block(shape, out, tk):
    make_answers(shape, out, tk)
    add_tensors(out, "", projector_0_weight=(512, shape.config["hidden_size"]), projector_2_weight=(512, 512))
    edit_json(out, "config.json", {"architectures": ["JinaForRanking"]})


MAKERS = {"pairs": make_pairs, "flash": make_flash, "jina": make_net, "jina-qk": make_net, "new": make_net, "answers": make_answers,
          "m0": make_m0, "late": make_late, "late-net": make_late_net, "block": make_block}


def export_onnx(module, path):
    names = ["input_ids", "attention_mask"] + (["token_type_ids"] if module.has_types else [])
    one = torch.ones(2, 16, dtype=torch.long)
    torch.onnx.export(module, (one,) * len(names), path, input_names=names, output_names=["logits"],
                      dynamic_axes={n: {0: "batch", 1: "length"} for n in names}, opset_version=17, dynamo=False)


def main():
    name, out = sys.argv[1], sys.argv[2]
    shape = SHAPES[name]
    os.makedirs(out, exist_ok=True)
    tk, specials = TOKENIZERS[shape.tokenizer](shape.vocab)
    MAKERS[shape.kind](shape, out, tk)
    tk.save(os.path.join(out, "tokenizer.json"))
    module = families.open_module(name, out, attention="eager")
    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    write_json(out, "tokenizer_config.json", dict(
        specials, tokenizer_class="PreTrainedTokenizerFast", model_input_names=inputs if module.has_types else inputs[::2],
        model_max_length=shape.config["max_position_embeddings"] if shape.is_decoder else WINDOW))
    if shape.kind == "flash":
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(os.path.join(out, file), os.path.join(out, "plain"))
    part = os.path.join(out, "part.onnx")
    export_onnx(module, part)
    os.rename(part, os.path.join(out, "model.onnx"))


if __name__ == "__main__":
    main()
