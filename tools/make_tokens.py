#!/usr/bin/env python3
"""Make the golden tokenizers: small, one directory a component, with the reference's results.

  make_tokens.py DIR          (needs tokenizers)

Each DIR/NAME holds a tokenizer.json and goldens.jsonl, a record a line: texts a and b (or null), whether
special tokens are added, the truncation, and the ids and type ids that the reference gives, or its error;
and decoded.jsonl: ids, whether special tokens are skipped, and the text that the reference gives.

  make_tokens.py --decode TOKENIZERS DIR

writes DIR/NAME.jsonl, the same records for each published TOKENIZERS/NAME/tokenizer.json.
Vocabularies come from the texts below, so everything here is made from this file alone.
"""
import collections, json, math, os, random, shutil, sys
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SEED = 20240301

PROSE = """A gentle skincare line for sensitive skin, with aloe vera and chamomile; it isn't greasy.
Las nuevas tendencias de maquillaje apuestan por colores vivos y técnicas atrevidas, ¿no?
Natürliche Bio-Pflegeprodukte für empfindliche Haut: Straße, Größe, Übergröße, naïve café.
专为敏感肌肤设计的有机护肤产品，温和，含芦荟和洋甘菊。敏感肌のためのオーガニックスキンケア製品。
Привет, мир! Это проверка: ещё раз, ёлка и Йод. שלום עולם، مرحبا بالعالم، नमस्ते दुनिया, 안녕하세요 세계.
def main(argc: int) -> None:\n\tfor i in range(10):\n\t\tprint(f"{i:03d}")  # they're, we've, I'LL, don't
SELECT id, price FROM items WHERE price >= 12.50 AND name LIKE '%x_1%'; https://example.org/a?b=c&d=%20#e
The year 1999 had 365 days, 8,760 hours and 3.1536e7 seconds. № 5, ½ cup, x², ﬁne, ①②③, ＡＢＣ.""".split("\n")

HOSTILE = ["", " ", "  ", "\n", "\t a", " a ", "a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a" * 120, "\u00e9 e\u0301 E\u0301\u0323",
           "\u1e9b\u0323 \ufb01 \u2126 \uac00 \u1100\u1161", "\u0130I\u0131i \u03a3\u03c2\u03c3 \u00df\u1e9e", "\u200b\u200d\ufeff\u00ad", "a\u0000b", "\ufffd", "\u00a0\u2003\u3000x\u2028y",
           "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f", "\U00020000\U0010ffff", "x\u0300\u0301\u0302\u0303",
           "...!!!???---___", "don't DON'T I'll we'Ve", "12345678901", "3.14 1,000 0x1F", "  double  spaces   here ", "\r\n\r\n a\r\nb",
           "[CLS] text [SEP]", "<s>text</s>", "word[SEP]word", " <mask> ", "x <mask>y", "new-token and NEW-TOKEN newtokens", "\u2581a \u2581\u2581b", "Ġa Ċ",
           "unknownglyph \u4e00\u3400\u9fa5 \u0f00 \u16a0", "ab" * 30 + " " + "ba" * 30]
TEXTS = HOSTILE + PROSE


BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
XLMR_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def template(tk, first, last, pair):
    return processors.TemplateProcessing(single=f"{first} $A {last}", pair=pair,
                                         special_tokens=[(t, tk.token_to_id(t)) for t in (first, last)])


def pieces(words, n):
    """The n substrings of at most six characters that cover most of the words, whole words and characters among them."""
    count = collections.Counter()
    for word in words:
        for start in range(len(word)):
            for end in range(start + 1, min(start + 6, len(word)) + 1):
                count[start, word[start:end]] += 1
    total = collections.Counter()
    for (_, piece), c in count.items():
        total[piece] += c
    chars = sorted(p for p in total if len(p) == 1)
    long = sorted((p for p in total if len(p) > 1), key=lambda p: (-total[p] * len(p), p))
    return [(p, total[p]) for p in chars + long[:n]]


