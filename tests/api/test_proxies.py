#!/usr/bin/env python3
"""deploy/nginx.conf and deploy/haproxy.cfg as they are, but for ports and certificates, in front of two servers."""
import atexit, json, os, re, shutil, signal, subprocess, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, front, tap

LEAST_REQUESTS = 50


def start_server(port):
    server = api_server.Server("--port", str(port), "--drain-delay", "1200")
    atexit.register(server.process.kill)
    return server


def rows(server, state):
    text = server.request("GET", "/metrics")[2].decode()
    name = "wn_queue_depth " if state == "queued" else f'wn_rows_total{{state="{state}"}}'
    return next(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def check_http2(proxy, servers):
    """A client that resets its stream does so behind the proxy, too; many streams on a connection."""
    body = json.dumps({"query": "a", "documents": [f"{i} river bank " * 30 for i in range(5000)], "return_documents": False})
    client = subprocess.Popen(["curl", "-sk", "--http2", "-o", os.devnull, "--data-binary", "@-", "-H", "Content-Type: application/json",
                               f"https://127.0.0.1:{proxy.port}/v1/rerank"], stdin=subprocess.PIPE, text=True)
    client.stdin.write(body)
    client.stdin.close()
    end = time.monotonic() + 30
    while not any(rows(server, "queued") > 1000 for server in servers):
        assert time.monotonic() < end and client.poll() is None, "it was never queued"
        time.sleep(0.01)
    client.kill()
    while not any(rows(server, "cancelled") > 1000 for server in servers):
        assert time.monotonic() < end, "rows of a client that has gone are not cancelled"
        time.sleep(0.01)
    if api_server.LONG and shutil.which("h2load"):
        with open(front.path_of("body"), "wb") as f:
            f.write(front.BODY)
        done = subprocess.run(["h2load", "-n", "20000", "-c", "20", "-m", "10", "-d", front.path_of("body"), "-H",
                               "content-type: application/json", f"https://127.0.0.1:{proxy.port}/v1/rerank"],
                              capture_output=True, text=True, timeout=300)
        found = re.search(r"requests: .*", done.stdout)[0], re.search(r"status codes: .*", done.stdout)[0]
        print(f"# h2load: {'; '.join(found)}", flush=True)
        assert "20000 succeeded, 0 failed, 0 errored" in found[0] and "20000 2xx" in found[1], found


def check_front(make):
    """HTTP/2, and a restart and a reload of each server under load without a failed request."""
    ports = [front.free_port(), front.free_port()]
    servers = [start_server(port) for port in ports]
    proxy = make(ports)
    got = subprocess.run(["curl", "-sk", "--http2", "-o", os.devnull, "-w", "%{http_version} %{http_code}",
                          f"https://127.0.0.1:{proxy.port}/healthz/ready"], capture_output=True, text=True)
    assert got.stdout == "2 200", got
    assert proxy.status("/metrics", "GET") == 404
    check_http2(proxy, servers)
    statuses, stop = [], threading.Event()

    def load():
        while not stop.is_set():
            statuses.append(proxy.status())

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(2):
        servers[i].process.send_signal(signal.SIGHUP)
        assert servers[i].stop(signal.SIGTERM) == 0
        servers[i] = start_server(ports[i])
        time.sleep(1.5)  # the proxy's next look at it
    stop.set()
    for thread in threads:
        thread.join()
    bad = [status for status in statuses if status != 200]
    assert len(statuses) >= LEAST_REQUESTS and not bad, (len(statuses), bad[:5])
    print(f"# {len(statuses)} requests, 0 failed", flush=True)
    proxy.stop()
    assert [server.stop() for server in servers] == [0, 0]


def test_nginx_hides_restarts():
    check_front(front.nginx)


def test_haproxy_hides_restarts():
    check_front(front.haproxy)


if __name__ == "__main__":
    front.certificate()
    tap.main(globals())
