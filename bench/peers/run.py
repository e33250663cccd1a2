#!/usr/bin/env python3
"""Winnow beside other engines: the same model and texts, in one run, interleaved A B A B.

  run.py [--shapes mini,base,qwen3,...,built-in] [--workloads a,b,c,d,e] [--repeat 7] [--ledger FILE] ...

Shapes: rows of families.py.  Workloads: a = 100 pairs of 128 tokens, b = 100 of 512, c = 100 ragged (log-normal, sigma
0.6, 32..512, seed 1234), d = 1 of 128, e = 20 of 128; a decoder's prompt comes on top, ColBERT's query is apart.  Engines:
Winnow in each dtype of its level; ONNX Runtime f32 and int8, OpenVINO f32, int8 and bf16, sentence-transformers or torch
f32 and bf16, the latter where the processor has bf16 (peers.py says what each is given).

Before anything is timed, each engine's logits are held against ONNX Runtime's in f32, for each way that it may take; an
engine that fails this guard in all is shown and compared with nothing.  Weights are random, so the guard is wider than the one
by which Winnow chooses a dtype itself (src/rank/guard.c); the table for documents also compares what is as near to f32 as Winnow.  A few
documents tell the fastest way.  A ratio is the median over rounds, in each of which every engine runs once.  Rounds in which
others took more than --max-load of the machine are thrown away; when as many are thrown away as were wanted, the run is
refused with status 1.  At the end there is a table for documents: Winnow's seconds and the ratio of the best engine in the
same dtype and at any precision.

With --cpu-level avx2 the other engines have no more than AVX2 either (hold.py).

Shape `built-in` has no other engine: Winnow's built-in model with new documents and with kept vectors of documents, beside
the mini cross-encoder.
"""
import argparse, csv, datetime, os, random, statistics, subprocess, sys, time
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import families, hold, peers
from families import QUERY_WORDS
from load import Meter
from winnow_lib import Winnow

DTYPES = ("f32", "bf16", "int8")
ROUND_SECONDS = 0.3  # a short request is run so often that it takes as long
LONG_SECONDS = 0.5  # of a run that need not be warmed up: check() has run it
PART = 8  # documents that tell which way of an engine is the fastest
GUARD = {"f32": (1e-4, 0.999), "bf16": (0.05, 0.9), "int8": (0.15, 0.8)}  # largest difference, least tau: random weights
WHAT = {"a": "100 x 128", "b": "100 x 512", "c": "100 ragged", "d": "1 x 128", "e": "20 x 128"}
FIELDS = "date,commit,cpu,threads,what,before,after,unit,kept,cause".split(",")


# ---- texts ---------------------------------------------------------------------------------------


def lengths(workload):
    if workload == "c":
        rng = np.random.default_rng(1234)
        return [int(n) for n in np.clip(rng.lognormal(np.log(160), 0.6, 100), 32, 512)]
    return {"a": [128] * 100, "b": [512] * 100, "d": [128], "e": [128] * 20,
            "guard": [int(n) for n in np.geomspace(24, 200, 48)]}[workload]


def make_texts(workload, reader):
    """A query and documents that make so many tokens together with those that the model adds."""
    rng = random.Random(1)
    query = " ".join(reader.word(rng) for _ in range(QUERY_WORDS))
    return query, [" ".join(reader.word(rng) for _ in range(n - QUERY_WORDS - reader.extra)) for n in lengths(workload)]


def make_english(n_documents, n_words, seed):
    rng = random.Random(seed)
    words = "river valley stone water slow field house market music engine winter light paper window bread".split()
    return "how do rivers shape valleys", [" ".join(rng.choice(words) for _ in range(n_words)) for _ in range(n_documents)]


# ---- agreement -----------------------------------------------------------------------------------


def kendall_tau(a, b):
    """Tau-b."""
    x, y = (np.sign(np.subtract.outer(v, v)) for v in (np.array(a), np.array(b)))
    scale = np.sqrt((x * x).sum() * (y * y).sum())
    return float((x * y).sum() / scale) if scale > 0 else float("nan")


def first_line(error):
    return f"{type(error).__name__}: {error}".split("\n")[0][:160]


