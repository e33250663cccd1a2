#!/usr/bin/env python3
"""The dashboard: each part does what it says, for whom it is meant, and asks before what cannot be undone."""
import csv, io, json, os, re, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser, tap
from browser import ADMIN_KEY, expect, once, opened, words

HOSTILE = "<img src=x onerror=alert(1)>"


@once
def server():
    """A server with keys, among them one that has used something and failed at something."""
    made = browser.api_server.Server("--state-dir", browser.folder(), "--admin-key", ADMIN_KEY, "--model-root", browser.ROOT)
    browser.atexit.register(made.stop)
    return made


def call(method, path, body=None, key=ADMIN_KEY):
    """-> status, JSON or None"""
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    headers = [("Authorization", f"Bearer {key}")] + ([("Content-Type", "application/json")] if data is not None else [])
    status, fields, text = server().request(method, path, headers, data)
    return status, json.loads(text) if dict((n.lower(), v) for n, v in fields).get("content-type") == "application/json" else None


def create(name, **more):
    status, made = call("POST", "/v1/admin/keys", {"name": name, **more})
    assert status == 201, made
    return made


def rank(key, n=1):
    for i in range(n):
        status, answer = call("POST", "/v1/rerank", {"query": f"a river {i}", "documents": ["water flows", "a house"]}, key)
        assert status == 200, answer


@once
def holder():
    """A key with limits, three rankings and two mistakes."""
    made = create("search", rpm=60, monthly_tokens=1_000_000, prepaid_tokens=5_000_000, expires="2999-01-31")
    rank(made["key"], 3)
    assert call("POST", "/v1/rerank", {"query": "a", "documents": ["b"], "model": "nope"}, made["key"])[0] == 400
    assert call("POST", "/v1/rerank", b"{", made["key"])[0] == 400
    until(lambda: (lambda total: total["requests"] == 3 and total["errors"] == 2)(call("GET", "/v1/usage", key=made["key"])[1]["total"]))
    return made


def until(holds, s=30):
    end = time.monotonic() + s
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def board(part="", key=ADMIN_KEY, **more):
    return opened("/dashboard" + (f"#{part}" if part else ""), of=server(), key=key, **more)


def tabs(page):
    return page.locator("#tabs button").all_inner_texts()


def row_of(page, name):
    return page.locator("#part-keys tbody tr").filter(has_text=name)


def test_without_a_key_a_closed_server_asks_for_one():
    key = holder()["key"]
    with board(key=None, allow=("401",)) as page:
        expect(page.locator("#notice")).to_contain_text("asks for a key")
        assert tabs(page) == [] and page.locator("#panels > *").count() == 0
        page.get_by_role("button", name="Give a key").focus()
        page.keyboard.press("Enter")
        page.keyboard.type("not a key")
        page.keyboard.press("Enter")
        expect(page.locator("#notice")).to_contain_text("401")
        page.get_by_role("button", name="Give a key").click()
        page.keyboard.type(key)
        page.keyboard.press("Enter")
        expect(page.locator("#who")).to_contain_text("search")
        expect(page.locator("#notice")).to_be_hidden()
        expect(page.locator("dialog")).to_have_count(0)
        assert tabs(page) == ["Usage"]


def test_an_open_server_shows_usage_and_traffic():
    with opened("/dashboard") as page:
        assert tabs(page) == ["Usage", "Live traffic"]
        expect(page.locator("#who")).to_contain_text("No key is in use")
        expect(page.locator("#hidden-parts")).to_contain_text("--admin-key-file")
        expect(page.locator("#part-usage")).to_contain_text("--state-dir none")
        expect(page.get_by_role("group", name="Errors by code")).to_be_visible()


