#!/usr/bin/env python3
"""Keys and usage as an operator handles them: the commands beside a running server."""
import json, os, shutil, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

BODY = json.dumps({"query": "a", "documents": ["b", "c"], "return_documents": False}).encode()
state = tempfile.mkdtemp()


def winnow(*words, code=0):
    done = subprocess.run([api_server.WINNOW, *words, "--state-dir", state], capture_output=True, text=True, timeout=60,
                          env={"PATH": os.environ["PATH"], **{k: v for k, v in os.environ.items() if "SAN_OPTIONS" in k}})
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stderr


def ask(server, key=None):
    headers = [("Content-Type", "application/json")] + ([("Authorization", f"Bearer {key}")] if key else [])
    status, fields, body = server.request("POST", "/v1/rerank", headers, BODY)
    return status, dict(fields), json.loads(body)


def wait_for(server, key, status, seconds=6):
    deadline = time.time() + seconds
    while ask(server, key)[0] != status:
        assert time.time() < deadline, f"still {ask(server, key)}, expected {status}"
        time.sleep(0.05)


server = api_server.Server("--state-dir", state)


def test_first_key_closes_the_door_and_later_ones_open_it():
    assert ask(server)[0] == 200
    key = winnow("keys", "create", "--name", "first").strip()
    assert len(key) == 50 and key.startswith("wn_"), key
    wait_for(server, None, 401)
    assert ask(server, key)[0] == 200
    assert ask(server, key[:-1] + ("a" if key[-1] != "a" else "b"))[2]["code"] == "AUTH_INVALID_FORMAT"
    status, fields, _ = ask(server, key)
    assert fields["X-RateLimit-Limit-Requests"] == "500" and '"requests"' in fields["RateLimit"], fields


def test_revoked_key_is_refused_within_seconds():
    made = json.loads(winnow("keys", "create", "--json"))
    wait_for(server, made["key"], 200)
    winnow("keys", "revoke", made["id"])
    wait_for(server, made["key"], 401)
    assert "revoked" in ask(server, made["key"])[2]["detail"]
    assert json.loads(winnow("keys", "show", made["id"]))["state"] == "revoked"


def test_rotated_key_holds_with_both_secrets_for_a_while():
    made = json.loads(winnow("keys", "create", "--json"))
    wait_for(server, made["key"], 200)
    fresh = winnow("keys", "rotate", made["id"], "--overlap", "3").strip()
    assert fresh != made["key"] and fresh[:12] == made["key"][:12]
    wait_for(server, fresh, 200)
    wait_for(server, made["key"], 401, 10)
    assert ask(server, fresh)[0] == 200


def test_scopes_tiers_and_limits_hold():
    lesser = json.loads(winnow("keys", "create", "--json", "--scopes", "metrics"))["key"]
    wait_for(server, lesser, 403)
    assert ask(server, lesser)[2]["code"] == "AUTHZ_INSUFFICIENT_SCOPE"
    few = json.loads(winnow("keys", "create", "--json", "--rpm", "2", "--tier", "premium"))["key"]
    wait_for(server, few, 200)
    assert [ask(server, few)[0] for _ in range(3)] == [200, 429, 429]
    poor = json.loads(winnow("keys", "create", "--json", "--prepaid-tokens", "20"))["key"]
    wait_for(server, poor, 200)
    answers = [ask(server, poor) for _ in range(3)]
    assert [a[0] for a in answers] == [403, 403, 403] and answers[0][2]["code"] == "AUTHZ_INSUFFICIENT_BALANCE", answers
    winnow("keys", "update", poor[3:11], "--prepaid-tokens", "1000000")
    wait_for(server, poor, 200)
    barred = json.loads(winnow("keys", "create", "--json", "--tier", "none"))["key"]
    wait_for(server, barred, 403)
    assert "tier 'none'" in ask(server, barred)[2]["detail"]
    gone = json.loads(winnow("keys", "create", "--json", "--expires", "2001-01-01"))["key"]
    wait_for(server, few, 429)
    time.sleep(2.2)
    assert "expired" in ask(server, gone)[2]["detail"]


def test_usage_adds_up():
    tokens = 0
    key = json.loads(winnow("keys", "create", "--json", "--name", "counted"))
    wait_for(server, key["key"], 200)
    used = 1 + sum(ask(server, key["key"])[0] == 200 for _ in range(9))
    time.sleep(0.3)
    rows = json.loads(winnow("usage", "--by", "key", "--key", key["id"], "--format", "json"))["data"]
    assert len(rows) == 1 and rows[0]["requests"] == used == 10, rows
    assert rows[0]["tokens"] == 10 * ask(server, key["key"])[2]["usage"]["total_tokens"], rows
    table = winnow("usage")
    assert table.splitlines()[0].split() == ["day", "requests", "tokens", "cached", "tokens", "errors"], table
    assert winnow("usage", "--format", "csv", "--by", "model").splitlines()[1].startswith('"winnow-'), table


def test_mistakes_are_named():
    assert "expected create" in winnow("keys", "make", code=2)
    assert "needs the id" in winnow("keys", "revoke", code=2)
    assert "there is no key" in winnow("keys", "show", "abcdefgh", code=2)
    assert "--tier is 'gold'" in winnow("keys", "create", "--tier", "gold", code=2)
    assert "'fly'" in winnow("keys", "create", "--scopes", "rerank,fly", code=2)
    assert "--expires is 'soon'" in winnow("keys", "create", "--expires", "soon", code=2)
    assert "--from is '2026-02-30'" in winnow("usage", "--from", "2026-02-30", code=2)
    assert server.stop() == 0
    shutil.rmtree(state)


if __name__ == "__main__":
    tap.main(globals())
