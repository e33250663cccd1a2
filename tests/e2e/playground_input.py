#!/usr/bin/env python3
"""The playground in a real browser: the query, the documents, files and settings."""
import json, os, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser, tap
from browser import expect, opened, paste, put, ranked, texts, toast, told, upload, words

QUERY = "Which animal barks?"
DOCUMENTS = ["The cat sleeps all day.", "A dog barks at the postman.", "Bread is baked in an oven."]


def area(page, n):
    return page.get_by_label(words("document-n", n=n), exact=True)


def test_query_is_ranked_by_the_button_and_by_the_keyboard():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        sent, answer = ranked(page)
        assert sent["query"] == QUERY and sent["documents"] == DOCUMENTS, sent
        assert answer["results"][0]["index"] == 1
        expect(page.locator(".card .text").first).to_have_text(DOCUMENTS[1])
        page.fill("#query", "What is eaten?")
        sent, _ = ranked(page, lambda: page.locator("#query").press("Control+Enter"))
        assert sent["query"] == "What is eaten?", sent


def test_query_and_documents_are_asked_for_when_there_are_none():
    with opened() as page:
        page.fill("#query", "  ")
        page.click("#rank")
        expect(page.locator("#status")).to_have_text(words("needs-query"))
        expect(page.locator("#query")).to_be_focused()
        page.fill("#query", QUERY)
        page.click("#clear")
        page.click("#rank")
        expect(page.locator("#status")).to_have_text(words("needs-documents"))


def test_document_is_added_edited_and_removed():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        page.click("#add")
        expect(area(page, 4)).to_be_focused()
        page.keyboard.type("Wolves howl.")
        area(page, 1).fill("The cat purrs.")
        page.get_by_role("button", name=words("document-remove", n=3)).click()
        expect(page.locator("#count")).to_have_text("3")
        assert texts(page) == ["The cat purrs.", DOCUMENTS[1], "Wolves howl."], texts(page)
        sent, _ = ranked(page)
        assert sent["documents"] == texts(page), sent
        toast(page).get_by_role("button", name=words("undo")).click()
        assert texts(page) == ["The cat purrs.", *DOCUMENTS[1:], "Wolves howl."], texts(page)


def test_document_is_moved_by_keyboard():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        area(page, 1).press("Alt+ArrowDown")
        assert texts(page) == [DOCUMENTS[1], DOCUMENTS[0], DOCUMENTS[2]], texts(page)
        expect(area(page, 2)).to_be_focused()
        page.keyboard.press("Alt+ArrowDown")
        page.keyboard.press("Alt+ArrowDown")
        assert texts(page) == [DOCUMENTS[1], DOCUMENTS[2], DOCUMENTS[0]], texts(page)
        page.keyboard.press("Alt+ArrowUp")
        assert texts(page) == [DOCUMENTS[1], DOCUMENTS[0], DOCUMENTS[2]], texts(page)


def test_document_is_moved_by_dragging():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        page.locator(".row .grip").nth(0).drag_to(page.locator(".row").nth(2))
        assert texts(page) == [DOCUMENTS[1], DOCUMENTS[2], DOCUMENTS[0]], texts(page)


def test_lines_pasted_into_an_empty_document_become_documents():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        area(page, 2).fill(" ")
        area(page, 2).focus()
        paste(page, "one\r\n\n  two  \nthree\n")
        expect(page.locator("#count")).to_have_text("5")
        assert texts(page) == [DOCUMENTS[0], "one", "two", "three", DOCUMENTS[2]], texts(page)
        toast(page).get_by_role("button", name=words("lines-as-one")).click()
        assert texts(page) == [DOCUMENTS[0], "one\n\n  two  \nthree", DOCUMENTS[2]], texts(page)


def test_what_is_pasted_into_a_text_is_part_of_it():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        for pasted in (" Always.", "\nIn winter\nand in summer."):
            before = texts(page)
            area(page, 1).focus()
            page.keyboard.press("Control+End")
            paste(page, pasted)
            expect(area(page, 1)).to_have_value(before[0] + pasted)
            assert texts(page)[1:] == before[1:], texts(page)


def test_clear_can_be_taken_back():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        page.click("#clear")
        assert texts(page) == [""], texts(page)
        toast(page).get_by_role("button", name=words("undo")).click()
        assert texts(page) == DOCUMENTS, texts(page)
        page.click("#clear")
        page.keyboard.press("Control+Z")
        assert texts(page) == DOCUMENTS, texts(page)
        page.click("#clear")
        area(page, 1).fill("typed")  # from now on it is the field's
        area(page, 1).press("Control+Z")
        assert page.locator(".row").count() == 1


def test_there_is_always_a_document_to_write_in():
    with opened() as page:
        put(page, QUERY, ["the only one"])
        page.get_by_role("button", name=words("document-remove", n=1)).click()
        expect(area(page, 1)).to_be_focused()
        assert texts(page) == [""], texts(page)


