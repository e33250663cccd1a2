#!/usr/bin/env python3
"""Clients that send or read as slowly as they can: others are served meanwhile, the slow ones are closed in time, and
nothing of them stays.  WINNOW_LONG=1 takes a thousand of each kind, slow readers too, slowhttptest, and looks at times.

Both the client whose times count and the slow ones are processes of their own, and the slow ones act one after the other
all through each second: in one process they would wait for each other's turn of the interpreter, and those waits, which are
the test's and not the server's, were as long as an answer takes.  The server and that client have priority over the slow ones
and, where the system allows it, over all else.  Slow and quiet phases alternate, so that what else the machine does is in
both."""
import json, multiprocessing, os, re, resource, select, shutil, socket, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

N = 1000 if api_server.LONG else 100
HEADER_S, SLACK_S = 10, 1  # a head has so long, and a body that falls behind 1 KiB/s
STALLED_S, SEND_BYTES_PER_S = 30, 1024
QUIET_S, ROUNDS = (10, 3) if api_server.LONG else (0.5, 1)
PRIORITY = 20
UNSENT_BYTES = 256 * 1024  # of a client's answers in the kernel: 128 KiB that wait, and what is under way
ROUNDS_PER_S = 50  # of the slow ones; in each a part of them acts
BODY = json.dumps({"query": "a", "documents": ["b", "c"], "return_documents": False}).encode()


def take_priority():
    """Over other programs, if that is allowed, and within a session, whose processes Linux may schedule as one, too.
    -> by how much the slow clients have to step back from it"""
    try:
        os.nice(-PRIORITY)
        if os.getsid(0) == os.getpid() and os.path.exists("/proc/self/autogroup"):
            with open("/proc/self/autogroup", "w") as f:
                f.write(str(-PRIORITY))
        return PRIORITY
    except PermissionError:
        return 0


BACK = take_priority() if api_server.LONG else 0
server = api_server.Server("--log-level", "error", "--score-cache", "0")
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def metric(name):
    _, _, text = server.request("GET", "/metrics")
    return next(float(line.rsplit(b" ", 1)[1]) for line in text.splitlines() if line.startswith(name.encode() + b" "))


def unsent():
    """-> bytes of answers that the kernel holds"""
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return sum(int(row[4].split(":")[0], 16) for row in rows if int(row[1].split(":")[1], 16) == server.port)


class Apart:
    """A function's work in a process of its own."""

    def __init__(self, work, *args):
        self.theirs, ours = multiprocessing.Pipe(False)
        self.process = multiprocessing.Process(target=lambda: ours.send(work(*args)), daemon=True)
        self.process.start()
        ours.close()

    def result(self):
        value = self.theirs.recv()
        self.process.join()
        return value


def ask(over):
    """Requests, one after the other, until it is over.  -> seconds each, statuses"""
    times, statuses = [], set()
    while not over.is_set():
        began = time.perf_counter()
        statuses.add(server.request("POST", "/v1/rerank", [("Content-Type", "application/json")], BODY)[0])
        times.append(time.perf_counter() - began)
        time.sleep(0.01)
    return times, statuses


class Normal:
    """A client that asks and asks, and what the server computes meanwhile."""

    def __init__(self):
        self.over, self.began, self.cpu_s = multiprocessing.Event(), time.monotonic(), metric("process_cpu_seconds_total")
        self.client = Apart(ask, self.over)

    def end(self):
        self.over.set()
        self.times, self.statuses = self.client.result()
        self.cpu = (metric("process_cpu_seconds_total") - self.cpu_s) / (time.monotonic() - self.began)
        return self


def quiet():
    normal = Normal()
    time.sleep(QUIET_S)
    return normal.end()


def p99(times):
    return sorted(times)[int(0.99 * len(times))]


def open_slow(first, small):
    s = socket.socket()
    if small:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.connect((server.host, server.port))
    s.sendall(first)
    s.setblocking(False)
    return s


def act(s, more, read):
    try:
        if read:
            s.recv(read)
        elif more:
            s.send(more)
    except OSError:
        pass  # nothing to read now, or it is closed


def slow(kinds, read=0, small=False):
    """N connections that send the first bytes of a kind, then a few more each second, until the server closes them.  One that
    reads does not see that before it has read what there was, so of those the server's own count tells when the last has gone.
    -> seconds that each one lasted"""
    os.nice(BACK)
    base, peers, ended, poll = metric("wn_connections") + 2 if small else None, [], [], select.poll()
    for i in range(N):
        peers.append((open_slow(kinds[i % len(kinds)][0], small), time.monotonic()))
        poll.register(peers[-1][0], select.POLLHUP | select.POLLERR | select.POLLRDHUP)
    began_of = {s.fileno(): began for s, began in peers}
    start, turn = peers[0][1], 0
    while len(ended) < N:
        time.sleep(1 / ROUNDS_PER_S)
        for i in range(turn % ROUNDS_PER_S, N, ROUNDS_PER_S):
            act(peers[i][0], kinds[i % len(kinds)][1], read)
        turn += 1
        now = time.monotonic()
        assert now - start < 300, "slow clients are still there"
        if base is None:
            for fd, _ in poll.poll(0):
                ended.append(now - began_of[fd])
                poll.unregister(fd)
        elif turn % 20 == 0 and metric("wn_connections") <= base:
            ended = [now - peers[-1][1]] * N
    for s, _ in peers:
        s.close()
    return ended