def check(engine, reference, texts):
    """Leaves an engine the ways that agree, if there is one; -> (agrees, largest difference, least tau).  Where the
    reference's logits differ by more than 1, a difference is a share of that."""
    most, least = GUARD[engine.dtype]
    scale = max(1, max(reference) - min(reference))
    results = {}
    for way, run in engine.ways(*texts):
        try:
            got = run()
        except Exception as error:
            if engine.name == "winnow":
                raise
            print(f"# {engine.name} {engine.dtype}, {way}: {first_line(error)}", flush=True)
            continue
        results[way] = max(abs(a - b) for a, b in zip(got, reference)) / scale, kendall_tau(got, reference)
    good = {way: r for way, r in results.items() if r[0] <= most and r[1] >= least}
    engine.ways_left = set(good or results)
    worst, tau = zip(*(good or results).values() or [(float("nan"),) * 2])
    return bool(good), max(worst), min(tau)


# ---- time ----------------------------------------------------------------------------------------


class Lane:
    """One engine in a comparison: the function that is timed, and its times."""

    def __init__(self, name, dtype, way, run, fits=True, tau=1.0):
        self.name, self.dtype, self.way, self.run, self.fits, self.tau = name, dtype, way, run, fits, tau
        self.calls, self.times = 1, []

    def time(self):
        time.sleep(0.1)  # the threads of the engine before go on spinning for a while and would take a core
        start = time.perf_counter()
        for _ in range(self.calls):
            self.run()
        return (time.perf_counter() - start) / self.calls

    def median(self):
        return statistics.median(self.times)


def fastest_lane(engine, texts, fits, tau):
    """Of the ways that are left, by a part of the documents."""
    query, documents = texts
    times = []
    for i, (way, run) in enumerate(engine.ways(query, documents[:PART])):
        if way in engine.ways_left:
            lane = Lane(engine.name, engine.dtype, way, run)
            first = lane.time()
            times.append((first if first > LONG_SECONDS else lane.time(), i))
    seconds, i = min(times)
    lane = Lane(engine.name, engine.dtype, *engine.ways(query, documents)[i], fits, tau)
    lane.calls = max(1, round(ROUND_SECONDS * min(PART, len(documents)) / seconds / len(documents)))
    return lane


def take_rounds(lanes, repeat, max_load):
    """Fill the lanes' times; -> the largest share that others took in a round that counts."""
    worst, refused = 0.0, 0
    while len(lanes[0].times) < repeat:
        meter = Meter()
        times = [lane.time() for lane in lanes]
        share = meter.foreign_share()
        if share > max_load:
            refused += 1
            print(f"# a round thrown away: others took {100 * share:.0f}% of the machine", file=sys.stderr, flush=True)
            if refused >= repeat:
                raise SystemExit(f"refused: others took more than {100 * max_load:.0f}% of the machine in {refused} rounds")
            continue
        worst = max(worst, share)
        for lane, seconds in zip(lanes, times):
            lane.times.append(seconds)
    return worst


def ratio(a, b):
    """How often as long a took as b: the median over rounds."""
    return statistics.median(x / y for x, y in zip(a.times, b.times))


# ---- output --------------------------------------------------------------------------------------


def cpu_name():
    facts = {}
    with open("/proc/cpuinfo") as f:
        for line in f:
            key, _, value = line.partition(":")
            facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name", "unknown processor")
    return f"{name} (family {facts['cpu family']} model {facts['model']})" if "cpu family" in facts else name


def print_table(title, lanes, ours, guard, label=lambda lane: f"{lane.name} {lane.dtype}"):
    """A line for each lane, with its ratios to some of ours."""
    print(f"\n{title}")
    print(f"{'engine':23} {'dtype':5} {'way':26} {'min s':>9} {'median s':>9} {'differs':>8} {'tau':>6}"
          + "".join(f"  {'/ ' + label(w):>15}" for w in ours))
    for lane in lanes:
        worst, tau = guard.get((lane.name, lane.dtype), (float("nan"),) * 2)
        print(f"{lane.name:23} {lane.dtype:5} {lane.way:26} {min(lane.times):9.4f} {lane.median():9.4f} {worst:8.1e} {tau:6.3f}"
              + "".join(f"  {ratio(lane, w):15.3g}" for w in ours) + ("" if lane.fits else "  fails the guard"))
    sys.stdout.flush()


def fastest(lanes):
    return min(lanes, key=Lane.median)


def split(lanes, dtype=None):
    """-> ours and others of a dtype or any, less those that fail the guard"""
    fit = [l for l in lanes if l.fits and dtype in (None, l.dtype)]
    return [l for l in fit if l.name == "winnow"], [l for l in fit if l.name != "winnow"]


