#!/usr/bin/env python3
"""The playground in a real browser: the answer, why it is so, two models, judgements."""
import json, os, re, sys, tarfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser, tap
from browser import TWO_MODELS, expect, opened, put, ranked, told, values, words

QUERY = "Which animal barks?"
DOCUMENTS = ["The cat sleeps all day.", "Bread is baked in an oven.", "A dog barks at the postman.", "Fish swim in the sea."]


def cards(page, column="a"):
    """[(index, place, move, score, raw score, text)] of the cards of a column."""
    return page.locator(f"#results-{column} .card").evaluate_all("""cards => cards.map((c) => [Number(c.dataset.index),
        ...['place', 'move', 'score', 'logit', 'text'].map((name) => c.querySelector('.' + name).textContent)])""")


def test_results_are_what_the_server_says():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        _, answer = ranked(page)
        shown, results = cards(page), answer["results"]
        assert len(shown) == len(results) == 4
        for place, (card, result) in enumerate(zip(shown, results), 1):
            index, number, move, score, logit, text = card
            assert (index, number, text) == (result["index"], str(place), DOCUMENTS[index]), (card, result)
            assert re.fullmatch(r"\d\.\d{4}", score) and abs(float(score) - result["relevance_score"]) < 6e-5, (card, result)
            assert abs(float(logit.replace(",", "")) - result["logit"]) < 6e-5, (card, result)
            up = index + 1 - place
            assert move == ("=" if up == 0 else f"{'▲' if up > 0 else '▼'} {abs(up)}"), card
        widths = page.locator(".bar").evaluate_all("bars => bars.map((b) => b.firstChild.offsetWidth / b.offsetWidth)")
        assert all(abs(w - r["relevance_score"]) < 0.02 for w, r in zip(widths, results)), (widths, results)
        ends = page.locator(".bar").evaluate_all("bars => bars.map((b) => b.getBoundingClientRect().right)")
        assert max(ends) - min(ends) < 1, ends
        expect(page.locator(".card").first.get_by_role("img", name=words("move-from", n=3))).to_be_visible()


def test_status_tells_times_and_tokens():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        with page.expect_response("**/v1/rerank") as got:
            page.click("#rank")
        times = dict(re.findall(r"(\w+);dur=([\d.]+)", got.value.headers["server-timing"]))
        usage = got.value.json()["usage"]
        expect(page.locator(".card")).to_have_count(4)
        shown = values("status", page.locator("#status").text_content())
        number = lambda text: float(text.replace(",", ""))
        assert all(abs(number(shown[name]) - float(times[name])) < 0.001 for name in ("parse", "tokenize", "queue", "compute")), (shown, times)
        assert number(shown["tokens"]) == usage["total_tokens"] and number(shown["cached"]) == usage.get("cached_tokens", 0), (shown, usage)
        assert number(shown["ms"]) >= float(times["compute"]) - 1 and shown["model"] == "winnow-multilingual-v1", shown


def test_languages_and_directions_of_texts():
    documents = ["The dog is in the garden and the cat is not.", "Der Hund ist im Garten und die Katze ist nicht da.", "狗在花园里。", "犬は庭にいます。",
                 "الكلب في الحديقة.", "def bark(dog):\n    return dog"]
    with opened() as page:
        browser.upload(page, "t.json", json.dumps(documents), "application/json")
        expect(page.locator("#count")).to_have_text("6")
        ranked(page)
        tags = dict(page.locator(".card").evaluate_all("all => all.map((c) => [c.dataset.index, c.querySelector('.tag').textContent])"))
        assert [tags[str(i)] for i in range(6)] == ["English", "German", "Chinese", "Japanese", "Arabic", words("language-code")], tags
        direction = lambda selector: page.locator(selector).evaluate("e => getComputedStyle(e).direction")
        assert direction(".card[data-index='4'] .text") == "rtl" and direction(".card[data-index='0'] .text") == "ltr"
        assert direction("[aria-label='Document 5']") == "rtl" and direction("[aria-label='Document 1']") == "ltr"


def test_what_matched_is_marked():
    filler = "Nothing of interest happens here, said the neighbour. " * 6
    with opened() as page:
        put(page, QUERY, [filler + "A dog barks at the postman. " + filler, "Fish swim in the sea."])
        _, answer = ranked(page)
        sentence = answer["results"][0]["sentence"]
        marked = page.locator(".card mark").first.text_content()
        assert marked.strip() == "A dog barks at the postman.", marked
        text = (filler + "A dog barks at the postman. " + filler).encode()
        assert marked == text[sentence["start"]:sentence["end"]].decode(), (marked, sentence)
        page.click("#settings summary")
        page.uncheck("#spans")
        sent, _ = ranked(page)
        assert "return_spans" not in sent
        expect(page.locator(".card mark")).to_have_count(0)


