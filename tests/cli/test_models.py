#!/usr/bin/env python3
"""Model directories that are damaged in one place: refused by name, with both values, before anything
is computed from them."""
import atexit, json, os, shutil, struct, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../.."))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
from cases import run
import tap

GOLDEN = os.path.join(ROOT, "tests/golden/models")
scratch = tempfile.mkdtemp(prefix="winnow-models-")
atexit.register(shutil.rmtree, scratch)


def copy(name, **changes):
    """A copy of a golden model; FILE=f gives f the JSON of that file to change. -> its path"""
    path = tempfile.mkdtemp(dir=scratch)
    shutil.copytree(os.path.join(GOLDEN, name), path, dirs_exist_ok=True)
    for key, change in changes.items():
        target = os.path.join(path, key + ".json")
        with open(target) as f:
            content = json.load(f)
        change(content)
        with open(target, "w") as f:
            json.dump(content, f)
    return path


def refused(path, part, command=("rank", "-q", "a")):
    p = run([*command, "-m", path], b"b\n")
    assert p.returncode == 4 and part.encode() in p.stderr and not p.stdout, (p.returncode, p.stderr)


def write_tensors(path, tensors):
    """tensors: name -> (shape, bytes), all F32."""
    header, at = {}, 0
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(d for _, d in tensors.values()))


def read_tensors(path):
    with open(path, "rb") as f:
        content = f.read()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + size])
    return {k: (v["shape"], content[8 + size + v["data_offsets"][0]:8 + size + v["data_offsets"][1]])
            for k, v in header.items() if k != "__metadata__"}


def test_an_instruction_reaches_the_model_from_the_command_line_and_from_requests():
    asked = {"query": "banlan", "documents": ["lanba", "celan"]}
    told = dict(asked, instruction="cheap first")

    def scores(words, stdin):
        p = run(["rank", "-m", os.path.join(GOLDEN, "qwen3"), *words], stdin)
        assert p.returncode == 0 and not p.stderr, p.stderr
        return [[r["logit"] for r in sorted(json.loads(line)["results"], key=lambda r: r["index"])]
                for line in (p.stdout.splitlines() if "jsonl" in words else [p.stdout])]

    lines = "".join(json.dumps(r) + "\n" for r in (asked, told, asked)).encode()
    plain, own, again = scores(["-f", "jsonl"], lines)
    assert plain == again != own
    option = ["--instruction", "cheap first"]
    documents = b"lanba\ncelan\n"
    assert scores(["-q", "banlan", "-f", "json", *option], documents) == [own]
    assert scores(["-q", "banlan", "-f", "json"], documents) == [plain]
    assert scores(["--request", "-", "-f", "json", *option], json.dumps(asked).encode()) == [own]
    assert scores(["--request", "-", "-f", "json", "--instruction", "other"], json.dumps(told).encode()) == [own]
    assert scores(["-f", "jsonl", *option], json.dumps(asked).encode()) == [own]


def test_an_instruction_is_refused_where_the_model_has_none():
    for name, takes in (("qwen3", True), ("bert", False)):
        assert json.loads(run(["info", "--json", "-m", os.path.join(GOLDEN, name)]).stdout)["takes_instructions"] is takes
    for words in (["-q", "a"], ["-f", "jsonl"]):
        p = run(["rank", *words, "--instruction", "cheap first", "-m", os.path.join(GOLDEN, "bert")], b"b\n")
        assert p.returncode == 4 and b"models/bert' takes none" in p.stderr and not p.stdout, (p.returncode, p.stderr)
    line = json.dumps({"query": "a", "documents": ["b"], "instruction": "cheap first"}).encode()
    p = run(["rank", "-f", "jsonl"], line)
    assert p.returncode == 3 and b"'built-in' takes none" in p.stdout, (p.returncode, p.stdout)
    p = run(["rank", "-f", "jsonl"], line.replace(b'"cheap first"', b"3"))
    assert b"field 'instruction': is an integer, expected a string" in p.stdout, p.stdout


def test_a_special_token_of_a_template_needs_a_row_of_the_table():
    def change(tokenizer):
        tokenizer["post_processor"]["special_tokens"]["[SEP]"]["ids"] = [2000000000]
    refused(copy("bert", tokenizer=change), "the template uses id 2000000000, config.json: vocab_size is 133")


def test_a_template_without_special_tokens_is_refused():
    def change(tokenizer):
        tokenizer["post_processor"] = None
    for name, command in (("bert", ("rank", "-q", "a")), ("embed-mean", ("embed",))):
        refused(copy(name, tokenizer=change), "the template adds no special token", command)


def test_the_message_counts_the_special_tokens_that_are_too_many():
    def change(tokenizer):
        post = tokenizer["post_processor"]
        post["single"] = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}] * 155 + [{"Sequence": {"id": "A", "type_id": 0}}]
    refused(copy("embed-mean", tokenizer=change), "the special tokens alone are 155", ("embed",))


