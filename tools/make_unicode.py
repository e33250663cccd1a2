#!/usr/bin/env python3
"""Write src/data/unicode_tables.c: what huggingface/tokenizers 0.23 believes about each code point.

    make_unicode.py [--check SETS_DIR] > src/data/unicode_tables.c

Everything is measured by asking the reference itself (PyPI: tokenizers==0.23.*), because it mixes
Unicode versions: 8 in BertNormalizer, about 11 in NFC and its kin, 16 in Oniguruma, 17 in Rust's char.
--check DIR compares the answers with sets measured earlier (files such as onig_L.txt, map_nfd.txt).
The Unicode data of Python is used only as a list of what to ask about combining classes.
"""
import argparse
import base64
import json
import os
import struct
import sys
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CODES = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
N_CODES = 0x110000
HANGUL = range(0xAC00, 0xAC00 + 11172)
BLOCK = 128


# ---- asking ------------------------------------------------------------------------------------

def pieces(splitter, text):
    return len(splitter.pre_tokenize_str(text))


def regex_class(pattern):
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    return {c for c in CODES if pieces(split, "\x01" + chr(c) + "\x01") == 3}


def changed(normalizer, codes=CODES):
    """-> {code: what becomes of it} for the codes that do not stay as they are"""
    found = {}
    for c in codes:
        out = normalizer.normalize_str("q" + chr(c) + "q")  # no mark composes with q
        assert out[0] == "q" and out[-1] == "q", hex(c)
        if out[1:-1] != chr(c):
            found[c] = [ord(x) for x in out[1:-1]]
    return found


def every_byte_charsmap():
    """A Precompiled map in which every single byte matches and gives 'X': one X for each grapheme
    cluster under 6 bytes, one X for each character of a longer one."""
    # Darts: the root's children lie at base ^ byte, their leaves at (base ^ byte) ^ offset.
    units = [0] * 1024
    units[0] = 256 << 10                             # root: children at 256 ^ byte
    for byte in range(1, 256):
        at = 256 ^ byte
        units[at] = byte | 0x100 | ((at ^ (512 + byte)) << 10)  # leaf at 512 + byte
        units[512 + byte] = 0x80000000               # value 0
    trie = struct.pack("<1024I", *units)
    blob = struct.pack("<I", len(trie)) + trie + b"X\0"
    text = json.dumps({"version": "1.0", "added_tokens": [], "pre_tokenizer": None, "post_processor": None,
                       "decoder": None, "normalizer": {
                           "type": "Precompiled", "precompiled_charsmap": base64.b64encode(blob).decode()},
                       "model": {"type": "WordLevel", "vocab": {"X": 0}, "unk_token": "X"}})
    return tokenizers.Tokenizer.from_str(text).normalizer


def grapheme_classes():
    graphemes = every_byte_charsmap()

    def clusters(text):
        return len(graphemes.normalize_str(text))

    assert clusters("ab") == 2 and clusters("a\u0301") == 1 and clusters("\r\n") == 1
    extend = {c for c in CODES if clusters("a" + chr(c)) == 1}
    prepend = {c for c in CODES if c not in extend and len(chr(c).encode()) < 5 and c != 0xD
               and clusters(chr(c) + "a") == 1}
    # A control is what an extending character does not join; it only shows in clusters under 6 bytes.
    control = {c for c in CODES if len(chr(c).encode()) < 4 and c not in prepend
               and clusters(chr(c) + "\u0301") == 2}
    # (c) ZWJ pictograph is one long cluster: three characters; else a short cluster and another one.
    pict = {c for c in CODES if c not in extend and clusters("\u00A9\u200D" + chr(c)) == 3}
    # Indic conjuncts: ka virama ka acute is one long cluster (4), else ka acute is a short one (3).
    ka, virama, acute = "\u0915", "\u094D", "\u0301"
    assert clusters(ka + virama + ka + acute) == 4 and clusters(ka + acute + ka + acute) == 2
    linker = {c for c in extend if clusters(ka + chr(c) + ka + acute) == 4}
    linking = {c for c in extend if clusters(ka + virama + chr(c) + ka + acute) == 5}
    consonant = {c for c in CODES if c not in extend | prepend | control
                 and clusters(chr(c) + virama + ka + acute) == 4}
    return {"EXTEND": extend, "PREPEND": prepend, "CONTROL": control, "PICTOGRAPH": pict,
            "CONSONANT": consonant, "LINKER": linker, "LINKING": linking}


