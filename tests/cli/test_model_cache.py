#!/usr/bin/env python3
"""What was pulled: listed, checked, removed, carried as a tar, refused when its licence is; and the same cache seen by
huggingface_hub, which deps/python-test.txt names."""
import atexit, fcntl, hashlib, io, json, os, pty, re, shutil, signal, subprocess, sys, tarfile, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "../.."))
sys.path[:0] = [HERE, os.path.join(HERE, "../support"), os.path.join(HERE, "../api")]
from cases import PLAIN_ENV, WINNOW
import api_server, fake_hub, tap

GOLDEN = os.path.join(HERE, "../golden/models/bert")
PACKAGES = os.path.join(ROOT, "build/test-python")
scratch = tempfile.mkdtemp(prefix="winnow-cache-")
atexit.register(shutil.rmtree, scratch, ignore_errors=True)
FILES = fake_hub.model_files(GOLDEN)


def card(licence):
    return f"---\nlicense: {licence}\n---\n# A card\n".encode()


class Place:
    """A hub with two revisions of org/tiny, and a cache; `pulled` fetches them at once."""

    def __init__(self, pulled=("org/tiny", "org/tiny@v2")):
        self.hub, self.home = fake_hub.Hub(), tempfile.mkdtemp(dir=scratch)
        self.main = self.hub.publish("org/tiny", {**FILES, "README.md": card("cc-by-nc-4.0"), "1_Pooling/config.json": b"{}"})
        self.v2 = self.hub.publish("org/tiny", {**FILES, "README.md": card("mit")}, "v2")
        for name in pulled:
            good(self.run("pull", name))

    def env(self):
        return {**PLAIN_ENV, "HF_HOME": self.home, "HF_ENDPOINT": self.hub.url}

    def run(self, *words, **more):
        return subprocess.run([WINNOW, *words], env=self.env(), timeout=100, text=True, stdin=subprocess.DEVNULL, cwd=self.home,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def path(self, *parts):
        return os.path.join(self.home, "hub/models--org--tiny", *parts)

    def blob(self, commit, name):
        return os.path.realpath(self.path("snapshots", commit, name))

    def everything(self):
        """The names of all that the cache has, locks aside."""
        return sorted(os.path.join(root, name) for root, _, names in os.walk(os.path.join(self.home, "hub")) for name in names
                      if ".locks" not in root)


def good(p):
    assert p.returncode == 0, (p.returncode, p.stdout, p.stderr)
    return p


def bad(p, code, *parts):
    assert p.returncode == code, (p.returncode, p.stdout, p.stderr)
    for part in parts:
        assert part in p.stderr, (part, p.stderr)
    return p


# ---- list, verify, rm

def test_models_are_listed():
    place = Place()
    lines = good(place.run("models", "list")).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["model", "org/tiny", "org/tiny"], lines
    rows = {row["commit"]: row for row in json.loads(good(place.run("models", "list", "--json")).stdout)}
    assert set(rows) == {place.main, place.v2}
    main = rows[place.main]
    assert (main["model"], main["refs"], main["license"], main["files"]) == ("org/tiny", ["main"], "cc-by-nc-4.0", 6), main
    assert main["bytes"] == sum(map(len, FILES.values())) + len(card("cc-by-nc-4.0")) + 2, main
    assert abs(main["last_used"] - time.time()) < 1000 and main["dir"] == place.path("snapshots", place.main), main
    assert rows[place.v2]["license"] == "mit" and rows[place.v2]["refs"] == ["v2"]
    empty = Place(pulled=())
    p = good(empty.run("models", "list"))
    assert not p.stdout and "winnow pull" in p.stderr and json.loads(good(empty.run("models", "list", "--json")).stdout) == []


def test_damaged_and_missing_files_are_named():
    place = Place()
    assert "11 files in 2 revisions" in good(place.run("models", "verify")).stderr
    with open(place.blob(place.main, "model.safetensors"), "r+b") as f:
        f.seek(1000)
        f.write(b"\0x")
    os.remove(place.blob(place.v2, "README.md"))
    p = bad(place.run("models", "verify"), 4, "8 good, 3 bad, 0 without a known checksum; ")
    assert p.stdout.count("org/tiny: model.safetensors: damaged: the checksum is") == 2, p.stdout  # both have it
    assert "org/tiny: README.md: missing" in p.stdout, p.stdout
    bad(place.run("models", "verify", "org/none"), 4, "'org/none' is not in the cache")
    assert "damaged" in bad(place.run("models", "verify", "org/tiny@main"), 4).stdout


def test_what_is_no_file_is_not_read():
    place = Place()
    os.mkfifo(place.path("snapshots", place.main, "fifo"))
    os.symlink("/dev/zero", place.path("snapshots", place.main, "zero"))
    p = good(place.run("models", "verify", "org/tiny@main"))
    assert "org/tiny: fifo: no checksum is known\n" in p.stdout and "2 without a known checksum" in p.stderr, p
    bad(place.run("models", "export", "org/tiny", "a.tar"), 1, "fifo' is no regular file")


def test_a_revision_is_removed_with_what_only_it_has():
    place = Place()
    only = place.blob(place.v2, "README.md"), place.blob(place.main, "README.md")
    good(place.run("models", "rm", "org/tiny@v2", "--yes"))
    assert not os.path.exists(only[0]) and os.path.exists(only[1]) and not os.path.exists(place.path("refs/v2"))
    good(place.run("models", "verify"))
    good(place.run("info", "-m", "org/tiny"))
    bad(place.run("info", "-m", "org/tiny@v2"), 4, "hub', which has org/tiny@main: winnow pull org/tiny@v2")
    assert "are free" in good(place.run("models", "rm", "org/tiny", "--yes")).stderr
    assert os.listdir(os.path.join(place.home, "hub")) == [".locks"] and os.listdir(os.path.join(place.home, "hub/.locks")) == []


def test_a_name_of_a_revision_is_removed_alone():
    place = Place(pulled=("org/tiny",))
    place.hub.publish("org/tiny", {**FILES, "README.md": card("cc-by-nc-4.0"), "1_Pooling/config.json": b"{}"}, "main-too")
    good(place.run("pull", "org/tiny@main-too"))
    assert "main, main-too" in good(place.run("models", "list")).stdout
    good(place.run("models", "rm", "org/tiny@main-too", "--yes"))
    assert not os.path.exists(place.path("refs/main-too"))
    good(place.run("info", "-m", "org/tiny"))
    good(place.run("models", "verify"))
    good(place.run("models", "rm", "org/tiny@main", "--yes"))
    assert not place.everything()


def test_a_commit_is_found_by_its_first_digits():
    place, other = Place(pulled=()), Place(pulled=())
    good(place.run("pull", f"org/tiny@{place.main}"))
    short = place.main[:12]
    assert short in good(place.run("models", "list")).stdout
    good(place.run("info", "-m", f"org/tiny@{short}"))
    good(place.run("models", "verify", f"org/tiny@{short}"))
    for wrong in (place.main[:6], short[:-1] + "g", place.v2[:12]):
        bad(place.run("info", "-m", f"org/tiny@{wrong}"), 4, f", which has org/tiny@{place.main}: winnow pull org/tiny@{wrong}")
    good(place.run("models", "export", "org/tiny", "a.tar"))
    p = good(other.run("models", "import", os.path.join(place.home, "a.tar")))
    assert f"--model org/tiny@{place.main}\n" in p.stderr, p.stderr
    good(other.run("info", "-m", f"org/tiny@{place.main}"))
    good(place.run("models", "rm", f"org/tiny@{short}", "--yes"))
    assert not place.everything()


def test_what_a_pull_has_left_is_removed_unless_one_is_under_way():
    place = Place(pulled=())
    place.hub.rules.append(fake_hub.Rule("cdn", "cut", 5000))
    bad(place.run("pull", "org/tiny", "--retries", "0"), 1, "5000 of")
    assert "not pulled to the end: org/tiny; " in good(place.run("models", "list")).stderr
    bad(place.run("models", "rm", "org/tiny"), 2, "org/tiny (of a pull that was not finished, ", "--yes")
    bad(place.run("models", "rm", "org/tiny@main", "--yes"), 4, "is not in the cache")
    bad(place.run("models", "rm", "org/none", "--yes"), 4, "is not in the cache")
    with open(os.path.join(place.home, "hub/.locks/models--org--tiny", hashlib.sha256(FILES["model.safetensors"]).hexdigest() + ".lock")) as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        bad(place.run("models", "rm", "org/tiny", "--yes"), 4, "model 'org/tiny' is being fetched")
    assert place.everything()
    assert "org/tiny is removed, " in good(place.run("models", "rm", "org/tiny", "--yes")).stderr
    assert not place.everything() and "to the end" not in good(place.run("models", "list")).stderr


def test_removing_asks_a_person_and_no_script():
    place = Place()
    bad(place.run("models", "rm", "org/tiny"), 2, "--yes")
    for answer, left in ((b"n\n", True), (b"\n", True), (b"y\n", False)):
        master, slave = pty.openpty()
        process = subprocess.Popen([WINNOW, "models", "rm", "org/tiny"], env=place.env(), stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.write(master, answer)
        err = process.communicate(timeout=60)[1]
        assert process.returncode == 0 and b"remove org/tiny (2 revisions, " in err, err
        assert os.path.exists(place.path()) == left, (answer, err)
        os.close(master)
        os.close(slave)


def test_words_that_are_wrong_are_named():
    place = Place(pulled=())
    bad(place.run("models", "drop"), 2, "'drop' is nothing that can be done with models")
    bad(place.run("models", "export", "org/tiny"), 2, "models export: 1 operand, expected a model and a FILE.tar")
    bad(place.run("models"), 2, "models needs an operand: winnow models list, verify [ORG/NAME[@REVISION]], rm ")
    good(place.run("models", "list"))
    bad(place.run("models", "rm", "tiny"), 2, "is no name of a model")


# ---- tars

def test_an_exported_model_is_imported_elsewhere():
    place, other = Place(), Place(pulled=())
    good(place.run("models", "export", "org/tiny", "a.tar"))
    bad(place.run("models", "export", "org/tiny", "a.tar"), 1, "'a.tar' is there already")
    good(place.run("models", "export", "org/tiny", "b.tar"))
    with open(os.path.join(place.home, "a.tar"), "rb") as a, open(os.path.join(place.home, "b.tar"), "rb") as b:
        assert a.read() == b.read()
    p = good(other.run("models", "import", os.path.join(place.home, "a.tar")))
    assert p.stdout == other.path("snapshots", place.main) + "\n"
    good(other.run("info", "-m", "org/tiny"))
    good(other.run("models", "verify"))
    for name, content in {**FILES, "1_Pooling/config.json": b"{}"}.items():
        with open(other.path("snapshots", place.main, name), "rb") as f:
            assert f.read() == content
    good(other.run("models", "import", os.path.join(place.home, "a.tar")))  # again


def test_without_a_revision_main_is_exported():
    place = Place(pulled=())
    kept = [place.hub.publish("org/tiny", {**FILES, "README.md": card(f"x{i}")}, f"main-{i}") for i in range(6)]
    for i in range(6):
        good(place.run("pull", f"org/tiny@main-{i}"))
    bad(place.run("models", "export", "org/tiny", "a.tar"), 4, "has 6 revisions in the cache, and none is main", "org/tiny@REVISION")
    good(place.run("pull", "org/tiny"))
    assert place.main in good(place.run("models", "export", "org/tiny", "a.tar")).stderr and place.main not in kept
    good(place.run("models", "rm", "org/tiny@main", "--yes"))
    for i in range(5):
        good(place.run("models", "rm", f"org/tiny@main-{i}", "--yes"))
    assert kept[5] in good(place.run("models", "export", "org/tiny", "b.tar")).stderr


def test_a_tar_is_one_that_other_tools_read():
    place = Place()
    good(place.run("models", "export", "org/tiny@v2", "a.tar"))
    folder = tempfile.mkdtemp(dir=scratch)
    subprocess.run(["tar", "-xf", os.path.join(place.home, "a.tar"), "-C", folder], check=True)
    done = subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count(": OK") == 6, done
    assert b"relevance" in subprocess.run([WINNOW, "rank", "-q", "a", "-m", f"{folder}/models--org--tiny/snapshots/{place.v2}"],
                                          input=b"b\n", capture_output=True, check=True).stdout
    for how in ("ustar", "gnu", "v7"):  # made by another tool, with folders and "./"
        subprocess.run(["tar", "--format", how, "-cf", f"{folder}.tar", "-C", folder, "."], check=True)
        other = Place(pulled=())
        p = other.run("models", "import", f"{folder}.tar")
        bad(p, 4, "no tar") if how == "v7" else good(p)


def test_what_a_killed_import_has_left_goes_and_what_another_has_stays():
    place, other = Place(), Place(pulled=())
    good(place.run("models", "export", "org/tiny", "a.tar"))
    cache = os.path.join(other.home, "hub")
    left, used = os.path.join(cache, ".winnow-import-left"), os.path.join(cache, ".winnow-import-used")
    for folder in (left, used):
        os.makedirs(folder)
        with open(os.path.join(folder, "0"), "w") as f:
            f.write("x")
    fd = os.open(used, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    good(other.run("models", "import", os.path.join(place.home, "a.tar")))
    os.close(fd)
    assert sorted(os.listdir(cache)) == [".winnow-import-used", "models--org--tiny"], os.listdir(cache)


def test_a_damaged_model_is_not_exported():
    place = Place()
    with open(place.blob(place.main, "tokenizer.json"), "ab") as f:
        f.write(b" ")
    bad(place.run("models", "export", "org/tiny", "a.tar"), 4, "tokenizer.json' is damaged", "expected")
    assert not [name for name in os.listdir(place.home) if "tar" in name]


def tar_of(entries, sums=None, format=tarfile.USTAR_FORMAT):
    """A tar of [(name, bytes or a TarInfo)], with right sums unless others are given (False: none)."""
    out = io.BytesIO()
    if sums is None:
        sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in entries if isinstance(content, bytes))
    if sums is not False:
        entries = [*entries, ("SHA256SUMS", sums.encode())]
    with tarfile.open(fileobj=out, mode="w", format=format) as tar:
        for name, content in entries:
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def link(kind, name, target):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


COMMIT = "0123456789abcdef0123456789abcdef01234567"
AT = f"models--org--evil/snapshots/{COMMIT}/"


def test_hostile_tars_change_nothing():
    config = (AT + "config.json", b"{}")
    long = AT + "/".join(["d" * 40] * 4)
    hostile = {
        "absolute": (tar_of([config, ("/etc/evil", b"x")]), "'/etc/evil' is no file of a model"),
        "parent": (tar_of([config, (AT + "../../../../evil", b"x")]), "is no file of a model"),
        "outside": (tar_of([config, ("evil", b"x")]), "'evil' is no file of a model"),
        "lock": (tar_of([config, (".locks/x/y/z", b"x")]), "is no file of a model"),
        "blob": (tar_of([config, ("models--org--evil/blobs/" + COMMIT, b"x")]), "is no file of a model"),
        "hidden": (tar_of([config, (AT + ".x", b"x")]), "is no file of a model"),
        "backslash": (tar_of([config, (AT + "..\\x", b"x")]), "is no file of a model"),
        "ref": (tar_of([config, ("models--org--evil/refs/../../x", b"x")]), "is no file of a model"),
        "two models": (tar_of([config, (AT.replace("evil", "good") + "x", b"x")]), "is of another model"),
        "two commits": (tar_of([config, (AT.replace("0123", "3210", 1) + "x", b"x")]), "is of another commit"),
        "twice": (tar_of([config, config]), "is there twice"),
        "link": (tar_of([config, ("", link(tarfile.SYMTYPE, AT + "x", "/etc/passwd"))]), "entry of kind '2'"),
        "hard link": (tar_of([config, ("", link(tarfile.LNKTYPE, AT + "x", AT + "config.json"))]), "entry of kind '1'"),
        "device": (tar_of([config, ("", link(tarfile.CHRTYPE, AT + "x", ""))]), "entry of kind '3'"),
        "pipe": (tar_of([config, ("", link(tarfile.FIFOTYPE, AT + "x", ""))]), "entry of kind '6'"),
        "pax": (tar_of([config, (long + "/" + "n" * 120, b"x")], format=tarfile.PAX_FORMAT), "entry of kind 'x'"),
        "pickle": (tar_of([config, (AT + "pytorch_model.bin", b"x")]), "may be a pickle"),
        "no sums": (tar_of([config], sums=False), "has no SHA256SUMS"),
        "empty": (tar_of([]), "SHA256SUMS is there twice, empty or too long"),
        "wrong sum": (tar_of([config], sums="0" * 64 + f"  {AT}config.json\n"), "the checksum is"),
        "unlisted": (tar_of([config, (AT + "x", b"x")], sums=re.sub(r"\w+  \S+/x\n", "", sums_of([config, (AT + "x", b"x")]))), "is not in SHA256SUMS"),
        "missing": (tar_of([config], sums=sums_of([config, (AT + "x", b"x")])), f"'{AT}x' is missing"),
        "no line": (tar_of([config], sums="what\n"), "is no line of SHA256SUMS"),
        "cut": (tar_of([config])[:1100], "cut off"),
        "no end": (tar_of([config])[:512 * 4], "cut off"),
        "no tar": (b"x" * 5000, "it is no tar"),
        "nothing": (b"", "cut off"),
    }
    huge = bytearray(tar_of([config]))
    huge[124:136] = b"\x80" + b"\0" * 3 + (1 << 60).to_bytes(8, "big")
    hostile["huge"] = (resum(huge), "bytes, and the file ends after")
    over = bytearray(tar_of([config]))
    over[124:136] = b"\x80" + b"\xff" * 11
    hostile["wraps"] = (resum(over), "a size that cannot be")
    negative = bytearray(tar_of([config]))
    negative[124:136] = b"\xff" * 12
    hostile["negative"] = (resum(negative), "a size that cannot be")
    place = Place()
    before = place.everything()
    for name, (content, why) in hostile.items():
        path = os.path.join(place.home, "evil.tar")
        with open(path, "wb") as f:
            f.write(content)
        p = place.run("models", "import", path)
        assert p.returncode == 4 and why in p.stderr and not p.stdout, (name, p.returncode, p.stderr)
        assert place.everything() == before, (name, set(place.everything()) ^ set(before))
    bad(place.run("models", "import", place.home), 1, "no regular file")
    bad(place.run("models", "import", "nowhere.tar"), 1, "No such file")
    path = os.path.join(place.home, "evil.tar")
    with open(path, "wb") as f:
        f.write(tar_of([config]))
    good(place.run("models", "import", path))  # the part that they share is fine


def sums_of(entries):
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in entries)


def resum(block):
    """A tar whose first header has the right sum again."""
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block[:512])
    return bytes(block)


