#!/usr/bin/env python3
"""deploy/nginx.conf and deploy/haproxy.cfg as they are, but for ports and certificates, in front of two servers."""
import atexit, os, signal, subprocess, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, front, tap

LEAST_REQUESTS = 50


def start_server(port):
    server = api_server.Server("--port", str(port), "--drain-delay", "1200")
    atexit.register(server.process.kill)
    return server


def check_front(make):
    """HTTP/2, and a restart and a reload of each server under load without a failed request."""
    ports = [front.free_port(), front.free_port()]
    servers = [start_server(port) for port in ports]
    proxy = make(ports)
    got = subprocess.run(["curl", "-sk", "--http2", "-o", os.devnull, "-w", "%{http_version} %{http_code}",
                          f"https://127.0.0.1:{proxy.port}/healthz/ready"], capture_output=True, text=True)
    assert got.stdout == "2 200", got
    assert proxy.status("/metrics", "GET") == 404
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
