#!/usr/bin/env python3
"""Keys over HTTP: an administrator makes, changes and ends them, and what changed holds with the answer."""
import atexit, json, os, shutil, sqlite3, subprocess, sys, tempfile, threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

BODY = {"query": "a", "documents": ["b", "c"], "return_documents": False}
state = tempfile.mkdtemp(prefix="winnow-admin-")
atexit.register(shutil.rmtree, state)
server = api_server.Server("--state-dir", state, "--admin-key", "root")
atexit.register(server.process.kill)


def call(method, path, body=None, key="root", raw=None):
    """-> status, fields, JSON"""
    headers = [("Authorization", f"Bearer {key}")] if key else []
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    if data is not None:
        headers.append(("Content-Type", "application/json"))
    status, fields, text = server.request(method, path, headers, data)
    return status, {name.lower(): value for name, value in fields}, json.loads(text)


def rank(key):
    return call("POST", "/v1/rerank", BODY, key)


def create(**fields):
    status, _, made = call("POST", "/v1/admin/keys", fields)
    assert status == 201, (status, made)
    return made


def winnow(*words):
    done = subprocess.run([api_server.WINNOW, *words, "--state-dir", state], capture_output=True, text=True, timeout=60,
                          env={"PATH": os.environ["PATH"], **{k: v for k, v in os.environ.items() if "SAN_OPTIONS" in k}})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_created_key_is_shown_once_and_holds_at_once():
    status, fields, made = call("POST", "/v1/admin/keys", {
        "name": "Suche \u00fc", "scopes": "rerank,usage", "tier": "premium", "expires": "2999-01-31", "rpm": 7, "tpm": 9000,
        "concurrency": 3, "monthly_tokens": 10**12, "prepaid_tokens": 5 * 10**12, "weight": 20})
    assert status == 201 and fields["cache-control"] == "no-store", (status, fields)
    assert fields["location"] == "/v1/admin/keys/" + made["id"] and made["key"][3:11] == made["id"], (fields, made)
    assert rank(made["key"])[0] == 200
    assert rank(made["key"])[1]["x-ratelimit-limit-requests"] == "7"
    status, fields, shown = call("GET", "/v1/admin/keys/" + made["id"])
    assert status == 200 and fields["cache-control"] == "no-store" and "key" not in shown, (status, fields, shown)
    del made["key"]
    assert {k: v for k, v in shown.items() if k != "last_used"} == made, (shown, made)
    assert made == {"id": made["id"], "name": "Suche \u00fc", "state": "valid", "tier": "premium", "scopes": "rerank,usage", "rpm": 7,
                    "tpm": 9000, "concurrency": 3, "monthly_tokens": 10**12, "prepaid_tokens": 5 * 10**12, "weight": 20,
                    "created": made["created"], "expires": 32474736000}, made


def test_command_line_and_http_say_the_same():
    made = create(name="same")
    assert json.loads(winnow("keys", "show", made["id"])) == call("GET", "/v1/admin/keys/" + made["id"])[2]
    listed = json.loads(winnow("keys", "list", "--json"))
    status, _, answer = call("GET", "/v1/admin/keys")
    assert status == 200 and answer["object"] == "list" and [k["id"] for k in answer["data"]] == [k["id"] for k in listed]
    assert not any("key" in k for k in answer["data"])


def test_an_empty_body_makes_a_key_with_every_default():
    status, _, made = call("POST", "/v1/admin/keys")
    assert status == 201 and made["tier"] == "key" and made["weight"] == 1 and "rpm" not in made, made
    assert made["scopes"] == "rerank,embed,classify,train,segment,usage", made


def test_changes_hold_at_once_and_keep_the_rest():
    made = create(name="poor", prepaid_tokens=1, weight=3)
    assert rank(made["key"])[2]["code"] == "AUTHZ_INSUFFICIENT_BALANCE"
    status, fields, changed = call("PATCH", "/v1/admin/keys/" + made["id"], {"prepaid_tokens": 10**6, "name": None})
    assert status == 200 and "key" not in changed and changed["name"] == "poor" and changed["weight"] == 3, changed
    assert rank(made["key"])[0] == 200
    call("PATCH", "/v1/admin/keys/" + made["id"], {"expires": "2001-01-01"})
    assert "expired" in rank(made["key"])[2]["detail"]
    call("PATCH", "/v1/admin/keys/" + made["id"], {"expires": "never", "scopes": "metrics"})
    assert rank(made["key"])[0] == 403


def test_null_takes_a_limit_back():
    own = {"rpm": 7, "tpm": 7000, "concurrency": 2, "monthly_tokens": 10**6, "prepaid_tokens": 10**6, "weight": 9}
    made = create(**own)
    limits = call("GET", "/v1/key", key=made["key"])[2]
    assert limits["limits"]["requests"]["per_minute"] == 7 and "month" in limits and "prepaid" in limits, limits
    status, _, changed = call("PATCH", "/v1/admin/keys/" + made["id"], {name: None for name in own})
    assert status == 200 and changed["weight"] == 1 and not set(own) - {"weight"} & set(changed), changed
    now = call("GET", "/v1/key", key=made["key"])[2]
    fresh = call("GET", "/v1/key", key=create()["key"])[2]
    assert now["limits"]["requests"]["per_minute"] == fresh["limits"]["requests"]["per_minute"], (now, fresh)
    assert now["limits"]["tokens"]["per_minute"] == fresh["limits"]["tokens"]["per_minute"], (now, fresh)
    assert {"month", "prepaid"} & set(now) == set() and "concurrency" not in now["limits"], now