def test_marks_are_right_behind_characters_of_many_bytes():
    filler = "Ничего интересного 🐟🐟 здесь не происходит, сказал сосед. " * 5
    with opened() as page:
        put(page, QUERY, [filler + "A dog barks at the postman. " + filler])
        ranked(page)
        assert page.locator(".card mark").text_content().strip() == "A dog barks at the postman."


def test_heat_map_adds_up_to_the_raw_score():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        ranked(page)
        for i in range(4):
            card = page.locator(".card").nth(i)
            card.get_by_role("button", name=words("why")).click()
            legend = card.locator(".legend")
            expect(legend).to_contain_text(words("explain-late-interaction"))
            special = float(values("explain-special", legend.text_content().removeprefix(words("explain-late-interaction")))["weight"])
            parts = [float(t.split(" ")[0]) for t in card.locator(".heat").evaluate_all("all => all.map((e) => e.title)")]
            logit = float(card.locator(".logit").text_content())
            assert abs(sum(parts) + special - logit) < 0.001 * (len(parts) + 2), (parts, special, logit)
            assert card.locator(".text").text_content() == DOCUMENTS[int(card.get_attribute("data-index"))]
        best = page.locator(".card").first
        darkest = best.locator(".heat").evaluate_all("all => all.toSorted((a, b) => b.style.getPropertyValue('--part') - a.style.getPropertyValue('--part'))[0].textContent")
        assert darkest.strip() in "dog barks", darkest
        best.get_by_role("button", name=words("why")).click()
        expect(best.locator(".legend")).to_have_count(0)
        expect(best.locator(".text")).to_have_text(DOCUMENTS[2])


def test_moves_are_drawn():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        _, answer = ranked(page)
        page.click("#view-moves")
        expect(page.locator(".moves path")).to_have_count(4)
        before, after = page.locator(".moves ol").all()
        assert before.locator(".one-line").all_text_contents() == DOCUMENTS
        order = [r["index"] for r in answer["results"]]
        assert after.locator(".one-line").all_text_contents() == [DOCUMENTS[i] for i in order]
        kinds = page.locator(".moves path").evaluate_all("all => all.map((p) => p.getAttribute('class'))")
        assert kinds == ["up" if i > place else "down" if i < place else "same" for place, i in enumerate(order)], kinds
        page.click("#view-list")
        expect(page.locator(".moves")).to_have_count(0)
        assert [c[0] for c in cards(page)] == order


def test_reorder_is_animated_unless_motion_is_unwanted():
    for motion, moved in (("no-preference", True), ("reduce", False)):
        with opened(reduced_motion=motion) as page:
            put(page, QUERY, DOCUMENTS)
            ranked(page)
            page.evaluate("""() => {
                globalThis.animated = 0;
                const animate = Element.prototype.animate;
                Element.prototype.animate = function (...words) { globalThis.animated++; return animate.apply(this, words); };
            }""")
            page.fill("#query", "What lives in water?")
            ranked(page)
            assert (page.evaluate("animated") > 0) == moved, motion


def test_more_than_a_hundred_results_come_by_and_by():
    with opened() as page:
        put(page, QUERY, [f"animal {i}" for i in range(130)])
        ranked(page)
        expect(page.locator(".card")).to_have_count(100)
        page.get_by_role("button", name=words("results-more", n=30)).click()
        expect(page.locator(".card")).to_have_count(130)
        assert [c[1] for c in cards(page)] == [str(i) for i in range(1, 131)]
        expect(page.locator(".more")).to_have_count(0)


def tau(a, b):
    """Kendall's tau-b of {index: score}."""
    sign = lambda x: (x > 0) - (x < 0)
    pairs = [(sign(a[i] - a[j]), sign(b[i] - b[j])) for i in a for j in a if i < j]
    return sum(x * y for x, y in pairs) / (sum(x * x for x, _ in pairs) * sum(y * y for _, y in pairs)) ** 0.5


def test_two_models_are_compared():
    with opened(of=browser.server(*TWO_MODELS)) as page:
        put(page, QUERY, DOCUMENTS)
        page.click("#settings summary")
        assert page.locator("#model option").all_text_contents() == ["ours", "random"]
        page.select_option("#compare", "random")
        by = lambda model: lambda r: r.url.endswith("/v1/rerank") and r.request.post_data_json["model"] == model
        with page.expect_response(by("ours")) as ours, page.expect_response(by("random")) as random:
            page.click("#rank")
        expect(page.locator("#name-b")).to_have_text("random")
        expect(page.locator("#name-a")).to_have_text("ours")
        a, b = [{r["index"]: r["relevance_score"] for r in got.value.json()["results"]} for got in (ours, random)]
        assert [c[0] for c in cards(page, "a")] == list(a) and [c[0] for c in cards(page, "b")] == list(b)
        assert list(a) != list(b)
        shown = float(values("tau", page.locator("#status").text_content())["tau"].rstrip("."))
        assert abs(shown - tau(a, b)) < 6e-4, (shown, tau(a, b))
        for column, mine, other in (("a", a, b), ("b", b, a)):
            marked = page.locator(f"#results-{column} .card.differs").evaluate_all("all => all.map((c) => Number(c.dataset.index))")
            assert marked == [i for i in mine if list(mine).index(i) != list(other).index(i)], marked
        for column, model in (("a", "ours"), ("b", "random")):  # each is explained by its own model
            with page.expect_request("**/v1/rerank") as asked:
                page.locator(f"#results-{column}").get_by_role("button", name=words("why")).first.click()
            assert asked.value.post_data_json["model"] == model, asked.value.post_data_json
        page.get_by_role("tab", name=words("tab-answer")).click()
        expect(page.locator("#code")).to_contain_text('"model": "random"')
        page.select_option("#compare", "")
        ranked(page)
        expect(page.locator("#column-b")).to_be_hidden()


