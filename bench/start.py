#!/usr/bin/env python3
"""Start-up time, binary size and peak memory of the program with its built-in model.

  start.py [--winnow build/release/winnow] [--repeat 15]

Start: wall time of a process that ranks three short documents, from exec to exit, warm page cache.
Memory: the kernel's own maximum resident size, for 100 and 10,000 documents of about 60 words.  The pages
of the embedded model are file pages, shared and reclaimable; they count here all the same.
"""
import argparse, os, random, statistics, subprocess, tempfile, time


def rank(winnow, documents, *more):
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
        f.write("\n".join(documents) + "\n")
        f.flush()
        start = time.perf_counter()
        pid = os.posix_spawn(winnow, [winnow, "rank", "-q", "how do rivers shape valleys", "--format", "tsv", "--quiet",
                                      *more, f.name], os.environ,
                             file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"winnow ended with status {status}")
    return wall, usage.ru_maxrss


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--winnow", default="build/release/winnow")
    p.add_argument("--repeat", type=int, default=15)
    args = p.parse_args()
    rng = random.Random(7)
    words = "river valley stone water slow field house market music engine winter light paper window bread".split()
    text = lambda: " ".join(rng.choice(words) for _ in range(60))
    few = [text() for _ in range(3)]
    rank(args.winnow, few)
    walls = [rank(args.winnow, few)[0] for _ in range(args.repeat)]
    print(f"binary              {os.path.getsize(args.winnow) / 1e6:.1f} MB (with debug information),", end=" ")
    with tempfile.TemporaryDirectory() as d:
        stripped = os.path.join(d, "winnow")
        subprocess.run(["strip", "-o", stripped, args.winnow], check=True)
        print(f"{os.path.getsize(stripped) / 1e6:.1f} MB stripped")
    print(f"start to ranking    min {min(walls) * 1e3:.0f} ms, median {statistics.median(walls) * 1e3:.0f} ms, "
          f"max {max(walls) * 1e3:.0f} ms (3 documents, {args.repeat} runs)")
    for n in (100, 10000):
        wall, rss = rank(args.winnow, [text() for _ in range(n)])
        print(f"{n:6} documents    {wall:.3f} s, peak memory {rss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
