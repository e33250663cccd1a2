#!/usr/bin/env python3
"""Winnow beside ONNX Runtime, f32, the same model and texts, in one run, interleaved A B A B.

  run.py [--shape mini|base] [--library build/release/libwinnow.so] [--models build/peers] [--repeat 7]

Workloads: a = 100 pairs x 128 tokens, b = 100 x 512, c = 100 ragged (log-normal, sigma 0.6, 32..512,
seed 1234), d = 1 x 128.  Winnow's time goes from texts to scores, tokenizing included; ONNX Runtime's is its
session alone, on ready ids, padded to the longest of a batch; its best of batches of 8 and one pair
at a time counts.  The logits must agree before anything is timed.
"""
import argparse, os, random, statistics, subprocess, sys, time
import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from winnow_lib import Winnow

QUERY_WORDS = 12


def lengths(workload):
    if workload == "c":
        rng = np.random.default_rng(1234)
        return [int(n) for n in np.clip(rng.lognormal(np.log(160), 0.6, 100), 32, 512)]
    return {"a": [128] * 100, "b": [512] * 100, "d": [128]}[workload]


def make_texts(workload):
    rng = random.Random(1)
    word = lambda: f"w{rng.randrange(30000)}"
    query = " ".join(word() for _ in range(QUERY_WORDS))
    return query, [" ".join(word() for _ in range(n - QUERY_WORDS - 3)) for n in lengths(workload)]


class Onnx:
    def __init__(self, folder, threads):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(os.path.join(folder, "model.onnx"), options, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))

    def prepare(self, query, documents, size):
        rows = sorted(range(len(documents)), key=lambda i: len(documents[i]))
        encoded = [self.tokenizer.encode(query, d) for d in documents]
        batches = []
        for at in range(0, len(rows), size):
            part = [encoded[i] for i in rows[at:at + size]]
            longest = max(len(e.ids) for e in part)
            pad = lambda xs: np.array([x + [0] * (longest - len(x)) for x in xs], dtype=np.int64)
            batches.append((rows[at:at + size], {"input_ids": pad([e.ids for e in part]),
                            "attention_mask": pad([[1] * len(e.ids) for e in part]),
                            "token_type_ids": pad([e.type_ids for e in part])}))
        return batches

    def run(self, batches, n):
        logits = [0.0] * n
        for rows, feed in batches:
            for i, z in zip(rows, self.session.run(["logits"], feed)[0][:, 0]):
                logits[i] = float(z)
        return logits


def timed(f):
    time.sleep(0.1)  # the threads of the engine before go on spinning for a while and would take a core
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--shape", default="mini", choices=["mini", "base"])
    p.add_argument("--workloads", default="a,c,d")
    p.add_argument("--library", default="build/release/libwinnow.so")
    p.add_argument("--models", default="build/peers")
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--repeat", type=int, default=7)
    p.add_argument("--cpu-level")
    p.add_argument("--batch-tokens", type=int, default=0)
    args = p.parse_args()
    folder = os.path.join(args.models, args.shape)
    if not os.path.exists(os.path.join(folder, "model.onnx")):
        subprocess.run([sys.executable, os.path.join(HERE, "make_model.py"), args.shape, folder], check=True)
    ours = Winnow(args.library, folder, args.threads, args.cpu_level, args.batch_tokens)
    peer = Onnx(folder, args.threads)
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown")
    print(f"# {cpu}, {args.threads} threads, winnow level {ours.cpu_level}, onnxruntime {ort.__version__}, shape {args.shape}")
    print("workload  winnow s (min, median)  onnxruntime s (min, median)  ratio of medians  largest difference of logits")
    for workload in args.workloads.split(","):
        query, documents = make_texts(workload)
        variants = [peer.prepare(query, documents, size) for size in (8, 1)]
        z = ours.rank(query, documents)
        worst = max(abs(a - b) for a, b in zip(z, peer.run(variants[0], len(z))))
        assert worst < 1e-4, f"the logits differ by {worst}"
        times = [[], [], []]
        for _ in range(args.repeat):
            times[0].append(timed(lambda: ours.rank(query, documents)))
            for k, batches in enumerate(variants):
                times[k + 1].append(timed(lambda: peer.run(batches, len(documents))))
        best = min(times[1:], key=statistics.median)
        a, b = statistics.median(times[0]), statistics.median(best)
        print(f"{workload:8}  {min(times[0]):.4f}, {a:.4f}          {min(best):.4f}, {b:.4f}"
              f"               {b / a:.2f}              {worst:.1e}")


if __name__ == "__main__":
    main()
