#!/usr/bin/env python3
"""The folder of --reports over HTTP: what is shown, how a browser is told to take it, and what is not let out."""
import json, os, shutil, socket, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

TIME = 1764115200  # 2025-11-26
root = tempfile.mkdtemp(prefix="winnow-reports-")
folder = os.path.join(root, "reports")
os.mkdir(folder)


def put(name, data, where=folder):
    path = os.path.join(where, name)
    with open(path, "wb") as f:
        f.write(data)
    os.utime(path, (TIME, TIME))


PAGE = b"<!doctype html><script>document.title = 'run'</script><style>p{color:red}</style><p>good</p>"
put("eval.html", PAGE)
put("bench.json", b'{"winnow":"0.1.0"}')
put("broken.json", b"\x00\xff no JSON")
put("notes.txt", b"not a report")
put(".hidden.json", b"{}")
put("secret.json", b'{"secret":true}', root)
os.symlink(os.path.join(root, "secret.json"), os.path.join(folder, "link.json"))
os.symlink(root, os.path.join(folder, "up.html"))
os.mkfifo(os.path.join(folder, "pipe.html"))
os.mkdir(os.path.join(folder, "folder.json"))
with open(os.path.join(folder, "huge.html"), "wb") as huge:
    huge.truncate(1 << 40)
os.utime(os.path.join(folder, "huge.html"), (TIME - 1, TIME - 1))
server = api_server.Server("--api-key", "k3y", "--reports", folder, "--log-level", "warn")


def get(path):
    status, fields, body = server.request("GET", path)
    return status, {name.lower(): value for name, value in fields}, body


def test_the_list_has_the_reports_and_nothing_else():
    status, fields, body = get("/v1/reports")
    assert status == 200 and fields["content-type"] == "application/json"
    assert json.loads(body) == {"object": "list", "shown": True, "data": [
        {"name": "bench.json", "kind": "json", "modified": "2025-11-26T00:00:00Z", "bytes": 18},
        {"name": "broken.json", "kind": "json", "modified": "2025-11-26T00:00:00Z", "bytes": 10},
        {"name": "eval.html", "kind": "html", "modified": "2025-11-26T00:00:00Z", "bytes": len(PAGE)},
        {"name": "huge.html", "kind": "html", "modified": "2025-11-25T23:59:59Z", "bytes": 1 << 40}], "left_out": 0}


def test_a_page_comes_as_it_is_and_may_run_nothing():
    status, fields, body = get("/v1/reports/eval.html")
    assert (status, body) == (200, PAGE)
    assert fields["content-type"] == "text/html; charset=utf-8"
    policy = [part.strip() for part in fields["content-security-policy"].split(";")]
    assert "sandbox" in policy and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, policy
    assert not any(part.startswith("script-src") for part in policy), policy
    assert fields["x-content-type-options"] == "nosniff" and fields["referrer-policy"] == "no-referrer"
    status, fields, body = server.request("HEAD", "/v1/reports/eval.html")
    assert status == 200 and body == b""


def test_figures_come_as_they_are():
    assert get("/v1/reports/bench.json")[::2] == (200, b'{"winnow":"0.1.0"}')
    status, fields, body = get("/v1/reports/broken.json")
    assert (status, body) == (200, b"\x00\xff no JSON") and fields["x-content-type-options"] == "nosniff"


def test_nothing_else_is_let_out():
    for name in ("notes.txt", ".hidden.json", "link.json", "up.html", "pipe.html", "folder.json", "folder.json/", "absent.json",
                 "../secret.json", "..%2fsecret.json", "%2e%2e/secret.json", "up.html/secret.json", "./eval.html", "/eval.html",
                 "eval.html%00.json", "eval.HTML", "..", ".", "%2e", "eval.html;x", "a" * 4000 + ".json",
                 "....//secret.json", "..\\secret.json", root.replace("/", "%2f") + "%2fsecret.json"):
        request = f"GET /v1/reports/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        with socket.create_connection((server.host, server.port), timeout=20) as s:
            s.sendall(request)
            answer = b"".join(iter(lambda: s.recv(65536), b""))
        status = int(answer.split(b" ", 2)[1])
        assert status in (400, 404, 414), (name, status)
        assert b"secret\":" not in answer and root.encode() not in answer, name


def test_a_huge_file_is_refused_and_says_why():
    status, _, body = get("/v1/reports/huge.html")
    assert status == 404 and "1099511627776 bytes, at most 8388608" in json.loads(body)["detail"]


def test_a_folder_that_went_away_is_a_503_and_a_line_in_the_log():
    os.rename(folder, folder + ".away")
    try:
        status, _, body = get("/v1/reports")
        assert status == 503 and folder not in body.decode()
        assert get("/v1/reports/eval.html")[0] == 503
    finally:
        os.rename(folder + ".away", folder)
    assert get("/v1/reports/eval.html")[0] == 200


def test_a_folder_that_is_none_is_refused_at_the_start():
    try:
        api_server.Server("--reports", os.path.join(folder, "eval.html"))
    except api_server.NotStarted as e:
        assert e.code == 2 and "is no folder" in str(e), (e.code, str(e))
    else:
        raise AssertionError("the server started")


def test_it_ends_well():
    assert server.stop() == 0, "".join(server.lines)
    shutil.rmtree(root)


if __name__ == "__main__":
    tap.main(globals())
