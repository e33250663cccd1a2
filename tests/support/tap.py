"""Run the test functions of a Python script and print TAP.

A test is a function whose name starts with test_; it fails by an exception and is skipped by
raising Skip(reason).  Use: `if __name__ == "__main__": tap.main(globals())`.
"""
import concurrent.futures, sys, traceback


class Skip(Exception):
    """The test cannot run here; the text says why."""


def side_by_side(tests, n):
    """The tests, begun now, n at a time; each waits for its own result."""
    pool = concurrent.futures.ThreadPoolExecutor(n)

    def begun(test):
        future = pool.submit(test)

        def wait():
            future.result()
        wait.__name__ = test.__name__
        return wait
    return [begun(test) for test in tests]


def main(namespace, at_once=1):
    """Run all tests of a module in the order of the file and exit; those that mostly wait may run some at once."""
    tests = [f for name, f in namespace.items() if name.startswith("test_") and callable(f)]
    if at_once > 1:
        tests = side_by_side(tests, at_once)
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
