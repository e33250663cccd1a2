#!/usr/bin/env python3
"""deploy/nginx.conf and deploy/haproxy.cfg as they are, but for ports and certificates, in front of two servers."""
import atexit, http.client, json, os, re, shutil, signal, socket, ssl, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
DEPLOY = os.path.join(HERE, "../../deploy")
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

os.environ["PATH"] += ":/usr/sbin"
LEAST_REQUESTS = 50
scratch = tempfile.mkdtemp(prefix="winnow-proxies-")
atexit.register(shutil.rmtree, scratch)
BODY = json.dumps({"query": "a river", "documents": ["water flows", "a house"]}).encode()


def path_of(name):
    return os.path.join(scratch, name)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def start_server(port):
    server = api_server.Server("--port", str(port), "--drain-delay", "1200")
    atexit.register(server.process.kill)
    return server


class Front:
    """A proxy with its configuration of deploy/, changed by (pattern, text) pairs."""

    def __init__(self, program, file, ports, words):
        if not shutil.which(program):
            raise tap.Skip(f"no {program}")
        self.port = free_port()
        with open(os.path.join(DEPLOY, file)) as f:
            text = f.read()
        for old, new in ((r"\b8443\b", str(self.port)), (r"\b8080\b", str(ports[0])), (r"\b8081\b", str(ports[1])),
                         (r"/etc/winnow/", scratch + "/")):
            assert re.search(old, text), old
            text = re.sub(old, new, text)
        with open(path_of(file), "w") as f:
            f.write(text)
        self.process = subprocess.Popen([program, *words(path_of(file))], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        atexit.register(self.process.terminate)
        end = time.monotonic() + 20
        while self.status() != 200:
            assert self.process.poll() is None and time.monotonic() < end, "the proxy does not answer"
            time.sleep(0.05)

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=ssl._create_unverified_context(), timeout=30)

    def status(self, path="/v1/rerank", method="POST"):
        try:
            connection = self.connect()
            connection.request(method, path, BODY, {"Content-Type": "application/json"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return repr(error)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def nginx(ports):
    return Front("nginx", "nginx.conf", ports, lambda path: ["-c", path, "-p", scratch, "-g", "daemon off; error_log "
                 f"{scratch}/error.log; pid {scratch}/nginx.pid;"])


def haproxy(ports):
    return Front("haproxy", "haproxy.cfg", ports, lambda path: ["-db", "-f", path])


def check_front(make):
    """HTTP/2, and a restart and a reload of each server under load without a failed request."""
    ports = [free_port(), free_port()]
    servers = [start_server(port) for port in ports]
    front = make(ports)
    got = subprocess.run(["curl", "-sk", "--http2", "-o", os.devnull, "-w", "%{http_version} %{http_code}",
                          f"https://127.0.0.1:{front.port}/healthz/ready"], capture_output=True, text=True)
    assert got.stdout == "2 200", got
    assert front.status("/metrics", "GET") == 404
    statuses, stop = [], threading.Event()

    def load():
        while not stop.is_set():
            statuses.append(front.status())

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
    front.stop()
    assert [server.stop() for server in servers] == [0, 0]


def test_nginx_hides_restarts():
    check_front(nginx)


def test_haproxy_hides_restarts():
    check_front(haproxy)


if __name__ == "__main__":
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-keyout", path_of("key.pem"), "-out", path_of("cert.pem")],
                   check=True, capture_output=True)
    with open(path_of("cert-and-key.pem"), "w") as out:
        out.write(open(path_of("cert.pem")).read() + open(path_of("key.pem")).read())
    tap.main(globals())
