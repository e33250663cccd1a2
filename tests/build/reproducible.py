#!/usr/bin/env python3
"""The same sources built in another folder give the same bytes as the build of this one."""
import os, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../.."))
sys.path[:0] = [os.path.join(HERE, "../support"), os.path.join(HERE, "../../tools")]
import tap, tidy

BUILD = os.environ.get("WINNOW_BUILD", os.path.join(ROOT, "build/release"))


def read(path):
    with open(path, "rb") as f:
        return f.read()


def test_another_folder_gives_the_same_bytes():
    if os.path.basename(BUILD) != "release":
        raise tap.Skip("only the release build is compared")
    with tempfile.TemporaryDirectory(prefix="winnow-a-much-longer-folder-name-") as other:
        for path in tidy.Tree(ROOT).paths:
            os.makedirs(os.path.dirname(os.path.join(other, path)), exist_ok=True)
            shutil.copy(os.path.join(ROOT, path), os.path.join(other, path))
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        subprocess.run(["make", f"-j{os.cpu_count()}", "-C", other, "all"], check=True, env=env,
                       stdout=subprocess.DEVNULL)
        names = [n for n in sorted(os.listdir(BUILD)) if n == "winnow" or n.startswith("libwinnow")]
        assert len(names) >= 4, names
        for name in names:
            assert read(os.path.join(BUILD, name)) == read(os.path.join(other, "build/release", name)), \
                f"{name} differs"
            print(f"# {name}: same bytes")


if __name__ == "__main__":
    tap.main(globals())
