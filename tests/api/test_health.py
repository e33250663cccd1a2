#!/usr/bin/env python3
"""A server whose compute thread hangs is stuck, one whose store does not answer is degraded, and both recover."""
import atexit, ctypes, json, os, shutil, socket, sqlite3, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

BODY = json.dumps({"query": "a river", "documents": ["water flows", "a house"]}).encode()
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT, ALL_THREADS = 17, 0x4206, 0x4207, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
scratch = tempfile.mkdtemp(prefix="winnow-health-")
atexit.register(shutil.rmtree, scratch)


def start(*words, env=None):
    server = api_server.Server(*words, env=env)
    atexit.register(server.process.kill)
    return server


def get(server, path):
    status, _, text = server.request("GET", path)
    return status, json.loads(text)


def rank(server):
    return server.request("POST", "/v1/rerank", [("Content-Type", "application/json")], BODY)[0]


def metric(server, name):
    lines = server.request("GET", "/metrics")[2].decode().splitlines()
    return [float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)]


def wait_for(ask, wanted, seconds=30):
    end = time.monotonic() + seconds
    while (got := ask()) != wanted:
        assert time.monotonic() < end, got
        time.sleep(0.05)


class StoppedThread:
    """A thread of a process that does not go on until the end of the with."""

    def __init__(self, pid, name):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/comm") as f:
                if f.read().strip() == name:
                    self.task = int(task)

    def __enter__(self):
        if libc.ptrace(PTRACE_SEIZE, self.task, None, None) != 0:
            raise tap.Skip("threads of another process cannot be stopped: " + os.strerror(ctypes.get_errno()))
        libc.ptrace(PTRACE_INTERRUPT, self.task, None, None)
        os.waitpid(self.task, ALL_THREADS)

    def __exit__(self, *_):
        libc.ptrace(PTRACE_DETACH, self.task, None, None)


def test_a_compute_thread_that_hangs_makes_the_server_stuck_until_it_goes_on():
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(os.path.join(scratch, "notify"))
    server = start("--stuck-after", "300", "--sandbox", "off", "--score-cache", "0",
                   env={"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "400000"})
    assert rank(server) == 200 and get(server, "/healthz/live")[1]["status"] == "ready"
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(rank(server)))
    with StoppedThread(server.process.pid, "wn-compute"):
        time.sleep(1)
        assert get(server, "/healthz/live")[0] == 200, "nothing waits"
        waiting.start()
        wait_for(lambda: get(server, "/healthz/live")[0], 503)
        for path in ("/healthz/live", "/healthz/ready", "/health", "/v1/health/live", "/v2/health/live"):
            assert get(server, path)[0] == 503, path
        status, answer = get(server, "/healthz/ready")
        assert answer["status"] == "stuck" and "while work waits" in answer["reason"], answer
        assert metric(server, "wn_ready ") == [0] and metric(server, "wn_stuck_models ") == [1]
        manager.setblocking(False)
        try:
            while True:
                manager.recv(4096)
        except BlockingIOError:
            pass
        manager.settimeout(1)
        try:
            raise AssertionError(f"the service manager was told {manager.recv(4096)}")
        except TimeoutError:
            pass
    waiting.join(60)
    assert answers == [200], answers
    wait_for(lambda: get(server, "/healthz/live")[0], 200)
    manager.settimeout(20)
    assert manager.recv(4096) == b"WATCHDOG=1"
    assert get(server, "/healthz/ready")[1]["status"] == "ready" and metric(server, "wn_stuck_models ") == [0]
    assert server.stop() == 0
    assert any("event=stuck" in line for line in server.lines) and any("event=goes_on" in line for line in server.lines)


def test_a_store_that_does_not_answer_makes_the_server_degraded_until_it_does():
    state = os.path.join(scratch, "state")
    server = start("--state-dir", state)
    assert get(server, "/healthz/ready")[1]["status"] == "ready" and metric(server, "wn_store_up ") == [1]
    with sqlite3.connect(os.path.join(state, "winnow.db"), isolation_level=None) as db:
        db.execute("BEGIN EXCLUSIVE")
        assert rank(server) == 200
        wait_for(lambda: get(server, "/healthz/ready")[1]["status"], "degraded")
        status, answer = get(server, "/healthz/ready")
        assert status == 200 and "store" in answer["reason"], answer
        assert get(server, "/healthz/live")[0] == 200 and rank(server) == 200
        assert metric(server, "wn_degraded") == [1] and metric(server, "wn_ready ") == [1] and metric(server, "wn_store_up ") == [0]
        db.execute("ROLLBACK")
    wait_for(lambda: get(server, "/healthz/ready")[1]["status"], "ready")
    assert metric(server, "wn_degraded") == [0]
    assert server.stop() == 0


def test_without_a_store_nothing_is_said_of_one():
    server = start()
    assert metric(server, "wn_store_up") == [] and metric(server, "wn_degraded") == [0]
    assert server.stop() == 0


def test_metrics_have_the_names_of_another_server_when_asked():
    plain, server = start(), start("--metrics-compat", "tei")
    assert [rank(server), server.request("POST", "/rerank", [("Content-Type", "application/json")], b'{"query":"a","texts":["b","c"]}')[0],
            server.request("POST", "/rerank", [("Content-Type", "application/json")], b"{}")[0]] == [200, 200, 422]
    assert metric(plain, "te_") == []
    assert metric(server, 'te_request_count{method="batch"}') == [3] and metric(server, 'te_request_success{method="batch"}') == [2]
    assert metric(server, 'te_request_failure{err="validation"}') == [1]
    assert metric(server, "te_request_duration_count") == [3] and metric(server, "te_predict_success") == [4]
    assert metric(server, "te_request_queue_duration_count") == metric(server, "te_request_inference_duration_count") == [2]
    assert metric(server, "te_queue_size") == [0] and metric(server, "te_batch_next_size_count")[0] >= 2
    assert plain.stop() == 0 and server.stop() == 0


if __name__ == "__main__":
    tap.main(globals())
