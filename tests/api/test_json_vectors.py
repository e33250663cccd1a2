#!/usr/bin/env python3
"""Strings that are JSON and strings that are not, each as an unknown field of a request: what is JSON is answered
with 200, what is not with 400, a message that gives line and byte, and the connection stays usable.
The classes are those of the public JSONTestSuite; the vectors are our own."""
import http.client, json, os, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

GOOD = [
    # numbers
    "0", "-0", "1", "-1", "10", "1234567890", "-1234567890", "0.0", "-0.0", "0.5", "-0.5", "1.5", "123.456", "0.1e1",
    "1e0", "1e5", "1E5", "1e+5", "1E+5", "1e-5", "1E-5", "1.5e10", "-1.5E-10", "0e0", "0E+1", "1e308", "-1e308", "1e-308",
    "2147483648", "4294967296", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
    "123456789012345678901234567890", "-123456789012345678901234567890", "0.12345678901234567890123456789", "1e-400",
    # literals and containers
    "true", "false", "null", "[]", "{}", "[[]]", "[{}]", '{"a":[]}', '{"a":{}}', "[1]", "[1,2]", '["a","b"]', "[true,null]",
    '{"a":1}', '{"a":1,"b":2}', '{"":0}', '{"a":{"b":{"c":[1,{"d":[]}]}}}', "[[[[[[[[[[]]]]]]]]]]", "[" * 60 + "]" * 60,
    '{"a":"b","A":"B"}', '{"k":[{"k":[{"k":1}]}]}', "[1,[2,[3,[4,[5]]]]]",
    # white space
    " 1", "1 ", "\t1", "\n1", "\r1", " \t\n\r1 \t\n\r", "[ 1 , 2 ]", '{ "a" : 1 , "b" : 2 }', "[\n]", "{\r\n}",
    # strings
    '""', '" "', '"a"', '"\\""', '"\\\\"', '"\\/"', '"/"', '"\\b\\f\\n\\r\\t"', '"\\u0041"', '"\\u00e9"', '"\\u4e2d"',
    '"\\ud83d\\ude00"', '"\\uD83D\\uDE00"', '"\\u0000"', '"\\u001f"', '"\\u007f"', '"\\uffff"', '"\\ufffe"', '"\\ufdd0"',
    '"\x7f"', '"\u00e9"', '"\u4e2d\u6587"', '"\U0001f600"', '"\U0010ffff"', '"\ufeff"', '"\u2028\u2029"', '"\u200b"',
    '"\u202e"', '"e\u0301"', '"\uac00"', '"' + "x" * 10000 + '"', '"\\\\\\""', '"\\\\u0041"', '"a\\u0062c"',
    '"//comment"', '"/* comment */"', '"[1,2"', '"{"', '"null"', '{"\\u0061":1}', '{"\u4e2d":1}', '{"a b":1}', '{"\\n":1}',
]

