#!/usr/bin/env python3
"""`winnow bench` from outside: figures that fit together, and that it ends when it is told to."""
import json, os, signal, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
from cases import PLAIN_ENV, WINNOW, run
import tap

REQUESTS = [{"query": "a river", "documents": ["stone and water", "the house " * n]} for n in (3, 40, 90)]
WORKLOAD = "".join(json.dumps(r) + "\n\n" for r in REQUESTS).encode()


def figures(*words, stdin=b""):
    done = run(["bench", "--format", "json", *words], stdin)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return json.loads(done.stdout)


def info(*words):
    return json.loads(run(["info", "--json", *words]).stdout)


def near(a, b):
    return abs(a - b) <= 1e-4 * abs(b)


def test_figures_of_a_workload_fit_together():
    got = figures("--workload", "-", "--repeat", "3", "--threads", "1", stdin=WORKLOAD)
    ranked = [json.loads(line) for line in run(["rank", "-f", "jsonl"], WORKLOAD).stdout.splitlines()]
    assert (got["requests"], got["documents"], got["passes"], got["threads"]) == (3, 6, 3, 1), got
    assert got["tokens"] == sum(r["usage"]["total_tokens"] for r in ranked), got
    seconds = got["seconds_per_request"]
    assert 0 < seconds["min"] <= seconds["median"] <= seconds["max"], got
    a_pass = got["documents"] / got["pairs_per_second"]
    assert 3 * seconds["min"] <= a_pass * 1.0001 and a_pass <= 3 * seconds["max"] * 1.0001, got
    assert near(got["tokens"] / got["tokens_per_second"], a_pass), got
    assert near(got["operations"] / got["operations_per_second"], a_pass), got
    assert 0 < got["tokenize_share"] < 1 and 0 < got["load_seconds"] < 60, got
    assert got["peak_memory_bytes"] > 1 << 20, got
    if "share_of_peak" in got:
        assert near(got["operations_per_second"] / got["peak_operations_per_second"], got["share_of_peak"]), got
        assert got["share_of_peak"] < 1.2, got


def test_operations_are_those_of_the_layers():
    model = info()
    d, f, texts = model["hidden"], model["intermediate"], ("water", "a stone in the river")
    got = figures("--workload", "-", "--repeat", "1", "--threads", "1",
                  stdin=json.dumps({"query": texts[0], "documents": [texts[1]]}).encode())
    of_layers = lambda n: model["layers"] * n * (8 * d * d + 4 * d * f + 4 * n * d)
    together = model["kind"] == "cross-encoder"
    splits = [(got["tokens"],)] if together else [(q, got["tokens"] - q) for q in range(1, got["tokens"])]
    assert any(near(got["operations"], sum(map(of_layers, split))) for split in splits), got


def test_the_built_in_workload_is_a_hundred_documents_of_about_128_tokens():
    got = figures("--repeat", "1")
    assert (got["requests"], got["documents"], got["workload"]) == (1, 100, "built-in"), got
    assert 110 <= got["tokens"] / got["documents"] <= 145, got
    assert (got["dtype"], got["cpu_level"]) == (info()["dtype"], info()["cpu_level"]), got


def test_a_peak_is_known_for_the_level_of_this_machine():
    got = figures("--peak", "--threads", "2")
    rates = {(r["level"], r["dtype"]): r for r in got["operations_per_second"]}
    level = info()["cpu_level"]
    assert level == "scalar" or any(dtype == "f32" for _, dtype in rates), got
    for r in [*rates.values(), got["bytes_read_per_second"]]:
        assert 1e6 < r["one_thread"] < 1e15 and 0 < r["all_threads"] < 3 * r["one_thread"], r
    assert got["threads"] == 2


def test_operations_are_measured_one_by_one():
    got = figures("--ops", "--dtype", "f32")
    ops = [r["op"] for r in got["operations"]]
    assert {"product", "attention", "norm", "gelu", "tokenizer"} == set(ops), ops
    assert ops.count("product") == 12 and ops.count("attention") == 9, ops
    for r in got["operations"]:
        assert r["seconds"] > 0 and r["per_second"] > 0, r
        assert (r["op"] in ("product", "attention")) == (r["unit"] == "operations"), r
        assert r.get("dtype", "f32") == "f32" and r.get("share_of_peak", 1) < 1.2, r


def ticks(pid):
    """Hundredths of a second that a process has computed for."""
    with open(f"/proc/{pid}/stat") as f:
        return int(f.read().rsplit(")", 1)[1].split()[11])


def test_an_interrupt_ends_it_quietly():
    for words in (["--repeat", "10000"], ["--ops"]):
        p = subprocess.Popen([WINNOW, "bench", *words], env=PLAIN_ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while ticks(p.pid) < 50:  # the model is loaded
            time.sleep(0.01)
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=60)
        assert p.returncode == 130 and err == b"", (p.returncode, err)
        assert words == ["--ops"] or out == b"", out


def test_a_full_disk_is_status_1():
    for words in (["--peak"], ["--ops", "--dtype", "f32"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([WINNOW, "bench", *words], stdout=full, stderr=subprocess.PIPE, env=PLAIN_ENV)
        assert done.returncode == 1 and b"standard output: No space left" in done.stderr, done


if __name__ == "__main__":
    tap.main(globals())
