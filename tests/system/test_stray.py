# SPDX-License-Identifier: MIT
"""A hart that delivers a guest's trap to HS-mode, where nothing runs: what a mistake in delegation,
ours or the hardware's, would do. A debugger makes it, since nothing else can."""

import pytest

from debugger import PC, Debugger, stub
from machine import command, guest

EBREAK = bytes.fromhex("73001000")


@pytest.mark.parametrize("width", [64, 32])
def test_stray_entry_to_hs_mode(bench, tmp_path, width):
    """It is caught by the fetch that PMP denies, and named; the machine goes on to its end."""
    path = tmp_path / "gdb"
    machine = bench.start(command(guest("spin", width), width=width, cpu="", cpus=1,
                                  extra=stub(path)), limit=60)
    machine.expect(rb"from here on nothing", 20)
    machine.pause()
    debugger = Debugger(path, width)
    debugger.set(debugger.register("hedeleg"), 0)
    debugger.write(debugger.get(PC), EBREAK)
    debugger.go()
    machine.expect(rb"spin: stopped: the hart delivered one of its traps to HS-mode, "
                   rb"where nothing runs", 20)
    machine.ends(1)
