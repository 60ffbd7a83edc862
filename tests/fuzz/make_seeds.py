#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes good inputs for fuzz_image, from which it changes its way to bad ones: ELFs of both widths
and kinds, and Linux's Image header. The first byte is the harness's own choice of width and RAM.

Usage: make_seeds.py OUTPUT-FOLDER
"""

import pathlib
import struct
import sys

RAM = 0x80000000
CODE = 0x200  # offset in the file


def elf(wide, dynamic):
    """Code of 256 bytes and data with .bss, linked in RAM or at 0."""
    base = 0 if dynamic else RAM + 0x100000
    kind = 3 if dynamic else 2
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    segments = [(5, CODE, base, 256, 256), (6, CODE + 256, base + 0x2000, 256, 0x1000)]
    if wide:
        head = struct.pack("<HHIQQQIHHHHHH", kind, 243, 1, base + 4, 64, 0, 0, 64, 56, 2, 0, 0, 0)
        table = b"".join(struct.pack("<IIQQQQQQ", 1, flags, offset, at, at, size, memory, 4096)
                         for flags, offset, at, size, memory in segments)
    else:
        head = struct.pack("<HHIIIIIHHHHHH", kind, 243, 1, base + 4, 52, 0, 0, 52, 32, 2, 0, 0, 0)
        table = b"".join(struct.pack("<IIIIIIII", 1, offset, at, at, size, memory, flags, 4096)
                         for flags, offset, at, size, memory in segments)
    return (ident + head + table).ljust(CODE + 512, b"\x13")


def linux(wide):
    """A header as Linux's Documentation/arch/riscv/boot-image-header.rst has it, and some bytes."""
    head = struct.pack("<8sQQQIIQ8s4sI", b"MZ", 0x200000 if wide else 0x400000, 0x5000, 0, 2, 0, 0,
                       b"RISCV", b"RSC\x05", 0)
    return head.ljust(256, b"\x13")


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for wide in (False, True):
        choice = bytes([2 | (not wide)])  # 64 MiB of RAM at 0x80000000
        bits = 64 if wide else 32
        (folder / f"linux{bits}").write_bytes(choice + linux(wide))
        (folder / f"fixed{bits}").write_bytes(choice + elf(wide, False))
        (folder / f"anywhere{bits}").write_bytes(choice + elf(wide, True))


if __name__ == "__main__":
    main()
