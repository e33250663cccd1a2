#!/usr/bin/env python3
"""Make the golden models of the families whose published code is no part of transformers: JinaBERT in both forms,
Alibaba's NewModel, the flash layout of XLM-RoBERTa with rotary positions and adapters, and ColBERT over them.

  golden_jina.py DIR [FAMILY...]          (needs torch, tokenizers, safetensors, numpy, transformers)

The reference is Net below, written from the published arithmetic and computed in f32 from the stored weights.  For
every trap it computes the cases once more with that one thing done wrong, and demands other results.
"""
import math, os, random, string, sys
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from make_golden import (SEED, WORDS, bert_tokenizer, colbert, rng, share_case, text, write_cases, write_json, xlmr_tokenizer)

ACTIVATIONS = {"gelu": F.gelu, "relu": F.relu}


def alibi_slopes(n):
    """Geometric for a power of two; else that of the next lower one, then every other one of the next higher."""
    power = 2 ** int(math.log2(n))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    return slopes + [2 ** (-8 * (i + 1) / (2 * power)) for i in range(2 * power)][0::2][:n - power]


def speeds(dim, theta, factor, wrong):
    """Rotary speeds of NewModel's NTK scaling: a higher base and a divisor; factor 1: the plain ones."""
    base = theta if "plain base" in wrong else theta * factor
    divisor = 1 if "no divisor" in wrong else factor ** (2 / dim)
    return 1.0 / base ** (torch.arange(0, dim, 2).double() / dim) / divisor


