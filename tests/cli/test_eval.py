#!/usr/bin/env python3
"""`winnow eval` from outside: its figures against scores of `winnow rank` measured here once more."""
import atexit, json, math, os, shutil, signal, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../.."))
sys.path.insert(0, os.path.join(HERE, "../support"))
import tap

WINNOW = os.environ.get("WINNOW", os.path.join(ROOT, "build/release/winnow"))
SHARED = os.environ.get("WINNOW_SHARED", os.path.join(ROOT, "../shared"))
TINY = os.path.join(ROOT, "tests/eval/tiny")
METRICS = ("ndcg10", "mrr10", "recall3")
scratch = tempfile.mkdtemp(prefix="winnow-eval-")
atexit.register(shutil.rmtree, scratch)


def winnow(*arguments, status=0, **options):
    done = subprocess.run([WINNOW, *arguments], capture_output=True, text=True, **options)
    assert done.returncode == status, f"{arguments}: exit status {done.returncode}\n{done.stderr}"
    return done.stdout if status == 0 else done.stderr


def evaluated(*arguments):
    return json.loads(winnow("eval", "--format", "json", *arguments))


def table(name, n):
    with open(os.path.join(TINY, name), encoding="utf-8") as f:
        return [line.rstrip("\n").split("\t", n - 1) for line in f]


def candidates():
    with open(os.path.join(TINY, "candidates.jsonl"), encoding="utf-8") as f:
        return {o["qid"]: o["cands"] for o in map(json.loads, f)}


def dcg(grades):
    return sum((2 ** g - 1) / math.log2(i + 2) for i, g in enumerate(grades[:10]))


def measured(scores, grades):
    """The three figures of one query, from the definitions in docs/eval.md."""
    order = [g for _, g in sorted(zip(scores, grades), key=lambda x: (-x[0], x[1]))]
    first = next((i for i, g in enumerate(order[:10]) if g > 0), None)
    relevant = sum(g > 0 for g in grades)
    return (dcg(order) / dcg(sorted(grades, reverse=True)), 0 if first is None else 1 / (first + 1),
            sum(g > 0 for g in order[:3]) / min(3, relevant))


def scores_of_rank():
    """{query: {document: logit}} of the judged queries, from `winnow rank`."""
    queries, docs = ({r[0]: r[2] for r in table(f, 3)} for f in ("queries.tsv", "docs.tsv"))
    out = {}
    for qid, cands in candidates().items():
        request = json.dumps({"query": queries[qid], "documents": [docs[d] for d in cands]})
        answer = json.loads(winnow("rank", "--format", "jsonl", input=request + "\n"))
        out[qid] = {cands[r["index"]]: r["logit"] for r in answer["results"]}
    return out


def test_eval_measures_the_scores_of_rank():
    rel = {(q, d): float(g) for q, d, g in table("qrels.tsv", 3)}
    rows = []
    for qid, scores in scores_of_rank().items():
        grades = [rel.get((qid, d), 0) for d in scores]
        if any(grades):
            rows.append(measured(list(scores.values()), grades))
    got = evaluated(TINY)["sets"][0]
    assert got["queries"] == len(rows) == 4
    for i, metric in enumerate(METRICS):
        want = sum(r[i] for r in rows) / len(rows)
        assert abs(got["model"][metric]["mean"] - want) < 1e-9, (metric, got["model"][metric], want)


def test_bm25_gives_the_figures_worked_out_by_hand():
    got = evaluated("--bm25-only", TINY)["sets"][0]
    ndcg = (1 + (3 + 1 / math.log2(5)) / (3 + 1 / math.log2(3)) + 1 + 1 / math.log2(5)) / 4
    for metric, want in zip(METRICS, (ndcg, 0.8125, 0.625)):
        assert abs(got["bm25"][metric]["mean"] - want) < 1e-9, (metric, got)


def test_bm25_gives_the_figures_of_the_development_sets():
    path = os.path.join(SHARED, "data/dev/bm25.json")
    if not os.path.exists(path):
        raise tap.Skip("data/dev/bm25.json is not there")
    with open(path) as f:
        want = {row["set"]: row for row in json.load(f)}
    got = evaluated("--bm25-only", *(os.path.join(SHARED, "data/dev", name) for name in want))
    assert [row["set"] for row in got["sets"]] == list(want)
    for row in got["sets"]:
        for metric in METRICS:
            assert abs(row["bm25"][metric]["mean"] - want[row["set"]][metric]) < 0.005, row


