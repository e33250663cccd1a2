#!/usr/bin/env python3
"""Monthly statements: what they add up to, what they cost, and pages that need nothing else."""
import atexit, html.parser, json, os, re, shutil, sqlite3, subprocess, sys, tempfile
from decimal import ROUND_HALF_UP, Decimal

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))
import tap

WINNOW = os.environ.get("WINNOW", os.path.join(HERE, "../../build/release/winnow"))
PRICES = os.path.join(HERE, "../../deploy/prices.yaml")
MODEL = "winnow-multilingual-v1"
MONTH_S = 1793491200  # 2026-11-01
scratch = tempfile.mkdtemp(prefix="winnow-statement-")
atexit.register(shutil.rmtree, scratch)
state = os.path.join(scratch, "state")


def winnow(*words, code=0):
    done = subprocess.run([WINNOW, *words, "--state-dir", state], capture_output=True, text=True, timeout=60,
                          env={"PATH": os.environ["PATH"], **{k: v for k, v in os.environ.items() if "SAN_OPTIONS" in k}})
    assert done.returncode == code, (done.returncode, done.stderr)
    return done.stdout if code == 0 else done.stderr


def create(name):
    return json.loads(winnow("keys", "create", "--json", "--name", name))["id"]


alice, bob = create('Alice & <Co> "Ltd"'), create("bob")
with sqlite3.connect(os.path.join(state, "winnow.db")) as db:
    for day in range(30):
        minute = MONTH_S // 60 + day * 1440
        for key, model, requests, tokens, cached in ((alice, MODEL, 1234, 98_765_432 + day, 45_678_901), (alice, "large", 7, 250_000, 0),
                                                     ("", MODEL, 1, 10, 0)):
            db.execute("INSERT INTO usage VALUES (?, ?, 'rerank', ?, ?, ?, ?, ?)", (minute + 5, key, model, requests, tokens, cached, day % 2))
            db.execute("INSERT INTO usage VALUES (?, ?, 'score', ?, 1, 0, 0, 0)", (minute + 6, key, model))
    db.execute("INSERT INTO usage VALUES (?, ?, 'rerank', ?, 1, 999, 0, 0)", (MONTH_S // 60 - 1, alice, MODEL))
    db.execute("INSERT INTO usage VALUES (?, ?, 'rerank', ?, 1, 999, 0, 0)", (MONTH_S // 60 + 30 * 1440, alice, MODEL))


class Page(html.parser.HTMLParser):
    """Statements as lists of tables of rows of cells; tags have to be balanced."""

    def __init__(self, text):
        super().__init__()
        self.statements, self.open, self.words = [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], self.open

    def handle_starttag(self, tag, attributes):
        assert not {"src", "href"} & {name for name, _ in attributes} and tag not in ("script", "link", "img"), tag
        if tag not in ("meta", "!doctype"):
            self.open.append(tag)
        if tag == "main":
            self.statements.append({"tables": [], "text": ""})
        elif tag == "table":
            self.statements[-1]["tables"].append([])
        elif tag == "tr":
            self.statements[-1]["tables"][-1].append([])
        elif tag in ("td", "th"):
            self.statements[-1]["tables"][-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.statements[-1]["tables"][-1][-1][-1] += data
        elif "main" in self.open:
            self.statements[-1]["text"] += data


def number(cell):
    return int(cell.replace(",", ""))


def test_a_statement_adds_up_to_the_last_cent():
    statement, = Page(winnow("usage", "--statement", "2026-11", "--prices", PRICES, "--key", alice)).statements
    charges, usage = statement["tables"]
    tokens, cached = sum(98_765_432 + day for day in range(30)), 30 * 45_678_901
    lines = [("large", "tokens", 30 * 250_000, "0.05"), (MODEL, "tokens", tokens - cached, "0.02"), (MODEL, "cached tokens", cached, "0.002")]
    total = Decimal(0)
    for row, (model, what, quantity, price) in zip(charges[1:], lines):
        amount = (Decimal(quantity) * Decimal(price) / 10**6).quantize(Decimal("0.01"), ROUND_HALF_UP)
        total += amount
        assert (row[0], row[1], number(row[2])) == (model, what, quantity), row
        assert Decimal(row[3]) == Decimal(price) and Decimal(row[4].replace(",", "")) == amount, (row, amount)
    assert len(charges) == 5 and Decimal(charges[-1][4].replace(",", "")) == total, charges
    assert f"{total:,.2f} EUR" in statement["text"] and charges[0][4] == "amount, EUR", statement["text"]
    assert len(usage) == 62 and usage[1][:2] == ["2026-11-01", "large"] and usage[2][:2] == ["2026-11-01", MODEL], usage[:3]
    assert [number(cell) for cell in usage[-1][2:]] == [30 * (1234 + 1 + 7 + 1), 30, tokens + 30 * 250_000, cached], usage[-1]
    for column in range(2, 6):
        assert sum(number(row[column]) for row in usage[1:-1]) == number(usage[-1][column])


def test_every_key_that_was_used_has_a_page():
    page = winnow("usage", "--statement", "2026-11", "--prices", PRICES)
    texts = [statement["text"] for statement in Page(page).statements]
    assert len(texts) == 2 and "Requests without a key" in texts[0], texts
    assert 'Alice & <Co> "Ltd"' in texts[1] and alice in texts[1] and "Alice & <Co>" not in page
    assert all("November 2026" in text and "2026-11-01 to 2026-11-30 (UTC)" in text and "Example Search Ltd." in text for text in texts)
    assert "main+main{break-before:page}" in page and "@page{size:A4" in page and "http" not in page and "url(" not in page


def test_without_prices_there_is_only_usage():
    statement, = Page(winnow("usage", "--statement", "2026-11", "--key", alice)).statements
    assert len(statement["tables"]) == 1 and "Amount" not in statement["text"]


def test_a_key_that_used_nothing_has_a_statement_of_nothing():
    statement, = Page(winnow("usage", "--statement", "2026-11", "--prices", PRICES, "--key", bob)).statements
    assert "0.00 EUR" in statement["text"] and [len(table) for table in statement["tables"]] == [2, 2], statement


def test_mistakes_are_named():
    path = os.path.join(scratch, "p.yaml")
    with open(path, "w") as f:
        f.write("currency: EUR\nmodels:\n  large: {tokens: 1}\n")
    assert f"no price for the model '{MODEL}'" in winnow("usage", "--statement", "2026-11", "--prices", path, code=2)
    with open(path, "w") as f:
        f.write("currency: EUR\nmodels:\n  large: {tokens: 1,5}\n")
    assert "p.yaml line 3" in winnow("usage", "--statement", "2026-11", "--prices", path, code=4)
    assert "nowhere" in winnow("usage", "--statement", "2026-11", "--prices", "nowhere", code=1)
    for month in ("2026", "2026-13", "2026-11-03", "now"):
        assert f"--statement is '{month}'" in winnow("usage", "--statement", month, code=2)
    assert "--by and --statement do not go together" in winnow("usage", "--statement", "2026-11", "--by", "day", code=2)
    assert "--prices needs --statement" in winnow("usage", "--prices", PRICES, code=2)
    assert "there is no key 'Abcdefgh'" in winnow("usage", "--statement", "2026-11", "--key", "Abcdefgh", code=2)


if __name__ == "__main__":
    if len(sys.argv) > 1:  # a page to look at
        with open(sys.argv[1], "w") as f:
            f.write(winnow("usage", "--statement", "2026-11", "--prices", PRICES, "--key", alice))
    else:
        tap.main(globals())