# ---- licences

def test_what_is_not_known_to_be_free_for_commerce_is_refused():
    place = Place()
    need = ("--require-licence", "commercial-ok")
    bad(place.run("rank", "-q", "a", "-m", "org/tiny", *need), 4, "is under 'cc-by-nc-4.0' (non-commercial)")
    bad(place.run("rank", "-q", "a", "-m", GOLDEN, *need), 4, "names no licence")
    good(place.run("info", "-m", "org/tiny@v2", *need))
    good(place.run("info", *need))
    good(place.run("info", "-m", "org/tiny", "--require-licence", "any"))
    bad(place.run("serve", "--port", "0", "--state-dir", "none", "-m", "org/tiny", *need), 4, "is under 'cc-by-nc-4.0'")
    bad(place.run("licence", "org/tiny", *need), 4, "non-commercial")
    server = api_server.Server("-m", "ok=org/tiny@v2", "--model-root", place.home, "--admin-key", "k", *need, env=place.env())
    assert any("event=model_ready name=ok" in line and "license=mit " in line for line in server.lines), server.lines
    body = json.dumps({"name": "nc", "path": os.path.relpath(place.path("snapshots", place.main), place.home)}).encode()
    head = [("Authorization", "Bearer k"), ("Content-Type", "application/json")]
    status, _, answer = server.request("POST", "/v1/admin/models", head, body)
    until = time.monotonic() + 30
    while status < 300 and b"non-commercial" not in answer and time.monotonic() < until:
        status, _, answer = server.request("GET", "/v1/admin/models", head)
        time.sleep(0.05)
    assert b"non-commercial" in answer, answer
    server.stop(signal.SIGKILL)


