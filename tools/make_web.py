#!/usr/bin/env python3
"""Write the assembler text that embeds the pages below web/ into the program.

  make_web.py WEB OUT_DIR > web.S

Each file is there as it is and compressed by gzip (both in OUT_DIR), with its media type and a weak entity tag of its bytes.  What a
page needs for its first frame stands in the page itself, so that it waits for nothing else: its style sheet (and the one that this
begins with, by `@import "other.css";`) and the script that is not a module.  The sheets are no files of their own.  A table
wn_web_files, ended by a row of zeros, holds: name, type, tag, the sources of scripts and of styles for the page's policy, plain start
and end, compressed start and end.  The same files always give the same bytes.
"""
import base64, gzip, hashlib, os, re, sys

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".json": "application/json",
         ".svg": "image/svg+xml"}
SHEET = re.compile(r'<link rel="stylesheet" href="/ui/([\w./-]+)">')
SCRIPT = re.compile(r'<script src="/ui/([\w./-]+)"( data-page="\w+")></script>')


def files_below(folder):
    for path, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield os.path.join(path, name)


def read(path):
    with open(path, encoding="utf-8", newline="") as f:
        return f.read()


def read_sheet(path):
    text = read(path)
    named = re.match(r'@import "([\w.-]+)";\n', text)
    return text if named is None else read_sheet(os.path.join(os.path.dirname(path), named[1])) + text[named.end():]


def source_of(text):
    """What a content security policy calls a text that stands in a page."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def embed(web, path):
    """(bytes of a file as the program has it, sources of its scripts, sources of its styles)"""
    text, sources = read(path), {"script": [], "style": []}
    if not path.endswith(".html"):
        return text.encode(), "'none'", "'none'"

    def stand(element, words, part):
        if f"</{element}" in part:
            sys.exit(f"{path}: what is to stand in it holds '</{element}'")
        sources[element].append(source_of(part))
        return f"<{element}{words}>{part}</{element}>"

    text = SHEET.sub(lambda m: stand("style", "", read_sheet(os.path.join(web, m[1]))), text)
    text = SCRIPT.sub(lambda m: stand("script", m[2], read(os.path.join(web, m[1]))), text)
    return text.encode(), " ".join(["'self'"] + sources["script"]), " ".join(sources["style"]) or "'none'"


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def main():
    web, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    rows = []
    print('    .section .rodata.winnow_web,"a",@progbits')
    for i, path in enumerate(p for p in files_below(web) if not p.endswith(".css")):
        name = os.path.relpath(path, web)
        kind = os.path.splitext(name)[1]
        if kind not in TYPES:
            sys.exit(f"{path}: no media type for '{kind}', expected one of {' '.join(TYPES)}")
        (data, scripts, styles), kept = embed(web, path), os.path.join(out, name.replace("/", "_"))
        write(kept, data)
        write(kept + ".gz", gzip.compress(data, 9, mtime=0))
        tag = hashlib.sha256(data).hexdigest()[:16]
        print(f'.Lname{i}: .asciz "{name}"\n.Ltype{i}: .asciz "{TYPES[kind]}"\n.Ltag{i}: .asciz "W/\\"{tag}\\""')
        print(f'.Lscripts{i}: .asciz "{scripts}"\n.Lstyles{i}: .asciz "{styles}"')
        print(f'.Lplain{i}: .incbin "{kept}"\n.Lplain{i}_end:\n.Lsmall{i}: .incbin "{kept}.gz"\n.Lsmall{i}_end:')
        rows.append(f"    .quad .Lname{i}, .Ltype{i}, .Ltag{i}, .Lscripts{i}, .Lstyles{i}\n"
                    f"    .quad .Lplain{i}, .Lplain{i}_end, .Lsmall{i}, .Lsmall{i}_end")
    print('    .section .data.rel.ro.winnow_web,"aw",@progbits\n    .balign 8')
    print("    .globl wn_web_files\n    .hidden wn_web_files\n    .type wn_web_files, @object\nwn_web_files:")
    print("\n".join(rows))
    print("    .quad 0, 0, 0, 0, 0, 0, 0, 0, 0\n    .size wn_web_files, . - wn_web_files")
    print('    .section .note.GNU-stack,"",@progbits')


if __name__ == "__main__":
    main()