def wordpiece(normalizer=None, pre=None, prefix="##"):
    normalizer, pre = normalizer or normalizers.BertNormalizer(), pre or pre_tokenizers.BertPreTokenizer()
    words = [w for line in PROSE for w, _ in pre.pre_tokenize_str(normalizer.normalize_str(line))]
    inside = [w[1:] for w in words]
    vocab = BERT_SPECIALS + [p for p, _ in pieces(words, 160)] + [prefix + p for p, _ in pieces(inside, 160)]
    tk = Tokenizer(models.WordPiece({w: i for i, w in enumerate(vocab)}, unk_token="[UNK]", continuing_subword_prefix=prefix))
    tk.normalizer, tk.pre_tokenizer = normalizer, pre
    tk.add_special_tokens(BERT_SPECIALS)
    tk.post_processor = template(tk, "[CLS]", "[SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
    return tk


def unigram(normalizer=None, pre=None, byte_fallback=False):
    pre = pre or pre_tokenizers.Metaspace()
    words = [w for line in PROSE for w, _ in pre.pre_tokenize_str(normalizer.normalize_str(line) if normalizer else line)]
    found = pieces(words, 300)
    total = sum(c for _, c in found)
    vocab = [(t, 0.0) for t in XLMR_SPECIALS] + [(p, round(math.log(c / total), 5)) for p, c in found]
    if byte_fallback:
        vocab += [(f"<0x{b:02X}>", -12.0) for b in range(256)]
    tk = Tokenizer(models.Unigram(vocab, unk_id=XLMR_SPECIALS.index("<unk>"), byte_fallback=byte_fallback))
    if normalizer is not None:
        tk.normalizer = normalizer
    tk.pre_tokenizer = pre
    tk.add_special_tokens(XLMR_SPECIALS)
    tk.post_processor = template(tk, "<s>", "</s>", "<s> $A </s> </s> $B </s>")
    return tk


def bpe(pre=None, normalizer=None, alphabet=True, specials=XLMR_SPECIALS, **options):
    tk = Tokenizer(models.BPE(**options))
    if normalizer is not None:
        tk.normalizer = normalizer
    tk.pre_tokenizer = pre
    tk.train_from_iterator(PROSE, trainers.BpeTrainer(vocab_size=700, special_tokens=specials, show_progress=False,
                           initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet else []))
    return tk


def pattern_bpe(pattern):
    tk = bpe(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"),
                                      pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), normalizers.NFC())
    tk.post_processor = processors.ByteLevel(trim_offsets=False)
    return tk


QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN.replace(r"\p{N}|", r"\p{N}{1,3}|")


def gpt2():
    tk = bpe(pre_tokenizers.ByteLevel(add_prefix_space=False))
    tk.post_processor = processors.RobertaProcessing(("</s>", tk.token_to_id("</s>")), ("<s>", tk.token_to_id("<s>")),
                                                     trim_offsets=True, add_prefix_space=False)
    return tk


def prefixed():
    tk = bpe(pre_tokenizers.ByteLevel(add_prefix_space=True))
    tk.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), template(tk, "<s>", "</s>", "<s> $A </s> $B:1 </s>:1")])
    return tk


def bert_processing():
    tk = wordpiece()
    tk.post_processor = processors.BertProcessing(("[SEP]", tk.token_to_id("[SEP]")), ("[CLS]", tk.token_to_id("[CLS]")))
    return tk


def byte_fallback_bpe():
    tk = bpe(pre_tokenizers.Metaspace(prepend_scheme="first"), alphabet=False, specials=XLMR_SPECIALS + [f"<0x{b:02X}>" for b in range(256)],
             unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    tk.post_processor = template(tk, "<s>", "</s>", "<s> $A </s> $B </s>")
    return tk


def llama2():
    """Normalizer Prepend and Replace instead of a pre-tokenizer, as the first Llama files have it."""
    tk = byte_fallback_bpe()
    tk.pre_tokenizer = None
    tk.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    return tk


def gemma():
    """Nothing split behind a Replace, a few bytes without a token, runs of newlines as tokens."""
    tk = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tk.normalizer = normalizers.Replace(" ", "\u2581")
    tk.pre_tokenizer = pre_tokenizers.Split("\u2581", "merged_with_next")
    specials = ["<pad>", "<eos>", "<bos>", "<unk>"] + [f"<0x{b:02X}>" for b in range(256) if not 0x98 <= b <= 0x9F]
    tk.train_from_iterator(PROSE, trainers.BpeTrainer(vocab_size=700, special_tokens=specials, show_progress=False))
    tk.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tk.add_tokens([AddedToken("\n" * n, normalized=False) for n in (1, 2, 3)])
    tk.post_processor = processors.TemplateProcessing(single="<bos> $A", pair="<bos> $A <bos> $B:1",
                                                      special_tokens=[("<bos>", tk.token_to_id("<bos>"))])
    return tk


def added():
    tk = wordpiece()
    tk.add_tokens([AddedToken("new-token", single_word=True, normalized=False), AddedToken("<mask>", lstrip=True, normalized=False),
                   AddedToken("skin line", normalized=True), AddedToken("caf", rstrip=True, normalized=True), "ab", "abab"])
    tk.add_special_tokens([AddedToken("<s>", rstrip=True), AddedToken("</s>", lstrip=True, rstrip=True)])
    return tk


def split_by(pattern, behaviour, invert=False):
    return wordpiece(pre=pre_tokenizers.Sequence([pre_tokenizers.Split(pattern, behaviour, invert), pre_tokenizers.WhitespaceSplit()]))


def cased(**options):
    return wordpiece(normalizers.BertNormalizer(**options))


def form(name):
    return unigram(normalizers.Sequence([getattr(normalizers, name)(), normalizers.Strip(), normalizers.Lowercase()]))


METASPACE_STEPS = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]


