#!/usr/bin/env python3
"""Limits of a running server: what a key may use, what is told of it, what is kept."""
import json, os, shutil, signal, sqlite3, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

BUSY_S = 5  # how long the server waits for another process
DOCUMENTS = ["Berlin is in Germany.", "Paris is the capital of France."]
KEY = [("Authorization", "Bearer k3y"), ("Content-Type", "application/json")]


def rank(server, headers=KEY, documents=DOCUMENTS, **more):
    body = json.dumps({"query": "capital of France", "documents": documents, **more}).encode()
    status, fields, answer = server.request("POST", "/v1/rerank", headers, body)
    return status, dict(fields), json.loads(answer)


def usage(state):
    """Rows of the store: (key, route, model, requests, tokens, errors)."""
    with sqlite3.connect(f"file:{state}/winnow.db?mode=ro", uri=True) as db:
        names = [row[1] for row in db.execute("PRAGMA table_info(usage)")]
        return [dict(zip(names, row)) for row in db.execute("SELECT * FROM usage")]


def test_requests_a_minute_end_in_429():
    server = api_server.Server("--api-key", "k3y", "--rpm", "3")
    try:
        for left in (2, 1, 0):
            status, fields, answer = rank(server)
            assert status == 200, answer
            assert fields["X-RateLimit-Limit-Requests"] == "3" and fields["X-RateLimit-Remaining-Requests"] == str(left)
        status, fields, answer = rank(server)
        assert status == 429 and answer["code"] == "RATE_REQUEST_LIMIT_EXCEEDED", answer
        assert answer["detail"].startswith("Request rate limit exceeded: 4/3 requests per minute."), answer
        assert 20 <= int(fields["Retry-After"]) <= 23, fields  # and a tenth by chance
        status, _, answer = server.request("GET", "/healthz/ready")
        assert status == 200
    finally:
        server.stop()


def test_tokens_a_minute_are_charged_exactly_and_only_for_success():
    server = api_server.Server("--api-key", "k3y", "--tpm", "100")
    try:
        status, fields, answer = rank(server)
        used = answer["usage"]["total_tokens"]
        assert status == 200 and fields["X-RateLimit-Remaining-Tokens"] == str(100 - used), (fields, used)
        for _ in range(20):  # mistakes cost no tokens
            assert rank(server, documents=[])[0] == 422
        status, fields, answer = rank(server, documents=["word " * 200])
        assert status == 429 and answer["code"] == "RATE_TOKEN_LIMIT_EXCEEDED", answer
        status, fields, _ = rank(server)
        assert status == 200 and int(fields["X-RateLimit-Remaining-Tokens"]) >= 100 - 2 * used
    finally:
        server.stop()


def test_usage_is_in_the_store_soon_after_the_answer():
    state = tempfile.mkdtemp()
    server = api_server.Server("--api-key", "k3y", "--state-dir", state)
    try:
        tokens = sum(rank(server)[2]["usage"]["total_tokens"] for _ in range(5))
        assert rank(server, documents=[])[0] == 422
        deadline = time.time() + 5
        while sum(row["requests"] for row in usage(state)) < 5 and time.time() < deadline:
            time.sleep(0.02)
        rows = usage(state)
        assert sum(row["requests"] for row in rows) == 5, rows
        assert sum(row["tokens"] for row in rows) == tokens, (rows, tokens)
        time.sleep(0.2)
        assert sum(row["errors"] for row in usage(state)) == 1, usage(state)
        assert server.stop() == 0
        mode = os.stat(os.path.join(state, "pepper")).st_mode & 0o777
        assert mode == 0o600 and os.path.getsize(os.path.join(state, "pepper")) == 32, oct(mode)
    finally:
        server.process.kill()
        shutil.rmtree(state)


