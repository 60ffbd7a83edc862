# SPDX-License-Identifier: MIT
"""A hart that is lost: a debugger makes it park while others wait for it. They notice, and name it;
its capsule ends, and what runs on other harts goes on."""

import pytest

from debugger import M_MODE, PC, Debugger, stub, symbols
from loads import load, loads
from machine import EXIT_FAILED, command


def lose(machine, path, width, hart):
    """The hart waits for ever from now on, in M-mode, and takes no interrupt."""
    machine.pause()
    debugger = Debugger(path, width)
    debugger.choose(hart)
    debugger.mode(M_MODE)
    debugger.set(PC, symbols(width)["arch_hart_park"])
    debugger.go()


def two(folder, width, work, last):
    """One with two vCPUs on harts 1 and 2 that do `work`, beside one on hart 0, the console's."""
    return loads(folder, width, {
        "other": load(last=last, harts="<0>"),
        "pair": load(work, last=60000, vcpus=2, harts="<1 2>")})


@pytest.mark.parametrize("width", [64, 32])
def test_fence(bench, tmp_path, width):
    """Whoever waits for the other's fence waits for four seconds; its guest doesn't go on then."""
    path = tmp_path / "gdb"
    machine = bench.start(command(two(tmp_path, width, "fence", 16000), width=width, cpus=3,
                                  extra=stub(path)), limit=100)
    machine.expect(rb"load: fence on 2", 30)
    lose(machine, path, width, 2)
    machine.expect(rb"\[!\] CPU 1: Capsule 2: pair: stopped: CPU 2 has not answered for 4 seconds", 30)
    machine.expect(rb"\[!\] CPU 0: Capsule 2: pair: is lost with CPU 2, ", 30)
    machine.expect(rb"LOAD: spin share \d+", 60)
    text = machine.ends(EXIT_FAILED)
    assert "LOAD: fence" not in text


@pytest.mark.parametrize("width, hart", [(64, 1), (32, 2)])
def test_stop(bench, tmp_path, width, hart):
    """The user stops a capsule that nobody can stop, by the first of its vCPUs or by another."""
    path = tmp_path / "gdb"
    machine = bench.start(command(two(tmp_path, width, "spin", 20000), width=width, cpus=3,
                                  extra=stub(path)), limit=100)
    machine.expect(rb"load: spin on 2", 30)
    lose(machine, path, width, hart)
    machine.send("\x1d")
    machine.expect(rb"send it ] ")
    machine.send("k")
    machine.expect(rb"stop which. ")
    machine.send("2")
    machine.expect(rb"\[!\] CPU 0: Capsule 2: pair: is lost with CPU %d, " % hart, 30)
    machine.expect(rb"LOAD: spin share \d+", 60)
    machine.ends(EXIT_FAILED)
