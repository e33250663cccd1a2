#!/usr/bin/env python3
"""Print the assembler text that embeds the files of models/default into the library.

Each FILE becomes a pair of hidden symbols wn_builtin_NAME and wn_builtin_NAME_end, NAME being the file
name with every other character than letters and digits made '_'.  A table wn_builtin_files, ended
by a row of zeros, holds name, start and end of each.
"""
import os, re, sys


def main():
    files = sys.argv[1:]
    print('    .section .rodata.winnow_builtin,"a",@progbits')
    rows = []
    for path in files:
        name = os.path.basename(path)
        symbol = "wn_builtin_" + re.sub(r"[^A-Za-z0-9]", "_", name)
        print(f"    .balign 64\n{symbol}:\n    .incbin \"{path}\"\n{symbol}_end:\n    .byte 0")
        print(f'{symbol}_name:\n    .asciz "{name}"')
        rows.append(symbol)
    print('    .section .data.rel.ro.winnow_builtin,"aw",@progbits')
    print("    .balign 8\n    .globl wn_builtin_files")
    print("#ifndef SHARED /* in a library of its own others read it */\n    .hidden wn_builtin_files\n#endif")
    print("    .type wn_builtin_files, @object\nwn_builtin_files:")
    for symbol in rows:
        print(f"    .quad {symbol}_name, {symbol}, {symbol}_end")
    print("    .quad 0, 0, 0\n    .size wn_builtin_files, . - wn_builtin_files")
    print('    .section .note.GNU-stack,"",@progbits')


if __name__ == "__main__":
    main()