def test_a_projection_of_absurd_width_is_refused():
    path = copy("colbert")
    tensors = read_tensors(os.path.join(path, "model.safetensors"))
    width = tensors["linear.weight"][0][1]
    tensors["linear.weight"] = ([10000, width], bytes(10000 * width * 4))
    write_tensors(os.path.join(path, "model.safetensors"), tensors)
    metadata = os.path.join(path, "artifact.metadata")
    with open(metadata) as f:
        content = json.load(f)
    content.pop("dim", None)
    with open(metadata, "w") as f:
        json.dump(content, f)
    refused(path, "linear.weight: has 10000 rows, at most 8192")


def test_a_scaling_of_positions_is_an_object_or_nothing():
    for key in ("rope_scaling", "rope_parameters"):
        for value in (4, [4], "ntk", True):
            change = lambda c: (c.pop("rope_scaling", None), c.update({key: value}))
            refused(copy("new", config=change), f"config.json: field '{key}': is ")


def test_weights_that_are_no_numbers_are_an_error_not_a_score():
    for name, command in (("bert", ("rank", "-q", "a", "-f", "json")), ("embed-mean", ("embed",))):
        path = copy(name)
        file = os.path.join(path, "model.safetensors")
        tensors = read_tensors(file)
        key = next(k for k in tensors if k.endswith("word_embeddings.weight"))
        shape, data = tensors[key]
        tensors[key] = (shape, struct.pack("<f", float("nan")) * (len(data) // 4))
        write_tensors(file, tensors)
        refused(path, "nan, expected a number", command)


def test_a_companion_file_that_cannot_be_read_is_not_ignored():
    path = copy("embed-cls")
    os.remove(os.path.join(path, "modules.json"))
    os.symlink("../../blobs/missing", os.path.join(path, "modules.json"))
    p = run(["embed", "-m", path], b"b\n")
    assert p.returncode != 0 and b"modules.json" in p.stderr and not p.stdout, p.stderr


def test_values_without_end_are_refused_before_they_take_memory():
    path = copy("bert")
    with open(os.path.join(path, "tokenizer.json"), "r+b") as f:
        content = f.read()
        f.seek(0)
        f.write(b'{"zz":[' + b"[]," * (1 << 20) + b"[]]," + content.lstrip()[1:])
    refused(path, "JSON values, at most 1048576")


def test_a_cut_text_is_told():
    p = run(["embed", "-m", os.path.join(GOLDEN, "embed-mean")], b"short\n" + b"long " * 500 + b"\n")
    short, long = (json.loads(line) for line in p.stdout.splitlines())
    assert p.returncode == 0 and "truncated" not in short and long["truncated"] is True
    assert b"1 of 2 texts was cut" in p.stderr, p.stderr


def embedded(path, *options):
    p = run(["embed", "-m", path, *options], b"latok polan\n")
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)["embedding"]


def test_a_task_adds_its_adapter_and_its_instruction():
    path = os.path.join(GOLDEN, "jina-v3")
    plain, separate, passage = embedded(path), embedded(path, "--task", "separation"), embedded(path, "--task", "retrieval.passage")
    assert plain != separate != passage != plain

    def no_words(config):
        config["task_instructions"]["retrieval.passage"] = ""
    assert embedded(copy("jina-v3", config=no_words), "--task", "retrieval.passage") != passage
    p = run(["embed", "-m", path, "--task", "sorting"], b"a\n")
    assert p.returncode == 2 and b"task 'sorting': the model has adapters for retrieval.query, retrieval.passage, separation" in p.stderr, p.stderr
    p = run(["rank", "-q", "a", "-m", os.path.join(GOLDEN, "bert"), "--task", "separation"], b"a\n")
    assert p.returncode == 2 and b"task 'separation': the model has no adapters" in p.stderr, p.stderr


def test_an_adapter_of_another_shape_is_refused_by_name():
    def more_tasks(config):
        config["lora_adaptations"].append("fourth")
    path = copy("jina-v3", config=more_tasks)
    refused(path, "embeddings.word_embeddings.parametrizations.weight.0.lora_A': F16 of shape [3,", ("embed", "--task", "fourth"))

    def higher(config):
        config["lora_rank"] = 3
    refused(copy("jina-v3", config=higher), "expected numbers of [3,3,24]", ("embed", "--task", "separation"))


def test_a_copy_with_8_bit_matrices_takes_adapters_too():
    path = os.path.join(GOLDEN, "jina-v3")
    small = os.path.join(tempfile.mkdtemp(dir=scratch), "small")
    assert run(["quantize", path, small]).returncode in (0, 4)
    assert embedded(small, "--dtype", "int8") == embedded(path, "--dtype", "int8")
    near, exact = embedded(small, "--task", "separation"), embedded(path, "--task", "separation")
    assert 1e-6 < max(abs(a - b) for a, b in zip(near, exact)) < 0.02


if __name__ == "__main__":
    tap.main(globals())