def test_usage_that_a_busy_store_held_up_is_written_at_the_end():
    state = tempfile.mkdtemp()
    server = api_server.Server("--api-key", "k3y", "--state-dir", state, "--log-level", "error")
    try:
        with sqlite3.connect(f"{state}/winnow.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            assert rank(server)[0] == 200
            time.sleep(0.2)  # to be written, which will fail
            assert rank(server)[0] == 200  # waits behind it
            server.process.send_signal(signal.SIGINT)
            time.sleep(BUSY_S + 0.5)
            other.execute("ROLLBACK")
        assert server.process.wait(60) == 0
        assert sum(row["requests"] for row in usage(state)) == 2, (usage(state), server.lines)
    finally:
        server.process.kill()
        shutil.rmtree(state)


def test_key_given_away_by_mistake_opens_nothing():
    server = api_server.Server("--api-key", "k3y")
    try:
        for headers in ([], [("Authorization", "Bearer k3")], [("Authorization", "Bearer k3yy")],
                        [("Authorization", "Bearer wn_aaaaaaaa_" + "a" * 38)], [("Authorization", "Basic azN5")],
                        [("Cookie", "Authorization=k3y")]):
            status, _, _ = rank(server, headers + KEY[1:])
            assert status == 401, (headers, status)
    finally:
        server.stop()


def test_client_behind_a_trusted_proxy_is_the_one_it_names():
    for trusted, client in ((["--trusted-proxies", "127.0.0.0/8"], "203.0.113.7"), ([], "127.0.0.1")):
        server = api_server.Server("--api-key", "k3y", *trusted)
        try:
            headers = [*KEY, ("X-Forwarded-For", "198.51.100.1, 203.0.113.7"), ("X-Request-Id", "marked")]
            assert rank(server, headers)[0] == 200
        finally:
            server.stop()
        [line] = [line for line in server.lines if "req=marked" in line]
        assert f" client={client} " in line, line


def test_small_body_cannot_ask_for_more_memory_than_there_is():
    server = api_server.Server("--api-key", "k3y", "--memory-limit", "400")
    queries = [f"query {i}" for i in range(1000)]
    members = {f"member {i}": 1 for i in range(64)}
    apart = {"query": "a", "documents": [{"member 0": "b"}] * 156, "rank_fields": members, "return_documents": False}
    try:
        for path, body in (
            ("/v1/rerank/batch", {"queries": queries, "documents": ["a"] * 10000}),
            ("/v1/rerank/batch", {"queries": queries, "documents": [{"text": "a", "more": "b" * 1000000}], "return_documents": True}),
            ("/v1/rerank/batch", {"requests": [apart] * 300}),
            ("/tokenize", {"inputs": "a " * 1000000}),
        ):
            status, _, answer = server.request("POST", path, KEY, json.dumps(body).encode())
            assert status == 413 and b"The request may need" in answer, (list(body), status, answer[:200])
        few = {"queries": queries[:3], "documents": ["a"] * 10000}
        status, _, answer = server.request("POST", "/v1/rerank/batch", KEY, json.dumps(few).encode())
        assert status == 200 and len(json.loads(answer)["data"]) == 3
        status, _, answer = server.request("POST", "/tokenize", KEY, json.dumps({"inputs": ["a " * 1000] * 100}).encode())
        assert status == 200 and [len(tokens) for tokens in json.loads(answer)] == [1002] * 100
    finally:
        server.stop()


def test_many_calls_are_read_in_turns_and_no_longer_than_the_request_may_take():
    server = api_server.Server("--api-key", "k3y", "--tokenization-workers", "1", "--memory-limit", "16000")
    many = {"queries": [f"query {i}" for i in range(1000)], "documents": ["a b c d e " * 40000]}
    ended = []

    def ask(name, headers, path, body):
        status, _, _ = server.request("POST", path, [*KEY, *headers], json.dumps(body).encode())
        ended.append((name, status))

    large = threading.Thread(target=ask, args=("large", [("X-Request-Timeout-Ms", "3000")], "/v1/rerank/batch", many))
    try:
        began = time.monotonic()
        large.start()
        time.sleep(0.5)  # until the worker has it
        ask("small", [], "/v1/rerank", {"query": "a", "documents": ["b", "c"]})
        large.join()
        assert ended == [("small", 200), ("large", 504)], ended
        print(f"# the large one ended after {time.monotonic() - began:.1f} s, it might take 3")
    finally:
        server.stop()


def test_reports_of_usage_hold_up_no_ranking():
    state, n, ended = tempfile.mkdtemp(), 40, []
    server = api_server.Server("--api-key", "k3y", "--admin-key", "4dmin", "--tokenization-workers", "1", "--state-dir", state)

    def report():
        ended.append(server.request("GET", "/v1/usage?key=all", [("Authorization", "Bearer 4dmin")])[0])

    try:
        with sqlite3.connect(f"{state}/winnow.db", timeout=BUSY_S) as other:
            minute = int(time.time()) // 60
            other.executemany("INSERT INTO usage VALUES (?, ?, 'rerank', 'm', 1, 1, 0, 0)",
                              ((minute - i // 100, f"k{i % 100:07}") for i in range(100000)))
        reports = [threading.Thread(target=report) for _ in range(n)]
        for thread in reports:
            thread.start()
        while not ended:
            time.sleep(0.01)
        assert rank(server)[0] == 200
        before = len(ended)
        for thread in reports:
            thread.join()
        assert ended == [200] * n and before < n / 2, (ended, before)
    finally:
        server.stop()
        shutil.rmtree(state)


if __name__ == "__main__":
    tap.main(globals())
