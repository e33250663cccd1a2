#!/usr/bin/env python3
"""The program as a process: terminals, signals, broken pipes, full disks, streams that go on."""
import atexit, fcntl, json, os, pty, re, resource, select, shutil, signal, struct, subprocess, sys
import tempfile, termios, time, unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../.."))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
from cases import PLAIN_ENV, WINNOW, run
import tap

WORDS = "river valley stone water slow field house market music engine light paper".split()
MODEL = os.path.join(ROOT, "models/default")
scratch = tempfile.mkdtemp(prefix="winnow-cli-")
atexit.register(shutil.rmtree, scratch)


def file_of(name, content):
    path = os.path.join(scratch, name)
    with open(path, "wb") as f:
        f.write(content)
    return path


def content_of(path):
    with open(path, "rb") as f:
        return f.read()


def lines(n):
    return file_of(f"lines-{n}", "\n".join(" ".join(WORDS) + f" {i}" for i in range(n)).encode())


def requests(n, bad=()):
    return b"".join(b"not json\n" if i in bad else json.dumps(
        {"id": i, "query": WORDS[i % 12], "documents": [f"{w} {i}" for w in WORDS[:3]]}).encode() + b"\n"
        for i in range(n))


def start(*words, **more):
    return subprocess.Popen([WINNOW, *words], env=PLAIN_ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **more)


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def size_of(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


def on_terminal(*words, act=None, columns=80, env={}):
    """Run with standard output and error on a terminal; act(pid, text so far) may send signals.
    -> (exit status, all that the terminal was sent)"""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    done = subprocess.Popen([WINNOW, *words], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                            env={**PLAIN_ENV, "TERM": "xterm", **env}, start_new_session=True)
    os.close(slave)
    text, end = b"", time.monotonic() + 90
    while time.monotonic() < end:
        if select.select([master], [], [], 0.02)[0]:
            try:
                text += os.read(master, 65536)
            except OSError:  # the program has ended
                break
        if act:
            act(done.pid, text)
    else:
        done.kill()
    os.close(master)
    return done.wait(), text.decode()


def columns_of(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


# ---- terminals -----------------------------------------------------------------------------------


def test_a_table_is_cut_to_the_width_of_the_terminal():
    path = file_of("wide", ("a wide text 漢字 " * 40 + "\nshort\n").encode())
    for columns in (60, 80, 81, 120):
        status, text = on_terminal("rank", "-q", "text", path, columns=columns)
        shown = re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r", "").split("\n")
        assert status == 0 and "\x1b[36m" in text, text
        assert max(map(columns_of, shown)) in (columns, columns - 1), shown
        assert any(line.endswith("…") for line in shown), shown


def test_no_color_is_respected():
    status, text = on_terminal("rank", "-q", "text", lines(2), env={"NO_COLOR": "1"})
    assert status == 0 and "\x1b" not in text, text
    status, text = on_terminal("rank", "-q", "text", lines(2), env={"TERM": "dumb"})
    assert status == 0 and "\x1b" not in text, text


def test_control_characters_of_a_document_never_reach_the_terminal():
    evil = file_of("evil", b"a\x1b]0;title\x07b\x1b[2Jc\x9b\x0d\x08\n".replace(b"\x9b", b"\xc2\x9b"))
    for form in ("table", "json", "jsonl", "tsv"):
        status, text = on_terminal("rank", "-q", "text", "-f", form, evil, env={"NO_COLOR": "1"})
        assert status == 0 and not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text), repr(text)


def test_progress_is_drawn_and_an_interrupt_leaves_a_clean_terminal():
    sent = []

    def interrupt(pid, text):
        if b" left" in text and not sent:
            sent.append(os.kill(pid, signal.SIGINT))

    status, text = on_terminal("rank", "-q", "water", lines(100000), act=interrupt)
    assert sent, f"no progress was drawn: {text[:300]!r}"
    assert status == 130, status
    assert text.endswith("\r\x1b[K") and "\n" not in text, repr(text[-80:])
    drawn = [line for line in re.sub(r"\x1b\[[0-9;]*[mK]", "", text).split("\r") if line]
    assert all(" of 100,000 documents" in line and columns_of(line) < 80 for line in drawn), drawn


def test_no_progress_where_it_would_disturb():
    seconds, n = 0, 1000
    while seconds < 1.5:  # progress is for work over a second
        n *= 2
        began = time.monotonic()
        done = run(["rank", "-q", "water", "-n", "1", lines(n)])
        seconds = time.monotonic() - began
        assert done.returncode == 0 and done.stderr == b"", done.stderr
    for words, env in ((["--quiet"], {}), ([], {"CI": "true"}), ([], {"TERM": "dumb"})):
        status, text = on_terminal("rank", "-q", "water", "-n", "1", lines(n), *words, env=env)
        assert status == 0 and " left" not in text, text


# ---- pipes and disks -----------------------------------------------------------------------------


def test_a_full_disk_is_status_1():
    for words in (["rank", "-q", "water"], ["tokenize", "water"], ["info"], ["help"], ["version"],
                  ["rank", "-f", "jsonl"], ["completion", "zsh"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([WINNOW, *words], input=requests(1) if "jsonl" in words else b"river",
                                  stdout=full, stderr=subprocess.PIPE, env=PLAIN_ENV)
        assert done.returncode == 1, f"{words}: status {done.returncode}"
        assert b"standard output: No space left" in done.stderr, done.stderr


def test_a_reader_that_has_gone_ends_the_stream_quietly():
    p = start("rank", "-f", "jsonl")
    p.stdout.close()
    try:
        p.stdin.write(requests(3000))
        p.stdin.close()
    except BrokenPipeError:
        pass
    assert p.stderr.read() == b"" and p.wait(60) == 0


def test_closed_descriptors_are_not_taken_by_files():
    target = os.path.join(scratch, "closed.jsonl")
    shell = 'exec "$0" rank -f jsonl -o "$1" "$2" 0<&- 1>&- 2>&-'
    source = file_of("closed-in", b"bad\n" + requests(1))
    done = subprocess.run(["sh", "-c", shell, WINNOW, target, source], env=PLAIN_ENV)
    assert done.returncode == 3
    assert [("error" in json.loads(line)) for line in content_of(target).splitlines()] == [True, False]
    done = subprocess.run(["sh", "-c", 'exec "$0" version >&-', WINNOW], env=PLAIN_ENV, capture_output=True)
    assert done.returncode == 1 and b"cannot write" in done.stderr


# ---- streams -------------------------------------------------------------------------------------


def test_each_answer_is_written_before_the_next_request_is_read():
    p = start("rank", "-f", "jsonl")
    for i in range(3):
        p.stdin.write(json.dumps({"id": i, "query": "water", "documents": ["river"]}).encode() + b"\n")
        p.stdin.flush()
        assert json.loads(p.stdout.readline())["id"] == i
    p.communicate()
    assert p.returncode == 0


def test_a_line_over_the_limit_is_one_error_and_memory_stays_bounded():
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (1200 << 20, 1200 << 20))

    sanitized = "SAN_OPTIONS" in "".join(PLAIN_ENV) or b"__asan" in content_of(WINNOW)
    many = b'{"query":"a","documents":[' + b"1," * (20 << 20) + b"1]}\n"
    p = start("rank", "-f", "jsonl", preexec_fn=None if sanitized else limit)
    out, err = p.communicate(b'{"query":"' + b"x" * (65 << 20) + b'"}\n' + many + requests(1))
    answers = [json.loads(line) for line in out.splitlines()]
    assert p.returncode == 3 and len(answers) == 3, err
    assert "longer than 67108864 bytes" in answers[0]["error"] and answers[0]["line"] == 1
    assert "JSON values, at most 1048576" in answers[1]["error"] and "results" in answers[2]


def test_scores_are_the_shortest_numbers_that_read_back():
    documents = [" ".join(WORDS[i:i + 3]) for i in range(10)]
    source = json.dumps({"query": "water", "documents": documents}).encode()
    answer = json.loads(run(["rank", "-f", "jsonl"], source).stdout, parse_float=str)
    for r in answer["results"]:
        assert r["relevance_score"] == repr(float(r["relevance_score"])), r
        single = struct.unpack("f", struct.pack("f", float(r["logit"])))[0]
        shortest = min((f"{single:.{n}g}" for n in range(6, 10)),
                       key=lambda t: (struct.pack("f", float(t)) != struct.pack("f", single), len(t)))
        assert float(r["logit"]) == float(shortest), r
    logits = [float(r["logit"]) for r in answer["results"]]
    assert len(logits) == 10 and logits == sorted(logits, reverse=True)


def test_shards_are_the_whole():
    whole = run(["rank", "-f", "jsonl"], requests(20, bad=[7])).stdout.splitlines()
    parts = [run(["rank", "-f", "jsonl", "--quiet", "--shard", f"{i}/3"], requests(20, bad=[7])) for i in range(3)]
    for i, part in enumerate(parts):
        assert part.stdout.splitlines() == whole[i::3] and part.returncode == (3 if i == 1 else 0)


def test_an_output_file_is_there_whole_or_not_at_all():
    target = os.path.join(scratch, "whole.jsonl")
    p = start("rank", "-f", "jsonl", "-o", target)
    p.stdin.write(requests(1))
    p.stdin.flush()
    wait_until(lambda: size_of(target + ".part"))
    assert not os.path.exists(target)
    other = run(["rank", "-f", "jsonl", "-o", target], requests(1))
    assert other.returncode == 1 and b"being written by another process" in other.stderr, other.stderr
    other = run(["rank", "-q", "x", "-o", target], b"a text\n")
    assert other.returncode == 1 and b"being written by another process" in other.stderr, other.stderr
    p.communicate()
    assert p.returncode == 0 and len(content_of(target).splitlines()) == 1
    assert not os.path.exists(target + ".part")


def test_a_stop_at_the_end_of_the_work_keeps_the_result():
    target = os.path.join(scratch, "late.json")
    p = start("rank", "-q", "x", "-f", "json", "-o", target)
    p.stdin.write(b"a text\n")
    p.stdin.close()
    p.stdin = None
    wait_until(lambda: size_of(target + ".part") or os.path.exists(target))
    p.send_signal(signal.SIGTERM)
    status = p.wait(60)
    assert (status == 0) == os.path.exists(target), status
    assert status in (0, 143) and not os.path.exists(target + ".part"), status


def test_resume_refuses_the_output_of_another_input():
    target = os.path.join(scratch, "foreign.jsonl")
    with open(target + ".part", "wb") as f:
        f.write(b'{"x":1}\n{"x":2}\n')
    p = run(["rank", "-f", "jsonl", "-o", target, "--resume"], requests(1))
    assert p.returncode == 4 and b"2 lines already, but the input has only 1" in p.stderr, p.stderr
    assert not os.path.exists(target) and len(content_of(target + ".part").splitlines()) == 2


def test_a_folder_is_no_output_file():
    p = run(["rank", "-q", "x", "-o", scratch], b"a text\n")
    assert p.returncode == 1 and b"is a directory, expected a file" in p.stderr, p.stderr
    assert not os.path.exists(scratch + ".part")


def test_a_size_limit_is_an_error_and_leaves_nothing():
    target = os.path.join(scratch, "limited.json")
    p = start("rank", "-q", "x", "-f", "json", "-o", target,
              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)))
    err = p.communicate(b"word " * 4000 + b"\n")[1]
    assert p.returncode == 1 and b"File too large" in err, (p.returncode, err)
    assert not os.path.exists(target) and not os.path.exists(target + ".part")


