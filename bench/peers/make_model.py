#!/usr/bin/env python3
"""Make a cross-encoder of a published shape with random weights, as a Hugging Face directory with its
ONNX export beside it.

  make_model.py SHAPE DIR
  SHAPE   mini   BERT, 6 layers of 384, as the MiniLM cross-encoders
          base   XLM-RoBERTa base, 12 layers of 768, as bge-reranker-base
          large  XLM-RoBERTa large, 24 layers of 1024, as bge-reranker-large; the vocabulary, which
                 nothing is computed with, is small, so that no file is over 2 GB

The weights are random (seed 0), so only speed and agreement can be compared, not quality.  Their sizes are
such that each layer adds about as much as it finds and that attention prefers some tokens, as in a trained
model: logits differ enough for their order to mean something in low precision.  The tokenizer, WordPiece or Unigram as the family has it, knows whole words w0, w1, ..., so
that a text's length in tokens is its number of words.
"""
import json, os, sys
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, XLMRobertaConfig, XLMRobertaForSequenceClassification

SHAPES = {"mini": dict(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, vocab_size=30522),
          "base": dict(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072, vocab_size=250002),
          "large": dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096, vocab_size=32002)}
WINDOW = 512


def make_wordpiece(n):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += [f"w{i}" for i in range(n - len(words))]
    tk = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tk.normalizer = normalizers.BertNormalizer(lowercase=True)
    tk.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tk.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tk, {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]",
                "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]",
                "model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}


def make_unigram(n):
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [(s, 0.0) for s in specials] + [("\u2581", -5.0)]
    pieces += [(f"\u2581w{i}", -10.0) for i in range(n - len(pieces) - 1)] + [("<mask>", 0.0)]
    tk = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tk.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always")
    tk.add_special_tokens(specials + ["<mask>"])
    tk.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return tk, {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>",
                "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}


def std_of(name, fan_in):
    """Of the elements of a matrix.  With these of queries and keys, scores of attention have a deviation of about 2."""
    return ((2 if ".query." in name or ".key." in name else 1) / fan_in) ** 0.5


def make_model(shape):
    widths = SHAPES[shape]
    if shape == "mini":
        tokenizer, settings = make_wordpiece(widths["vocab_size"])
        config = BertConfig(num_labels=1, max_position_embeddings=WINDOW, attn_implementation="eager", **widths)
        model = BertForSequenceClassification(config)
    else:
        tokenizer, settings = make_unigram(widths["vocab_size"])
        config = XLMRobertaConfig(num_labels=1, max_position_embeddings=WINDOW + 2, type_vocab_size=1, pad_token_id=1,
                                  bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5, attn_implementation="eager", **widths)
        model = XLMRobertaForSequenceClassification(config)
    torch.manual_seed(0)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "LayerNorm" not in name:
                p.normal_(0, 0.02 if p.dim() == 1 or "embeddings" in name else std_of(name, p.shape[1]))
    return model.eval(), tokenizer, {"model_max_length": WINDOW, **settings}


class Logits(torch.nn.Module):
    """A model whose inputs are arguments by place, which the export wants."""

    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs):
        return self.model(**dict(zip(self.names, inputs))).logits


def export_onnx(model, path):
    names = ["input_ids", "attention_mask"] + (["token_type_ids"] if model.config.type_vocab_size > 1 else [])
    one = torch.ones(2, 16, dtype=torch.long)
    torch.onnx.export(Logits(model, names), (one,) * len(names), path, input_names=names, output_names=["logits"],
                      dynamic_axes={n: {0: "batch", 1: "length"} for n in names}, opset_version=17, dynamo=False)


def main():
    shape, out = sys.argv[1], sys.argv[2]
    os.makedirs(out, exist_ok=True)
    model, tokenizer, settings = make_model(shape)
    model.save_pretrained(out)
    tokenizer.save(os.path.join(out, "tokenizer.json"))
    with open(os.path.join(out, "tokenizer_config.json"), "w") as f:
        json.dump(settings, f)
    part = os.path.join(out, "part.onnx")
    export_onnx(model, part)
    os.rename(part, os.path.join(out, "model.onnx"))


if __name__ == "__main__":
    main()
