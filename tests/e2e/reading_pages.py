#!/usr/bin/env python3
"""The pages of limits, licences, benchmarks and questions in a real browser, beside what the server says."""
import json, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser, tap
from browser import KEY, ROOT, expect, opened, values, words


def get(of, path):
    status, _, body = of.request("GET", path)
    assert status == 200, (path, status, body)
    return json.loads(body)


def cells(page, name):
    """The texts of a table, row by row."""
    return page.get_by_role("group", name=name, exact=True).locator("tr").evaluate_all(
        "rows => rows.map((r) => [...r.cells].map((c) => c.innerText))")


def test_limits_are_those_of_the_server():
    for of, line in ((browser.server(), "limits-open"), (browser.server("--api-key", KEY), "limits-closed")):
        limits = get(of, "/v1/limits")
        with opened("/limits", of=of) as page:
            expect(page.locator("#status")).to_have_text(words(line))
            head, *rows = cells(page, words("limits-rates"))
            assert head[1:] == [words(f"tier-{tier}") for tier in ("none", "key", "premium")], head
            rerank = next(row for row in rows if row[0] == words("product-rerank"))
            product = next(p for p in limits["products"] if p["name"] == "rerank")
            for text, tier in zip(rerank[1:], ("none", "key", "premium")):
                allowed = next(t for t in product["tiers"] if t["name"] == tier)
                for field, key in (("requests_per_minute", "limits-requests"), ("tokens_per_minute", "limits-tokens")):
                    if allowed["allowed"] and allowed[field] is not None:
                        assert words(key, n=allowed[field]) in text, (text, allowed)
            request = dict(cells(page, words("limits-request")))
            assert request[words("limits-documents")] == f"{limits['request']['documents']:,}", request
            _, model = cells(page, words("limits-models"))
            assert model == [limits["models"][0]["id"]] + [f"{limits['models'][0][n]:,}" for n in
                                                           ("max_input_length", "max_query_tokens", "max_document_tokens")], model


def test_a_key_shows_the_models_that_it_may_list():
    with opened("/limits", of=browser.server("--api-key", KEY, *browser.TWO_MODELS)) as page:
        rows = page.locator("#models tbody tr")
        expect(rows).to_have_count(1)
        page.click("#key-button")
        page.get_by_role("dialog").locator("input").fill(KEY)
        page.keyboard.press("Enter")
        expect(rows).to_have_count(2)


def test_licence_is_judged():
    with opened("/licence") as page:
        model = get(browser.server(), "/v1/models")["data"][0]
        expect(page.locator("#weights option").first).to_have_text(f"{model['id']} ({model['license']})")
        verdict = page.locator("#verdict .verdict")
        for licence, where, gain, expected, duty in (
                ("apache-2.0", "own", "yes", "yes", None), ("apache-2.0", "shipped", "yes", "yes", "notice"), ("cc-by-nc-4.0", "own", "yes", "no", "buy"),
                ("cc-by-nc-4.0", "own", "no", "yes", "gain"), ("agpl-3.0", "service", "yes", "yes", "source"), ("llama3", "own", "no", "ask", "read"),
                ("cc-by-sa-4.0", "shipped", "no", "yes", "same"), ("", "own", "no", "ask", "author")):
            page.locator("#weights optgroup").last.locator(f"option[value='{licence}']").evaluate("o => { o.selected = true; }")
            page.check(f"input[name=where][value={where}]")
            page.check(f"input[name=gain][value={gain}]")
            page.dispatch_event("#questions", "change")
            expect(verdict).to_have_text(words(f"verdict-{expected}"))
            duties = page.locator("#verdict li").all_text_contents()
            assert (words(f"duty-{duty}") in duties) if duty else duties == [], (licence, where, gain, duties)


def test_licence_asks_for_a_key_where_models_need_one():
    with opened("/licence", of=browser.server("--api-key", KEY), allow=["status of 401"]) as page:
        page.get_by_role("button", name=words("licence-needs-key")).click()
        page.get_by_role("dialog").locator("input").fill(KEY)
        page.keyboard.press("Enter")
        expect(page.locator("#weights option").first).to_contain_text("winnow-multilingual-v1")


def test_reports_of_a_folder_are_shown():
    reports = browser.folder()
    browser.winnow("eval", "--bm25-only", "--html", os.path.join(reports, "quality.html"), os.path.join(ROOT, "tests/eval/tiny"))
    run = {"model": "<b>m</b>", "workload": "mini", "processor": "p", "cpu_level": "avx2", "dtype": "f32", "threads": 2, "documents": 100,
           "seconds_per_request": {"median": 0.25}, "pairs_per_second": 400.0, "tokens_per_second": 4000.0, "peak_memory_bytes": 5e8}
    for name, text in (("speed.json", json.dumps(run)), ("odd.json", "[1, 2"), ("hidden.txt", "x")):
        with open(os.path.join(reports, name), "w", encoding="utf-8") as f:
            f.write(text)
    with opened("/benchmarks", of=browser.server("--reports", reports)) as page:
        expect(page.locator("#status")).to_have_text(words("benchmarks-count", n=3))
        row = cells(page, words("benchmarks-runs"))[1]
        assert row[0].startswith("speed.json") and row[1].startswith("<b>m</b>") and row[3:5] == ["100", "0.25"], row
        expect(page.locator("summary", has_text="odd.json")).to_be_visible()
        expect(page.get_by_role("link", name="quality.html")).to_have_attribute("href", "/v1/reports/quality.html")
        assert "hidden" not in page.content()
    with opened("/benchmarks") as page:
        expect(page.locator("#status")).to_have_text(words("benchmarks-off"))
        expect(page.locator("#reports")).to_contain_text("winnow serve --reports reports")


def test_questions_are_answered_with_this_servers_figures():
    limits = get(browser.server(), "/v1/limits")
    with opened("/faq#lengths") as page:
        questions = page.locator("details.answer")
        expect(questions).to_have_count(18)
        expect(page.locator("#lengths")).to_have_attribute("open", "")
        for entry in questions.all():
            assert len(entry.locator("p").first.text_content()) > 40
        told = page.locator("#documents p").first.text_content()
        assert f"{limits['request']['documents']:,}" in told, told
        assert f"{limits['models'][0]['max_query_tokens']:,}" in page.locator("#lengths p").first.text_content()
        page.locator("#latency summary").click()
        with page.expect_response("**/v1/rerank") as got:
            page.locator("#latency").get_by_role("button", name=words("faq-measure")).click()
        assert len(got.value.request.post_data_json["documents"]) == 100
        status = page.locator("#latency [role=status]")
        expect(page.locator("#latency button")).to_be_enabled()
        assert int(values("faq-measured", status.text_content())["ms"].replace(",", "")) > 0
        for link in page.locator("main a[href^='/']").all():
            assert browser.server().request("GET", link.get_attribute("href"), [("Accept", "text/html")])[0] == 200, link.get_attribute("href")


if __name__ == "__main__":
    tap.main(globals())
