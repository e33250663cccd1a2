#!/usr/bin/env python3
"""Every route of the server's own description, with every way to come without a valid key: only the routes that
are described as public answer.  Paths are sent as they are, also those that a client would normalise."""
import json, os, socket, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

BODY = json.dumps({"query": "a", "documents": ["b"], "texts": ["b"], "inputs": "a"}).encode()
KEYS = {
    "no key": None,
    "empty key": "",
    "bad key": "Bearer nope",
    "well-formed unknown key": "Bearer wn_abcdefgh_" + "A" * 38,
    "key with a space": "Bearer k3y x",
    "prefix of the key": "Bearer k3",
    "key in another scheme": "Digest k3y",
    "key twice": "Bearer k3y k3y",
    "key with a NUL behind it": "Bearer k3y\0",
    "key in the other letter case": "Bearer K3Y",
}
HOSTS = ["x/healthz/live", "x?/healthz/live", "user@x", "x:port", "x y", "", "x/v1/models?", "[::1", "x#y"]


def exchange(server, request):
    """The status of a raw request; 0 when the server closes without an answer."""
    with socket.create_connection((server.host, server.port), timeout=20) as s:
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            piece = s.recv(65536)
            if not piece:
                break
            answer += piece
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def raw(method, path, host="localhost", key=None, body=BODY):
    fields = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", "Content-Type: application/json",
              f"Content-Length: {len(body)}"]
    if key is not None:
        fields.append(f"Authorization: {key}")
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + body


def routes(server):
    """(method, path, public) of all."""
    _, _, text = server.request("GET", "/openapi.json")
    for path, methods in json.loads(text)["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path.replace("/ui/{id}", "/ui/icon.svg").replace("{id}", "x"), operation.get("security") == []


def variants(path):
    """Other spellings that a careless server would take for the path."""
    yield "/" + path
    yield path + "/."
    yield path.replace("/", "//")
    yield path.upper() if path.upper() != path else path + "x"
    yield "/." + path
    yield "/x/.." + path
    yield path + "%2f"
    yield path + ";x"
    yield "/%" + format(ord(path[1:2] or "x"), "02x") + path[2:]


server = api_server.Server("--admin-key", "k3y", "--half-close", "answer", "--log-level", "error")


def test_only_public_routes_answer_without_a_valid_key():
    n = 0
    for method, path, public in routes(server):
        for name, key in KEYS.items():
            status = exchange(server, raw(method, path, key=key))
            n += 1
            if public:
                assert status in (200, 400, 503) or (status == 404 and path.endswith("/x")), (method, path, name, status)
            else:
                assert status in (400, 401), (method, path, name, status)
        status = exchange(server, raw(method, path, key="Bearer k3y"))
        assert status not in (0, 401, 403), (method, path, status)
    print(f"# {n} requests")


def test_other_spellings_of_a_path_serve_nothing():
    n = 0
    for method, path, _ in routes(server):
        for other in variants(path):
            if other.rstrip("/") == path.rstrip("/"):
                continue
            status = exchange(server, raw(method, other))
            n += 1
            assert status in (400, 401, 404, 405), (method, other, status)
            status = exchange(server, raw(method, other, key="Bearer k3y"))
            assert status in (400, 404, 405) or path == "/v1/models/x", (method, other, status)
    print(f"# {n} requests")


def test_odd_hosts_are_refused_before_anything_else():
    for method, path, _ in routes(server):
        for host in HOSTS:
            status = exchange(server, raw(method, path, host=host))
            assert status == 400, (method, path, host, status)


def test_other_methods_do_not_pass():
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "get", "PROPFIND"):
        for path in ("/v1/rerank", "/healthz/live", "/metrics", "/v1/models"):
            status = exchange(server, raw(method, path))
            assert status in (400, 401, 404, 405, 501), (method, path, status)
    server.stop()


if __name__ == "__main__":
    tap.main(globals())