def combining_classes(nfd):
    """ccc of each code point as the reference orders marks, by comparing with a mark of each class."""
    marks = {}
    for c in CODES:
        k = unicodedata.combining(chr(c))
        if k and c not in nfd:
            marks.setdefault(k, c)
    form = normalizers.NFD()

    def swaps(first, second):
        return first != second and form.normalize_str(f"q{chr(first)}{chr(second)}")[1] == chr(second)

    # A class that only newer code points have does not exist for the reference.
    order = sorted(k for k in marks if swaps(marks[k], marks[1]) or swaps(marks[230], marks[k]))
    top, result = order[-1], {}
    for c in CODES:
        if c in nfd or c in HANGUL:
            continue
        if swaps(marks[top], c) or swaps(c, marks[order[0]]):
            want = unicodedata.combining(chr(c))
            above = [k for k in order if swaps(marks[k], c)]   # classes greater than c's
            below = [k for k in order if swaps(c, marks[k])]   # classes smaller than c's
            assert all(k > want for k in above) and all(k < want for k in below), hex(c)
            assert len(above) + len(below) >= len(order) - 1, hex(c)
            result[c] = want
    return result


def compositions(nfd):
    """-> sorted [(first, second, composed)]"""
    form, pairs = normalizers.NFC(), []
    for c, parts in nfd.items():
        if len(parts) < 2:
            continue
        first = form.normalize_str("".join(map(chr, parts[:-1])))
        if len(first) == 1 and form.normalize_str(first + chr(parts[-1])) == chr(c):
            pairs.append((ord(first), parts[-1], c))
    return sorted(pairs)


def measure():
    form = {name: changed(getattr(normalizers, name)(), [c for c in CODES if c not in HANGUL])
            for name in ("NFC", "NFD", "NFKC", "NFKD")}
    bert = normalizers.BertNormalizer
    clean = changed(bert(True, False, False, False))
    cjk = changed(bert(False, True, False, False))
    bare = changed(bert(False, False, True, False))
    digits = pre_tokenizers.Digits(individual_digits=True)
    white = pre_tokenizers.WhitespaceSplit()
    isolate = pre_tokenizers.Punctuation("isolated")
    word = pre_tokenizers.Whitespace()
    lower = changed(normalizers.Lowercase())
    sets = {
        "SPACE": {c for c in CODES if pieces(white, "a" + chr(c) + "a") == 2},
        "LETTER": regex_class(r"\p{L}"),
        "MARK": regex_class(r"\p{M}"),
        "NUMBER": regex_class(r"\p{N}"),
        "SYMBOL": regex_class(r"\p{S}"),
        "WORD": {c for c in CODES if pieces(word, "a" + chr(c) + "a") == 1},
        "NUMERIC": {c for c in CODES if pieces(digits, "a" + chr(c) + "a") == 3},
        "PUNCT": {c for c in CODES if pieces(isolate, "a" + chr(c) + "a") == 3},
        "DROPPED": {c for c, to in clean.items() if to == []},
        "CJK": set(cjk),
        "NONSPACING": {c for c, to in bare.items() if to == []},
        "ACCENT": {c for c, to in changed(normalizers.StripAccents()).items()},
        "UPPER": set(lower),
        **grapheme_classes(),
    }
    assert regex_class(r"\s") == sets["SPACE"]
    assert all(to == [32] for c, to in clean.items() if to and c != 32)
    assert {c for c, to in clean.items() if to == [32]} | {32} == sets["SPACE"] - sets["DROPPED"]
    return sets, lower, form, combining_classes(form["NFD"]), compositions(form["NFD"])


# ---- checking ----------------------------------------------------------------------------------

def read_set(path):
    out = set()
    for line in open(path):
        low, _, high = line.strip().partition("-")
        out |= set(range(int(low, 16), int(high or low, 16) + 1))
    return out


def read_map(path):
    rows = (line.rstrip("\n").split(";") for line in open(path))
    return {int(c, 16): [int(x, 16) for x in to.split()] for c, to in rows}


