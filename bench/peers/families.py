"""The shapes that are compared: of each family a published checkpoint's widths, the module that other engines run or are
made from, what a request is for it as sequences of ids, and what its outputs mean.

Where transformers has no class of a family without code from elsewhere (JinaBERT, NewModel), the module is the arithmetic
that Winnow's golden models are held against (tools/golden_jina.py), with torch's own attention and tables made beforehand;
that of jina-reranker-m0 is transformers' language model of Qwen2-VL with the published head behind it.
"""
import json, os, re, sys
from dataclasses import dataclass
import numpy as np
import torch
import torch.nn.functional as F
import transformers as hf
from safetensors.torch import load_file
from tokenizers import Tokenizer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
import golden_decoders, golden_jina, golden_qwen

QUERY_WORDS = 12
WINDOW = 512
golden_qwen.MAX_LENGTH = 8192
LISTWISE_MAX = 16384  # tokens that jina-reranker-v3 may read at once


@dataclass
class Shape:
    kind: str       # how it is made, run and read: a key of MODULES
    what: str       # the checkpoint; of fewer layers, so many of how many
    tokenizer: str  # a function of make_model.py, and how many words it has
    vocab: int
    config: dict
    model: str = ""  # a class of transformers, less its ForSequenceClassification

    @property
    def is_decoder(self):
        return self.kind in ("answers", "block", "m0")


def bert(hidden, layers, heads, inter, **more):
    return dict(hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=inter,
                max_position_embeddings=WINDOW, **more)