def test_licences_are_told_as_the_page_tells_them():
    with open(os.path.join(ROOT, "web/app/licences.js")) as f:
        table = re.search(r"const kinds = \{(.*?)\n\};", f.read(), re.S)[1]
    kinds = {name: "".join(re.findall(r"'([^']*)'", words)).split()
             for name, words in re.findall(r"'?([\w-]+)'?: ('[^']*'(?:\s*\+ '[^']*')*)", table)}
    assert len(kinds) == 7 and sum(map(len, kinds.values())) > 60, kinds
    place = Place(pulled=())
    for kind, words in kinds.items():
        for word in words:
            said = json.loads(good(place.run("licence", word, "--json")).stdout)
            assert said["license"] == word and said["kind"] == kind, (word, said)
            assert len(said["uses"]) == 6, said
    bad(place.run("licence", "unheard-of"), 4, "neither a model nor the word")


def test_the_licence_of_a_model_is_found_wherever_it_lies():
    place = Place()
    for model, kind in (((), "permissive"), (("org/tiny",), "non-commercial"), (("org/tiny@v2",), "permissive"), ((GOLDEN,), "unknown"),
                        (("built-in",), "permissive")):
        assert json.loads(good(place.run("licence", *model, "--json")).stdout)["kind"] == kind, model
    gguf = os.path.join(HERE, "../golden/gguf/bert.gguf")
    folder = os.path.join(place.home, "gguf")
    os.mkdir(folder)
    shutil.copy(gguf, folder)
    with open(os.path.join(folder, "README.md"), "wb") as f:
        f.write(card("cc-by-nc-4.0"))
    blob = os.path.join(place.home, "sha256-of-it")
    shutil.copy(gguf, blob)
    pipe = os.path.join(place.home, "pipe")
    os.mkfifo(pipe)  # which nobody writes to
    bad(place.run("info", "--model", pipe), 4, "is a file, expected a directory or a GGUF file")
    for model in (gguf, blob, folder, os.path.join(folder, "bert.gguf")):  # the file's own word comes first
        assert json.loads(good(place.run("licence", model, "--json")).stdout)["license"] == "apache-2.0", model
    shutil.copy(os.path.join(HERE, "../golden/gguf/qwen3-rank.gguf"), os.path.join(folder, "bert.gguf"))  # which has none
    assert json.loads(good(place.run("licence", folder, "--json")).stdout)["license"] == "cc-by-nc-4.0"
    with open(os.path.join(folder, "README.md"), "ab") as f:
        f.write(b"text\n" * 500_000)
    assert json.loads(good(place.run("licence", folder, "--json")).stdout)["license"] == "cc-by-nc-4.0"
    text = good(place.run("licence", "org/tiny")).stdout
    assert re.search(r"on machines of your own +yes \w +no \w\n", text) and "no legal advice" in text, text