def test_revoked_key_is_refused_at_once_and_for_good():
    made = create()
    assert rank(made["key"])[0] == 200
    status, _, gone = call("DELETE", "/v1/admin/keys/" + made["id"])
    assert status == 200 and gone["state"] == "revoked" and gone["revoked"] > 0, gone
    assert "revoked" in rank(made["key"])[2]["detail"]
    assert call("DELETE", "/v1/admin/keys/" + made["id"])[2]["revoked"] == gone["revoked"]
    status, _, answer = call("POST", f"/v1/admin/keys/{made['id']}/rotate")
    assert status == 409 and answer["code"] == "RESOURCE_CONFLICT" and "revoked" in answer["detail"], answer


def test_rotated_key_has_two_secrets_for_as_long_as_asked():
    made = create()
    status, fields, fresh = call("POST", f"/v1/admin/keys/{made['id']}/rotate", {"overlap": 3600})
    assert status == 200 and fields["cache-control"] == "no-store" and fresh["id"] == made["id"], (status, fresh)
    assert rank(fresh["key"])[0] == 200 and rank(made["key"])[0] == 200
    last = call("POST", f"/v1/admin/keys/{made['id']}/rotate", {"overlap": 0})[2]
    assert rank(last["key"])[0] == 200 and rank(fresh["key"])[0] == 401 and rank(made["key"])[0] == 401


def test_unknown_ids_are_404():
    for path in ("/Abcdefgh", "/short", "/" + "A" * 200, "/%2e%2e", "/Abcdefgh/more", "/'--"):
        for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
            status, _, answer = call(method, "/v1/admin/keys" + path, body)
            assert (status, answer["code"]) == (404, "RESOURCE_NOT_FOUND"), (method, path, status, answer)
    assert call("POST", "/v1/admin/keys/Abcdefgh/rotate")[0] == 404
    assert call("POST", "/v1/admin/keys//rotate")[0] == 405


def test_mistakes_name_their_field():
    made = create()
    for body, field, part in (
            ({"name": "x" * 64}, "name", "64 bytes"), ({"name": "a\tb"}, "name", "control"), ({"name": "a\0b"}, "name", "NUL"),
            ({"name": 5}, "name", "string"), ({"tier": "gold"}, "tier", "none, key or premium"), ({"tier": "key\0"}, "tier", "expected"),
            ({"scopes": "rerank,fly"}, "scopes", "'fly'"), ({"scopes": ""}, "scopes", "expected"), ({"expires": "soon"}, "expires", "'soon'"),
            ({"expires": "2026-02-30"}, "expires", "2026-02-30"), ({"rpm": 10**9 + 1}, "rpm", "1000000000"), ({"tpm": 0.5}, "tpm", "fraction"),
            ({"weight": 0}, "weight", "1"), ({"weight": 1001}, "weight", "1000"), ({"prepaid_tokens": 2**53 + 2}, "prepaid_tokens", "90071"),
            ({"limit": 1}, "limit", "no field")):
        for method, path in (("POST", "/v1/admin/keys"), ("PATCH", "/v1/admin/keys/" + made["id"])):
            status, _, answer = call(method, path, body)
            assert status == 422 and answer["errors"][0]["field"] == "body -> " + field, (body, status, answer)
            assert part in answer["errors"][0]["message"], (part, answer)
    for overlap in (-1, 31536001, "1"):
        status, _, answer = call("POST", f"/v1/admin/keys/{made['id']}/rotate", {"overlap": overlap})
        assert status == 422 and answer["errors"][0]["field"] == "body -> overlap", answer
    for raw in (b"{", b"[]", b"1", b'{"rpm":1,"rpm":2}'):
        assert call("POST", "/v1/admin/keys", raw=raw)[0] in (400, 422), raw


def test_only_the_admin_scope_may():
    plain, admin = create()["key"], create(scopes="admin")["key"]
    for method, path in (("GET", "/v1/admin/keys"), ("POST", "/v1/admin/keys"), ("DELETE", "/v1/admin/keys/Abcdefgh")):
        assert call(method, path, key=None)[0] == 401
        status, _, answer = call(method, path, key=plain)
        assert status == 403 and answer["code"] == "AUTHZ_INSUFFICIENT_SCOPE", answer
    assert call("GET", "/v1/admin/keys", key=admin)[0] == 200
    assert rank(admin)[0] == 403


def test_many_administrators_at_once_lose_nothing():
    before, made = len(call("GET", "/v1/admin/keys")[2]["data"]), []

    def work():
        for _ in range(5):
            key = create()
            assert call("PATCH", "/v1/admin/keys/" + key["id"], {"rpm": 5})[0] == 200
            assert rank(key["key"])[0] == 200
            made.append(key["id"])

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    listed = call("GET", "/v1/admin/keys")[2]["data"]
    assert len(set(made)) == 30 and len(listed) == before + 30 and {k["id"] for k in listed} >= set(made)


def test_no_secret_is_kept_or_logged():
    made = create(name="quiet")
    assert server.stop() == 0
    lines = "".join(server.lines)
    assert f"event=key_created" in lines and f"target={made['id']}" in lines
    assert made["key"][12:] not in lines and "root" not in lines
    secret = made["key"][12:44].encode()
    for name in os.listdir(state):
        with open(os.path.join(state, name), "rb") as f:
            assert secret not in f.read(), name
    with sqlite3.connect(os.path.join(state, "winnow.db")) as db:
        assert db.execute("SELECT count(*) FROM key WHERE id = ?", (made["id"],)).fetchone() == (1,)


if __name__ == "__main__":
    tap.main(globals())
