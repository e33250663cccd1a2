#!/usr/bin/env python3
"""Make the golden GGUF files, as the converter of llama.cpp would, each beside the directory that it equals.

  make_gguf.py DIR             (needs gguf, tokenizers, safetensors, numpy; run where tests/golden is)

DIR/types.gguf has a tensor of each type, and its values as the gguf package widens them as NAME.f32.
DIR/NAME.gguf has DIR/NAME beside it, the Hugging Face directory of the same weights, widened to F32.
DIR/tokens/NAME.gguf has the tokenizer of tests/golden/tokens/NAME, or of DIR/tokens/NAME with its own goldens.

  make_gguf.py --tokens TOKENIZERS DIR

writes DIR/NAME.gguf with the tokenizer of each published TOKENIZERS/NAME that a GGUF file can hold.
"""
import base64, collections, json, os, re, shutil, sys
import gguf, numpy as np
from gguf import GGMLQuantizationType as T, TokenType
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, normalizers
import make_tokens

SEED = 20240401
K_TYPES = {T.Q4_K: 144, T.Q5_K: 176, T.Q6_K: 210}  # bytes of a block of 256 values
TYPES = [T.F32, T.F16, T.BF16, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0, *K_TYPES]
rng = np.random.default_rng(SEED)


# ---- types ---------------------------------------------------------------------------------------

def k_blocks(kind, n):
    """Random blocks, since the package cannot make these; weights of about +-0.3."""
    blocks = rng.integers(0, 256, (n, K_TYPES[kind]), dtype=np.uint8)
    half = lambda low, high: rng.uniform(low, high, (n, 1)).astype(np.float16).view(np.uint8)
    if kind == T.Q6_K:
        blocks[:, 208:210] = half(4e-5, 8e-5)
    else:
        top = 15 if kind == T.Q4_K else 31
        blocks[:, 0:2] = half(0.012 / top, 0.02 / top)
        blocks[:, 2:4] = half(0.006, 0.01)
    return blocks.reshape(-1)


