"""A server that behaves as the Hugging Face hub does, and a second one, on another port, that it sends clients on to for the
bytes of large files.  Faults are injected by rules; every request is remembered.

Source: what huggingface_hub 2.4 asks for and expects (hf_api.py, file_download.py), and the answers of huggingface.co in 2026.
"""
import gzip, hashlib, http.server, json, os, socket, ssl, threading, time, urllib.parse

LARGE = (".safetensors", ".gguf", ".onnx", ".bin", ".model")  # what a .gitattributes file gives to LFS


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class File:
    def __init__(self, name, content):
        self.name, self.content = name, content
        self.large = name.endswith(LARGE)
        self.sha256, self.blob_id = hashlib.sha256(content).hexdigest(), git_sha1(content)
        self.etag = self.sha256 if self.large else self.blob_id


class Rule:
    """A fault: for requests at `place` ("api", "hub", "cdn") whose path contains `part`, `times` times, and with a `start`
    those whose range begins there; `action` is what happens and `value` how."""

    def __init__(self, place, action, value=None, part="", times=1 << 30, start=None, headers=()):
        self.place, self.action, self.value, self.part = place, action, value, part
        self.times, self.start, self.headers = times, start, dict(headers)

    def fits(self, place, path, wanted):
        starts = self.start is None or wanted.startswith(f"bytes={self.start}-")
        return self.place == place and self.part in path and starts and self.times > 0


