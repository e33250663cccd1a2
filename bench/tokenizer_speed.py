#!/usr/bin/env python3
"""Single-thread tokenizer speed beside the tokenizers package, the same text, one run, A B A B.

  tokenizer_speed.py --program build/release/bench/tokenizer_speed --shared ../shared [--repeat 7]

Text: lines of the development sets' documents in many languages, about 6 MB, and the English ones among
them alone.  Every line is one text.  The package encodes with encode_batch_fast (no byte ranges) and
encode_batch (with them), parallelism off.  Then the texts that make naive tokenizers quadratic: 1 MB of one
letter, 1 MB without a space, 100,000 combining marks on one letter; seconds each.
"""
import argparse, glob, os, random, statistics, subprocess, sys, tempfile, time
os.environ["TOKENIZERS_PARALLELISM"] = "false"
import tokenizers

FILES = ["bert-base-uncased", "bert-base-multilingual-cased", "multilingual-unigram-128k-spm", "t5-small", "roberta-base", "qwen2-qwen3"]


class Ours:
    def __init__(self, program, json, text):
        self.p = subprocess.Popen([program, json, text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.load = float(self.p.stdout.readline())

    def run(self, ranges):
        self.p.stdin.write("o\n" if ranges else "x\n")
        self.p.stdin.flush()
        seconds, ids = self.p.stdout.readline().split()
        return float(seconds), int(ids)

    def close(self):
        self.p.stdin.close()
        self.p.wait()


def sample(shared):
    lines = []
    for path in sorted(glob.glob(os.path.join(shared, "data", "dev", "*", "docs.tsv"))):
        with open(path, encoding="utf-8") as f:
            lines += [l.rstrip("\n").split("\t", 1)[1] for l in f if "\t" in l]
    random.Random(5).shuffle(lines)
    mixed, size = [], 0
    for l in lines:
        mixed.append(l)
        size += len(l.encode()) + 1
        if size > 6e6:
            break
    english = [l for l in lines if l.isascii()][:20000]
    return {"mixed": mixed, "english": english}


def compare(program, json, lines, repeat):
    tk = tokenizers.Tokenizer.from_file(json)
    tk.no_truncation()
    tk.no_padding()
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as f:
        f.write("\n".join(lines))
        f.flush()
        size = sum(len(l.encode()) + 1 for l in lines)
        ours, times = Ours(program, json, f.name), [[], [], [], []]
        n_ids = ours.run(False)[1]
        n_theirs = sum(len(e.ids) for e in tk.encode_batch_fast(lines, add_special_tokens=False))
        assert n_ids == n_theirs, f"{n_ids} ids, the package has {n_theirs}"
        for _ in range(repeat):
            for k, ranges in ((0, False), (1, True)):
                times[2 * k].append(ours.run(ranges)[0])
                start = time.perf_counter()
                (tk.encode_batch if ranges else tk.encode_batch_fast)(lines, add_special_tokens=False)
                times[2 * k + 1].append(time.perf_counter() - start)
        ours.close()
    return [size / statistics.median(t) / 1e6 for t in times], n_ids, ours.load


def hostile(program, json):
    texts = {"1 MB of one letter": "a" * 1000000, "1 MB without a space": "abcdefghijklmnopqrstuvwxyz0123456789." * 27028,
             "100,000 marks": "e" + "\u0301" * 100000}
    for name, text in texts.items():
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as f:
            f.write(text)
            f.flush()
            ours = Ours(program, json, f.name)
            yield name, ours.run(False)[0]
            ours.close()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--program", default="build/release/bench/tokenizer_speed")
    p.add_argument("--shared", default="../shared")
    p.add_argument("--repeat", type=int, default=7)
    args = p.parse_args()
    print(f"# tokenizers {tokenizers.__version__}; MB/s, medians of {args.repeat} interleaved runs")
    print(f"{'tokenizer':32} {'text':8} {'ids only':>9} {'package':>8} {'ratio':>6} {'ranges':>8} {'package':>8} {'ratio':>6} {'load ms':>8}")
    texts = sample(args.shared)
    for name in FILES:
        json = os.path.join(args.shared, "tokenizers", name, "tokenizer.json")
        for kind, lines in texts.items():
            s, _, load = compare(args.program, json, lines, args.repeat)
            print(f"{name:32} {kind:8} {s[0]:9.1f} {s[1]:8.1f} {s[0] / s[1]:6.2f} {s[2]:8.1f} {s[3]:8.1f} {s[2] / s[3]:6.2f} {load * 1e3:8.0f}", flush=True)
    worst = max((seconds, f"{text}, {name}") for name in FILES
                for text, seconds in hostile(args.program, os.path.join(args.shared, "tokenizers", name, "tokenizer.json")))
    print(f"slowest hostile text: {worst[0]:.3f} s ({worst[1]})")


if __name__ == "__main__":
    sys.exit(main())