def test_terminate_ends_a_write_that_nobody_reads():
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    p = subprocess.Popen([WINNOW, "help", "--markdown"], stdout=write_end, stderr=subprocess.PIPE, env=PLAIN_ENV)
    os.close(write_end)
    try:
        time.sleep(0.3)  # until the pipe is full; sooner, the test is only weaker
        p.send_signal(signal.SIGTERM)
        assert p.wait(30) == 143
    finally:
        os.close(read_end)
        p.stderr.close()


def test_a_request_may_come_through_a_pipe_and_have_a_mark():
    path = os.path.join(scratch, "marked.json")
    with open(path, "wb") as f:
        f.write(b"\xef\xbb\xbf" + requests(1))
    whole = run(["rank", "-f", "json", "--request", "-"], requests(1))
    marked = run(["rank", "-f", "json", "--request", path])
    assert whole.returncode == 0 and marked.stdout == whole.stdout, marked.stderr
    fifo = os.path.join(scratch, "request.fifo")
    os.mkfifo(fifo)
    p = start("rank", "-f", "json", "--request", fifo)
    with open(fifo, "wb") as f:
        f.write(requests(1))
    out, err = p.communicate()
    assert p.returncode == 0 and out == whole.stdout, err


def test_weights_that_are_cut_meanwhile_end_the_program_with_a_message():
    model = os.path.join(scratch, "cut")
    shutil.copytree(os.path.join(ROOT, "tests/golden/models/bert"), model)
    p = start("rank", "-f", "jsonl", "-m", model)
    p.stdin.write(requests(1))
    p.stdin.flush()
    p.stdout.readline()
    os.truncate(os.path.join(model, "model.safetensors"), 100)
    out, err = p.communicate(requests(5))
    assert p.returncode == 1 and b"cut" in err, (p.returncode, err)


