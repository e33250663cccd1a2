#!/usr/bin/env python3
"""The playground as somebody meets it who has never seen it: what it does by itself, takes back, keeps, and says when nothing happens."""
import json, os, re, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser, tap
from browser import KEY, expect, fragment_of, opened, put, ranked, texts, toast, words

QUERY = "Which animal barks?"
DOCUMENTS = ["The cat sleeps all day.", "A dog barks at the postman.", "Bread is baked in an oven."]
PHONE = {"width": 320, "height": 640}
READY = "html[data-ready]"


def visible(page, selector):
    """Whether an element stands within the window."""
    return page.locator(selector).evaluate("""e => { const { top, bottom } = e.getBoundingClientRect();
        return top >= 0 && bottom <= innerHeight; }""")


def test_first_example_is_ranked_at_once():
    with opened(viewport={"width": 1440, "height": 900}) as page:
        expect(page.locator(".card")).to_have_count(10)
        expect(page.get_by_role("heading", level=1)).to_have_text(words("intro-title"))
        assert visible(page, "#rank") and page.evaluate("scrollY") == 0


def test_nothing_is_ranked_unasked_for_ones_own_request_or_key():
    asked = []
    keep = lambda request: asked.append(request.url)
    for path, words_of, key in (("/#s=" + fragment_of(json.dumps({"query": QUERY, "documents": DOCUMENTS})), (), None), ("/", ("--api-key", KEY), KEY)):
        with opened("/ui/icon.svg", of=browser.server(*words_of), ready=False, key=key) as page:
            page.on("request", keep)
            page.goto(browser.server(*words_of).url + path)
            page.wait_for_selector(READY, state="attached")
            expect(page.locator("#results-a")).to_have_text(words("results-none"))
            page.remove_listener("request", keep)
    assert asked and not any(url.endswith("/v1/rerank") for url in asked), asked


def test_results_of_another_request_fade():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        ranked(page)
        faded = page.locator("#columns.stale")
        for edit in (lambda: page.fill("#query", "other"), lambda: page.locator(".row textarea").first.fill("other"), lambda: page.click("#clear")):
            expect(faded).to_have_count(0)
            edit()
            expect(faded).to_have_count(1)
            put(page, QUERY, DOCUMENTS)
            ranked(page)


def test_figures_come_with_the_first_mark():
    with opened() as page:
        quality = page.locator("#quality")
        expect(quality).to_have_text(words("judgement-how"))
        mark = page.locator(".card").first.get_by_role("button", name=words("relevant"))
        mark.click()
        expect(quality).to_contain_text("nDCG@10")
        mark.click()
        expect(quality).to_have_text(words("judgement-how"))


def test_text_that_matches_as_a_whole_is_not_marked():
    with opened() as page:
        ranked(page, page.get_by_role("button", name=words("example-functions")).click)
        expect(page.locator(".card")).to_have_count(7)
        expect(page.locator(".card mark")).to_have_count(0)


def test_long_ranking_is_cancelled():
    with opened() as page:
        page.route("**/v1/rerank", lambda route: None)  # as long as it takes
        with page.expect_event("requestfailed") as failed:
            page.click("#rank")
            expect(page.locator("#rank")).to_have_text(words("cancel"))
            expect(page.locator("#answer")).to_have_attribute("aria-busy", "true")
            page.click("#rank")
        assert failed.value.url.endswith("/v1/rerank")
        expect(page.locator("#status")).to_have_text(words("ranking-cancelled"))
        expect(page.locator("#rank")).to_have_text(words("rank"))
        page.unroute("**/v1/rerank")
        ranked(page)
        expect(page.locator(".card")).to_have_count(10)


def test_later_ranking_takes_the_place_of_one_under_way():
    with opened() as page:
        page.route("**/v1/rerank", lambda route: None, times=1)
        page.click("#rank")
        page.fill("#query", QUERY)
        sent, answer = ranked(page, lambda: page.locator("#query").press("Control+Enter"))
        assert sent["query"] == QUERY
        expect(page.locator(".card").first).to_have_attribute("data-index", str(answer["results"][0]["index"]))
        expect(page.locator("#rank")).to_have_text(words("rank"))


def test_results_come_into_sight_on_a_phone():
    with opened(viewport=PHONE) as page:
        assert page.evaluate("scrollY") == 0  # nobody has asked yet
        ranked(page)
        page.wait_for_function("""() => { const { top } = document.querySelector('#results-title').getBoundingClientRect();
            return top >= 0 && top < innerHeight / 2; }""")


def test_complaint_is_red_and_in_sight():
    with opened(viewport=PHONE) as page:
        plain = page.locator("#status").evaluate("e => getComputedStyle(e).color")
        page.evaluate("scrollTo(0, 0)")
        page.fill("#query", "")
        page.click("#rank")
        expect(page.locator("#status")).to_have_text(words("needs-query"))
        page.wait_for_function("""() => { const { top, bottom } = document.querySelector('#status').getBoundingClientRect();
            return top >= 0 && bottom <= innerHeight; }""")
        assert page.locator("#status").evaluate("e => getComputedStyle(e).color") != plain


def test_copying_works_on_a_plain_address():
    with opened() as page:
        page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
        page.click("#copy")
        browser.told(page, words("copied"))
        page.locator("#query").press("Control+A")
        page.keyboard.press("Control+V")
        assert page.locator("#query").input_value().startswith("curl "), page.locator("#query").input_value()


def test_key_that_is_given_ranks_at_last():
    with opened(of=browser.server("--api-key", KEY), key=KEY, allow=["status of 401"]) as page:
        page.evaluate("sessionStorage.clear()")
        page.click("#rank")
        box = page.get_by_role("dialog", name=words("key-title"))
        box.get_by_label(words("key")).fill("a wrong one")
        page.keyboard.press("Enter")
        expect(box.locator(".bad")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(1)
        box.get_by_label(words("key")).fill(KEY)
        page.keyboard.press("Enter")
        expect(page.locator(".card")).to_have_count(10)
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page.locator("#status")).not_to_contain_text("401")
        expect(page.locator("#status")).not_to_have_class(re.compile("bad"))


def test_example_can_be_taken_back():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        ranked(page, page.get_by_role("button", name=words("example-code")).click)
        assert texts(page) != DOCUMENTS
        toast(page).get_by_role("button", name=words("undo")).click()
        assert texts(page) == DOCUMENTS and page.locator("#query").input_value() == QUERY


def test_request_is_there_again_in_another_language():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        with page.expect_navigation():
            page.select_option("#language", "de")
        page.wait_for_selector(READY, state="attached")
        assert page.evaluate("document.documentElement.lang") == "de"
        assert page.locator("#query").input_value() == QUERY
        assert texts(page) == DOCUMENTS


def test_moves_of_many_documents_stay_on_a_page():
    with opened() as page:
        put(page, QUERY, [f"animal {i}" for i in range(2000)])
        page.click("#settings summary")
        page.fill("#top-n", "300")
        ranked(page)
        page.click("#view-moves")
        expect(page.locator(".moves li")).to_have_count(200)
        assert page.locator(".moves svg").evaluate("e => e.clientHeight") < 5000
        lines = page.locator(".moves path").evaluate_all("all => all.flatMap((p) => p.getAttribute('d').match(/[\\d.]+/g).map(Number))")
        assert max(lines, default=0) < 5000, max(lines)


if __name__ == "__main__":
    tap.main(globals())
