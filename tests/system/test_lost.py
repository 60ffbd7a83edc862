# SPDX-License-Identifier: MIT
"""A hart that is lost: a debugger makes it park while others wait for it. They notice, and name it;
its capsule ends, and what runs on other harts goes on, or waits for a turn there."""

import re

import pytest

from debugger import M_MODE, PC, Debugger, stub, symbols
from loads import load, loads
from machine import EXIT_FAILED, command


def lose(machine, path, width, hart, at=None):
    """The hart waits for ever from now on, in M-mode, and takes no interrupt; from a function of the
    hypervisor's on, or from the midst of its guest, which has to be one without V."""
    machine.pause()
    debugger = Debugger(path, width)
    while at and (came := debugger.run_to(symbols(width)[at])) != hart:
        debugger.step(came)
    debugger.choose(hart)
    if not at:
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


@pytest.mark.parametrize("width, board", [(64, "virt"), (32, "virt"), (64, "virt,aia=aplic-imsic")])
def test_terminal(bench, tmp_path, width, board):
    """The hart that serves the terminal: another one says so and serves it, nobody having asked for
    anything. What runs there is given up."""
    path = tmp_path / "gdb"
    machine = bench.start(command(two(tmp_path, width, "spin", 60000), width=width, cpus=3,
                                  machine=board, extra=stub(path)), limit=100)
    machine.expect(rb"load: spin on 2", 30)
    lose(machine, path, width, 0)
    machine.expect(rb"\[!\] CPU 1: CPU 0 has not answered for 4 seconds", 30)
    machine.expect(rb"\[!\] CPU 1: This CPU serves the terminal from now on", 10)
    machine.expect(rb"\[!\] CPU 1: Capsule 1: other: stopped: CPU 0 has not answered", 10)
    machine.expect(rb"\[!\] CPU 1: Capsule 1: other: is lost with CPU 0, ", 30)
    machine.send("\x1d")
    machine.expect(rb"send it ] ")
    machine.send("s")
    machine.expect(rb"Capsule 1: other: lost, ", 10)
    machine.expect(rb"Capsule 2: pair: running, ", 10)
    machine.send("\x1d")
    machine.expect(rb"send it ] ")
    machine.send("k")
    machine.expect(rb"stop which. ")
    machine.send("2")
    machine.expect(rb"pair: stopped by the user", 10)
    machine.ends(EXIT_FAILED)


@pytest.mark.parametrize("width, cpu", [(64, "h=false"), (32, "h=false"), (64, ""), (32, "")])
def test_waiting(bench, tmp_path, width, cpu):
    """Four that compute on two harts, of which one is lost: with it the one that had its turn, and no
    other."""
    path = tmp_path / "gdb"
    image = loads(tmp_path, width, {name: load(last=20000) for name in "abcd"})
    machine = bench.start(command(image, width=width, cpu=cpu, cpus=2, extra=stub(path)), limit=100)
    for _ in range(4):
        machine.expect(rb"load: spin on 1", 30)
    lose(machine, path, width, 1, "sched_tick")
    machine.expect(rb"\[!\] CPU 0: CPU 1 has not answered for 4 seconds", 30)
    machine.expect(rb"\[!\] CPU 0: Capsule (\d): [a-d]: is lost with CPU 1, ", 30)
    text = machine.ends(EXIT_FAILED, 60)
    assert len(re.findall(r"is lost with", text)) == 1
    assert len(re.findall(r"LOAD: spin share [1-9]", text)) == 3
