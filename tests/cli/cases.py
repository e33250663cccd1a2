"""Read the cases of tests/cli/cases and run them.

A case is a paragraph:

    the name, which says the behaviour
    $ rank -q "delete a folder" FILE      the words of a command line, quoted as in a shell
    < one line of standard input          as Python would write it: \\t, \\xff, \\u4e2d
    @ FILE                                the input above becomes a file of this name instead
    = 2                                   exit status; 0 when it is not given
    > one line of standard output         all of them, or none of these lines: not looked at
    ~ a part of standard output
    ! a part of standard error            without one, standard error is empty

Scores, counts of tokens and times depend on the model, so in both outputs they read as N.
"""
import os, re, shlex, subprocess, tempfile

NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
HERE = os.path.dirname(os.path.abspath(__file__))
WINNOW = os.environ.get("WINNOW", os.path.join(HERE, "../../build/release/winnow"))
PLAIN_ENV = {"PATH": os.environ["PATH"], **{k: v for k, v in os.environ.items() if "SAN_OPTIONS" in k}}


def run(words, stdin=b"", **more):
    """One run of the program in a plain environment."""
    return subprocess.run([WINNOW, *words], input=stdin, env=PLAIN_ENV, timeout=100, capture_output=True,
                          **more)


def normalise(text):
    text = re.sub(rf'"(logit|relevance_score|total_tokens)":{NUMBER}', r'"\1":N', text)
    text = re.sub(r'"(weight|special)":-?\d+\.\d+(?:e[-+]?\d+)?', r'"\1":N', text)
    text = re.sub(r"(?<=  )[+-][\d.]+(?:e[-+]\d+)?(?= \S)", "+N", text)
    text = re.sub(rf"^(\d+\t\d+)\t{NUMBER}\t{NUMBER}", r"\1\tN\tN", text, flags=re.M)
    return re.sub(r"^( +\d+)  [█▏▎▍▌▋▊▉ ]{10}  +[\d.]+", r"\1  BAR N", text, flags=re.M)


def load(path):
    """The cases of one file: (name, [(mark, rest)])."""
    with open(path, encoding="utf-8") as f:
        for paragraph in re.split(r"\n\n+", f.read().strip()):
            lines = [line for line in paragraph.split("\n") if not line.startswith("#")]
            if lines:
                yield lines[0], [(line[0], line[2:]) for line in lines[1:]]


def unescape(text):
    """Python's escapes; \\xHH is a byte, other characters are UTF-8."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]),
                  text.replace("\\t", "\t").replace("\\r", "\r").encode())


def check(steps):
    """Run one case; AssertionError tells what differs."""
    pending, files, words, want = [], {}, None, {"=": ["0"], ">": [], "~": [], "!": []}
    for mark, rest in steps:
        if mark == "$":
            words = [unescape(word) for word in shlex.split(rest)]
        elif mark == "<":
            pending.append(unescape(rest))
        elif mark == "@":
            files[rest], pending = b"".join(line + b"\n" for line in pending), []
        elif mark == "=":
            want["="] = [rest]
        else:
            want[mark].append(rest)
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            with open(os.path.join(folder, name), "wb") as f:
                f.write(content)
        done = run(words, b"".join(line + b"\n" for line in pending), cwd=folder)
    out, err = normalise(done.stdout.decode()), done.stderr.decode()
    seen = f"\nstatus {done.returncode}\nstdout:\n{out}\nstderr:\n{err}"
    assert str(done.returncode) == want["="][0], f"expected status {want['='][0]}{seen}"
    assert not want[">"] or out == "".join(line + "\n" for line in want[">"]), "stdout differs" + seen
    for part in want["~"]:
        assert part in out, f"stdout lacks {part!r}{seen}"
    for part in want["!"]:
        assert part in err, f"stderr lacks {part!r}{seen}"
    assert want["!"] or not err, "stderr is not empty" + seen
