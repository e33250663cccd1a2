"""A running `winnow serve` for tests, and requests to it byte for byte as they are given."""
import atexit, http.client, os, re, signal, subprocess, threading

HERE = os.path.dirname(os.path.abspath(__file__))
WINNOW = os.environ.get("WINNOW", os.path.join(HERE, "../../build/release/winnow"))
START_S = 60
LONG = os.environ.get("WINNOW_LONG") == "1"  # the long forms of tests that have one
PLAIN_ENV = {"PATH": os.environ["PATH"], **{k: v for k, v in os.environ.items() if "SAN_OPTIONS" in k}}


class NotStarted(AssertionError):
    """`code` is the exit status, negative for a signal."""

    def __init__(self, text, code):
        super().__init__(text)
        self.code = code


class Server:
    """winnow serve --port 0 and these words; `lines` is what it wrote to standard error."""

    def __init__(self, *words, env=None, under=()):
        self.lines, self.url = [], None
        self.ready = threading.Event()
        state = [] if "--state-dir" in words else ["--state-dir", "none"]
        self.process = subprocess.Popen([*under, WINNOW, "serve", "--port", "0", *state, *words], stderr=subprocess.PIPE, text=True,
                                        env={**PLAIN_ENV, **(env or {})})
        atexit.register(self.process.kill)  # of a test that failed: it holds the standard output
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        if not self.ready.wait(START_S) or self.url is None:
            self.process.kill()
            self.reader.join(10)
            raise NotStarted("the server did not start:\n" + "".join(self.lines), self.process.wait())

    def read(self):
        for line in self.process.stderr:
            self.lines.append(line)
            found = re.search(r"ready (?:at |url=)(https?://([^:]+):(\d+))", line)
            if found:
                self.url, self.host, self.port = found[1], found[2], int(found[3])
                self.ready.set()
        self.ready.set()

    def request(self, method, path, headers=(), body=None):
        """(status, [(name, value)], body bytes) of one request on a connection of its own."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if body is not None and not any(name.lower() == "content-length" for name, _ in headers):
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def stop(self, number=signal.SIGINT):
        """End it by a signal; its exit status."""
        self.process.send_signal(number)
        code = self.process.wait(60)
        self.reader.join(10)
        return code
