#!/usr/bin/env python3
"""What `make install` gives: complete, removable, usable by a stranger with pkg-config, hardened."""
import atexit, os, re, shutil, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "../.."))
sys.path.insert(0, os.path.join(HERE, "../support"))
import tap

BUILD = os.environ.get("WINNOW_BUILD", os.path.join(ROOT, "build/release"))
QUERY = ["how do plants make food", "Trains run late on Sundays.", "Photosynthesis turns light into sugar."]
scratch = tempfile.mkdtemp(prefix="winnow-install-")
atexit.register(shutil.rmtree, scratch)
PREFIX = os.path.join(scratch, "opt")


def output(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{command}: exit status {done.returncode}\n{done.stdout}"
    return done.stdout


def make(*arguments):
    if os.path.basename(BUILD) != "release":
        raise tap.Skip("only the release build is installed")
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    return output("make", "-C", ROOT, f"B={os.path.relpath(BUILD, ROOT)}", *arguments, env=env)


def files_below(folder):
    return {os.path.relpath(os.path.join(top, name), folder)
            for top, _, names in os.walk(folder) for name in names}


def installed(path):
    full = os.path.join(PREFIX, path)
    if not os.path.exists(full):
        make("install", f"PREFIX={PREFIX}")
    return full


def pkg_config(*options):
    installed("lib/pkgconfig/winnow.pc")
    env = dict(os.environ, PKG_CONFIG_PATH=os.path.join(PREFIX, "lib/pkgconfig"))
    return output("pkg-config", *options, "winnow", env=env).split()


def version():
    with open(os.path.join(ROOT, "include/winnow.h")) as f:
        return re.search(r'WN_VERSION "(.*)"', f.read())[1]


def test_install_gives_every_file_and_uninstall_takes_all_back():
    stage = os.path.join(scratch, "stage")
    make("install", f"DESTDIR={stage}", "PREFIX=/usr")
    assert files_below(stage) == {
        "usr/bin/winnow", "usr/include/winnow.h", "usr/lib/libwinnow.a", "usr/lib/libwinnow.so",
        "usr/lib/libwinnow.so.0", f"usr/lib/libwinnow.so.{version()}", "usr/lib/pkgconfig/winnow.pc",
        "usr/share/bash-completion/completions/winnow", "usr/share/doc/winnow/LICENSE",
        "usr/share/fish/vendor_completions.d/winnow.fish", "usr/share/man/man1/winnow.1",
        "usr/share/zsh/site-functions/_winnow"}, files_below(stage)
    with open(os.path.join(stage, "usr/lib/pkgconfig/winnow.pc")) as f:
        assert stage not in f.read()
    make("uninstall", f"DESTDIR={stage}", "PREFIX=/usr")
    assert files_below(stage) == set(), files_below(stage)


def compile_and_run(name, libs):
    program = os.path.join(scratch, name)
    output("cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
           os.path.join(ROOT, "examples/rank.c"), *pkg_config("--cflags"), *libs, "-o", program)
    env = dict(os.environ, LD_LIBRARY_PATH=os.path.join(PREFIX, "lib"))
    lines = output(program, *QUERY, env=env).splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == [QUERY[2], QUERY[1]], lines
    return output("ldd", program, env=env)


def test_example_links_with_the_shared_library():
    linked = compile_and_run("shared", pkg_config("--libs"))
    assert f"libwinnow.so.0 => {PREFIX}/lib/libwinnow.so.0" in linked, linked
    assert pkg_config("--modversion") == [version()]


def test_example_links_with_the_static_library():
    libs = ["-l:libwinnow.a" if x == "-lwinnow" else x for x in pkg_config("--static", "--libs")]
    linked = compile_and_run("static", libs)
    assert "libwinnow" not in linked and "libjansson" in linked, linked


def test_header_is_usable_from_cxx():
    include = os.path.dirname(installed("include/winnow.h"))
    if shutil.which("g++") is None:
        raise tap.Skip("no C++ compiler")
    output("g++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", include,
           "-x", "c++", "-", input="#include <winnow.h>\nint main() { return wn_version() == nullptr; }\n")


def test_shared_library_has_its_soname_and_exports_only_the_public_header():
    library = installed("lib/libwinnow.so")
    assert "Library soname: [libwinnow.so.0]" in output("readelf", "-d", library)
    symbols = {line.split()[0] for line in output("nm", "-D", "--defined-only", "-P", library).splitlines()}
    with open(installed("include/winnow.h")) as f:
        public = set(re.findall(r"^WN_API[^;(]*?(\w+)\(", f.read(), re.M))
    assert symbols == public, f"exported only {symbols - public}, declared only {public - symbols}"


def test_program_and_library_are_hardened():
    for path in [installed("bin/winnow"), installed("lib/libwinnow.so")]:
        head, segments = output("readelf", "-h", path), output("readelf", "-lW", path)
        dynamic, symbols = output("readelf", "-d", path), output("readelf", "--dyn-syms", "-W", path)
        assert re.search(r"Type:\s+DYN", head), f"{path} is not position independent"
        assert "GNU_RELRO" in segments, f"{path}: no RELRO"
        assert re.search(r"BIND_NOW|Flags:.* NOW", dynamic), f"{path}: late binding"
        assert re.search(r"GNU_STACK.* RW +0x", segments), f"{path}: executable stack"
        assert not re.search(r" RWE +0x", segments), f"{path}: a segment is writable and executable"
        assert "TEXTREL" not in dynamic, f"{path}: relocations in code"
        assert "RPATH" not in dynamic and "RUNPATH" not in dynamic, f"{path}: a search path is built in"
        assert "__stack_chk_fail" in symbols and "_chk@" in symbols, f"{path}: not fortified"


def test_program_needs_only_the_listed_libraries():
    needed = set(re.findall(r"NEEDED.*\[(.*?)\.so", output("readelf", "-d", installed("bin/winnow"))))
    serve = {"libevent-2.1", "libevent_pthreads-2.1", "libevent_openssl-2.1", "libhttp_parser", "libssl", "libcrypto",
             "libsqlite3", "libyaml-0", "libseccomp"}
    assert needed <= {"libjansson", "libutf8proc", "libpcre2-8", "libm", "libc"} | serve, needed


if __name__ == "__main__":
    tap.main(globals())
