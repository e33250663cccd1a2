#!/usr/bin/env python3
"""winnow pull beside a server that behaves as the hub does, and fails in every way that one can: each case goes on by itself,
or fails with a message that says what and why and leaves what the next pull goes on from."""
import atexit, base64, hashlib, json, os, pty, random, re, resource, shutil, signal, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../support"), os.path.join(HERE, "../api")]
from cases import PLAIN_ENV, WINNOW
import api_server
from fake_hub import Hub, Rule, git_sha1, model_files
import tap

GOLDEN = os.path.join(HERE, "../golden/models/bert")
PART = 8 << 20  # bytes of a range, as in src/hub/fetch.h
LARGE = random.Random(7).randbytes(2 * PART + 4321)
scratch = tempfile.mkdtemp(prefix="winnow-pull-")
atexit.register(shutil.rmtree, scratch, ignore_errors=True)


class Place:
    """A hub with a small model org/tiny and a large one org/large, and an empty cache."""

    def __init__(self, *rules, tls=None):
        self.hub, self.home = Hub(tls), tempfile.mkdtemp(dir=scratch)
        self.hub.rules = list(rules)
        self.files = model_files(GOLDEN)
        self.commit = self.hub.publish("org/tiny", self.files)
        self.hub.publish("org/large", {"config.json": b"{}", "model.safetensors": LARGE})

    def env(self, **more):
        return {**PLAIN_ENV, "HF_HOME": self.home, "HF_ENDPOINT": self.hub.url, **more}

    def run(self, *words, env=(), **more):
        return subprocess.run([WINNOW, *words], env=self.env(**dict(env)), timeout=100, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def pull(self, *words, **more):
        return self.run("pull", *words, **more)

    def path(self, model, *parts):
        return os.path.join(self.home, "hub", "models--" + model.replace("/", "--"), *parts)

    def blobs(self, model):
        folder = self.path(model, "blobs")
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def has(self, model, files=None):
        """The snapshot of main is these files, each a relative link to a blob whose name is its digest."""
        with open(self.path(model, "refs/main")) as f:
            commit = f.read()
        assert commit == self.hub.revisions[model]["main"], commit
        snapshot = self.path(model, "snapshots", commit)
        found = {os.path.relpath(os.path.join(root, name), snapshot) for root, _, names in os.walk(snapshot) for name in names}
        wanted = files if files is not None else {name: f.content for name, f in self.hub.commits[commit].items()}
        assert found == set(wanted), found ^ set(wanted)
        for name, content in wanted.items():
            link = os.path.join(snapshot, name)
            with open(link, "rb") as f:
                assert f.read() == content, name
            target = os.readlink(link)
            assert target.startswith("../../") and "/blobs/" in target, target
            assert os.path.basename(target) in (hashlib.sha256(content).hexdigest(), git_sha1(content)), target
        assert not [b for b in self.blobs(model) if not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", b)], self.blobs(model)
        return True


def good(p):
    assert p.returncode == 0, (p.returncode, p.stdout, p.stderr)
    return p


def bad(p, code, *parts):
    assert p.returncode == code and not p.stdout, (p.returncode, p.stdout, p.stderr)
    for part in parts:
        assert part in p.stderr, (part, p.stderr)
    assert p.stderr.startswith("winnow: "), p.stderr
    return p


def survives(model, *rules, words=(), notes=None):
    """The pull succeeds in spite of the rules, and says so in a note or not."""
    place = Place(*rules)
    p = good(place.pull(model, *words))
    assert place.has(model)
    assert all(rule.times != 1 for rule in rules), "a fault that was not met"
    assert notes is None or notes in p.stderr, p.stderr
    return place, p


# ---- without a fault

def test_a_model_is_pulled_and_then_found_by_its_name():
    place = Place()
    p = good(place.pull("org/tiny"))
    assert p.stdout == place.path("org/tiny", "snapshots", place.commit) + "\n", p.stdout
    assert "4 files" in p.stderr and place.has("org/tiny")
    place.hub.stop()
    for name in ("org/tiny", "org/tiny@main", "org/tiny@" + place.commit):
        good(place.run("info", "--model", name))
    bad(place.run("info", "--model", "org/other"), 4, "winnow pull org/other", place.home)
    bad(place.run("info", "--model", "org/tiny@v2"), 4, "winnow pull org/tiny@v2")
    os.makedirs(os.path.join(place.home, "org"))
    shutil.copytree(GOLDEN, os.path.join(place.home, "org/other"))
    good(place.run("info", "--model", "org/other", cwd=place.home))  # a path comes first


def test_a_server_has_pulled_models_by_their_names():
    place = Place()
    place.hub.publish("org/vectors", model_files(os.path.join(HERE, "../golden/models/embed-mean")))  # links in a folder too
    for name in ("org/tiny", "org/vectors"):
        good(place.pull(name))
    server = api_server.Server("--model", "org/tiny", "--model", "v=org/vectors@main", env=place.env())
    status, _, body = server.request("GET", "/v1/models")
    assert status == 200 and [m["id"] for m in json.loads(body)["data"]] == ["org/tiny", "v"], body
    for model in ("org/tiny", "v"):
        status, _, body = server.request("POST", "/v1/rerank", body=b'{"model": "%s", "query": "a", "documents": ["b"]}' % model.encode())
        assert status == 200 and json.loads(body)["model"] == model, body
    assert server.stop() == 0
    bad(place.run("serve", "--port", "0", "--model", "org/other"), 4, "winnow pull org/other")


def test_what_is_there_is_not_fetched_again():
    place = Place()
    good(place.pull("org/tiny"))
    n = len(place.hub.log)
    assert "were there already" in good(place.pull("org/tiny")).stderr
    assert len(place.hub.log) == n + 1  # the list of files
    place.hub.publish("org/tiny", {**place.files, "README.md": b"new"})
    good(place.pull("org/tiny"))
    assert place.has("org/tiny") and len(place.hub.log) == n + 3


def test_revisions_are_branches_tags_and_commits():
    place = Place()
    other = place.hub.publish("org/tiny", {**place.files, "README.md": b"of a pull request"}, "refs/pr/1")
    assert other in good(place.pull("org/tiny@refs/pr/1")).stdout
    assert place.commit in good(place.pull("org/tiny@" + place.commit)).stdout
    bad(place.pull("org/tiny@v9"), 4, "model 'org/tiny' has no revision 'v9'")


def test_a_mirror_that_lists_names_alone_is_asked_for_each_file():
    place = Place()
    place.hub.names_only = True
    good(place.pull("org/tiny"))
    assert place.has("org/tiny") and any(m == "HEAD" for m, _, _ in place.hub.requests("hub"))


def test_only_what_a_model_needs_is_fetched():
    place = Place()
    extra = {"pytorch_model.bin": b"x", "onnx/model.onnx": b"x", "1_Pooling/config.json": b"{}", "LICENSE.txt": b"MIT",
             "flax_model.msgpack": b"x", "model.safetensors.index.json": b"{}", "adapter_model.safetensors": b"x", ".gitattributes": b"x"}
    place.hub.publish("org/tiny", {**place.files, **extra})
    good(place.pull("org/tiny"))
    assert place.has("org/tiny", {**place.files, "1_Pooling/config.json": b"{}", "LICENSE.txt": b"MIT"})


def test_shards_belong_to_their_index():
    place = Place()
    files = {"config.json": b"{}", "model.safetensors.index.json": b"{}", "model-00001-of-00002.safetensors": b"a",
             "model-00002-of-00002.safetensors": b"b"}
    place.hub.publish("org/sharded", {**files, "consolidated.safetensors": b"c"})
    good(place.pull("org/sharded"))
    assert place.has("org/sharded", files)


def test_gguf_files_are_chosen_by_name_or_pattern():
    place = Place()
    place.hub.publish("org/gguf", {"a-Q4_K.gguf": b"4", "a-Q8_0.gguf": b"8", "README.md": b"x"})
    bad(place.pull("org/gguf"), 4, "a-Q4_K.gguf, a-Q8_0.gguf", "winnow pull org/gguf FILE")
    bad(place.pull("org/gguf", "--gguf", "*F16*"), 4, "no GGUF file '*F16*'", "it has a-Q4_K.gguf")
    bad(place.pull("org/gguf", "config.json"), 2, "'config.json' is no GGUF file")
    p = good(place.pull("org/gguf", "a-Q8_0.gguf"))
    assert place.has("org/gguf", {"a-Q8_0.gguf": b"8", "README.md": b"x"}) and p.stdout.endswith("/a-Q8_0.gguf\n"), p.stdout
    p = good(place.pull("org/gguf", "--gguf", "*Q4*"))
    assert p.stdout.endswith("/a-Q4_K.gguf\n"), p.stdout
    assert place.has("org/gguf", {"a-Q8_0.gguf": b"8", "a-Q4_K.gguf": b"4", "README.md": b"x"})
    bad(place.run("info", "-m", "org/gguf"), 4, "has 2 GGUF files; give the path of the one that is meant, such as that of 'a-Q")
    assert not good(place.pull("org/gguf", "--gguf", "*")).stdout.endswith(".gguf\n")


def test_a_gguf_file_is_found_whatever_lies_beside_it():
    with open(os.path.join(HERE, "../golden/gguf/bert.gguf"), "rb") as f:
        gguf = f.read()
    for name, more in (("Q8_0/m.gguf", {}), ("m.gguf", {"config.json": b"{}", "tokenizer.json": b"{}"})):
        place = Place()
        place.hub.publish("org/gguf", {name: gguf, **more})
        path = good(place.pull("org/gguf", name)).stdout.strip()
        assert path.endswith(name) and place.has("org/gguf", {name: gguf}), path
        for given, content in more.items():  # as Python's tools leave them there
            with open(os.path.join(os.path.dirname(path), given), "wb") as f:
                f.write(content)
        for model in (path, "org/gguf"):
            assert "stored as           GGUF" in good(place.run("info", "-m", model)).stdout
        tar, other = os.path.join(place.home, "a.tar"), Place()
        good(place.run("models", "export", "org/gguf", tar))
        assert good(other.run("models", "import", tar)).stdout.endswith(name + "\n")


def test_pickles_are_never_fetched():
    place = Place()
    place.hub.publish("org/pickle", {"config.json": b"{}", "pytorch_model.bin": b"x"})
    place.hub.publish("org/onnx", {"config.json": b"{}", "onnx/model.onnx": b"x"})
    place.hub.publish("org/bare", {"model.safetensors": b"x"})
    bad(place.pull("org/pickle"), 4, "pytorch_model.bin", "may run any program", "save_pretrained")
    bad(place.pull("org/onnx"), 4, "no safetensors", "ONNX files are not read")
    bad(place.pull("org/bare"), 4, "no config.json")
    assert not place.hub.requests("hub") and not place.hub.requests("cdn")


def test_the_token_is_shown_to_the_hub_alone():
    place = Place()
    place.hub.token = "hf_secret"
    place.hub.gated.add("org/tiny")
    bad(place.pull("org/tiny"), 4, "model 'org/tiny' is gated", place.hub.url + "/settings/tokens", "HF_TOKEN")
    bad(place.pull("org/tiny", env={"HF_TOKEN": "hf_other"}), 4, "refuses the token")
    with open(os.path.join(place.home, "token"), "w") as f:
        f.write("hf_secret\n")
    good(place.pull("org/tiny"))
    good(place.pull("org/large", "--connections", "1", env={"HF_TOKEN": "hf_secret"}))  # also straight to the second host
    tokens = [(where, headers.get("authorization")) for where, _, _, headers in place.hub.log]
    assert ("cdn", None) in tokens and not any(where == "cdn" and token for where, token in tokens)
    assert ("hub", "Bearer hf_secret") in tokens


def test_offline_means_offline():
    place = Place()
    for word in ("1", "On", "YES", "tRuE"):
        bad(place.pull("org/tiny", env={"HF_HUB_OFFLINE": word}), 2, "HF_HUB_OFFLINE is set")
    bad(place.pull("org/tiny", env={"TRANSFORMERS_OFFLINE": "1"}), 2, "TRANSFORMERS_OFFLINE is set")
    assert not place.hub.log
    good(place.pull("org/tiny", env={"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1"}))


def test_an_address_is_one_and_its_password_is_not_shown():
    place = Place()
    for word in ("huggingface.co", "ftp://x", "http://", "https:///"):
        bad(place.pull("org/tiny", env={"HF_ENDPOINT": word}), 2, "HF_ENDPOINT is '" + word)
    login = place.hub.url.replace("//", "//ann:s3cret@")
    place.hub.token = "Basic " + base64.b64encode(b"ann:s3cret").decode()
    for words in (("org/none",), ("org/tiny@no",)):
        assert "s3cret" not in bad(place.pull(*words, env={"HF_ENDPOINT": login}), 4).stderr
    good(place.pull("org/tiny", env={"HF_ENDPOINT": login}))
    place.hub.stop()
    p = bad(place.pull("org/tiny", "--retries", "0", env={"HF_ENDPOINT": login}), 1, "cannot reach " + place.hub.url)
    assert "s3cret" not in p.stderr


def test_the_cache_is_where_the_environment_says():
    for name, value, where in (("HF_HUB_CACHE", "c", "c"), ("HUGGINGFACE_HUB_CACHE", "c", "c"), ("HF_HOME", "h", "h/hub"),
                               ("XDG_CACHE_HOME", "x", "x/huggingface/hub"), ("HOME", "u", "u/.cache/huggingface/hub")):
        place = Place()
        env = {**PLAIN_ENV, "HF_ENDPOINT": place.hub.url + "/", name: os.path.join(place.home, value)}
        p = subprocess.run([WINNOW, "pull", "org/tiny"], env=env, capture_output=True, text=True, timeout=60)
        assert p.returncode == 0 and p.stdout.startswith(os.path.join(place.home, where, "models--org--tiny")), (p.stdout, p.stderr)
    for name, value, where in (("HF_HUB_CACHE", "~/c", "c"), ("HF_HOME", "~", "hub"), ("XDG_CACHE_HOME", "~/x/y", "x/y/huggingface/hub")):
        place = Place()
        env = {**PLAIN_ENV, "HF_ENDPOINT": place.hub.url, "HOME": place.home, name: value}
        p = subprocess.run([WINNOW, "pull", "org/tiny"], env=env, capture_output=True, text=True, timeout=60)
        assert p.returncode == 0 and p.stdout.startswith(os.path.join(place.home, where, "models--org--tiny")), (p.stdout, p.stderr)


def test_a_proxy_is_used():
    place = Place()
    good(place.pull("org/tiny", env={"HF_ENDPOINT": "http://models.invalid", "http_proxy": place.hub.url}))
    assert place.has("org/tiny") and place.hub.log[0][2].startswith("http://models.invalid/")


def test_over_tls_certificates_are_checked_and_nothing_leaves_it():
    cert, key = os.path.join(scratch, "cert.pem"), os.path.join(scratch, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
                   check=True, capture_output=True)
    place, plain = Place(tls=(cert, key)), Place()
    bad(place.pull("org/tiny", "--retries", "0"), 1, "cannot reach https://", "certificate")
    good(place.pull("org/large", env={"SSL_CERT_FILE": cert}))
    assert place.has("org/large")
    place.hub.cdn_url = plain.hub.cdn_url
    bad(place.pull("org/tiny", "--retries", "0", env={"SSL_CERT_FILE": cert}), 1, "rotocol", "http")
    assert not plain.hub.log


# ---- connections that break

CUTS = (0, 1, 2, 4095, 65536, PART // 2, PART - 1)


def test_a_part_that_is_cut_at_any_byte_goes_on():
    for part, cut in [(0, c) for c in CUTS] + [(1, c) for c in (0, 1, 70000, PART - 1)] + [(2, c) for c in (0, 1, 4320)]:
        start = part * PART
        place, p = survives("org/large", Rule("cdn", "cut", cut, times=1, start=start), notes="trying again in 0.5 s")
        rest = f"bytes={start + cut}-{min(start + PART, len(LARGE)) - 1}"
        assert any(h.get("range") == rest for _, _, h in place.hub.requests("cdn")), (part, cut)


def test_a_small_file_that_is_cut_at_any_byte_goes_on():
    size = len(model_files(GOLDEN)["tokenizer.json"])
    for cut in (0, 1, size // 2, size - 1):
        survives("org/tiny", Rule("hub", "cut", cut, part="tokenizer.json", times=1), notes="'tokenizer.json'")


def test_a_server_that_hangs_up_is_asked_again():
    for where in ("api", "hub", "cdn"):
        for said in (b"", b"HTT", b"HTTP/1.1 200 OK\r\nContent-Le"):
            survives("org/tiny", Rule(where, "hang up", said, times=1), notes="trying again")


def test_a_list_of_files_that_is_cut_is_asked_for_again():
    for cut in (0, 1, 100):
        survives("org/tiny", Rule("api", "cut", cut, times=1), notes="trying again")


def test_a_connection_that_brings_nothing_is_given_up():
    for n in (0, 1000, PART - 1):
        survives("org/large", Rule("cdn", "stall", n, times=1, start=0), words=("--timeout", "1"), notes="trying again")
    survives("org/tiny", Rule("api", "stall before", 3, times=1), words=("--timeout", "1"), notes="trying again")


def test_what_is_cut_too_often_is_kept_and_gone_on_from():
    for cut in (0, 1, 5000, 3 << 20, PART - 1):
        place = Place(Rule("cdn", "cut", cut))
        p = bad(place.pull("org/large", "--retries", "0"), 1, f"{cut} of {len(LARGE)} bytes are kept", "the same command goes on")
        assert not os.path.exists(place.path("org/large", "refs/main")), "a revision that is not whole"
        place.hub.rules.clear()
        n = len(place.hub.log)
        good(place.pull("org/large"))
        ranges = [h.get("range") for where, _, _, h in place.hub.log[n:] if where == "cdn"]
        assert f"bytes={cut}-{min(cut + PART, len(LARGE)) - 1}" in ranges, ranges
        assert place.has("org/large"), p


def test_nobody_there_is_told():
    place = Place()
    place.hub.stop()
    bad(place.pull("org/tiny", "--retries", "1"), 1, "cannot reach " + place.hub.url, "2 times")


def test_a_slow_server_is_waited_for():
    survives("org/tiny", Rule("cdn", "slow", 100_000))


# ---- answers that refuse

def test_passing_failures_pass():
    for where in ("api", "hub", "cdn"):
        for status in (500, 502, 503, 504, 408):
            survives("org/tiny", Rule(where, "status", status, times=1), notes=str(status))


def test_retry_after_is_kept_to():
    for where in ("api", "hub", "cdn"):
        start = time.monotonic()
        survives("org/tiny", Rule(where, "status", 429, times=1, headers={"Retry-After": "2"}), notes="trying again in 2.0 s")
        assert time.monotonic() - start >= 2


def test_lasting_failures_end():
    for where in ("api", "hub", "cdn"):
        place = Place(Rule(where, "status", 503))
        bad(place.pull("org/tiny", "--retries", "1"), 1, "answered 503", "2 times")
        place = Place(Rule(where, "status", 429, headers={"Retry-After": "0"}))
        bad(place.pull("org/tiny", "--retries", "1"), 1, "429", "2 times")
        assert place.blobs("org/tiny") == [] or where != "api"


def test_refusals_say_what_is_missing_and_what_to_do():
    place = Place()
    bad(place.pull("org/none"), 4, "shows no model 'org/none' (401)", "HF_TOKEN")
    place.hub.token = "t"
    bad(place.pull("org/none", env={"HF_TOKEN": "t"}), 4, "has no model 'org/none'")
    for status, where, words in ((401, "hub", "(401)"), (403, "hub", "(403)"), (404, "hub", "no file 'tokenizer.json' at revision"),
                                 (403, "api", "(403)"), (404, "api", "has no model 'org/tiny'")):
        place = Place(Rule(where, "status", status, part="tokenizer.json" if where == "hub" else ""))
        bad(place.pull("org/tiny"), 4, words)
    place = Place(Rule("api", "status", 403, headers={"X-Error-Message": "Your organisation allows no fine-grained tokens."}))
    bad(place.pull("org/tiny"), 4, "refuses model 'org/tiny' (403): Your organisation allows no fine-grained tokens.")
    place = Place(Rule("cdn", "status", 403))
    bad(place.pull("org/tiny"), 1, "the host that", "answered 403")
    for name in ("tiny", "org/tiny/x", "org/../x", "-org/x", "org/x@", "org/x@../y", "models--org--x"):
        bad(place.pull("--", name), 2, "is no name of a model")


def test_an_address_that_holds_no_longer_is_asked_for_again():
    place, _ = survives("org/large", Rule("cdn", "status", 403, times=1, start=PART), words=("--connections", "1"), notes="answered 403")
    assert len(place.hub.requests("hub", "safetensors")) == 2


def test_a_range_that_cannot_be_is_started_over():
    place = Place(Rule("cdn", "cut", 5000))
    bad(place.pull("org/large", "--retries", "0"), 1, "5000 of")
    place.hub.rules[:] = [Rule("cdn", "status", 416, times=1)]
    assert "starting over" in good(place.pull("org/large")).stderr and place.has("org/large")
    place = Place(Rule("cdn", "status", 416))
    bad(place.pull("org/large"), 1, "(416)")


# ---- answers that are wrong

def test_a_wrong_checksum_is_told_and_nothing_is_left():
    for at in (0, PART, len(LARGE) - 1):
        place = Place(Rule("cdn", "flip", at))
        p = bad(place.pull("org/large"), 4, hashlib.sha256(LARGE).hexdigest(), "the checksum is", "is deleted")
        assert [b for b in place.blobs("org/large") if len(b) > 40] == [] and not os.path.exists(place.path("org/large", "refs")), p
    place = Place(Rule("hub", "flip", 7, part="tokenizer.json"))
    bad(place.pull("org/tiny"), 4, "'tokenizer.json' of 'org/tiny': the checksum is", git_sha1(place.files["tokenizer.json"]))
    good(Place().pull("org/tiny"))


def incomplete(place, content):
    path = place.path("org/large", "blobs", hashlib.sha256(LARGE).hexdigest() + ".incomplete")
    os.makedirs(os.path.dirname(path))
    with open(path, "wb") as f:
        f.write(content)


def test_a_beginning_that_another_tool_left_is_used():
    place = Place()
    incomplete(place, LARGE[:PART + 17])
    good(place.pull("org/large"))
    assert place.has("org/large") and place.hub.requests("cdn")[0][2]["range"].startswith(f"bytes={PART + 17}-")


def test_a_beginning_that_is_damaged_is_started_over():
    for content in (b"x" * 5000, LARGE[:100] + b"x" + LARGE[101:], LARGE + b"x", b"x" * len(LARGE)):
        place = Place()
        incomplete(place, content)
        good(place.pull("org/large"))
        assert place.has("org/large")


def test_a_server_without_ranges_is_read_as_one():
    place, _ = survives("org/large", Rule("cdn", "no ranges"))
    assert len(place.hub.requests("cdn")) == 1
    place = Place(Rule("cdn", "no ranges"))
    incomplete(place, LARGE[:PART + 17])
    assert "starting over" in good(place.pull("org/large")).stderr and place.has("org/large")


def test_another_range_than_asked_for_is_no_use():
    survives("org/large", Rule("cdn", "other range", 1, times=1, start=PART))
    bad(Place(Rule("cdn", "other range", 1)).pull("org/large"), 1, "other bytes than it is asked for")


def test_a_length_that_is_wrong_is_told():
    size = len(model_files(GOLDEN)["tokenizer.json"])
    for told in (size + 10, size - 10):
        place = Place(Rule("hub", "told length", told, part="tokenizer.json"))
        bad(place.pull("org/tiny"), 4, f"a size of {told}, expected {size}")
    survives("org/large", Rule("cdn", "told length", PART + 10, times=1, start=0), notes="trying again")
    survives("org/large", Rule("cdn", "told length", PART - 10, times=1, start=0), notes="the server sent too little")
    bad(Place(Rule("cdn", "more", 5, start=PART)).pull("org/large"), 4, "more than was asked for")
    bad(Place(Rule("cdn", "cut file", PART + 1)).pull("org/large"), 4, f"a size of {PART + 1}, expected {len(LARGE)}")


def test_another_etag_than_listed_is_told():
    for model, part, other in (("org/large", "model.safetensors", "0" * 64), ("org/tiny", "tokenizer.json", "1" * 40)):
        place = Place(Rule("hub", "etag", other, part=part))
        bad(place.pull(model), 4, "the etag " + other, "expected")


def test_a_branch_that_moved_meanwhile_is_followed():
    place = Place(Rule("cdn", "cut", 5000))
    bad(place.pull("org/large", "--retries", "0"), 1)
    place.hub.rules.clear()
    place.hub.publish("org/large", {"config.json": b"{}", "model.safetensors": LARGE[::-1]})
    good(place.pull("org/large"))
    with open(place.path("org/large", "refs/main")) as f:
        link = place.path("org/large", "snapshots", f.read(), "model.safetensors")
    with open(link, "rb") as f:
        assert f.read() == LARGE[::-1]


def test_a_list_that_is_none_is_told():
    for page in (b"<!DOCTYPE html><title>Log in</title>", b"[]", b"{}", b"\0"):
        place = Place(Rule("api", "page", page))
        bad(place.pull("org/tiny"), 4, place.hub.url + " does not answer as a hub does: ", "is HF_ENDPOINT right")
    place = Place()
    place.hub.publish("org/evil", {"config.json": b"{}", "model.safetensors": b"x", "a/../../../evil": b"x"})
    bad(place.pull("org/evil"), 4, "no name of a file")
    assert not place.hub.requests("hub")


def test_what_is_packed_is_unpacked():
    for where, part in (("api", ""), ("hub", "tokenizer.json")):
        survives("org/tiny", Rule(where, "gzip", part=part))
    other = model_files(GOLDEN)["tokenizer.json"][::-1]
    bad(Place(Rule("hub", "gzip", other, part="tokenizer.json")).pull("org/tiny"), 4, "the checksum is")


# ---- disks and signals

def test_what_is_whole_is_not_written_again():
    place = Place()
    good(place.pull("org/tiny"))
    paths = [place.path("org/tiny", "snapshots", place.commit, name) for name in place.files]
    paths += [place.path("org/tiny", "refs/main"), place.path("org/tiny", "refs"), os.path.dirname(paths[0])]
    before = [os.lstat(path) for path in paths]
    assert "were there already" in good(place.pull("org/tiny")).stderr
    now = [os.lstat(path) for path in paths]
    assert [(s.st_ino, s.st_mtime_ns) for s in before] == [(s.st_ino, s.st_mtime_ns) for s in now]
    os.remove(paths[0])
    os.symlink("../../blobs/" + "0" * 40, paths[0])  # of another blob
    for text in ("0" * 40, "damaged", ""):
        with open(place.path("org/tiny", "refs/main"), "w") as f:
            f.write(text)
        good(place.pull("org/tiny"))
        assert place.has("org/tiny")


def test_too_little_space_is_told_before_anything_is_fetched():
    place = Place()
    place.hub.sizes["model.safetensors"] = 1 << 60
    bad(place.pull("org/tiny"), 1, "no space in", "1.0 EiB are needed", "are free")
    assert not place.hub.requests("hub") and not place.hub.requests("cdn")


def test_a_disk_that_takes_no_more_keeps_what_it_has():
    place = Place()
    most = 3 << 20
    p = place.pull("org/large", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)))
    bad(p, 1, "cannot write", "File too large")
    good(place.pull("org/large"))
    assert place.has("org/large") and place.hub.requests("cdn")[-1][2]["range"] != f"bytes=0-{PART - 1}"


def stopped_by(number):
    place = Place(Rule("cdn", "slow", 4 << 20))
    process = subprocess.Popen([WINNOW, "pull", "org/large"], env=place.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    path = place.path("org/large", "blobs", hashlib.sha256(LARGE).hexdigest() + ".incomplete")
    while not os.path.exists(path) or os.path.getsize(path) < 1 << 20:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    kept = os.path.getsize(path)
    with open(path, "rb") as f:
        assert f.read() == LARGE[:kept] and kept > 0
    place.hub.rules.clear()
    n = len(place.hub.log)
    good(place.pull("org/large"))
    ranges = [h["range"] for where, _, _, h in place.hub.log[n:] if where == "cdn"]
    assert place.has("org/large") and any(r.startswith(f"bytes={kept}-") for r in ranges), (kept, ranges)
    return process.returncode, out, err


def test_ctrl_c_leaves_what_the_next_pull_goes_on_from():
    code, out, err = stopped_by(signal.SIGINT)
    assert code == 130 and not out and err == "winnow: stopped; the same command goes on from here\n", (code, out, err)


def test_kill_leaves_what_the_next_pull_goes_on_from():
    assert stopped_by(signal.SIGKILL)[0] == -signal.SIGKILL


def test_two_pulls_of_a_model_fetch_it_once():
    place = Place(Rule("cdn", "slow", 8 << 20))
    processes = [subprocess.Popen([WINNOW, "pull", "org/large"], env=place.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                 for _ in range(3)]
    outs = [p.communicate(timeout=100) for p in processes]
    assert all(p.returncode == 0 for p in processes), outs
    assert place.has("org/large") and len(place.hub.requests("cdn")) == 3, place.hub.requests("cdn")
    assert sum("another process fetches the same file" in err for _, err in outs) >= 1, outs


def test_a_terminal_sees_how_fast_it_goes_and_what_is_left():
    place = Place(Rule("cdn", "slow", 5 << 20))
    master, slave = pty.openpty()
    process = subprocess.Popen([WINNOW, "pull", "org/large"], env={**place.env(), "TERM": "xterm", "COLUMNS": "120"}, stdout=subprocess.PIPE, stderr=slave)
    os.close(slave)
    seen = b""
    while True:
        try:
            more = os.read(master, 65536)
        except OSError:
            break
        if not more:
            break
        seen += more
    assert process.wait(60) == 0
    assert re.search(r"[\d.]+ MiB of 16 MiB, [\d.]+ [KM]iB/s, \d+ s left", seen.decode()), seen
    process.stdout.close()


if __name__ == "__main__":
    tap.main(globals(), at_once=8)