def stored(values, kind):
    """The bytes of a tensor in a type, shaped by rows."""
    if kind in K_TYPES:
        return k_blocks(kind, values.size // 256).reshape(*values.shape[:-1], -1)
    return gguf.quants.quantize(np.ascontiguousarray(values, np.float32), kind)


def widened(raw, kind, shape):
    return np.ascontiguousarray(gguf.quants.dequantize(raw, kind).reshape(shape), np.float32)


def add(writer, name, values, kind):
    """Write a tensor; returns the values that a reader has of it."""
    raw = stored(values, kind)
    writer.add_tensor(name, raw, raw_dtype=kind)
    return widened(raw, kind, values.shape)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_types(path):
    writer = gguf.GGUFWriter(path, "types")
    for kind in TYPES:
        values = rng.normal(0, 1, (2, 256)).astype(np.float32) * np.float32(10.0) ** rng.integers(-6, 4, (2, 1)).astype(np.float32)
        wide = add(writer, kind.name, values, kind)
        writer.add_tensor(kind.name + ".f32", wide, raw_dtype=T.F32)
    finish(writer)


# ---- tokenizers ----------------------------------------------------------------------------------

def looks_special(token):
    """What the converter takes for a control token though the file does not say so."""
    return token in ("<pad>", "<mask>") or re.fullmatch(r"<\|.*\|>|<unused.*>", token) is not None


def is_byte(token):
    return re.fullmatch(r"<0x[0-9A-F]{2}>", token) is not None


def token_list(tokenizer, n_vocab, word):
    """Tokens by id with their types; word(token) is how a piece of the vocabulary is written."""
    vocab = tokenizer["model"]["vocab"]
    by_id = {i: t for t, i in vocab.items()}
    added = {t["id"]: t for t in tokenizer["added_tokens"]}
    n_vocab = max(n_vocab, 1 + max([*by_id, *added]))
    tokens, types = [], []
    for i in range(n_vocab):
        if i in added:
            content = added[i]["content"]
            control = added[i]["special"] or looks_special(content)
            types.append(TokenType.CONTROL if control else TokenType.USER_DEFINED)
            tokens.append(content if control else word(content))
        elif i in by_id:
            types.append(TokenType.NORMAL)
            tokens.append(word(by_id[i]))
        else:
            types.append(TokenType.UNUSED)
            tokens.append(f"[PAD{i}]")
    return tokens, types


def find_special(tokenizer, *names):
    for t in tokenizer["added_tokens"]:
        if t["content"] in names:
            return t["id"]
    return None


def add_specials(writer, tokenizer, with_mask):
    ids = {"bos": find_special(tokenizer, "[CLS]", "<s>", "<bos>"), "eos": find_special(tokenizer, "[SEP]", "</s>", "<|im_end|>", "<eos>"),
           "sep": find_special(tokenizer, "[SEP]", "</s>"), "unk": find_special(tokenizer, "[UNK]", "<unk>"),
           "pad": find_special(tokenizer, "[PAD]", "<pad>", "<|endoftext|>"), "mask": find_special(tokenizer, "[MASK]", "<mask>")}
    for kind, i in ids.items():
        if i is not None and (kind != "mask" or with_mask):
            getattr(writer, f"add_{kind}_token_id")(i)


def phantom(piece):
    return piece[2:] if piece.startswith("##") else "\u2581" + piece


def charsmap_of(normalizer):
    parts = (normalizer or {}).get("normalizers", [normalizer or {}])
    return next((base64.b64decode(p["precompiled_charsmap"]) for p in parts if p.get("type") == "Precompiled"), None)


def add_unigram(writer, tokenizer, n_vocab, mask_is_lost):
    """mask_is_lost: as the converter does it from a sentencepiece model, which has no <mask>."""
    pieces, added = tokenizer["model"]["vocab"], {t["id"]: t for t in tokenizer["added_tokens"]}
    n_vocab = max(n_vocab, len(pieces))
    tokens, scores = [p for p, _ in pieces], [s for _, s in pieces]
    types = [TokenType.NORMAL] * len(pieces)
    for i, t in added.items():
        types[i] = TokenType.CONTROL if t["special"] else TokenType.USER_DEFINED
    types[tokenizer["model"]["unk_id"]] = TokenType.UNKNOWN
    if mask_is_lost:
        tokens, scores, types = tokens[:-1], scores[:-1], types[:-1]
    while len(tokens) < n_vocab:
        tokens.append(f"[PAD{len(tokens)}]")
        scores.append(-10000.0)
        types.append(TokenType.UNUSED)
    writer.add_tokenizer_model("t5")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_add_space_prefix(True)
    writer.add_remove_extra_whitespaces(True)
    charsmap = charsmap_of(tokenizer["normalizer"])
    if charsmap is not None:
        writer.add_precompiled_charsmap(charsmap)


SPM_SCORE = -1000.0  # of a token that tokenizer_config.json names, whatever the model says


def spm_scores(by_id, added):
    """Of a SentencePiece BPE model: 0 of what is no piece, else one less with each piece."""
    first_byte, scores, n = min(i for i, t in enumerate(by_id) if is_byte(t)), [], 0
    for i, token in enumerate(by_id):
        is_piece = not (i in added or is_byte(token) or i < first_byte)
        scores.append(-float(n) if is_piece else 0.0)
        n += is_piece
    return scores


def spm_tokens(tokenizer):
    """Its tokens by id, spelled as in the SentencePiece model, where the tab has no piece but its byte."""
    vocab = tokenizer["model"]["vocab"]
    by_id = [None] * (1 + max(vocab.values()))
    for token, i in vocab.items():
        by_id[i] = token
    if "<0x09>" not in vocab and "\t" in vocab:
        by_id[vocab["\t"]] = "<0x09>"
    return by_id


def add_sentencepiece(writer, tokenizer, n_vocab):
    """As _create_vocab_sentencepiece() and GemmaModel of the converter."""
    by_id, added = spm_tokens(tokenizer), {t["id"]: t for t in tokenizer["added_tokens"]}
    scores, types = spm_scores(by_id, added), [TokenType.BYTE if is_byte(t) else TokenType.NORMAL for t in by_id]
    for i, t in added.items():
        control = t["special"] or looks_special(t["content"])
        types[i], scores[i] = TokenType.CONTROL if control else TokenType.USER_DEFINED, SPM_SCORE
        by_id[i] = t["content"] if control else t["content"].replace("\u2581", " ")
    while len(by_id) < n_vocab:
        by_id.append(f"[PAD{len(by_id)}]")
        scores.append(-10000.0)
        types.append(TokenType.UNUSED)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(by_id)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)


