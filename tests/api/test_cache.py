#!/usr/bin/env python3
"""Scores that are kept: same bits, told in usage, apart by key, there again after a restart."""
import concurrent.futures, glob, json, os, shutil, signal, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

DOCUMENTS = ["Berlin is in Germany.", "Paris is the capital of France.", "Rome has seven hills.", "Berlin is in Germany."]


def rank(server, path="/v1/rerank", documents=DOCUMENTS, key="k3y", **more):
    body = json.dumps({"query": "capital of France", "documents": documents, "return_logits": True, **more}).encode()
    headers = [("Authorization", f"Bearer {key}"), ("Content-Type", "application/json")]
    status, _, answer = server.request("POST", path, headers, body)
    assert status == 200, answer
    return json.loads(answer)


def rows(server, state):
    text = server.request("GET", "/metrics", [("Authorization", "Bearer k3y")])[2].decode()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(f'wn_rows_total{{state="{state}"}}'))


def test_repeated_request_has_the_same_scores_and_says_what_was_not_read():
    server = api_server.Server("--api-key", "k3y")
    try:
        first, second = rank(server), rank(server)
        assert first["results"] == second["results"]
        assert "cached_tokens" not in first["usage"], first["usage"]
        total, cached = second["usage"]["total_tokens"], second["usage"]["cached_tokens"]
        assert total == first["usage"]["total_tokens"] and total / 2 < cached <= total, second["usage"]
        assert (rows(server, "computed"), rows(server, "cached")) == (3, 3)
        some = rank(server, documents=DOCUMENTS[:2] + ["Something else."])
        assert some["usage"]["cached_tokens"] < some["usage"]["total_tokens"] and rows(server, "computed") == 4
        cohere = rank(server, "/v2/rerank")
        assert cohere["meta"]["cached_tokens"] == cached, cohere["meta"]
        many = {"requests": [{"query": "capital of France", "documents": DOCUMENTS}] * 2}
        status, _, answer = server.request("POST", "/v1/rerank/batch", [("Authorization", "Bearer k3y")], json.dumps(many).encode())
        assert status == 200 and json.loads(answer)["usage"]["cached_tokens"] == 2 * cached, answer
    finally:
        server.stop()


def test_documents_seen_before_are_not_read_for_another_query():
    for format in ("f32", "int8"):
        answers = []
        for vectors in ("64", "0"):
            server = api_server.Server("--api-key", "k3y", "--vector-cache", vectors, "--vector-format", format)
            try:
                rank(server)
                answers.append(rank(server, query="What is in Germany?"))
                kept = vectors != "0"
                assert (rows(server, "computed"), rows(server, "vectors")) == ((3, 3) if kept else (6, 0))
                assert ("cached_tokens" in answers[-1]["usage"]) == kept, answers[-1]["usage"]
            finally:
                server.stop()
        same = [[(r["index"], r["logit"]) for r in answer["results"]] for answer in answers]
        assert (same[0] == same[1]) == (format == "f32"), same  # without a cache nothing is rounded


def test_scores_are_those_of_the_instruction():
    server = api_server.Server("--api-key", "k3y", "--model", "tests/golden/models/qwen3")
    try:
        facts = json.loads(server.request("GET", "/v1/models/qwen3", [("Authorization", "Bearer k3y")])[2])
        assert facts["takes_instructions"] is True, facts
        asked = [dict(), dict(instruction="Rank what is cheap first."), dict(instruction="Rank what is dear first.")]
        first, again = ([rank(server, **more) for more in asked] for _ in range(2))
        logits = [[r["logit"] for r in sorted(answer["results"], key=lambda r: r["index"])] for answer in first]
        assert logits[0] != logits[1] != logits[2] != logits[0], logits
        assert [a["results"] for a in first] == [a["results"] for a in again]
        assert rows(server, "computed") == 9 and rows(server, "cached") == 9
        tokens = [answer["usage"]["total_tokens"] for answer in first]
        assert tokens[0] + 4 < tokens[1], tokens
        # The model's own, told by the client, asks the same.
        own = rank(server, instruction="Given a web search query, retrieve relevant passages that answer the query")
        assert own["results"] == first[0]["results"]
    finally:
        server.stop()


def test_caches_may_be_off():
    server = api_server.Server("--api-key", "k3y", "--score-cache", "0", "--vector-cache", "0")
    try:
        first, second = rank(server), rank(server)
        assert first == second and "cached_tokens" not in second["usage"]
        assert (rows(server, "computed"), rows(server, "cached"), rows(server, "deduped")) == (6, 0, 2)
    finally:
        server.stop()


def test_a_key_is_not_told_what_another_has_asked():
    for scope, others in (("key", False), ("all", True)):
        state = tempfile.mkdtemp()
        keys = [create(state, name) for name in ("a", "b")]
        server = api_server.Server("--state-dir", state, "--cache-scope", scope)
        try:
            first, again, other = (rank(server, key=key) for key in (keys[0], keys[0], keys[1]))
            assert first["results"] == again["results"] == other["results"]
            assert "cached_tokens" in again["usage"]
            assert ("cached_tokens" in other["usage"]) == others, (scope, other["usage"])
        finally:
            server.stop()
            shutil.rmtree(state)


def create(state, name):
    words = [api_server.WINNOW, "keys", "create", "--name", name, "--state-dir", state, "--json"]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["key"]


def test_scores_are_there_again_after_a_restart():
    root = tempfile.mkdtemp()
    folder = os.path.join(root, "made")
    try:
        answers = []
        for _ in range(2):
            server = api_server.Server("--api-key", "k3y", "--cache-dir", folder, "--drain-delay", "0")
            answers.append(rank(server))
            assert server.stop(signal.SIGTERM) == 0
        assert answers[0]["results"] == answers[1]["results"] and "cached_tokens" in answers[1]["usage"]
        [file] = glob.glob(folder + "/scores-*")
        assert os.stat(file).st_mode & 0o777 == 0o600
        with open(file, "r+b") as damaged:
            damaged.seek(130)
            damaged.write(b"\xff")
        server = api_server.Server("--api-key", "k3y", "--cache-dir", folder, "--drain-delay", "0")
        assert rank(server)["results"] == answers[0]["results"]
        assert server.stop(signal.SIGTERM) == 0
        assert any("cache_file_not_used" in line and file in line for line in server.lines), server.lines
        server = api_server.Server("--api-key", "k3y", "--cache-dir", folder)  # it was written anew
        assert "cached_tokens" in rank(server)["usage"]
        server.stop()
    finally:
        shutil.rmtree(root)


def test_directory_that_cannot_be_made_is_named():
    try:
        api_server.Server("--cache-dir", "/proc/none/such").stop()
    except AssertionError as failure:
        assert "'/proc/none/such'" in str(failure), failure
    else:
        raise AssertionError("the server started")


def test_equal_requests_at_a_time_agree():
    server = api_server.Server("--api-key", "k3y")
    try:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            documents = [f"Text {i} of one request." for i in range(40)]
            answers = list(pool.map(lambda _: rank(server, documents=documents)["results"], range(48)))
        assert all(answer == answers[0] for answer in answers)
        assert rows(server, "computed") == 40, rows(server, "computed")
    finally:
        server.stop()


if __name__ == "__main__":
    tap.main(globals())
