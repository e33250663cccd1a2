#!/usr/bin/env python3
"""Check the rules of the house that a compiler does not check.  Prints TAP, exits 1 when one is broken.

Looks at the files that git tracks and at new ones that it does not ignore; in a tree without git at
all files outside build/ and .venv/.  A finding is a line `# file:line: why` before its `not ok`.
The C reader here knows comments, strings, preprocessor lines and braces; that is enough for code
that clang-format has laid out, and it is all that these rules need.
"""
import argparse, bisect, concurrent.futures, os, platform, re, shutil, subprocess, sys

# What a folder of src/ may include beside itself: a folder ("data/") or one file.
BASE = {"winnow.h", "base/"}
LAYERS = {
    "base": {"winnow.h"},
    "kernel": {"base/defs.h", "base/dtype.h"},
    "data": BASE,
    "compute": BASE | {"kernel/"},
    "token": BASE | {"data/"},
    "model": BASE | {"data/", "compute/", "kernel/kernel.h"},
    "rank": BASE | {"data/", "kernel/", "compute/", "token/", "model/"},
    "eval": BASE | {"data/"},
    "bench": {"base/", "kernel/", "compute/"},
    "hub": BASE | {"data/"},
    "serve": BASE | {"data/"},
    "cli": BASE | {"eval/", "bench/", "hub/", "serve/", "data/json_bind.h", "data/json_scan.h",
                   "data/json_text.h", "data/license.h", "data/lines.h"},
}
# Headers of other people's libraries, and the folders of src/ that may include them.
LIBRARIES = {
    "jansson.h": {"data", "token", "serve"},
    "curl/curl.h": {"hub"},
    "utf8proc.h": {"data", "eval", "cli"},
    "pcre2.h": {"token"},
    "pthread.h": {"base"},
    "stdatomic.h": {"base"},
    "http_parser.h": {"serve"},
    "sqlite3.h": {"serve"},
    "yaml.h": {"cli"},
    "seccomp.h": {"serve"},
}
ISA_HEADER = re.compile(r"(\w*intrin|cpuid|arm_\w+)\.h$")

# Banned call: (names, files or folders of src/ where it is allowed, what to do instead).
BANNED = [
    ("malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf aligned_alloc "
     "posix_memalign", ["base/mem.c"], "base/mem.h allocates"),
    ("sprintf vsprintf strcpy strcat stpcpy atoi atol atof gets strtok setjmp longjmp alloca rand "
     "srand", [], "unbounded, unchecked or stateful"),
    ("assert", [], "WN_ASSERT is on in release builds too"),
    ("getenv secure_getenv", ["cli/"], "only the program reads the environment"),
    ("printf vprintf fprintf vfprintf puts fputs putchar perror", ["cli/", "eval/", "base/status.c"],
     "the library never prints"),
    ("exit _exit _Exit quick_exit abort", ["cli/", "base/status.c"], "the library never exits"),
    ("signal sigaction setlocale json_set_alloc_funcs", ["cli/"],
     "the library changes nothing of its process"),
]
PROGRAM = ("cli", "eval", "bench", "hub", "serve")  # folders of src/ that are not in the library

MAX_C_LINES, MAX_H_LINES, MAX_FUNCTION_LINES, MAX_DEPTH, MAX_COLUMNS = 800, 300, 70, 4, 100
MAX_PUBLIC_H_LINES = 500  # include/winnow.h is one file on purpose
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
MACHINE_PATH = re.compile(r"/(?:work|root|farm)/|/home/\w|/tmp/bash" "_jobs")
CODE = (".c", ".h", ".py", ".sh", ".mk", ".S", "Makefile", "dev", ".ci/run")
TEXT = CODE + (".md", "deps/debian.txt", "deps/debian-test.txt", "deps/python-test.txt")

TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)|\bWN_(?:API|MUST_USE|UNUSED)\b"
                       r"|\bWN_PRINTF\([^)]*\)")


def blank(match):
    """Spaces of the same shape, so that lines and columns stay what they were."""
    return re.sub(r"[^\n]", " ", match[0])


