#!/usr/bin/env python3
"""Texts as they should never come: each valid one gets a finite score, the same alone and among others, and is taken as a
query unless nothing of it is left; bytes that are no UTF-8 are refused.  WINNOW_LONG=1 sends every code point and longer
texts.  The normal forms of Unicode have their test in tests/unit/token."""
import http.client, json, os, random, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

SEED = 31
server = api_server.Server("--log-level", "error", "--score-cache", "0")
connection = http.client.HTTPConnection(server.host, server.port, timeout=120)


def texts():
    """Name and text of all that is valid."""
    marks = "".join(chr(c) for c in range(0x300, 0x370))
    yield "a space", " "
    yield "NUL", "a\0b"
    yield "NUL alone", "\0"
    yield "control bytes", "".join(map(chr, range(1, 32))) + "\x7f\x80\x9f"
    yield "noncharacters", "\ufdd0\ufdef\ufffe\uffff\U0001fffe\U0010ffff"
    yield "private use", "\ue000\uf8ff\U000f0000\U0010fffd"
    yield "unassigned", "\u0378\U000e0080\U0003fffd"
    yield "byte order mark", "\ufeffa\ufeff"
    yield "replacement", "\ufffd" * 10
    yield "bidi controls", "\u202e\u2066abc\u2069\u202c\u200f\u061c"
    yield "zero width", "\u200b\u200c\u200d\u2060" * 50
    yield "variation selectors", "\u2764\ufe0f\U0001f469\u200d\U0001f469\u200d\U0001f467\U000e0100"
    yield "tags", "\U0001f3f4" + "".join(chr(0xe0000 + ord(c)) for c in "gbeng") + "\U000e007f"
    yield "line ends", "a\r\nb\rc\nd\u2028e\u2029f\x85g\x0bh\x0ci"
    yield "white space", "\u00a0\u1680\u2000\u2009\u202f\u205f\u3000"
    yield "a mark without a base", "\u0301"
    yield "marks on one base", "a" + marks * (900 if api_server.LONG else 30)
    yield "marks in the wrong order", "q\u0307\u0323 q\u0323\u0307"
    yield "hangul jamo", "\u1100\u1161\u11a8" * 100 + "\uac01"
    yield "half a syllable", "\u1161\u11a8\u1100"
    yield "compatibility forms", "\ufb01 \u2460 \uff21 \u33a5 \u00bd \u2122 \ufdfa"
    yield "expanding", "\ufdfa" * 500
    yield "special tokens", "[CLS] [SEP] [PAD] [MASK] [UNK] <s> </s> <pad> <unk> <mask> <|endoftext|>"
    yield "markers of pieces", "\u2581\u2581a\u2581 ##b \u0120c"
    yield "no space", "x" * (1_000_000 if api_server.LONG else 50_000)
    yield "no space, wide", "\u6f22" * (300_000 if api_server.LONG else 20_000)
    yield "spaces only", " " * 20_000
    yield "one word again and again", "word " * 5_000
    yield "digits", "0123456789" * 2_000
    yield "format strings", "%s%n%d{0}${x}$(x)`x`\\u0041"
    yield "markup", "<script>alert(1)</script>&amp;<!--"
    yield "escapes", "\x1b[31m\x1b]0;x\x07\b\b\r"
    yield "all scripts", "abc \u03b1\u03b2 \u0430\u0431 \u05d0 \u0627 \u0915 \u0e01 \u4e2d \u3042 \uac00 \U00010330 \U0001f600"


def ask(query, documents):
    """Their scores; None when the query has no token."""
    body = json.dumps({"query": query, "documents": documents, "return_documents": False}, ensure_ascii=False).encode()
    connection.request("POST", "/v1/rerank", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status == 400 and json.loads(text)["detail"].startswith("the query has no token"):
        return None
    assert answer.status == 200, (answer.status, text[:300])
    scores = {r["index"]: r["relevance_score"] for r in json.loads(text)["results"]}
    assert sorted(scores) == list(range(len(documents))) and all(0 <= s <= 1 for s in scores.values()), scores
    return [scores[i] for i in range(len(documents))]


def test_a_text_scores_the_same_alone_and_among_others():
    names, documents = zip(*texts())
    together = ask("a river", documents)
    order = random.Random(SEED).sample(range(len(documents)), len(documents))
    mixed = ask("a river", [documents[i] for i in order])
    for i, (name, document) in enumerate(zip(names, documents)):
        assert ask("a river", [document])[0] == together[i], name
        assert mixed[order.index(i)] == together[i], name
    print(f"# {len(documents)} texts")


def test_any_text_is_a_query_unless_nothing_is_left_of_it():
    nothing = []
    for name, text in texts():
        first, again = ask(text, ["water flows", "a house"]), ask(text, ["a house", "water flows"])
        assert first == (again and again[::-1]), name
        nothing += [name] if first is None else []
    assert "a space" in nothing and "special tokens" not in nothing and len(nothing) < 10, nothing
    print(f"# nothing is left of {', '.join(nothing)}")


def test_every_code_point_is_taken():
    """In documents of 512, where one that is wrong would show as another score in another batch."""
    step = 1 if api_server.LONG else 37
    points = [chr(c) for c in range(0, 0x110000, step) if not 0xd800 <= c < 0xe000]
    documents = ["".join(points[i:i + 512]) for i in range(0, len(points), 512)]
    for i in range(0, len(documents), 100):
        some = documents[i:i + 100]
        assert ask("a", some) == ask("a", some[::-1])[::-1], i
    print(f"# {len(points)} code points")


def test_bytes_that_are_no_text_are_refused():
    bad = ("80 bf c0 c1 c080 c1bf c2 c241 e0 e080 e08080 e09fbf e282 e28241 eda080 edbfbf ed a080 edb080 f0 f08080 f0808080 f08fbfbf "
           "f0 9f98 f4908080 f5808080 f888808080 fc8480808080 fe ff fffe c3a9c3 c328 f0288cbc eda0bdedb880").split()
    for field in (b'{"query":"%s","documents":["a"]}', b'{"query":"a","documents":["b","%s"]}', b'{"query":"a","documents":[{"text":"%s"}]}'):
        for text in bad:
            connection.request("POST", "/v1/rerank", field % bytes.fromhex(text), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            got = json.loads(answer.read())
            assert answer.status == 400 and got["code"] == "INPUT_INVALID_JSON", (text, answer.status, got)
    print(f"# {3 * len(bad)} bodies")


def test_the_server_is_as_before():
    connection.close()
    assert server.stop() == 0


if __name__ == "__main__":
    tap.main(globals())
