#!/usr/bin/env python3
"""What holds of every page: its policy, its size, languages, widths, keyboard, barriers, and that nothing comes from elsewhere."""
import glob, os, re, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser, tap
from browser import ADMIN_KEY, PAGES, expect, opened, path_of, words

MOST_BYTES = 150_000  # of all files of all pages, compressed
LANGUAGES = sorted(os.path.splitext(os.path.basename(p))[0] for p in glob.glob(os.path.join(browser.ROOT, "web/strings/*.js")))
WIDE, NARROW, VAST = {"width": 1440, "height": 1000}, {"width": 320, "height": 640}, {"width": 3840, "height": 2160}


def get(path, *headers):
    status, fields, body = browser.server().request("GET", path, headers)
    return status, {name.lower(): value for name, value in fields}, body


def test_page_has_a_policy_and_nothing_inline():
    for name in PAGES:
        status, fields, body = get(path_of(name), ("Accept", "text/html"))
        assert status == 200 and fields["content-type"] == "text/html; charset=utf-8", (name, status, fields)
        policy = dict(rule.strip().partition(" ")[::2] for rule in fields["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'" and policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'", policy
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'", policy
        assert policy["require-trusted-types-for"] == "'script'" and "unsafe" not in fields["content-security-policy"], policy
        assert fields["x-content-type-options"] == "nosniff" and fields["referrer-policy"] == "no-referrer"
        text = body.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:|\bsrc=\"//", text), name


def test_files_have_tags_and_are_compressed():
    total = 0
    for path in sorted(glob.glob(os.path.join(browser.ROOT, "web/**/*.*"), recursive=True)):
        url = "/ui/" + os.path.relpath(path, os.path.join(browser.ROOT, "web"))
        status, fields, body = get(url, ("Accept-Encoding", "gzip"))
        assert status == 200 and fields["content-encoding"] == "gzip", (url, status, fields)
        total += len(body)
        again = get(url, ("If-None-Match", fields["etag"]))
        assert again[0] == 304 and again[2] == b"", (url, again)
    assert total < MOST_BYTES, f"{total} bytes, at most {MOST_BYTES}"


def test_pages_can_be_switched_off():
    off = browser.server("--no-ui")
    for path in [path_of(name) for name in PAGES] + ["/ui/style/base.css"]:
        status, _, body = off.request("GET", path, [("Accept", "text/html")])
        assert status == 404 or path == "/", (path, status)
        assert b"<html" not in body and b"--ground" not in body, path


def test_page_opens_in_every_language():
    seen = {}
    for language in LANGUAGES:
        for name in PAGES:
            with opened(path_of(name), storage={"winnow-language": language}) as page:
                assert page.evaluate("document.documentElement.lang") == language
                text = page.locator("body").inner_text()
                assert not re.search(r"\{\w+\}|undefined|\[object|NaN", text), (name, language, text)
                seen.setdefault(name, set()).add(text)
    for name, all_texts in seen.items():
        assert len(all_texts) == len(LANGUAGES), f"{name} says the same in two languages"


def test_language_and_theme_are_chosen_and_kept():
    with opened(color_scheme="light") as page:
        ground = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")
        light = ground()
        page.get_by_role("button", name=words("theme")).click()
        dark = ground()
        assert light != dark
        page.reload()
        page.wait_for_selector("html[data-ready]", state="attached")
        assert ground() == dark
        other = LANGUAGES[-1]
        if other == "en":
            return
        with page.expect_navigation():
            page.select_option("#language", other)
        page.wait_for_selector("html[data-ready]", state="attached")
        assert page.evaluate("document.documentElement.lang") == other
        expect(page.locator("#rank")).not_to_have_text(words("rank"))
    with opened(color_scheme="dark") as page:
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_page_fits_from_a_phone_to_a_wall():
    for name in PAGES:
        with opened(path_of(name)) as page:
            if name == "playground":
                browser.ranked(page)
            for size in (NARROW, VAST):
                page.set_viewport_size(size)
                width = page.evaluate("document.documentElement.scrollWidth")
                assert width <= size["width"], f"{name} is {width} pixels wide at {size['width']}"
                sideways = page.evaluate("""() => [...document.querySelectorAll('body *')].filter((e) => e.scrollWidth > e.clientWidth + 1
                    && /auto|scroll/.test(getComputedStyle(e).overflowX) && !e.matches('.scroll, pre')).map((e) => e.outerHTML.slice(0, 120))""")
                assert not sideways, (name, size, sideways)
            page.set_viewport_size(WIDE)


def test_everything_is_reached_by_the_tabulator_and_seen_to_be():
    for name in PAGES:
        with opened(path_of(name)) as page:
            page.evaluate("""() => {
                globalThis.reached = new Set();
                globalThis.unseen = [];
                document.addEventListener('focusin', ({ target }) => {
                    const { outlineStyle, outlineWidth } = getComputedStyle(target);
                    reached.add(target);
                    if (outlineStyle === 'none' || parseFloat(outlineWidth) < 2) unseen.push(target.outerHTML.slice(0, 120));
                });
                document.activeElement.blur();
            }""")
            missing = """() => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter(
                (e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true}) && !reached.has(e)
                    && !(e.type === 'radio' && [...reached].some((r) => r.name === e.name))).map((e) => e.outerHTML.slice(0, 120))"""
            for _ in range(len(page.evaluate(missing)) + 2):
                page.keyboard.press("Tab")
            assert not page.evaluate(missing), (name, page.evaluate(missing))
            assert not page.evaluate("unseen"), (name, page.evaluate("unseen"))
            left_out = page.locator("a[href], button, input, select, textarea, summary").evaluate_all("""all => all.filter(
                (e) => e.tabIndex < 0 && e.role !== 'tab' && e.checkVisibility()).map((e) => e.outerHTML.slice(0, 120))""")
            assert not left_out, (name, left_out)


def test_no_page_has_a_barrier():
    for name in PAGES:
        for looks, rules in (({"color_scheme": "light"}, None),
                             ({"color_scheme": "dark", "viewport": NARROW}, ["target-size", "color-contrast", "scrollable-region-focusable"])):
            with opened(path_of(name), of=browser.busy(), key=ADMIN_KEY, **looks) as page:
                for view in browser.views(page, name):
                    assert page.locator("h1").count() == 1, (name, view)
                    found = browser.barriers(page, rules)
                    assert not found, (name, view, looks, found)


if __name__ == "__main__":
    tap.main(globals())
