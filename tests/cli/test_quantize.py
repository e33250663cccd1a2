#!/usr/bin/env python3
"""winnow quantize: what it writes, what it prints, and that it leaves nothing when it fails."""
import atexit, json, os, shutil, struct, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../.."))
sys.path[:0] = [HERE, os.path.join(HERE, "../support")]
from cases import run
import tap

GOLDEN = os.path.join(ROOT, "tests/golden/models")
BERT = os.path.join(GOLDEN, "bert-d16x2")
scratch = tempfile.mkdtemp(prefix="winnow-quantize-")
atexit.register(shutil.rmtree, scratch)


def new_path():
    return os.path.join(tempfile.mkdtemp(dir=scratch), "out")


def quantize(*words, stdin=b""):
    return run(["quantize", "--cpu-level", "scalar", *words], stdin)


def logits(model, dtype):
    words = ["rank", "-q", "balan dimer", "-f", "json", "--dtype", dtype, "--cpu-level", "scalar"]
    p = run(words + (["-m", model] if model else []), b"balan bamer\ncelan\nfonis gutok balan\n")
    assert p.returncode == 0, p.stderr
    return {r["index"]: r["logit"] for r in json.loads(p.stdout)["results"]}


def read_header(path):
    with open(path, "rb") as f:
        size = struct.unpack("<Q", f.read(8))[0]
        return size, json.loads(f.read(size))


def test_scores_in_int8_are_those_of_the_original():
    out = new_path()
    p = quantize(BERT, out)
    assert p.returncode == 0 and not p.stderr, p.stderr
    assert b"12 in 8 bits" in p.stdout and b"beside f32 good" in p.stdout, p.stdout
    assert sorted(os.listdir(out)) == sorted(
        n for n in os.listdir(BERT) if n.split(".")[0] in ("config", "tokenizer", "tokenizer_config", "model")
        or n in ("special_tokens_map.json", "vocab.txt")), os.listdir(out)
    for name in ("config.json", "tokenizer.json"):
        with open(os.path.join(BERT, name), "rb") as a, open(os.path.join(out, name), "rb") as b:
            assert a.read() == b.read(), name
    assert logits(out, "int8") == logits(BERT, "int8")
    near = logits(out, "f32")
    assert all(abs(near[i] - x) < 0.1 for i, x in logits(BERT, "f32").items()), near
    assert near != logits(BERT, "f32")


def test_matrices_are_i8_with_scales_and_the_rest_keeps_its_type():
    out = new_path()
    quantize(os.path.join(GOLDEN, "bert-f16"), out)
    size, header = read_header(os.path.join(out, "model.safetensors"))
    before = read_header(os.path.join(GOLDEN, "bert-f16", "model.safetensors"))[1]
    assert (8 + size) % 8 == 0 and header.pop("__metadata__") == {"format": "pt"}
    before.pop("__metadata__", None)
    query = "bert.encoder.layer.0.attention.self.query.weight"
    down = "bert.encoder.layer.0.output.dense.weight"
    n, k = before[query]["shape"]
    assert header[query]["dtype"] == "I8" and header[query]["shape"] == [n, k]
    assert header[query + "_scale"]["dtype"] == "F32" and header[query + "_scale"]["shape"] == [n]
    assert header[query + "_factor"]["dtype"] == "F32" and header[query + "_factor"]["shape"] == [k]
    assert down + "_scale" in header and down + "_factor" not in header  # it reads no norm
    for name, tensor in before.items():
        if header[name]["dtype"] != "I8":
            assert header[name]["dtype"] == tensor["dtype"] and header[name]["shape"] == tensor["shape"], name
    assert sum(t["dtype"] == "I8" for t in header.values()) == 12


def test_other_programs_read_the_file():
    try:
        from safetensors.numpy import load_file
    except ImportError:
        raise tap.Skip("no safetensors package")
    import numpy as np
    out = new_path()
    quantize(BERT, out)
    new, old = load_file(os.path.join(out, "model.safetensors")), load_file(os.path.join(BERT, "model.safetensors"))
    for name, was in old.items():
        w = new[name]
        if w.dtype == np.int8:
            step = new[name + "_scale"][:, None] * new.get(name + "_factor", np.ones(w.shape[1], "f4"))
            assert np.all(np.abs(w * step - was) <= 0.501 * step), name
        else:
            assert np.array_equal(w, was), name


