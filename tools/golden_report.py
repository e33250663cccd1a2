#!/usr/bin/env python3
"""How near each family comes to its reference: a table of the golden models.

  golden_report.py WINNOW [DIR]      (DIR: tests/golden/models; DIR/../listwise is read, too)

A golden model is a directory with cases.jsonl (see tools/make_golden.py); its line in traps.tsv says what it would
notice.  Each is scored by WINNOW on every CPU level of this machine in f32, and on the best in bf16 and int8; an error is
divided by max(1, |reference|).  Kendall's tau is over the pairs of a family's cases whose references differ; it says
little where a random model's logits hardly differ, so the spread of the references stands beside it.  A listwise case is a request of
its own, which counts as one case for each of its documents.
"""
import glob, json, os, subprocess, sys
from collections import defaultdict

LEVELS = ("scalar", "avx2", "avx-vnni", "avx512", "avx512-vnni", "avx512-bf16", "amx", "neon", "dotprod", "i8mm", "neon-bf16")


def run(winnow, *arguments, text=""):
    done = subprocess.run([winnow, *arguments], input=text, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def read_cases(folder):
    with open(os.path.join(folder, "cases.jsonl")) as lines:
        cases = [json.loads(line) for line in lines]
    return [c for c in cases if can_be_asked(c)]


def can_be_asked(case):
    """The program refuses an empty query, and has no limit of a document's tokens."""
    return case.get("query") != "" and "max_doc" not in case


def logits(winnow, folder, cases, *options):
    """One logit a case, in order; None when the model, the level or the dtype is refused."""
    found = [None] * len(cases)
    for policy in ("truncate", "windows"):
        queries = defaultdict(list)
        for i, case in enumerate(cases):
            if case.get("long_docs", "windows") == policy:
                queries[case["query"], case.get("instruction")].append(i)
        if not queries:
            continue
        requests = [dict(query=q, instruction=asked, documents=[cases[i]["document"] for i in members])
                    for (q, asked), members in queries.items()]
        output = run(winnow, "rank", "--model", folder, "--format", "jsonl", "--long-docs", policy.removesuffix("s"), *options,
                     text="".join(json.dumps(r) + "\n" for r in requests))
        if output is None:
            return None
        for line, members in zip(output.splitlines(), queries.values()):
            for result in json.loads(line).get("results", []):
                found[members[result["index"]]] = result["logit"]
    return found


def listed_logits(winnow, folder, cases, *options):
    """Those of listwise cases, document by document."""
    lines = "".join(json.dumps({k: c.get(k) for k in ("query", "instruction", "documents")}) + "\n" for c in cases)
    output = run(winnow, "rank", "--model", folder, "--format", "jsonl", *options, text=lines)
    if output is None:
        return None
    return [r["logit"] for line in output.splitlines() for r in sorted(json.loads(line)["results"], key=lambda r: r["index"])]


def references(cases):
    return [logit for c in cases for logit in c.get("logits", [c.get("logit")])]


def vectors(winnow, folder, cases, *options):
    output = run(winnow, "embed", "--model", folder, "--input", "jsonl", *options,
                 *(("--task", cases[0]["task"]) if "task" in cases[0] else ()),
                 text="".join(json.dumps({"text": c["text"]}) + "\n" for c in cases))
    return None if output is None else [json.loads(line)["embedding"] for line in output.splitlines()]


def worst_error(winnow, folder, cases, *options):
    """Largest error of a golden model and the logits; (None, None) when it cannot be run so."""
    if "vector" in cases[0]:
        got = vectors(winnow, folder, cases, *options)
        if got is None:
            return None, None
        return max(abs(g - w) for c, v in zip(cases, got) for g, w in zip(v, c["vector"])), None
    wanted = references(cases)
    got = (listed_logits if "logits" in cases[0] else logits)(winnow, folder, cases, *options)
    if got is None or None in got or len(got) != len(wanted):
        return None, None
    return max(abs(g - w) / max(1, abs(w)) for g, w in zip(got, wanted)), got


def concordance(reference, got):
    """Pairs in the reference's order less those in the other, and the number of pairs."""
    agree = pairs = 0
    for i in range(len(reference)):
        for j in range(i):
            if reference[i] != reference[j]:
                pairs += 1
                product = (reference[i] - reference[j]) * (got[i] - got[j])
                agree += (product > 0) - (product < 0)
    return agree, pairs


def levels_of(winnow):
    """Those of LEVELS that this machine has."""
    return [n for n in LEVELS if run(winnow, "rank", "-q", "a", "--cpu-level", n, text="b") is not None]


class Family:
    def __init__(self):
        self.models, self.traps, self.error, self.cases, self.refused = [], [], 0.0, 0, []
        self.order = {"bf16": [0, 0], "int8": [0, 0]}
        self.low, self.high = float("inf"), float("-inf")

    def add(self, winnow, folder, name, trap, levels):
        cases = read_cases(folder)
        self.models.append(name)
        self.traps.append(trap)
        self.cases += len(references(cases))
        for level in levels:
            error, _ = worst_error(winnow, folder, cases, "--dtype", "f32", "--cpu-level", level)
            if error is None:
                self.refused.append(f"{name} on {level}")
            self.error = max(self.error, error or 0)
        if "vector" in cases[0]:
            return
        reference = references(cases)
        self.low, self.high = min(self.low, *reference), max(self.high, *reference)
        for dtype, total in self.order.items():
            _, got = worst_error(winnow, folder, cases, "--dtype", dtype)
            for i, n in enumerate(concordance(reference, got) if got else (0, 0)):
                total[i] += n

    def row(self, name):
        tau = {d: f"{a / n:.4f}" if n else "–" for d, (a, n) in self.order.items()}
        spread = f"{self.low:.2g} to {self.high:.2g}" if self.high >= self.low else "–"
        traps = "; ".join(t for t in self.traps if t)
        return f"| {name} | {len(self.models)} ({self.cases}) | {traps} | {self.error:.1e} | {tau['bf16']} | {tau['int8']} | {spread} |"


def main():
    winnow = sys.argv[1]
    root = sys.argv[2] if len(sys.argv) > 2 else "tests/golden/models"
    with open(os.path.join(root, "traps.tsv")) as lines:
        traps = dict(line.rstrip("\n").split("\t") for line in lines)
    levels, families, missing = levels_of(winnow), defaultdict(Family), []
    for folder in sorted(os.path.dirname(p) for kind in ("*", "../listwise/*") for p in glob.glob(os.path.join(root, kind, "cases.jsonl"))):
        name = os.path.relpath(folder, root).removeprefix("../")
        info = run(winnow, "info", "--json", "--model", folder)
        missing += [] if name in traps else [name]
        families[json.loads(info)["family"] if info else "refused"].add(winnow, folder, name, traps.get(name, ""), levels)
    print(f"f32 on {', '.join(levels)}; bf16 and int8 on the best\n")
    print("| family | golden models (cases) | what they would notice | largest error f32 | tau bf16 | tau int8 | references |")
    print("|---|---|---|---|---|---|---|")
    for name, family in sorted(families.items()):
        print(family.row(name))
    refused = [r for f in families.values() for r in f.refused]
    for text, names in (("could not be run", refused), ("no line in traps.tsv", missing)):
        if names:
            print(f"\n{text}: {', '.join(names)}")
    return 1 if refused or missing or max(f.error for f in families.values()) > 1e-5 else 0


if __name__ == "__main__":
    sys.exit(main())
