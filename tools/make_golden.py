#!/usr/bin/env python3
"""Make the golden models: tiny, random, one directory a trap, with the reference's results.

  make_golden.py DIR          (needs torch, transformers, tokenizers, safetensors, numpy)

Each DIR/NAME is a Hugging Face model directory with a cases.jsonl: query, document and logit of a
cross-encoder or late-interaction model, or text and vector of an embedder.  "long_docs" says how a long
document is treated ("truncate" longest-first as sentence-transformers' CrossEncoder; "windows" as
jina-reranker-v2's rerank()).  The reference computes in f32 from the stored weights.  Weights are large
enough to bring the activations to about +-3, where the two GELUs differ most.
"""
import json, os, platform, random, shutil, sys
import numpy as np
import tokenizers, torch, transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (BertConfig, BertForSequenceClassification, BertModel, CamembertConfig,
                          CamembertForSequenceClassification, RobertaConfig, RobertaForSequenceClassification,
                          XLMRobertaConfig, XLMRobertaForSequenceClassification, XLMRobertaModel)

SEED = 20240229
WORDS = [a + b for a in "ba ce di fo gu la me ni po ru sa te".split() for b in "lan mer nis tok vel zun dra pik".split()]
PUNCTUATION = [".", ",", "!", "?"]
SMALL = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=1, intermediate_size=64, hidden_act="gelu",
             attn_implementation="eager")
rng = random.Random(SEED)


def text(n):
    return " ".join(rng.choice(WORDS) for _ in range(n))


# ---- tokenizers ----------------------------------------------------------------------------------

def bert_tokenizer():
    vocab = ["[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + PUNCTUATION + WORDS
    vocab += ["##" + chr(c) for c in range(ord("a"), ord("z") + 1)]
    tk = Tokenizer(models.WordPiece({w: i for i, w in enumerate(vocab)}, unk_token="[UNK]"))
    tk.normalizer = normalizers.BertNormalizer(lowercase=True)
    tk.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tk.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                      special_tokens=[("[CLS]", 4), ("[SEP]", 5)])
    tk.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return tk


def xlmr_tokenizer():
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [("\u2581" + w, -3.0 - 0.01 * i) for i, w in enumerate(WORDS)] + [("\u2581", -5.0)]
    pieces += [(chr(c), -7.0 - 0.1 * i) for i, c in enumerate(range(ord("a"), ord("z") + 1))] + [(p, -6.0) for p in PUNCTUATION]
    tk = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tk.normalizer = normalizers.NFKC()
    tk.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always")
    tk.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>",
                                                      special_tokens=[("<s>", 0), ("</s>", 2)])
    tk.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    return tk


