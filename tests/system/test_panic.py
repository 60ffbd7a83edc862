# SPDX-License-Identifier: MIT
"""The hypervisor's own faults: reported with what is needed to find them, on one hart, and the
machine ends. Provoked by zeroes over one of its functions, since nothing else can."""

import re
import struct
import subprocess

import pytest
from debugger import M_MODE, PC, Debugger, stub, symbols
from loads import load, pack
from manifests import assemble
from machine import BUILD, EXIT_NONE, command, guest, hypervisor


def break_function(width, name, into, source=None):
    """A copy of the hypervisor in which the function's first instructions are illegal ones."""
    elf = bytearray((source or hypervisor(width)).read_bytes())
    symbols = subprocess.run(["nm", str(hypervisor(width))], capture_output=True, text=True,
                             check=True).stdout
    address = int(re.search(r"^([0-9a-f]+) T %s$" % name, symbols, re.M).group(1), 16)
    if width == 64:
        start, = struct.unpack_from("<Q", elf, 32)
        count, = struct.unpack_from("<H", elf, 56)
        entries = [struct.unpack_from("<IIQQQQ", elf, start + 56 * i) for i in range(count)]
        segments = [(kind, offset, virtual, size) for kind, _, offset, virtual, _, size in entries]
    else:
        start, = struct.unpack_from("<I", elf, 28)
        count, = struct.unpack_from("<H", elf, 44)
        entries = [struct.unpack_from("<IIIII", elf, start + 32 * i) for i in range(count)]
        segments = [(kind, offset, virtual, size) for kind, offset, virtual, _, size in entries]
    places = [offset + address - virtual for kind, offset, virtual, size in segments
              if kind == 1 and virtual <= address < virtual + size]
    assert len(places) == 1
    elf[places[0]:places[0] + 8] = bytes(8)
    into.write_bytes(elf)
    return into


@pytest.mark.parametrize("width", [64, 32])
def test_own_fault_is_reported(bench, tmp_path, width):
    broken = break_function(width, "sbi_unknown", tmp_path / "broken.elf")
    ended = bench.run(guest("guest-tests", width), width=width, kernel=broken).ends(EXIT_NONE)
    ended.says("The hypervisor itself failed: illegal instruction (2)",
               "Stack (addr2line -e diosix.elf):", "Panic: illegal instruction at pc 0x")
    assert ended.text.count("The hypervisor itself failed") == 1
    assert re.search(r"^ +pc [0-9a-f]{%d} +ra [0-9a-f]{%d}" % (width // 4, width // 4), ended.text, re.M)
    assert "Powering off" not in ended.text


@pytest.mark.parametrize("width", [64, 32])
def test_fault_in_the_report(bench, tmp_path, width):
    """What reports a fault fails itself: no more is said, and the machine ends."""
    broken = break_function(width, "sbi_unknown", tmp_path / "broken.elf")
    break_function(width, "report_registers", broken, broken)
    ended = bench.run(guest("guest-tests", width), width=width, kernel=broken).ends(EXIT_NONE)
    ended.says("The hypervisor itself failed: illegal instruction (2)")
    assert "Panic" not in ended.text and "Stack" not in ended.text


def waiting_line(folder, width):
    """A capsule that is attached and stays in the midst of a line, so that what is said of the other
    one's end waits."""
    (folder / "partial").write_bytes(
        assemble(folder, 'say "from here on nothing"\n1: j 1b\n', width))
    return pack(folder, width, {"partial": ("partial", "kernel"), "load": ("load.bin", "kernel")},
                {"partial": {"kernel": '"partial"', "memory-mib": "<8>"}, "load": load()})


@pytest.mark.parametrize("width", [64, 32])
def test_panic_under_locks(bench, tmp_path, width):
    """A hart panics while the locks of log and console are held by nobody who will let go of them, and
    while a line of the log waits. It reports all the same, that line first."""
    sp, tp, a0 = 2, 4, 10
    machine = bench.start(command(waiting_line(tmp_path, width), width=width, cpus=1,
                                  append="console=attached", extra=stub(tmp_path / "gdb")), limit=60)
    machine.expect(rb"from here on nothing", 20)
    machine.pause(2)
    assert "powered off" not in machine.text()
    debugger, where = Debugger(tmp_path / "gdb", width), symbols(width)
    debugger.mode(M_MODE)
    debugger.physical()

    def word(address):
        return int.from_bytes(debugger.read(address, width // 8), "little")

    words = 0x87000000
    debugger.write(words, b"by a debugger\0")
    offsets = (BUILD / ("rv%d/asm_offsets.h" % width)).read_text()
    context = debugger.get(debugger.register("mscratch"))
    cpu = word(context + int(re.search(r"CONTEXT_CPU (\d+)", offsets).group(1)))
    for lock in ("ring", "console_road"):
        debugger.write(where[lock], b"\1")
    debugger.set(debugger.register("mscratch"), 0)
    debugger.set(tp, cpu)
    debugger.set(sp, cpu - 4096)
    debugger.set(a0, words)
    debugger.set(PC, where["panic"])
    debugger.go()
    machine.expect(rb"Capsule 2: load: powered off", 20)
    machine.expect(rb"\[!\] CPU 0: Panic: by a debugger", 20)
    machine.ends(EXIT_NONE)