def test_line_at_the_bottom_goes_by_itself():
    with opened() as page:
        page.click("#clear")
        expect(toast(page)).to_have_text(words("cleared", n=10) + words("undo"))
        toast(page).hover()
        page.evaluate("goes()")  # not below the pointer
        page.mouse.move(0, 0)
        toast(page).get_by_role("button").focus()
        page.evaluate("goes()")  # nor with the focus
        expect(toast(page)).to_be_visible()
        page.locator("#query").focus()
        page.evaluate("goes()")
        expect(toast(page)).to_have_count(0)


def test_ten_thousand_documents_are_a_few_rows():
    many = [f"row {i}" for i in range(1, 10_001)]
    with opened() as page:
        put(page, QUERY, many)
        expect(page.locator("#count")).to_have_text("10,000")
        assert page.locator(".row").count() < 40
        page.locator("#documents").evaluate("box => { box.scrollTop = box.scrollHeight; }")
        expect(area(page, 10_000)).to_have_value("row 10000")
        assert page.locator(".row").count() < 40
        area(page, 10_000).fill("the last")
        page.locator("#documents").evaluate("box => { box.scrollTop = 0; }")
        expect(area(page, 1)).to_have_value("row 1")
        page.click("#add")
        expect(page.locator("#count")).to_have_text("10,001")


def test_documents_beyond_a_requests_limit_are_told():
    with opened() as page:
        put(page, QUERY, [f"row {i}" for i in range(10_007)])
        expect(page.locator("#count")).to_have_text("10,000")
        told(page, words("documents-too-many", n=10_007, most=10_000))


def test_text_files_give_a_document_a_line():
    with opened() as page:
        upload(page, "notes.txt", "\ufeffone\r\n\r\n two \nthree")
        told(page, words("loaded", n=3, name="notes.txt"))
        assert texts(page) == ["one", "two", "three"], texts(page)


def test_tables_offer_their_columns():
    table = 'id,title,text\n1,First,"quoted, ""so""\nand so"\n2,Second,plain\n'
    for name, content in (("t.csv", table), ("t.tsv", table.replace("quoted, ", "quoted ").replace(",", "\t"))):
        with opened() as page:
            upload(page, name, content)
            box = page.get_by_role("dialog", name=words("choose-columns"))
            expect(box).to_contain_text(words("choose-help", name=name, n=2))
            assert box.locator("input:checked").evaluate_all("all => all.map((e) => e.value)") == ["text"]
            box.get_by_label("title").check()
            box.get_by_role("button", name=words("use")).click()
            expect(page.locator("#count")).to_have_text("2")
            first = texts(page)[0]
            assert first.startswith("title: First\ntext: quoted") and first.endswith('"so"\nand so'), first
            assert texts(page)[1] == "title: Second\ntext: plain", texts(page)


def test_table_of_one_column_is_used_at_once():
    with opened() as page:
        upload(page, "t.csv", "one\ntwo, too\n".replace("two, too", '"two, too"'))
        expect(page.locator("#count")).to_have_text("2")
        assert texts(page) == ["one", "two, too"], texts(page)


def test_json_files_are_read():
    rows = [{"name": "a", "text": "one", "n": {"x": 1}}, {"text": "two", "extra": None}]
    for name, content in (("t.json", json.dumps(rows)), ("t.jsonl", "\n".join(map(json.dumps, rows)) + "\n")):
        with opened() as page:
            upload(page, name, content, "application/json")
            box = page.get_by_role("dialog")
            box.get_by_label("n", exact=False).nth(2).check()
            box.get_by_role("button", name=words("use")).click()
            expect(page.locator("#count")).to_have_text("2")
            assert texts(page) == ['text: one\nn: {"x":1}', "text: two\nn: "], texts(page)
    with opened() as page:
        upload(page, "request.json", json.dumps({"query": "whose?", "documents": ["mine", "yours"]}))
        expect(page.locator("#query")).to_have_value("whose?")
        assert texts(page) == ["mine", "yours"], texts(page)


def test_choice_of_columns_can_be_left():
    with opened() as page:
        before = texts(page)
        upload(page, "t.csv", "a,b\n1,2\n")
        page.get_by_role("dialog").get_by_role("button", name=words("cancel")).click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        upload(page, "t.csv", "a,b\n1,2\n")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert texts(page) == before, texts(page)


