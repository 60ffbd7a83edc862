# SPDX-License-Identifier: MIT
"""Each rule of `make check` notices what it is there for, in a copy of the sources or of the
images with one thing wrong in it."""

import os
import shutil
import subprocess

import pytest

from machine import ROOT

CROSS = os.environ.get("CROSS", "riscv64-unknown-elf-")


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """The tracked files and both images, in a repository of their own."""
    copy = tmp_path_factory.mktemp("copy")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in names.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    subprocess.run(["git", "init", "-q"], cwd=copy, check=True)
    subprocess.run(["git", "add", "-A"], cwd=copy, check=True)
    for width in ("rv64", "rv32"):
        for path in (ROOT / "build" / width).rglob("*"):
            part = path.relative_to(ROOT / "build" / width)
            if path.suffix in (".o", ".su", ".elf") and part.parts[0] not in ("guest", "own"):
                (copy / "build" / width / part).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy / "build" / width / part)
    return copy


def check(copy, name):
    done = subprocess.run([copy / "tools/check-rules", name], cwd=copy, capture_output=True,
                          text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


SOURCES = {
    "clang-format": ("src/core/status.h", "\nint  badly( int  laid_out );\n", "status.h"),
    "cppcheck": ("src/core/options.c",
                 "\nint bad(void);\nint bad(void)\n{\n\tint a[2];\n\n\ta[0] = 0;\n"
                 "\treturn a[2];\n}\n", "options.c"),
    "shellcheck": ("tools/run.sh", "\nrm -rf $unset/*\ncd x\nfor i in $(ls *); do :; done\n"
                   "[ $a == b ]\n", "run.sh"),
    "python-compiles": ("tests/run.py", "\ndef broken(:\n", "run.py"),
    "licence-lines": ("src/core/status.h", None, "status.h"),
    "width-in-few-places": ("src/core/ram.c", "\n#if __riscv_xlen == 32\n#endif\n", "ram.c"),
    "arrows-point-down": ("src/core/ram.c", '\n#include "riscv/csr.h"\n', "riscv"),
    "exceptions-are-used": ("src/core/boot.c", None, "boot.c"),
    "hardware-stays-below": ("src/sbi/base.c", '\nvoid f(void) { __asm__("wfi"); }\n', "base.c"),
    "plain-types": ("src/lib/print.c", "\nstatic double half;\n", "print.c"),
}


# More ways to break the same rule.
WIDTHS = {
    "by size": ("src/vdev/vdev.c", "\n#if __SIZEOF_POINTER__ == 4\n#endif\n", "vdev.c"),
    "by model": ("src/riscv/trap.c", "\n#ifdef __LP64__\n#endif\n", "trap.c"),
    "in portable code": ("src/core/ram.c", "\nint f(void) { return XLEN == 32; }\n", "ram.c"),
    "too often": ("src/riscv/trap.c", "\nint a[] = {\n%s};\n" % ("XLEN == 32,\n" * 20), "at most"),
}


@pytest.mark.parametrize("name", WIDTHS)
def test_width_is_noticed(clean, name):
    breaks_rule(clean, "width-in-few-places", *WIDTHS[name])


@pytest.mark.parametrize("name", SOURCES)
def test_rule_sees_a_bad_source(clean, name):
    breaks_rule(clean, name, *SOURCES[name])


def breaks_rule(clean, name, file, addition, word):
    """With `addition` at the end of the file (None: with nothing in it) the rule says `word`."""
    path = clean / file
    before = path.read_text()
    try:
        if name == "cppcheck" or name == "shellcheck":
            status, output = check(clean, name)
            assert status == 0, output
        path.write_text("/* nothing */\n" if addition is None else before + addition)
        status, output = check(clean, name)
        assert status == 1 and word in output
    finally:
        path.write_text(before)


def patch(elf, symbol, code):
    """Puts instructions at the start of a function."""
    address = next(int(line.split()[0], 16) for line in subprocess.run(
        [CROSS + "nm", elf], capture_output=True, text=True, check=True).stdout.splitlines()
                   if line.split()[-1] == symbol)
    data = bytearray(elf.read_bytes())
    # The first segment has the code; it begins at a page of the file.
    offset = 0x1000 + address - 0x80000000
    data[offset:offset + len(code)] = code
    elf.write_bytes(data)


def add_symbol(elf):
    subprocess.run([CROSS + "objcopy", "--add-symbol", "__udivdi3=0x80000000", elf], check=True)


def add_section(elf):
    big = elf.with_name("big")
    big.write_bytes(bytes(120 << 10))
    subprocess.run([CROSS + "objcopy", "--add-section", ".big=%s" % big, "--set-section-flags",
                    ".big=alloc,load", elf], check=True)


IMAGES = {
    # c.mv t3, t3
    "guest-registers-untouched": (lambda elf: patch(elf, "print_text", b"\x72\x8e"), "print_text"),
    "no-libgcc": (add_symbol, "__udivdi3"),
    "image-is-small": (add_section, "at most 163840"),
    # jal ra, itself
    "stack-is-deep-enough": (lambda elf: patch(elf, "print_text", b"\xef\0\0\0"), "recursion"),
}


@pytest.mark.parametrize("width", ["rv64", "rv32"])
@pytest.mark.parametrize("name", IMAGES)
def test_rule_sees_a_bad_image(clean, name, width):
    change, word = IMAGES[name]
    elf = clean / "build" / width / "diosix.elf"
    before = elf.read_bytes()
    try:
        change(elf)
        status, output = check(clean, name)
        assert status == 1 and width in output and word in output
    finally:
        elf.write_bytes(before)


@pytest.mark.parametrize("line, word", [("a.c:1:1:f\t64\tdynamic\n", "dynamic"),
                                        ("a.c:1:1:f\t9000\tstatic\n", "9000")])
def test_rule_sees_a_bad_frame(clean, line, word):
    usage = clean / "build/rv32/core/ram.su"
    before = usage.read_text()
    try:
        usage.write_text(before + line)
        status, output = check(clean, "frames-are-fixed")
        assert status == 1 and "rv32" in output and word in output
    finally:
        usage.write_text(before)
