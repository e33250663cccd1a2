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


def own_key(server, key):
    status, fields, text = server.request("GET", "/v1/key", [("Authorization", f"Bearer {key}")])
    return status, {name.lower(): value for name, value in fields}, json.loads(text)


def test_a_key_learns_what_is_left_and_pays_nothing_for_it():
    made = create(server, "carol", rpm=100, tpm=50000, concurrency=3, monthly_tokens=10**6, prepaid_tokens=10**4, scopes="rerank", expires="2999-01-31")
    used = rank(server, made["key"])[1]["usage"]["total_tokens"]
    for _ in range(3):
        status, fields, own = own_key(server, made["key"])
        assert status == 200 and fields["cache-control"] == "no-store", fields
        assert own["limits"]["requests"]["per_minute"] == 100 and 99 <= own["limits"]["requests"]["remaining"] <= 100, own
        assert own["limits"]["tokens"]["per_minute"] == 50000 and own["limits"]["tokens"]["reset_s"] >= 0 and own["limits"]["concurrency"] == 3, own
        assert fields["ratelimit"].startswith('"requests";r=') and fields["ratelimit-policy"].startswith('"requests";q=100'), fields
    month = own.pop("month")
    first = datetime.datetime.fromtimestamp(month.pop("begins_again"), datetime.timezone.utc)
    assert (first.day, first.hour, first.minute, first.second) == (1, 0, 0, 0) and first > datetime.datetime.now(datetime.timezone.utc), first
    assert month == {"tokens": 10**6, "used": used, "left": 10**6 - used}, month
    assert own.pop("prepaid") == {"tokens": 10**4, "used": used, "left": 10**4 - used}, own
    del own["limits"]
    assert own == {"object": "key", "id": made["id"], "name": "carol", "tier": "key", "scopes": "rerank", "keeps_usage": True, "created": made["created"],
                   "expires": 32474736000}, own
    assert own_key(server, "nope")[0] == 401


def test_a_key_that_may_only_administer_learns_so():
    made = create(server, "ops", scopes="admin")
    status, _, own = own_key(server, made["key"])
    assert status == 200 and own["scopes"] == "admin" and "month" not in own and "prepaid" not in own, own


def errors(server, key, query=""):
    status, _, text = server.request("GET", "/v1/usage/errors" + query, [("Authorization", f"Bearer {key}")])
    return status, json.loads(text)


def test_errors_are_told_by_code_to_their_key():
    dora, rick = create(server, "dora"), create(server, "rick", rpm=1)
    status, answer = rank(server, dora["key"], b'{"query": "a", "documents": [], "model": "%s"}' % (b"no-such-" * 3))
    assert status in (400, 422), answer
    assert rank(server, dora["key"], b"{")[0] in (400, 422)
    assert rank(server, dora["key"])[0] == 200
    while rank(server, rick["key"])[0] != 429:
        pass
    status, found = errors(server, dora["key"])
    assert status == 200 and len(found["data"]) == 2, found
    assert found["data"][1] == {"time": found["data"][1]["time"], "key": dora["id"], "route": "rerank", "status": found["data"][1]["status"],
                                "code": answer.get("code"), "request_id": answer["request_id"]}, (found, answer)
    assert abs(found["data"][0]["time"] - time.time()) < 60
    _, of_rick = errors(server, "root", "?key=" + rick["id"])
    assert [(one["status"], one["code"]) for one in of_rick["data"]] == [(429, "RATE_REQUEST_LIMIT_EXCEEDED")], of_rick
    _, of_all = errors(server, "root", "?key=all")
    assert {dora["id"], rick["id"], bob["id"]} <= {one["key"] for one in of_all["data"]}, of_all
    assert [one["time"] for one in of_all["data"]] == sorted((one["time"] for one in of_all["data"]), reverse=True)
    assert errors(server, dora["key"], "?key=" + rick["id"])[0] == 403 and errors(server, "root", "?key=x")[0] == 422


def statement(server, key, query):
    status, fields, text = server.request("GET", "/v1/usage/statement?" + query, [("Authorization", f"Bearer {key}")])
    return status, {name.lower(): value for name, value in fields}, text.decode()


def test_a_statement_is_what_the_command_line_writes():
    month = f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m}"
    status, fields, page = statement(server, alice["key"], "month=" + month)
    assert status == 200 and fields["content-type"] == "text/html; charset=utf-8", fields
    assert fields["content-disposition"] == f'attachment; filename="statement-{month}.html"' and fields["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in fields["content-security-policy"] and fields["cache-control"] == "no-store", fields
    done = subprocess.run([api_server.WINNOW, "usage", "--state-dir", state, "--statement", month, "--key", alice["id"]],
                          capture_output=True, text=True, timeout=60, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0 and page == done.stdout, done.stderr
    assert "<dd>alice</dd>" in page and "Charges" not in page
    assert statement(server, "root", f"month={month}&key={alice['id']}")[2] == page
    every = statement(server, "root", f"month={month}&key=all")[2]
    assert every.count("<main>") >= 2 and alice["id"] in every and bob["id"] in every
    assert statement(server, alice["key"], f"month={month}&key={bob['id']}")[0] == 403
    for query in ("", "month=", "month=2026", "month=2026-13"):
        assert statement(server, alice["key"], query)[0] == 422, query


def test_a_statement_has_amounts_when_the_server_knows_prices():
    prices = os.path.join(state, "prices.yaml")
    priced = state_dir()
    with open(prices, "w") as f:
        f.write("currency: EUR\nmodels:\n  '*': {tokens: 1000000}\n")
    own = start("--state-dir", priced, "--admin-key", "root", "--prices", prices)
    month = f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m}"
    tokens = rank(own, "root")[1]["usage"]["total_tokens"]
    page = wait_for(lambda: statement(own, "root", "month=" + month), lambda a: "Charges" in a[2] and f"{tokens}.00 EUR" in a[2])
    assert page[0] == 200
    assert own.stop() == 0
    with open(prices, "w") as f:
        f.write("currency: EUR\nmodels:\n  other: {tokens: 1}\n")
    own = start("--state-dir", priced, "--admin-key", "root", "--prices", prices)
    status, _, text = statement(own, "root", "month=" + month)
    assert status == 409 and "no price for the model" in json.loads(text)["detail"], text
    assert own.stop() == 0
    with open(prices, "w") as f:
        f.write("currency: EURO\n")
    checked = subprocess.run([api_server.WINNOW, "serve", "--port", "0", "--prices", prices], capture_output=True, text=True, timeout=60,
                             env={"PATH": os.environ["PATH"]})
    assert checked.returncode != 0 and "line 1" in checked.stderr, checked


def test_a_server_without_a_state_directory_says_so():
    plain = start("--admin-key", "root")
    status, _, answer = get(plain, "root")
    assert status == 409 and "--state-dir none" in answer["detail"], answer
    assert plain.stop() == 0


if __name__ == "__main__":
    tap.main(globals())