ROBERTA = dict(type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5)
PLACES = dict(max_position_embeddings=WINDOW + 2)  # of families whose positions start behind the padding's
DEBERTA = dict(type_vocab_size=0, position_biased_input=False, relative_attention=True, position_buckets=256, layer_norm_eps=1e-7,
               norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"], pad_token_id=0)
QWEN3 = dict(hidden_size=1024, num_attention_heads=16, num_key_value_heads=8, head_dim=128, intermediate_size=3072, rope_theta=1e6,
             rms_norm_eps=1e-6, tie_word_embeddings=True, pad_token_id=0)
QWEN2 = dict(hidden_size=896, num_attention_heads=14, num_key_value_heads=2, intermediate_size=4864, rope_theta=1e6, rms_norm_eps=1e-6,
             tie_word_embeddings=True, pad_token_id=0)

M0_ROPE = {"type": "mrope", "mrope_section": [16, 24, 24]}


@dataclass
class Prompt:
    write: object   # (tokenizer, query, document) -> ids, as the publisher's code writes them
    answers: tuple  # the words whose logits make the score, the first less the second


PROMPTS = {
    "Qwen3": Prompt(golden_qwen.qwen3_ids, ("yes", "no")),
    "Qwen2": Prompt(golden_qwen.mxbai_ids, ("1", "0")),
    "Gemma": Prompt(golden_decoders.gemma_ids, ("Yes",)),
    "": Prompt(lambda tk, q, d: golden_decoders.m0_ids(tk, q, d, golden_qwen.MAX_LENGTH), ()),  # jina-reranker-m0, whose head is its own
}

SHAPES = {
    "mini": Shape("pairs", "MiniLM-L6 cross-encoders", "wordpiece", 30522, bert(384, 6, 12, 1536), "Bert"),
    "base": Shape("pairs", "bge-reranker-base", "unigram", 250002, bert(768, 12, 12, 3072) | ROBERTA | PLACES, "XLMRoberta"),
    "large": Shape("pairs", "bge-reranker-large", "unigram", 32002, bert(1024, 24, 16, 4096) | ROBERTA | PLACES, "XLMRoberta"),
    "roberta": Shape("pairs", "roberta-base, 6 layers of 12", "unigram", 8192, bert(768, 6, 12, 3072) | ROBERTA | PLACES, "Roberta"),
    "camembert": Shape("pairs", "camembert-base, 6 layers of 12", "unigram", 8192, bert(768, 6, 12, 3072) | ROBERTA | PLACES, "Camembert"),
    "jina-qk": Shape("jina-qk", "jina-embeddings-v2-base-code with a classifier, 6 layers of 12", "wordpiece", 8192, bert(768, 6, 12, 3072)),
    "jina-v1": Shape("jina", "jina-reranker-v1-turbo-en", "wordpiece", 8192, bert(384, 6, 12, 1536)),
    "jina-v2": Shape("flash", "jina-reranker-v2-base-multilingual, 6 layers of 12", "unigram", 8192,
                     bert(768, 6, 12, 3072) | ROBERTA | PLACES, "XLMRoberta"),
    "gte": Shape("new", "gte-multilingual-reranker-base, 6 layers of 12", "unigram", 8192, bert(768, 6, 12, 3072)),
    "modernbert": Shape("pairs", "gte-reranker-modernbert-base, 11 layers of 22", "wordpiece", 8192, bert(
        768, 11, 12, 1152, classifier_pooling="mean", local_attention=128, pad_token_id=0, cls_token_id=2, sep_token_id=3,
        bos_token_id=2, eos_token_id=3), "ModernBert"),
    "deberta": Shape("pairs", "mxbai-rerank-xsmall-v1", "wordpiece", 8192, bert(384, 12, 6, 1536) | DEBERTA, "DebertaV2"),
    "distilbert": Shape("pairs", "distilbert-base", "wordpiece", 8192, dict(dim=768, n_layers=6, n_heads=12, hidden_dim=3072,
                                                                            max_position_embeddings=WINDOW), "DistilBert"),
    "electra": Shape("pairs", "ms-marco-electra-base, 6 layers of 12", "wordpiece", 8192, bert(768, 6, 12, 3072, embedding_size=768), "Electra"),
    "mpnet": Shape("pairs", "mpnet-base, 6 layers of 12", "unigram", 8192, bert(768, 6, 12, 3072) | PLACES, "MPNet"),
    "qwen3": Shape("answers", "Qwen3-Reranker-0.6B, 4 layers of 28", "qwen", 1500, dict(
        QWEN3, num_hidden_layers=4, max_position_embeddings=2048), "Qwen3"),
    "qwen2": Shape("answers", "mxbai-rerank-base-v2, 4 layers of 24", "qwen", 1500, dict(
        QWEN2, num_hidden_layers=4, max_position_embeddings=2048), "Qwen2"),
    "colbert": Shape("late", "answerai-colbert-small-v1", "wordpiece", 8192, bert(384, 12, 12, 1536), "Bert"),
    "gemma": Shape("answers", "bge-reranker-v2-gemma, 2 layers of 18", "gemma", 1500, dict(
        hidden_size=2048, num_hidden_layers=2, num_attention_heads=8, num_key_value_heads=1, head_dim=256, intermediate_size=16384,
        max_position_embeddings=2048, pad_token_id=0), "Gemma"),
    "jina-m0": Shape("m0", "texts of jina-reranker-m0, 3 layers of 28", "qwen", 1500, dict(
        hidden_size=1536, num_hidden_layers=3, num_attention_heads=12, num_key_value_heads=2, intermediate_size=8960, rms_norm_eps=1e-6,
        rope_theta=1e6, max_position_embeddings=2048, tie_word_embeddings=False)),
    "jina-colbert": Shape("late-net", "jina-colbert-v2, 4 layers of 24", "unigram", 8192, bert(1024, 4, 16, 4096)),
    "jina-v3": Shape("block", "jina-reranker-v3, 4 layers of 28", "qwen", 1500, dict(
        QWEN3, num_hidden_layers=4, max_position_embeddings=LISTWISE_MAX), "Qwen3"),
}


# ---- modules -------------------------------------------------------------------------------------


class FastNet(golden_jina.Net):
    """As its base, by scaled_dot_product_attention and over tables that are made once."""

    def prepare(self, head_dim, dtype):
        places = torch.arange(WINDOW)
        if self.theta is not None:
            angles = places.double()[:, None] * golden_jina.speeds(head_dim, self.theta, self.factor, ())
            self.all_cos, self.all_sin = (torch.cat((t, t), -1).to(dtype) for t in (angles.cos(), angles.sin()))
        elif self.kind.startswith("jina"):
            slopes = torch.tensor(golden_jina.alibi_slopes(self.heads))
            self.all_alibi = (-slopes[:, None, None] * (places[:, None] - places[None, :]).abs()).to(dtype)

    def hidden(self, ids, mask, types=None, wrong=()):
        n = ids.shape[1]  # of the input itself, which an export knows to vary
        bias = (mask[:, None, None, :] - 1).to(self.t["embeddings.word_embeddings.weight"].dtype) * 30000.0
        if self.theta is not None:
            self.cos, self.sin = self.all_cos[:n], self.all_sin[:n]
        elif self.kind.startswith("jina"):
            bias = bias + self.all_alibi[:, :n, :n]
        return super().hidden(ids, bias, types)

    def norm(self, x, name):
        weight = self.t[name + ".weight"]  # whose shape is no part of a traced graph
        return F.layer_norm(x, weight.shape, weight, self.t[name + ".bias"], self.eps)

    def turn(self, x, wrong=()):
        half = self.cos.shape[-1] // 2
        return x * self.cos + torch.cat((-x[..., half:], x[..., :half]), -1) * self.sin

    def attend(self, q, k, v, bias, wrong=()):
        split = lambda x: x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)
        q, k, v = split(q), split(k), split(v)
        if self.theta is not None:
            q, k = self.turn(q), self.turn(k)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias).transpose(1, 2).flatten(-2)