def test_the_built_in_model_and_shards_become_directories():
    out = new_path()
    p = quantize(out, "--json")
    got = json.loads(p.stdout)
    assert p.returncode == 0 and got["ok"] is True and got["model"] == "built-in" and got["directory"] == out, got
    assert got["bytes_after"] < got["bytes_before"] and got["matrices"] == 12 and got["pairs"] == 24
    assert 0.9 < got["tau"] <= 1 and 0 < got["largest"] < got["spread"], got
    assert logits(out, "int8") == logits(None, "int8")
    out = new_path()
    quantize(os.path.join(GOLDEN, "bert-sharded"), out)
    assert "model.safetensors.index.json" not in os.listdir(out)
    assert logits(out, "int8") == logits(os.path.join(GOLDEN, "bert-sharded"), "int8")


def test_a_folder_of_pooling_is_copied():
    source, out = os.path.join(GOLDEN, "embed-cls"), new_path()
    quantize(source, out)
    words = ["embed", "--cpu-level", "scalar", "--dtype", "int8", "-m"]
    assert run(words + [out], b"balan\n").stdout == run(words + [source], b"balan\n").stdout != b""


def test_an_order_that_changes_too_much_is_told_and_kept():
    out = new_path()
    p = quantize("--quiet", os.path.join(GOLDEN, "bert-truncate"), out)
    assert p.returncode == 4 and b"not good enough" in p.stdout, (p.returncode, p.stdout)
    assert os.path.exists(os.path.join(out, "model.safetensors"))
    again = quantize("--quiet", BERT, new_path())
    assert again.returncode == 0 and not again.stdout, again.stdout


def test_heads_that_are_wider_than_all_else_have_room():
    """qwen3-score: 4 heads of 16 beside 32 and 48; its check packs a layer at a time, in f32, at every level."""
    source = os.path.join(GOLDEN, "qwen3-score")
    for words in (("--cpu-level", "scalar"), ()):
        p = run(["quantize", *words, source, new_path()])
        assert p.returncode in (0, 4) and not p.stderr and b"beside f32" in p.stdout, (p.returncode, p.stderr)
    p = run(["rank", "-q", "a", "-m", source, "--dtype", "auto"], b"b\n")
    assert p.returncode == 0, (p.returncode, p.stderr)


def test_a_directory_that_is_in_use_is_left_alone():
    out = new_path()
    os.mkdir(out)
    with open(os.path.join(out, "mine"), "w") as f:
        f.write("x")
    p = quantize(BERT, out)
    assert p.returncode == 2 and b"is not empty" in p.stderr and os.listdir(out) == ["mine"], p.stderr
    p = quantize(BERT, os.path.join(out, "mine"))
    assert p.returncode == 2 and b"is a file" in p.stderr, p.stderr
    p = quantize(BERT, os.path.join(out, "no/where"))
    assert p.returncode == 1 and b"cannot make" in p.stderr, p.stderr


def test_models_that_cannot_be_quantized_leave_nothing():
    out, again = new_path(), new_path()
    assert quantize(BERT, out).returncode == 0
    p = quantize(out, again)
    assert p.returncode == 4 and b"query.weight': is I8 already" in p.stderr and not os.path.exists(again), p.stderr
    p = quantize(os.path.join(scratch, "nothing"), again)
    assert p.returncode == 4 and b"nothing'" in p.stderr and not os.path.exists(again), p.stderr
    bad = new_path()
    shutil.copytree(BERT, bad)
    path = os.path.join(bad, "model.safetensors")
    size, header = read_header(path)
    name = "bert.encoder.layer.1.output.dense.weight"
    with open(path, "r+b") as f:
        f.seek(8 + size + header[name]["data_offsets"][0])
        f.write(struct.pack("<f", float("nan")))
    p = quantize(bad, again)
    assert p.returncode == 4 and not os.path.exists(again), p.stderr
    assert f"tensor '{name}': row 0 has a value that is no number".encode() in p.stderr, p.stderr


def test_scales_that_are_none_are_refused_by_name():
    for value in (0.0, -1.0, float("inf"), float("nan")):
        out = new_path()
        quantize(BERT, out)
        path = os.path.join(out, "model.safetensors")
        size, header = read_header(path)
        name = "encoder.layer.1.output.dense.weight_scale"
        with open(path, "r+b") as f:
            f.seek(8 + size + header["bert." + name]["data_offsets"][0] + 4)
            f.write(struct.pack("<f", value))
        p = run(["rank", "-q", "a", "-m", out], b"b\n")
        assert p.returncode == 4 and f"'{name}': value 1 is {value:g}, expected".encode() in p.stderr, p.stderr


if __name__ == "__main__":
    tap.main(globals())
