#!/usr/bin/env python3
"""Progress of long requests as server-sent events."""
import http.client, json, os, random, socket, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

WORDS = "river valley stone water slow field house market music engine winter light paper window bread".split()
HEADERS = {"Content-Type": "application/json", "Accept": "text/event-stream"}


def documents(n, words, seed=1):
    rng = random.Random(seed)
    return [" ".join(rng.choice(WORDS) for _ in range(words)) for _ in range(n)]


def ask(connection, body, headers=HEADERS, path="/v1/rerank"):
    """(answer, [(event, data)]) of one request; the events are read to their end."""
    connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.getheader("Content-Type") != "text/event-stream":
        return answer, text
    blocks = text.split("\n\n")
    assert blocks.pop() == ""
    events = []
    for block in blocks:
        name, data = block.split("\n")
        assert name.startswith("event: ") and data.startswith("data: "), block
        events.append((name[7:], json.loads(data[6:])))
    return answer, events


server = api_server.Server("--score-cache", "0", "--vector-cache", "0", "--batch-tokens", "2048")
LONG = {"query": "water in winter", "documents": documents(1500, 100), "return_documents": False}


def test_a_long_request_tells_how_far_it_is_and_then_the_result():
    connection = http.client.HTTPConnection(server.host, server.port)
    answer, events = ask(connection, LONG)
    assert answer.status == 200 and answer.getheader("Cache-Control") == "no-store" and answer.getheader("X-Request-Id")
    progress = [data for name, data in events if name == "progress"]
    assert len(progress) >= 2 and [name for name, _ in events] == ["progress"] * len(progress) + ["result"], events
    done = [data["done"] for data in progress]
    assert done == sorted(set(done)) and all(data["total"] == 1500 for data in progress), progress
    _, plain = ask(connection, LONG, {"Content-Type": "application/json"})  # on the same connection
    assert json.loads(plain)["results"] == events[-1][1]["results"]
    connection.close()


def test_a_short_request_is_one_event():
    connection = http.client.HTTPConnection(server.host, server.port)
    for path, name in (("/v1/rerank", "documents"), ("/rerank", "texts")):
        answer, events = ask(connection, {"query": "water", name: ["a river", "a house"]}, path=path)
        assert [name for name, _ in events] == ["result"], events
    connection.close()


def test_a_mistake_has_its_status():
    connection = http.client.HTTPConnection(server.host, server.port)
    answer, text = ask(connection, {"query": "water"})
    assert answer.status == 422 and json.loads(text)["errors"], text
    connection.close()


def test_a_request_that_fails_later_ends_in_an_error_event():
    fresh = api_server.Server()  # its speed is not yet known, so it cannot refuse at once
    try:
        connection = http.client.HTTPConnection(fresh.host, fresh.port)
        body = {"query": "water in winter", "documents": documents(4000, 100)}
        answer, events = ask(connection, body, {**HEADERS, "X-Request-Timeout-Ms": "1000"})
        assert answer.status == 200 and events[-1][0] == "error", events[-1]
        assert events[-1][1]["code"] == "SERVICE_TIMEOUT", events[-1]
        answer, events = ask(connection, {"query": "water", "documents": ["a river"]})  # the connection goes on
        assert events[-1][0] == "result"
        connection.close()
    finally:
        fresh.stop()


def test_a_client_of_http_1_0_gets_the_plain_answer():
    body = json.dumps({"query": "water", "documents": ["a river"]}).encode()
    with socket.create_connection((server.host, server.port)) as s:
        s.sendall(b"POST /v1/rerank HTTP/1.0\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                  % (len(body), body))
        answer = b""
        while piece := s.recv(65536):
            answer += piece
    assert b"Content-Type: application/json" in answer and b"chunked" not in answer, answer


def test_a_client_that_leaves_the_stream_frees_its_rows():
    body = json.dumps(LONG).encode()
    with socket.create_connection((server.host, server.port)) as s:
        s.sendall(b"POST /v1/rerank HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n"
                  b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        assert b"event: progress" in s.recv(4096) + s.recv(4096)
    cancelled = 0
    for _ in range(100):
        text = server.request("GET", "/metrics")[2].decode()
        cancelled = int(text.split('wn_rows_total{state="cancelled"} ')[1].split("\n")[0])
        if cancelled > 0:
            break
        time.sleep(0.1)
    assert cancelled > 0


if __name__ == "__main__":
    try:
        tap.main(globals())
    finally:
        server.stop()