def merge_text(merge):
    return merge if isinstance(merge, str) else " ".join(part.replace(" ", "\u0120") for part in merge)


def add_tokenizer(writer, tokenizer, n_vocab=0, pre=None, type_count=None, mask_is_lost=False, with_mask=True):
    model = tokenizer["model"]
    if isinstance(model["vocab"], list):
        add_unigram(writer, tokenizer, n_vocab, mask_is_lost)
    elif model.get("byte_fallback"):
        add_sentencepiece(writer, tokenizer, n_vocab)
    else:
        bpe = "merges" in model
        tokens, types = token_list(tokenizer, n_vocab, (lambda t: t) if bpe else phantom)
        writer.add_tokenizer_model("gpt2" if bpe else "bert")
        writer.add_tokenizer_pre(pre)
        writer.add_token_list(tokens)
        writer.add_token_types(types)
        if bpe:
            writer.add_token_merges([merge_text(m) for m in model["merges"]])
    if type_count is not None:
        writer.add_token_type_count(type_count)
    add_specials(writer, tokenizer, with_mask)


def make_tokenizer(path, tokenizer, pre, **more):
    writer = gguf.GGUFWriter(path, "bert")
    add_tokenizer(writer, tokenizer, pre=pre, **more)
    finish(writer)


def read_json(path):
    with open(path) as f:
        return json.load(f)


def tiny_charsmap(mappings):
    """A SentencePiece map: its double array (darts-clone), built by trying every base, and the strings."""
    blob, values = b"", {}
    for text, to in mappings.items():
        values[text.encode()] = len(blob)
        blob += to.encode() + b"\0"
    units, used = [0] * 4096, {0}

    def place(pos, prefix):
        below = {k: v for k, v in values.items() if k.startswith(prefix)}
        labels = sorted({k[len(prefix)] for k in below if len(k) > len(prefix)} | ({0} if prefix in below else set()))
        base = next(b for b in range(1, 2048) if all(b ^ c not in used for c in labels))
        used.update(base ^ c for c in labels)
        units[pos] |= (pos ^ base) << 10 | (1 << 8 if prefix in below else 0)
        if 0 in labels:
            units[base] = 1 << 31 | values[prefix]
        for c in labels:
            if c != 0:
                units[base ^ c] = c
                place(base ^ c, prefix + bytes([c]))

    place(0, b"")
    size = (max(used) | 255) + 1
    return (4 * size).to_bytes(4, "little") + np.array(units[:size], np.uint32).tobytes() + blob


SPACES = {"\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "\u2003": " ", "\u3000": " ", "\u2028": " ", "\u200b": " ",
          "\u2581": " ", "\ufb01": "fi", "\u00bd": "1\u20442", "e\u0301": "\u00e9", "\u2460": "1", "\u00b2": "2"}


def as_xlmr(tokenizer):
    """A Unigram tokenizer with the normalizer of the XLM-R files since 2024, and that pair template."""
    tk = Tokenizer.from_str(json.dumps(tokenizer))
    tk.normalizer = normalizers.Sequence([normalizers.Precompiled(tiny_charsmap(SPACES)), normalizers.Strip(left=False, right=True),
                                          normalizers.Replace(make_tokens.Regex(" {2,}"), "\u2581")])
    tk.post_processor = make_tokens.processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return tk


def mask_last(tokenizer):
    """Let <mask> have the last id, as in XLM-R."""
    model, mask = tokenizer["model"], "<mask>"
    i = next(n for n, (p, _) in enumerate(model["vocab"]) if p == mask)
    model["vocab"].append(model["vocab"].pop(i))
    for t in tokenizer["added_tokens"]:
        if t["content"] == mask:
            t["id"], t["lstrip"] = len(model["vocab"]) - 1, True
    return tokenizer


def spm_merges(vocab, scores):
    """Every cut of every piece into two, as transformers 4.38 (SentencePieceExtractor) made Gemma's tokenizer.json."""
    merges = []
    for token, score in zip(vocab, scores):
        cuts = [(token[:n], token[n:], score) for n in range(1, len(token)) if token[:n] in vocab and token[n:] in vocab]
        merges.extend(sorted(cuts, key=lambda cut: (vocab[cut[0]], vocab[cut[1]])))
    return [[left, right] for left, right, _ in sorted(merges, key=lambda cut: cut[2], reverse=True)]