def test_terminate_ends_the_wait_for_a_fifo():
    fifo = os.path.join(scratch, "quiet.fifo")
    os.mkfifo(fifo)
    for args, status in ((["-f", "jsonl"], 0), (["-q", "x"], 143)):
        p = start("rank", *args, fifo)
        time.sleep(0.3)
        p.send_signal(signal.SIGTERM)
        assert p.wait(30) == status, (args, p.stderr.read())


def test_what_cannot_be_resumed_leaves_no_part():
    target = os.path.join(scratch, "failed.json")
    assert run(["rank", "-q", "x", "-o", target], b"").returncode == 4
    assert not os.path.exists(target) and not os.path.exists(target + ".part")


def test_terminate_finishes_the_line_and_is_success():
    target = os.path.join(scratch, "terminated.jsonl")
    p = start("rank", "-f", "jsonl", "-o", target)
    p.stdin.write(requests(50))
    p.stdin.flush()
    wait_until(lambda: size_of(target + ".part"))
    p.send_signal(signal.SIGTERM)
    assert p.wait(60) == 0 and not os.path.exists(target)
    text = content_of(target + ".part")
    assert text.endswith(b"\n") and all("results" in json.loads(line) for line in text.splitlines())
    done = run(["rank", "-f", "jsonl", "-o", target, "--resume"], requests(50))
    assert done.returncode == 0 and content_of(target) == run(["rank", "-f", "jsonl"], requests(50)).stdout