def test_each_key_sees_what_its_scopes_allow():
    for scopes, shown in (("rerank", ["Usage"]), ("usage,metrics", ["Usage", "Live traffic"]), ("admin", ["Usage", "Keys", "Models"])):
        made = create("scoped", scopes=scopes)
        with board(key=made["key"]) as page:
            assert tabs(page) == shown, scopes
            expect(page.locator("#part-usage .tiles")).to_contain_text("Requests left now")
            hidden = page.locator("#hidden-parts").inner_text()
            for part, scope in (("Live traffic", "metrics"), ("Keys", "admin"), ("Models", "admin")):
                assert (f"“{part}” is not shown: it needs a key with the scope “{scope}”" in hidden) == (part not in shown), (scopes, hidden)
            if "usage" not in scopes:
                expect(page.locator("#part-usage")).to_contain_text("needs a key with the scope “usage”")
        call("DELETE", "/v1/admin/keys/" + made["id"])


def test_a_key_sees_what_is_left():
    _, own = call("GET", "/v1/key", key=holder()["key"])
    with board(key=holder()["key"]) as page:
        tile = lambda name: page.locator(".tile").filter(has_text=name)
        expect(tile("Tokens left this month")).to_contain_text(f"{own['month']['left']:,}")
        expect(tile("Tokens left of what was paid")).to_contain_text(f"{own['prepaid']['left']:,}")
        expect(tile("Requests left now")).to_contain_text("of 60 a minute")
        expect(tile("Expires")).to_contain_text("2999")
        expect(tile("Tier")).to_contain_text(words("board-tier-key"))
        assert float(tile("Tokens left this month").locator("meter").get_attribute("value")) == own["month"]["left"]
        rank(holder()["key"])  # is seen without a reload
        expect(tile("Tokens left this month")).not_to_contain_text(f"{own['month']['left']:,}")


def test_usage_is_drawn_and_told_by_day_and_model():
    with board(key=holder()["key"]) as page:
        for title, count in (("Tokens by day", "tokens"), ("Requests by day", "requests")):
            chart = page.locator("figure").filter(has_text=title)
            data = call("GET", "/v1/usage?by=day,model", key=holder()["key"])[1]["data"]
            assert len(data) in (1, 2), data
            expect(chart.locator("rect:not(.hit)")).to_have_count(len(data))
            assert all(float(h) > 0 for h in chart.locator("rect:not(.hit)").evaluate_all("all => all.map((r) => r.getAttribute('height'))"))
            assert chart.locator("svg").get_attribute("role") == "img" and title in chart.locator("svg").get_attribute("aria-label")
            expect(chart.locator("ul")).to_have_text(data[0]["model"])
            chart.locator("summary").click()
            rows = chart.locator("tbody tr").evaluate_all("rows => rows.map((r) => [...r.cells].map((c) => c.textContent))")
            assert rows == [[row["day"], f"{row[count]:,}"] for row in reversed(data)], (rows, data)


def test_a_key_that_used_nothing_gets_words_and_no_empty_charts():
    made = create("idle")
    with board(key=made["key"]) as page:
        for title in ("Tokens by day", "Requests by day"):
            expect(page.locator("figure").filter(has_text=title)).to_contain_text(words("board-nothing"))
        expect(page.locator("figure svg")).to_have_count(0)


def test_errors_are_told_by_code():
    with board(key=holder()["key"]) as page:
        table = page.get_by_role("group", name="Errors by code")
        expect(table).to_contain_text("400 INPUT_MODEL_NOT_FOUND")
        expect(table).to_contain_text("400 INPUT_INVALID_JSON")
        page.get_by_text("Each of them").first.click()
        ids = [one["request_id"] for one in call("GET", "/v1/usage/errors", key=holder()["key"])[1]["data"]]
        assert page.get_by_role("group", name="Each of them").locator("tbody tr td:nth-child(4)").all_inner_texts() == ids


