#!/usr/bin/env python3
"""Run test programs and add up their results.

A test program is any executable that prints TAP (https://testanything.org): cmocka programs do with
CMOCKA_MESSAGE_OUTPUT=TAP, scripts print `ok 1 - name`, `not ok 2 - name`, `ok 3 - name # SKIP why`.
A program that prints no result line, dies or hangs counts as one failure.  The last line is always
`N passed, N failed, N skipped`; the exit status is 1 when something failed or nothing ran.
"""
import argparse, os, re, subprocess, sys, time

RESULT = re.compile(r"^(ok|not ok)\b\s*\d*\s*(?:-\s*)?(.*)$")
SKIP = re.compile(r"#\s*SKIP\b\s*(.*)$", re.I)


def command_of(path):
    if path.endswith(".py"):
        return [sys.executable, path]
    return ["sh", path] if path.endswith(".sh") else [path]


def run_one(path, timeout):
    """-> (passed, failed names, {skip reason: count}, output)"""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP", LC_ALL="C.UTF-8", TSAN_OPTIONS="halt_on_error=1")
    try:
        done = subprocess.run(command_of(path), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout)
        code, out = done.returncode, done.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as e:
        code, out = None, (e.stdout or b"").decode("utf-8", "replace")
    passed, failed, skipped = 0, [], {}
    for line in out.splitlines():
        m = RESULT.match(line)
        if not m:
            continue
        skip = SKIP.search(m[2])
        if skip:
            reason = skip[1].strip() or "no reason given"
            skipped[reason] = skipped.get(reason, 0) + 1
        elif m[1] == "ok":
            passed += 1
        else:
            failed.append(m[2])
    if code is None:
        failed.append(f"did not end within {timeout} s")
    elif code != 0 and not failed:
        failed.append(f"exit status {code}" if code > 0 else f"killed by signal {-code}")
    elif not passed and not failed and not skipped:
        failed.append("printed no result")
    return passed, failed, skipped, out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidy", action="store_true", help="also run tools/tidy.py")
    parser.add_argument("--timeout", type=int, default=600, help="seconds a program may take")
    parser.add_argument("programs", nargs="*")
    args = parser.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    programs = ([os.path.join(here, "tidy.py")] if args.tidy else []) + args.programs
    passed, failed, skipped = 0, 0, 0
    for path in programs:
        start = time.monotonic()
        p, f, s, out = run_one(path, args.timeout)
        name = os.path.relpath(path)
        print(f"{'FAIL' if f else 'ok':4} {name}: {p} passed, {len(f)} failed, {sum(s.values())} skipped"
              f" ({time.monotonic() - start:.1f} s)", flush=True)
        for reason, n in sorted(s.items()):
            print(f"       skipped {n}: {reason}")
        if f:
            print("".join(f"       failed: {x}\n" for x in f), end="")
            print("       | " + "\n       | ".join(out.splitlines()[-60:]), flush=True)
        passed, failed, skipped = passed + p, failed + len(f), skipped + sum(s.values())
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