def test_nothing_can_be_compared_with_one_model():
    with opened() as page:
        page.click("#settings summary")
        expect(page.locator("#compare")).to_be_disabled()
        expect(page.locator("#compare")).to_have_accessible_description(words("compare-hint"))
        expect(page.locator("#compare-hint")).to_be_visible()
    with opened(of=browser.server(*TWO_MODELS)) as page:
        page.click("#settings summary")
        expect(page.locator("#compare-hint")).to_be_hidden()


def test_two_dtypes_of_a_model_are_compared():
    with opened(of=browser.server("--model", "exact=built-in", "--model", "small=built-in,dtype=int8")) as page:
        put(page, QUERY, DOCUMENTS)
        page.click("#settings summary")
        page.select_option("#compare", "small")
        page.click("#rank")
        expect(page.locator("#name-b")).to_have_text("small")
        shown = [[card[3:5] for card in sorted(cards(page, column))] for column in "ab"]
        assert shown[0] != shown[1] and all(abs(float(x[0]) - float(y[0])) < 0.1 for x, y in zip(*shown)), shown


def judge(page, *texts):
    for text in texts:
        page.locator(".card", has_text=text).get_by_role("button", name=words("relevant")).click()


def shown_quality(page):
    """(nDCG@10, as given, MRR@10) as the page tells them."""
    found = values("quality", page.locator("#quality").text_content())
    return tuple(float(found[name]) for name in ("ndcg", "before", "mrr"))


def test_judgements_give_the_figures_of_winnow_eval():
    queries = [(QUERY, ["The cat sleeps", "Fish swim"]), ("What is baked?", ["Bread is baked"]), ("Who is at sea\tor not?", ["A dog barks", "Fish swim"])]
    figures = []
    with opened() as page:
        for query, good in queries:
            put(page, query, DOCUMENTS)
            ranked(page)
            judge(page, *good)
            figures.append(shown_quality(page))
            page.click("#judgement-keep")
            told(page, words("judgement-kept"))
        assert values("quality", page.locator("#quality").text_content())["kept"] == "3"
        with page.expect_download() as got:
            page.click("#judgement-export")
        folder = browser.folder()
        with tarfile.open(got.value.path()) as archive:
            archive.extractall(folder, filter="data")
        found = json.loads(browser.winnow("eval", "--format", "json", os.path.join(folder, "judgements")))
    mean = lambda i: sum(f[i] for f in figures) / len(figures)
    scores = [found["mean"]["model"][name]["mean"] for name in ("ndcg10", "mrr10")]
    assert abs(scores[0] - mean(0)) < 1e-3 and abs(scores[1] - mean(2)) < 1e-3, (scores, figures, found)


def test_judgements_count_what_was_not_returned():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        ranked(page)
        judge(page, "Fish swim", "A dog barks", "The cat sleeps", "Bread is")
        assert shown_quality(page)[0] == 1
        page.click("#settings summary")
        page.fill("#top-n", "1")
        ranked(page)
        ideal = sum(1 / n for n in (1, 1.584962, 2, 2.321928))
        assert abs(shown_quality(page)[0] - 1 / ideal) < 1e-3, shown_quality(page)


def test_judgements_are_saved_and_loaded():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        ranked(page)
        page.click("#judgement-keep")
        told(page, words("judgement-none"))
        judge(page, "Fish swim")
        before = shown_quality(page)
        page.click("#judgement-keep")
        with page.expect_download() as got:
            page.locator("#judgement-save").click()
        with open(got.value.path(), encoding="utf-8") as f:
            saved = f.read()
    with opened() as page:
        ranked(page)
        with page.expect_file_chooser() as chooser:
            page.locator("#judgement-load").click()
        chooser.value.set_files({"name": "judgements.json", "mimeType": "application/json", "buffer": saved.encode()})
        told(page, words("judgement-loaded", n=1))
        expect(page.locator("#query")).to_have_value(QUERY)
        ranked(page)
        assert shown_quality(page) == before
        page.reload()
        page.wait_for_selector("html[data-ready]", state="attached")
        ranked(page)
        assert values("quality", page.locator("#quality").text_content())["kept"] == "1"


if __name__ == "__main__":
    tap.main(globals())
