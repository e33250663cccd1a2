#!/usr/bin/env python3
"""Figures of the pages: bytes, time to the first view, 10,000 rows, findings of axe-core by severity.  Wants a machine that is quiet.

The first view is the browser's first contentful paint: the frame with which words and boxes of the page, in their style, are on the
screen.  A page is usable when its scripts have put in place what it shows and listen to what is pressed.  Both count from the moment
at which the browser begins to go there, in a profile that has nothing kept, in a browser that runs: Debian's headless shell where it is
installed, which draws pages and no window around them, else the browser of the tests.
"""
import atexit, glob, gzip, os, shutil, statistics, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import browser
from browser import ADMIN_KEY, PAGES, opened

RUNS = 7
FIRST = """() => { const [nav] = performance.getEntriesByType('navigation');
    return {paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
        usable: performance.getEntriesByName('usable')[0].startTime,
        bytes: [nav, ...performance.getEntriesByType('resource')].reduce((sum, e) => sum + e.encodedBodySize, 0)}; }"""
# From the event to the frame that shows it.
ROWS = """async (text) => {
    const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const timed = async (act) => { const t = performance.now(); act(); await frame(); return performance.now() - t; };
    const paste = new DataTransfer();
    paste.setData('text/plain', text);
    const area = document.querySelector('.row textarea'), box = document.querySelector('#documents');
    const pasted = await timed(() => area.dispatchEvent(new ClipboardEvent('paste', {clipboardData: paste, bubbles: true, cancelable: true})));
    const scrolled = [];
    for (let i = 1; i <= 50; i++) scrolled.push(await timed(() => { box.scrollTop = box.scrollHeight * i / 50; box.dispatchEvent(new Event('scroll')); }));
    const last = [...document.querySelectorAll('.row textarea')].at(-1);
    const typed = await timed(() => { last.value += 'x'; last.dispatchEvent(new Event('input')); });
    return {pasted, scrolled: Math.max(...scrolled), typed, count: document.querySelector('#count').textContent};
}"""


def compressed():
    files = [p for p in glob.glob(os.path.join(browser.ROOT, "web/**/*"), recursive=True) if os.path.isfile(p)]
    return len(files), sum(len(gzip.compress(open(p, "rb").read(), 9)) for p in files)


@browser.once
def engine():
    """The browser for first views: one that draws no window takes none of the processors' time for it."""
    shell = shutil.which("chromium-headless-shell")
    if shell is None:
        return browser.chromium(), "chromium"
    started = browser.chromium().browser_type.launch(executable_path=shell, args=browser.FLAGS)
    atexit.register(started.close)
    return started, os.path.basename(shell)


def first_view(path):
    """{paint, usable, bytes: (least, median)} of a page in a profile that has nothing in its cache."""
    seen = []
    for _ in range(RUNS):
        profile = engine()[0].new_context(viewport={"width": 1440, "height": 1000}, locale="en")
        page = profile.new_page()
        page.goto(browser.server().url + path)
        page.wait_for_selector("html[data-ready]", state="attached")
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
        seen.append(page.evaluate(FIRST))
        profile.close()
    return {key: (min(s[key] for s in seen), statistics.median(s[key] for s in seen)) for key in seen[0]}


def main():
    print("files {}, {} bytes compressed in all; first views in {}".format(*compressed(), engine()[1]))
    views = {name: first_view(browser.path_of(name)) for name in PAGES}  # before another browser is there beside it
    for name, view in views.items():
        with opened(browser.path_of(name), of=browser.busy(), key=ADMIN_KEY) as page:
            found = [f for _ in browser.views(page, name) for f in browser.barriers(page)]
        by = {level: sum(f["impact"] == level for f in found) for level in ("critical", "serious", "moderate", "minor")}
        times = ", ".join(f"{words} {low:.0f} to {middle:.0f} ms" for words, (low, middle) in (("first view", view["paint"]), ("usable", view["usable"])))
        print(f"{name}: {times} (least and median of {RUNS}), {view['bytes'][1]:.0f} bytes; barriers: "
              + ", ".join(f"{n} {level}" for level, n in by.items()))
    with opened() as page:
        page.click("#clear")
        rows = page.evaluate(ROWS, "\n".join(f"row {i} of ten thousand, as long as a product's name" for i in range(10_000)))
    print("10,000 rows: {pasted:.0f} ms to paste, {scrolled:.0f} ms the slowest scroll, {typed:.0f} ms to type ({count} documents)".format(**rows))


if __name__ == "__main__":
    main()