# ---- the same cache for Python

def python(place, code, **env):
    """Run code with huggingface_hub in the cache of a place; its output."""
    if not os.path.isdir(os.path.join(PACKAGES, "huggingface_hub")):
        raise tap.Skip("huggingface_hub is not installed: see deps/python-test.txt")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100,
                          env={**place.env(), "PYTHONPATH": PACKAGES, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1",
                               "HOME": place.home, **env})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_huggingface_hub_finds_what_was_pulled():
    place = Place()
    n = len(place.hub.log)
    code = """if True:
        import huggingface_hub as hub, os
        for revision in (None, 'v2'):
            folder = hub.snapshot_download('org/tiny', revision=revision, local_files_only=True)
            print(folder, sorted(os.listdir(folder)))
        print(hub.hf_hub_download('org/tiny', 'model.safetensors', local_files_only=True))
        print(hub.try_to_load_from_cache('org/tiny', '1_Pooling/config.json'))
        info = hub.scan_cache_dir()
        print(len(info.repos), sorted(len(r.files) for repo in info.repos for r in repo.revisions), len(info.warnings))"""
    lines = python(place, code, HF_HUB_OFFLINE="1").splitlines()
    assert lines[0].startswith(place.path("snapshots", place.main)) and "model.safetensors" in lines[0], lines
    assert lines[1].startswith(place.path("snapshots", place.v2)), lines
    assert lines[2:4] == [place.path("snapshots", place.main, name) for name in ("model.safetensors", "1_Pooling/config.json")], lines
    assert lines[4] == "1 [5, 6] 0", lines
    assert len(place.hub.log) == n
    python(place, "import huggingface_hub as hub; hub.hf_hub_download('org/tiny', 'model.safetensors')")  # asks, but fetches nothing
    assert not [r for r in place.hub.log[n:] if r[0] == "cdn"], place.hub.log[n:]