class Hub:
    """Models are {id: {revision: commit}} and {commit: {name: File}}; tls is the files of a certificate and its key."""

    def __init__(self, tls=None):
        self.tls = tls
        self.revisions, self.commits, self.rules, self.log, self.lock = {}, {}, [], [], threading.Lock()
        self.names_only = False  # a mirror whose list of files has no sizes and digests
        self.sizes = {}  # of files, that the list tells in place of the true ones
        self.gated, self.token = set(), None  # ids, and the token that opens them
        self.cdn = self.start("cdn")
        self.hub = self.start("hub")
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://localhost:{self.hub.server_port}"
        self.cdn_url = f"{scheme}://127.0.0.1:{self.cdn.server_port}"

    def start(self, place):
        handler = type("Handler", (Handler,), {"owner": self, "place": place})
        server = Server(("127.0.0.1", 0), handler)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server

    def stop(self):
        for server in (self.hub, self.cdn):
            server.shutdown()
            server.server_close()

    def publish(self, id, files, revision="main"):
        """Let a revision be these files, {name: bytes}. -> its commit"""
        files = {name: File(name, content) for name, content in files.items()}
        text = json.dumps([id, sorted((f.name, f.etag) for f in files.values())])
        commit = hashlib.sha1(text.encode()).hexdigest()
        self.commits[commit] = files
        self.revisions.setdefault(id, {})[revision] = commit
        return commit

    def find(self, id, revision):
        """-> (commit, None) or (None, the hub's code for what is missing)"""
        if id not in self.revisions:
            return None, "RepoNotFound"
        commit = self.revisions[id].get(revision, revision if revision in self.revisions[id].values() else None)
        return (commit, None) if commit else (None, "RevisionNotFound")

    def rule_for(self, place, path, wanted):
        with self.lock:
            for rule in self.rules:
                if rule.fits(place, path, wanted):
                    rule.times -= 1
                    return rule
        return None

    def requests(self, place, part=""):
        """The requests so far: [(method, path, headers)]."""
        return [entry[1:] for entry in self.log if entry[0] == place and part in entry[2]]


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # clients that are killed or cut off are what is tested


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        place = "api" if url.path.startswith("/api/") else "cdn" if url.path.startswith("/blob/") else self.place
        self.owner.log.append((place, self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
        self.rule = self.owner.rule_for(place, self.path, self.headers.get("Range", ""))
        if self.rule and self.rule.action == "status":
            return self.answer(self.rule.value, b"a page about it", self.rule.headers)
        if self.rule and self.rule.action == "hang up":
            return self.cut(self.rule.value or b"")
        if self.rule and self.rule.action == "stall before":
            time.sleep(self.rule.value)
        {"api": self.api, "hub": self.resolve, "cdn": self.bytes_of}[place](url)

    # ---- the hub

    def api(self, url):
        parts = url.path.split("/")[3:]  # behind /api/models
        id, kind, revision = "/".join(parts[:2]), parts[2] if len(parts) > 2 else "revision", "main"
        if len(parts) > 3:
            revision = urllib.parse.unquote(parts[3])
        commit = self.admitted(id, revision)
        if commit is None:
            return None
        files = self.owner.commits[commit].values()
        if kind == "tree":
            rows = [{"type": "file", "path": f.name, "size": len(f.content), "oid": f.blob_id,
                     **({"lfs": {"oid": f.sha256, "size": len(f.content), "pointerSize": 134}} if f.large else {})} for f in files]
            return self.answer(200, json.dumps(rows).encode(), {"Content-Type": "application/json"})
        rows = []
        for f in files:
            row = {"rfilename": f.name}
            if "blobs=true" in (url.query or "").lower() and not self.owner.names_only:
                size = self.owner.sizes.get(f.name, len(f.content))
                row.update(size=size, blobId=f.blob_id)
                if f.large:
                    row["lfs"] = {"sha256": f.sha256, "size": size, "pointerSize": 134}
            rows.append(row)
        body = {"_id": "1", "id": id, "modelId": id, "sha": commit, "private": False, "disabled": False, "gated": id in self.owner.gated,
                "downloads": 1, "likes": 1, "tags": [], "siblings": rows, "createdAt": "2026-01-01T00:00:00.000Z",
                "lastModified": "2026-01-01T00:00:00.000Z"}
        return self.answer(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def admitted(self, id, revision):
        """The commit that may be seen; else the refusal is sent."""
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if given and given != self.owner.token:
            return self.refuse(401, None, "Invalid credentials in Authorization header")
        commit, missing = self.owner.find(id, revision)
        if missing == "RepoNotFound" and not given:
            return self.refuse(401, missing, "Invalid username or password.")
        if missing:
            return self.refuse(404, missing, {"RepoNotFound": "Repository not found"}.get(missing, f"Invalid rev id: {revision}"))
        if id in self.owner.gated and not given:
            return self.refuse(401, "GatedRepo", f"Access to model {id} is restricted.")
        return commit

    def refuse(self, status, code, message):
        self.answer(status, message.encode(), {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})})

    def resolve(self, url):
        parts = url.path.split("/")
        id, revision = "/".join(parts[1:3]), urllib.parse.unquote(parts[4])
        commit = self.admitted(id, revision)
        if commit is None:
            return
        file = self.owner.commits[commit].get(urllib.parse.unquote("/".join(parts[5:])))
        if file is None:
            self.refuse(404, "EntryNotFound", "Entry not found")
            return
        headers = {"X-Repo-Commit": commit, "ETag": f'"{file.etag}"', "Accept-Ranges": "bytes"}
        if self.rule and self.rule.action == "etag":
            headers["ETag"] = f'"{self.rule.value}"'
        if file.large:
            headers["X-Linked-Etag"], headers["X-Linked-Size"] = headers["ETag"], str(len(file.content))
            headers["Location"] = f"{self.owner.cdn_url}/blob/{file.sha256}?signature=1"
            self.answer(302, b"Found", headers)
        else:
            self.send_file(file.content, headers)

    # ---- the bytes

    def bytes_of(self, url):
        name = url.path.split("/")[-1]
        for files in self.owner.commits.values():
            for file in files.values():
                if file.sha256 == name:
                    return self.send_file(file.content, {"ETag": '"0123456789abcdef-3"'})
        return self.answer(404, b"no such blob")

    def send_file(self, content, headers):
        rule = self.rule or Rule("", "")
        start, end, status = 0, len(content), 200
        wanted = self.headers.get("Range", "").removeprefix("bytes=")
        if rule.action == "cut file":
            content = content[:rule.value]
        if wanted and rule.action != "no ranges":
            a, b = wanted.split("-")
            start, end, status = int(a), min(int(b) + 1 if b else len(content), len(content)), 206
            if start >= len(content):
                return self.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            shift = rule.value if rule.action == "other range" else 0
            headers = {**headers, "Content-Range": f"bytes {start + shift}-{end - 1 + shift}/{len(content)}"}
        body = content[start:end]
        if rule.action == "flip" and start <= rule.value < end:
            at = rule.value - start
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]
        if rule.action == "more":
            body += b"x" * rule.value
        return self.answer(status, body, headers)

    def answer(self, status, body, headers=()):
        rule = getattr(self, "rule", None) or Rule("", "")
        headers = dict(headers)
        if rule.action == "page":  # in place of what was asked for
            status, body = 200, rule.value
        if rule.action == "gzip":
            headers["Content-Encoding"], body = "gzip", gzip.compress(rule.value or body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        told = rule.value if rule.action == "told length" else len(body)
        self.send_header("Content-Length", str(told))
        self.end_headers()
        if self.command == "HEAD":
            return
        if rule.action == "cut":
            return self.cut(body[:rule.value])
        if rule.action == "stall":
            self.wfile.write(body[:rule.value])
            self.wfile.flush()
            time.sleep(rule.headers.get("seconds", 5))
            return self.cut(b"")
        if rule.action == "slow":  # so many bytes a second
            for at in range(0, len(body), max(rule.value // 20, 1)):
                self.wfile.write(body[at:at + max(rule.value // 20, 1)])
                time.sleep(0.05)
            return
        if told > len(body):
            return self.cut(body)
        self.wfile.write(body)

    def cut(self, last):
        """Send some bytes and close."""
        self.wfile.write(last)
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def model_files(folder, **more):
    """The files of a model directory, {name: bytes}; more adds some, with their dots as two underscores."""
    files = {}
    for root, _, names in os.walk(folder):
        for name in set(names) - {"cases.jsonl"}:  # those of the golden tests
            path = os.path.join(root, name)
            with open(path, "rb") as f:
                files[os.path.relpath(path, folder)] = f.read()
    files.update({name.replace("__", "."): content for name, content in more.items()})
    return files
