#!/usr/bin/env python3
"""The playground in a real browser: the request as a program, which is run; links, the key, refusals."""
import importlib.util, json, os, re, shutil, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser, tap
from browser import KEY, TWO_MODELS, expect, fragment_of, opened, put, ranked, told, upload, values, words

QUERY = "Which animal barks?"
DOCUMENTS = ["The cat sleeps all day.", "A dog barks at the postman.", "Bread is baked in an oven."]
# What shells, Python, JavaScript and Go each read in their own way.
ODD_QUERY = r"""Which "animal" 'barks' $(touch ran) `touch ran` ${HOME} \n %s %20 !! #"""
ODD_DOCUMENTS = ["It's a 'quoted' \"dog\" that barks\\", "line\nline\ttab\rreturn", "\u2028\u2029 \U0001f415 \u202e \ufeff",
                 "'''\"\"\" */ -- <!-- </script> %d {x} {{y}} ${z} \\u0041 \\x41 \\0", "@file", "-d", r"$'\x41'", "\x7f\x01\x1b[31m"]


def tab(page, name):
    return page.get_by_role("tab", name=words(f"tab-{name}"), exact=True)


def code(page, name):
    """What a tab shows."""
    tab(page, name).click()
    expect(tab(page, name)).to_have_attribute("aria-selected", "true")
    return page.locator("#code").text_content()


def put_odd(page):
    upload(page, "t.json", json.dumps({"query": ODD_QUERY, "documents": ODD_DOCUMENTS}), "application/json")
    expect(page.locator("#count")).to_have_text(str(len(ODD_DOCUMENTS)))
    page.click("#settings summary")


def run(text, command, suffix, key):
    """Standard output of a program that was shown."""
    folder = browser.folder()
    path = os.path.join(folder, "shown" + suffix)
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(text)
    packages = os.pathsep.join(p for p in (browser.PACKAGES, os.environ.get("PYTHONPATH")) if p)
    env = {**os.environ, "PYTHONPATH": packages, "GO111MODULE": "off", **({"WINNOW_KEY": key} if key else {})}
    done = subprocess.run([*command, path], capture_output=True, text=True, timeout=120, cwd=folder, env=env)
    assert done.returncode == 0, (done.stdout, done.stderr, text)
    assert not os.path.exists(os.path.join(folder, "ran")), text
    return done.stdout


def run_shown(name, command, suffix, check):
    """Run what a tab shows, without and with a key, and hold its output against the page's own answer."""
    for key in (None, KEY):
        with opened(of=browser.server(*(["--api-key", KEY] if key else [])), key=key) as page:
            put_odd(page)
            page.fill("#top-n", "5")
            sent, answer = ranked(page)
            assert sent["documents"] == ODD_DOCUMENTS and sent["query"] == ODD_QUERY, sent
            text = code(page, name)
        assert (key is None) == ("WINNOW_KEY" not in text) and KEY not in text, text
        assert name != "curl" or (key is not None) == text.startswith("# export WINNOW_KEY="), text
        check(run(text, command, suffix, key), answer)


def same_lines(out, answer):
    """Lines `index score`."""
    got = [(int(i), float(score)) for i, score in (line.split() for line in out.splitlines())]
    assert got == [(r["index"], r["relevance_score"]) for r in answer["results"]], (got, answer)


def same_json(out, answer):
    got = json.loads(out[out.index("{"):])
    assert got["results"] == answer["results"], (got, answer)


def python_of(package):
    """A Python that has this package: the one that runs this, or that of `make conformance`."""
    if importlib.util.find_spec(package) is not None:
        return sys.executable
    other = os.path.join(browser.ROOT, "build/clients/bin/python")
    if os.path.exists(other) and subprocess.run([other, "-c", f"import {package}"], capture_output=True).returncode == 0:
        return other
    raise tap.Skip(f"{package} is not installed: make conformance")


def test_curl_runs_as_shown():
    if shutil.which("curl") is None:
        raise tap.Skip("there is no curl")
    run_shown("curl", ["sh"], ".sh", same_json)


def test_requests_runs_as_shown():
    run_shown("requests", [python_of("requests")], ".py", same_lines)


