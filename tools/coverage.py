#!/usr/bin/env python3
"""Line and branch coverage of src/ by folder and by file, from the counts of a build with --coverage.

Usage: coverage.py [--lines PERCENT] BUILD_FOLDER [FILE[:FUNCTION,...] ...].  A line that several programs
compile (an inline function of a header) counts as run when one of them ran it.  Branches of an assertion
do not count: one of them is never taken.  With files, the table is of these alone, and each line and
branch of theirs, or of these functions, or of all but -FUNCTION, must have been run: what was not is
listed, and the status is 1.  --lines asks for so many of their lines only.
"""
import argparse, gzip, json, os, subprocess, sys


def assertions(path):
    """-> numbers of the lines that assert something"""
    with open(path, encoding="utf-8") as f:
        return {i for i, line in enumerate(f, 1) if "WN_ASSERT(" in line}


def notes_of(build, wanted):
    paths = [os.path.join(top, n) for top, _, names in os.walk(build) for n in names if n.endswith(".gcno")]
    return sorted(p for p in paths if not wanted or os.path.relpath(p, build)[:-5] + ".c" in wanted)


def is_wanted(function, names):
    if not names:
        return True
    return "-" + str(function) not in names if any(n[0] == "-" for n in names) else function in names


def read_counts(build, wanted):
    """-> {file: {line: (count, [branch counts])}}; wanted: {file: names of functions, all behind '-', or nothing for all}"""
    files = {}
    for path in notes_of(build, wanted):
        done = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", path],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        text = gzip.decompress(done.stdout) if done.stdout[:2] == b"\x1f\x8b" else done.stdout
        for unit in json.loads(text)["files"]:
            if not unit["file"].startswith("src/") or (wanted and unit["file"] not in wanted):
                continue
            lines, asserted = files.setdefault(unit["file"], {}), assertions(unit["file"])
            for line in unit["lines"]:
                if not is_wanted(line.get("function_name"), wanted.get(unit["file"])):
                    continue
                branches = [b["count"] for b in line["branches"] if line["line_number"] not in asserted]
                count, old = lines.get(line["line_number"], (0, [0] * len(branches)))
                if len(old) == len(branches):
                    branches = [a + b for a, b in zip(old, branches)]
                lines[line["line_number"]] = (count + line["count"], branches)
    return files


def share(hit, total):
    return f"{100 * hit / total:6.1f} % of {total:5d}" if total else f"{'':>16}"


def row_of(lines):
    branches = [b for _, bs in lines.values() for b in bs]
    return [sum(c > 0 for c, _ in lines.values()), len(lines), sum(b > 0 for b in branches), len(branches)]


def print_table(files):
    rows, sums = {path: row_of(lines) for path, lines in files.items()}, {}
    for path, row in rows.items():
        for key in [os.path.dirname(path) + "/", "all"]:
            sums[key] = [a + b for a, b in zip(sums.get(key, [0] * 4), row)]
    print(f"{'':34}{'lines':>16}   {'branches':>16}")
    for folder in sorted(k for k in sums if k != "all") + ["all"]:
        print(f"{folder:34}{share(*sums[folder][:2])}   {share(*sums[folder][2:])}")
        for path in sorted(p for p in rows if os.path.dirname(p) + "/" == folder):
            print(f"  {os.path.basename(path):32}{share(*rows[path][:2])}   {share(*rows[path][2:])}")


def missed(files):
    """-> "file:line: why" of each line that was not run, or not in all its branches"""
    for path, lines in sorted(files.items()):
        for number, (count, branches) in sorted(lines.items()):
            taken = sum(b > 0 for b in branches)
            if count == 0:
                yield f"{path}:{number}: not run"
            elif taken < len(branches):
                yield f"{path}:{number}: {taken} of {len(branches)} branches taken"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=float, metavar="PERCENT")
    parser.add_argument("build")
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    names = [name.partition(":") for name in args.files]
    wanted = {path: set(functions.split(",")) - {""} for path, _, functions in names}
    files = read_counts(args.build, wanted)
    absent = [path for path in wanted if not files.get(path)]
    if not files or absent:
        sys.exit(f"no counts of {' '.join(absent) or 'src/'} below {args.build}: build with VARIANT=cover and run the tests")
    print_table(files)
    hit, total = (sum(row_of(lines)[i] for lines in files.values()) for i in (0, 1))
    gaps = list(missed(files)) if wanted and (args.lines is None or 100 * hit < args.lines * total) else []
    if gaps:
        sys.exit("\n".join(gaps))


if __name__ == "__main__":
    main()
