"""libwinnow.so through ctypes, just enough to rank: the same in-process footing as the other engines."""
import ctypes as c


class Str(c.Structure):
    _fields_ = [("ptr", c.c_char_p), ("len", c.c_size_t)]


class Error(c.Structure):
    _fields_ = [("status", c.c_int), ("where", c.c_char * 44), ("message", c.c_char * 464)]


class EngineOptions(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("model_dir", c.c_char_p), ("cpu_level", c.c_char_p),
                ("n_threads", c.c_int32), ("dtype", c.c_char_p)]


class RunnerOptions(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("n_threads", c.c_int32), ("batch_tokens", c.c_int32)]


class Request(c.Structure):
    _fields_ = [("struct_size", c.c_size_t), ("query", Str), ("documents", c.POINTER(Str)),
                ("n_documents", c.c_size_t), ("top_n", c.c_size_t), ("long_docs", c.c_int),
                ("plain_specials", c.c_bool), ("want_windows", c.c_bool), ("should_stop", c.c_void_p),
                ("progress", c.c_void_p), ("user", c.c_void_p)]


class Result(c.Structure):
    _fields_ = [("index", c.c_size_t), ("logit", c.c_float), ("relevance_score", c.c_double),
                ("empty", c.c_bool), ("truncated", c.c_bool), ("scored", c.c_bool), ("n_windows", c.c_uint32),
                ("n_tokens", c.c_uint32), ("window_start", c.c_size_t), ("window_end", c.c_size_t), ("field", c.c_uint32)]


class RowRef(c.Structure):
    _fields_ = [("job", c.c_void_p), ("row", c.c_size_t), ("vectors", c.c_void_p), ("known", c.c_bool), ("format", c.c_int)]


class Info(c.Structure):
    _fields_ = [("struct_size", c.c_size_t)] + [(n, c.c_char_p) for n in (
        "model", "family", "tokenizer", "activation", "cpu_level", "cpu_reason")] + [("kind", c.c_int)] + [
        (n, c.c_int32) for n in ("n_layers", "hidden", "n_heads", "intermediate", "vocab", "dim", "max_tokens",
                                 "max_query_tokens")] + [("n_parameters", c.c_uint64), ("weight_bytes", c.c_size_t),
                                                         ("mapped_bytes", c.c_size_t), ("fingerprint", c.c_char_p),
                                                         ("max_document_tokens", c.c_int32), ("dtype", c.c_char_p)]


class Winnow:
    """One engine and one runner."""

    def __init__(self, library, model_dir=None, threads=0, cpu_level=None, batch_tokens=0, dtype=None):
        self.lib = c.CDLL(library)
        self.lib.wn_job_results.restype = c.POINTER(Result)
        self.lib.wn_job_n_rows.restype = self.lib.wn_job_vector_bytes.restype = c.c_size_t
        self.lib.wn_version.restype = c.c_char_p
        self.err = Error()
        self.engine, self.runner = c.c_void_p(), c.c_void_p()
        options = EngineOptions(c.sizeof(EngineOptions), model_dir and model_dir.encode(),
                                cpu_level and cpu_level.encode(), threads, dtype and dtype.encode())
        self.check(self.lib.wn_engine_open(c.byref(self.engine), c.byref(options), c.byref(self.err)))
        runner = RunnerOptions(c.sizeof(RunnerOptions), threads, batch_tokens)
        self.check(self.lib.wn_runner_new(c.byref(self.runner), self.engine, c.byref(runner), c.byref(self.err)))
        info = Info(c.sizeof(Info))
        self.check(self.lib.wn_engine_get_info(self.engine, c.byref(info), c.byref(self.err)))
        self.cpu_level, self.dtype = info.cpu_level.decode(), info.dtype.decode()
        self.version = self.lib.wn_version().decode()

    def check(self, status):
        if status:
            raise RuntimeError(self.err.message.decode())

    def close(self):
        self.lib.wn_runner_free(self.runner)
        self.lib.wn_engine_close(self.engine)

    def request(self, query, documents):
        """-> a request, and what has to live as long"""
        texts = [d.encode() for d in documents]
        array = (Str * len(texts))(*[Str(t, len(t)) for t in texts])
        q = query.encode()
        return Request(c.sizeof(Request), Str(q, len(q)), array, len(texts)), (texts, array, q)

    def take_logits(self, job):
        """-> logits in the order of the documents; frees the job"""
        n = c.c_size_t()
        results = self.lib.wn_job_results(job, c.byref(n))
        logits = [0.0] * n.value
        for i in range(n.value):
            logits[results[i].index] = results[i].logit
        self.lib.wn_job_free(job)
        return logits

    def rank(self, query, documents):
        request, held = self.request(query, documents)
        job = c.c_void_p()
        self.check(self.lib.wn_rank(c.byref(job), self.runner, c.byref(request), c.byref(self.err)))
        return self.take_logits(job)

    def rank_kept(self, query, documents, kept, int8=False):
        """As rank(), for models that read documents for themselves: their vectors are written to the dictionary
        `kept` when it is empty, else taken from it; int8: they are rounded."""
        request, held = self.request(query, documents)
        job = c.c_void_p()
        self.check(self.lib.wn_job_new(c.byref(job), self.runner, c.byref(request), c.byref(self.err)))
        n, known = self.lib.wn_job_n_rows(job), bool(kept)
        for row in () if known else range(n):
            kept[row] = c.create_string_buffer(self.lib.wn_job_vector_bytes(job, c.c_size_t(row), int(int8)))
        rows = (RowRef * n)(*[RowRef(job.value, row, c.addressof(kept[row]), known, int(int8)) for row in range(n)])
        self.check(self.lib.wn_run_rows(self.runner, rows, c.c_size_t(n), c.byref(self.err)))
        self.check(self.lib.wn_job_end(job, c.c_bool(False), c.byref(self.err)))
        return self.take_logits(job)
