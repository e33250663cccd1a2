#!/usr/bin/env python3
"""Each rule of tools/tidy.py fires on a tree that breaks it, and not on one that does not."""
import os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../support"), os.path.join(HERE, "../../tools")]
import tap, tidy

HEADER = """/* A header. */
#ifndef WN_BASE_GOOD_H
#define WN_BASE_GOOD_H

/* Two functions that share one comment. */
int wn_good_count(void);
int wn_good_at(int i, int (*callback)(void *arg));

/* A function whose attribute comes last. */
void wn_good_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
"""
SOURCE = """/* See good.h. */
#include "base/good.h"

static const char *const names[] = {"malloc(1) is text, \\"\\u00e9\\" and \u00e9 too", "b"};
static const int table[2][2] = {{1, 2}, {3, 4}};
static int (*const chosen)(void) = wn_good_count;

struct pair {
    int a, b;
};

/* free(x) in a comment is no call. */
int wn_good_count(void)
{
    static const int fallback = 3;
    struct pair p = {.a = 1, .b = 2};
    for (int i = 0; i < 3; i++) {
        if (p.a == i)
            continue;
        else if (p.b == i)
            break;
        else if (i == 7)
            while (p.b-- > 0)
                do {
                    p.a++;
                } while (p.a < 3);
    }
    return fallback + table[0][0] + (names[0] != 0) + (chosen != 0);
}
"""
GOOD = {"src/base/good.h": HEADER, "src/base/good.c": SOURCE,
        "include/winnow.h": "/* Public. */\n#ifndef WINNOW_H\n#define WINNOW_H\n#define WN_API\n\n"
                            "/* One. */\nWN_API int wn_good_count(void);\n\n#endif\n",
        "Makefile": "ISA_avx2 := -mavx2\nall:\n\ttrue\n"}


def header(guard, body):
    return f"/* A header. */\n#ifndef {guard}\n#define {guard}\n\n{body}\n\n#endif\n"


def source(body):
    return "/* A file. */\n" + body + "\n"


def function(body, head="int f(int x)"):
    return source(f"{head}\n{{\n{body}\n}}")


def nested(depth):
    loops = "".join("    " * (i + 1) + "for (int i = 0; i < x; i++)\n" for i in range(depth))
    return function(f"{loops}{'    ' * (depth + 1)}x--;\n    return x;")


