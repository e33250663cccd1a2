"""Holds the other engines to AVX2, so that a machine with more can tell how they compare on one without.  oneDNN and torch
read their environment for it.  ONNX Runtime's kernels ask the processor when the first session is opened and take no
advice: in this process's copy of its code the jump behind the question for AVX-512 becomes one that is always taken.
"""
import ctypes, mmap, os, re

ENVIRONMENT = {"ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
# test REG, 1 << 16 (AVX512F); jz; mov rax, REG; not rax; test al, 0xE0 (state that the system keeps); jz
QUESTION = re.compile(rb"\xf7[\xc0-\xc7]\x00\x00\x01\x00(\x74).[\x48\x4c]\x89.\x48\xf7\xd0\xa8\xe0\x0f\x84", re.S)
READ, WRITE, EXECUTE = 1, 2, 4


def code_of(library):
    """Where a library's code lies in this process."""
    with open("/proc/self/maps") as f:
        maps = [line.split() for line in f]
    return [[int(x, 16) for x in m[0].split("-")] for m in maps if "x" in m[1] and library in m[-1]]


def hold_onnxruntime():
    import onnxruntime
    places = [start + m.start(1) for start, end in code_of("onnxruntime_pybind11_state")
              for m in QUESTION.finditer(ctypes.string_at(start, end - start))]
    if len(places) != 1:
        raise SystemExit(f"onnxruntime {onnxruntime.__version__}: its question for AVX-512 was found {len(places)} times, expected once")
    libc, page = ctypes.CDLL(None, use_errno=True), ctypes.c_void_p(places[0] & -mmap.PAGESIZE)
    for access in (READ | WRITE | EXECUTE, READ | EXECUTE):
        if libc.mprotect(page, ctypes.c_size_t(mmap.PAGESIZE), access) != 0:
            raise SystemExit(f"onnxruntime: its code can't be changed: {os.strerror(ctypes.get_errno())}")
        if access & WRITE:
            ctypes.memmove(places[0], b"\xeb", 1)


def hold_to_avx2():
    """Before any of the engines is loaded."""
    os.environ.update(ENVIRONMENT)
    hold_onnxruntime()
