#!/usr/bin/env python3
"""A server under a service manager: what it reports, the socket it inherits, its unit file."""
import atexit, os, re, shutil, signal, socket, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

UNIT = os.path.join(HERE, "../../deploy/winnow.service")
MAX_EXPOSURE = 1.5
scratch = tempfile.mkdtemp(prefix="winnow-manager-")
atexit.register(shutil.rmtree, scratch)


class Manager:
    """The socket of a service manager, and the lines that came to it."""

    def __init__(self, name):
        self.address = name if name[0] == "@" else os.path.join(scratch, name)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name[0] == "@" else self.address)
        self.socket.settimeout(60)
        self.lines = []

    def wait_for(self, pattern):
        """Receive until a line is like this."""
        while True:
            new = self.socket.recv(4096).decode().split("\n")
            self.lines += new
            if any(re.match(pattern, line) for line in new):
                return


def test_readiness_reloads_and_the_end_are_reported():
    manager = Manager("notify")
    server = api_server.Server(env={"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "200000"})
    manager.wait_for("READY=1")
    assert manager.lines[0] == "STATUS=loading the model", manager.lines
    assert re.match(r"EXTEND_TIMEOUT_USEC=\d+", manager.lines[1]), manager.lines
    for _ in range(3):
        manager.wait_for("WATCHDOG=1")
    server.process.send_signal(signal.SIGHUP)
    manager.wait_for("RELOADING=1")
    assert re.match(r"MONOTONIC_USEC=\d+", manager.lines[-1]), manager.lines
    manager.wait_for("READY=1")
    server.process.send_signal(signal.SIGINT)
    manager.wait_for("STOPPING=1")
    assert server.process.wait(60) == 0


def test_an_abstract_socket_is_understood():
    manager = Manager(f"@winnow-test-{os.getpid()}")
    server = api_server.Server(env={"NOTIFY_SOCKET": manager.address})
    manager.wait_for("READY=1")
    assert server.stop() == 0


def test_a_watchdog_of_another_process_is_not_ours():
    manager = Manager("other")
    server = api_server.Server(env={"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "10000", "WATCHDOG_PID": "1"})
    manager.wait_for("READY=1")
    manager.socket.settimeout(0.3)
    try:
        raise AssertionError(manager.socket.recv(4096))
    except socket.timeout:
        pass
    assert server.stop() == 0


INHERIT = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


def start_with(listener, n, *words):
    return subprocess.Popen([sys.executable, "-c", INHERIT, str(listener.fileno()), n, api_server.WINNOW, "serve",
                             "--state-dir", "none", *words], pass_fds=[listener.fileno()],
                            stderr=subprocess.PIPE, text=True)


def test_a_socket_that_was_handed_over_is_served_and_outlives_the_server():
    listener = socket.create_server(("127.0.0.1", 0))
    for _ in range(2):
        client = socket.create_connection(listener.getsockname())  # waits in the backlog while the server starts
        client.settimeout(60)
        server = start_with(listener, "1", "--drain-delay", "0")
        client.sendall(b"GET /healthz/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
        client.close()
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0, server.stderr.read()
        server.stderr.close()


def test_a_socket_of_everybody_needs_keys():
    listener = socket.create_server(("0.0.0.0", 0))
    server = start_with(listener, "1")
    assert server.wait(60) != 0
    text = server.stderr.read()
    assert "0.0.0.0" in text or "key" in text, text
    server = start_with(listener, "2")
    assert server.wait(60) == 2 and "2 sockets are handed over, expected one" in server.stderr.read()


def test_lines_to_the_journal_begin_with_their_priority():
    path = os.path.join(scratch, "journal")
    with open(path, "w") as f:
        info = os.fstat(f.fileno())
        done = subprocess.Popen([api_server.WINNOW, "serve", "--port", "0", "--state-dir", "none"], stderr=f,
                                env={"PATH": os.environ["PATH"],
                                     "JOURNAL_STREAM": f"{info.st_dev}:{info.st_ino}"})
    end = time.monotonic() + 60
    while "event=ready" not in open(path).read():
        assert time.monotonic() < end
        time.sleep(0.01)
    done.send_signal(signal.SIGINT)
    assert done.wait(60) == 0
    lines = [line for line in open(path).read().splitlines() if "event=" in line]
    assert lines and all(re.match("<[46]>ts=", line) for line in lines), lines


def test_the_unit_is_hardened():
    if not shutil.which("systemd-analyze"):
        raise tap.Skip("no systemd-analyze")
    done = subprocess.run(["systemd-analyze", "--offline=true", "security", UNIT], capture_output=True, text=True)
    found = re.search(r"Overall exposure level for winnow.service: ([\d.]+)", done.stdout)
    assert found, done
    assert float(found[1]) <= MAX_EXPOSURE, found[0]


if __name__ == "__main__":
    tap.main(globals())
