#!/usr/bin/env python3
"""Run test programs and add up their results.

A test program is any executable that prints TAP (https://testanything.org): cmocka programs do with
CMOCKA_MESSAGE_OUTPUT=TAP, scripts print `ok 1 - name`, `not ok 2 - name`, `ok 3 - name # SKIP why`.
cmocka's skip() gives no reason, so the line printed before it is taken as one.  A program that prints
no result line, fewer results than its plan `1..N`, dies or hangs counts as one failure.  The last
line is always `N passed, N failed, N skipped`; the exit status is 1 when something failed or nothing ran.
"""
import argparse, concurrent.futures, os, re, signal, subprocess, sys, time

RESULT = re.compile(r"^(ok|not ok)\b\s*\d*\s*(?:-\s*)?(.*)$")
SKIP = re.compile(r"#\s*SKIP\b\s*(.*)$", re.I)
PLAN = re.compile(r"^1\.\.(\d+)$")


class Outcome:
    """What one program did."""

    def __init__(self, path, under, timeout):
        start = time.monotonic()
        self.name, self.passed, self.failed, self.skipped = os.path.relpath(path), 0, [], {}
        code, self.output = run(command_of(path, under), under, timeout)
        self.read_results()
        if code is None:
            self.failed.append(f"did not end within {timeout} s")
        elif code < 0:
            self.failed.append(f"killed by {signal.Signals(-code).name}")
        elif code > 0 and not self.failed:
            self.failed.append(f"exit status {code}")
        self.seconds = time.monotonic() - start

    def read_results(self):
        planned, ran, before = 0, 0, ""
        for line in self.output.splitlines():
            plan, result = PLAN.match(line), RESULT.match(line)
            if plan:
                planned += int(plan[1])
            if not result:
                before = line if not plan else ""
                continue
            ran += 1
            skip = SKIP.search(result[2])
            if skip:
                reason = before.lstrip("# ") or skip[1].strip() or "no reason given"
                self.skipped[reason] = self.skipped.get(reason, 0) + 1
            elif result[1] == "ok":
                self.passed += 1
            else:
                self.failed.append(result[2])
            before = ""
        if not ran:
            self.failed.append("printed no result")
        elif ran < planned:
            self.failed.append(f"planned {planned} tests, ran {ran}")

    def report(self, verbose):
        print(f"{'FAIL' if self.failed else 'ok':4} {self.name}: {self.passed} passed, "
              f"{len(self.failed)} failed, {sum(self.skipped.values())} skipped ({self.seconds:.1f} s)")
        for reason, n in sorted(self.skipped.items()):
            print(f"       skipped {n}: {reason}")
        if self.failed or verbose:
            print("".join(f"       failed: {x}\n" for x in self.failed), end="")
            print("       | " + "\n       | ".join(self.output.splitlines()[-60:]))
        sys.stdout.flush()


def command_of(path, under):
    if path.endswith(".py"):
        return [sys.executable, path]
    return ["sh", path] if path.endswith(".sh") else under.split() + [os.path.abspath(path)]


def run(command, under, timeout):
    """-> (exit status, negative for a signal, None when it hung; everything that it printed)"""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", LC_ALL="C.UTF-8", WINNOW_UNDER=under,
               TSAN_OPTIONS="halt_on_error=1")
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True) as process:
        try:
            out, code = process.communicate(timeout=timeout)[0], process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, code = process.communicate()[0], None
    return code, out.decode("utf-8", "replace")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidy", action="store_true", help="also run tools/tidy.py")
    parser.add_argument("--under", default="", metavar="COMMAND",
                        help="run programs as arguments of this one; scripts see it as WINNOW_UNDER")
    parser.add_argument("--timeout", type=int, default=600, help="seconds a program may take")
    parser.add_argument("--jobs", type=int, default=2, help="programs that run at the same time")
    parser.add_argument("--verbose", action="store_true", help="show what passing programs print, too")
    parser.add_argument("programs", nargs="*")
    args = parser.parse_args()
    # Programs would inherit that a shell in the background ignores it, and some are to be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    start = time.monotonic()
    here = os.path.dirname(os.path.abspath(__file__))
    programs = ([os.path.join(here, "tidy.py")] if args.tidy else []) + args.programs
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as threads:
        for outcome in threads.map(lambda path: Outcome(path, args.under, args.timeout), programs):
            outcome.report(args.verbose)
            outcomes.append(outcome)
    passed = sum(o.passed for o in outcomes)
    failed = sum(len(o.failed) for o in outcomes)
    skipped = sum(sum(o.skipped.values()) for o in outcomes)
    print(f"{len(programs)} programs in {time.monotonic() - start:.1f} s")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