def roberta_tokenizer():
    from tokenizers.trainers import BpeTrainer
    tk = Tokenizer(models.BPE())
    tk.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    tk.train_from_iterator([text(20) for _ in range(200)], BpeTrainer(vocab_size=500, special_tokens=specials, show_progress=False,
                           initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tk.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tk


# ---- models --------------------------------------------------------------------------------------

def randomize(model, scale=1.0, seed=0):
    torch.manual_seed(SEED + seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "LayerNorm.weight" in name:
                p.copy_(1 + 0.2 * torch.randn_like(p))
            elif "embeddings" in name and p.dim() == 2:
                p.normal_(0, 0.7 * scale)
            else:
                p.normal_(0, 0.25 if p.dim() == 2 else 0.1)
    return model.eval().float()


def save(folder, model, tk, dtype=None, **config):
    os.makedirs(folder, exist_ok=True)
    if dtype is not None:
        model.to(dtype)
    model.save_pretrained(folder)
    model.float()
    tk.save(os.path.join(folder, "tokenizer.json"))
    write_json(folder, "tokenizer_config.json", {"model_max_length": config.pop("model_max_length", 10 ** 30)})
    edit_json(folder, "config.json", config)


def write_json(folder, name, value):
    with open(os.path.join(folder, name), "w") as f:
        json.dump(value, f, indent=1)
        f.write("\n")


def edit_json(folder, name, changes):
    with open(os.path.join(folder, name)) as f:
        value = json.load(f)
    for k in ("transformers_version",):
        value.pop(k, None)
    value.update(changes)
    write_json(folder, name, {k: v for k, v in value.items() if v != "DELETE"})


def write_cases(folder, cases):
    with open(os.path.join(folder, "cases.jsonl"), "w") as f:
        for c in cases:
            f.write(json.dumps(c, ensure_ascii=False) + "\n")


def logit_of(model, ids, types=None):
    ids = torch.tensor([ids])
    more = {} if types is None else {"token_type_ids": torch.tensor([types])}
    with torch.no_grad():
        return float(model(input_ids=ids, attention_mask=torch.ones_like(ids), **more).logits[0, 0].double())


def pair_cases(model, tk, lengths, use_types, special=True):
    cases = []
    for n_query in (1, 5):
        query = text(n_query)
        for n in lengths:
            document = text(n)
            e = tk.encode(query, document)
            cases.append(dict(query=query, document=document,
                              logit=float(f"{logit_of(model, e.ids, e.type_ids if use_types else None):.9g}")))
    if special:
        for query, document in (("", text(3)), (text(2), ""), (text(2), "zzz qq " + text(2)), (text(2).upper(), text(4) + "!")):
            e = tk.encode(query, document)
            cases.append(dict(query=query, document=document,
                              logit=float(f"{logit_of(model, e.ids, e.type_ids if use_types else None):.9g}")))
    return cases


LENGTHS = (1, 2, 3, 7, 20, 41)


def bert(folder, seed=1, scale=1.0, lengths=LENGTHS, dtype=None, config=None, **more):
    tk = bert_tokenizer()
    options = dict(SMALL, vocab_size=tk.get_vocab_size(), num_labels=1, max_position_embeddings=160)
    options.update(more)
    model = randomize(BertForSequenceClassification(BertConfig(**options)), scale, seed)
    save(folder, model, tk, dtype, **(config or {}))
    write_cases(folder, pair_cases(model, tk, lengths, True))
    return model, tk


def roberta(folder, classes, tk, seed=2, dtype=None, config=None, **more):
    options = dict(SMALL, vocab_size=tk.get_vocab_size(), num_labels=1, max_position_embeddings=162, type_vocab_size=1,
                   pad_token_id=1, layer_norm_eps=1e-5)
    options.update(more)
    model = randomize(classes[1](classes[0](**options)), 1.0, seed)
    save(folder, model, tk, dtype, **(config or {}))
    write_cases(folder, pair_cases(model, tk, LENGTHS, False))
    return model, tk


OUTLIERS = {5: 70.0, 23: -55.0, 42: 60.0, 57: -80.0}


def plant(model, norms, readers):
    """Channels 50 to 100 times the others: in a norm's bias, or in its gain.  What a norm reads has them too,
    from the layer before, so all gains are large; what reads a norm gives such channels small weights."""
    deviation = (sum(v * v for v in OUTLIERS.values()) / model.config.hidden_size) ** 0.5
    for linear in readers:
        linear.weight[:, list(OUTLIERS)] *= 0.02
    for norm in norms[1:]:
        norm.weight.fill_(deviation / 1.5)
    for norm in norms:
        for i, (channel, size) in enumerate(OUTLIERS.items()):
            first = norm is norms[0]
            norm.weight[channel] = abs(size) * 0.05 if i < 2 else 0.8 * (abs(size) if first else deviation)
            norm.bias[channel] = size if i < 2 else 0 if first else 0.2 * size


def share_case(local):
    """A pair and what its logit should be: how many of its words are of three sorts out of eight."""
    good = {w for i, w in enumerate(WORDS) if i % 8 in (0, 2, 5)}
    share, words = local.random(), local.choice((1, 2, 3, 5, 8, 12, 20, 32))
    query = [local.choice(WORDS) for _ in range(local.randint(1, 6))]
    document = [local.choice(sorted(good)) if local.random() < share else local.choice(WORDS) for _ in range(words)]
    both = query + document
    return " ".join(query), " ".join(document), 6 * sum(w in good for w in both) / len(both) - 3


def outliers(folder, steps=300):
    """An XLM-RoBERTa with outlier channels.  A random model's logits hardly differ from pair to pair, and any
    rounding mixes them; this one is trained for half a minute, with the planted channels left as they are."""
    torch.set_num_threads(1)
    tk, local = xlmr_tokenizer(), random.Random(SEED)
    config = XLMRobertaConfig(**dict(SMALL, hidden_size=64, num_hidden_layers=3, num_attention_heads=2, intermediate_size=128),
                              vocab_size=tk.get_vocab_size(), num_labels=1, max_position_embeddings=162, type_vocab_size=1,
                              pad_token_id=1, layer_norm_eps=1e-5, hidden_dropout_prob=0, attention_probs_dropout_prob=0)
    model = randomize(XLMRobertaForSequenceClassification(config), 1.0, 50)
    layers, channels = model.roberta.encoder.layer, list(OUTLIERS)
    norms = [model.roberta.embeddings.LayerNorm] + [n for l in layers for n in (l.attention.output.LayerNorm, l.output.LayerNorm)]
    own = [l.attention.self for l in layers]
    readers = [model.classifier.dense] + [l.intermediate.dense for l in layers] + [m for o in own for m in (o.query, o.key, o.value)]
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 1:
                p.fill_(1.0 if "LayerNorm.weight" in name else 0.0)
            elif "embeddings" not in name:
                p.mul_(0.5)
        plant(model, norms, readers)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 2e-3 * min(1, step / 50) * (1 - step / steps) + 1e-5
        pairs = [share_case(local) for _ in range(48)]
        ids = [tk.encode(q, d).ids for q, d, _ in pairs]
        longest = max(map(len, ids))
        ids = torch.tensor([i + [1] * (longest - len(i)) for i in ids])
        logits = model(input_ids=ids, attention_mask=(ids != 1).long()).logits[:, 0]
        optimizer.zero_grad()
        ((logits - torch.tensor([y for *_, y in pairs])) ** 2).mean().backward()
        for norm in norms:
            norm.weight.grad[channels] = norm.bias.grad[channels] = 0
        for linear in readers:
            linear.weight.grad[:, channels] = 0
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    save(folder, model, tk, torch.float16)
    cases = []
    for query, document, _ in (share_case(local) for _ in range(64)):
        cases.append(dict(query=query, document=document, logit=float(f"{logit_of(model, tk.encode(query, document).ids):.9g}")))
    write_cases(folder, cases)


def rename_flash(folder):
    """The layout of jina-reranker-v2: other names, query, key and value in one matrix."""
    path = os.path.join(folder, "model.safetensors")
    old, new = load_file(path), {}
    for name, t in old.items():
        name = name.replace("embeddings.LayerNorm", "emb_ln")
        if ".attention.self." in name:
            head, kind = name.split(".attention.self.")
            part = {"query": 0, "key": 1, "value": 2}[kind.split(".")[0]]
            target = head.replace("encoder.layer.", "encoder.layers.") + ".mixer.Wqkv." + kind.split(".")[1]
            new.setdefault(target, [None] * 3)[part] = t
            continue
        for a, b in (("attention.output.dense", "mixer.out_proj"), ("attention.output.LayerNorm", "norm1"),
                     ("intermediate.dense", "mlp.fc1"), ("output.dense", "mlp.fc2"), ("output.LayerNorm", "norm2")):
            name = name.replace("." + a + ".", "." + b + ".") if "encoder.layer." in name else name
        new[name.replace("encoder.layer.", "encoder.layers.")] = t
    save_file({k: torch.cat(v) if isinstance(v, list) else v.clone() for k, v in new.items()}, path)
    edit_json(folder, "config.json", {"model_type": "DELETE", "auto_map": {"AutoConfig": "configuration_xlm_roberta.XLMRobertaFlashConfig"}})


def window_cases(model, tk, max_length, max_query, overlap):
    """jina-reranker-v2's rerank(): overlapping windows, the last one slid back, the best counts."""
    cases = []
    for n_query, n_doc in ((3, 200), (5, 61), (70, 90), (2, 1000)):
        query, document = text(n_query), text(n_doc)
        q = tk.encode(query).ids
        q = q[:max_query - 1] + [2] if len(q) > max_query else q
        d = tk.encode(document, add_special_tokens=False).ids
        room = max_length - len(q) - 2
        step_back = min(overlap, room // 4)
        if len(q) + len(d) + 2 <= max_length:
            pieces = [d]
        else:
            pieces, start = [], 0
            while start < len(d):
                end = start + room
                pieces.append(d[-room:] if end >= len(d) else d[start:end])
                start = end - step_back if end < len(d) else end
        best = max(logit_of(model, q + [2] + p + [2]) for p in pieces)
        cases.append(dict(query=query, document=document, logit=float(f"{best:.9g}"), long_docs="windows", windows=len(pieces)))
    return cases


def padding_cases(model, tk):
    """A padding token typed into a text: it stands at the padding position, and the others close up."""
    cases = []
    for query, document in ((WORDS[0], f"{WORDS[1]}<pad>{WORDS[2]} {WORDS[3]}"), (f"<pad>{WORDS[4]}", f"<pad> <pad>{WORDS[5]}")):
        ids = tk.encode(query, document).ids
        assert ids.count(tk.token_to_id("<pad>")) > 0
        cases.append(dict(query=query, document=document, logit=float(f"{logit_of(model, ids):.9g}")))
    return cases


def truncate_cases(model, tk, max_length, use_types):
    cases = []
    tk.enable_truncation(max_length, strategy="longest_first")
    for n_query, n_doc in ((3, 400), (100, 30), (100, 400), (81, 81), (79, 78)):
        query, document = text(n_query), text(n_doc)
        e = tk.encode(query, document)
        assert len(e.ids) <= max_length
        cases.append(dict(query=query, document=document, long_docs="truncate",
                          logit=float(f"{logit_of(model, e.ids, e.type_ids if use_types else None):.9g}")))
    tk.no_truncation()
    return cases


def add_cases(folder, cases):
    with open(os.path.join(folder, "cases.jsonl"), "a") as f:
        for c in cases:
            f.write(json.dumps(c, ensure_ascii=False) + "\n")


# ---- embedders and late interaction --------------------------------------------------------------

def embedder(folder, model, tk, cls, max_seq=64, pooling=None):
    save(folder, model, tk)
    os.makedirs(os.path.join(folder, "1_Pooling"), exist_ok=True)
    write_json(folder, "modules.json", [dict(idx=0, name="0", path="", type="sentence_transformers.models.Transformer"),
                                        dict(idx=1, name="1", path="1_Pooling", type="sentence_transformers.models.Pooling")])
    write_json(folder, "1_Pooling/config.json", pooling or dict(word_embedding_dimension=32, pooling_mode_cls_token=cls,
                                                     pooling_mode_mean_tokens=not cls, pooling_mode_max_tokens=False,
                                                     pooling_mode_mean_sqrt_len_tokens=False))
    write_json(folder, "sentence_bert_config.json", dict(max_seq_length=max_seq, do_lower_case=False))
    cases = []
    tk.enable_truncation(max_seq)
    for n in (0, 1, 3, 17, 62, 200):
        t = text(n)
        ids = torch.tensor([tk.encode(t).ids])
        with torch.no_grad():
            h = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0].double()
        v = h[0] if cls else h.mean(0)
        cases.append(dict(text=t, vector=[float(f"{x:.9g}") for x in v / v.norm()]))
    tk.no_truncation()
    write_cases(folder, cases)


def colbert(folder, dim=24, query_max=32, attend=False, seed=7):
    tk = bert_tokenizer()
    model = randomize(BertModel(BertConfig(**SMALL, vocab_size=tk.get_vocab_size(), max_position_embeddings=160), add_pooling_layer=False), 1.0, seed)
    save(folder, model, tk)
    torch.manual_seed(SEED)
    linear = torch.randn(dim, 32) * 0.3
    path = os.path.join(folder, "model.safetensors")
    tensors = {"bert." + k.removeprefix("bert."): v for k, v in load_file(path).items()}
    tensors["linear.weight"] = linear
    save_file(tensors, path)
    edit_json(folder, "config.json", {"architectures": ["HF_ColBERT"]})
    write_json(folder, "artifact.metadata", dict(dim=dim, query_maxlen=query_max, doc_maxlen=160, attend_to_mask_tokens=attend, mask_punctuation=True))
    punctuation = {tk.token_to_id(p) for p in PUNCTUATION}

    def vectors(ids, n_keys):
        mask = torch.tensor([[1] * n_keys + [0] * (len(ids) - n_keys)])
        with torch.no_grad():
            h = model(input_ids=torch.tensor([ids]), attention_mask=mask).last_hidden_state[0]
            v = h @ linear.T
            return (v / v.norm(dim=1, keepdim=True)).double()

    cases = []
    for n_query in (1, 6, 29, 60):
        query = text(n_query)
        q = [4, 1] + tk.encode(query, add_special_tokens=False).ids[:query_max - 3] + [5]
        qv = vectors(q + [6] * (query_max - len(q)), query_max if attend else len(q))
        for n in (1, 8, 60):
            document = text(n) + ". " + text(2) + "!"
            d = [4, 2] + tk.encode(document, add_special_tokens=False).ids + [5]
            dv = vectors(d, len(d))[[i not in punctuation for i in d]]
            cases.append(dict(query=query, document=document, logit=float(f"{float((qv @ dv.T).max(1).values.sum()):.9g}")))
    write_cases(folder, cases)


def main():
    root = sys.argv[1]
    at = lambda name: os.path.join(root, name)
    for name in os.listdir(root):
        shutil.rmtree(at(name), ignore_errors=True)  # the models; files stay
    bert(at("bert"))
    bert(at("bert-d16x2"), num_attention_heads=2, seed=11)
    bert(at("bert-d64"), hidden_size=64, seed=12)
    bert(at("bert-d9x3"), hidden_size=27, num_attention_heads=3, seed=13)
    bert(at("bert-gelu-new"), hidden_act="gelu_new", seed=14)
    bert(at("bert-relu"), hidden_act="relu", seed=15)
    bert(at("bert-eps"), scale=1e-3, layer_norm_eps=1e-5, seed=16)
    bert(at("bert-f16"), dtype=torch.float16, seed=17)
    bert(at("bert-bf16"), dtype=torch.bfloat16, seed=18)
    bert(at("bert-identity"), seed=19, config={"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}})
    bert(at("bert-long"), lengths=(1, 100, 150), seed=20)
    model, tk = bert(at("bert-truncate"), seed=21, config={"model_max_length": 160})
    add_cases(at("bert-truncate"), truncate_cases(model, tk, 160, True))
    model, tk = bert(at("bert-gamma-beta"), seed=22)
    path = os.path.join(at("bert-gamma-beta"), "model.safetensors")
    save_file({k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in load_file(path).items()}, path)
    model, tk = bert(at("bert-sharded"), seed=23)
    os.remove(os.path.join(at("bert-sharded"), "model.safetensors"))
    model.save_pretrained(at("bert-sharded"), max_shard_size="40KB")
    edit_json(at("bert-sharded"), "config.json", {})
    xlmr = (XLMRobertaConfig, XLMRobertaForSequenceClassification)
    model, tk = roberta(at("xlmr"), xlmr, xlmr_tokenizer())
    add_cases(at("xlmr"), truncate_cases(model, tk, 160, False))
    add_cases(at("xlmr"), padding_cases(model, tk))
    roberta(at("xlmr-types2"), xlmr, xlmr_tokenizer(), seed=31, type_vocab_size=2)
    roberta(at("roberta-bpe"), (RobertaConfig, RobertaForSequenceClassification), roberta_tokenizer(), seed=32)
    roberta(at("camembert"), (CamembertConfig, CamembertForSequenceClassification), xlmr_tokenizer(), seed=33)
    model, tk = roberta(at("jina-v2-flash"), xlmr, xlmr_tokenizer(), seed=34)
    rename_flash(at("jina-v2-flash"))
    add_cases(at("jina-v2-flash"), window_cases(model, tk, 160, 80, 80))
    tk = bert_tokenizer()
    embedder(at("embed-mean"), randomize(BertModel(BertConfig(**SMALL, vocab_size=tk.get_vocab_size(), max_position_embeddings=160)), 1.0, 40), tk, False)
    embedder(at("embed-cls"), randomize(BertModel(BertConfig(**SMALL, vocab_size=tk.get_vocab_size(), max_position_embeddings=160)), 1.0, 41), tk, True)
    tk = xlmr_tokenizer()
    embedder(at("embed-xlmr"), randomize(XLMRobertaModel(XLMRobertaConfig(**SMALL, vocab_size=tk.get_vocab_size(), max_position_embeddings=162,
             type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)), 1.0, 42), tk, False)
    colbert(at("colbert"))
    colbert(at("colbert-attend"), attend=True, seed=8)
    tk = bert_tokenizer()
    embedder(at("embed-mean-st6"), randomize(BertModel(BertConfig(**SMALL, vocab_size=tk.get_vocab_size(), max_position_embeddings=160)), 1.0, 43), tk, False,
             pooling=dict(embedding_dimension=32, pooling_mode="mean", include_prompt=True))
    bert(at("bert-d12x5"), hidden_size=60, num_attention_heads=5, intermediate_size=44, lengths=(1, 5, 30), seed=24)
    outliers(at("xlmr-outliers"))
    write_json(root, "versions.json", dict(seed=SEED, python=platform.python_version(), torch=torch.__version__.split("+")[0],
                                           transformers=transformers.__version__, tokenizers=tokenizers.__version__, numpy=np.__version__))


if __name__ == "__main__":
    main()