BAD_TEXT = [
    # numbers
    "01", "-01", "00", "-00", "1.", "-1.", ".5", "-.5", "+1", "+0", "-", "+", ".", "-.", "1e", "1E", "1e+", "1e-", "1E+",
    "1ee5", "1e5.5", "1e+-5", "0e", "0e+", "0.e1", "2.e3", "2.e+3", "2.e-3", "1.2.3", "1..2", "--1", "1-1", "1+1", "0x1", "0x",
    "0b1", "0o7", "1_000", "1,000.5.", "Infinity", "-Infinity", "NaN", "-NaN", "inf", "nan", "1f", "1L", "1.0f", "\uff11",
    "1e\u0661", "\u00bd", "$1", "1%",
    # literals
    "True", "TRUE", "False", "None", "Null", "nul", "nulll", "tru", "truee", "fals", "undefined", "true1", "yes", "a", "'a'",
    "`a`", "\u201ca\u201d", "@", "#", "~",
    # arrays
    "[", "]", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1,,2]", "[1 2]", "[1;2]", "[1:2]", "[1}", "[[]", "[]]", "[1,2", "[a]", '["a"',
    '["a",', "[1,2,3,]", "[" * 70 + "]" * 70,
    # objects
    "{", "}", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "{,}", '{,"a":1}', '{"a"}', '{"a":}', '{"a":,}', '{"a",1}',
    '{"a"=1}', '{"a"::1}', '{"a":1,,"b":2}', '{"a":1 "b":2}', '{"a":1;"b":2}', "{a:1}", "{'a':1}", "{1:1}", "{null:1}",
    "{true:1}", "{[]:1}", '{"a":1]', '{"a":1}}', '{"a":1,"a":2}', '{"a":{"b":1,"b":1}}', '{"a" 1}', '{"a":1,2}', "{1}", "{[]}",
    # strings
    '"', '"a', 'a"', '"\\"', '"\\a"', '"\\x41"', "\"\\'\"", '"\\0"', '"\\u"', '"\\u1"', '"\\u12"', '"\\u123"', '"\\u123g"', '"\\uZZZZ"',
    '"\\U0041"', '"\\u{41}"', '"\\u 041"', '"\\e"', '"\\v"', '"\\ "', '"\\\n"', '"\\', '"a"b"', '"a" "b"', '""a',
    '"\\ud800"', '"\\udc00"', '"\\udfff"', '"\\ud800a"', '"\\ud800\\n"', '"\\ud800\\u0041"', '"\\ud800\\ud800"', '"\\udc00\\ud800"',
    '{"\\ud800":1}', '{"\\u0000":1}', '{"a\\u0000b":1}',
    # white space and comments
    "\x0b1", "\x0c1", "\u00a01", "\u20281", "\ufeff1", "\u30001", "1\x0c", "/* */1", "1/* */", "//\n1", "1//", "#\n1", "<!-- -->1", "1;",
]
BAD_BYTES = [b'"%c"' % c for c in range(0x20)] + [b'"' + bytes.fromhex(text) + b'"' for text in (
    "80 bf c0 c1 c3 e4b8 f09f98 ff fe c080 c0af e08080 e0809f e09fbf f0808080 f08fbfbf f4908080 f5808080 f888808080 "
    "fc8480808080 eda080 edb080 edbfbf eda0bdedb880 c328 a0a1 e228a1 e28228 f0288cbc f09028bc f0288c28 e4b861 61ff 61c3").split()]

server = api_server.Server("--log-level", "error")
connection = http.client.HTTPConnection(server.host, server.port, timeout=20)


def send(value):
    connection.request("POST", "/v1/rerank", b'{"query":"q","documents":["d"],"x":' + value + b"}",
                       {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_json_is_accepted():
    assert len(GOOD) >= 95
    for text in GOOD:
        status, answer = send(text.encode())
        assert status == 200, (text[:60], status, answer)
    print(f"# {len(GOOD)} vectors")


def test_what_is_no_json_is_refused_with_its_place():
    assert len(BAD_TEXT) + len(BAD_BYTES) >= 188
    for value in [text.encode() for text in BAD_TEXT] + BAD_BYTES:
        status, answer = send(value)
        assert status == 400 and answer["code"] == "INPUT_INVALID_JSON", (value[:60], status, answer)
        assert "line " in answer["detail"] and "byte " in answer["detail"], (value[:60], answer)
    print(f"# {len(BAD_TEXT) + len(BAD_BYTES)} vectors")


def test_whole_bodies_that_are_no_json_are_refused():
    for body in (b"", b" ", b"null", b"1", b'"a"', b"\xef\xbb\xbf{}", b"{}\0", b"{}{}", b"{} x", b"[", b"\xff\xfe{\0}\0", b"{\0}"):
        connection.request("POST", "/v1/rerank", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status in (400, 422), (body, answer.status, text)
    connection.close()
    assert server.stop() == 0


if __name__ == "__main__":
    tap.main(globals())
