"""Holds the other engines to AVX2, so that a machine with more can tell how they compare on one without.  oneDNN and torch
read their environment for it.  ONNX Runtime's kernels ask the processor as the library is loaded and take no advice: what
is loaded is a copy of the library in which the jump behind the question for AVX-512 is always taken.
"""
import glob, importlib.machinery, importlib.util, os, re, sys, tempfile

ENVIRONMENT = {"ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
# test REG, 1 << 16 (AVX512F); jz; mov rax, REG; not rax; test al, 0xE0 (state that the system keeps); jz
QUESTION = re.compile(rb"\xf7[\xc0-\xc7]\x00\x00\x01\x00\x74.[\x48\x4c]\x89.\x48\xf7\xd0\xa8\xe0\x0f\x84", re.S)
JUMP_AT, JUMP = 6, b"\xeb"
MODULE = "onnxruntime.capi.onnxruntime_pybind11_state"


def held(code, name):
    places = [m.start() + JUMP_AT for m in QUESTION.finditer(code)]
    if len(places) != 1:
        raise SystemExit(f"{name}: the question for AVX-512 was found {len(places)} times, expected once")
    return code[:places[0]] + JUMP + code[places[0] + 1:]


def hold_onnxruntime():
    package = importlib.util.find_spec("onnxruntime")
    if package is None:
        return
    [path] = glob.glob(os.path.join(package.submodule_search_locations[0], "capi", "onnxruntime_pybind11_state*.so"))
    with open(path, "rb") as f, tempfile.NamedTemporaryFile(suffix=".so") as copy:
        copy.write(held(f.read(), path))
        copy.flush()
        spec = importlib.util.spec_from_file_location(MODULE, copy.name, loader=importlib.machinery.ExtensionFileLoader(MODULE, copy.name))
        sys.modules[MODULE] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[MODULE])


is_held = False


def hold_to_avx2():
    """Before any of the engines is loaded."""
    global is_held
    is_held = True
    os.environ.update(ENVIRONMENT)
    hold_onnxruntime()