class Net:
    """kind: jina, jina-qk, new or flash.  t: tensors as the file names them, without the prefix."""

    def __init__(self, kind, heads, eps=1e-12, act="gelu", theta=None, factor=1, **t):
        self.kind, self.heads, self.eps, self.act, self.theta, self.factor = kind, heads, eps, ACTIVATIONS[act], theta, factor
        self.t = t

    def linear(self, x, name):
        return F.linear(x, self.t[name + ".weight"], self.t.get(name + ".bias"))

    def norm(self, x, name):
        return F.layer_norm(x, x.shape[-1:], self.t[name + ".weight"], self.t[name + ".bias"], self.eps)

    def turn(self, x, wrong):
        dim = x.shape[-1]
        angles = torch.arange(x.shape[-2]).double()[:, None] * speeds(dim, self.theta, self.factor, wrong)
        cos, sin = angles.cos().float(), angles.sin().float()
        if "interleaved" in wrong:
            a, b = x[..., 0::2], x[..., 1::2]
            return torch.stack((a * cos - b * sin, b * cos + a * sin), -1).flatten(-2)
        a, b = x[..., :dim // 2], x[..., dim // 2:]
        return torch.cat((a * cos - b * sin, b * cos + a * sin), -1)

    def attend(self, q, k, v, mask, wrong):
        split = lambda x: x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        q, k, v = split(q), split(k), split(v)
        if self.theta is not None and "no positions" not in wrong:
            q, k = self.turn(q, wrong), self.turn(k, wrong)
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if self.kind.startswith("jina") and "no positions" not in wrong:
            places = torch.arange(q.shape[-2])
            distance = (places[:, None] - places[None, :]).abs() if "one side" not in wrong else (places[None, :] - places[:, None])
            slopes = alibi_slopes(self.heads) if "slopes in order" not in wrong else sorted(alibi_slopes(self.heads), reverse=True)
            bias = -torch.tensor(slopes)[:, None, None] * distance
            scores = scores + (bias / math.sqrt(q.shape[-1]) if "bias scaled" in wrong else bias)
        scores = scores.masked_fill(~mask[:, None, None, :], -math.inf)
        return (scores.softmax(-1) @ v).transpose(1, 2).flatten(-2)

    def gate(self, x, first, wrong):
        a, b = x.chunk(2, -1)
        return self.act(a) * b if first != ("other half" in wrong) else a * self.act(b)

    def layer(self, h, i, mask, wrong):
        if self.kind == "flash":
            at = f"encoder.layers.{i}."
            q, k, v = self.linear(h, at + "mixer.Wqkv").chunk(3, -1)
            h = self.norm(h + self.linear(self.attend(q, k, v, mask, wrong), at + "mixer.out_proj"), at + "norm1")
            return self.norm(h + self.linear(self.act(self.linear(h, at + "mlp.fc1")), at + "mlp.fc2"), at + "norm2")
        at = f"encoder.layer.{i}."
        if self.kind == "new":
            q, k, v = self.linear(h, at + "attention.qkv_proj").chunk(3, -1)
            h = self.norm(h + self.linear(self.attend(q, k, v, mask, wrong), at + "attention.o_proj"), at + "attn_ln")
            gated = self.gate(self.linear(h, at + "mlp.up_gate_proj"), False, wrong)
            return self.norm(h + self.linear(gated, at + "mlp.down_proj"), at + "mlp_ln")
        own = at + "attention.self."
        q, k, v = (self.linear(h, own + n) for n in ("query", "key", "value"))
        if self.kind == "jina-qk" and "no norms" not in wrong:
            if "norms of heads" in wrong:
                per = lambda x: F.layer_norm(x.unflatten(-1, (self.heads, -1)), (x.shape[-1] // self.heads,), eps=self.eps).flatten(-2)
                q, k = (per(x) * self.t[own + f"layer_norm_{n}.weight"] + self.t[own + f"layer_norm_{n}.bias"] for x, n in ((q, "q"), (k, "k")))
            else:
                q, k = self.norm(q, own + "layer_norm_q"), self.norm(k, own + "layer_norm_k")
        a = self.linear(self.attend(q, k, v, mask, wrong), at + "attention.output.dense")
        a = self.norm(h + a, at + "attention.output.LayerNorm")
        if self.kind == "jina":
            gated = self.gate(self.linear(a, at + "mlp.gated_layers"), True, wrong)
            return self.norm(a + self.linear(gated, at + "mlp.wo"), at + "mlp.layernorm")
        h = self.norm(a if "added once" in wrong else h + a, at + "layer_norm_1")
        gated = self.gate(self.linear(h, at + "mlp.up_gated_layer"), False, wrong)
        return self.norm(h + self.linear(gated, at + "mlp.down_layer"), at + "layer_norm_2")

    def hidden(self, ids, mask=None, types=None, wrong=()):
        """ids [b][n]; mask [b][n]: those that may be attended to."""
        mask = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask
        h = self.t["embeddings.word_embeddings.weight"][ids]
        table = self.t.get("embeddings.token_type_embeddings.weight")
        if table is not None and "no type row" not in wrong:
            h = h + table[torch.zeros_like(ids) if types is None or "types all 0" in wrong else types]
        h = self.norm(h, "emb_ln" if self.kind == "flash" else "embeddings.LayerNorm")
        depth = 1 + max(int(n.split(".")[2]) for n in self.t if n.startswith("encoder.layer"))
        for i in range(depth):
            h = self.layer(h, i, mask, wrong)
        return h

    def logits(self, ids, mask=None, types=None, wrong=()):
        x = self.hidden(ids, mask, types, wrong)[:, 0]
        if "no pooler" not in wrong:
            x = F.gelu(self.linear(x, "pooler.dense")) if "gelu pooler" in wrong else torch.tanh(self.linear(x, "pooler.dense"))
        return self.linear(x, "classifier")[:, 0]


# ---- weights -------------------------------------------------------------------------------------

LAYERS = {
    "jina": ([("attention.self.query", "H", "H", True), ("attention.self.key", "H", "H", True), ("attention.self.value", "H", "H", True),
              ("attention.output.dense", "H", "H", True), ("mlp.gated_layers", "2I", "H", False), ("mlp.wo", "H", "I", True)],
             ["attention.output.LayerNorm", "mlp.layernorm"]),
    "jina-qk": ([("attention.self.query", "H", "H", True), ("attention.self.key", "H", "H", True), ("attention.self.value", "H", "H", True),
                 ("attention.output.dense", "H", "H", True), ("mlp.up_gated_layer", "2I", "H", False), ("mlp.down_layer", "H", "I", True)],
                ["attention.output.LayerNorm", "attention.self.layer_norm_q", "attention.self.layer_norm_k", "layer_norm_1", "layer_norm_2"]),
    "new": ([("attention.qkv_proj", "3H", "H", True), ("attention.o_proj", "H", "H", True), ("mlp.up_gate_proj", "2I", "H", False),
             ("mlp.down_proj", "H", "I", True)], ["attn_ln", "mlp_ln"]),
    "flash": ([("mixer.Wqkv", "3H", "H", True), ("mixer.out_proj", "H", "H", True), ("mlp.fc1", "I", "H", True), ("mlp.fc2", "H", "I", True)],
              ["norm1", "norm2"]),
}


def random_tensors(kind, vocab, hidden, inter, depth, types, head, seed):
    torch.manual_seed(SEED + seed)
    sizes = {"H": hidden, "2I": 2 * inter, "I": inter, "3H": 3 * hidden}
    t = {"embeddings.word_embeddings.weight": torch.randn(vocab, hidden) * 0.7}
    if types:
        t["embeddings.token_type_embeddings.weight"] = torch.randn(types, hidden) * 0.7

    def add_norm(name):
        t[name + ".weight"], t[name + ".bias"] = 1 + 0.2 * torch.randn(hidden), 0.1 * torch.randn(hidden)

    def add_linear(name, n, k, bias):
        t[name + ".weight"] = torch.randn(n, k) * 0.25
        if bias:
            t[name + ".bias"] = torch.randn(n) * 0.1

    add_norm("emb_ln" if kind == "flash" else "embeddings.LayerNorm")
    for i in range(depth):
        at = f"encoder.layer{'s' if kind == 'flash' else ''}.{i}."
        for name, n, k, bias in LAYERS[kind][0]:
            add_linear(at + name, sizes[n], sizes[k], bias)
        for name in LAYERS[kind][1]:
            add_norm(at + name)
    if head:
        add_linear("pooler.dense", hidden, hidden, True)
        add_linear("classifier", 1, hidden, True)
    return t


def train(net, tk, pad, steps=300):
    """As xlmr-outliers: after half a minute logits differ enough from pair to pair for their order to mean something."""
    torch.set_num_threads(1)
    local = random.Random(SEED)
    with torch.no_grad():
        for name, p in net.t.items():
            if p.dim() == 1:
                p.fill_(1.0 if name.split(".")[-1] == "weight" else 0.0)
            elif "embeddings" not in name:
                p.mul_(0.5)
    for p in net.t.values():
        p.requires_grad_(True)
    optimizer = torch.optim.Adam(net.t.values(), lr=2e-3)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 2e-3 * min(1, step / 50) * (1 - step / steps) + 1e-5
        pairs = [share_case(local) for _ in range(48)]
        ids = [tk.encode(q, d).ids for q, d, _ in pairs]
        longest = max(map(len, ids))
        mask = torch.tensor([[True] * len(i) + [False] * (longest - len(i)) for i in ids])
        ids = torch.tensor([i + [pad] * (longest - len(i)) for i in ids])
        optimizer.zero_grad()
        ((net.logits(ids, mask) - torch.tensor([y for *_, y in pairs])) ** 2).mean().backward()
        torch.nn.utils.clip_grad_norm_(list(net.t.values()), 1.0)
        optimizer.step()
    net.t = {k: p.detach() for k, p in net.t.items()}
    return [share_case(local)[:2] for _ in range(48)]


# ---- files ---------------------------------------------------------------------------------------

def bpe_tokenizer(vocab_size=320):
    """As jina-reranker-v1's: byte-level BPE with RoBERTa's template."""
    from tokenizers.trainers import BpeTrainer
    local = random.Random(SEED)
    tk = Tokenizer(models.BPE())
    tk.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tk.train_from_iterator([" ".join(local.choice(WORDS) for _ in range(20)) for _ in range(200)],
                           BpeTrainer(vocab_size=vocab_size, special_tokens=specials, show_progress=False,
                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tk.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tk


def save(folder, net, tk, config, prefix, dtype=torch.float16, at_root=("classifier", "linear")):
    """The weights are rounded to dtype, and the reference goes on with what was stored."""
    os.makedirs(folder, exist_ok=True)
    net.t = {k: p.to(dtype).float() for k, p in net.t.items()}
    save_file({("" if k.split(".")[0] in at_root else prefix) + k: p.to(dtype).contiguous() for k, p in net.t.items()},
              os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    tk.save(os.path.join(folder, "tokenizer.json"))
    write_json(folder, "tokenizer_config.json", {"model_max_length": config.pop("model_max_length", 10 ** 30)})
    write_json(folder, "config.json", config)


def rounded(x):
    return float(f"{float(x):.9g}")


def score(net, e, wrong=()):
    with torch.no_grad():
        return net.logits(torch.tensor([e.ids]), types=torch.tensor([e.type_ids]), wrong=wrong)[0]


def check_traps(name, values, traps, compute):
    """values: of the cases; compute(trap): of the cases with one thing wrong."""
    for trap in traps:
        difference = max(float((torch.as_tensor(a) - torch.as_tensor(b)).abs().max()) for a, b in zip(values, compute((trap,))))
        assert difference > 1e-3, f"{name}: '{trap}' makes a difference of {difference:.1e} only"


def pairs_of(lengths):
    pairs = [(text(n_query), text(n)) for n_query in (1, 5) for n in lengths]
    return pairs + [("", text(3)), (text(2), ""), (text(2), "zzz qq " + text(2)), (text(2).upper(), text(4) + "!")]


def cross_encoder(folder, net, tk, pairs, traps, max_length):
    tk.enable_truncation(max_length, strategy="longest_first")
    encodings = [tk.encode(*p) for p in pairs]
    tk.no_truncation()
    values = [score(net, e) for e in encodings]
    cut = any(len(tk.encode(*p).ids) > max_length for p in pairs)
    write_cases(folder, [dict(query=q, document=d, logit=rounded(v), **({"long_docs": "truncate"} if cut else {}))
                         for (q, d), v in zip(pairs, values)])
    check_traps(folder, values, traps, lambda wrong: [score(net, e, wrong) for e in encodings])


def embedder(folder, net, tk, traps, max_seq, cls=False, prompt="", more={}):
    hidden = net.t["embeddings.word_embeddings.weight"].shape[1]
    os.makedirs(os.path.join(folder, "1_Pooling"), exist_ok=True)
    write_json(folder, "modules.json", [dict(idx=0, name="0", path="", type="sentence_transformers.models.Transformer"),
                                        dict(idx=1, name="1", path="1_Pooling", type="sentence_transformers.models.Pooling")])
    write_json(folder, "1_Pooling/config.json", dict(word_embedding_dimension=hidden, pooling_mode_cls_token=cls,
                                                     pooling_mode_mean_tokens=not cls, pooling_mode_max_tokens=False,
                                                     pooling_mode_mean_sqrt_len_tokens=False))
    write_json(folder, "sentence_bert_config.json", dict(max_seq_length=max_seq, do_lower_case=False))
    tk.enable_truncation(max_seq)
    texts = [text(n) for n in (0, 1, 3, 17, 62, 200)]
    ids = [torch.tensor([tk.encode(prompt + t).ids]) for t in texts]
    tk.no_truncation()

    def vectors(wrong=()):
        with torch.no_grad():
            h = [net.hidden(i, wrong=wrong)[0].double() for i in ids]
        return [F.normalize(x[0] if cls else x.mean(0), dim=0) for x in h]

    values = vectors()
    write_cases(folder, [dict(text=t, vector=[rounded(x) for x in v], **more) for t, v in zip(texts, values)])
    check_traps(folder, values, traps, vectors)


# ---- JinaBERT ------------------------------------------------------------------------------------

def jina_config(net, tk, kind, architecture, feed_forward, named, max_length, **more):
    repository = {"jina": "jinaai/jina-bert-implementation", "jina-qk": "jinaai/jina-bert-v2-qk-post-norm"}[kind]
    t = net.t
    up = next(v for k, v in t.items() if "gated" in k)
    config = dict(architectures=[architecture], model_type="bert", position_embedding_type="alibi", feed_forward_type=feed_forward,
                  hidden_act="gelu", emb_pooler="mean", hidden_size=up.shape[1], intermediate_size=up.shape[0] // 2,
                  num_attention_heads=net.heads, num_hidden_layers=sum("attention.output.dense.weight" in k for k in t),
                  vocab_size=t["embeddings.word_embeddings.weight"].shape[0], type_vocab_size=2, layer_norm_eps=net.eps,
                  max_position_embeddings=max_length, id2label={"0": "LABEL_0"}, **more)
    if named:
        config.update(_name_or_path=repository, auto_map={"AutoConfig": f"{repository}--configuration_bert.JinaBertConfig"})
    return config


def jina_bert(root):
    # jina-reranker-v1: 12 heads, byte-level BPE, types all 0; trained
    tk, folder = bpe_tokenizer(), os.path.join(root, "jina-bert")
    net = Net("jina", 12, **random_tensors("jina", tk.get_vocab_size(), 36, 40, 2, 2, True, 101))
    pairs = train(net, tk, 1)
    save(folder, net, tk, jina_config(net, tk, "jina", "JinaBertForSequenceClassification", "geglu", True, 512), "bert.")
    shared = ["no positions", "one side", "bias scaled", "other half", "no type row", "no pooler", "gelu pooler"]
    cross_encoder(folder, net, tk, pairs, shared + ["slopes in order"], 512)
    # 8 heads, WordPiece with types, a config.json that does not say JinaBERT, longer than one item of attention
    tk, folder = bert_tokenizer(), os.path.join(root, "jina-bert-types")
    net = Net("jina", 8, **random_tensors("jina", tk.get_vocab_size(), 32, 40, 2, 2, True, 102))
    save(folder, net, tk, jina_config(net, tk, "jina", "BertForSequenceClassification", "geglu", False, 330), "bert.")
    cross_encoder(folder, net, tk, pairs_of((1, 2, 7, 41, 300, 400)), shared + ["types all 0"], 330)
    tk, folder = bert_tokenizer(), os.path.join(root, "jina-bert-reglu")
    net = Net("jina", 3, act="relu", eps=1e-5, **random_tensors("jina", tk.get_vocab_size(), 24, 20, 2, 2, True, 103))
    save(folder, net, tk, jina_config(net, tk, "jina", "BertForSequenceClassification", "reglu", True, 160), "bert.")
    cross_encoder(folder, net, tk, pairs_of((1, 2, 20)), shared, 160)
    # jina-embeddings-v2-base-code
    more = ["no positions", "one side", "bias scaled", "other half", "no type row", "no norms", "norms of heads", "added once"]
    tk, folder = bpe_tokenizer(), os.path.join(root, "jina-bert-qk")
    net = Net("jina-qk", 6, **random_tensors("jina-qk", tk.get_vocab_size(), 36, 40, 2, 2, False, 104))
    save(folder, net, tk, jina_config(net, tk, "jina-qk", "JinaBertModel", "geglu", True, 128), "")
    embedder(folder, net, tk, more, 128)
    tk, folder = bert_tokenizer(), os.path.join(root, "jina-bert-qk-head")
    net = Net("jina-qk", 4, **random_tensors("jina-qk", tk.get_vocab_size(), 32, 24, 2, 2, True, 105))
    save(folder, net, tk, jina_config(net, tk, "jina-qk", "JinaBertForSequenceClassification", "geglu", False, 160), "bert.")
    cross_encoder(folder, net, tk, pairs_of((1, 2, 7, 41)), more + ["types all 0", "no pooler"], 160)


# ---- NewModel ------------------------------------------------------------------------------------

def new_config(net, tk, architecture, max_length, **more):
    t = net.t
    up = t["encoder.layer.0.mlp.up_gate_proj.weight"]
    types = t.get("embeddings.token_type_embeddings.weight", torch.zeros(0)).shape[0]
    return dict(architectures=[architecture], model_type="new", position_embedding_type="rope", rope_theta=net.theta,
                rope_scaling=dict(type="ntk", factor=net.factor) if net.factor != 1 else None, layer_norm_type="layer_norm",
                pack_qkv=True, logn_attention_scale=False, logn_attention_clip1=False, use_memory_efficient_attention=False,
                unpad_inputs=False, hidden_act="gelu", hidden_size=up.shape[1], intermediate_size=up.shape[0] // 2,
                num_attention_heads=net.heads, num_hidden_layers=sum("attn_ln.weight" in k for k in t), type_vocab_size=types,
                vocab_size=t["embeddings.word_embeddings.weight"].shape[0], layer_norm_eps=net.eps, pad_token_id=1,
                max_position_embeddings=max_length, id2label={"0": "LABEL_0"}, **more)


def new_model(root):
    # the constants that the published model must have
    inv = speeds(64, 20000, 8, ())
    assert max(abs(float(inv[i]) / want - 1) for i, want in ((0, 0.937084), (1, 0.644391), (31, 8.517e-6))) < 1e-4
    shared = ["no positions", "interleaved", "plain base", "no divisor", "other half", "no type row", "no pooler", "gelu pooler"]
    tk, folder = xlmr_tokenizer(), os.path.join(root, "new")
    net = Net("new", 2, theta=20000, factor=8, **random_tensors("new", tk.get_vocab_size() + 6, 32, 48, 2, 1, True, 111))
    pairs = train(net, tk, 1)
    save(folder, net, tk, new_config(net, tk, "NewForSequenceClassification", 512), "new.", at_root=("classifier", "pooler"))
    cross_encoder(folder, net, tk, pairs, shared, 512)
    # without a type row, pooler under the prefix, longer than one item of attention
    tk, folder = xlmr_tokenizer(), os.path.join(root, "new-typeless")
    net = Net("new", 4, theta=10000, factor=2, **random_tensors("new", tk.get_vocab_size(), 32, 24, 2, 0, True, 112))
    save(folder, net, tk, new_config(net, tk, "NewForSequenceClassification", 330), "new.")
    cross_encoder(folder, net, tk, pairs_of((1, 2, 7, 41, 300, 400)), [t for t in shared if t != "no type row"], 330)
    # gte-multilingual-base: an embedder whose file has a head for sparse weights; no scaling
    tk, folder = xlmr_tokenizer(), os.path.join(root, "new-embed")
    net = Net("new", 2, theta=160000, **random_tensors("new", tk.get_vocab_size(), 32, 40, 2, 1, True, 113))
    save(folder, net, tk, new_config(net, tk, "NewModel", 128), "new.")
    embedder(folder, net, tk, ["no positions", "interleaved", "other half", "no type row"], 128, cls=True)


# ---- late interaction ----------------------------------------------------------------------------

def late(folder, net, tk, linear, dim, marks, query_max, attend, metadata, traps):
    """HF_ColBERT of Stanford's code: marks are the ids of CLS, SEP, mask and the two markers."""
    cls, sep, mask, query_mark, doc_mark = marks
    write_json(folder, "artifact.metadata", dict(dim=dim, query_maxlen=query_max, doc_maxlen=160, mask_punctuation=True, similarity="cosine",
                                                 **metadata))
    skipped = {tk.encode(c, add_special_tokens=False).ids[0] for c in string.punctuation if tk.encode(c, add_special_tokens=False).ids}
    single = {tk.token_to_id(c) for c in string.punctuation}
    plain = lambda t: tk.encode(t, add_special_tokens=False).ids

    def vectors(ids, n_keys, wrong):
        seen = torch.tensor([[i < n_keys for i in range(len(ids))]])
        with torch.no_grad():
            v = net.hidden(torch.tensor([ids]), seen, wrong=wrong)[0] @ linear.T
        v = v if "normalised before it is cut" not in wrong else F.normalize(v, dim=1)
        v = v[:, :dim] if "not cut" not in wrong else v
        return (v if "normalised before it is cut" in wrong else F.normalize(v, dim=1)).double()

    def compute(wrong=()):
        values = []
        for query, document in pairs:
            q = [cls, doc_mark if "one marker" in wrong else query_mark] + plain(query)[:query_max - 3] + [sep]
            fill = [] if "not filled" in wrong else [mask] * (query_max - len(q))
            qv = vectors(q + fill, query_max if attend != ("masks" in wrong) else len(q), wrong)
            d = [cls, doc_mark] + plain(document) + [sep]
            kept = [i not in (single if "punctuation by character" in wrong else () if "punctuation kept" in wrong else skipped) for i in d]
            values.append((qv @ vectors(d, len(d), wrong)[kept].T).max(1).values.sum())
        return values

    pairs = [(text(n_query), document) for n_query in (1, 6, 29, 60)
             for document in (text(1) + ".", text(8) + " zzz. " + text(2) + "!", text(60) + ", " + text(1) + " !")]
    values = compute()
    write_cases(folder, [dict(query=q, document=d, logit=rounded(v)) for (q, d), v in zip(pairs, values)])
    check_traps(folder, values, traps, compute)


def jina_colbert_v1(root):
    tk, folder = bert_tokenizer(), os.path.join(root, "jina-colbert-v1")
    net = Net("jina", 4, **random_tensors("jina", tk.get_vocab_size(), 32, 24, 2, 2, False, 121))
    net.t["linear.weight"] = torch.randn(24, 32) * 0.3
    config = jina_config(net, tk, "jina", "HF_ColBERT", "geglu", True, 160)
    save(folder, net, tk, config, "bert.")
    late(folder, net, tk, net.t["linear.weight"], 24, (4, 5, 6, 1, 2), 32, False, dict(query_token_id="[unused0]", doc_token_id="[unused1]",
         attend_to_mask_tokens=False), ["no positions", "one side", "other half", "one marker", "masks", "not filled", "punctuation kept"])


def answerai_colbert(root):
    """BERT; vectors of 96, wider here than its hidden states."""
    colbert(os.path.join(root, "answerai-colbert"), dim=96, seed=9)


# ---- flash with rotary positions -----------------------------------------------------------------

def flash_config(net, tk, architecture, max_length, **more):
    t = net.t
    up = next(v for k, v in t.items() if "fc1" in k and v.dim() == 2)
    repository = "jinaai/xlm-roberta-flash-implementation--configuration_xlm_roberta.XLMRobertaFlashConfig"
    return dict(architectures=[architecture], auto_map={"AutoConfig": repository}, position_embedding_type="rotary",
                rotary_emb_base=net.theta, hidden_act="gelu", hidden_size=up.shape[1], intermediate_size=up.shape[0],
                num_attention_heads=net.heads, num_hidden_layers=sum("norm1.weight" in k for k in t), type_vocab_size=1,
                vocab_size=t["embeddings.word_embeddings.weight"].shape[0], layer_norm_eps=net.eps, pad_token_id=1,
                max_position_embeddings=max_length + 2, use_flash_attn=True, **more)


def check_against_transformers(net, ids):
    """The same weights in the class that transformers has for the same arithmetic."""
    from transformers import JinaEmbeddingsV3Config, JinaEmbeddingsV3Model
    t, depth = net.t, sum("norm1.weight" in k for k in net.t)
    hidden, inter = t["embeddings.word_embeddings.weight"].shape[1], t["encoder.layers.0.mlp.fc1.weight"].shape[0]
    model = JinaEmbeddingsV3Model(JinaEmbeddingsV3Config(
        vocab_size=t["embeddings.word_embeddings.weight"].shape[0], hidden_size=hidden, num_hidden_layers=depth, intermediate_size=inter,
        num_attention_heads=net.heads, layer_norm_eps=net.eps, rope_parameters=dict(rope_type="default", rope_theta=net.theta),
        attn_implementation="eager"), add_pooling_layer=False).eval().float()
    new = {k: v for k, v in t.items() if k.startswith("embeddings.")}
    new.update({k.replace("emb_ln", "embeddings.LayerNorm"): v for k, v in t.items() if k.startswith("emb_ln")})
    for i in range(depth):
        old, at = f"encoder.layers.{i}.", f"layers.{i}."
        for kind in ("weight", "bias"):
            for name, part in zip("qkv", t[old + "mixer.Wqkv." + kind].chunk(3)):
                new[at + f"self_attn.{name}_proj." + kind] = part
            for a, b in (("mixer.out_proj", "self_attn.o_proj"), ("norm1", "post_attention_layernorm"), ("norm2", "post_mlp_layernorm"),
                         ("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2")):
                new[at + b + "." + kind] = t[old + a + "." + kind]
    missing = model.load_state_dict(new, strict=False)
    assert not missing.unexpected_keys and all("position_ids" in k or "inv_freq" in k for k in missing.missing_keys), missing
    with torch.no_grad():
        difference = (model(input_ids=ids).last_hidden_state - net.hidden(ids)).abs().max()
    assert difference < 2e-5, difference


TASKS = {"retrieval.query": "Find: ", "retrieval.passage": "balan celan ", "separation": ""}


def adapt(net, rank, seed):
    """Adapters of all tasks for every matrix and table, as jina-embeddings-v3 names them; rounded as they are stored."""
    torch.manual_seed(SEED + seed)
    adapters = {}
    for name, w in net.t.items():
        if w.dim() == 2:
            table = "embeddings" in name
            a, b = ((w.shape[0], rank), (rank, w.shape[1])) if table else ((rank, w.shape[1]), (w.shape[0], rank))
            adapters[name] = [(torch.randn(len(TASKS), *shape) * 0.4).half().float() for shape in (a, b)]
    return adapters


def with_task(net, adapters, task, scale, wrong=()):
    t = dict(net.t)
    for name, (a, b) in adapters.items():
        if "tables as they were" in wrong and "embeddings" in name:
            continue
        t[name] = t[name] + scale * (a[task] @ b[task] if "embeddings" in name else b[task] @ a[task])
    return Net(net.kind, net.heads, net.eps, "gelu", net.theta, **t)


def jina_v3(root):
    tk, rank = xlmr_tokenizer(), 2
    net = Net("flash", 2, eps=1e-5, theta=20000, **random_tensors("flash", tk.get_vocab_size(), 24, 32, 2, 1, False, 131))
    net.t = {k: p.half().float() for k, p in net.t.items()}
    check_against_transformers(net, torch.tensor([tk.encode(text(40)).ids]))
    adapters = adapt(net, rank, 132)
    lora = dict(lora_adaptations=list(TASKS), task_instructions=TASKS, lora_rank=rank, lora_alpha=3, load_trained_adapters=True)
    stored = Net(net.kind, net.heads, net.eps, "gelu", net.theta, **{
        k.replace(".weight", ".parametrizations.weight.original") if k in adapters else k: p for k, p in net.t.items()})
    for name, (a, b) in adapters.items():
        stem = name.replace(".weight", ".parametrizations.weight.0.")
        stored.t[stem + "lora_A"], stored.t[stem + "lora_B"] = a, b
    for name, task in (("jina-v3", None), ("jina-v3-task", "retrieval.passage")):
        folder = os.path.join(root, name)
        config = flash_config(net, tk, "XLMRobertaModel", 128, **lora)
        save(folder, stored, tk, config, "roberta.")
        place = None if task is None else list(TASKS).index(task)
        own = net if task is None else with_task(net, adapters, place, 3 / rank)
        prompt = TASKS.get(task, "")
        embedder(folder, own, tk, ["no positions", "interleaved", "no type row"], 128, prompt=prompt, more={} if task is None else {"task": task})
    texts = [torch.tensor([tk.encode(text(9)).ids])]
    hidden = lambda n: [n.hidden(i) for i in texts]
    for wrong in (net, with_task(net, adapters, 1, 1), with_task(net, adapters, 0, 3 / rank), with_task(net, adapters, 1, 3 / rank, ("tables as they were",))):
        check_traps("jina-v3-task", hidden(own), ["another adapter"], lambda _, wrong=wrong: hidden(wrong))


def jina_colbert_v2(root):
    tk, folder = xlmr_tokenizer(), os.path.join(root, "jina-colbert-v2")
    tk.add_special_tokens(["<mask>", "[QueryMarker]", "[DocumentMarker]"])
    net = Net("flash", 2, eps=1e-5, theta=10000, **random_tensors("flash", tk.get_vocab_size(), 32, 48, 2, 1, False, 141))
    net.t["linear.weight"] = torch.randn(32, 32) * 0.3
    save(folder, net, tk, flash_config(net, tk, "HF_ColBERT", 160), "roberta.")
    marks = (0, 2, *(tk.token_to_id(t) for t in ("<mask>", "[QueryMarker]", "[DocumentMarker]")))
    late(folder, net, tk, net.t["linear.weight"], 24, marks, 32, True, dict(query_token_id="[QueryMarker]", doc_token_id="[DocumentMarker]",
         attend_to_mask_tokens=False), ["no positions", "interleaved", "one marker", "masks", "not filled", "punctuation kept",
                                        "punctuation by character", "not cut", "normalised before it is cut"])


FAMILIES = [jina_bert, new_model, jina_colbert_v1, answerai_colbert, jina_v3, jina_colbert_v2]


def main():
    for make in FAMILIES:
        rng.seed(SEED)
        if make.__name__ in (sys.argv[2:] or [make.__name__]):
            make(sys.argv[1])


if __name__ == "__main__":
    main()