def best_pairs(lanes):
    """(the best peer, ours) in each dtype, where there are both, at any precision, and of those as near to f32 as ours."""
    parts = {dtype: split(lanes, dtype) for dtype in (*DTYPES, None)}
    ours, others = parts[None]
    parts["near"] = ours, [l for l in others if ours and l.tau >= fastest(ours).tau]
    return {dtype: (fastest(others), fastest(ours)) for dtype, (ours, others) in parts.items() if ours and others}


def comparisons(lanes):
    """(peer, ours) of each statement that a document may make, once each."""
    pairs, (ours, others) = list(best_pairs(lanes).values()), split(lanes)
    pairs += [(l, fastest(ours)) for l in others if l.name == "sentence-transformers" and ours]
    return list({(id(a), id(b)): (a, b) for a, b in pairs}.values())


def print_summary(rows):
    """A table for a document: rows of (shape, workload, lanes)."""
    print("\n| model | workload | " + " | ".join(f"{d}, s: ratio" for d in DTYPES) + " | any precision | as near to f32 as ours |\n"
          + "|---" * (len(DTYPES) + 4) + "|")
    for shape, workload, lanes in rows:
        pairs, seconds = best_pairs(lanes), {l.dtype: f"{l.median():.3g}" for l in lanes if l.name == "winnow"}
        cells = [f"{seconds.get(d, '')}: {ratio(*pairs[d]):.2f} {pairs[d][0].name}" if d in pairs else f"{seconds.get(d, '')}: not compared" for d in DTYPES]
        for a, b in (pairs.get(key, (None, None)) for key in (None, "near")):
            cells.append(f"{b.dtype}: {ratio(a, b):.2f} {a.name} {a.dtype}" if b else "not compared")
        print(f"| {shape}: {families.SHAPES[shape].what} | {WHAT[workload]} | " + " | ".join(cells) + " |")


def ledger_rows(args, level, versions, shape, workload, pairs, guard, load):
    commit = subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*"], capture_output=True,
                            text=True).stdout.strip()
    for peer, ours in pairs:
        worst, tau = guard.get((ours.name, ours.dtype), (float("nan"),) * 2)
        yield dict(zip(FIELDS, (
            datetime.date.today().isoformat(), commit, f"{cpu_name()} {level}", args.threads,
            f"{shape} {WHAT[workload]}: {peer.name} {versions[peer.name]} {peer.dtype} ({peer.way}) beside Winnow {ours.dtype} "
            f"(medians of {len(ours.times)} interleaved)",
            f"{peer.median():.4f}", f"{ours.median():.4f}", "s", "yes",
            f"ratio {ratio(peer, ours):.2f}; Winnow's logits differ by {worst:.1e} from f32 and tau is {tau:.3f}; "
            f"others took at most {100 * load:.1f}% of the machine")))


