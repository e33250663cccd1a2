#!/usr/bin/env python3
"""Clients that send or read as slowly as they can: others are served meanwhile, the slow ones are closed in time, and
nothing of them stays.  WINNOW_LONG=1 takes a thousand of each kind, slow readers too, slowhttptest, and looks at times."""
import json, os, re, resource, select, shutil, socket, subprocess, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

N = 1000 if api_server.LONG else 100
HEADER_S, SLACK_S = 10, 1  # a head has so long, and a body that falls behind 1 KiB/s
STALLED_S, SEND_BYTES_PER_S = 30, 1024
BODY = json.dumps({"query": "a", "documents": ["b", "c"], "return_documents": False}).encode()
server = api_server.Server("--log-level", "error", "--score-cache", "0")
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def metric(name):
    _, _, text = server.request("GET", "/metrics")
    return next(float(line.rsplit(b" ", 1)[1]) for line in text.splitlines() if line.startswith(name.encode() + b" "))


class Normal(threading.Thread):
    """A client that asks and asks; statuses and times."""

    def __init__(self):
        super().__init__()
        self.times, self.statuses, self.over = [], set(), threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            began = time.perf_counter()
            self.statuses.add(server.request("POST", "/v1/rerank", [("Content-Type", "application/json")], BODY)[0])
            self.times.append(time.perf_counter() - began)
            time.sleep(0.01)

    def end(self):
        self.over.set()
        self.join()
        return self

    def p99(self):
        return sorted(self.times)[int(0.99 * len(self.times))]


def wait_for_end(sockets, began, base):
    """Until the server has closed all.  One that reads does not see that before it has read what there was, so of those the
    server's own count tells when the last has gone.  -> seconds that each one lasted"""
    lasted, poll = [], select.poll()
    for s in sockets:
        poll.register(s, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
    index = {s.fileno(): i for i, s in enumerate(sockets)}
    while len(lasted) < len(sockets):
        now = time.monotonic()
        if base is not None and metric("wn_connections") <= base:
            return [now - began[-1]]
        for fd, _ in poll.poll(100) if base is None else ():
            lasted.append(time.monotonic() - began[index[fd]])
            poll.unregister(fd)
        if base is not None:
            time.sleep(0.1)
        assert now - began[0] < 300, "slow clients are still there"
    return lasted


def slow(kinds, read=0, small=False):
    """N connections that send the first bytes of a kind, then a few more each second, until the server closes them.
    -> seconds that each one lasted"""
    sockets, began, over = [], [], threading.Event()
    base = metric("wn_connections") + 2 if small else None
    for i in range(N):
        s = socket.socket()
        if small:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        s.connect((server.host, server.port))
        s.sendall(kinds[i % len(kinds)][0])
        s.setblocking(False)
        sockets.append(s)
        began.append(time.monotonic())

    def go_on():
        while not over.wait(1):
            for i, s in enumerate(sockets):
                try:
                    if read:
                        s.recv(read)
                    else:
                        s.send(kinds[i % len(kinds)][1])
                except OSError:
                    pass  # nothing to read now, or it is closed

    sender = threading.Thread(target=go_on)
    sender.start()
    try:
        return wait_for_end(sockets, began, base)
    finally:
        over.set()
        sender.join()
        for s in sockets:
            s.close()


def check(name, limit, *args, **more):
    fds, resident = metric("process_open_fds"), metric("process_resident_memory_bytes")
    quiet = Normal()
    time.sleep(5 if api_server.LONG else 0.5)
    quiet.end()
    normal = Normal()
    lasted = slow(*args, **more)
    normal.end()
    assert normal.statuses == {200}, normal.statuses
    end = time.monotonic() + 10
    while metric("process_open_fds") > fds + 1 and time.monotonic() < end:
        time.sleep(0.05)
    grown = metric("process_resident_memory_bytes") - resident
    print(f"# {name}: {N} closed after {min(lasted):.1f} to {max(lasted):.1f} s, limit {limit}; others: {len(normal.times)} requests, p99 "
          f"{normal.p99() * 1e3:.1f} ms, quiet {quiet.p99() * 1e3:.1f} ms; memory {grown / 2**20:+.1f} MiB", flush=True)
    assert metric("process_open_fds") <= fds + 1, (fds, metric("process_open_fds"))
    assert grown < N * 256 * 1024 + 32 * 2**20, grown
    if api_server.LONG:
        assert max(lasted) < limit + SLACK_S, max(lasted)
        assert normal.p99() < max(2 * quiet.p99(), quiet.p99() + 0.005), (normal.p99(), quiet.p99())


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
    for s in peers:
        s.close()
    wait_until(lambda: used() < size)


def test_slow_readers():
    if not api_server.LONG:
        raise tap.Skip("takes minutes")
    size = len(server.request("GET", "/openapi.json")[2])
    limit = STALLED_S + (64 * 1024 + size) / SEND_BYTES_PER_S
    requests = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 200
    check("readers that take nothing", limit, [(requests, b"")], small=True)
    check("readers of 100 bytes a second", limit, [(requests, b"")], read=100, small=True)


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
              f"{normal.statuses}, p99 {normal.p99() * 1e3:.1f} ms", flush=True)
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
