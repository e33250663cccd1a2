#!/usr/bin/env python3
"""Ranking quality of each compute dtype beside f32's: nDCG@10 on judged sets and Kendall's tau of the orders.

  eval_dtypes.py --winnow build/release/winnow [--dtypes bf16,int8] [--keep DIR] [eval options] SET...

Every dtype scores every candidate of every set with `winnow eval`; the table is Markdown.  tau is the mean
over queries of (pairs in the same order - pairs in the other) / pairs that f32 orders.  With --keep, the
files of a dtype stay in DIR, and those that are there already are not made again.
"""
import argparse, json, os, subprocess, sys, tempfile


def run(winnow, dtype, folder, rest):
    """{set: (nDCG@10, queries, pairs)} and {(set, query): scores} of a dtype."""
    report, scores = (os.path.join(folder, f"{dtype}.{ext}") for ext in ("json", "jsonl"))
    if not os.path.exists(scores):
        with open(report, "w") as out:
            subprocess.run([winnow, "eval", "--quiet", "--dtype", dtype, "--format", "json", "--scores", scores, *rest],
                           stdout=out, check=True)
    with open(report, encoding="utf-8") as f:
        sets = {s["set"]: (s["model"]["ndcg10"]["mean"], s["queries"], s["pairs"]) for s in json.load(f)["sets"]}
    with open(scores, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    return sets, {(line["set"], line["qid"]): line["scores"] for line in lines}


def tau(exact, fast):
    """Kendall's tau over the pairs that the exact scores order; None when they order none."""
    low = float("-inf")
    exact, fast = ([low if x is None else x for x in scores] for scores in (exact, fast))
    agreed = ordered = 0
    for i in range(len(exact)):
        for j in range(i):
            if exact[i] != exact[j]:
                ordered += 1
                agreed += 0 if fast[i] == fast[j] else 1 if (exact[i] < exact[j]) == (fast[i] < fast[j]) else -1
    return agreed / ordered if ordered else None


def mean(values):
    return sum(values) / len(values)


def taus_by_set(exact, fast):
    assert exact.keys() == fast.keys(), "the dtypes scored other queries"
    taus = {}
    for key, scores in exact.items():
        value = tau(scores, fast[key])
        if value is not None:
            taus.setdefault(key[0], []).append(value)
    return {name: mean(values) for name, values in taus.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--winnow", required=True)
    parser.add_argument("--dtypes", default="bf16,int8")
    parser.add_argument("--keep", metavar="DIR")
    args, rest = parser.parse_known_args()
    dtypes = args.dtypes.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.keep or scratch
        os.makedirs(folder, exist_ok=True)
        f32, exact = run(args.winnow, "f32", folder, rest)
        results = {dtype: run(args.winnow, dtype, folder, rest) for dtype in dtypes}
    taus = {dtype: taus_by_set(exact, scores) for dtype, (_, scores) in results.items()}
    print("| set | queries | pairs | f32 |" + "".join(f" {d} | tau {d} |" for d in dtypes))
    print("|---|---:|---:|---:|" + "---:|---:|" * len(dtypes))
    rows = [(name, f32[name], [(results[d][0][name][0] - f32[name][0], taus[d][name]) for d in dtypes]) for name in f32]
    total = (mean([r[1][0] for r in rows]), sum(r[1][1] for r in rows), sum(r[1][2] for r in rows))
    rows.append(("mean", total, [tuple(mean([r[2][i][k] for r in rows]) for k in (0, 1)) for i in range(len(dtypes))]))
    for name, (ndcg, queries, pairs), columns in rows:
        print(f"| {name} | {queries:,} | {pairs:,} | {ndcg:.4f} |" + "".join(f" {change:+.4f} | {t:.4f} |" for change, t in columns))


if __name__ == "__main__":
    sys.exit(main())