def gemma_json(by_id, added):
    """The tokenizer.json of a SentencePiece model: its tokens, and which of them are added (by id: special or not)."""
    scores, spelled = spm_scores(by_id, added), ["\t" if t == "<0x09>" else t for t in by_id]
    vocab = {t: i for i, t in enumerate(spelled)}
    tokens = [dict(id=i, content=by_id[i], single_word=False, lstrip=False, rstrip=False, normalized=False, special=special)
              for i, special in sorted(added.items())]
    part, bos = lambda kind, name, type_id: {kind: {"id": name, "type_id": type_id}}, vocab["<bos>"]
    single = [part("SpecialToken", "<bos>", 0), part("Sequence", "A", 0)]
    pair = single + [part("SpecialToken", "<bos>", 1), part("Sequence", "B", 1)]
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": tokens,
            "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}, "pre_tokenizer": None,
            "post_processor": {"type": "TemplateProcessing", "single": single, "pair": pair,
                               "special_tokens": {"<bos>": {"id": "<bos>", "ids": [bos], "tokens": ["<bos>"]}}},
            "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                                                         {"type": "ByteFallback"}, {"type": "Fuse"}]},
            "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
                      "fuse_unk": True, "byte_fallback": True, "vocab": vocab, "merges": spm_merges(vocab, scores)}}


SPM_SPECIALS = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>"]
SPM_SYMBOLS = ["<mask>", "<unused0>", "\n", "\n\n", "\n\n\n", "\u2581\u2581", "\u2581\u2581\u2581", "\u2581\u2581\u2581\u2581", "<b>", "</b>", "<i>"]
SPM_TEXTS = ["a\n\nb \n\n\n\n\n c", "x   y     z          ", " " * 33, "\n" * 11, "\t\t\tx\t\ty\t", "<b>bold</b> <i>it</i> <unused0>", "a <mask> b <start_of_turn>",
             "<0x41> <0x09>", "\u2581\u2581 \u2581\u2581\u2581\u2581\u2581", "\u0f00\u0fff \U0001f9ff\u16a0", "\n \n  \n", "aaa aaaa aaaaa"]


def spm_tokenizer(names_symbols):
    """One of Gemma's kind.  names_symbols: tokenizer_config.json has all added tokens, as it has since 2024-07, and not those that are special alone."""
    trained = json.loads(make_tokens.gemma().to_str())["model"]["vocab"]
    specials = SPM_SPECIALS + SPM_SYMBOLS
    found = [t for t in sorted(trained, key=trained.get) if t not in specials and not is_byte(t)]
    tokens = SPM_SPECIALS[:4] + SPM_SYMBOLS + SPM_SPECIALS[4:] + [t for t in trained if is_byte(t)]
    tokens += [t for t in found if len(t) > 1] + ["aa", "aaa", "\t\t", "\t\t\t"] + [t for t in found if len(t) == 1 and t != "\t"]
    tokens = list(dict.fromkeys(tokens))
    added = {tokens.index(t): True for t in SPM_SPECIALS} | ({tokens.index(t): False for t in SPM_SYMBOLS} if names_symbols else {})
    return gemma_json(tokens, added)


def as_spm(tokenizer):
    """A golden model's tokenizer of Gemma's kind as the one of a SentencePiece model with the same ids: bytes are no added tokens there."""
    added = {t["id"]: t["special"] for t in tokenizer["added_tokens"] if not is_byte(t["content"])}
    vocab = tokenizer["model"]["vocab"] | {t["content"]: t["id"] for t in tokenizer["added_tokens"]}
    return gemma_json(sorted(vocab, key=vocab.get), added)


SMALL = {"wordpiece": "bert-bge", "wordpiece-cased": "bert-bge", "wordpiece-accents": "bert-bge", "bpe-qwen": "qwen2", "gpt2": "roberta-bpe"}
PUBLISHED = {"bert-base-uncased": "bert-bge", "bert-base-multilingual-cased": "bert-bge", "all-MiniLM-L6-v2": "bert-bge",
             "roberta-base": "roberta-bpe", "qwen2-qwen3": "qwen2", "modernbert-neox": "modern-bert",
             "multilingual-unigram-128k-spm": "default"}


