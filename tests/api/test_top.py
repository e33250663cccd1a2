#!/usr/bin/env python3
"""`winnow top` beside a running server: as text once, and as a picture in a terminal that it gives back as it was."""
import atexit, fcntl, http.client, json, os, pty, re, select, shutil, signal, struct, subprocess, sys, tempfile, termios, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

BODY = json.dumps({"query": "a river", "documents": ["water flows", "a house"]}).encode()
ENV = {"PATH": os.environ["PATH"], "TERM": "xterm", **{k: v for k, v in os.environ.items() if "SAN_OPTIONS" in k}}
state = tempfile.mkdtemp(prefix="winnow-top-")
atexit.register(shutil.rmtree, state)
server = api_server.Server("--state-dir", state, "--admin-key", "root", "--api-key", "plain")
atexit.register(server.process.kill)


def rank(n, key="root"):
    for _ in range(n):
        status, _, _ = server.request("POST", "/v1/rerank", [("Authorization", f"Bearer {key}"), ("Content-Type", "application/json")], BODY)
        assert status == 200, status


def top(*words, env=None, url=None):
    return subprocess.run([api_server.WINNOW, "top", "--url", url or server.url, *words], capture_output=True, text=True, timeout=60,
                          env={**ENV, **(env or {})})


class Screen:
    """winnow top in a terminal of its own."""

    def __init__(self, columns=100, lines=30):
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self.slave, self.seen = slave, ""
        self.resize(columns, lines)
        self.process = subprocess.Popen([api_server.WINNOW, "top", "--url", server.url, "--interval", "1", "--api-key", "root"],
                                        stdin=slave, stdout=slave, stderr=slave, env=ENV, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        atexit.register(self.process.kill)

    def resize(self, columns, lines):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read_until(self, pattern, seconds=20):
        """Read on until the pattern is among what has not been read by an earlier call."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.seen, re.S)):
            assert time.monotonic() < end, (pattern, self.seen[-2000:])
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536).decode()
        self.seen = self.seen[found.end():]
        return found[0]

    def ended(self):
        """The exit status; the terminal is as it was before."""
        code = self.process.wait(20)
        self.read_until(r"\x1b\[\?25h\x1b\[\?1049l")
        assert termios.tcgetattr(self.slave) == self.before
        os.close(self.master)
        os.close(self.slave)
        return code


def picture(text):
    """The last picture in what a terminal was sent, without the sequences that move and colour."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text.rsplit("\x1b[H", 1)[-1])


def test_once_tells_the_rates_of_an_interval_as_text():
    process = subprocess.Popen([api_server.WINNOW, "top", "--url", server.url, "--once", "--interval", "2", "--api-key", "root"],
                               stdout=subprocess.PIPE, text=True, env=ENV)
    time.sleep(0.5)
    rank(40)
    text = process.communicate(timeout=60)[0]
    assert process.returncode == 0 and "\x1b" not in text, text
    assert re.search(rf"^winnow [0-9.]+  {server.url}  ready  up 00:0", text), text
    assert re.search(r"^winnow-multilingual-v1  colbert  ", text, re.M), text
    routes = re.search(r"^rerank +\S+ m?s +\S+ m?s +\S+ m?s +([0-9.]+) +0 +0$", text, re.M)
    assert routes and 5 < float(routes[1]) <= 21, text
    assert re.search(r"^compute .* ms", text, re.M) and re.search(r"^rows/s .* computed", text, re.M), text
    assert re.search(r"^memory +[0-9.]+ MiB resident +requests ", text, re.M), text


def test_what_is_no_terminal_gets_text_without_being_asked():
    done = top("--interval", "1", env={"WINNOW_API_KEY": "root"})
    assert done.returncode == 0 and done.stdout.startswith("winnow ") and "\x1b" not in done.stdout, done


def test_administrators_see_the_keys_that_use_most():
    rank(3, "plain")
    time.sleep(0.3)
    rows = dict(re.findall(r"^(static0\d) .* (\d+)$", top("--interval", "1", "--api-key", "root").stdout, re.M))
    assert int(rows["static01"]) >= 40 and int(rows["static00"]) >= 3, rows
    without = top("--interval", "1", "--api-key", "plain")
    assert without.returncode == 0 and "static0" not in without.stdout, without


def test_mistakes_are_named():
    done = top()
    assert done.returncode == 1 and "scope 'metrics'" in done.stderr and done.stdout == "", done
    done = top(url="http://127.0.0.1:1")
    assert done.returncode == 1 and "port 1: Connection refused" in done.stderr, done
    assert top(url="nowhere").returncode == 2
    done = top("--api-key", "root", url=server.url + "/healthz/live")
    assert done.returncode == 1 and "no metrics" in done.stderr, done
    assert "status 404" in top("--api-key", "root", url=server.url + "/nothing").stderr
    assert top("--interval", "0").returncode == 2


def test_terminal_shows_a_live_picture_and_is_given_back():
    screen = Screen()
    assert "\x1b[?25l" in screen.read_until(r"\x1b\[\?1049h.*?\x1b\[H"), "no second page without cursor"
    rank(20)
    screen.read_until(r"requests/s +[1-9]")
    screen.read_until(r"rerank +\S+ ms")
    attributes = termios.tcgetattr(screen.slave)
    assert not attributes[3] & (termios.ECHO | termios.ICANON)
    os.write(screen.master, b"x")
    os.write(screen.master, b"q")
    assert screen.ended() == 0


def test_ctrl_c_and_sigterm_end_it_and_give_the_terminal_back():
    screen = Screen()
    screen.read_until("winnow ")
    os.write(screen.master, b"\x03")
    assert screen.ended() == 0
    screen = Screen()
    screen.read_until("winnow ")
    screen.process.send_signal(signal.SIGTERM)
    assert screen.ended() == 0


def test_a_new_size_is_drawn_at_once_and_nothing_is_wider_or_longer():
    screen = Screen(120, 40)
    screen.read_until(r"memory .*?\x1b\[J")
    for columns, lines in ((40, 10), (20, 3), (80, 24)):
        screen.resize(columns, lines)
        end = time.monotonic() + 10
        while True:
            shown = picture(screen.read_until(r"\x1b\[H.*?\x1b\[J")).split("\n")
            if len(shown) <= lines and max(map(len, shown)) <= columns:
                break
            assert time.monotonic() < end, (columns, lines, shown)
    os.write(screen.master, b"q")
    assert screen.ended() == 0


def test_a_server_that_goes_leaves_its_last_figures_and_a_reason():
    screen = Screen()
    screen.read_until("requests/s")
    assert server.stop() == 0
    shown = picture(screen.read_until(r"\x1b\[H[^\x00]*?Connection refused.*?\x1b\[J"))
    assert "requests/s" in shown and "memory" in shown, shown
    os.write(screen.master, b"q")
    assert screen.ended() == 0


if __name__ == "__main__":
    tap.main(globals())
