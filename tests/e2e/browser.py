"""Pages of a running `winnow serve` in a real browser: Debian's Chromium, driven by Playwright.

Every test begins with nothing stored.  Besides what it looks at itself it fails by an error on the page's console, an uncaught
exception, a dialog of a script (what hostile texts try to open) and a request to any other origin than the server's.
"""
import atexit, base64, contextlib, glob, json, os, re, shutil, signal, subprocess, sys, tempfile, zlib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "../.."))
PACKAGES = os.path.join(ROOT, "build/test-python")
sys.path[:0] = [os.path.join(HERE, "../support"), os.path.join(HERE, "../api")]
sys.path.append(PACKAGES)
import api_server, tap

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    sync_playwright = expect = None

PATIENCE_MS = int(os.environ.get("WINNOW_PATIENCE_MS", 60_000))  # sanitizers and busy machines are slow
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# As root there is no sandbox, and shared memory of containers is small.  No name but the server's address is ever looked up.
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
PAGES = sorted(os.path.splitext(os.path.basename(p))[0] for p in glob.glob(os.path.join(ROOT, "web/*.html")))
KEY, ADMIN_KEY = "a-key-of-this-test", "an-admin-key-of-this-test"
TWO_MODELS = ("--model", "ours=" + os.path.join(ROOT, "models/default"),
              "--model", "random=" + os.path.join(ROOT, "tests/golden/models/embed-mean"))
# A line at the bottom of a page goes after seconds that a busy machine may take to look at it.  Here it stays; `goes` lets it go.
TOASTS_STAY = """{
    const later = setTimeout;
    globalThis.setTimeout = (f, ms, ...words) => (ms === 4000 || ms === 8000 ? (globalThis.goes = f, 0) : later(f, ms, ...words));
}"""
# The first page of a test finds nothing stored but what the test says, which is in the name of the window.
STORED_BY_TEST = """if (name !== '') {
    const [local, session] = JSON.parse(name);
    name = '';
    localStorage.clear();
    sessionStorage.clear();
    Object.assign(localStorage, local);
    Object.assign(sessionStorage, session);
}"""
kept = {}


def path_of(page):
    return "/" if page == "playground" else "/" + page


def once(make):
    """Make a thing at its first use, one for the same words; what cleans it up is done when the script ends."""
    def get(*words):
        name = (make, words)
        if name not in kept:
            kept[name] = make(*words)
        return kept[name]
    return get


@once
def server(*words):
    """`winnow serve` with these words, the same one for the same words."""
    started = api_server.Server("--log-level", "info", *words)
    atexit.register(lambda: started.process.poll() is None and started.stop(signal.SIGINT))
    return started


@once
def chromium():
    if sync_playwright is None:
        raise tap.Skip("playwright is not installed: see deps/python-test.txt")
    if CHROMIUM is None:
        raise tap.Skip("there is no chromium")
    driver = sync_playwright().start()
    atexit.register(driver.stop)
    browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    atexit.register(browser.close)
    expect.set_options(timeout=PATIENCE_MS)
    return browser


class Visitor:
    """A browser profile with one page, for one test after the other: a page that is there already opens in a tenth of the time."""

    def __init__(self, **words):
        self.profile = chromium().new_context(**words)
        self.profile.set_default_timeout(PATIENCE_MS)
        self.profile.add_init_script(TOASTS_STAY)
        self.profile.add_init_script(STORED_BY_TEST)
        self.page, self.wrong, self.allow, self.origin = self.profile.new_page(), [], (), ""
        self.profile.on("console", self.console)
        self.profile.on("weberror", lambda e: self.wrong.append(f"exception: {e.error}"))
        self.profile.on("request", self.request)
        self.profile.on("dialog", self.dialog)

    def console(self, message):
        if message.type != "error" or message.location["url"].endswith("/favicon.ico"):  # of the icon as a page
            return
        if not any(re.search(pattern, message.text) for pattern in self.allow):
            self.wrong.append(f"console: {message.text}")

    def request(self, request):
        if not request.url.startswith((self.origin + "/", "data:", "blob:" + self.origin)):
            self.wrong.append(f"request to {request.url}")

    def dialog(self, dialog):
        self.wrong.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def visit(self, origin, path, storage, session):
        if self.origin != origin or "#" in path:  # else the name would not come along, or nothing be loaded
            self.page.goto(f"{origin}/ui/icon.svg")
        self.origin, self.wrong = origin, []  # what the page before did no longer counts
        self.page.evaluate("(kept) => { name = kept; }", json.dumps([storage, session]))
        self.page.goto(origin + path)


