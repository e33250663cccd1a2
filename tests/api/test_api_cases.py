#!/usr/bin/env python3
"""Send the request of every tests/api/cases/*.case to a running server and compare the answer.

A case file:

    # what must hold, and for whom
    @ --api-key secret               words of the server's command line, if it needs any
    POST /v1/rerank
    Content-Type: application/json
                                     an empty line
    {"query": ...}                   the body, if any
    ---
    200
    Content-Type: application/json   a field of the answer; `*` is any value, `!Name` must not be there
                                     an empty line
    {"model": "<string>", ...}       the body as JSON; nothing here: the body must be empty

In the expected JSON the order of members counts; "<string>", "<int>", "<number>", "<score>" (0 to 1) and
"<any>" stand for values; `"...": 0` at the end of an object and "..." at the end of a list for whatever else.
"""
import atexit, glob, json, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

KINDS = {
    "<string>": lambda v: isinstance(v, str) and v != "",
    "<int>": lambda v: type(v) is int and v >= 0,
    "<number>": lambda v: type(v) is float,
    "<score>": lambda v: type(v) is float and 0 <= v <= 1,
    "<any>": lambda v: True,
}
servers = {}


def server_of(words):
    if words not in servers:
        servers[words] = api_server.Server("--score-cache", "0", "--vector-cache", "0", "--log-level", "info", *words.split())
        atexit.register(servers[words].stop)
    return servers[words]


def load(path):
    with open(path, encoding="utf-8", newline="") as f:
        lines = f.read().split("\n")
    words = [line[2:] for line in lines if line.startswith("@ ")]
    lines = [line for line in lines if not line.startswith(("#", "@ "))]
    cut = lines.index("---")
    return " ".join(words), lines[:cut], lines[cut + 1:]


def split(lines):
    """-> first line, [(name, value)], body text or None."""
    blank = lines.index("") if "" in lines else len(lines)
    fields = [tuple(part.strip() for part in line.partition(":")[::2]) for line in lines[1:blank]]
    body = "\n".join(lines[blank + 1:]).strip("\n")
    return lines[0], fields, body or None


def compare(got, want, where="body"):
    if isinstance(want, str) and want in KINDS:
        assert KINDS[want](got), f"{where} is {got!r}, expected {want}"
    elif isinstance(want, dict):
        assert isinstance(got, dict), f"{where} is {got!r}, expected an object"
        names = [name for name in want if name != "..."]
        have = list(got)[:len(names)] if "..." in want else list(got)
        assert have == names, f"{where} has the members {list(got)}, expected {list(want)}"
        for name in names:
            compare(got[name], want[name], f"{where}.{name}")
    elif isinstance(want, list):
        assert isinstance(got, list), f"{where} is {got!r}, expected a list"
        items = want[:-1] if want and want[-1] == "..." else want
        assert len(got) == len(items) or (items is not want and len(got) >= len(items)), \
            f"{where} has {len(got)} items, expected {len(items)}"
        for i, item in enumerate(items):
            compare(got[i], item, f"{where}[{i}]")
    else:
        assert got == want and type(got) is type(want), f"{where} is {got!r}, expected {want!r}"


def check(path):
    words, request, answer = load(path)
    line, fields, body = split(request)
    method, target = line.split(" ", 1)
    want_status, want_fields, want_body = split(answer)
    status, have, got = server_of(words).request(method, target, fields, None if body is None else body.encode())
    assert status == int(want_status), f"status {status}, expected {want_status}: {got[:500]}"
    have = {name.lower(): value for name, value in have}
    for name, value in want_fields:
        if name.startswith("!"):
            assert name[1:].lower() not in have, f"{name[1:]} is {have[name[1:].lower()]}, expected none"
        else:
            assert name.lower() in have, f"no field {name} in {have}"
            assert value in ("*", have[name.lower()]), f"{name} is {have[name.lower()]!r}, expected {value!r}"
    if want_body is None:
        assert got == b"", f"body is {got[:500]}, expected none"
    elif have.get("content-type", "").startswith("application/json"):
        compare(json.loads(got), json.loads(want_body))
    else:
        assert got.decode().strip() == want_body, f"body is {got[:500]}, expected {want_body}"


def as_test(path):
    def test():
        check(path)

    test.__name__ = "test_" + os.path.basename(path)[:-len(".case")]
    return test


if __name__ == "__main__":
    only = sys.argv[1:]
    paths = sorted(glob.glob(os.path.join(HERE, "cases/*.case")))
    tap.main({f"test_{path}": as_test(path) for path in paths if not only or any(word in path for word in only)})