def test_usage_is_kept_as_csv_and_as_a_statement():
    with board(key=holder()["key"]) as page:
        with page.expect_download() as got:
            page.get_by_role("button", name="Download CSV").click()
        rows = list(csv.DictReader(io.StringIO(open(got.value.path(), encoding="utf-8").read())))
        assert re.fullmatch(r"usage-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv", got.value.suggested_filename), got.value.suggested_filename
        assert int(rows[-1]["requests"]) >= 3 and rows[-1]["errors"] == "2" and rows[-1]["model"], rows
        month = page.locator("#statement-month").input_value()
        with page.expect_download() as got:
            page.get_by_role("button", name="Download statement").click()
        page_text = open(got.value.path(), encoding="utf-8").read()
        assert got.value.suggested_filename == f"statement-{month}.html" and "<h1>Usage statement</h1>" in page_text and holder()["id"] in page_text


def test_an_administrator_looks_at_every_key():
    holder()
    other = create(HOSTILE)
    rank(other["key"])
    until(lambda: call("GET", "/v1/usage?key=" + other["id"])[1]["total"]["requests"] == 1)
    with board() as page:
        expect(page.locator("#who")).to_contain_text(words("board-key-of-command-line", id="static01"))
        page.select_option("#used-by", "key")
        legend = page.locator(".legend-list").first
        expect(legend).to_contain_text(f"{HOSTILE} ({other['id']})")
        expect(legend).to_contain_text("search")
        page.select_option("#used-whose", other["id"])
        expect(page.locator(".totals")).to_contain_text("Requests: 1 ")
        expect(legend).not_to_contain_text("search")


def test_a_key_is_made_shown_once_and_copied():
    with board("keys") as page:
        page.get_by_role("button", name="New key").focus()
        page.keyboard.press("Enter")
        page.keyboard.type("made " + HOSTILE)
        page.fill("#key-rpm", "7")
        page.fill("#key-weight", "5")
        page.fill("#key-expires", "2998-01-31")
        page.get_by_label("train").uncheck()
        page.keyboard.press("Enter")
        text = page.locator(".secret input")
        expect(text).to_be_focused()
        key = text.input_value()
        page.get_by_role("button", name="Copy").click()
        browser.told(page, "Copied")
        assert page.evaluate("navigator.clipboard.readText()") == key
        rank(key)
        _, shown = call("GET", "/v1/admin/keys/" + key[3:11])
        assert (shown["rpm"], shown["weight"], shown["scopes"]) == (7, 5, "rerank,embed,classify,segment,usage"), shown
        assert shown["expires"] == 32443200000, shown
        assert "tpm" not in shown and shown["name"] == "made " + HOSTILE, shown
        page.get_by_role("button", name="I have kept it").click()
        expect(page.locator("dialog")).to_have_count(0)
        assert key not in page.content()
        expect(row_of(page, key[3:11])).to_contain_text("Requests a minute: 7")


def test_a_key_is_changed_and_mistakes_stand_by_their_field():
    made = create("to change", rpm=50)
    with board("keys", allow=("422",)) as page:
        row = row_of(page, made["id"])
        row.get_by_role("button", name="Change: ").click()
        page.fill("#key-name", "changed")
        page.select_option("#key-tier", "premium")
        page.fill("#key-monthly_tokens", "12345")
        page.get_by_role("button", name="Save").click()
        browser.told(page, "Saved")
        expect(row).to_contain_text(words("board-tier-premium"))
        _, now = call("GET", "/v1/admin/keys/" + made["id"])
        assert (now["name"], now["tier"], now["monthly_tokens"], now["rpm"]) == ("changed", "premium", 12345, 50), now
        row.get_by_role("button", name="Change: ").click()
        expect(page.locator("#key-rpm")).to_have_value("50")
        for number in ("rpm", "monthly_tokens"):
            page.fill(f"#key-{number}", "")
        page.fill("#key-tpm", "7000")
        page.get_by_role("button", name="Save").click()
        browser.told(page, "Saved")
        expect(row).not_to_contain_text("Requests a minute")
        _, now = call("GET", "/v1/admin/keys/" + made["id"])
        assert (now["name"], now["tier"], now["tpm"]) == ("changed", "premium", 7000) and not {"rpm", "monthly_tokens"} & set(now), now
        assert call("GET", "/v1/key", key=made["key"])[1]["limits"]["requests"]["per_minute"] == 2000
        row.get_by_role("button", name="Change: ").click()
        for box in page.locator("dialog fieldset input").all():
            box.set_checked(False)
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#key-scopes-mistake")).to_contain_text("expected some of")
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_have_count(0)
        assert call("GET", "/v1/admin/keys/" + made["id"])[1]["scopes"] == now["scopes"]


