"""A proxy of deploy/ in front of servers of a test: its configuration as it is, but for what the test changes."""
import atexit, http.client, json, os, re, shutil, socket, ssl, subprocess, tempfile, time

import tap

HERE = os.path.dirname(os.path.abspath(__file__))
DEPLOY = os.path.join(HERE, "../../deploy")
BODY = json.dumps({"query": "a river", "documents": ["water flows", "a house"]}).encode()
os.environ["PATH"] += ":/usr/sbin"
scratch = tempfile.mkdtemp(prefix="winnow-front-")
atexit.register(shutil.rmtree, scratch, True)


def path_of(name):
    return os.path.join(scratch, name)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def certificate():
    """cert.pem, key.pem and cert-and-key.pem."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-keyout", path_of("key.pem"), "-out", path_of("cert.pem")],
                   check=True, capture_output=True)
    with open(path_of("cert-and-key.pem"), "w") as out:
        out.write(open(path_of("cert.pem")).read() + open(path_of("key.pem")).read())


class Front:
    """A running proxy on a free port; changes are (pattern, text) for its configuration."""

    def __init__(self, program, file, words, ports, changes=(), tls=True):
        if not shutil.which(program):
            raise tap.Skip(f"no {program}")
        self.port, self.tls = free_port(), tls
        with open(os.path.join(DEPLOY, file)) as f:
            text = f.read()
        for old, new in ((r"\b8443\b", str(self.port)), (r"\b8080\b", str(ports[0])), (r"\b8081\b", str(ports[1])),
                         (r"/etc/winnow/", scratch + "/"), *changes):
            assert re.search(old, text), old
            text = re.sub(old, new, text)
        with open(path_of(file), "w") as f:
            f.write(text)
        with open(path_of(program + ".out"), "w") as out:
            self.process = subprocess.Popen([program, *words], stdout=out, stderr=out)
        atexit.register(self.process.terminate)
        end = time.monotonic() + 20
        while self.status() != 200:
            assert self.process.poll() is None and time.monotonic() < end, open(path_of(program + ".out")).read()
            time.sleep(0.05)

    def connect(self):
        if not self.tls:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
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


def nginx(ports, changes=(), tls=True):
    return Front("nginx", "nginx.conf", ["-c", path_of("nginx.conf"), "-p", scratch, "-g", "daemon off; error_log "
                 f"{scratch}/error.log; pid {scratch}/nginx.pid;"], ports, changes, tls)


def haproxy(ports, changes=(), tls=True):
    return Front("haproxy", "haproxy.cfg", ["-db", "-f", path_of("haproxy.cfg")], ports, changes, tls)
