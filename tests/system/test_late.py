# SPDX-License-Identifier: MIT
"""A hart that comes up after the boot hart has stopped waiting for it: it stays out, whatever runs by
then. A debugger holds it back, on a jump to itself, and lets it go while a guest is at work."""

import re

import pytest

from debugger import PC, Debugger, stub, symbols
from loads import load, loads
from machine import EXIT_DONE, command

RESET = 0x1000          # where QEMU's harts begin
HELD_AT = 0x98000000    # in RAM that nobody uses
JUMP_TO_ITSELF = bytes.fromhex("6f000000")


def start(bench, tmp_path, width):
    """A machine of two harts, stopped before its first instruction, with one guest that needs four
    seconds."""
    image = loads(tmp_path, width, {"work": load(last=4000)})
    machine = bench.start(command(image, width=width, cpus=2, extra=["-S"] + stub(tmp_path / "gdb")),
                          limit=100)
    debugger = Debugger(tmp_path / "gdb", width)
    debugger.write(HELD_AT, JUMP_TO_ITSELF)
    return machine, debugger


def come(machine, tmp_path, width, late, where):
    """The hart `late` goes on from `where` while the guest runs. Then it is parked, and the guest is done."""
    machine.expect(rb"\[!\] CPU %d: CPU %d did not come up within a second: it is left out"
                   % (1 - late, late), 30)
    machine.expect(rb"load: spin on 1", 30)
    debugger = Debugger(tmp_path / "gdb", width)
    debugger.choose(late)
    assert debugger.get(PC) == HELD_AT
    debugger.set(PC, where)
    debugger.go()
    machine.pause(1)
    debugger = Debugger(tmp_path / "gdb", width)
    debugger.choose(late)
    parked = debugger.get(PC) - symbols(width)["arch_hart_park"]
    debugger.go()
    assert 0 <= parked < 16
    machine.expect(rb"LOAD: spin share (\d+)", 30)
    return machine.ends(EXIT_DONE)


@pytest.mark.parametrize("width", [64, 32])
def test_from_reset(bench, tmp_path, width):
    """It has done nothing yet when it is too late, and does nothing any more."""
    machine, debugger = start(bench, tmp_path, width)
    debugger.choose(1)
    debugger.set(PC, HELD_AT)
    debugger.go()
    text = come(machine, tmp_path, width, 1, RESET)
    assert re.search(r"^\[\?\] CPU 0: Physical CPU core", text, re.M)
    assert not re.search(r"^\[.\] CPU 1: ", text, re.M)


@pytest.mark.parametrize("width", [64, 32])
def test_in_the_midst(bench, tmp_path, width):
    """It is in the midst of looking at itself when it is too late: the second to come there, after
    the one that boots."""
    machine, debugger = start(bench, tmp_path, width)
    at = symbols(width)["cpu_set_up"]
    debugger.step(debugger.run_to(at))
    late = debugger.run_to(at)
    debugger.choose(late)
    debugger.set(PC, HELD_AT)
    debugger.go()
    come(machine, tmp_path, width, late, at)