@once
def table():
    """The words of the pages in English."""
    with opened("/ui/icon.svg", ready=False) as page:
        return page.evaluate("async () => (await import('/ui/strings/en.js')).default")


def template(key, n=None):
    words = table()[key]
    return words if isinstance(words, str) else words.get("one" if n == 1 else "other")


def words(key, **values):
    """What a page says in English, as t() of web/app/strings.js has it."""
    shown = {name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()}
    return re.sub(r"\{(\w+)\}", lambda m: shown[m[1]], template(key, values.get("n")))


def values(key, text):
    """{name: text} of the places of those words in a text."""
    for form in {template(key, 1), template(key)}:
        literal = re.split(r"\{(\w+)\}", form)
        pattern = "".join(re.escape(part) if i % 2 == 0 else f"(?P<{part}>.+?)" for i, part in enumerate(literal))
        found = re.search(pattern + ("$" if literal[-1] == "" else r"(?=\s|$)"), text)
        if found:
            return found.groupdict()
    raise AssertionError(f"'{text}' does not say {key}: '{template(key)}'")


@contextlib.contextmanager
def opened(path="/", of=None, ready=True, allow=(), key=None, storage=None, **words):
    """A page of the server `of`, its scripts at rest; console errors that match a pattern of allow are as they should be."""
    of = of or server()
    words = {"viewport": {"width": 1440, "height": 1000}, "locale": "en", "permissions": ["clipboard-read", "clipboard-write"], **words}
    name = repr(words)
    visitor = kept.pop(name, None) or Visitor(**words)  # not there for others while in use, nor after a failure
    visitor.allow = allow
    visitor.visit(of.url, path, storage or {}, {"winnow-key": key} if key else {})
    if ready:
        visitor.page.wait_for_selector("html[data-ready]", state="attached")
    yield visitor.page
    visitor.page.evaluate("0")  # what the page has told by now has come
    assert not visitor.wrong, visitor.wrong
    kept[name] = visitor


def ranked(page, press=None):
    """Press Rank; -> (what was sent, what came), once it is on the page."""
    with page.expect_response(lambda r: r.url.endswith("/v1/rerank")) as got:
        press() if press else page.click("#rank")
    response = got.value
    at_rest(page)
    return response.request.post_data_json, response.json()


def at_rest(page):
    """Wait for the end of a ranking."""
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")


def texts(page):
    """The documents on the page, as far as they are in view."""
    return page.locator(".row textarea").evaluate_all("areas => areas.map((a) => a.value)")


def put(page, query, documents):
    """Fill in the query and the documents, by their lines on the clipboard."""
    page.fill("#query", query)
    page.click("#clear")
    page.get_by_label(words("document-n", n=1), exact=True).focus()
    if len(documents) > 1:
        paste(page, "\n".join(documents))
    else:
        page.get_by_label(words("document-n", n=1), exact=True).fill(documents[0])


def paste(page, text):
    """Into what has the focus."""
    page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+V")


def upload(page, name, content, kind="text/plain"):
    """Through the button that opens the system's file chooser."""
    with page.expect_file_chooser() as chooser:
        page.click("#upload")
    data = content if isinstance(content, bytes) else content.encode()
    chooser.value.set_files({"name": name, "mimeType": kind, "buffer": data})


def toast(page):
    return page.locator("#toasts .toast")


def told(page, text):
    """Wait for a line at the bottom with this text, and take it away."""
    page.wait_for_function("""(text) => {
        const line = document.querySelector('#toasts .toast');
        if (!line?.textContent.includes(text)) return false;
        line.remove();
        return true;
    }""", arg=text)