def with_decoder(make, *steps):
    tk = make()
    tk.decoder = steps[0] if len(steps) == 1 else decoders.Sequence(list(steps))
    return tk


TOKENIZERS = {
    "wordpiece": lambda: with_decoder(wordpiece, decoders.WordPiece()),
    "wordpiece-cased": lambda: cased(lowercase=False),
    "wordpiece-accents": lambda: cased(lowercase=True, strip_accents=False),
    "wordpiece-plain": lambda: cased(clean_text=False, handle_chinese_chars=False, lowercase=False, strip_accents=True),
    "wordpiece-prefix": lambda: with_decoder(lambda: wordpiece(prefix="@@"), decoders.WordPiece("@@", cleanup=False)),
    "wordpiece-whitespace": lambda: wordpiece(pre=pre_tokenizers.WhitespaceSplit()),
    "digits-each": lambda: wordpiece(pre=pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(True)])),
    "digits-runs": lambda: wordpiece(pre=pre_tokenizers.Sequence([pre_tokenizers.Digits(False), pre_tokenizers.WhitespaceSplit()])),
    "punctuation": lambda: wordpiece(pre=pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.WhitespaceSplit()])),
    "punctuation-merged": lambda: wordpiece(pre=pre_tokenizers.Sequence([pre_tokenizers.Punctuation("merged_with_previous"), pre_tokenizers.WhitespaceSplit()])),
    "split-removed": lambda: split_by("-", "removed"),
    "split-next": lambda: split_by(Regex(r"[,.:;]"), "merged_with_next"),
    "split-contiguous": lambda: split_by(Regex(r"[!?.]"), "contiguous"),
    "split-inverted": lambda: split_by(Regex(r"\w+"), "isolated", True),
    "regex-sets": lambda: split_by(Regex(r"[^\w\s\-]|\d{2}|\p{Han}|[\h_]{3}"), "isolated"),
    "regex-bounds": lambda: split_by(Regex(r"\b\p{Lu}\w*|\B[a-z]{,2}\b|(?<=\d)\W"), "isolated"),
    "regex-lines": lambda: split_by(Regex(r"^\s*.|(?i:x|e$)|\S\n"), "isolated"),
    "regex-groups": lambda: split_by(Regex(r"(?>a|ab)+c?|\p{^L}{2,}?|[\u4e00-\u9fa5\x{3040}-\x{309F}]++|\P{L}\v|(a)(?!b)"), "isolated"),
    "bert-processing": bert_processing,
    "added-tokens": lambda: with_decoder(added, decoders.WordPiece()),
    "unigram": lambda: with_decoder(unigram, decoders.Metaspace()),
    "unigram-bytes": lambda: with_decoder(lambda: unigram(byte_fallback=True), decoders.ByteFallback(), decoders.Metaspace(), decoders.Strip("a", 2, 0)),
    "unigram-nfc": lambda: form("NFC"),
    "unigram-nfd": lambda: form("NFD"),
    "unigram-nfkc": lambda: form("NFKC"),
    "unigram-nfkd": lambda: form("NFKD"),
    "unigram-accents": lambda: unigram(normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Replace("a", "A")])),
    "metaspace-never": lambda: with_decoder(lambda: unigram(pre=pre_tokenizers.Metaspace(prepend_scheme="never", split=False)),
                                            decoders.Metaspace(prepend_scheme="never")),
    "metaspace-words": lambda: unigram(pre=pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])),
    "gpt2": lambda: with_decoder(gpt2, decoders.ByteLevel()),
    "bpe-prefix-space": lambda: with_decoder(prefixed, decoders.ByteLevel()),
    "bpe-qwen": lambda: with_decoder(lambda: pattern_bpe(QWEN), decoders.ByteLevel()),
    "bpe-llama3": lambda: pattern_bpe(LLAMA3),
    "bpe-bytes": lambda: with_decoder(byte_fallback_bpe, decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")),
    "bpe-prepend": lambda: with_decoder(llama2, *METASPACE_STEPS),
    "bpe-gemma": lambda: with_decoder(gemma, decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()),
}


