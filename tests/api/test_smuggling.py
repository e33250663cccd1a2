#!/usr/bin/env python3
"""The vectors of tests/api/http through nginx and HAProxy.  The proxy gives every request that it passes on an id; the
server logs it with what it receives, unless it refuses the head.  So a request with an id that the proxy did not give is
one that it did not see, smuggled in another, unless it is the refusal of one that it passed on."""
import collections, os, re, socket, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, front, tap, vectors

SETTLE_S = 20
REFUSED = {"400", "408", "413", "414", "415", "417", "431", "501", "505"}  # faults, which never run anything
NGINX = ((r"listen (\d+) ssl http2;", r"listen \1;"), (r" *ssl_\w+ [^;]*;\n", ""),
         (r"http \{\n", "http {\n    log_format seen '$request_id $upstream_addr [$status]';\n"
                        "    access_log seen.log seen;\n    proxy_ignore_client_abort on;\n"))
HAPROXY = ((r"bind :(\d+) ssl.*", "bind 127.0.0.1:\\1\n    unique-id-format %[uuid]\n    unique-id-header X-Request-Id\n"
                                  '    log-format "%ID %s [%ST]"'),
           (r"global\n", "global\n    log stdout format raw local0\n"), (r"mode http\n", "mode http\n    log global\n"),
           (r" *option httpchk.*\n", ""), (r"check inter.*", "maxconn 100"))


def send(port, data):
    """What the proxy answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as s:
        answer = b""
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while piece := s.recv(65536):
                answer += piece
        except OSError:
            pass
        return answer


def passed_on(log):
    """(id, status, times that it was passed on) of each request that the proxy saw.  HAProxy begins to pass on what it may
    have to refuse in the middle of the body; it then names no server."""
    with open(log) as f:
        for line in f:
            found = re.match(r"(\S+) (.*) \[(-?\d+)\]$", line)
            if found:
                yield found[1], found[3], 0 if found[2] in ("-", "<NOSRV>") else len(found[2].split(", "))


def received(server):
    """(id, status) of each request that the server saw."""
    for line in list(server.lines):
        if "event=request" in line:
            yield re.search(r" req=(\S+)", line)[1], re.search(r" status=(\d+)", line)[1]


def compare(server, log):
    """(requests on both sides, refused ones of them, mistakes)"""
    passed, seen = list(passed_on(log)), list(received(server))
    given = {id: n for id, _, n in passed}
    got = collections.Counter(id for id, _ in seen)
    strange = collections.Counter(status for id, status in seen if id not in given)
    unheard = collections.Counter(status for id, status, n in passed if n > 0 and id not in got)
    mistakes = [("came more than once", id) for id in got if got[id] > max(1, given.get(id, 1))]
    mistakes += [("unknown to the proxy", id, status) for id, status in seen if id not in given and status not in REFUSED]
    if strange.total() > unheard.total():  # a proxy may give up what it has passed on, and has its own status then
        mistakes.append(("refused", strange, "passed on without a trace", unheard, [p for p in passed if p[2] and p[0] not in got]))
    return len(seen), strange.total(), mistakes


def check(make, changes, log):
    server = api_server.Server("--log-level", "info", "--half-close", "answer", "--body-limit", "65536")
    proxy = make([server.port, server.port], changes, tls=False)
    sent = answers = 0
    for vector in vectors.load():
        for variant in (vector, vector.with_path("/a", "/v1/rerank").with_path("/b", "/v1/rerank")):
            answers += send(proxy.port, variant.bytes).count(b"HTTP/1.1 ")
            sent += 1
    end = time.monotonic() + SETTLE_S
    while True:
        n, refused, mistakes = compare(server, log)
        if not mistakes or time.monotonic() > end:
            break
        time.sleep(0.05)
    assert not mistakes, mistakes
    print(f"# {sent} connections, {answers} answers; {n} requests passed on and received, {refused} of them refused", flush=True)
    assert sent >= 300 and n >= 50
    proxy.stop()
    assert server.stop() == 0


def test_nginx_and_the_server_see_the_same_requests():
    check(front.nginx, NGINX, front.path_of("seen.log"))


def test_haproxy_and_the_server_see_the_same_requests():
    check(front.haproxy, HAPROXY, front.path_of("haproxy.out"))


if __name__ == "__main__":
    tap.main(globals())
