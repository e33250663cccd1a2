#!/usr/bin/env python3
"""Write the assembler text that embeds the pages below web/ into the program.

  make_web.py WEB OUT_DIR > web.S

Each file is there as it is and compressed by gzip (both in OUT_DIR), with its media type and a weak entity tag of its bytes; only a style
sheet that begins with `@import "other.css";` has that one in place of the line, so that a page waits for one file.  A table
wn_web_files, ended by a row of zeros, holds: name, type, tag, plain start and end, compressed start and end.  The same files
always give the same bytes.
"""
import gzip, hashlib, os, re, sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".json": "application/json", ".svg": "image/svg+xml"}


def files_below(folder):
    for path, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield os.path.join(path, name)


def read(path):
    with open(path, "rb") as f:
        text = f.read()
    named = re.match(rb'@import "([\w.-]+)";\n', text) if path.endswith(".css") else None
    return text if named is None else read(os.path.join(os.path.dirname(path), named[1].decode())) + text[named.end():]


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)


def main():
    web, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    rows = []
    print('    .section .rodata.winnow_web,"a",@progbits')
    for i, path in enumerate(files_below(web)):
        name = os.path.relpath(path, web)
        kind = os.path.splitext(name)[1]
        if kind not in TYPES:
            sys.exit(f"{path}: no media type for '{kind}', expected one of {' '.join(TYPES)}")
        data, kept = read(path), os.path.join(out, name.replace("/", "_"))
        write(kept, data)
        write(kept + ".gz", gzip.compress(data, 9, mtime=0))
        tag = hashlib.sha256(data).hexdigest()[:16]
        print(f'.Lname{i}: .asciz "{name}"\n.Ltype{i}: .asciz "{TYPES[kind]}"\n.Ltag{i}: .asciz "W/\\"{tag}\\""')
        print(f'.Lplain{i}: .incbin "{kept}"\n.Lplain{i}_end:\n.Lsmall{i}: .incbin "{kept}.gz"\n.Lsmall{i}_end:')
        rows.append(f"    .quad .Lname{i}, .Ltype{i}, .Ltag{i}, .Lplain{i}, .Lplain{i}_end, .Lsmall{i}, .Lsmall{i}_end")
    print('    .section .data.rel.ro.winnow_web,"aw",@progbits\n    .balign 8')
    print("    .globl wn_web_files\n    .hidden wn_web_files\n    .type wn_web_files, @object\nwn_web_files:")
    print("\n".join(rows))
    print("    .quad 0, 0, 0, 0, 0, 0, 0\n    .size wn_web_files, . - wn_web_files")
    print('    .section .note.GNU-stack,"",@progbits')


if __name__ == "__main__":
    main()