def make_small_tokenizers(folder):
    os.makedirs(folder)
    for name, pre in SMALL.items():
        tokenizer = read_json(f"tests/golden/tokens/{name}/tokenizer.json")
        # These have a <mask> that takes no white space, unlike published ones.
        make_tokenizer(os.path.join(folder, name + ".gguf"), tokenizer, pre, with_mask="merges" not in tokenizer["model"])
    make_tokens.write(folder, "xlmr", lambda: as_xlmr(mask_last(read_json("tests/golden/tokens/unigram/tokenizer.json"))))
    os.remove(os.path.join(folder, "xlmr", "decoded.jsonl"))
    tokenizer = read_json(os.path.join(folder, "xlmr", "tokenizer.json"))
    n_vocab = len(tokenizer["model"]["vocab"])
    make_tokenizer(os.path.join(folder, "xlmr.gguf"), tokenizer, "default")
    make_tokenizer(os.path.join(folder, "xlmr-mask-lost.gguf"), tokenizer, "default", n_vocab=n_vocab, mask_is_lost=True)
    for name, names_symbols in (("gemma", True), ("gemma-plain", False)):
        tokenizer = spm_tokenizer(names_symbols)
        make_tokens.write(folder, name, lambda: Tokenizer.from_str(json.dumps(tokenizer)), SPM_TEXTS)
        if names_symbols:  # the converter takes some of them for special
            os.remove(os.path.join(folder, name, "decoded.jsonl"))
        make_tokenizer(os.path.join(folder, name + ".gguf"), tokenizer, "default", n_vocab=len(tokenizer["model"]["vocab"]) + 3)


# ---- models --------------------------------------------------------------------------------------

LAYER = {"attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v",
         "attention.output.dense": "attn_output", "attention.output.LayerNorm": "attn_output_norm",
         "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
         "mixer.Wqkv": "attn_qkv", "mixer.out_proj": "attn_output", "norm1": "attn_output_norm", "mlp.fc1": "ffn_up",
         "mlp.fc2": "ffn_down", "norm2": "layer_output_norm", "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q",
         "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.q_norm": "attn_q_norm",
         "self_attn.k_norm": "attn_k_norm", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
         "attn_norm": "attn_norm", "attn.Wqkv": "attn_qkv", "attn.Wo": "attn_output", "mlp_norm": "ffn_norm", "mlp.Wi": "ffn_up",
         "attention.q_lin": "attn_q", "attention.k_lin": "attn_k", "attention.v_lin": "attn_v", "attention.out_lin": "attn_output",
         "sa_layer_norm": "attn_output_norm", "ffn.lin1": "ffn_up", "ffn.lin2": "ffn_down", "output_layer_norm": "layer_output_norm",
         "mlp.Wo": "ffn_down", "mlp.gated_layers": "ffn_up", "mlp.wo": "ffn_down", "mlp.layernorm": "layer_output_norm"}
OTHERS = {"embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
          "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm", "emb_ln": "token_embd_norm",
          "pooler.dense": "cls", "classifier.dense": "cls", "classifier": "cls.output", "classifier.out_proj": "cls.output",
          "embed_tokens": "token_embd", "norm": "output_norm", "lm_head": "output", "embeddings.tok_embeddings": "token_embd",
          "embeddings.norm": "token_embd_norm", "final_norm": "output_norm", "head.dense": "cls", "head.norm": "cls.norm",
          "pre_classifier": "cls"}


def gguf_name(name):
    name = re.sub(r"^(bert|distilbert|roberta|model)\.", "", name)
    part, end = name.rsplit(".", 1)
    layer = re.fullmatch(r"(?:encoder\.|transformer\.)?layers?\.(\d+)\.(.*)", part)
    return f"blk.{layer[1]}.{LAYER[layer[2]]}.{end}" if layer else f"{OTHERS[part]}.{end}"


def turns():
    """The converter keeps vectors, positions and types as they are; matrices take turns of what fits them."""
    counts = collections.Counter()

    def type_of(name, shape):
        if len(shape) < 2 or name.startswith(("position_embd", "token_types")):
            return T.F32
        fitting = [t for t in TYPES[1:] if shape[-1] % gguf.constants.GGML_QUANT_SIZES[t][0] == 0]
        wide = tuple(t for t in fitting if t in K_TYPES) or tuple(fitting)
        counts[wide] += 1
        return wide[counts[wide] % len(wide)]

    return type_of


