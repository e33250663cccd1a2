#!/usr/bin/env python3
"""Usage over HTTP: a key sees its own, an administrator every one's, as JSON and CSV, and as `winnow usage` says it."""
import atexit, csv, datetime, io, json, os, shutil, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

BODY = json.dumps({"query": "a river", "documents": ["water flows", "a house"]}).encode()


def state_dir():
    made = tempfile.mkdtemp(prefix="winnow-usage-")
    atexit.register(shutil.rmtree, made)
    return made


def start(*words):
    server = api_server.Server(*words)
    atexit.register(server.process.kill)
    return server



state = state_dir()


def get(server, key, query="", accept=None):
    headers = [("Authorization", f"Bearer {key}")] if key else []
    headers += [("Accept", accept)] if accept else []
    status, fields, text = server.request("GET", "/v1/usage" + query, headers)
    fields = {name.lower(): value for name, value in fields}
    return status, fields, json.loads(text) if "json" in fields["content-type"] else text.decode()


def rank(server, key, body=BODY):
    headers = [("Content-Type", "application/json")] + ([("Authorization", f"Bearer {key}")] if key else [])
    status, _, text = server.request("POST", "/v1/rerank", headers, body)
    return status, json.loads(text)


def create(server, name, **more):
    headers = [("Content-Type", "application/json"), ("Authorization", "Bearer root")]
    return json.loads(server.request("POST", "/v1/admin/keys", headers, json.dumps({"name": name, **more}).encode())[2])


def wait_for(ask, enough):
    """What ask() gives as soon as it is enough: usage comes to the store a moment after the answer."""
    end = time.monotonic() + 20
    while not enough(got := ask()):
        assert time.monotonic() < end, got
        time.sleep(0.02)
    return got


def test_without_keys_it_is_the_usage_without_a_key():
    server = start("--state-dir", state_dir())
    assert rank(server, None)[0] == 200 and rank(server, None, b"{}")[0] == 422
    answer = wait_for(lambda: get(server, None), lambda a: a[2]["total"]["requests"] == 1 and a[2]["total"]["errors"] == 1)
    assert answer[0] == 200 and answer[1]["cache-control"] == "no-store" and "key" not in answer[2], answer
    status, _, answer = get(server, None, "?key=all")
    assert status == 403 and answer["code"] == "AUTHZ_INSUFFICIENT_SCOPE", answer
    assert server.stop() == 0


server = start("--state-dir", state, "--admin-key", "root")
alice, bob = create(server, "alice"), create(server, "bob")


def test_a_key_sees_its_own_usage_and_no_other():
    tokens = sum(rank(server, alice["key"])[1]["usage"]["total_tokens"] for _ in range(3))
    assert rank(server, bob["key"])[0] == 200 and rank(server, bob["key"], b"{}")[0] == 422
    _, _, mine = wait_for(lambda: get(server, alice["key"]), lambda a: a[2]["total"]["requests"] == 3)
    today = datetime.datetime.now(datetime.timezone.utc).date()
    assert mine["object"] == "usage" and mine["key"] == alice["id"] and mine["to"] == str(today), mine
    assert mine["from"] == str(today - datetime.timedelta(days=29)), mine
    assert mine["total"] == {"requests": 3, "tokens": tokens, "cached_tokens": mine["total"]["cached_tokens"], "errors": 0}, mine
    assert mine["data"] == [{"day": str(today), **mine["total"]}], mine
    assert get(server, alice["key"], "?key=" + alice["id"])[2]["total"] == mine["total"]
    for other in (bob["id"], "all", "static01", "x"):
        status, _, answer = get(server, alice["key"], "?key=" + other)
        assert status == 403 and "'admin'" in answer["detail"], (other, answer)


def test_an_administrator_sees_every_key():
    _, _, bobs = wait_for(lambda: get(server, "root", "?key=" + bob["id"]), lambda a: a[2]["total"]["errors"] == 1)
    assert bobs["total"]["requests"] == 1, bobs
    _, _, every = get(server, "root", "?key=all&by=key,route,model")
    rows = {(row["key"], row["route"]): row for row in every["data"]}
    assert rows[alice["id"], "rerank"]["requests"] == 3 and rows[bob["id"], "rerank"]["errors"] == 1, every
    assert all(row["model"].startswith("winnow-") for row in every["data"]), every
    assert every["total"]["requests"] == sum(row["requests"] for row in every["data"]) == 4, every
    assert {route for _, route in rows} == {"rerank"}, "looking at usage is no usage"


def test_csv_has_the_same_rows():
    status, fields, text = get(server, "root", "?key=all&by=day%2Ckey&format=csv")
    assert status == 200 and fields["content-type"] == "text/csv; charset=utf-8", fields
    assert text == get(server, "root", "?key=all&by=key,day", accept="text/csv")[2]
    rows = [{**row, "key": row["key"] or None, **{n: int(row[n]) for n in ("requests", "tokens", "cached_tokens", "errors")}}
            for row in csv.DictReader(io.StringIO(text))]
    assert rows == get(server, "root", "?key=all&by=day,key")[2]["data"], text


def test_days_and_months_bound_it():
    day = datetime.datetime.now(datetime.timezone.utc).date()
    before = day - datetime.timedelta(days=1)
    assert get(server, alice["key"], f"?from={day}&to={day}")[2]["total"]["requests"] == 3
    assert get(server, alice["key"], f"?to={before}")[2]["data"] == []
    month = f"{day:%Y-%m}"
    _, _, answer = get(server, alice["key"], f"?from={month}&to={month}")
    assert answer["from"] == month + "-01" and answer["to"][:7] == month and answer["total"]["requests"] == 3, answer


def test_mistakes_name_their_parameter():
    for query, field, part in (
            ("from=soon", "from", "'soon'"), ("to=2026-02-30", "to", "2026-02-30"), ("from=2026-11-03&to=2026-11-02", "from", "behind"),
            ("from=2001-01", "from", "400 days"), ("by=hour", "by", "'hour'"), ("format=xml", "format", "'xml'"), ("key=short", "key", "'short'"),
            ("since=2026-01-01", "since", "no field"), ("from=%ff", "?", "UTF-8"), ("by=day%00", "by", "expected day")):
        status, _, answer = get(server, "root", "?" + query)
        assert status == 422 and answer["errors"][0]["field"] == "query -> " + field, (query, status, answer)
        assert part in answer["errors"][0]["message"], (part, answer)


def test_it_needs_its_scope():
    few = create(server, "few", scopes="rerank")
    status, _, answer = get(server, few["key"])
    assert status == 403 and "'usage'" in answer["detail"], answer
    assert get(server, None)[0] == 401


def test_the_command_line_says_the_same():
    done = subprocess.run([api_server.WINNOW, "usage", "--state-dir", state, "--by", "day,key,route,model", "--format", "json"],
                          capture_output=True, text=True, timeout=60, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == get(server, "root", "?key=all&by=day,key,route,model")[2]


def test_a_server_without_a_state_directory_says_so():
    plain = start("--admin-key", "root")
    status, _, answer = get(plain, "root")
    assert status == 409 and "--state-dir none" in answer["detail"], answer
    assert plain.stop() == 0


if __name__ == "__main__":
    tap.main(globals())