class Source:
    """One C file: its text, the same without comments and strings, and its functions."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        self.lines = text.split("\n")
        self.line_starts = [0] + [m.end() for m in re.finditer("\n", text)]
        self.code = TOKEN.sub(lambda m: m[0] if m[0][0] in "\"'" else blank(m), text)
        self.bare = TOKEN.sub(
            lambda m: m[0][0] + " " * (len(m[0]) - 2) + m[0][-1] if m[0][0] in "\"'" else blank(m), text)
        self.plain = ATTRIBUTE.sub(blank, DIRECTIVE.sub(blank, self.bare))
        self.in_src = path.startswith("src/")
        self.folder = path.split("/")[1] if self.in_src else path.split("/")[0]
        self.name = os.path.basename(path)
        self.generated = path.endswith("_tables.c")
        self.functions, self.outer = split_top_level(self.plain)

    def line_of(self, offset):
        return bisect.bisect_right(self.line_starts, offset)

    def includes(self):
        """(line, name, quoted) of each #include."""
        for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', self.code, re.M):
            yield self.line_of(m.start()), m[2], m[1] == '"'

    def places(self):
        """What an allow list may name: the folder and the file."""
        return {self.folder + "/", self.path[len("src/"):]} if self.in_src else set()


def matching(text, at):
    """Offset behind the bracket that closes the one at `at`."""
    opening, depth = text[at], 0
    closing = {"(": ")", "{": "}", "[": "]"}[opening]
    for m in re.finditer(r"[%s]" % re.escape(opening + closing), text[at:]):
        depth += 1 if m[0] == opening else -1
        if depth == 0:
            return at + m.end()
    return len(text)


def split_top_level(plain):
    """-> functions [(name, start, body start, end)], other declarations [(start, text)]."""
    plain = re.sub(r'\bextern\s+" *"\s*\{', blank, plain)
    functions, outer, start, i = [], [], 0, 0
    while i < len(plain):
        c = plain[i]
        if c == "(":
            i = matching(plain, i)
            continue
        if c == "{":
            head, end = plain[start:i], matching(plain, i)
            m = re.search(r"(\w+)\s*\(", head)
            if m and "=" not in head and head.rstrip().endswith(")"):
                functions.append((m[1], start + len(head) - len(head.lstrip()), i, end))
                start = end
            i = end
            continue
        if c == ";":
            text = plain[start:i]
            outer.append((start + len(text) - len(text.lstrip()), text.strip()))
            start = i + 1
        elif c == "}":  # the end of extern "C"
            start = i + 1
        i += 1
    return functions, outer


STATEMENT = re.compile(r"\s*(\{|\}|;|\w+|.)", re.S)


def depth_of(body):
    """How deep control statements nest in a function body (text with its braces)."""
    deepest = 0

    def word_at(i):
        m = STATEMENT.match(body, i)
        return (m[1], m.start(1), m.end(1)) if m else ("", len(body), len(body))

    def simple_end(i):
        while i < len(body) and body[i] not in ";}":
            i = matching(body, i) if body[i] in "({[" else i + 1
        return min(i + 1, len(body)) if i < len(body) and body[i] == ";" else max(i, 1)

    def condition_end(i):
        at = body.find("(", i)
        return matching(body, at) if at >= 0 else len(body)

    def statement(i, depth):
        nonlocal deepest
        word, start, end = word_at(i)
        if word == "{":
            i = end
            while word_at(i)[0] not in ("}", ""):
                i = statement(i, depth)
            return word_at(i)[2]
        if word in ("if", "for", "while", "switch", "do"):
            deepest = max(deepest, depth + 1)
        if word in ("for", "while", "switch"):
            return statement(condition_end(end), depth + 1)
        if word == "do":
            return simple_end(statement(end, depth + 1))
        if word == "if":
            i = statement(condition_end(end), depth + 1)
            if word_at(i)[0] != "else":
                return i
            i = word_at(i)[2]
            return statement(i, depth if word_at(i)[0] == "if" else depth + 1)
        if word in ("case", "default"):
            return body.index(":", end) + 1 if ":" in body[end:] else len(body)
        return max(simple_end(start), end)

    statement(0, 0)
    return deepest


def declared_functions(source):
    """(name, start offset) of each non-static function that a header declares."""
    for start, text in source.outer:
        m = re.match(r"(?!typedef\b|static\b)[\w\s*]*?\b(\w+)\s*\((?!\s*\*)", text)
        if m and "=" not in text and "{" not in text[:m.end()]:
            yield m[1], start