def test_a_key_gets_a_new_secret():
    made = create("to rotate")
    with board("keys") as page:
        row_of(page, made["id"]).get_by_role("button", name="Rotate: ").click()
        page.fill("#overlap", "0")
        page.keyboard.press("Enter")
        text = page.locator(".secret input")
        expect(text).to_be_focused()
        assert text.input_value() != made["key"] and text.input_value()[:11] == made["key"][:11]
        rank(text.input_value())
        assert call("GET", "/v1/key", key=made["key"])[0] == 401


def test_revoking_asks_first():
    made = create("to revoke")
    with board("keys") as page:
        row = row_of(page, made["id"])
        row.get_by_role("button", name="Revoke: ").click()
        expect(page.get_by_role("button", name="Cancel")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("dialog")).to_have_count(0)
        assert call("GET", "/v1/key", key=made["key"])[0] == 200
        row.get_by_role("button", name="Revoke: ").click()
        page.locator("dialog").get_by_role("button", name="Revoke").click()
        browser.told(page, "is revoked")
        assert call("GET", "/v1/key", key=made["key"])[0] == 401
        expect(row).to_have_count(0)
        page.check("#key-gone")
        expect(row).to_contain_text("revoked")
        page.fill("#key-search", made["id"].lower())
        expect(page.locator("#part-keys tbody tr")).to_have_count(1)


def test_live_figures_grow_while_they_can_be_seen():
    with board("live") as page:
        asked = []
        page.on("request", lambda r: asked.append(r.url))
        rank(ADMIN_KEY, 5)
        tile = lambda name: page.locator(".tile").filter(has_text=name)
        page.wait_for_function("""() => [...document.querySelectorAll('.tile')].some((e) => e.textContent.startsWith('Rerank latency') && / ms/.test(e.textContent))""")
        expect(page.get_by_role("group", name="Routes")).to_contain_text("rerank")
        expect(tile("Memory")).to_contain_text("MB")
        figures = ("requests", "tokens", "wait", "fill", "latency", "busy", "scores", "vectors", "memory")
        assert page.locator(".tile dt").all_inner_texts() == [words(f"board-tile-{name}") for name in figures]
        page.wait_for_function("() => [...document.querySelectorAll('.tile dd:first-of-type')].every((e) => /\\d/.test(e.textContent))")
        assert len(page.locator(".spark").first.get_attribute("points").split()) >= 1
        stages = page.get_by_role("group", name="Stages of a request").locator("tbody tr")
        assert stages.locator("th").all_inner_texts() == [words(f"board-stage-{name}") for name in ("parse", "tokenize", "queue", "compute", "write")]
        expect(page.locator("#part-live .state").first).to_have_text("ready")
        look = "document.dispatchEvent(new Event('visibilitychange'))"
        page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })")
        page.wait_for_load_state("networkidle")  # a look that was begun may end
        before = len(asked)
        page.evaluate(f"for (let i = 0; i < 5; i++) {look}")
        assert len(asked) == before, asked[before:]
        with page.expect_request("**/metrics"):
            page.evaluate(f"delete document.hidden; {look}")


