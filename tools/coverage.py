#!/usr/bin/env python3
"""Line and branch coverage of src/ by folder and by file, from the counts of a build with --coverage.

Usage: coverage.py BUILD_FOLDER.  A line that several programs compile (an inline function of a
header) counts as run when one of them ran it.
"""
import gzip, json, os, subprocess, sys


def read_counts(build):
    """-> {file: {line: (count, [branch counts])}}"""
    files = {}
    notes = [os.path.join(top, n) for top, _, names in os.walk(build) for n in names if n.endswith(".gcno")]
    for path in sorted(notes):
        done = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", path],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        text = gzip.decompress(done.stdout) if done.stdout[:2] == b"\x1f\x8b" else done.stdout
        for unit in json.loads(text)["files"]:
            if not unit["file"].startswith("src/"):
                continue
            lines = files.setdefault(unit["file"], {})
            for line in unit["lines"]:
                branches = [b["count"] for b in line["branches"]]
                count, old = lines.get(line["line_number"], (0, [0] * len(branches)))
                if len(old) == len(branches):
                    branches = [a + b for a, b in zip(old, branches)]
                lines[line["line_number"]] = (count + line["count"], branches)
    return files


def share(hit, total):
    return f"{100 * hit / total:6.1f} % of {total:5d}" if total else f"{'':>16}"


def main():
    files = read_counts(sys.argv[1])
    if not files:
        sys.exit(f"no counts below {sys.argv[1]}: build with VARIANT=cover and run the tests first")
    rows, sums = {}, {}
    for path, lines in files.items():
        branches = [b for _, bs in lines.values() for b in bs]
        row = [sum(c > 0 for c, _ in lines.values()), len(lines), sum(b > 0 for b in branches), len(branches)]
        rows[path] = row
        for key in [os.path.dirname(path) + "/", "all"]:
            sums[key] = [a + b for a, b in zip(sums.get(key, [0] * 4), row)]
    print(f"{'':34}{'lines':>16}   {'branches':>16}")
    for folder in sorted(k for k in sums if k != "all") + ["all"]:
        print(f"{folder:34}{share(*sums[folder][:2])}   {share(*sums[folder][2:])}")
        for path in sorted(p for p in rows if os.path.dirname(p) + "/" == folder):
            print(f"  {os.path.basename(path):32}{share(*rows[path][:2])}   {share(*rows[path][2:])}")


if __name__ == "__main__":
    main()
