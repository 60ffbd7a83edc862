# SPDX-License-Identifier: MIT
"""A capsule that starts again very often: each life finds nothing of the one before, the last ones cost
what the first ones did, and nothing of the hypervisor's grows. LIVES= says how often (`make lives`).

The clock skips the waiting, and counts instructions otherwise."""

import os
import re
import subprocess

import pytest

from debugger import Debugger, stub
from loads import pack
from machine import EXIT_DONE, command, hypervisor

CELLS = {"rv64": (64, "h=false"), "rv32 no sstc": (32, "h=false,sstc=false"), "rv64 hext": (64, ""),
         "rv32 hext": (32, "")}
LIVES = int(os.environ.get("LIVES") or 200)
SETTLED = 20    # lives after which nothing is done for the first time
LIMIT = 120 + LIVES // 4
MASK = 0xfffffff

# Static data that changes with time, with what was said, or while a hart sleeps.
LIVELY = {"ring", "first_bytes", "console", "console_road", "state", "chain", "boot_block", "look_at",
          "sched_harts"}


def packed(folder, width):
    return pack(folder, width, {"lives": ("lives.elf", "kernel")}, {
        "lives": {"kernel": '"lives"', "memory-base": "<0 0x84000000>", "memory-mib": "<3>",
                  "vcpus": "<2>"}})


def data_symbols(width):
    """Name to address and size of everything in .data and .bss."""
    lines = subprocess.run(["nm", "-S", str(hypervisor(width))], capture_output=True, text=True,
                           check=True).stdout
    return {name: (int(at, 16), int(size, 16)) for at, size, name in
            re.findall(r"^([0-9a-f]+) ([0-9a-f]+) [dDbB] (\S+)$", lines, re.M)}


def look(path, width):
    """The hypervisor's static data, by name."""
    debugger = Debugger(path, width)
    debugger.physical()
    found = {}
    for name, (at, size) in data_symbols(width).items():
        found[name] = b"".join(debugger.read(at + part, min(1024, size - part))
                               for part in range(0, size, 1024))
    debugger.go()
    return found


def costs(text):
    """Instructions from a life's last to the next one's first, roughly."""
    gone = [int(value, 16) for value in re.findall(r"gone ([0-9a-f]{8})\r?\n", text)]
    life = [int(value, 16) for value in re.findall(r"life ([0-9a-f]{8})\r?\n", text)]
    return [(begins - ended) & MASK for ended, begins in zip(gone, life[1:])]


@pytest.mark.parametrize("cell", CELLS)
def test_lives(bench, tmp_path, cell):
    width, cpu = CELLS[cell]
    path = tmp_path / "gdb"
    machine = bench.start(command(packed(tmp_path, width), width=width, cpu=cpu, cpus=1, mem="256M",
                                  extra=["-icount", "shift=0,sleep=off"] + stub(path)),
                          limit=LIMIT)
    before = None
    for life in range(LIVES):
        machine.expect(rb"life [0-9a-f]+", 30)
        if life == SETTLED:
            before = look(path, width)
    after = look(path, width)
    machine.send("\x1dk1")     # at once, since what the menu waits for passes in no time
    machine.expect(rb"stopped by the user", 30)
    text = machine.ends(EXIT_DONE)
    assert "FAIL" not in text and "[!]" not in text
    started = 1 + text.count("lives: started again")
    assert started >= LIVES and "Capsule 1: lives: ended, 3 MiB, starts: %d" % started in text
    waited = [int(ms) for ms in re.findall(r"waited (\d+) ms", text)]
    assert len(waited) == 2 and max(waited) < 10000
    different = {name for name in before if before[name] != after[name]}
    assert different <= LIVELY
    taken = costs(text)
    assert len(taken) >= LIVES - 1
    first, last = taken[SETTLED:2 * SETTLED], taken[-SETTLED:]
    print("a restart: %d to %d, then %d to %d" % (min(first), max(first), min(last), max(last)))
    assert max(last) < max(first) * 1.005
