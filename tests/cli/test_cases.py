#!/usr/bin/env python3
"""Run every case of tests/cli/cases; TAP.  What a case looks like: cases.py."""
import glob, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases


def main():
    n = 0
    for path in sorted(glob.glob(os.path.join(cases.HERE, "cases", "*.case"))):
        for name, steps in cases.load(path):
            n += 1
            try:
                cases.check(steps)
                print(f"ok {n} - {name}", flush=True)
            except Exception as e:  # a case that cannot be run has failed
                print("".join(f"# {line}\n" for line in str(e).split("\n")), end="")
                print(f"not ok {n} - {name}", flush=True)
    print(f"1..{n}")


if __name__ == "__main__":
    main()
