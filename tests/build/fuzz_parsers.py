#!/usr/bin/env python3
"""The parsers that strangers reach, fuzzed by libFuzzer for FUZZ_SECONDS each (60), from the same seed of chance every time.

What they find is kept in build/fuzz-clang; long runs are `make fuzz` and `make afl`.
"""
import glob, os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../.."))
sys.path.insert(0, os.path.join(HERE, "../support"))
import tap

BUILD = os.path.join(ROOT, "build/fuzz-clang")
SECONDS = int(os.environ.get("FUZZ_SECONDS", "60"))
HANG = 60  # seconds, on a busy machine


def fuzz(target):
    program, seeds = os.path.join(BUILD, "fuzz", f"fuzz_{target}"), os.path.join(ROOT, "fuzz/corpus", target)
    if shutil.which("clang") is None:
        raise tap.Skip("no clang: apt-get install clang libclang-rt-dev")
    with tempfile.TemporaryDirectory() as found:
        run = subprocess.run(
            [program, f"-max_total_time={SECONDS}", f"-timeout={HANG}", "-rss_limit_mb=4096", "-seed=1", "-print_final_stats=1",
             f"-artifact_prefix={BUILD}/{target}-", found, seeds], capture_output=True, text=True, errors="replace")
    lines = run.stderr.splitlines()
    assert run.returncode == 0, "\n".join([f"{target}: status {run.returncode}"] + lines[-40:])
    counts = dict(line.removeprefix("stat::").split(":", 1) for line in lines if line.startswith("stat::"))
    runs, files = int(counts["number_of_executed_units"]), len(glob.glob(os.path.join(seeds, "*")))
    print(f"# {target}: {runs} runs from {files} files")
    assert runs > files, f"{target}: {runs} runs are not more than the {files} files of its corpus"


def test_connection_bytes():
    fuzz("http_bytes")


def test_request_bodies():
    fuzz("api_body")


def test_tokenizer_json():
    fuzz("tokenizer_json")


def test_configuration_file():
    fuzz("yaml")


def test_database_rows():
    fuzz("store_rows")


if __name__ == "__main__":
    tap.main(globals())