def test_cohere_runs_as_shown():
    run_shown("cohere", [python_of("cohere")], ".py", same_lines)


def test_langchain_runs_as_shown():
    def check(out, answer):
        scores = [float(s) for s in re.findall(r"^([\d.]+(?:e-\d+)?) ", out, re.M)]
        assert scores == [r["relevance_score"] for r in answer["results"]], (out, answer)

    run_shown("langchain", [python_of("langchain_community")], ".py", check)


def test_python_shown_compiles():
    with opened() as page:
        put_odd(page)
        for name in ("requests", "cohere", "langchain"):
            compile(code(page, name), name, "exec")


def test_javascript_runs_as_shown():
    node = shutil.which("node") or os.path.join(browser.PACKAGES, "playwright/driver/node")
    if not os.path.exists(node):
        raise tap.Skip("there is no node")
    run_shown("javascript", [node], ".mjs", same_lines)


def test_go_runs_as_shown():
    with opened() as page:
        put_odd(page)
        assert not re.search("[\u2028\u2029\ufeff]", code(page, "go"))  # which Go does not take
    if shutil.which("go") is None:
        raise tap.Skip("there is no go")
    run_shown("go", ["go", "run"], ".go", same_json)


def test_tabs_go_by_arrow_keys():
    with opened() as page:
        tab(page, "curl").focus()
        page.keyboard.press("ArrowRight")
        expect(tab(page, "requests")).to_be_focused()
        expect(page.locator("#code")).to_contain_text("import requests")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#code")).to_contain_text("HTTP 200")
        expect(tab(page, "answer")).to_have_attribute("tabindex", "0")
        expect(page.get_by_role("tabpanel", name=words("tab-answer"))).to_be_visible()


def test_answer_is_shown_with_its_headers():
    with opened("/#s=" + fragment_of('{"query": "nobody has asked yet"}')) as page:
        assert code(page, "answer") == words("no-answer")
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        with page.expect_response("**/v1/rerank") as got:
            page.click("#rank")
        expect(page.locator(".card")).to_have_count(3)
        head, body = code(page, "answer").split("\n\n", 1)
        assert head.startswith("HTTP 200\n") and json.loads(body) == got.value.json(), (head, body)
        for name in ("x-request-id", "x-winnow-model", "server-timing", "content-type"):
            assert f"\n{name}: {got.value.headers[name]}" in head, head


def test_code_follows_what_is_typed():
    with opened() as page:
        page.fill("#query", "first words")
        expect(page.locator("#code")).to_contain_text("first words")
        page.fill("#query", "second words")
        expect(page.locator("#code")).to_contain_text("second words")
        page.get_by_label("Document 1", exact=True).fill("other words")
        expect(page.locator("#code")).to_contain_text("other words")


def test_copy_takes_all_documents():
    with opened() as page:
        put(page, QUERY, [f"row {i}" for i in range(1, 201)])
        expect(page.locator("#code")).to_contain_text('"row 50"')
        expect(page.locator("#code")).not_to_contain_text('"row 51"')
        expect(page.locator("#code-cut")).to_have_text(words("code-cut", shown=50, n=200))
        page.click("#copy")
        told(page, words("copied"))
        copied = page.evaluate("navigator.clipboard.readText()")
        assert '"row 200"' in copied and copied.startswith("curl "), copied[:100]
        page.click("#copy-curl")
        assert page.evaluate("navigator.clipboard.readText()") == copied
        put(page, QUERY, DOCUMENTS)
        expect(page.locator("#code-cut")).to_be_hidden()
        page.click("#copy")
        assert page.evaluate("navigator.clipboard.readText()") == page.locator("#code").text_content()


def test_link_brings_all_back():
    other = browser.server(*TWO_MODELS)
    with opened(of=other) as page:
        put_odd(page)
        page.select_option("#model", "random")
        page.select_option("#compare", "ours")
        page.fill("#top-n", "4")
        page.fill("#min-score", "0.05")
        page.select_option("#long", "cut")
        page.fill("#max-length", "33")
        page.check("#return-documents")
        page.uncheck("#spans")
        page.click("#view-moves")
        page.click("#share")
        told(page, words("share-copied"))
        sent, _ = ranked(page)
        assert sent["model"] == "random", sent
        link = page.evaluate("navigator.clipboard.readText()")
        assert link.startswith(other.url + "/#s=") and link == page.url, link
    with opened(link[len(other.url):], of=other) as page:
        assert page.locator("#compare").input_value() == "ours"
        expect(page.locator("#view-moves")).to_have_attribute("aria-pressed", "true")
        again, _ = ranked(page)
        assert again == sent, (again, sent)