class NetModule(torch.nn.Module):
    """The logits of a net, or where its last step is `linear` its vectors."""

    def __init__(self, net, dtype):
        super().__init__()
        for name in net.t:  # buffers, so that an export knows them as weights
            self.register_buffer(name.replace(".", "_"), net.t[name].to(dtype))
            net.t[name] = getattr(self, name.replace(".", "_"))
        self.net, self.has_types = net, net.kind.startswith("jina")

    def forward(self, ids, mask, types=None):
        if "linear.weight" in self.net.t:
            return F.normalize(self.net.linear(self.net.hidden(ids, mask), "linear"), dim=-1)
        return self.net.logits(ids, mask, types)[:, None]


class Logits(torch.nn.Module):
    """A model whose inputs are arguments by place, which the export wants."""

    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names
        self.has_types = "token_type_ids" in names

    def forward(self, *inputs):
        return self.model(**dict(zip(self.names, inputs))).logits


class Answers(torch.nn.Module):
    """What a head makes of the hidden state behind the last token."""
    has_types = False

    def __init__(self, model, head):
        super().__init__()
        self.model, self.head = model, head

    def forward(self, ids, mask):
        h = self.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        return self.head(h[torch.arange(h.shape[0]), mask.sum(1) - 1])


class Vectors(torch.nn.Module):
    """Of every token, normalised."""
    has_types = False

    def __init__(self, model, linear):
        super().__init__()
        self.model, self.linear = model, torch.nn.Parameter(linear)

    def forward(self, ids, mask):
        return F.normalize(F.linear(self.model(input_ids=ids, attention_mask=mask).last_hidden_state, self.linear), dim=-1)


class Hidden(torch.nn.Module):
    has_types = False

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, mask):
        return self.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state


def weights_of(folder):
    return load_file(os.path.join(folder, "model.safetensors"))


def config_of(folder):
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
        return json.load(f)


def linear_of(weight, bias=None):
    linear = torch.nn.Linear(*weight.shape[::-1], bias=bias is not None)
    linear.weight, linear.bias = torch.nn.Parameter(weight), None if bias is None else torch.nn.Parameter(bias)
    return linear


