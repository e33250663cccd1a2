#!/usr/bin/env python3
"""The test runner counts what programs say, and programs that say nothing, die or hang."""
import os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))
import tap

RUNNER = os.path.join(HERE, "../../tools/run_tests.py")


def run(*scripts, options=()):
    """Run shell scripts as test programs -> (exit status, lines)."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for i, text in enumerate(scripts):
            paths.append(os.path.join(folder, f"program{i}.sh"))
            with open(paths[-1], "w") as f:
                f.write(text)
        done = subprocess.run([sys.executable, RUNNER, *options, *paths], stdout=subprocess.PIPE, text=True)
        return done.returncode, done.stdout.splitlines()


def test_results_are_added_up():
    code, lines = run("echo 'ok 1 - a'; echo 'ok 2 - b # SKIP no device'", "echo 1..1; echo 'ok 1 - c'")
    assert (code, lines[-1]) == (0, "2 passed, 0 failed, 1 skipped"), lines
    assert "       skipped 1: no device" in lines, lines


def test_a_failed_test_fails_the_run_and_shows_the_output():
    code, lines = run("echo '# 3 != 4'; echo 'not ok 1 - sum'; exit 1")
    assert (code, lines[-1]) == (1, "0 passed, 1 failed, 0 skipped"), lines
    assert "       failed: sum" in lines and "       | # 3 != 4" in lines, lines


def test_the_line_before_a_cmocka_skip_is_its_reason():
    code, lines = run("echo 'ok 1 - a'; echo 'the folder is not there'; echo 'ok 2 # SKIP name'")
    assert code == 0 and "       skipped 1: the folder is not there" in lines, lines


def test_silence_death_hanging_and_a_short_plan_are_failures():
    for script, why in [("true", "printed no result"), ("echo 'ok 1 - a'; exit 3", "exit status 3"),
                        ("echo 'ok 1 - a'; kill -SEGV $$", "killed by SIGSEGV"),
                        ("echo 'ok 1 - a'; sleep 60", "did not end within 1 s"),
                        ("echo 1..3; echo 'ok 1 - a'", "planned 3 tests, ran 1")]:
        code, lines = run(script, options=["--timeout", "1"])
        assert code == 1 and f"       failed: {why}" in lines, lines


def test_nothing_that_ran_is_no_success():
    code, lines = run()
    assert (code, lines[-1]) == (1, "0 passed, 0 failed, 0 skipped"), lines


def test_reports_keep_the_order_of_the_arguments():
    _, lines = run("sleep 0.3; echo 'ok 1 - a'", "echo 'ok 1 - b'", "echo 'ok 1 - c'")
    order = [line.split(":")[0][-len("program0.sh"):] for line in lines if line.startswith("ok ")]
    assert order == ["program0.sh", "program1.sh", "program2.sh"], lines


if __name__ == "__main__":
    tap.main(globals())