def append_rows(path, rows):
    new = not os.path.exists(path)
    with open(path, "a", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, FIELDS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


# ---- comparing -----------------------------------------------------------------------------------


class Ours:
    """Winnow as an engine."""

    def __init__(self, args, folder, dtype):
        self.winnow = Winnow(args.library, folder, args.threads, args.cpu_level, args.batch_tokens, dtype)
        self.name, self.dtype, self.version = "winnow", dtype, self.winnow.version

    def ways(self, query, documents):
        return [("from texts", lambda: self.winnow.rank(query, documents))]


def open_ours(args, folder):
    """Winnow in each dtype that its level has a product of."""
    engines = []
    for dtype in DTYPES:
        try:
            engines.append(Ours(args, folder, dtype))
        except RuntimeError as why:
            if "has no product" not in str(why):
                raise
    return engines


def folder_of(args, shape):
    folder = os.path.join(args.models, shape)
    if not os.path.exists(os.path.join(folder, "model.onnx")):
        subprocess.run([sys.executable, os.path.join(HERE, "make_model.py"), shape, folder], check=True)
    return folder


def compare_shape(args, shape):
    """-> [(shape, workload, lanes)]"""
    folder = folder_of(args, shape)
    reader = families.reader_of(shape, folder)
    ours, others = open_ours(args, folder), peers.open_peers(reader, args.threads, args.peers)
    if args.prepare:
        return []
    reference = next((o for o in others if (o.name, o.dtype) == ("onnxruntime", "f32")), None)
    reference = reference or peers.OnnxRuntime(reader, args.threads, "f32")
    texts = make_texts("guard", reader)
    logits = reference.ways(*texts)[0][1]()
    results = {(e.name, e.dtype): check(e, logits, texts) for e in ours + others}
    others = [o for o in others if o.ways_left]
    guard = {key: r[1:3] for key, r in results.items()}
    versions, level = {e.name: e.version for e in ours + others}, ours[0].winnow.cpu_level
    print(f"# {cpu_name()}, {args.threads} threads, level {level}, " + ", ".join(f"{n} {v}" for n, v in versions.items()))
    rows = []
    for workload in args.workloads:
        texts = make_texts(workload, reader)
        lanes = [fastest_lane(e, texts, *(results[e.name, e.dtype][i] for i in (0, 2))) for e in ours + others]
        load = take_rounds(lanes, args.repeat, args.max_load)
        print_table(f"{shape} {workload}: {WHAT[workload]} tokens, {args.repeat} rounds, others took at most {100 * load:.1f}%",
                    lanes, lanes[:len(ours)], guard)
        if args.ledger:
            append_rows(args.ledger, ledger_rows(args, level, versions, shape, workload, comparisons(lanes), guard, load))
        for lane in lanes:
            lane.run = None  # what it holds, engines of some GB, goes with this shape
        rows.append((shape, workload, lanes))
    return rows


def compare_built_in(args):
    """The built-in model with new and with kept documents, beside the mini cross-encoder, in each dtype; -> []"""
    mini = open_ours(args, folder_of(args, "mini"))
    own = open_ours(args, None)
    lanes = []
    for e in own:
        query, documents = make_english(100, 123, 5)
        kept = {False: {}, True: {}}
        for int8 in kept:
            first = e.winnow.rank_kept(query, documents, kept[int8], int8)
            assert first == e.winnow.rank_kept(query, documents, kept[int8], int8), "kept vectors change scores"
            assert int8 or first == e.winnow.rank(query, documents), "vectors that are to be kept change scores"
        for way, run in (("new documents", lambda e=e: e.winnow.rank(query, documents)),
                         ("kept vectors", lambda e=e, kept=kept: e.winnow.rank_kept(query, documents, kept[False])),
                         ("kept as int8", lambda e=e, kept=kept: e.winnow.rank_kept(query, documents, kept[True], True))):
            lanes.append(Lane("winnow built-in", e.dtype, way, run))
    for e in mini:
        lanes.append(Lane("winnow mini", e.dtype, "from texts", e.ways(*make_texts("a", families.reader_of("mini", folder_of(args, "mini"))))[0][1]))
    for lane in lanes:
        lane.run()
        lane.calls = max(1, round(ROUND_SECONDS / lane.time()))
    load = take_rounds(lanes, args.repeat, args.max_load)
    print(f"# {cpu_name()}, {args.threads} threads, level {own[0].winnow.cpu_level}, winnow {own[0].version}")
    print_table(f"built-in model: 100 x 128 tokens, {args.repeat} rounds, others took at most {100 * load:.1f}%", lanes,
                [l for l in lanes if l.name == "winnow built-in" and l.dtype == "f32"], {}, lambda lane: lane.way)
    return []


def list_of(allowed):
    def parse(text):
        words = text.split(",")
        for w in words:
            if w not in allowed:
                raise argparse.ArgumentTypeError(f"'{w}', expected some of {','.join(allowed)}")
        return words
    return parse


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--shapes", type=list_of([*families.SHAPES, "built-in"]), default=["mini"])
    p.add_argument("--workloads", type=list_of("abcde"), default=["a", "c", "d"])
    p.add_argument("--peers", type=list_of(list(peers.KEYS.values())), default=[], help="some of the engines; default: all")
    p.add_argument("--library", default="build/release/libwinnow.so")
    p.add_argument("--models", default="build/peers", help="where models are made and kept")
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--repeat", type=int, default=7, help="rounds that count")
    p.add_argument("--cpu-level", help="Winnow's; avx2 holds the others to it, too")
    p.add_argument("--batch-tokens", type=int, default=0)
    p.add_argument("--max-load", type=float, default=0.05, help="the share of the machine that others may take")
    p.add_argument("--prepare", action="store_true", help="make models and what other engines make of them, and time nothing")
    p.add_argument("--ledger", help="append a row for each comparison to this file, in the form of bench/ledger/peers.csv")
    args = p.parse_args()
    if args.cpu_level == "avx2":
        hold.hold_to_avx2()
    rows = []
    try:
        for shape in args.shapes:
            rows += compare_built_in(args) if shape == "built-in" else compare_shape(args, shape)
    finally:  # of what was measured before a run was refused
        if rows:
            print_summary(rows)


if __name__ == "__main__":
    main()