def beside_slow(*args):
    """A normal client beside slow ones.  -> it, seconds that the slow ones lasted, bytes of answers in the kernel"""
    normal, peers, held = Normal(), Apart(slow, *args), 0
    if api_server.LONG:
        time.sleep(5)
        held = unsent()
    return peers.result(), held, normal.end()


def check(name, limit, *args):
    fds, resident = metric("process_open_fds"), metric("process_resident_memory_bytes")
    alone, beside, lasted, held = [quiet()], [], [], 0
    for _ in range(ROUNDS):
        ended, held, normal = beside_slow(*args)
        lasted += ended
        beside.append(normal)
        alone.append(quiet())
    end = time.monotonic() + 10
    while metric("process_open_fds") > fds + 1 and time.monotonic() < end:
        time.sleep(0.05)
    grown = metric("process_resident_memory_bytes") - resident
    slow_s, quiet_s = (p99([t for normal in phases for t in normal.times]) for phases in (beside, alone))
    words = [" ".join(f"{what(n):.3g}" for n in phases) for what in (lambda n: 1e3 * p99(n.times), lambda n: 100 * n.cpu)
             for phases in (beside, alone)]
    print(f"# {name}: {N} closed after {min(lasted):.1f} to {max(lasted):.1f} s, limit {limit:.0f}; others: p99 {slow_s * 1e3:.1f} ms, quiet "
          f"{quiet_s * 1e3:.1f} ms ({words[0]}, quiet {words[1]}), slowest {max(t for n in beside for t in n.times) * 1e3:.0f} ms; the server's "
          f"CPU {words[2]} %, quiet {words[3]} %; memory {grown / 2**20:+.1f} MiB, in the kernel {held / 2**20:.1f} MiB", flush=True)
    assert all(normal.statuses == {200} for normal in beside), [normal.statuses for normal in beside]
    assert metric("process_open_fds") <= fds + 1, (fds, metric("process_open_fds"))
    assert grown < N * 256 * 1024 + 32 * 2**20, grown
    assert held < N * UNSENT_BYTES, held
    if api_server.LONG:
        assert max(lasted) < limit + SLACK_S, max(lasted)
        assert slow_s < 2 * quiet_s, (slow_s, quiet_s)


HEADERS = b"POST /v1/rerank HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n"
BODIES = HEADERS[0] + b"Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n" + BODY, b"         "


def test_slow_senders():
    if not api_server.LONG:
        check("headers and bodies", HEADER_S, [HEADERS, BODIES])
        return
    check("headers", HEADER_S, [HEADERS])
    check("bodies", HEADER_S, [BODIES])


def test_answers_that_nobody_takes_are_held_against_the_memory_limit():
    size, n = 10_000_000, 4
    body = json.dumps({"query": "a", "documents": [" " * size]}).encode()  # nothing to compute, all to give back
    request = b"POST /v1/rerank HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def used():
        return metric('wn_request_memory_bytes{kind="used"}')

    def wait_until(what):
        end = time.monotonic() + 60
        while not what():
            assert time.monotonic() < end, used()
            time.sleep(0.05)

    assert used() < size
    peers = []
    for _ in range(n):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.connect((server.host, server.port))
        s.sendall(request)
        peers.append(s)
    wait_until(lambda: metric("wn_requests_in_flight") == 1)
    assert used() >= n * size, used()  # twice as much, of which the kernel has a part
    assert unsent() < n * UNSENT_BYTES, unsent()
    for s in peers:
        s.close()
    wait_until(lambda: used() < size)


def test_slow_readers():
    if not api_server.LONG:
        raise tap.Skip("takes minutes")
    size = len(server.request("GET", "/openapi.json")[2])
    limit = STALLED_S + (64 * 1024 + size) / SEND_BYTES_PER_S
    requests = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 200
    check("readers that take nothing", limit, [(requests, b"")], 0, True)
    check("readers of 100 bytes a second", limit, [(requests, b"")], 100, True)


def test_slowhttptest():
    if not api_server.LONG:
        raise tap.Skip("takes minutes")
    if not shutil.which("slowhttptest"):
        raise tap.Skip("no slowhttptest")
    url = f"{server.url}/v1/rerank"
    for name, words in (("-H", ["-H", "-i", "5", "-u", url]), ("-B", ["-B", "-i", "5", "-s", "8192", "-f", "application/json", "-u", url]),
                        ("-X", ["-X", "-k", "10", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-u", f"{server.url}/openapi.json"])):
        fds, normal = metric("process_open_fds"), Normal()
        done = subprocess.run(["slowhttptest", "-c", "1000", "-r", "200", "-l", "60", "-p", "3", "-v", "1", *words],
                              capture_output=True, text=True, timeout=200)
        normal.end()
        text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
        print(f"# slowhttptest {name}: {' '.join(re.findall(r'Exit status:.*|Hit .*', text))[:200]}; others {len(normal.times)} requests, "
              f"{normal.statuses}, p99 {p99(normal.times) * 1e3:.1f} ms", flush=True)
        assert normal.statuses == {200}, normal.statuses
        end = time.monotonic() + 60
        while metric("process_open_fds") > fds + 1 and time.monotonic() < end:
            time.sleep(0.1)
        assert metric("process_open_fds") <= fds + 1


def test_the_server_is_as_before():
    assert server.request("GET", "/healthz/ready")[0] == 200
    assert server.stop() == 0


if __name__ == "__main__":
    tap.main(globals())