def record(tk, a, b=None, special=True, limit=None, strategy=None):
    row = dict(a=a, b=b, special=special, max=limit, strategy=strategy)
    tk.no_truncation()
    try:
        if limit is not None:
            tk.enable_truncation(limit, strategy={"LongestFirst": "longest_first", "OnlySecond": "only_second", "OnlyFirst": "only_first"}[strategy])
        e = tk.encode(a, b, add_special_tokens=special) if b is not None else tk.encode(a, add_special_tokens=special)
        row.update(ids=e.ids, types=e.type_ids)
    except Exception as e:
        row["error"] = str(e)
    tk.no_truncation()
    return row


def write(folder, name, make, more=()):
    tk, texts = make(), TEXTS + list(more)
    path = os.path.join(folder, name)
    os.makedirs(path, exist_ok=True)
    spec = json.loads(tk.to_str())
    with open(os.path.join(path, "tokenizer.json"), "w") as f:
        json.dump(spec, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")
    tk = Tokenizer.from_file(os.path.join(path, "tokenizer.json"))
    rows = [record(tk, text, special=False) for text in texts]
    pairs = random.Random(SEED)
    for _ in range(6):
        rows.append(record(tk, pairs.choice(TEXTS), pairs.choice(TEXTS)))
    for limit, strategy in ((8, "LongestFirst"), (13, "LongestFirst"), (24, "OnlySecond"), (24, "OnlyFirst")):
        rows.append(record(tk, pairs.choice(PROSE), pairs.choice(PROSE), True, limit, strategy))
    rows.append(record(tk, PROSE[0], None, True, 7, "LongestFirst"))
    with open(os.path.join(path, "goldens.jsonl"), "w") as f:
        for row in rows:
            f.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    n_decoded = write_decoded(tk, os.path.join(path, "decoded.jsonl"), texts)
    return len(rows), n_decoded


def write_decoded(tk, path, texts):
    """What the reference makes of the ids of texts, of pairs and of any ids."""
    rng = random.Random(SEED)
    lists = [tk.encode(text).ids for text in texts] + [tk.encode(PROSE[0], PROSE[4]).ids]
    lists += [[rng.randrange(tk.get_vocab_size() + 5) for _ in range(rng.randrange(1, 30))] for _ in range(60)]
    rows = [dict(ids=ids, skip=skip, text=tk.decode(ids, skip_special_tokens=skip)) for ids in lists for skip in (True, False)]
    with open(path, "w") as f:
        for row in rows:
            f.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    return len(rows)


def decode_published(source, folder):
    os.makedirs(folder, exist_ok=True)
    n = 0
    for name in sorted(os.listdir(source)):
        path = os.path.join(source, name, "tokenizer.json")
        if os.path.exists(path):
            tk = Tokenizer.from_file(path)
            tk.no_truncation()
            tk.no_padding()
            n += write_decoded(tk, os.path.join(folder, name + ".jsonl"), TEXTS)
    print(f"{n} records")


def main(argv):
    if len(argv) == 4 and argv[1] == "--decode":
        decode_published(*argv[2:])
        return 0
    if len(argv) != 2 or argv[1].startswith("-"):
        print(__doc__)
        return 2
    shutil.rmtree(argv[1], ignore_errors=True)
    counts = [write(argv[1], name, make) for name, make in TOKENIZERS.items()]
    n, n_decoded = (sum(column) for column in zip(*counts))
    with open(os.path.join(argv[1], "versions.json"), "w") as f:
        json.dump({"seed": SEED, "tokenizers": tokenizers.__version__, "records": n, "decoded": n_decoded, "directories": sorted(TOKENIZERS)}, f, indent=1)
        f.write("\n")
    print(f"{len(TOKENIZERS)} tokenizers, {n} records")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
