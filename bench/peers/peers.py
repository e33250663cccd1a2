"""The engines of the comparison.  Each has a name, a dtype, and ways(query, documents): what it would do with a request, as
[(description, function that returns the logits)]; of several ways the fastest counts.

Winnow and sentence-transformers get texts.  ONNX Runtime, OpenVINO and torch get ids that are ready, sorted by length and
padded to the longest of a batch: their time is the model's alone, and what a reader does with its outputs.
"""
import os, random
import numpy as np

import families, hold

BATCHES = (8, 1)
CALIBRATION = 16  # pairs


def cpu_flags():
    with open("/proc/cpuinfo") as f:
        return set(next((l.split(":")[1] for l in f if l.startswith(("flags", "Features"))), "").split())


def has_bf16():
    return bool(cpu_flags() & {"avx512_bf16", "amx_bf16", "bf16"}) and not hold.is_held


def padded(sequences, pad_id, size):
    """Batches of sequences: [(rows, {input name: ids})], the longest last."""
    rows = sorted(range(len(sequences)), key=lambda i: len(sequences[i][0]))
    batches = []
    for at in range(0, len(rows), size):
        part = [sequences[i] for i in rows[at:at + size]]
        longest = max(len(ids) for ids, _, _ in part)
        pad = lambda xs, with_: np.array([x + [with_] * (longest - len(x)) for x in xs], dtype=np.int64)
        batches.append((rows[at:at + size], {"input_ids": pad([ids for ids, _, _ in part], pad_id),
                                             "attention_mask": pad([[1] * seen for _, _, seen in part], 0),
                                             "token_type_ids": pad([types for _, types, _ in part], 0)}))
    return batches


class Padded:
    """An engine that is given padded batches; graphs is [(description, infer)] with infer(feed) -> outputs [batch]..."""

    def ways(self, query, documents):
        groups = self.reader.groups(query, documents)

        def way(infer, batches):
            def run():
                outputs = [[None] * len(g) for g in groups]
                for out, of_group in zip(outputs, batches):
                    for rows, feed in of_group:
                        for i, z in zip(rows, infer(feed)):
                            out[i] = z
                return self.reader.scores(groups, outputs)
            return run

        sizes = sorted({min(b, max(map(len, groups))) for b in BATCHES}, reverse=True)
        return [(graph + (f"batches of {size}" if size > 1 else "one at a time"),
                 way(infer, [padded(g, self.reader.pad_id, size) for g in groups])) for graph, infer in self.graphs for size in sizes]


class OnnxRuntime(Padded):
    def __init__(self, reader, threads, dtype):
        import onnxruntime as ort
        folder = reader.folder
        plain = os.path.join(folder, "model.onnx")
        make = quantized if dtype == "int8" else lambda path: path
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        open_one = lambda path: ort.InferenceSession(make(path), options, providers=["CPUExecutionProvider"])
        self.graphs = [("", self.infer_by(open_one(plain)))]
        if not reader.shape.is_decoder:  # for which there is nothing to fuse
            self.graphs.append(("fused, ", self.infer_by(open_one(fused(plain, reader.shape)))))
        self.reader, self.name, self.dtype, self.version = reader, "onnxruntime", dtype, ort.__version__

    @staticmethod
    def infer_by(session):
        types = {i.name: np.int32 if "int32" in i.type else np.int64 for i in session.get_inputs()}
        return lambda feed: session.run(["logits"], {n: feed[n].astype(t, copy=False) for n, t in types.items()})[0]


