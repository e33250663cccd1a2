#!/usr/bin/env python3
"""What clients do to connections: keep them, pipeline on them, leave them, starve them; and how a server ends."""
import json, os, signal, socket, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

SMALL = json.dumps({"query": "a", "documents": ["b", "c"], "return_documents": False}).encode()


def large(documents, words=60):
    return json.dumps({"query": "a", "documents": [f"{i} " + "river bank " * (words // 2) for i in range(documents)],
                       "return_documents": False}).encode()


def message(body=SMALL, path="/v1/rerank", more=""):
    return (f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n"
            .encode() + body)


def connect(server, timeout=30):
    return socket.create_connection((server.host, server.port), timeout=timeout)


def read_answer(s, buffer=b""):
    """(status, head, body, what came behind it)."""
    while b"\r\n\r\n" not in buffer:
        piece = s.recv(65536)
        if not piece:
            return 0, b"", buffer, b""
        buffer += piece
    head, _, rest = buffer.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(rest) < length:
        piece = s.recv(65536)
        assert piece, "the body ends too early"
        rest += piece
    return status, head, rest[:length], rest[length:]


def metric(server, name):
    _, _, text = server.request("GET", "/metrics")
    return sum(float(line.rsplit(b" ", 1)[1]) for line in text.splitlines()
               if line.startswith(name.encode()) and not line.startswith(b"#"))


def wait_until(what, seconds=10):
    deadline = time.time() + seconds
    while time.time() < deadline:
        if what():
            return True
        time.sleep(0.01)
    return False


server = api_server.Server("--score-cache", "0", "--vector-cache", "0", "--log-level", "error", "--drain-delay", "0",
                          "--max-queue-wait", "600000")  # a slow machine is not what is tested


def test_connection_is_kept_for_many_requests():
    with connect(server) as s:
        for _ in range(50):
            s.sendall(message())
            status, head, _, rest = read_answer(s)
            assert status == 200 and rest == b"" and b"Connection: close" not in head


def test_pipelined_requests_are_answered_in_order():
    with connect(server) as s:
        bodies = [json.dumps({"query": "a", "documents": ["b"] * n, "return_documents": False}).encode() for n in range(1, 17)]
        s.sendall(b"".join(message(body) for body in bodies))
        rest = b""
        for n in range(1, 17):
            status, _, body, rest = read_answer(s, rest)
            assert status == 200 and len(json.loads(body)["results"]) == n, (n, status, body)


def test_nothing_behind_a_broken_message_is_run():
    with connect(server) as s:
        s.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + message())
        status, head, _, rest = read_answer(s)
        assert status == 400 and b"Connection: close" in head
        assert s.recv(65536) == b"" and rest == b""


def test_chunked_body_is_read():
    with connect(server) as s:
        pieces = b"".join(b"%x\r\n%s\r\n" % (len(SMALL[i:i + 7]), SMALL[i:i + 7]) for i in range(0, len(SMALL), 7))
        s.sendall(b"POST /v1/rerank HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n")
        assert read_answer(s)[0] == 200


def test_continue_is_sent_before_the_body_is_wanted():
    with connect(server) as s:
        head, body = message(more="Expect: 100-continue\r\n").split(b"\r\n\r\n", 1)
        s.sendall(head + b"\r\n\r\n")
        status, _, _, rest = read_answer(s)
        assert status == 100 and rest == b""
        s.sendall(body)
        assert read_answer(s)[0] == 200


def test_body_over_the_limit_is_refused_without_reading_it():
    with connect(server) as s:
        s.sendall(b"POST /v1/rerank HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n")
        status, _, body, _ = read_answer(s)
        assert status == 413 and json.loads(body)["code"] == "INPUT_BODY_TOO_LARGE", body


def test_bytes_one_by_one_are_a_request_too():
    with connect(server) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in message():
            s.sendall(bytes([byte]))
        assert read_answer(s)[0] == 200


def test_rows_of_a_client_that_left_are_not_computed():
    before = metric(server, 'wn_rows_total{state="cancelled"}')
    with connect(server) as s:
        s.sendall(message(large(5000)))
        assert wait_until(lambda: metric(server, "wn_queue_depth ") > 1000), "it was never queued"
    assert wait_until(lambda: metric(server, "wn_queue_depth ") == 0), "its rows are still queued"
    assert wait_until(lambda: metric(server, 'wn_rows_total{state="cancelled"}') > before + 1000)
    assert wait_until(lambda: metric(server, "wn_requests_in_flight ") == 1)


def test_what_comes_behind_a_request_waits_in_the_kernel():
    most, sent, piece = 64 * 2**20, 0, b"x" * 2**16
    with connect(server, timeout=0.5) as s:
        s.sendall(message(large(2000)))
        try:
            while sent < most:
                sent += s.send(piece)
        except OSError:
            pass  # nobody takes it, or the server has answered and closed
    assert sent < most
    assert wait_until(lambda: metric(server, "wn_requests_in_flight ") == 1, 60)


def test_small_request_is_not_stuck_behind_a_large_one():
    with connect(server) as s:
        s.sendall(message(large(3000)))
        assert wait_until(lambda: metric(server, "wn_queue_depth ") > 100)
        began = time.time()
        status, _, _ = server.request("POST", "/v1/rerank", [("Content-Type", "application/json")], SMALL)
        took = time.time() - began
        assert status == 200
        assert metric(server, "wn_queue_depth ") > 0, "the large one was done before"
    print(f"# {took * 1000:.0f} ms")


def test_deadline_gives_what_is_scored_by_then():
    body = json.loads(large(4000))
    for deadline_ms in (300, 1000, 3000):  # a machine that does other things may have scored nothing by the first
        body["deadline_ms"] = deadline_ms
        status, _, answer = server.request("POST", "/v1/rerank", [("Content-Type", "application/json")], json.dumps(body).encode())
        results = json.loads(answer)["results"]
        scored = [r for r in results if r.get("scored", True)]
        assert status == 200 and len(results) == 4000, (status, len(results))
        if scored:
            break
    assert 0 < len(scored) < 4000, (deadline_ms, len(scored))
    assert results[:len(scored)] == scored and [r["relevance_score"] for r in scored] == sorted(
        (r["relevance_score"] for r in scored), reverse=True)


def test_timeout_of_a_request_is_504():
    status, _, answer = server.request("POST", "/v1/rerank", [("Content-Type", "application/json"), ("X-Request-Timeout-Ms", "200")],
                                       large(4000))
    assert status in (503, 504), (status, answer)
    assert json.loads(answer)["code"] in ("SERVICE_TIMEOUT", "SERVICE_UNAVAILABLE")
    assert wait_until(lambda: metric(server, "wn_queue_depth ") == 0)


def test_descriptors_return_to_what_they_were():
    before = metric(server, "process_open_fds ")
    sockets = [connect(server) for _ in range(200)]
    assert wait_until(lambda: metric(server, "wn_connections ") >= 200)
    for s in sockets:
        s.close()
    assert wait_until(lambda: metric(server, "process_open_fds ") <= before + 1), metric(server, "process_open_fds ")


def test_drain_finishes_what_is_under_way_and_ends_with_0():
    answers = []

    def ask():
        with connect(server) as s:
            s.sendall(message(large(400)))
            answers.append(read_answer(s)[0])

    threads = [threading.Thread(target=ask) for _ in range(3)]
    idle = connect(server)
    for t in threads:
        t.start()
    assert wait_until(lambda: metric(server, "wn_requests_in_flight ") >= 4)
    server.process.send_signal(signal.SIGTERM)
    for t in threads:
        t.join(60)
    assert answers == [200, 200, 200], answers
    assert idle.recv(1) == b""
    assert server.process.wait(20) == 0, "".join(server.lines)


if __name__ == "__main__":
    tap.main(globals())
