#!/usr/bin/env python3
"""Time and memory of loading a model, beside reading its files.

  load_time.py [--models build/peers] [--shapes mini,base,large,built-in] [--dtypes f32,bf16,int8,auto]
               [--repeat 5] [--threads 0] [--cold]

The shapes are those of bench/peers/make_model.py; one that is not there is left out.  Runs of all kinds
take turns, each a process of its own; times are medians, memory the most of all runs.
  weights  the matrices of the layers in the dtype that was chosen, all else as the file has it
  packed   what of that the engine copies into memory; tables stay in the file
  read     cat of the weights and the tokenizer into nothing; cpu: its processor time
  load     wn_engine_open(); cpu: of all threads
  after    resident memory of the whole process when the model is loaded, and as a share of the weights
  peak     the most that it was until then
With --cold the files' pages are dropped from the page cache before each run; else they are in it.
"""
import argparse, json, math, os, statistics, struct, subprocess, time

WIDTH = {"f32": 4, "bf16": 2, "int8": 1}


def weights_of(path, dtype):
    """Bytes of a model's weights when the matrices of its layers are of a dtype."""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
    header.pop("__metadata__", None)
    total = 0
    for name, t in header.items():
        is_matrix = len(t["shape"]) == 2 and ".layer" in name
        total += math.prod(t["shape"]) * WIDTH[dtype] if is_matrix else t["data_offsets"][1] - t["data_offsets"][0]
    return total


def drop(paths):
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def read(paths):
    """-> wall seconds, processor seconds"""
    start = time.perf_counter()
    pid = os.posix_spawnp("cat", ["cat", *paths], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, status, usage = os.wait4(pid, 0)
    if status != 0:
        raise SystemExit(f"cat ended with status {status}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def measure(args, shape):
    folder = "models/default" if shape == "built-in" else os.path.join(args.models, shape)
    model = os.path.join(folder, "model.safetensors")
    files = [model, os.path.join(folder, "tokenizer.json")]
    held = [args.program] if shape == "built-in" else files
    reads, loads = [], {d: [] for d in args.dtypes.split(",")}
    read(files)
    for _ in range(args.repeat):
        if args.cold:
            drop(files)
        reads.append(read(files))
        for dtype, runs in loads.items():
            if args.cold:
                drop(held)
            out = subprocess.run([args.program, "built-in" if shape == "built-in" else folder, dtype, str(args.threads)],
                                 stdout=subprocess.PIPE, check=True).stdout
            runs.append(json.loads(out))
    read_s, read_cpu = (statistics.median(column) for column in zip(*reads))
    for dtype, runs in loads.items():
        weights = weights_of(model, runs[0]["dtype"])
        load_s, load_cpu = (statistics.median(r[k] for r in runs) for k in ("seconds", "cpu_seconds"))
        after, peak = (max(r[k] for r in runs) for k in ("resident_bytes", "peak_bytes"))
        name = dtype if dtype != "auto" else f"auto: {runs[0]['dtype']}"
        print(f"{shape:9} {name:10} {os.path.getsize(model) / 1e6:8.1f} {weights / 1e6:8.1f} {runs[0]['weight_bytes'] / 1e6:8.1f} "
              f"{read_s:7.3f} {load_s:7.3f} {load_s / read_s:6.2f} {read_cpu:7.3f} {load_cpu:7.3f} {load_cpu / read_cpu:6.2f} "
              f"{after / 1e6:8.1f} {after / weights:5.2f} {peak / 1e6:8.1f} {peak / weights:5.2f}", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--program", default="build/release/bench/load_time")
    p.add_argument("--models", default="build/peers")
    p.add_argument("--shapes", default="mini,base,large,built-in")
    p.add_argument("--dtypes", default="f32,bf16,int8,auto")
    p.add_argument("--repeat", type=int, default=5)
    p.add_argument("--threads", type=int, default=0, help="0: all")
    p.add_argument("--cold", action="store_true")
    args = p.parse_args()
    print(f"{'shape':9} {'dtype':10} {'file MB':>8} {'weights':>8} {'packed':>8} {'read s':>7} {'load s':>7} {'ratio':>6} "
          f"{'r. cpu':>7} {'l. cpu':>7} {'ratio':>6} {'after MB':>8} {'share':>5} {'peak MB':>8} {'share':>5}")
    for shape in args.shapes.split(","):
        if shape == "built-in" or os.path.exists(os.path.join(args.models, shape, "model.safetensors")):
            measure(args, shape)


if __name__ == "__main__":
    main()
