#!/usr/bin/env python3
"""Clients that leave in the middle of something: what they held is free again, and what they used is counted, once.
WINNOW_LONG=1 lets thousands leave at random points instead of a hundred."""
import collections, json, random, re, socket, struct, subprocess, sys, tempfile, shutil, os, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

SEED, LEAVERS = 23, 3000 if api_server.LONG else 150
QUERY_TOKENS = 4  # of the query "a": charged once, and computed with the first batch or not at all
state = tempfile.mkdtemp()


def winnow(*words):
    return subprocess.run([api_server.WINNOW, *words, "--state-dir", state], capture_output=True, text=True, check=True,
                          env=api_server.PLAIN_ENV).stdout


made = json.loads(winnow("keys", "create", "--json", "--concurrency", "5", "--rpm", "1000000", "--tpm", "1000000000"))
KEY, KEY_ID = made["key"], made["id"]
WATCHER = winnow("keys", "create", "--scopes", "metrics").strip()
server = api_server.Server("--log-level", "info", "--state-dir", state)


def body(documents, tag=0):
    return json.dumps({"query": "a", "documents": [f"{tag} {i} river bank" * 5 for i in range(documents)],
                       "return_documents": False}).encode()


def message(data):
    return (f"POST /v1/rerank HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(data)}\r\n\r\n").encode() + data


def ask(documents=1):
    """The status of a request on a connection of its own."""
    return server.request("POST", "/v1/rerank", [("Authorization", f"Bearer {KEY}"), ("Content-Type", "application/json")],
                          body(documents))[0]


def metric(name):
    text = server.request("GET", "/metrics", [("Authorization", f"Bearer {WATCHER}")])[2].decode()
    assert "wn_requests_total" in text, text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def leave(data, n, reset):
    """Send n bytes of a message and go."""
    s = socket.create_connection((server.host, server.port), timeout=20)
    s.sendall(data[:n])
    if reset:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def wait_until(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def logged():
    """[(status, tokens)] of the key's requests."""
    return [(int(re.search(r" status=(\d+)", line)[1]), int(re.search(r" tokens=(\d+)", line)[1]))
            for line in list(server.lines) if "event=request" in line and f"key={KEY_ID}" in line]


def test_a_body_that_never_comes_gives_its_place_back():
    """Four at a time of the five that the key may have: cut off by the client in three ways, and by a fault."""
    data = message(body(20))
    for _ in range(3):
        for reset in (False, True):
            leave(data, len(data) - 10, reset)
        with socket.create_connection((server.host, server.port), timeout=20) as s:
            s.sendall(data[:-10])
            s.shutdown(socket.SHUT_WR)
            assert s.recv(12) == b"HTTP/1.1 400"
        with socket.create_connection((server.host, server.port), timeout=20) as s:
            s.sendall(re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked", data[:data.index(b"\r\n\r\n")]) + b"\r\n\r\n+5\r\n")
            assert s.recv(12) == b"HTTP/1.1 400"
        assert wait_until(lambda: ask() == 200), "its places are still taken"


def test_faults_are_in_the_log_and_in_the_metrics():
    before = metric('wn_requests_total{route="none"'), len(server.lines)
    with socket.create_connection((server.host, server.port), timeout=20) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        assert s.recv(12) == b"HTTP/1.1 400"
    assert wait_until(lambda: any("event=request" in line and "status=400" in line and "code=INPUT_INVALID_HTTP" in line
                                  for line in server.lines[before[1]:])), server.lines[before[1]:]
    assert metric('wn_requests_total{route="none"') == before[0] + 1


def test_leaving_at_random_points_leaks_nothing_and_counts_exactly():
    rng = random.Random(SEED)
    assert wait_until(lambda: metric("wn_requests_in_flight ") == 1)
    fds, threads = metric("process_open_fds "), []

    def some(seed):
        own = random.Random(seed)
        for _ in range(LEAVERS // 6):
            data = message(body(own.choice((1, 5, 200)), own.random()))
            n = len(data) if own.random() < 0.5 else own.randrange(len(data))
            leave(data, n, own.random() < 0.5)

    for _ in range(6):
        threads.append(threading.Thread(target=some, args=(rng.random(),)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert wait_until(lambda: metric("wn_connections ") <= 1 and metric("process_open_fds ") <= fds), metric("process_open_fds ")
    assert wait_until(lambda: metric("wn_queue_depth ") == 0 and metric("wn_requests_in_flight ") == 1)
    assert wait_until(lambda: [ask(), ask()] == [200, 200]), "a place is still taken"
    time.sleep(0.3)  # usage is written every 50 ms
    row = json.loads(winnow("usage", "--by", "key", "--key", KEY_ID, "--format", "json"))["data"][0]
    statuses = collections.Counter(status for status, _ in logged())
    print(f"# {LEAVERS} clients left; of the key: {dict(statuses)}; in the store {row}", flush=True)
    assert row["requests"] == statuses[200] + statuses[499], "one that was answered or left, each once"
    assert row["requests"] + row["errors"] == statuses.total() and set(statuses) <= {200, 400, 429, 499}
    answered = sum(tokens for status, tokens in logged() if status == 200)
    most = metric("wn_batch_tokens_sum") + QUERY_TOKENS * row["requests"]
    assert answered <= row["tokens"] <= most, f"answered {answered}, charged {row['tokens']}, computed {most}"
    assert server.stop() == 0
    shutil.rmtree(state)


if __name__ == "__main__":
    tap.main(globals())
