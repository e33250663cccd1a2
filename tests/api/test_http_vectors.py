#!/usr/bin/env python3
"""Every vector of tests/api/http over TCP to a running server: as many answers as it has requests, the fault that it
names, and nothing behind a fault.  test_http_conn.c holds the same against the connection core alone."""
import json, os, random, re, socket, sys, threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap, vectors

# Answers to requests that are read whole: no such route, not this method, a body that is no rerank request.
SERVED = {("GET", "/v1/rerank"): 405, ("OTHER", "/v1/rerank"): 405, ("POST", "/v1/rerank"): 400, ("OPTIONS", "*"): 404}
HEADER_S = 10  # of the server
SEED = 17
server = api_server.Server("--log-level", "error", "--half-close", "answer", "--body-limit", "65536")
all_vectors = vectors.load()


def exchange(pieces, end=True):
    """[(status, body)] of what the server answers until it closes."""
    with socket.create_connection((server.host, server.port), timeout=2 * HEADER_S) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = b""
        try:
            for piece in pieces:
                s.sendall(piece)
            if end:
                s.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered and closed
        while True:
            try:
                more = s.recv(65536)
            except ConnectionResetError:
                break
            if not more:
                break
            answer += more
    answers = []
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 "), answer[:200]
        status, n = int(head[9:12]), int((re.search(rb"\nContent-Length: (\d+)", head) or [0, 0])[1])
        answers.append((status, rest[:n]))
        answer = rest[n:]
    return [(status, body) for status, body in answers if status != 100]


def check(vector, answers):
    want = f"{vector.name}: expected {vector.served}, {vector.fault}, got {answers}"
    assert len(answers) == len(vector.served) + (vector.fault is not None), want
    for request, (status, _) in zip(vector.served, answers):
        method, target = request.split(" ")[:2]
        assert status == SERVED.get((method, target), 404), want
    if vector.fault is not None:
        status, detail = vector.fault
        assert answers[-1][0] == status and detail in json.loads(answers[-1][1])["detail"], want


def cut(data, rng, most):
    at = 0
    while at < len(data):
        n = rng.randint(1, most)
        yield data[at:at + n]
        at += n


def on_rerank():
    """The vectors with a path on which bodies are read."""
    return [vector.with_path("/a", "/v1/rerank").with_path("/b", "/v1/rerank") for vector in all_vectors]


def test_vectors_are_answered_as_they_expect():
    assert len(all_vectors) >= 150
    for vector in on_rerank():
        check(vector, exchange([vector.bytes]))
    print(f"# {len(all_vectors)} vectors")


def test_vectors_in_pieces_are_answered_the_same():
    rng = random.Random(SEED)
    for vector in on_rerank():
        check(vector, exchange(cut(vector.bytes, rng, 1 if len(vector.bytes) < 400 else 4000)))
        check(vector, exchange(cut(vector.bytes, rng, 40 if len(vector.bytes) < 400 else 9000)))


def test_a_body_that_nobody_wants_hides_no_request():
    """On an unknown path the answer is known before the body, which is read and dropped."""
    for vector in all_vectors:
        answers = exchange([vector.bytes])
        assert len(answers) == len(vector.served) + (vector.fault is not None), (vector.name, answers)
        if vector.fault is not None:
            assert answers[-1][0] in (vector.fault[0], 404), (vector.name, answers)


def test_a_fault_ends_a_connection_that_the_client_keeps_open():
    """A message that breaks off is 408 in the end, anything else is closed at once; a deadline lets nobody hang."""
    faulty, late = [vector for vector in on_rerank() if vector.fault is not None], []
    waits = [vector for vector in faulty if "the client ended" in vector.fault[1]]
    for vector in faulty:
        if vector not in waits:
            check(vector, exchange([vector.bytes], end=False))

    def hang(vector):
        vector.fault = 408, ""
        try:
            check(vector, exchange([vector.bytes], end=False))
        except Exception as error:
            late.append((vector.name, error))

    threads = [threading.Thread(target=hang, args=(vector,)) for vector in waits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert threads and not late, late


def test_the_server_is_as_before():
    assert server.request("GET", "/healthz/ready")[0] == 200
    assert server.stop() == 0


if __name__ == "__main__":
    tap.main(globals())