def fused(path, shape):
    """Beside the model, with the operators of ONNX Runtime for attention, norms and GELU in place of the exported ones."""
    out = path.replace(".onnx", "-fused.onnx")
    if not os.path.exists(out):
        from onnxruntime.transformers.optimizer import optimize_model
        c = shape.config
        model = optimize_model(path, model_type="bert", num_heads=c.get("num_attention_heads", c.get("n_heads")),
                               hidden_size=c.get("hidden_size", c.get("dim")), opt_level=0)
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
    def __init__(self, reader, threads, dtype):
        import openvino as ov
        core = ov.Core()
        path = os.path.join(reader.folder, "model.onnx")
        self.reader = reader
        model = core.read_model(self.int8(core, path) if dtype == "int8" else path)
        names = [i.any_name for i in model.inputs]
        compiled = core.compile_model(model, "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": str(threads),
            "INFERENCE_PRECISION_HINT": "bf16" if dtype == "bf16" else "f32"})
        request = compiled.create_infer_request()
        self.graphs = [("", lambda feed: request.infer({n: feed[n] for n in names})[0])]
        self.name, self.dtype, self.version = "openvino", dtype, ov.__version__.split("-")[0]

    def int8(self, core, path):
        """Beside the model, quantised by NNCF with random pairs to calibrate with."""
        out = path.replace(".onnx", "-int8.xml")
        if not os.path.exists(out):
            import nncf, openvino as ov
            model, rng = core.read_model(path), random.Random(7)
            names = [i.any_name for i in model.inputs]
            text = lambda n: " ".join(self.reader.word(rng) for _ in range(n))
            pairs = [(text(12), [text(rng.randrange(20, 200))]) for _ in range(CALIBRATION)]
            feeds = [padded(self.reader.groups(*p)[-1], self.reader.pad_id, 1)[0][1] for p in pairs]
            small = nncf.quantize(model, nncf.Dataset([{n: f[n] for n in names} for f in feeds]),
                                  model_type=nncf.ModelType.TRANSFORMER, subset_size=len(feeds))
            ov.save_model(small, out, compress_to_fp16=False)
        return out


class Torch(Padded):
    """The module of a family that sentence-transformers cannot load without code from elsewhere."""

    def __init__(self, reader, threads, dtype):
        import torch
        torch.set_num_threads(threads)
        module = families.open_module(reader.name, reader.folder, kind_of(dtype))
        names = ["input_ids", "attention_mask"] + (["token_type_ids"] if module.has_types else [])

        def infer(feed):
            with torch.inference_mode():
                return module(*(torch.from_numpy(feed[n]) for n in names)).float().numpy()
        self.graphs, self.reader = [("", infer)], reader
        self.name, self.dtype, self.version = "torch", dtype, torch.__version__.split("+")[0]


def kind_of(dtype):
    import torch
    return torch.bfloat16 if dtype == "bf16" else torch.float32


class SentenceTransformers:
    def __init__(self, reader, threads, dtype):
        import sentence_transformers, torch
        torch.set_num_threads(threads)
        more = dict(device="cpu", model_kwargs={"dtype": kind_of(dtype)})
        if reader.shape.kind == "late":
            self.model, self.score = sentence_transformers.MultiVectorEncoder(reader.folder, **more), self.compare
        else:
            self.model, self.score = sentence_transformers.CrossEncoder(reader.plain_folder, max_length=512, **more), self.predict
        self.identity = torch.nn.Identity()
        self.name, self.dtype, self.version = "sentence-transformers", dtype, sentence_transformers.__version__

    def predict(self, query, documents):
        return self.model.predict([(query, d) for d in documents], activation_fn=self.identity, show_progress_bar=False)

    def compare(self, query, documents):
        vectors = self.model.encode_document(documents, batch_size=32, show_progress_bar=False)
        return self.model.similarity(self.model.encode_query([query], show_progress_bar=False), vectors)[0]

    def ways(self, query, documents):
        return [("texts in batches of 32", lambda: [float(x) for x in self.score(query, documents)])]


KEYS = {OnnxRuntime: "onnxruntime", OpenVino: "openvino", Torch: "torch", SentenceTransformers: "sentence-transformers"}
PEERS = [(OnnxRuntime, "f32"), (OnnxRuntime, "int8"), (OpenVino, "f32"), (OpenVino, "bf16"), (OpenVino, "int8"), (Torch, "f32"),
         (Torch, "bf16"), (SentenceTransformers, "f32"), (SentenceTransformers, "bf16")]


def open_peers(reader, threads, wanted):
    """Those whose names are wanted, or all; bf16 where the processor has it; of the last two the one that can."""
    left_out = Torch if reader.shape.kind in ("pairs", "flash", "late") else SentenceTransformers
    engines = []
    for kind, dtype in PEERS:
        if kind is left_out or (wanted and KEYS[kind] not in wanted) or (dtype == "bf16" and not has_bf16()):
            continue
        try:
            engines.append(kind(reader, threads, dtype))
        except Exception as error:  # of an export or a quantiser that does not know the family
            print(f"# {KEYS[kind]} {dtype}: {type(error).__name__}: {error}".split("\n")[0][:200], flush=True)
    return engines