def add_config(writer, config, offset):
    writer.add_context_length(config["max_position_embeddings"] - offset)
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)


def make_model(folder, name, source, tokenizer, pre, wider=False):
    config = read_json(os.path.join(source, "config.json"))
    tensors = load_file(os.path.join(source, "model.safetensors"))
    if wider:
        config.update(num_hidden_layers=len(K_TYPES), intermediate_size=256)
        tensors.update(wide_layers())
    roberta = any(n.startswith("roberta.") for n in tensors)
    offset = config["pad_token_id"] + 1 if roberta else 0
    writer = gguf.GGUFWriter(os.path.join(folder, name + ".gguf"), "bert")
    writer.add_name(name)
    writer.add_license("apache-2.0")
    add_config(writer, config, offset)
    head = any(n.startswith("classifier") for n in tensors)
    writer.add_pooling_type(gguf.PoolingType.RANK if head else gguf.PoolingType.MEAN)
    if head:
        writer.add_classifier_output_labels(["LABEL_0"])
    add_tokenizer(writer, tokenizer, config["vocab_size"], pre, config["type_vocab_size"])
    type_of, wide = turns(), {}
    for full, values in sorted(tensors.items()):
        values = values.astype(np.float32)
        short = gguf_name(full)
        kind = type_of(short, values.shape)
        first = offset if short == "position_embd.weight" else 0
        wide[full] = values.copy()
        wide[full][:first] = 0
        wide[full][first:] = add(writer, short, values[first:], kind)
    finish(writer)
    config.update(layer_norm_eps=float(np.float32(config["layer_norm_eps"])), license="apache-2.0")
    write_directory(os.path.join(folder, name), config, tokenizer, wide)


def make_modern(folder, name, head, pooling):
    """head: a reranker, whose classifier pools so; else an embedder that does."""
    source = "tests/golden/models/modernbert"
    config, tokenizer = (read_json(os.path.join(source, f)) for f in ("config.json", "tokenizer.json"))
    tensors = {n: v for n, v in load_file(os.path.join(source, "model.safetensors")).items() if head or n.startswith("model.")}
    kind = gguf.PoolingType.MEAN if pooling == "mean" else gguf.PoolingType.CLS
    writer = gguf.GGUFWriter(os.path.join(folder, name + ".gguf"), "modern-bert")
    writer.add_name(name)
    add_config(writer, dict(config, layer_norm_eps=config["norm_eps"]), 0)
    writer.add_layer_norm_rms_eps(config["norm_eps"])
    writer.add_sliding_window(config["local_attention"])
    writer.add_sliding_window_pattern(config["global_attn_every_n_layers"])
    writer.add_rope_freq_base(config["global_rope_theta"])
    writer.add_rope_freq_base_swa(config["local_rope_theta"])
    writer.add_rope_scaling_type(gguf.RopeScalingType.NONE)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_string("modern-bert.hidden_activation", config["hidden_activation"])  # newer than the package
    writer.add_pooling_type(gguf.PoolingType.RANK if head else kind)
    if head:
        writer.add_classifier_output_labels(["LABEL_0"])
        writer.add_uint32("modern-bert.classifier.pooling_type", kind)  # likewise
    add_tokenizer(writer, tokenizer, config["vocab_size"], "modern-bert")
    type_of, wide = turns(), {}
    for full, values in sorted(tensors.items()):
        values, short = values.astype(np.float32), gguf_name(full)
        wide[full] = add(writer, short, values, type_of(short, values.shape))
    finish(writer)
    config.update(norm_eps=float(np.float32(config["norm_eps"])), classifier_pooling=pooling)
    if not head:
        config.update(architectures=["ModernBertModel"])
    write_directory(os.path.join(folder, name), config, tokenizer, wide, None if head else pooling)


