#!/usr/bin/env python3
"""Run every case of tests/cli/cases.  What a case looks like: cases.py."""
import glob, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import cases, tap


def as_test(name, steps):
    def test():
        cases.check(steps)

    test.__name__ = "test_" + name
    return test


if __name__ == "__main__":
    tap.main({f"test_{path}:{name}": as_test(name, steps)
              for path in sorted(glob.glob(os.path.join(HERE, "cases/*.case")))
              for name, steps in cases.load(path)})
