#!/usr/bin/env python3
"""A server whose system fails it: no memory, no disk, no descriptors, calls that return errors.  A request is answered as
always, refused with 503, or cut off, never answered wrongly; what was acknowledged is in the store, which stays whole;
and when the failures end, all is as before.  Needs root for the small disk, strace, and for its long form libfiu (Debian: fiu-utils).
WINNOW_LONG=1: more of all."""
import atexit, collections, errno, http.client, json, os, re, resource, shutil, signal, socket, sqlite3, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

BODY = json.dumps({"query": "a river", "documents": ["water flows", "a house", "bank"], "return_documents": False}).encode()
FIELDS = [("Content-Type", "application/json"), ("Authorization", "Bearer k3y")]
scratch = tempfile.mkdtemp(prefix="winnow-failures-")
atexit.register(shutil.rmtree, scratch, True)
INSTRUMENTED = b"__asan_init" in open(api_server.WINNOW, "rb").read() or b"__tsan_init" in open(api_server.WINNOW, "rb").read()


def ask(server):
    """(status or what broke, results) of one request."""
    try:
        status, _, body = server.request("POST", "/v1/rerank", FIELDS, BODY)
        return status, json.loads(body).get("results")
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__, None


def expected():
    server = api_server.Server("--api-key", "k3y", "--log-level", "error")
    try:
        return ask(server)[1]
    finally:
        server.stop()


RIGHT = expected()


def ask_often(server, n):
    """Counter of statuses; a 200 has the right scores."""
    seen = collections.Counter()
    for _ in range(n):
        status, results = ask(server)
        assert status != 200 or results == RIGHT, results
        seen[status] += 1
    return seen


def recovers(server, seconds=20):
    """Ten in a row that succeed."""
    end = time.monotonic() + seconds
    while ask_often(server, 10) != {200: 10}:
        assert server.process.poll() is None, f"it ended with {server.process.returncode}:\n{''.join(server.lines[-20:])}"
        assert time.monotonic() < end, ask_often(server, 10)
        time.sleep(0.1)