def make_jina(folder, name, split):
    """jina-embeddings-v2; split: the halves of its gated layer lie apart, as older converters wrote them."""
    source = "tests/golden/models/jina-bert-types"
    config, tokenizer = (read_json(os.path.join(source, f)) for f in ("config.json", "tokenizer.json"))
    tensors = {n: v for n, v in load_file(os.path.join(source, "model.safetensors")).items() if not re.search("pooler|classifier", n)}
    writer = gguf.GGUFWriter(os.path.join(folder, name + ".gguf"), "jina-bert-v2")
    writer.add_name(name)
    add_config(writer, config, 0)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    add_tokenizer(writer, tokenizer, config["vocab_size"], "jina-v2-en", config["type_vocab_size"])
    type_of, wide = turns(), {}
    for full, values in sorted(tensors.items()):
        values, short = values.astype(np.float32), gguf_name(full)
        kind, half = type_of(short, values.shape), config["intermediate_size"]
        if split and short.endswith("ffn_up.weight"):
            parts = (short.replace("ffn_up", "ffn_gate"), values[:half]), (short, values[half:])
            wide[full] = np.concatenate([add(writer, n, v, kind) for n, v in parts])
        else:
            wide[full] = add(writer, short, values, kind)
    finish(writer)
    config.update(layer_norm_eps=float(np.float32(config["layer_norm_eps"])), architectures=["JinaBertModel"])
    write_directory(os.path.join(folder, name), config, tokenizer, wide, "mean")


def make_distil(folder, name):
    source = "tests/golden/models/distilbert"
    config, tokenizer = (read_json(os.path.join(source, f)) for f in ("config.json", "tokenizer.json"))
    writer = gguf.GGUFWriter(os.path.join(folder, name + ".gguf"), "bert")
    writer.add_name(name)
    names = {"hidden_size": "dim", "intermediate_size": "hidden_dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads"}
    add_config(writer, dict(config, layer_norm_eps=1e-12, **{k: config[v] for k, v in names.items()}), 0)
    writer.add_pooling_type(gguf.PoolingType.RANK)
    writer.add_classifier_output_labels(["LABEL_0"])
    add_tokenizer(writer, tokenizer, config["vocab_size"], "bert-bge", 1)
    type_of, wide = turns(), {}
    for full, values in sorted(load_file(os.path.join(source, "model.safetensors")).items()):
        values, short = values.astype(np.float32), gguf_name(full)
        wide[full] = add(writer, short, values, type_of(short, values.shape))
    finish(writer)
    write_directory(os.path.join(folder, name), config, tokenizer, wide)


def write_directory(path, config, tokenizer, tensors, pooling=None):
    os.makedirs(path)
    if pooling is not None:
        os.makedirs(os.path.join(path, "1_Pooling"))
        with open(os.path.join(path, "1_Pooling", "config.json"), "w") as f:
            json.dump({"pooling_mode": pooling}, f)
        with open(os.path.join(path, "modules.json"), "w") as f:
            json.dump([{"type": "Transformer", "path": ""}, {"type": "Pooling", "path": "1_Pooling"}], f)
    for file, value in (("config.json", config), ("tokenizer.json", tokenizer)):
        with open(os.path.join(path, file), "w") as f:
            json.dump(value, f, ensure_ascii=False)
    save_file(tensors, os.path.join(path, "model.safetensors"))


def wide_layers():
    """Layers whose down projection has 256 columns, as many as there are K types."""
    tensors, normal = {}, lambda *shape: rng.normal(0, 0.25, shape).astype(np.float32)
    for n in range(len(K_TYPES)):
        layer = f"bert.encoder.layer.{n}."
        for part, rows, cols in (("attention.self.query", 32, 32), ("attention.self.key", 32, 32), ("attention.self.value", 32, 32),
                                 ("attention.output.dense", 32, 32), ("intermediate.dense", 256, 32), ("output.dense", 32, 256)):
            tensors[layer + part + ".weight"], tensors[layer + part + ".bias"] = normal(rows, cols), normal(rows)
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            tensors[layer + part + ".weight"], tensors[layer + part + ".bias"] = 1 + normal(32), normal(32)
    return tensors


def add_decoder_config(writer, config):
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    if config["model_type"] != "gemma":
        writer.add_rope_freq_base(config.get("rope_theta") or config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if "head_dim" in config:
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])


