#!/usr/bin/env python3
"""Run an image of make_image.sh by runc, on a read-only root without capabilities, and ask it things.

check_image.py FOLDER VERSION; needs root, umoci and runc.  The container has the machine's network, so
that it needs no bridge; its port is a free one.
"""
import http.client, json, os, shutil, signal, socket, subprocess, sys, time

FOLDER, VERSION = sys.argv[1:]
READY_S, STOP_S = 60, 40


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def unpack(tag, port, env):
    """A bundle of the image whose process is as an orchestrator would make it."""
    bundle = os.path.join(FOLDER, "check")
    shutil.rmtree(bundle, ignore_errors=True)
    subprocess.run(["umoci", "unpack", "--image", f"{FOLDER}/layout:{tag}", bundle], check=True, capture_output=True)
    path = os.path.join(bundle, "config.json")
    with open(path) as f:
        config = json.load(f)
    process = config["process"]
    process.update(terminal=False, noNewPrivileges=True, capabilities={})
    process["env"] += [f"WINNOW_PORT={port}", "WINNOW_DRAIN_DELAY=0", *env]
    config["root"]["readonly"] = True
    config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "network"]
    config["linux"].pop("resources", None)
    for mount in config["mounts"]:  # as an orchestrator mounts a volume: it belongs to the user
        if mount["destination"] == "/data":
            mount["options"] += [f"uid={process['user']['uid']}", "mode=0700"]
    with open(path, "w") as f:
        json.dump(config, f)
    return bundle, process["user"]["uid"], process["args"]


def request(port, method, path, body=None, key=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    fields = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    connection.request(method, path, body, fields)
    answer = connection.getresponse()
    return answer.status, answer.read()


def check(tag, uid, key):
    port, name = free_port(), f"winnow-check-{os.getpid()}"
    bundle, got_uid, args = unpack(tag, port, [f"WINNOW_API_KEY={key}"] if key else [])
    assert got_uid == uid and args == ["/usr/bin/winnow", "serve"], (got_uid, args)
    began = time.monotonic()
    done = subprocess.Popen(["runc", "run", "--bundle", bundle, name], stderr=subprocess.PIPE, text=True)
    try:
        health = ["runc", "exec", name, "/usr/bin/winnow", "check-ready"]
        while subprocess.run(health, capture_output=True).returncode != 0:
            assert done.poll() is None, done.stderr.read()
            assert time.monotonic() < began + READY_S, "not ready in time"
        ready_s = time.monotonic() - began
        body = json.dumps({"query": "a river", "documents": ["water flows", "a house"]})
        assert request(port, "POST", "/v1/rerank", body, key)[0] == 200
        assert request(port, "POST", "/invocations", body, key)[0] == 200
        assert request(port, "GET", "/ping")[0] == 200
        assert key is None or request(port, "POST", "/v1/rerank", body)[0] == 401
        subprocess.run(["runc", "kill", name, "TERM"], check=True)
        assert done.wait(STOP_S) == 0, done.stderr.read()
    finally:
        if done.poll() is None:
            subprocess.run(["runc", "kill", name, "KILL"])
        subprocess.run(["runc", "delete", "-f", name], capture_output=True)
    size = sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(f"{FOLDER}/layout") for f in fs)
    print(f"{tag}: uid {uid}, ready after {ready_s:.1f} s, answers, ends with 0; {size >> 20} MiB with all tags")
    shutil.rmtree(bundle)


if __name__ == "__main__":
    check(VERSION, 65532, "a-key-of-the-check")
    check(VERSION + "-sagemaker", 0, None)