def fragment_of(text):
    """As web/app/share.js packs it."""
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), wbits=-15)).decode().rstrip("=")


def winnow(*words):
    """The program's standard output."""
    done = subprocess.run([api_server.WINNOW, *words], capture_output=True, text=True, timeout=300, env=api_server.PLAIN_ENV)
    assert done.returncode == 0, (words, done.returncode, done.stderr)
    return done.stdout


def folder():
    """A temporary folder that goes when the script ends."""
    made = tempfile.TemporaryDirectory()
    atexit.register(made.cleanup)
    return made.name


@once
def busy():
    """A server with keys, reports and some requests behind it, so that every page has something to show."""
    reports = folder()
    winnow("eval", "--bm25-only", "--html", os.path.join(reports, "quality.html"), os.path.join(ROOT, "tests/eval/tiny"))
    with open(os.path.join(reports, "speed.json"), "w", encoding="utf-8") as speed:
        speed.write(winnow("bench", "--repeat", "1", "--format", "json"))
    made = api_server.Server("--state-dir", folder(), "--admin-key", ADMIN_KEY, "--reports", reports)
    atexit.register(made.stop)

    def post(path, body, key=ADMIN_KEY):
        fields = [("Content-Type", "application/json"), ("Authorization", f"Bearer {key}")]
        return json.loads(made.request("POST", path, fields, json.dumps(body).encode())[2])

    for i in range(4):
        post("/v1/rerank", {"query": "a dog" if i else "", "documents": [f"document {i}", "a dog barks"]})
    post("/v1/admin/keys", {"name": "shop search", "tier": "premium", "rpm": 3000, "expires": "2999-12-31"})
    post("/v1/admin/keys", {"name": "monitoring", "scopes": "metrics,usage"})
    key = post("/v1/admin/keys", {"name": "support chat", "monthly_tokens": 5_000_000, "weight": 4})["key"]
    post("/v1/rerank", {"query": "which animal barks?", "documents": [f"animal {i} of {i}" for i in range(40)]}, key)
    return made


def views(page, name, lively=False):
    """Bring a page into the states in which it shows most, one after the other; their names.  lively: with requests to be seen."""
    if name == "playground":
        ranked(page)
        page.click("#settings summary")
        page.locator(".card").first.get_by_role("button", name=words("why")).click()
        page.locator(".card .legend").wait_for()
        page.locator(".card").first.get_by_role("button", name=words("relevant")).click()
        yield ""
    elif name == "dashboard":
        for tab in page.get_by_role("tab").all():
            tab.click()
            page.locator("[role=tabpanel]:visible > *").first.wait_for()
            if tab.get_attribute("id") == "tab-live":
                page.locator("[role=tabpanel]:visible table").nth(2).wait_for()
                if not lively:
                    yield "-live"
                    continue
                page.evaluate("""async () => (await import('/ui/app/api.js')).call('POST', '/v1/rerank', { query: String(performance.now()),
                    documents: ['a dog barks', 'bread is baked'] })""")
                expect(page.locator("#part-live .tile").nth(4).locator("dd").first).to_contain_text("ms")
            yield "-" + tab.get_attribute("id").removeprefix("tab-")
    elif name == "faq":
        yield ""
        page.locator("details:not([open])").evaluate_all("all => all.forEach((e) => { e.open = true; })")
        yield "-open"
    else:
        yield ""


def barriers(page, rules=None):
    """What axe-core finds: [{rule, impact, where}]; all its rules, or these."""
    with open(os.path.join(PACKAGES, "axe_playwright_python/axe.min.js"), encoding="utf-8") as f:
        page.evaluate(f.read() + "; 0")
    known = page.evaluate("axe.getRules().map((r) => r.ruleId)")
    only = {"runOnly": [r for r in rules if r in known]} if rules else {}
    result = page.evaluate("(options) => axe.run(options)", {"resultTypes": ["violations"], **only})
    return [{"rule": v["id"], "impact": v["impact"], "where": node["html"][:200]} for v in result["violations"] for node in v["nodes"]]