def test_figures_do_not_depend_on_threads_or_other_sets():
    alone = evaluated("--threads", "1", TINY)
    both = evaluated("--threads", "2", TINY, TINY)
    assert both["sets"] == alone["sets"] * 2
    assert both["mean"]["model"]["ndcg10"]["mean"] == alone["mean"]["model"]["ndcg10"]["mean"]


def test_limit_and_top_take_less():
    got = evaluated("--bm25-only", "--limit", "2", "--top", "3", TINY)
    assert (got["limit"], got["top"]) == (2, 3)
    assert (got["sets"][0]["queries"], got["sets"][0]["pairs"]) == (2, 6)


def test_table_names_sets_and_what_was_left_out():
    text = winnow("eval", TINY, TINY)
    for metric in ("nDCG@10", "MRR@10", "recall@3"):
        assert text.count(metric) == 1
    assert text.count("\ntiny ") == 6 and text.count("\nmean ") == 3, text
    assert text.count("0.844 [0.573 1.000]") == 3, text
    assert "tiny: judgements left out, their query or document is not in the set: 1\n" in text


def test_page_is_one_file():
    page = os.path.join(scratch, "quality.html")
    winnow("eval", "--html", page, TINY)
    assert os.listdir(scratch) == ["quality.html"]
    with open(page, encoding="utf-8") as f:
        text = f.read()
    assert text.startswith("<!doctype html>") and text.endswith("</html>\n")
    assert "://" not in text and "<script" not in text


def test_scores_are_those_of_rank():
    path = os.path.join(scratch, "scores.jsonl")
    winnow("eval", "--scores", path, TINY)
    with open(path, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    os.remove(path)
    ranked, cands = scores_of_rank(), candidates()
    assert [line["qid"] for line in lines] == ["q1", "q2", "q3", "q4"] and {line["set"] for line in lines} == {"tiny"}
    for line in lines:
        assert line["scores"] == [ranked[line["qid"]][d] for d in cands[line["qid"]]], line


def test_candidates_without_a_token_have_no_score():
    folder, path = os.path.join(scratch, "blank"), os.path.join(scratch, "blank.jsonl")
    shutil.copytree(TINY, folder)
    with open(os.path.join(folder, "docs.tsv"), encoding="utf-8") as f:
        text = f.read().replace("d9\ten\tBake the bread for forty minutes.", "d9\ten\t")
    with open(os.path.join(folder, "docs.tsv"), "w", encoding="utf-8") as f:
        f.write(text)
    winnow("eval", "--scores", path, folder)
    with open(path, encoding="utf-8") as f:
        assert json.loads(f.readline())["scores"][0] is None
    os.remove(path)
    shutil.rmtree(folder)


def test_mistakes_are_named():
    assert "nowhere/queries.tsv" in winnow("eval", "--bm25-only", "nowhere", status=1)
    bad = os.path.join(scratch, "bad")
    shutil.copytree(TINY, bad)
    with open(os.path.join(bad, "qrels.tsv"), "a") as f:
        f.write("q1\td3\tvery\n")
    assert "qrels.tsv line 11: grade 'very'" in winnow("eval", "--bm25-only", TINY, bad, status=4)
    for option in ("--html", "--scores"):
        assert "no-such-folder" in winnow("eval", option, "no-such-folder/x", TINY, status=1)
    assert "operand" in winnow("eval", status=2)
    assert "--bm25-only" in winnow("eval", "--bm25-onyl", TINY, status=2)


def test_interrupt_ends_without_a_page():
    folder = os.path.join(SHARED, "data/dev/docs-sections")
    if not os.path.exists(folder):
        raise tap.Skip("data/dev/docs-sections is not there")
    page = os.path.join(scratch, "stopped.html")
    run = subprocess.Popen([WINNOW, "eval", "--html", page, folder], stdout=subprocess.PIPE)
    time.sleep(1.5)
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=30)
    assert run.returncode == 130 and out == b"", (run.returncode, out)
    assert not os.path.exists(page)


def test_an_instruction_is_that_of_all_queries():
    model = ["-m", os.path.join(ROOT, "tests/golden/models/qwen3"), TINY]
    paths = [os.path.join(scratch, name) for name in ("plain", "asked", "page")]
    plain = evaluated("--scores", paths[0], *model)
    asked = evaluated("--scores", paths[1], "--html", paths[2], "--instruction", "a < b", *model)
    assert "instruction" not in plain and asked["instruction"] == "a < b"
    lines = [open(path, encoding="utf-8").readlines() for path in paths[:2]]
    assert len(lines[0]) == len(lines[1]) > 0 and not set(lines[0]) & set(lines[1])
    assert "<li>Instruction: a &lt; b</li>" in open(paths[2], encoding="utf-8").read()


if __name__ == "__main__":
    tap.main(globals())