def test_terminate_and_interrupt_end_a_wait_for_input():
    for number, status in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        p = start("rank", "-f", "jsonl")
        p.stdin.write(requests(1))
        p.stdin.flush()
        p.stdout.readline()
        p.send_signal(number)
        assert p.wait(30) == status and p.stdout.read() == b""
    p = start("rank", "-q", "water")
    time.sleep(0.3)
    p.send_signal(signal.SIGTERM)
    assert p.wait(30) == 143


def test_resuming_after_a_kill_gives_what_one_run_gives():
    source = file_of("kill-in", requests(300, bad=[2]))
    whole = run(["rank", "-f", "jsonl", source])
    target = os.path.join(scratch, "killed.jsonl")
    for enough in (1, 2000, 9000):
        p = start("rank", "-f", "jsonl", "-o", target, "--resume", source)
        wait_until(lambda: p.poll() is not None or size_of(target + ".part") > enough)
        p.kill()
        p.communicate()
        if os.path.exists(target + ".part"):  # as if the kill had torn a line
            with open(target + ".part", "ab") as f:
                f.write(b'{"id":')
    done = run(["rank", "-f", "jsonl", "-o", target, "--resume", source])
    assert done.returncode == (0 if b"nothing to do" in done.stderr else 3), done.stderr
    assert content_of(target) == whole.stdout
    done = run(["rank", "-f", "jsonl", "-o", target, "--resume", source])
    assert done.returncode == 0 and b"is there already, nothing to do" in done.stderr


# ---- models and manuals --------------------------------------------------------------------------


def test_verify_passes_for_the_built_in_model_and_its_directory():
    for words in ([], ["--model", MODEL]):
        report = json.loads(run(["verify", "--json", *words]).stdout)
        assert report["ok"] and report["checks"][0]["outcome"] == "ok", report
        second = report["checks"][1]
        assert (second["check"], second["outcome"]) == ("published scores", "skipped"), second
    assert run(["verify", "--quiet"]).stdout == b""