def stored(state):
    """Requests in the store, which is whole."""
    with sqlite3.connect(f"{state}/winnow.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return db.execute("SELECT COALESCE(SUM(requests), 0) FROM usage").fetchone()[0]


def folder(name):
    path = os.path.join(scratch, name)
    os.mkdir(path)
    return path


# ---- disk ----------------------------------------------------------------------------------------


def test_a_full_disk_refuses_nothing_and_loses_nothing_when_space_returns():
    disk = folder("disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode != 0:
        raise tap.Skip("cannot mount a disk of 1 MiB")
    try:
        state = os.path.join(disk, "state")
        server = api_server.Server("--state-dir", state, "--api-key", "k3y", "--log-level", "error", "--score-cache", "0")
        seen = ask_often(server, 20)
        with open(os.path.join(disk, "filler"), "wb", buffering=0) as f:
            try:
                while f.write(bytes(4096)):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC, error
        for _ in range(20):
            seen += ask_often(server, 20)
            time.sleep(0.02)  # a few writes of usage
        assert set(seen) <= {200, 503}, seen
        os.unlink(os.path.join(disk, "filler"))
        recovers(server)
        seen[200] += 10
        end = time.monotonic() + 20
        while stored(state) < seen[200] and time.monotonic() < end:
            time.sleep(0.1)
        assert server.stop() == 0
        n = stored(state)
        print(f"# {dict(seen)}; in the store {n}; {sum('level=error' in line for line in server.lines)} errors in the log")
        assert n == seen[200], (n, seen)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_log_that_cannot_be_written_ends_nothing():
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    with open("/dev/full", "w") as full:
        process = subprocess.Popen([api_server.WINNOW, "serve", "--port", str(port), "--state-dir", "none", "--log-level", "debug"],
                                   stderr=full, env=api_server.PLAIN_ENV)
    atexit.register(process.kill)
    end = time.monotonic() + 60
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("POST", "/v1/rerank", BODY, dict(FIELDS))
            if connection.getresponse().status == 200:
                break
        except OSError:
            pass
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0


# ---- descriptors ---------------------------------------------------------------------------------


def test_too_few_descriptors_end_nothing():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        server = api_server.Server("--api-key", "k3y", "--log-level", "error")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    recovers(server)

    def cpu_s():
        with open(f"/proc/{server.process.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    for _ in range(3):
        many = [socket.create_connection((server.host, server.port), timeout=10) for _ in range(100)]
        used = cpu_s()
        time.sleep(2 if api_server.LONG else 0.3)
        used = cpu_s() - used
        for s in many:
            s.close()
        recovers(server)
    print(f"# {used:.2f} s of CPU while no descriptor was free")
    if api_server.LONG:
        assert used < 1, "it turns in circles"
    assert server.stop() == 0


# ---- system calls --------------------------------------------------------------------------------

# call: errors.  Not write(), which wakes the loop by an eventfd, nor fcntl(), which gives up locks: these cannot fail.  Of each thread the 3rd, 6th and so on to the 40th fail.
NETWORK = {"accept4": ["EMFILE", "ENFILE", "ENOMEM", "ECONNABORTED", "EINTR", "EPROTO"], "readv": ["EINTR", "ECONNRESET", "EAGAIN"],
           "writev": ["EINTR", "EPIPE", "ECONNRESET", "EAGAIN", "ENOBUFS"], "epoll_wait": ["EINTR"], "epoll_ctl": ["ENOMEM", "ENOSPC"],
           "setsockopt": ["ENOMEM"], "getrandom": ["EINTR"], "shutdown": ["ENOTCONN"]}
STORE = {"pwrite64": ["ENOSPC", "EIO", "EINTR"], "pread64": ["EIO", "EINTR"], "fdatasync": ["EIO", "ENOSPC"], "fsync": ["EIO"],
         "ftruncate": ["EIO"], "openat": ["EMFILE", "EACCES", "ENOENT"], "unlink": ["EACCES"], "mmap": ["ENOMEM"]}
SHORT = {("accept4", "EMFILE"), ("readv", "EINTR"), ("writev", "EAGAIN"), ("epoll_wait", "EINTR"), ("pwrite64", "ENOSPC"),
         ("pwrite64", "EIO"), ("fdatasync", "EIO"), ("epoll_ctl", "ENOMEM")}


def inject(call, error, state):
    """The server under strace; the calls begin to fail when it is ready."""
    server = api_server.Server("--state-dir", state, "--api-key", "k3y", "--log-level", "error", "--sandbox", "off")
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", state + ".calls", "-p", str(server.process.pid), "-e", f"trace={call}",
                               "-e", f"inject={call}:error={error}:when=3..40+3"], stderr=subprocess.PIPE, text=True)
    atexit.register(tracer.kill)
    end = time.monotonic() + 20
    while True:
        with open(f"/proc/{server.process.pid}/status") as f:
            if re.search(r"TracerPid:\t[1-9]", f.read()):
                return server, tracer
        assert tracer.poll() is None and time.monotonic() < end, tracer.stderr.read()
        time.sleep(0.01)


def test_system_calls_that_fail_are_survived():
    if not shutil.which("strace"):
        raise tap.Skip("no strace")
    if INSTRUMENTED:
        raise tap.Skip("a sanitizer is in it")
    injected_in_all = 0
    for call, error in ((call, error) for calls in (NETWORK, STORE) for call, errors in calls.items() for error in errors):
        if not api_server.LONG and (call, error) not in SHORT:
            continue
        state = folder(f"{call}-{error}")
        server, tracer = inject(call, error, state)
        seen = ask_often(server, 100 if api_server.LONG else 30)
        time.sleep(0.2)
        assert server.process.poll() is None, f"{call} {error}: it ended with {server.process.returncode}: {server.lines[-10:]}"
        tracer.send_signal(signal.SIGTERM)
        tracer.wait(20)
        recovers(server)
        seen[200] += 10
        time.sleep(0.2)
        assert server.stop() == 0, (call, error, server.lines[-10:])
        n = stored(state)
        with open(state + ".calls") as f:
            injected = f.read().count("(INJECTED)")
        injected_in_all += injected
        print(f"# {call} {error}, {injected} times: {dict(seen)}; in the store {n}", flush=True)
        assert n >= seen[200], f"{call} {error}: in the store {n}, answered {seen}"
    assert injected_in_all > 0


# ---- memory --------------------------------------------------------------------------------------


def test_memory_that_is_not_there_is_survived():
    """By chance, in libraries too; tests/fault fails each allocation of ours, one after the other."""
    if not api_server.LONG:
        raise tap.Skip("takes minutes")
    if not shutil.which("fiu-run"):
        raise tap.Skip("no fiu-run (Debian: fiu-utils)")
    if INSTRUMENTED:
        raise tap.Skip("a sanitizer is in it")
    seen, refused = collections.Counter(), 0
    for i, probability in enumerate([0.0001, 0.0003] * (20 if api_server.LONG else 2)):
        state = folder(f"memory-{i}")
        command = f"enable_random name=libc/mm/*,probability={probability}"
        try:
            server = api_server.Server("--state-dir", state, "--api-key", "k3y", "--log-level", "error", "--sandbox", "off",
                                       "--score-cache", "0", under=["fiu-run", "-x", "-f", "", "-c", command])
        except api_server.NotStarted as error:
            assert error.code > 0 and "winnow: " in str(error), (error.code, error)
            refused += 1
            continue
        now = ask_often(server, 1000 if api_server.LONG else 100)
        code = server.process.poll()
        assert code is None, f"{probability}: it ended with {code}: {server.lines[-10:]}"
        code = server.stop()
        assert code >= 0, f"{probability}: it ended with {code}: {server.lines[-10:]}"
        n = stored(state)
        print(f"# probability {probability}: {dict(now)}; in the store {n}; exit status {code}", flush=True)
        assert n >= now[200] or any("event=usage_lost" in line for line in server.lines), (n, now)
        seen += now
    print(f"# {refused} starts refused; {dict(seen)}")
    assert seen[200] > 0


if __name__ == "__main__":
    tap.main(globals())