def test_rates_and_percentiles_are_those_between_two_looks():
    def look(n, buckets, total):
        lines = [f'wn_x_total{{route="rerank",model="a\\"b",status="200"}} {n}', 'wn_x_total{route="rerank",model="c",status="503"} 2', "# HELP h it"]
        lines += [f'h_bucket{{le="{bound}"}} {count}' for bound, count in zip(("0.1", "1", "+Inf"), buckets)]
        return "\n".join(lines + [f"h_sum {total}", f"h_count {buckets[-1]}"]) + "\n"
    with opened("/dashboard") as page:
        got = page.evaluate("""async ([first, second]) => {
            const m = await import('/ui/app/metrics.js');
            const a = m.read(first, 1), b = m.read(second, 3), of = (f) => m[f].bind(null, b, a);
            const found = [m.sum(b, 'wn_x_total'), m.sum(b, 'wn_x_total', { status: '5*' }), m.sum(b, 'none'), of('rate')('wn_x_total'), of('mean')('h'),
                of('quantile')('h', 0.5), of('quantile')('h', 0.75), m.quantile(a, a, 'h', 0.5), m.growth(a, b, 'wn_x_total')];
            return [found.map((x) => (Number.isNaN(x) ? 'NaN' : x)), m.values(b, 'wn_x_total', 'model')];
        }""", [look(10, (0, 0, 0), 0), look(30, (10, 20, 20), 8)])
    assert got == [[32, 2, "NaN", 10, 0.4, 0.1, 0.55, "NaN", 12], ['a"b', "c"]], got


def test_a_model_that_fails_is_a_fault_of_the_server_in_every_api():
    def look(*counts):
        return "".join(f'n{{route="r",status="{status}"}} {n}\n' for status, n in zip((200, 400, 424, 429, 500, 503), counts))
    with opened("/dashboard") as page:
        got = page.evaluate("""async ([first, second]) => {
            const m = await import('/ui/app/metrics.js'), a = m.read(first, 1), b = m.read(second, 3);
            return [m.faults(b, a, 'n', { route: 'r' }), m.faults(b, a, 'n', { route: 'other' })];
        }""", [look(1, 1, 1, 1, 1, 1), look(101, 3, 7, 5, 9, 3)])
    assert got == [[3, 8], [0, 0]], got


def test_models_are_loaded_and_taken_away():
    with board("models", allow=("422", "409")) as page:
        page.fill("#model-name", "second")
        page.fill("#model-path", "no/such/folder")
        page.keyboard.press("Enter")
        expect(page.locator("#part-models .bad").last).to_contain_text("--model-root")
        page.fill("#model-path", "tests/golden/models/embed-mean")
        page.keyboard.press("Enter")
        row = page.locator("#part-models tbody tr").filter(has_text="second")
        expect(row).to_contain_text("ready")
        row.get_by_role("button", name="Replace").click()
        expect(page.locator("#model-name")).to_have_value("second")
        page.keyboard.press("Enter")
        expect(page.locator("dialog")).to_contain_text("Replace second?")
        page.locator("dialog").get_by_role("button", name="Replace").click()
        expect(row.locator("td").nth(3)).to_have_text("2")
        row.get_by_role("button", name="Take away").click()
        page.locator("dialog").get_by_role("button", name="Take away").click()
        expect(row).to_have_count(0)
        assert call("GET", "/v1/admin/models/second")[0] == 404
        assert page.locator("#part-models tbody tr").first.get_by_role("button", name="Take away").count() == 0


def test_parts_are_tabs_that_arrows_move_between():
    with board() as page:
        page.focus("#tab-usage")
        for key, name in (("ArrowRight", "live"), ("ArrowRight", "keys"), ("End", "models"), ("ArrowRight", "usage"), ("ArrowLeft", "models"), ("Home", "usage")):
            page.keyboard.press(key)
            expect(page.locator(f"#tab-{name}")).to_be_focused()
            expect(page.locator(f"#part-{name}")).to_be_visible()
            assert page.evaluate("location.hash") == "#" + name
            assert page.locator("#tabs [aria-selected=true]").count() == page.locator("#panels > :not([hidden])").count() == 1


def test_every_part_is_without_barriers_and_fits_a_phone():
    for part in ("usage", "live", "keys", "models"):
        with board(part, viewport={"width": 320, "height": 640}) as page:
            page.locator(f"#part-{part} h2").first.wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, part
            if part == "keys":
                page.get_by_role("button", name="New key").click()
            found = browser.barriers(page)
            assert not found, (part, found)


if __name__ == "__main__":
    tap.main(globals())