def test_verify_notices_a_model_that_scores_differently():
    folder = os.path.join(scratch, "model")
    shutil.copytree(MODEL, folder)
    path = os.path.join(folder, "reference.jsonl")
    pairs = [json.loads(line) for line in content_of(path).splitlines()[:3]]
    pairs[1]["raw_score"] += 3e-4
    file_of("model/reference.jsonl", b"".join(json.dumps(p).encode() + b"\n" for p in pairs))
    done = run(["verify", "--model", folder])
    assert done.returncode == 4 and b"reference.jsonl line 2: score" in done.stdout, done.stdout
    os.remove(path)
    report = json.loads(run(["verify", "--json", "--model", folder]).stdout)
    assert report["ok"] and report["checks"][0]["outcome"] == "skipped", report
    file_of("model/reference.jsonl", b'{"query": "a"}\n')
    done = run(["verify", "--model", folder])
    assert done.returncode == 4 and b"expected query, document and raw_score" in done.stderr, done.stderr


def test_embed_gives_a_vector_of_length_1_for_each_text():
    model = os.path.join(ROOT, "tests/golden/models/embed-mean")
    dim = json.loads(run(["info", "--json", "--model", model]).stdout)["dimension"]
    done = run(["embed", "--model", model], b"one\ntwo words\n\n")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and [r["index"] for r in rows] == [0, 1, 2], done
    for r in rows:
        assert len(r["embedding"]) == dim and abs(sum(x * x for x in r["embedding"]) - 1) < 1e-5
    same = run(["embed", "--model", model, "--input", "jsonl"], b'{"text": "two words"}\n')
    assert json.loads(same.stdout)["embedding"] == rows[1]["embedding"]


def test_the_example_puts_the_texts_about_its_query_first():
    answer = run(["rank", "--request", os.path.join(ROOT, "examples/skincare.json"), "-f", "json"])
    indexes = [r["index"] for r in json.loads(answer.stdout)["results"]]
    assert set(indexes[:5]) == {0, 2, 4, 6, 8}, indexes


def test_info_and_version_are_json_when_asked():
    assert json.loads(run(["version", "--json"]).stdout)["name"] == "winnow"
    info = json.loads(run(["info", "--json", "--threads", "1"]).stdout)
    assert info["threads"] == 1 and info["max_tokens"] > 0 and info["activation_bytes"] > 0, info


def test_the_reference_of_the_command_line_is_up_to_date():
    assert run(["help", "--markdown"]).stdout == content_of(os.path.join(ROOT, "docs/cli.md")), \
        "docs/cli.md differs from the option table: run `make docs`"


def test_the_manual_page_has_no_troff_mistakes():
    page = run(["help", "--man"]).stdout
    assert b".SH EXIT STATUS" in page
    if not shutil.which("groff"):
        raise tap.Skip("groff is not installed")
    done = subprocess.run(["groff", "-man", "-ww", "-Tutf8"], input=page, capture_output=True)
    assert done.returncode == 0 and done.stderr == b"", done.stderr


def test_completions_are_scripts_of_their_shells():
    for shell in ("bash", "zsh", "fish"):
        script = run(["completion", shell]).stdout
        assert b"rank" in script and b"long-docs" in script
        if shutil.which(shell):
            assert subprocess.run([shell, "-n"], input=script).returncode == 0, shell


def complete(line):
    """What bash offers for the last word of a line."""
    words = line.split(" ")
    script = run(["completion", "bash"]).stdout.decode() + (
        f"compopt() {{ :; }}\nCOMP_WORDS=({' '.join(repr(w) for w in words)}); COMP_CWORD={len(words) - 1}\n"
        "_winnow\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n")
    return subprocess.run(["bash"], input=script.encode(), stdout=subprocess.PIPE).stdout.decode().split()


def test_bash_completes_commands_options_choices_and_files():
    assert complete("winnow ver") == ["verify", "version"]
    assert complete("winnow rank --lon") == ["--long-docs"]
    assert complete("winnow rank --format j") == ["json", "jsonl"]
    assert complete("winnow help tok") == ["tokenize"]
    assert complete("winnow completion z") == ["zsh"]
    assert complete(f"winnow rank {ROOT}/Makef") == [f"{ROOT}/Makefile"]


if __name__ == "__main__":
    tap.main(globals())