TO_DO = "TO" + "DO"
# (rule, file, content, line of the finding, word of the finding)
ISA = "instruction sets stay in their folders"
BAD = [
    ("layers", "src/kernel/a.c", source('#include "base/mem.h"'), 2, "base/mem.h"),
    ("layers", "src/base/a.c", source('#include "data/json.h"'), 2, "data/json.h"),
    ("layers", "src/token/a.c", source('#include "model/model.h"'), 2, "model/model.h"),
    ("layers", "src/model/a.c", source('#include "token/tokenizer.h"'), 2, "token/tokenizer.h"),
    ("layers", "src/model/a.c", source('#include "kernel/pack.h"'), 2, "kernel/pack.h"),
    ("layers", "src/eval/a.c", source('#include "rank/job.h"'), 2, "rank/job.h"),
    ("layers", "src/cli/a.c", source('#include "data/unicode.h"'), 2, "data/unicode.h"),
    ("layers", "src/cli/a.c", source('#include "local.h"'), 2, "local.h"),
    ("layers", "src/new/a.c", source(""), 1, "no row"),
    ("layers", "src/model/a.c", source("#include <jansson.h>"), 2, "jansson.h"),
    ("layers", "src/data/a.c", source("#include <pcre2.h>"), 2, "pcre2.h"),
    ("layers", "src/compute/a.c", source("#include <pthread.h>"), 2, "pthread.h"),
    ("layers", "examples/a.c", source('#include "base/good.h"'), 2, "base/good.h"),
    ("no include cycles", "src/base/good.h", HEADER.replace("/* Two", '#include "base/good.h"\n/* Two'), 1,
     "cycle"),
    (ISA, "src/kernel/a.c", source("#include <immintrin.h>"), 2, "immintrin"),
    (ISA, "src/base/a.c", source("#include <arm_neon.h>"), 2, "arm_neon"),
    ("headers compile alone", "src/base/a.h", header("WN_BASE_A_H", "/* F. */\nvoid wn_f(size_t n);"), 1,
     "size_t"),
    ("sizes", "src/base/a.c", source("\n" * 799), 801, "at most 800"),
    ("sizes", "src/base/a.h", header("WN_BASE_A_H", "\n" * 300), 307, "at most 300"),
    ("sizes", "src/base/a.c", source("/* " + "x" * 98 + " */"), 2, "104 columns"),
    ("sizes", "src/base/a.c", function("\n" * 70), 2, "f() has 74 lines"),
    ("sizes", "src/base/a.c", nested(5), 2, "nests 5 deep"),
    ("white space", "src/base/a.c", source("int x; "), 2, "end of the line"),
    ("white space", "src/base/a.c", source("\tint x;"), 2, "tab"),
    ("white space", "README.md", "text", 0, "newline"),
    ("ascii outside strings", "src/base/a.c", source("/* caf\u00e9 */"), 2, "non-ASCII"),
    ("header guards", "src/base/a.h", header("WN_A_H", ""), 1, "WN_BASE_A_H"),
    ("header guards", "src/base/a.h", "/* No guard. */\n", 1, "WN_BASE_A_H"),
    ("file names are unique", "src/data/good.c", source(""), 1, "same file name"),
    ("banned calls", "src/data/a.c", function("    return malloc(x) != 0;"), 4, "malloc"),
    ("banned calls", "src/cli/a.c", function("    free(0);"), 4, "free"),
    ("banned calls", "src/base/a.c", function("    return atoi(\"1\");"), 4, "atoi"),
    ("banned calls", "src/cli/a.c", function("    return sprintf(0, \"\");"), 4, "sprintf"),
    ("banned calls", "src/rank/a.c", function("    return getenv(\"HOME\") != 0;"), 4, "getenv"),
    ("banned calls", "src/rank/a.c", function("    return printf(\"x\");"), 4, "printf"),
    ("banned calls", "src/eval/a.c", function("    exit(1);"), 4, "exit"),
    ("banned calls", "src/base/a.c", function("    assert(x);"), 4, "assert"),
    ("no mutable globals", "src/base/a.c", source("static int count;"), 2, "count"),
    ("no mutable globals", "src/base/a.c", source("int count = 3;"), 2, "count"),
    ("no mutable globals", "src/base/a.c", source('static const char *names[] = {"a"};'), 2, "names"),
    ("no mutable globals", "src/base/a.c", source("static int (*hook)(void) = 0;"), 2, "hook"),
    ("no mutable globals", "src/base/a.c", source("static _Thread_local int x;"), 2, "x"),
    ("no mutable globals", "src/base/a.c", source("static struct {\n    int a;\n} state;"), 2, "state"),
    ("no mutable globals", "src/base/a.c", function("    static char text[9];\n    return text[x];"), 4, "text"),
    ("no dead or unfinished code", "src/base/a.c", source("#if 0\n#endif"), 2, "#if 0"),
    ("no dead or unfinished code", "tools/a.py", f"# {TO_DO}: later\n", 1, TO_DO),
    ("comments at the top", "src/base/a.c", "int f(void);\n", 1, "comment"),
    ("docstrings", "src/base/a.h", header("WN_BASE_A_H", "int wn_f(void);"), 5, "wn_f()"),
    ("docstrings", "src/base/a.h",
     header("WN_BASE_A_H", "/* One. */\nint wn_f(void);\n\nint wn_g(void);"), 8, "wn_g()"),
    ("no machine paths", "docs/a.md", "see " + "/ro" + "ot/x\n", 1, "/ro" + "ot/"),
    ("no machine paths", "docs/a.md", "see /tm" + "p/x\n", 1, "/tm" + "p/x"),
    ("no machine paths", "tests/a.json", '"/ho' + 'me/me"\n', 1, "/ho" + "me/"),
]


