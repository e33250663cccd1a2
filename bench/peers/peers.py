"""The engines of the comparison.  Each has a name, a dtype, and ways(query, documents): what it would do with a request, as
[(description, function that returns the logits)]; of several ways the fastest counts.

Winnow and sentence-transformers get texts.  ONNX Runtime and OpenVINO get ids that are ready, sorted by length and padded to
the longest of a batch: their time is the model's alone.
"""
import json, os, random
import numpy as np
from tokenizers import Tokenizer

BATCHES = (8, 1)


def cpu_flags():
    with open("/proc/cpuinfo") as f:
        return set(next((l.split(":")[1] for l in f if l.startswith(("flags", "Features"))), "").split())


def has_bf16():
    return bool(cpu_flags() & {"avx512_bf16", "amx_bf16", "bf16"})


def padded(tokenizer, query, documents, size):
    """Batches of a request: [(rows, {input name: ids})], the longest last."""
    encoded = [tokenizer.encode(query, d) for d in documents]
    rows = sorted(range(len(documents)), key=lambda i: len(encoded[i].ids))
    pad_id = next(tokenizer.token_to_id(t) for t in ("[PAD]", "<pad>") if tokenizer.token_to_id(t) is not None)
    batches = []
    for at in range(0, len(rows), size):
        part = [encoded[i] for i in rows[at:at + size]]
        longest = max(len(e.ids) for e in part)
        pad = lambda xs, with_: np.array([x + [with_] * (longest - len(x)) for x in xs], dtype=np.int64)
        batches.append((rows[at:at + size], {"input_ids": pad([e.ids for e in part], pad_id),
                                             "attention_mask": pad([[1] * len(e.ids) for e in part], 0),
                                             "token_type_ids": pad([e.type_ids for e in part], 0)}))
    return batches


class Padded:
    """An engine that is given padded batches; graphs is [(description, infer)] with infer(feed) -> logits [batch]."""

    def ways(self, query, documents):
        def way(infer, batches):
            def run():
                logits = [0.0] * len(documents)
                for rows, feed in batches:
                    for i, z in zip(rows, infer(feed)):
                        logits[i] = float(z)
                return logits
            return run

        sizes = sorted({min(b, len(documents)) for b in BATCHES}, reverse=True)
        return [(graph + (f"batches of {size}" if size > 1 else "one at a time"),
                 way(infer, padded(self.tokenizer, query, documents, size))) for graph, infer in self.graphs for size in sizes]


class OnnxRuntime(Padded):
    def __init__(self, folder, threads, dtype):
        import onnxruntime as ort
        plain = os.path.join(folder, "model.onnx")
        make = quantized if dtype == "int8" else lambda path: path
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        open_one = lambda path: ort.InferenceSession(make(path), options, providers=["CPUExecutionProvider"])
        self.graphs = [("", self.infer_by(open_one(plain))), ("fused, ", self.infer_by(open_one(fused(plain))))]
        self.tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        self.name, self.dtype, self.version = "onnxruntime", dtype, ort.__version__

    @staticmethod
    def infer_by(session):
        types = {i.name: np.int32 if "int32" in i.type else np.int64 for i in session.get_inputs()}
        return lambda feed: session.run(["logits"], {n: feed[n].astype(t, copy=False) for n, t in types.items()})[0][:, 0]


def fused(path):
    """Beside the model, with the operators of ONNX Runtime for attention, norms and GELU in place of the exported ones."""
    out = path.replace(".onnx", "-fused.onnx")
    if not os.path.exists(out):
        from onnxruntime.transformers.optimizer import optimize_model
        with open(os.path.join(os.path.dirname(path), "config.json"), encoding="utf-8") as f:
            config = json.load(f)
        model = optimize_model(path, model_type="bert", num_heads=config["num_attention_heads"],
                               hidden_size=config["hidden_size"], opt_level=0)
        part = out.replace(".onnx", "-part.onnx")
        model.save_model_to_file(part)
        os.rename(part, out)
    return out


def quantized(path):
    """Beside the model, as the documentation of ONNX Runtime has it for transformers: dynamic, weights s8, a scale a tensor."""
    out = path.replace(".onnx", "-int8.onnx")
    if not os.path.exists(out):
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
        part = out.replace(".onnx", "-part.onnx")
        quantize_dynamic(path, part, weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
        os.rename(part, out)
    return out


class OpenVino(Padded):
    def __init__(self, folder, threads, dtype):
        import openvino as ov
        core = ov.Core()
        path = os.path.join(folder, "model.onnx")
        self.tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        model = core.read_model(self.int8(core, path) if dtype == "int8" else path)
        names = [i.any_name for i in model.inputs]
        compiled = core.compile_model(model, "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": str(threads),
            "INFERENCE_PRECISION_HINT": "bf16" if dtype == "bf16" else "f32"})
        request = compiled.create_infer_request()
        self.graphs = [("", lambda feed: request.infer({n: feed[n] for n in names})[0][:, 0])]
        self.name, self.dtype, self.version = "openvino", dtype, ov.__version__.split("-")[0]

    def int8(self, core, path):
        """Beside the model, quantised by NNCF with 64 random pairs to calibrate with."""
        out = path.replace(".onnx", "-int8.xml")
        if not os.path.exists(out):
            import nncf, openvino as ov
            model, rng = core.read_model(path), random.Random(7)
            names = [i.any_name for i in model.inputs]
            text = lambda n: " ".join(f"w{rng.randrange(30000)}" for _ in range(n))
            feeds = [padded(self.tokenizer, text(12), [text(rng.randrange(20, 200))], 1)[0][1] for _ in range(64)]
            small = nncf.quantize(model, nncf.Dataset([{n: f[n] for n in names} for f in feeds]),
                                  model_type=nncf.ModelType.TRANSFORMER, subset_size=len(feeds))
            ov.save_model(small, out, compress_to_fp16=False)
        return out


class SentenceTransformers:
    def __init__(self, folder, threads, dtype):
        import sentence_transformers, torch
        torch.set_num_threads(threads)
        kind = torch.bfloat16 if dtype == "bf16" else torch.float32
        self.identity = torch.nn.Identity()
        self.model = sentence_transformers.CrossEncoder(folder, device="cpu", max_length=512, model_kwargs={"dtype": kind})
        self.name, self.dtype, self.version = "sentence-transformers", dtype, sentence_transformers.__version__

    def ways(self, query, documents):
        def run():
            z = self.model.predict([(query, d) for d in documents], activation_fn=self.identity, show_progress_bar=False)
            return [float(x) for x in z]
        return [("texts in batches of 32", run)]


PEERS = [(OnnxRuntime, "f32"), (OnnxRuntime, "int8"), (OpenVino, "f32"), (OpenVino, "bf16"), (OpenVino, "int8"),
         (SentenceTransformers, "f32"), (SentenceTransformers, "bf16")]
KEYS = {OnnxRuntime: "onnxruntime", OpenVino: "openvino", SentenceTransformers: "sentence-transformers"}


def open_peers(folder, threads, wanted):
    """Those whose names are wanted, or all; bf16 where the processor has it."""
    return [kind(folder, threads, dtype) for kind, dtype in PEERS
            if (not wanted or KEYS[kind] in wanted) and (dtype != "bf16" or has_bf16())]
