#!/usr/bin/env python3
"""Running a server: TLS, reloading settings and certificates, asking whether it is ready."""
import atexit, concurrent.futures, http.client, json, os, shutil, signal, socket, ssl, subprocess, sys, tempfile
import time, warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
import api_server, tap

scratch = tempfile.mkdtemp(prefix="winnow-operations-")
atexit.register(shutil.rmtree, scratch)
BODY = json.dumps({"query": "a river", "documents": ["water flows", "a house"]}).encode()


def path_of(name, text=None):
    path = os.path.join(scratch, name)
    if text is not None:
        with open(path, "w") as f:
            f.write(text)
    return path


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def certificate(name, ca=None):
    """NAME.pem and NAME.key for localhost, signed by itself or by a CA."""
    request, key, cert = path_of(name + ".csr"), path_of(name + ".key"), path_of(name + ".pem")
    if ca is None:
        openssl("req", "-x509", *EC, "-days", "2", "-subj", f"/CN={name}", "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert)
        return
    openssl("req", *EC, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", path_of(ca + ".pem"), "-CAkey", path_of(ca + ".key"), "-days", "2",
            "-out", cert)


def tls_server(*words, cert="server"):
    return api_server.Server("--tls-cert", path_of(cert + ".pem"), "--tls-key", path_of(cert + ".key"), *words)


def context(**more):
    made = ssl.create_default_context(cafile=path_of("server.pem"))
    for name, value in more.items():
        setattr(made, name, value)
    return made


def rank(server, tls, connection=None):
    """The status of one request, on a connection of its own or a given one."""
    own = connection or http.client.HTTPSConnection("127.0.0.1", server.port, context=tls, timeout=30)
    own.request("POST", "/v1/rerank", BODY, {"Content-Type": "application/json"})
    answer = own.getresponse()
    answer.read()
    if not connection:
        own.close()
    return answer.status


def shake(server, tls):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        with tls.wrap_socket(plain, server_hostname="localhost") as secure:
            secure.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return secure.version(), secure.cipher()[0], secure.selected_alpn_protocol(), secure.recv(12)


def refused(server, tls):
    try:
        shake(server, tls)
    except (ssl.SSLError, ConnectionError):
        return True
    return False


def winnow(*words, env=None):
    return subprocess.run([api_server.WINNOW, *words], capture_output=True, text=True, timeout=90,
                          env={"PATH": os.environ["PATH"], **(env or {}),
                               **{k: v for k, v in os.environ.items() if "SAN_OPTIONS" in k}})


def wait_for(server, text, seconds=20):
    end = time.monotonic() + seconds
    while not any(text in line for line in server.lines):
        assert time.monotonic() < end, f"no {text!r} in\n" + "".join(server.lines)
        time.sleep(0.01)


# ---- TLS -----------------------------------------------------------------------------------------


def test_tls_answers_in_versions_1_2_and_1_3_with_authenticated_encryption():
    server = tls_server()
    for version, names in (("TLSv1.2", "GCM CHACHA20"), ("TLSv1.3", "GCM CHACHA20")):
        number = getattr(ssl.TLSVersion, version.replace(".", "_"))
        tls = context(minimum_version=number, maximum_version=number)
        tls.set_alpn_protocols(["h2", "http/1.1"])
        got = shake(server, tls)
        assert got[0] == version and got[2] == "http/1.1" and got[3] == b"HTTP/1.1 200", got
        assert any(name in got[1] for name in names.split()), got
        assert rank(server, context()) == 200
    assert server.stop() == 0


def test_tls_refuses_old_versions_weak_suites_and_other_protocols():
    server = tls_server()
    warnings.simplefilter("ignore", DeprecationWarning)
    old = context(minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)
    old.set_ciphers("ALL:@SECLEVEL=0")
    assert refused(server, old)
    cbc = context(maximum_version=ssl.TLSVersion.TLSv1_2)
    cbc.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0")
    assert refused(server, cbc)
    h2 = context()
    h2.set_alpn_protocols(["h2"])
    assert refused(server, h2)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        plain.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            assert not plain.recv(100).startswith(b"HTTP/1.1 200")
        except ConnectionResetError:
            pass
    assert shake(server, context())[3] == b"HTTP/1.1 200"
    assert server.stop() == 0


def test_tls_wants_client_certificates_of_its_ca():
    certificate("ca")
    certificate("client", "ca")
    certificate("stranger")
    server = tls_server("--tls-client-ca", path_of("ca.pem"))
    assert refused(server, context())
    stranger = context()
    stranger.load_cert_chain(path_of("stranger.pem"), path_of("stranger.key"))
    assert refused(server, stranger)
    known = context()
    known.load_cert_chain(path_of("client.pem"), path_of("client.key"))
    assert shake(server, known)[3] == b"HTTP/1.1 200"
    assert rank(server, known) == 200
    assert server.stop() == 0


def test_tls_says_at_start_what_is_wrong_with_its_files():
    certificate("other")
    for words, why in ((("--tls-cert", path_of("server.pem")), "go together"),
                       (("--tls-cert", path_of("nowhere.pem"), "--tls-key", path_of("server.key")), "nowhere.pem': No such file"),
                       (("--tls-cert", __file__, "--tls-key", path_of("server.key")), ".py': has none in the form of PEM"),
                       (("--tls-cert", path_of("server.pem"), "--tls-key", path_of("other.key")), "other.key': key values mismatch")):
        done = winnow("serve", "--port", "0", *words)
        assert done.returncode != 0 and why in done.stderr, done


# ---- reloading -----------------------------------------------------------------------------------


def test_reload_changes_certificates_under_load_without_a_failed_request():
    certificate("old")
    certificate("new")
    for name in ("pem", "key"):
        shutil.copy(path_of("old." + name), path_of("live." + name))
    server = tls_server("--pid-file", path_of("pid"), cert="live")
    tls = ssl._create_unverified_context()
    kept = http.client.HTTPSConnection("127.0.0.1", server.port, context=tls, timeout=30)
    assert rank(server, tls, kept) == 200
    end = time.monotonic() + 4

    def load():
        statuses = []
        while time.monotonic() < end:
            statuses.append(rank(server, tls))
        return statuses

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        loads = [threads.submit(load) for _ in range(4)]
        for i in range(10):
            time.sleep(0.2)
            for name in ("pem", "key"):
                shutil.copy(path_of(("old." if i % 2 else "new.") + name), path_of("live." + name))
            done = winnow("reload", "--pid-file", path_of("pid"))
            assert done.returncode == 0, done
        statuses = sum((f.result() for f in loads), [])
    assert len(statuses) > 20 and set(statuses) == {200}, statuses
    assert rank(server, tls, kept) == 200, "a connection of before goes on"
    shutil.copy(path_of("new.pem"), path_of("live.pem"))
    shutil.copy(path_of("new.key"), path_of("live.key"))
    assert winnow("reload", "--pid-file", path_of("pid")).returncode == 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        with tls.wrap_socket(plain) as secure:
            with open(path_of("new.pem")) as f:
                assert secure.getpeercert(True) == ssl.PEM_cert_to_DER_cert(f.read())
    assert server.stop() == 0 and not os.path.exists(path_of("pid"))


def test_reload_keeps_everything_when_something_is_wrong():
    config = path_of("winnow.yaml", "log-level: info\nmax-connections: 50\n")
    server = api_server.Server("--config", config, "--pid-file", path_of("pid"))
    path_of("winnow.yaml", "log-level: warn\nmax-conections: 50\n")
    done = winnow("reload", "--pid-file", path_of("pid"))
    assert done.returncode == 1 and "line 2: unknown setting 'max-conections'" in done.stderr, done
    wait_for(server, "event=reload_failed")
    assert server.request("GET", "/ping")[0] == 200
    path_of("winnow.yaml", "log-level: error\n")
    assert winnow("reload", "--pid-file", path_of("pid")).returncode == 0
    n = len(server.lines)
    assert server.request("GET", "/ping")[0] == 200
    assert server.stop() == 0 and len(server.lines) == n, "no line of a request any more"


def test_reload_names_settings_that_need_a_new_start():
    config = path_of("winnow.yaml", "log-level: info\n")
    server = api_server.Server("--config", config)
    path_of("winnow.yaml", "batch-tokens: 512\n")
    server.process.send_signal(signal.SIGHUP)
    wait_for(server, "event=needs_restart setting=batch-tokens")
    wait_for(server, "event=reloaded")
    assert server.stop() == 0


def test_reload_without_a_server_fails():
    done = winnow("reload")
    assert done.returncode == 2 and "--pid-file" in done.stderr, done
    done = winnow("reload", "--pid-file", path_of("none"))
    assert done.returncode == 1 and "none" in done.stderr, done
    path_of("none", "x\n")
    assert "holds no process id" in winnow("reload", "--pid-file", path_of("none")).stderr


# ---- sandbox -------------------------------------------------------------------------------------


def status_of(server):
    with open(f"/proc/{server.process.pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def test_sandbox_is_on_and_keys_usage_and_reloads_work_in_it():
    probe = api_server.Server()
    probe.stop()
    if any("event=sandbox mode=on landlock_abi=0" in line for line in probe.lines):
        raise tap.Skip("no Landlock here, or an instrumented build")
    server = api_server.Server("--sandbox", "on", "--state-dir", path_of("state"))
    seen = status_of(server)
    assert (seen["NoNewPrivs"], seen["Seccomp"]) == ("1", "2"), seen
    assert server.request("POST", "/v1/rerank", [("Content-Type", "application/json")], BODY)[0] == 200
    server.process.send_signal(signal.SIGHUP)
    wait_for(server, "event=reloaded")
    assert server.stop() == 0
    assert os.path.getsize(path_of("state/winnow.db")) > 0
    assert not any("level=error" in line for line in server.lines), server.lines


def test_sandbox_can_be_off():
    server = api_server.Server("--sandbox", "off")
    assert status_of(server)["Seccomp"] == "0"
    assert any("level=warn" in line and "event=sandbox mode=off" in line for line in server.lines)
    assert server.stop() == 0


def test_the_user_is_given_up():
    if os.geteuid() != 0:
        raise tap.Skip("not root")
    os.chmod(scratch, 0o755)
    server = api_server.Server("--user", "nobody", "--state-dir", path_of("state-of-nobody"))
    assert "0" not in status_of(server)["Uid"].split("\t"), status_of(server)
    assert server.request("POST", "/v1/rerank", [("Content-Type", "application/json")], BODY)[0] == 200
    assert server.stop() == 0
    done = winnow("serve", "--port", "0", "--state-dir", "none", "--user", "no-such-user")
    assert done.returncode != 0 and "user 'no-such-user' does not exist" in done.stderr, done


def test_every_address_of_a_host_is_listened_on():
    addresses = {a[4][0] for a in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)}
    server = api_server.Server("--host", "localhost")
    for address in sorted(addresses):
        connection = http.client.HTTPConnection(address, server.port, timeout=60)
        connection.request("GET", "/healthz/live")
        assert connection.getresponse().status == 200, address
        connection.close()
    assert server.stop() == 0


def test_variables_that_nothing_reads_are_named():
    server = api_server.Server(env={"WINNOW_STRICT_MODEL": "1", "WINNOW_SERVICE_HOST": "10.0.0.1"})
    notes = [line for line in server.lines if "the name of no option" in line]
    assert len(notes) == 1 and "'WINNOW_STRICT_MODEL'" in notes[0], server.lines
    assert server.stop() == 0


# ---- check-ready ---------------------------------------------------------------------------------


def test_check_ready_follows_the_server():
    server = api_server.Server("--drain-delay", "60000")
    url = f"http://127.0.0.1:{server.port}"
    assert winnow("check-ready", "--url", url).returncode == 0
    assert winnow("check-ready", env={"WINNOW_PORT": str(server.port)}).returncode == 0
    assert "has status 404" in winnow("check-ready", "--url", url + "/nowhere").stderr
    server.process.send_signal(signal.SIGTERM)
    wait_for(server, "event=signal")
    done = winnow("check-ready", "--url", url)
    assert done.returncode == 1 and "has status 503" in done.stderr, done
    assert server.stop(signal.SIGTERM) == 0
    done = winnow("check-ready", "--url", url)
    assert done.returncode == 1 and "refused" in done.stderr, done


def test_check_ready_speaks_tls():
    server = tls_server()
    assert winnow("check-ready", "--url", f"https://localhost:{server.port}").returncode == 0
    assert winnow("check-ready", "--url", f"http://localhost:{server.port}").returncode == 1
    assert server.stop() == 0


if __name__ == "__main__":
    certificate("server")
    tap.main(globals())