def findings(files, build=None):
    """Rules that complain about a tree of GOOD and some other files: {rule: [(path, line, why)]}."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**GOOD, **files}.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)) or root, exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                f.write(text)
        if build:
            build(root)
        return {rule: found for rule, found in tidy.check(root) if found and not isinstance(found, str)}


def test_a_good_tree_has_no_findings():
    assert findings({}) == {}, findings({})


def test_each_bad_file_is_found_at_its_line():
    for rule, path, text, line, word in BAD:
        found = findings({path: text}).get(rule, [])
        assert any(p == path and n == line and word in why for p, n, why in found), \
            f"{rule}: {path} {text[:80]!r}: expected line {line} with '{word}', found {found}"


def test_limits_are_inclusive():
    just_right = {"src/base/a.c": source("\n" * 798 + "/* " + "x" * 94 + " */"), "src/base/b.c": nested(4),
                  "src/base/c.c": function("\n" * 66)}
    assert "sizes" not in findings(just_right), findings(just_right)


def test_generated_tables_may_be_long():
    assert findings({"src/data/a_tables.c": source("\n" * 1000 + "/*" + "x" * 200 + "*/")}) == {}


def test_allowed_places_are_not_found():
    allowed = {"src/base/mem.c": function("    free(0);\n    return x;", "static int f(int x)"),
               "src/cli/a.c": function('    printf("x");\n    exit(getenv("A") != 0);'),
               "src/cli/b.c": source("static int count;"),
               "src/kernel/avx2/c.c": source("#include <immintrin.h>"),
               "src/token/d.c": source("#include <pcre2.h>")}
    assert findings(allowed) == {}, findings(allowed)


def make_library(exports):
    def build(root):
        folder = os.path.join(root, "build/release")
        os.makedirs(folder)
        text = "".join(f"int {name}(void) {{ return 1; }}\n" for name in exports)
        subprocess.run(["gcc", "-fPIC", "-x", "c", "-c", "-", "-o", "a.o"], input=text.encode(), cwd=folder,
                       check=True)
        subprocess.run(["ar", "rcs", "libwinnow.a", "a.o"], cwd=folder, check=True)
        subprocess.run(["gcc", "-shared", "a.o", "-o", "libwinnow.so"], cwd=folder, check=True)
    return build


def test_symbols_of_the_library_are_checked():
    assert findings({}, make_library(["wn_good_count"])) == {}
    found = findings({}, make_library(["wn_good_count", "helper"]))
    assert "helper" in found["symbols start with wn"][0][2]
    assert "helper" in found["exports are the public header"][0][2]
    found = findings({"src/cli/main.c": source("int x;")}, make_library(["wn_other"]))
    assert {why.split()[1].strip(",") for _, _, why in found["exports are the public header"]} == \
        {"wn_other", "wn_good_count"}, found


def test_every_rule_has_a_case():
    built = {"symbols start with wn", "exports are the public header"}
    assert {rule for rule, _ in tidy.RULES} == {rule for rule, *_ in BAD} | built


def test_ignored_files_are_not_looked_at():
    def init(root):
        subprocess.run(["git", "init", "-q", root], check=True)
    bad = {"junk/a.c": "int f(void);\n", ".gitignore": "/junk/\n"}
    assert findings(bad, init) == {}
    assert "comments at the top" in findings({**bad, ".gitignore": "/other/\n"}, init)


def test_program_prints_tap_and_its_status_says_whether_a_rule_is_broken():
    with tempfile.TemporaryDirectory() as root:
        for path, text, status in [("a.c", source("int x;"), 0), ("b.c", "int f(void);\n", 1)]:
            with open(os.path.join(root, path), "w") as f:
                f.write(text)
            done = subprocess.run([sys.executable, tidy.__file__, "--root", root], stdout=subprocess.PIPE,
                                  text=True)
            assert done.returncode == status, done.stdout
        assert "# b.c:1: the file does not begin" in done.stdout, done.stdout
        assert "\nnot ok 13 - comments at the top\n" in done.stdout, done.stdout


if __name__ == "__main__":
    tap.main(globals())