def test_mistakes_in_files_name_the_line():
    with opened() as page:
        before = texts(page)
        for name, content, said in (
                ("t.csv", 'a,b\n1,"2\n3,4\n', words("file-quote-open", line=2)),
                ("t.jsonl", '{"a": 1}\n{"a": \n', words("file-json-line", line=2, reason="")), ("t.json", "{", words("file-json", reason="")),
                ("t.json", "7", words("file-no-list")), ("t.json", '["a", 7]', words("file-not-a-document", line=2)),
                ("t.csv", "", words("file-empty", name="t.csv")), ("t.txt", b"\x7fELF\0\0", words("file-binary", name="t.txt")),
                ("t.txt", " \n", words("file-empty", name="t.txt")), ("t.json", "[]", words("file-empty", name="t.json")),
                ("t.pdf", b"%PDF-1.4\n%", words("file-binary", name="t.pdf")), ("t.txt", "\u00fc".encode("latin-1"), words("file-binary", name="t.txt"))):
            upload(page, name, content)
            told(page, said)
            assert texts(page) == before


def test_file_is_dropped_anywhere():
    with opened() as page:
        dropped = page.evaluate_handle("""() => {
            const moved = new DataTransfer();
            moved.items.add(new File(['one\\ntwo'], 'dropped.txt', {type: 'text/plain'}));
            return moved;
        }""")
        page.dispatch_event("body", "dragover", {"dataTransfer": dropped})
        page.dispatch_event("body", "drop", {"dataTransfer": dropped})
        told(page, words("loaded", n=2, name="dropped.txt"))
        assert texts(page) == ["one", "two"], texts(page)


def test_number_of_results():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        page.click("#settings summary")
        assert page.locator("#top-n").get_attribute("max") == "3"
        page.fill("#top-n", "2")
        expect(page.locator("#top-n-value")).to_have_text("2")
        sent, answer = ranked(page)
        assert sent["top_n"] == 2 and len(answer["results"]) == 2
        expect(page.locator(".card")).to_have_count(2)
        page.fill("#top-n", "3")
        ranked(page)
        page.click("#add")  # all stay all when there are more
        expect(page.locator("#top-n-value")).to_have_text("4")


def test_least_score():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        _, answer = ranked(page)
        best, second = (r["relevance_score"] for r in answer["results"][:2])
        page.click("#settings summary")
        page.fill("#min-score", f"{(best + second) / 2:.4f}")
        sent, answer = ranked(page)
        assert abs(sent["min_score"] - (best + second) / 2) < 1e-4, sent
        expect(page.locator(".card")).to_have_count(1)
        page.fill("#min-score", "1")
        ranked(page)
        expect(page.locator(".card")).to_have_count(0)
        expect(page.locator("#results-a")).to_have_text(words("results-empty"))


def test_documents_in_the_answer():
    with opened() as page:
        put(page, QUERY, DOCUMENTS)
        page.click("#settings summary")
        _, answer = ranked(page)
        assert all("document" not in r for r in answer["results"]), answer
        page.check("#return-documents")
        _, answer = ranked(page)
        assert [r["document"]["text"] for r in answer["results"]] == [DOCUMENTS[r["index"]] for r in answer["results"]], answer
        page.get_by_role("tab", name=words("tab-answer")).click()
        expect(page.locator("#code")).to_contain_text('"text": "A dog barks at the postman."')


def test_long_documents_are_read_in_windows_cut_or_refused():
    long = "Nothing of interest. " * 400 + "A dog barks at the postman."
    with opened(allow=["status of 400"]) as page:
        put(page, QUERY, [long])
        page.click("#settings summary")
        sent, whole = ranked(page)
        assert "truncation" not in sent and "max_doc_length" not in sent, sent
        expect(page.locator("#max-length")).to_be_disabled()
        page.select_option("#long", "cut")
        expect(page.locator("#max-length")).to_have_value("512")
        page.fill("#max-length", "32")
        sent, cut = ranked(page)
        assert sent["max_doc_length"] == 32, sent
        assert cut["usage"]["total_tokens"] < whole["usage"]["total_tokens"] / 4
        assert cut["results"][0]["relevance_score"] < whole["results"][0]["relevance_score"]
        page.select_option("#long", "refuse")
        sent, refusal = ranked(page)
        assert sent["truncation"] is False and "max_doc_length" not in sent, sent
        expect(page.locator("#status")).to_have_text(words("refused", status="400", detail=refusal["detail"]))


def test_each_example_runs():
    with opened() as page:
        buttons = page.locator("#gallery button")
        best = {}
        for i in range(buttons.count()):
            sent, answer = ranked(page, buttons.nth(i).click)
            name = buttons.nth(i).text_content()
            assert page.locator("#query").input_value() == sent["query"]
            best[name] = sent["documents"][answer["results"][0]["index"]]
            assert len(answer["results"]) == len(sent["documents"])
            before_and_after = 1 if name == words("example-rag") else 0
            expect(page.locator(".moves")).to_have_count(before_and_after)
        assert len(best) == 7, best
        for name, word in (("products", "sensi"), ("questions", "沸点"), ("functions", "convert_currency"), ("code", "unique"),
                           ("tables", "month"), ("long", "red valve"), ("rag", "label for the parcel")):
            assert word in best[words(f"example-{name}")], (name, best)


if __name__ == "__main__":
    tap.main(globals())