def test_link_that_is_broken_is_no_obstacle():
    for fragment in ("#s=", "#s=%%%", "#s=AAAA", "#s=" + "A" * 5000, "#other"):
        with opened("/" + fragment) as page:
            expect(page.locator("#query")).not_to_have_value("")
    for state in ('{"documents": 7}', '{"documents": "abc", "query": {"a": 1}}', '[]', '7', '{"documents": [null, {}, 7], "view": 7, "long": 7}'):
        with opened("/#s=" + fragment_of(state)) as page:
            put(page, QUERY, DOCUMENTS)
            ranked(page)


def test_key_is_asked_for_and_kept_in_the_tab():
    with opened(of=browser.server("--api-key", KEY), ready=False, allow=["status of 401"]) as page:
        box = page.get_by_role("dialog", name=words("key-title"))
        expect(box).to_contain_text(words("key-needed"))
        expect(box.locator(".bad")).to_have_count(0)  # nothing went wrong yet
        expect(box.get_by_label(words("key"))).to_be_focused()
        page.keyboard.type("a wrong key")
        page.keyboard.press("Enter")
        expect(box.locator(".bad")).to_contain_text("key")
        box.get_by_label(words("key")).fill(KEY)
        box.get_by_role("button", name=words("key-use")).click()
        page.wait_for_selector("html[data-ready]", state="attached")
        expect(page.locator("#model option")).to_have_count(1)
        with page.expect_request("**/v1/rerank") as asked:
            ranked(page)
        assert asked.value.headers["authorization"] == f"Bearer {KEY}"
        assert page.evaluate("[JSON.stringify(localStorage), document.cookie]") == ["{}", ""]
        assert KEY not in page.content()


def test_key_is_forgotten():
    with opened(of=browser.server("--api-key", KEY), key=KEY, allow=["status of 401"]) as page:
        page.click("#key-button")
        page.get_by_role("dialog").get_by_label(words("key")).fill("")
        page.get_by_role("button", name=words("key-use")).click()
        told(page, words("key-forgotten"))
        assert page.evaluate("sessionStorage.length") == 0
        page.click("#rank")
        expect(page.get_by_role("dialog", name=words("key-title"))).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.locator("#status")).to_have_text(words("key-needed"))


def test_refusals_are_told_in_the_servers_words():
    with opened(allow=["status of 4"]) as page:
        put(page, QUERY, DOCUMENTS)
        page.click("#settings summary")
        page.select_option("#long", "cut")
        page.fill("#max-length", "0")
        _, refusal = ranked(page)
        expect(page.locator("#status")).to_have_text(words("refused", status="422", detail=refusal["detail"]))
        expect(page.locator("#status")).to_have_class(re.compile("bad"))
        page.fill("#max-length", "10")
        ranked(page)
        expect(page.locator("#status")).not_to_have_class(re.compile("bad"))
        expect(page.locator(".card")).to_have_count(3)


def test_rate_limit_tells_when_to_come_back():
    with opened(of=browser.server("--api-key", KEY, "--rpm", "2"), key=KEY, allow=["status of 429"]) as page:
        for _ in range(3):
            _, answer = ranked(page)
        expect(page.locator("#status")).to_contain_text(words("refused", status="429", detail=answer["detail"]))
        assert 1 <= int(values("retry-after", page.locator("#status").text_content())["n"]) <= 60


def test_server_that_has_gone_is_told():
    gone = browser.api_server.Server()
    with opened(of=gone, allow=["ERR_CONNECTION"]) as page:
        assert gone.stop() == 0
        page.click("#rank")
        expect(page.locator("#status")).to_have_text(words("unreachable"))
        browser.at_rest(page)


if __name__ == "__main__":
    tap.main(globals())