def make_decoder(folder, name, source, title, ranks):
    """ranks: as the converter makes them of Qwen3-Reranker, with the rows of yes and no as a head.
    Of Gemma the converter writes gains, where the directory has them less 1."""
    config, tokenizer = (read_json(os.path.join(source, f)) for f in ("config.json", "tokenizer.json"))
    tensors, is_gemma = load_file(os.path.join(source, "model.safetensors")), config["model_type"] == "gemma"
    tokenizer = as_spm(tokenizer) if is_gemma else tokenizer
    writer = gguf.GGUFWriter(os.path.join(folder, name + ".gguf"), config["model_type"])
    writer.add_name(title)
    add_decoder_config(writer, config)
    add_tokenizer(writer, tokenizer, config["vocab_size"], "qwen2")
    type_of, wide = turns(), {}
    if ranks:
        head = tensors.get("lm_head.weight", tensors["model.embed_tokens.weight"]).astype(np.float32)
        answers = head[[tokenizer["model"]["vocab"][word] for word in ("yes", "no")]]
        rows = add(writer, "cls.output.weight", answers, T.F16)
        wide["score.weight"] = rows[:1] - rows[1:]
        tensors.pop("lm_head.weight", None)
        writer.add_pooling_type(gguf.PoolingType.RANK)
        writer.add_classifier_output_labels(["yes", "no"])
        config.update(architectures=["Qwen3ForSequenceClassification"], num_labels=1, tie_word_embeddings=True)
    for full, values in sorted(tensors.items()):
        values, short = values.astype(np.float32), gguf_name(full)
        adds_one = is_gemma and full.endswith("norm.weight")
        stored_values = add(writer, short, values + np.float32(adds_one), type_of(short, values.shape))
        wide[full] = values if adds_one else stored_values
    finish(writer)
    config.update(rms_norm_eps=float(np.float32(config["rms_norm_eps"])))
    write_directory(os.path.join(folder, name), config, tokenizer, wide)


def make_all(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    make_types(os.path.join(folder, "types.gguf"))
    make_small_tokenizers(os.path.join(folder, "tokens"))
    models = "tests/golden/models/"
    tokenizer = lambda name: read_json(f"{models}{name}/tokenizer.json")
    xlmr = json.loads(as_xlmr(tokenizer("xlmr")).to_str())
    make_model(folder, "bert", models + "bert", tokenizer("bert"), "bert-bge")
    make_model(folder, "bert-wide", models + "bert", tokenizer("bert"), "bert-bge", wider=True)
    make_model(folder, "roberta", models + "roberta-bpe", tokenizer("roberta-bpe"), "roberta-bpe")
    make_model(folder, "xlmr", models + "xlmr", xlmr, "default")
    make_model(folder, "jina-flash", models + "jina-v2-flash", xlmr, "default")
    make_decoder(folder, "qwen3", models + "qwen3", "Qwen3-Reranker tiny", False)
    make_decoder(folder, "qwen3-untied", models + "qwen3-untied", "Qwen3 Reranker tiny", False)
    make_decoder(folder, "qwen3-rank", models + "qwen3", "tiny", True)
    make_decoder(folder, "qwen2", models + "qwen2", "mxbai-rerank tiny", False)
    make_decoder(folder, "gemma", models + "gemma", "Bge Reranker v2 Gemma", False)
    make_more(folder)
    with open(os.path.join(folder, "versions.json"), "w") as f:
        json.dump({"seed": SEED, "gguf": gguf_version(), "numpy": np.__version__, "tokenizers": make_tokens.tokenizers.__version__}, f, indent=1)
        f.write("\n")


def make_more(folder):
    make_modern(folder, "modern-cls", True, "cls")
    make_modern(folder, "modern-mean", True, "mean")
    make_modern(folder, "modern-embed", False, "cls")
    make_jina(folder, "jina-embed", False)
    make_jina(folder, "jina-embed-split", True)
    make_distil(folder, "distil")


def gguf_version():
    from importlib.metadata import version
    return version("gguf")


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--tokens":
        os.makedirs(sys.argv[3], exist_ok=True)
        for name, pre in PUBLISHED.items():
            tokenizer = read_json(os.path.join(sys.argv[2], name, "tokenizer.json"))
            make_tokenizer(os.path.join(sys.argv[3], name + ".gguf"), tokenizer, pre)
    elif len(sys.argv) == 2:
        make_all(sys.argv[1])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
