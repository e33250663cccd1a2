"""Run the test functions of a Python script and print TAP.

A test is a function whose name starts with test_; it fails by an exception and is skipped by
raising Skip(reason).  Use: `if __name__ == "__main__": tap.main(globals())`.
"""
import sys, traceback


class Skip(Exception):
    """The test cannot run here; the text says why."""


def main(namespace):
    """Run all tests of a module in the order of the file and exit."""
    tests = [f for name, f in namespace.items() if name.startswith("test_") and callable(f)]
    failed = 0
    for i, test in enumerate(tests, 1):
        name = test.__name__[len("test_"):]
        try:
            test()
            print(f"ok {i} - {name}", flush=True)
        except Skip as reason:
            print(f"ok {i} - {name} # SKIP {reason}", flush=True)
        except Exception:
            failed += 1
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="")
            print(f"not ok {i} - {name}", flush=True)
    print(f"1..{len(tests)}")
    sys.exit(1 if failed else 0)
