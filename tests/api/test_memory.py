#!/usr/bin/env python3
"""A server in a memory cgroup of 1.2 times its --memory-limit, and the largest requests that are legal, from many clients
at once: nobody is killed, what does not fit is refused.  Needs root.  WINNOW_LONG=1: more of all."""
import atexit, collections, http.client, json, os, random, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

MIB = 2**20
LIMIT_MIB, CLIENTS, ROUNDS = (2048, 16, 40) if api_server.LONG else (1024, 4, 3)
INSTRUMENTED = b"__asan_init" in open(api_server.WINNOW, "rb").read() or b"__tsan_init" in open(api_server.WINNOW, "rb").read()


class Group:
    """A memory cgroup, version 1 or 2."""

    def __init__(self, name, limit):
        old = os.path.isdir("/sys/fs/cgroup/memory")
        self.path = os.path.join("/sys/fs/cgroup/memory" if old else "/sys/fs/cgroup", f"winnow-{name}-{os.getpid()}")
        self.limit, self.peak, self.events = (("memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control") if old else
                                              ("memory.max", "memory.peak", "memory.events"))
        try:
            os.mkdir(self.path)
            with open(os.path.join(self.path, self.limit), "w") as f:
                f.write(str(limit))
        except OSError as error:
            raise tap.Skip(f"cannot make a memory cgroup: {error}")
        atexit.register(self.remove)

    def read(self, name):
        with open(os.path.join(self.path, name)) as f:
            return f.read()

    def kills(self):
        return int(dict(line.split() for line in self.read(self.events).splitlines())["oom_kill"])

    def peak_mib(self):
        return int(self.read(self.peak)) / MIB

    def under(self):
        """What starts a program in it."""
        return ["sh", "-c", f'echo $$ > {self.path}/cgroup.procs && exec "$@"', "sh"]

    def remove(self):
        for _ in range(50):
            try:
                return os.rmdir(self.path)
            except OSError:
                time.sleep(0.1)


def rerank(**fields):
    return json.dumps({"query": "capital of france", **fields}).encode()


def worst(rng):
    """One of the largest bodies that are legal."""
    return rng.choice([
        lambda: rerank(documents=["word " * 600] * 10000),                                   # 30 MB of short words
        lambda: rerank(documents=["x" * 3000] * 10000),                                      # no word ends
        lambda: rerank(documents=["a b c d e f " * 2_500_000]),                              # one document
        lambda: rerank(documents=["a"] * 10000),
        lambda: rerank(documents=["\u6f22\u5b57" * 500] * 5000),                             # escaped: 6 bytes a character
        lambda: rerank(documents=[{"text": "a", "k": "v" * 3000}] * 9000),                   # objects that are given back
        lambda: b'{"query":"a","documents":["b"],"x":[' + b"1," * 15_000_000 + b"1]}",       # values that nobody wants
        lambda: b'{"query":"a","documents":["b"],"x":' + b"[" * 60 + b"]" * 60 + b" " * 33_000_000 + b"}",
        lambda: json.dumps({"query": "q " * 1_000_000, "documents": ["d"] * 1000}).encode(),  # a long query
        lambda: rerank(documents=["b"]) + b" " * (33 * MIB),                                 # over the body limit
    ])()


def attack(server, seed, seen):
    rng = random.Random(seed)
    for _ in range(ROUNDS):
        body = worst(rng)
        try:
            connection = http.client.HTTPConnection(server.host, server.port, timeout=120)
            connection.request("POST", "/v1/rerank", body, {"Content-Type": "application/json", "X-Request-Timeout-Ms": "3000"})
            answer = connection.getresponse()
            seen[answer.status] += 1
            if rng.random() < 0.5:
                answer.read()
            else:
                time.sleep(1)  # leaves the answer to the server
            connection.close()
        except OSError as error:
            seen[type(error).__name__] += 1  # refused by its head, before the body was sent


def test_the_worst_requests_stay_within_the_limit():
    if INSTRUMENTED:
        raise tap.Skip("a sanitizer is in it")
    group = Group("worst", int(1.2 * LIMIT_MIB) * MIB)
    server = api_server.Server("--memory-limit", str(LIMIT_MIB), "--log-level", "error", under=group.under())
    seen = collections.Counter()
    threads = [threading.Thread(target=attack, args=(server, i, seen)) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"# {dict(seen)}; peak {group.peak_mib():.0f} MiB of {LIMIT_MIB} that it may have, {1.2 * LIMIT_MIB:.0f} in the group")
    assert group.kills() == 0 and server.process.poll() is None, "".join(server.lines[-5:])
    assert set(seen) <= {200, 400, 413, 422, 429, 503, 504, "BrokenPipeError", "ConnectionResetError"}, seen
    end = time.monotonic() + 60
    while server.request("POST", "/v1/rerank", [("Content-Type", "application/json")], rerank(documents=["a", "b"]))[0] != 200:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert server.stop() == 0


def test_24_documents_of_2000_characters_need_little():
    """A published self-hosted server was killed with 4 GiB by such a request."""
    if INSTRUMENTED:
        raise tap.Skip("a sanitizer is in it")
    group = Group("few", 512 * MIB)
    server = api_server.Server("--log-level", "error", under=group.under())
    body = rerank(documents=[(f"{i} the river flows past the bank " * 80)[:2000] for i in range(24)])
    for _ in range(3):
        assert server.request("POST", "/v1/rerank", [("Content-Type", "application/json")], body)[0] == 200
    print(f"# peak {group.peak_mib():.0f} MiB")
    assert group.kills() == 0 and server.stop() == 0


if __name__ == "__main__":
    tap.main(globals())