def m0_config(shape, vocab, **more):
    """Of the language model alone; a head's 64 speeds are shared among time, height and width, which are one for a text."""
    return hf.Qwen2VLTextConfig(vocab_size=vocab, rope_scaling=dict(M0_ROPE), **shape.config, **more)


def open_net(shape, folder, dtype, attention):
    config, kind = config_of(folder), "flash" if shape.kind == "late-net" else shape.kind
    t = {re.sub(r"^(bert|new|roberta)\.", "", k): v.float() for k, v in weights_of(folder).items()}
    scaling = config.get("rope_scaling") or {}
    net = FastNet(kind, config["num_attention_heads"], config["layer_norm_eps"],
                  theta=config.get("rope_theta", config.get("rotary_emb_base")), factor=scaling.get("factor", 1), **t)
    net.prepare(config["hidden_size"] // net.heads, dtype)
    return NetModule(net, dtype).eval()


def open_class(shape, folder, dtype, attention, ending):
    return getattr(hf, shape.model + ending).from_pretrained(folder, dtype=dtype, attn_implementation=attention).eval()


def open_pairs(shape, folder, dtype, attention):
    model = open_class(shape, folder, dtype, attention, "ForSequenceClassification")
    types = getattr(model.config, "type_vocab_size", 0) > 1 and shape.model in ("Bert", "Electra")
    return Logits(model, ["input_ids", "attention_mask"] + (["token_type_ids"] if types else []))


def open_answers(shape, folder, dtype, attention):
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    words = [tokenizer.token_to_id(w) for w in PROMPTS[shape.model].answers]
    model = open_class(shape, folder, dtype, attention, "ForCausalLM")
    rows = model.lm_head.weight.detach()[words]
    return Answers(model.model, linear_of(rows[:1] - rows[1:] if len(words) > 1 else rows))


def open_m0(shape, folder, dtype, attention):
    t = weights_of(folder)
    model = hf.Qwen2VLTextModel(m0_config(shape, config_of(folder)["vocab_size"], attn_implementation=attention))
    model.load_state_dict({name.removeprefix("model."): p for name, p in t.items() if name.startswith("model.")})
    first, last = (linear_of(t[f"score.{i}.weight"], t[f"score.{i}.bias"]) for i in (0, 2))
    return Answers(model, torch.nn.Sequential(first, torch.nn.ReLU(), last)).to(dtype).eval()


def open_late(shape, folder, dtype, attention):
    model = getattr(hf, shape.model + "Model").from_pretrained(folder, dtype=dtype, attn_implementation=attention,
                                                               add_pooling_layer=False).eval()
    return Vectors(model, weights_of(folder)["linear.weight"].to(dtype))


MODULES = {"pairs": open_pairs, "jina": open_net, "jina-qk": open_net, "new": open_net, "answers": open_answers, "m0": open_m0, "late": open_late,
           "late-net": open_net,
           "flash": lambda shape, folder, *rest: open_pairs(shape, os.path.join(folder, "plain"), *rest),
           "block": lambda shape, folder, *rest: Hidden(open_class(shape, folder, *rest, "Model"))}


def open_module(name, folder, dtype=torch.float32, attention="sdpa"):
    """forward(ids, mask[, types where has_types]) of [batch][longest] -> what the shape's reader reads."""
    return MODULES[SHAPES[name].kind](SHAPES[name], folder, dtype, attention)


# ---- readers -------------------------------------------------------------------------------------


class Pairs:
    """A sequence for each document; its output is the logit."""

    def __init__(self, name, folder):
        self.name, self.shape, self.folder = name, SHAPES[name], folder
        self.plain_folder = os.path.join(folder, "plain") if self.shape.kind == "flash" else folder  # for transformers
        self.tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        self.pad_id = next(i for i in map(self.tokenizer.token_to_id, ("[PAD]", "<pad>", "<|endoftext|>")) if i is not None)
        self.extra = len(self.tokenizer.encode("", "").ids)  # tokens that are added to a pair
        self.n_words = min(30000, self.shape.vocab - 8)

    def word(self, rng):
        return f"w{rng.randrange(self.n_words)}"

    def groups(self, query, documents):
        """Lists of sequences (ids, types, those that may be seen); no batch has sequences of two lists."""
        encoded = [self.tokenizer.encode(query, d) for d in documents]
        return [[(e.ids, e.type_ids, len(e.ids)) for e in encoded]]

    def scores(self, groups, outputs):
        """-> a logit for each document"""
        return [float(z[0]) for z in outputs[0]]


class Prompts(Pairs):
    """As the publishers' code writes prompts; a row's tokens are counted without them."""

    def __init__(self, name, folder):
        super().__init__(name, folder)
        self.write = PROMPTS[self.shape.model].write
        self.extra = 0

    def word(self, rng):
        return rng.choice(golden_qwen.golden.WORDS)

    def groups(self, query, documents):
        sequences = [self.write(self.tokenizer, query, d) for d in documents]
        return [[(ids, [0] * len(ids), len(ids)) for ids in sequences]]


class Late(Pairs):
    """Of the query and each document the vectors; as HF_ColBERT of Stanford's code.  A row is a document alone."""
    QUERY_LENGTH = 32
    MARKS = {"wordpiece": ("[CLS]", "[SEP]", "[MASK]", "[unused0]", "[unused1]"),
             "unigram": ("<s>", "</s>", "<mask>", "[QueryMarker]", "[DocumentMarker]")}

    def __init__(self, name, folder):
        super().__init__(name, folder)
        self.marks = [self.tokenizer.token_to_id(t) for t in self.MARKS[self.shape.tokenizer]]
        self.extra = 3 - QUERY_WORDS
        self.query_seen = self.QUERY_LENGTH if self.shape.kind == "late-net" else 0  # jina-colbert-v2 sees its masks

    def groups(self, query, documents):
        cls, sep, mask, query_mark, document_mark = self.marks
        plain = lambda t: self.tokenizer.encode(t, add_special_tokens=False).ids
        q = [cls, query_mark] + plain(query)[:self.QUERY_LENGTH - 3] + [sep]
        sequence = lambda ids, seen: (ids, [0] * len(ids), seen)
        documents = [[cls, document_mark] + plain(d) + [sep] for d in documents]  # without punctuation: all vectors count
        return [[sequence(q + [mask] * (self.QUERY_LENGTH - len(q)), max(len(q), self.query_seen))], [sequence(d, len(d)) for d in documents]]

    def scores(self, groups, outputs):
        return [float((outputs[0][0] @ v[:seen].T).max(1).sum()) for v, (_, _, seen) in zip(outputs[1], groups[1])]


class Block(Prompts):
    """All documents in one sequence, whose hidden states at the marks are projected and compared."""

    def __init__(self, name, folder):
        super().__init__(name, folder)
        self.projector = [weights_of(folder)[f"projector.{i}.weight"].float().numpy() for i in (0, 2)]
        self.marks = [self.tokenizer.token_to_id(m) for m in (golden_qwen.EMBED, golden_qwen.RERANK)]

    def groups(self, query, documents):
        ids = golden_qwen.ids_of(self.tokenizer, golden_qwen.jina_prompt(query, documents))
        return [[(ids, [0] * len(ids), len(ids))]]

    def scores(self, groups, outputs):
        ids, h = np.array(groups[0][0][0]), outputs[0][0]
        own, query = (np.maximum(h[ids == mark] @ self.projector[0].T, 0) @ self.projector[1].T for mark in self.marks)
        unit = lambda x: x / np.linalg.norm(x, axis=1, keepdims=True)
        return [float(s) for s in unit(own) @ unit(query)[0]]


READERS = {"answers": Prompts, "m0": Prompts, "late": Late, "late-net": Late, "block": Block}


def reader_of(name, folder):
    return READERS.get(SHAPES[name].kind, Pairs)(name, folder)
