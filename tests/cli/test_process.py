#!/usr/bin/env python3
"""The program as a process: terminals, signals, broken pipes, full disks, resuming; TAP."""
import json, os, pty, select, signal, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import PLAIN_ENV, WINNOW, run

WORDS = "river valley stone water slow field house market music engine light paper".split()


def requests(n, n_docs=3):
    return b"".join(json.dumps({"id": i, "query": WORDS[i % 12], "documents": [f"{w} {i}" for w in WORDS[:n_docs]]}).encode() + b"\n"
                    for i in range(n))


def on_terminal(words, stdin_file, act=None, columns=80, env=None, seconds=60):
    """Run with stdout and stderr on a terminal; act(pid, text so far) may send signals. -> (status, text)"""
    pid, fd = pty.fork()
    if pid == 0:
        os.dup2(os.open(stdin_file, os.O_RDONLY), 0)
        os.execve(WINNOW, [WINNOW, *words], {**PLAIN_ENV, "TERM": "xterm", "LC_ALL": "C.UTF-8", **(env or {})})
    import fcntl, struct, termios
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    text, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.05)[0]:
            try:
                part = os.read(fd, 65536)
            except OSError:
                break
            if not part:
                break
            text += part
        if act is not None:
            act(pid, text)
    else:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(fd)
    return os.waitstatus_to_exitcode(status), text.decode("utf-8", "replace")


def temporary(content):
    f = tempfile.NamedTemporaryFile(suffix=".txt", delete=False)
    f.write(content)
    f.close()
    return f.name


def check_terminal_table_is_cut_to_the_width():
    path = temporary(("a wide text 漢字 " * 40 + "\n" + "short\n").encode())
    import unicodedata
    for columns in (60, 100):
        status, text = on_terminal(["rank", "-q", "text", path], os.devnull, columns=columns)
        assert status == 0, text
        assert "\x1b[" in text, "no colour on a terminal"
        import re
        for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "").split("\n"):
            width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
            assert width <= columns, f"{width} columns of {columns}: {line!r}"
    status, text = on_terminal(["rank", "-q", "text", path], os.devnull, env={"NO_COLOR": "1"})
    assert status == 0 and "\x1b[3" not in text and "\x1b[9" not in text, "colour in spite of NO_COLOR"


def check_interrupt_leaves_a_clean_terminal():
    path = temporary("\n".join(" ".join(WORDS) + f" {i}" for i in range(60000)).encode())
    sent = []

    def act(pid, text):
        if not sent and b" documents" in text:
            sent.append(1)
            os.kill(pid, signal.SIGINT)

    status, text = on_terminal(["rank", "-q", "water", path], os.devnull, act, seconds=90)
    assert sent, f"no progress was shown: {text[:300]!r}"
    assert status in (130, -signal.SIGINT), f"status {status}"
    assert text.endswith("\r\x1b[K"), f"the line is not clean: {text[-80:]!r}"


def check_no_progress_when_it_would_disturb():
    path = temporary("\n".join(" ".join(WORDS) + f" {i}" for i in range(3000)).encode())
    done = run(["rank", "-q", "water", "-f", "tsv", path])
    assert done.returncode == 0 and done.stderr == b"", done.stderr
    status, text = on_terminal(["rank", "-q", "water", "--quiet", "-n", "1", path], os.devnull)
    assert status == 0 and " left" not in text, text[:300]


def check_a_full_disk_is_status_1():
    for words in (["rank", "-q", "water"], ["tokenize", "water"], ["info"], ["help"], ["version"], ["rank", "-f", "jsonl"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([WINNOW, *words], input=requests(1) if "jsonl" in words else b"water\n", stdout=full,
                                  stderr=subprocess.PIPE, env=PLAIN_ENV)
        assert done.returncode == 1, f"{words}: status {done.returncode}"
        assert b"No space left" in done.stderr, done.stderr


def check_a_closed_pipe_ends_quietly():
    p = subprocess.Popen([WINNOW, "rank", "-f", "jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=PLAIN_ENV)
    p.stdout.close()
    try:
        p.stdin.write(requests(3000))
        p.stdin.close()
    except BrokenPipeError:
        pass
    assert p.stderr.read() == b"", "noise on stderr"
    assert p.wait(60) in (-signal.SIGPIPE, 0, 1, 141)


def check_terminate_finishes_the_line():
    with tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "out.jsonl")
        p = subprocess.Popen([WINNOW, "rank", "-f", "jsonl", "--output", out], stdin=subprocess.PIPE, env=PLAIN_ENV)
        p.stdin.write(requests(50))
        p.stdin.flush()
        end = time.monotonic() + 30
        while time.monotonic() < end and not (os.path.exists(out + ".part") and os.path.getsize(out + ".part") > 0):
            time.sleep(0.01)
        p.send_signal(signal.SIGTERM)
        assert p.wait(60) == 0
        part = [f for f in os.listdir(d)]
        assert part == ["out.jsonl.part"], part
        with open(os.path.join(d, part[0]), "rb") as f:
            text = f.read()
        assert text.endswith(b"\n") and all("results" in json.loads(line) for line in text.splitlines())


def check_resume_after_kill_gives_what_one_run_gives():
    whole = run(["rank", "-f", "jsonl"], requests(400))
    assert whole.returncode == 0
    with tempfile.TemporaryDirectory() as d:
        out, source = os.path.join(d, "out.jsonl"), temporary(requests(400))
        words = [WINNOW, "rank", "-f", "jsonl", "--output", out, source]
        p = subprocess.Popen(words, env=PLAIN_ENV)
        while p.poll() is None and not (os.path.exists(out + ".part") and os.path.getsize(out + ".part") > 3000):
            time.sleep(0.002)
        p.kill()
        p.wait()
        turns = 0
        while not os.path.exists(out):
            done = subprocess.run(words[:-1] + ["--resume", source], env=PLAIN_ENV, capture_output=True)
            assert done.returncode == 0, done.stderr
            turns += 1
            assert turns < 3
        with open(out, "rb") as f:
            assert f.read() == whole.stdout
        assert not os.path.exists(out + ".part")


def check_completions_and_manual_are_printed():
    for words in (["completion", "bash"], ["completion", "zsh"], ["completion", "fish"], ["help", "--man"]):
        done = run(words)
        assert done.returncode == 0 and len(done.stdout) > 500 and not done.stderr, words
    assert subprocess.run(["bash", "-n"], input=run(["completion", "bash"]).stdout).returncode == 0


def check_version_and_info_are_json_when_asked():
    assert json.loads(run(["version", "--json"]).stdout)["version"]
    info = json.loads(run(["info", "--json"]).stdout)
    assert info["family"] == "colbert", info


def main():
    checks = [(name[6:], f) for name, f in globals().items() if name.startswith("check_")]
    print(f"1..{len(checks)}")
    for n, (name, f) in enumerate(checks, 1):
        try:
            f()
            print(f"ok {n} - {name}", flush=True)
        except Exception as e:
            print("".join(f"# {line}\n" for line in f"{type(e).__name__}: {e}"[:600].split("\n")), end="")
            print(f"not ok {n} - {name}", flush=True)


if __name__ == "__main__":
    main()