def check(folder, sets, lower, form):
    same = {"onig_L": "LETTER", "onig_N": "NUMBER", "onig_s": "SPACE", "white_space": "SPACE", "bert_punct": "PUNCT",
            "bert_clean_removed": "DROPPED", "bert_cjk_spaced": "CJK", "StripAccents_removed": "ACCENT",
            "bert_strip_accents_removed": "NONSPACING"}
    for name, ours in same.items():
        assert read_set(os.path.join(folder, name + ".txt")) == sets[ours], name
    assert read_map(os.path.join(folder, "map_lowercase.txt")) == lower
    for name, ours in form.items():
        theirs = read_map(os.path.join(folder, f"map_{name.lower()}.txt"))
        assert {c: to for c, to in theirs.items() if c not in HANGUL} == ours, name
    print(f"equal to {folder}", file=sys.stderr)


# ---- writing -----------------------------------------------------------------------------------

def two_stage(values):
    """-> (first stage: block number by code >> 7, blocks laid end to end)"""
    numbers, first, second = {}, [], []
    for at in range(0, N_CODES, BLOCK):
        block = tuple(values[at:at + BLOCK])
        if block not in numbers:
            numbers[block] = len(numbers)
            second.extend(block)
        first.append(numbers[block])
    return first, second


def c_array(kind, name, values, width):
    print(f"\nconst {kind} {name}[{len(values)}] = {{")
    line = ""
    for v in values:
        text = v if isinstance(v, str) else str(v)
        if len(line) + len(text) + 2 > width:
            print("    " + line.rstrip())
            line = ""
        line += text + ", "
    print("    " + line.rstrip(" ,") + "};")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", metavar="SETS_DIR")
    args = parser.parse_args()
    sets, lower, form, ccc, pairs = measure()
    if args.check:
        check(args.check, sets, lower, form)
    assert {c for c, to in lower.items() if len(to) != 1} == {0x130} and lower[0x130] == [0x69, 0x307]

    names = list(sets)
    masks = [0] * N_CODES
    for bit, name in enumerate(names):
        for c in sets[name]:
            masks[c] |= 1 << bit
    delta = {c: to[0] - c for c, to in lower.items()}
    classes = {(0, 0): 0}
    values = [classes.setdefault((masks[c], delta.get(c, 0)), len(classes)) for c in range(N_CODES)]
    first, second = two_stage(values)

    pool, places = [0], {}

    def place(parts):
        if parts is None:
            return 0
        key = tuple(parts)
        if key not in places:
            places[key] = len(pool)
            pool.append(len(key))
            pool.extend(key)
        return places[key]

    seconds = {b for _, b, _ in pairs} | set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))
    records = {(0, 0, 0, 0): 0}
    norm = []
    for c in range(N_CODES):
        flags = sum(1 << i for i, name in enumerate(("NFC", "NFKC", "NFD", "NFKD"))
                    if c in form[name] or (c in seconds if name[-1] == "C" else c in HANGUL))
        nfkd = form["NFKD"].get(c)
        record = (place(form["NFD"].get(c)), place(nfkd), ccc.get(c, 0), flags)
        norm.append(records.setdefault(record, len(records)))
    norm_first, norm_second = two_stage(norm)

    print("/* Generated by tools/make_unicode.py from tokenizers " + tokenizers.__version__ + "; do not edit. */")
    print('#include "data/unicode_tables.h"')
    wide = "uint16_t" if len(classes) > 256 else "uint8_t"
    print(f"/* {len(classes)} classes, {len(records)} records, {len(pairs)} compositions */", file=sys.stderr)
    c_array("wn_unicode_class", "wn_unicode_classes", [f"{{0x{m:x}, {d}}}" for m, d in classes], 92)
    c_array("uint16_t", "wn_unicode_first", first, 92)
    c_array(wide, "wn_unicode_second", second, 92)
    c_array("wn_unicode_record", "wn_unicode_records", ["{%d, %d, %d, %d}" % r for r in records], 92)
    c_array("uint16_t", "wn_unicode_norm_first", norm_first, 92)
    c_array("uint16_t", "wn_unicode_norm_second", norm_second, 92)
    c_array("uint32_t", "wn_unicode_pool", [f"0x{v:x}" if v > 99 else v for v in pool], 92)
    c_array("wn_unicode_pair", "wn_unicode_pairs", ["{0x%x, 0x%x, 0x%x}" % p for p in pairs], 92)
    print(f"\nconst size_t wn_unicode_n_pairs = {len(pairs)};")


if __name__ == "__main__":
    main()