def test_what_huggingface_hub_has_fetched_is_found():
    place = Place(pulled=())
    folder = python(place, "import huggingface_hub as hub; print(hub.snapshot_download('org/tiny'))").strip()
    assert folder == place.path("snapshots", place.main)
    n = len(place.hub.log)
    good(place.run("info", "-m", "org/tiny"))
    good(place.run("models", "verify"))
    assert json.loads(good(place.run("models", "list", "--json")).stdout)[0]["files"] == 6
    assert len(place.hub.log) == n
    assert "were there already" in good(place.run("pull", "org/tiny")).stderr
    assert len(place.hub.log) == n + 1  # the list of files


def test_huggingface_hub_finds_what_was_imported():
    place, other = Place(), Place(pulled=())
    good(place.run("models", "export", "org/tiny", "a.tar"))
    good(other.run("models", "import", os.path.join(place.home, "a.tar")))
    code = "import huggingface_hub as hub; print(hub.snapshot_download('org/tiny', local_files_only=True))"
    assert python(other, code).strip() == other.path("snapshots", place.main)


def test_a_file_that_python_fetches_is_waited_for():
    place = Place(pulled=())
    lock = os.path.join(place.home, "hub/.locks/models--org--tiny", fake_hub.File("model.safetensors", FILES["model.safetensors"]).etag + ".lock")
    code = f"""if True:
        import os, sys, time
        os.makedirs(os.path.dirname({lock!r}), exist_ok=True)
        from filelock import FileLock
        with FileLock({lock!r}):
            print('held', flush=True)
            sys.stdin.read()"""
    if not os.path.isdir(os.path.join(PACKAGES, "filelock")):
        raise tap.Skip("huggingface_hub is not installed: see deps/python-test.txt")
    holder = subprocess.Popen([sys.executable, "-c", code], env={**place.env(), "PYTHONPATH": PACKAGES}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    process = subprocess.Popen([WINNOW, "pull", "org/tiny"], env=place.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "another process fetches the same file" in process.stderr.readline()
    assert not [r for r in place.hub.log if r[0] == "cdn"]
    holder.communicate(b"")
    process.communicate(timeout=60)
    assert process.returncode == 0


if __name__ == "__main__":
    tap.main(globals(), at_once=4)