def mutable_variable(declaration):
    """The name of the variable that a declaration with static lifetime makes, when it may change."""
    head = re.sub(r"\{.*\}", " ", declaration.split("=")[0], flags=re.S).strip()
    if re.match(r"((__extension__ )?typedef|extern|struct \w+$|enum\b|union\b|_Static_assert|static_assert)", head):
        return None
    head = re.sub(r"\[[^\]]*\]", "", head).strip()
    pointer_to_function = re.search(r"\(\s*\*\s*(const\s+)?(\w+)\s*\)\s*\(", head)
    if pointer_to_function and head.index("(") == pointer_to_function.start():
        return None if pointer_to_function[1] else pointer_to_function[2]
    if "(" in head or not re.match(r"[\w\s*,]+\w$", head) or len(head.split()) < 2:
        return None
    name = re.search(r"(\w+)$", head)[1]
    binding = head.rsplit("*", 1)[-1] if "*" in head else head
    return None if re.search(r"\bconst\b", binding) else name


# ---- the tree ------------------------------------------------------------------------------------


class Tree:
    """The files that the rules look at."""

    def __init__(self, root):
        self.root = root
        self.paths = sorted(p for p in self.list_files() if os.path.isfile(os.path.join(root, p)))
        self.texts = {p: self.read(p) for p in self.paths}
        self.sources = [Source(p, t) for p, t in self.with_suffix((".c", ".h"))]
        self.in_src = [s for s in self.sources if s.in_src]
        self.headers = [s for s in self.sources if s.name.endswith(".h")]

    def list_files(self):
        done = subprocess.run(["git", "-c", "safe.directory=*", "-C", self.root, "ls-files", "-z",
                               "--cached", "--others", "--exclude-standard"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if done.returncode == 0:
            return done.stdout.decode().split("\0")[:-1]
        found = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = [f for f in folders if f not in ("build", ".venv", ".git", "__pycache__")]
            found += [os.path.relpath(os.path.join(folder, f), self.root) for f in files]
        return found

    def read(self, path):
        """Text of a file; None for a binary or very large one."""
        full = os.path.join(self.root, path)
        if os.path.getsize(full) > 4 << 20:
            return None
        with open(full, "rb") as f:
            data = f.read()
        try:
            return None if b"\0" in data else data.decode("utf-8")
        except UnicodeDecodeError:
            return None

    def with_suffix(self, suffixes):
        return [(p, t) for p, t in self.texts.items() if t is not None and p.endswith(suffixes)]


RULES = []


class Skip(Exception):
    """A rule that cannot be checked here, and why."""


def rule(function):
    """A function of a tree that yields (path, line, why)."""
    RULES.append((function.__name__.replace("_", " "), function))
    return function


# ---- includes ------------------------------------------------------------------------------------


@rule
def layers(tree):
    for s in tree.in_src:
        if s.folder not in LAYERS:
            yield s.path, 1, f"folder '{s.folder}' has no row in the layer table"
            continue
        allowed = LAYERS[s.folder] | {s.folder + "/"}
        for line, name, quoted in s.includes():
            if quoted and name not in allowed and name.split("/")[0] + "/" not in allowed:
                yield s.path, line, f"{s.folder}/ may not include \"{name}\""
            if not quoted and s.folder not in LIBRARIES.get(name, {s.folder}):
                yield s.path, line, f"<{name}> belongs to {', '.join(sorted(LIBRARIES[name]))}"
    for s in tree.sources:
        for line, name, quoted in s.includes():
            if s.path.startswith(("include/", "examples/")) and quoted:
                yield s.path, line, f"an outsider has no \"{name}\""


@rule
def no_include_cycles(tree):
    graph = {s.path: ["src/" + name for _, name, quoted in s.includes() if quoted] for s in tree.headers}
    done, trail = set(), []

    def visit(path):
        if path in trail:
            yield path, 1, "include cycle: " + " -> ".join(trail[trail.index(path):] + [path])
        elif path not in done:
            trail.append(path)
            for target in graph.get(path, []):
                yield from visit(target)
            trail.pop()
            done.add(path)

    for path in graph:
        yield from visit(path)


@rule
def instruction_sets_stay_in_their_folders(tree):
    for s in tree.in_src:
        if re.match(r"src/kernel/(\w+/|cpu_\w+\.c$)", s.path):
            continue
        for line, name, _ in s.includes():
            if ISA_HEADER.search(name):
                yield s.path, line, f"<{name}> belongs to kernel/LEVEL/ and kernel/cpu_*.c"


@rule
def headers_compile_alone(tree):
    makefile = tree.texts.get("Makefile") or ""
    isa = dict(re.findall(r"^ISA_(\w+)\s*:?=(.*)$", makefile, re.M))
    arch_of = {level.rsplit("/", 1)[-1]: arch
               for arch, levels in re.findall(r"^LEVELS_(\w+)\s*:?=(.*)$", makefile, re.M)
               for level in levels.split()}
    flags = subprocess.run(["pkg-config", "--cflags", "jansson", "libutf8proc", "libpcre2-8"],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.split()

    def compile_one(s):
        folder = s.path.split("/")[-2] if s.in_src else ""
        level, arch = isa.get(folder, "").split(), arch_of.get(folder, platform.machine())
        compiler = "gcc" if arch == platform.machine() else f"{arch}-linux-gnu-gcc"
        if not shutil.which(compiler):
            return s, 0, ""
        done = subprocess.run(
            [compiler, "-std=c11", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Iinclude",
             "-Isrc", "-I.", *flags, *level, "-include", s.path, "-x", "c", os.devnull],
            cwd=tree.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        errors = [x for x in done.stderr.splitlines() if "error" in x] or done.stderr.splitlines()
        return s, done.returncode, errors[0] if errors else ""

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        for s, code, error in threads.map(compile_one, tree.headers):
            if code != 0:
                yield s.path, 1, error


# ---- shape ---------------------------------------------------------------------------------------


@rule
def sizes(tree):
    for s in tree.sources:
        if s.generated:
            continue
        most = MAX_PUBLIC_H_LINES if s.folder == "include" else MAX_H_LINES
        limit, n = MAX_C_LINES if s.name.endswith(".c") else most, len(s.lines) - 1
        if n > limit:
            yield s.path, n, f"{n} lines, at most {limit}"
        for i, line in enumerate(s.lines):
            if len(line) > MAX_COLUMNS:
                yield s.path, i + 1, f"{len(line)} columns, at most {MAX_COLUMNS}"
        for name, start, body, end in s.functions:
            n = s.line_of(end) - s.line_of(start) + 1
            if n > MAX_FUNCTION_LINES:
                yield s.path, s.line_of(start), f"{name}() has {n} lines, at most {MAX_FUNCTION_LINES}"
            depth = depth_of(s.plain[body:end])
            if depth > MAX_DEPTH:
                yield s.path, s.line_of(start), f"{name}() nests {depth} deep, at most {MAX_DEPTH}"


@rule
def white_space(tree):
    for path, text in tree.with_suffix(TEXT):
        makefile = path.endswith((".mk", "Makefile"))
        for i, line in enumerate(text.split("\n")):
            if line != line.rstrip():
                yield path, i + 1, "space or carriage return at the end of the line"
            elif "\t" in line and not makefile:
                yield path, i + 1, "tab"
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            yield path, text.count("\n"), "the file does not end with exactly one newline"


@rule
def ascii_outside_strings(tree):
    for s in tree.sources:
        outside = TOKEN.sub(lambda m: blank(m) if m[0][0] in "\"'" else m[0], s.text)
        for i, line in enumerate(outside.split("\n")):
            if not line.isascii():
                yield s.path, i + 1, "non-ASCII outside of a string"


@rule
def header_guards(tree):
    for s in tree.headers:
        stem = re.sub(r"\W", "_", s.name[:-2])
        guard = "WINNOW_H" if s.path == "include/winnow.h" else f"WN_{s.folder}_{stem}_H".upper()
        if not re.match(rf"\s*#ifndef {guard}\n#define {guard}\n.*\n#endif\s*$", s.code, re.S):
            yield s.path, 1, f"the file is not wrapped in the guard {guard}"


@rule
def file_names_are_unique(tree):
    first = {}
    for s in tree.sources:
        other = first.setdefault(s.name, s.path)
        if other != s.path:
            yield s.path, 1, f"same file name as {other}"


# ---- words ---------------------------------------------------------------------------------------


@rule
def banned_calls(tree):
    for names, allowed, why in BANNED:
        call = re.compile(rf"(?<![\w.>])({'|'.join(names.split())})\s*\(")
        for s in tree.in_src:
            if not s.places() & set(allowed):
                for m in call.finditer(s.bare):
                    yield s.path, s.line_of(m.start()), f"{m[1]}(): {why}"


@rule
def no_mutable_globals(tree):
    for s in tree.in_src:
        if s.folder in PROGRAM:
            continue
        declarations = [(start, text) for start, text in s.outer]
        for _, _, body, end in s.functions:
            inner = re.finditer(r"\bstatic\s[^;{=]*", s.plain[body:end])
            declarations += [(body + m.start(), m[0]) for m in inner]
        for start, text in declarations:
            name = mutable_variable(text)
            if name or "_Thread_local" in text:
                yield s.path, s.line_of(start), f"mutable variable of static lifetime: {name or text}"


@rule
def no_dead_or_unfinished_code(tree):
    for path, text in tree.with_suffix(CODE):
        for m in UNFINISHED.finditer(text):
            yield path, text.count("\n", 0, m.start()) + 1, f"{m[0]}: open an issue instead"
    for s in tree.sources:
        for m in re.finditer(r"^[ \t]*#[ \t]*if[ \t]+[01][ \t]*$", s.bare, re.M):
            yield s.path, s.line_of(m.start()), f"{m[0].strip()}: git remembers"


@rule
def comments_at_the_top(tree):
    for s in tree.sources:
        if not s.text.startswith("/*"):
            yield s.path, 1, "the file does not begin with a comment that says what it is"


@rule
def docstrings(tree):
    for s in tree.headers:
        for name, start in declared_functions(s):
            at = s.line_of(start) - 1
            block = at
            while block > 0 and s.lines[block - 1].strip():
                block -= 1
            if not any(re.match(r"\s*/?\*", line) for line in s.lines[block:at]):
                yield s.path, at + 1, f"{name}() has no comment above it"


@rule
def no_machine_paths(tree):
    for path, text in tree.texts.items():
        for i, line in enumerate((text or "").split("\n")):
            m = MACHINE_PATH.search(line) or (path.endswith(".md") and re.search(r"/tmp/\w", line))
            if m:
                yield path, i + 1, f"path of one machine: {m[0]}"


# ---- the library as built ------------------------------------------------------------------------


def nm(tree, name, *options):
    """Symbols that a built library defines."""
    path = os.path.join(tree.root, "build/release", name)
    if not os.path.exists(path):
        raise Skip(f"build/release/{name} is not built")
    done = subprocess.run(["nm", "--defined-only", "--extern-only", "-P", *options, path],
                          stdout=subprocess.PIPE, text=True, check=True)
    return {line.split()[0] for line in done.stdout.splitlines() if len(line.split()) > 1}


@rule
def symbols_start_with_wn(tree):
    for symbol in sorted(nm(tree, "libwinnow.a")):
        if not symbol.startswith("wn_"):
            yield "libwinnow.a", 1, f"symbol {symbol} does not start with wn_"


@rule
def exports_are_the_public_header(tree):
    exported = nm(tree, "libwinnow.so", "-D")
    text = TOKEN.sub(blank, tree.texts["include/winnow.h"])
    declared = set(re.findall(r"^WN_API[^;(]*?(\w+)\(", text, re.M))
    for symbol in sorted(exported - declared):
        yield "libwinnow.so", 1, f"exports {symbol}, which winnow.h does not declare"
    if "src/cli/main.c" in tree.texts:
        for symbol in sorted(declared - exported):
            yield "include/winnow.h", 1, f"declares {symbol}, which libwinnow.so does not export"


# ---- running -------------------------------------------------------------------------------------


def check(root):
    """-> [(rule, findings or the reason of a skip)]"""
    tree, results = Tree(root), []
    for name, function in RULES:
        try:
            results.append((name, list(function(tree))))
        except Skip as reason:
            results.append((name, str(reason)))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--root", default=os.path.dirname(here), help="the tree to look at")
    broken = False
    for i, (name, findings) in enumerate(check(parser.parse_args().root), 1):
        if isinstance(findings, str):
            print(f"ok {i} - {name} # SKIP {findings}")
            continue
        for path, line, why in findings:
            print(f"# {path}:{line}: {why}")
        print(f"{'not ok' if findings else 'ok'} {i} - {name}")
        broken |= bool(findings)
    print(f"1..{len(RULES)}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
