# SPDX-License-Identifier: MIT
"""Capsules that start again: what survives (nothing), how often, and when. Machines that only
wait run with a clock that skips the waiting (-icount sleep=off)."""

import re

import pytest

import loads
from machine import EXIT_DONE, EXIT_FAILED, command, guest
from manifests import flat_binary

WIDTHS = [64, 32]
SKIP_WAITING = ["-icount", "shift=3,sleep=off"]
CELLS = {"rv64": (64, "h=false"), "rv64 no sstc": (64, "h=false,sstc=false"),
         "rv32": (32, "h=false"), "rv32 no fp": (32, "h=false,f=false,d=false"),
         "rv32 no sstc": (32, "h=false,sstc=false"),
         "rv64 hext": (64, ""), "rv32 hext no sstc": (32, "sstc=false"),
         "rv64 vector": (64, "h=false,v=true"), "rv32 hext vector": (32, "v=true")}


@pytest.mark.parametrize("cell", CELLS)
def test_no_traces(bench, cell):
    """A guest leaves traces everywhere, reboots or fails, and finds none of them."""
    width, cpu = CELLS[cell]
    machine = bench.start(command(guest("traces", width), width=width, cpu=cpu, cpus=1, mem="256M"),
                          limit=90)
    for answer in "212320":
        machine.expect(rb"traces: which life\?")
        machine.send(answer)
    text = machine.ends(EXIT_DONE)
    assert "FAIL" not in text, re.search("FAIL.*", text).group()
    assert text.count("PASS: traces: RAM outside the image is zero") == 3
    assert text.count("DONE: ") == 3
    assert re.search(r"asked for a reboot\n(?s:.*)started again\n(?s:.*)reported a system failure\n"
                     r"(?s:.*)starts again in 1 second\n(?s:.*)started again\n", text)


@pytest.mark.parametrize("cell", CELLS)
def test_no_traces_on_a_shared_hart(bench, cell):
    """The same beside a neighbour, when registers are saved and loaded all the time. It doesn't see
    its own change, nor its memory, whatever the hypervisor loads the others' RAM with."""
    width, cpu = CELLS[cell]
    line = command(guest("traces-shared", width), width=width, cpu=cpu, cpus=1, mem="256M")
    machine = bench.start(line, limit=120)
    machine.expect(rb"traces: which life\?")
    machine.send("\x1d1")
    for answer in "12320":
        machine.expect(rb"traces: which life\?")
        machine.send(answer)
    machine.expect(rb"traces: powered off")
    text = machine.text()
    assert "FAIL" not in text, re.search("FAIL.*", text).group()
    assert text.count("DONE: ") >= 2
    assert "Capsule 2: victim: 8 MiB" in text
    assert "victim: reported a system failure" not in text and "Powering off" not in text


def steps(text):
    """What the log says about starts and ends, in order."""
    return re.findall(r"(reported a system failure|powered off|asked for a reboot|"
                      r"starts again in \d+ seconds?|started again|"
                      r"restarted \d+ times in vain|rebooted \d+ times within \d+ seconds)", text)


def back_off(end):
    """Five attempts, each after twice the time, and then no more."""
    seconds = ["1 second", "2 seconds", "4 seconds", "8 seconds", "16 seconds"]
    return [step for wait in seconds for step in
            (end, "starts again in " + wait, "started again")] + [end]


@pytest.mark.parametrize("width", WIDTHS)
def test_on_crash(bench, width):
    ended = bench.run(guest("restart-on-crash", width), width=width, cpus=1, mem="256M",
                      extra=SKIP_WAITING)
    assert steps(ended.text) == back_off("reported a system failure") + [
        "restarted 5 times in vain"]
    ended.ends(EXIT_FAILED)


@pytest.mark.parametrize("width", WIDTHS)
def test_always(bench, width):
    ended = bench.run(guest("restart-always", width), width=width, cpus=1, mem="256M",
                      extra=SKIP_WAITING)
    assert steps(ended.text) == back_off("powered off") + ["restarted 5 times in vain"]
    assert ended.text.count("PASS: flat: ") == 6 and "FAIL" not in ended.text


@pytest.mark.parametrize("width", WIDTHS)
def test_never(bench, width):
    """Without the property a failure is the end."""
    ended = bench.run(guest("failure", width), width=width, cpus=1, mem="256M")
    assert steps(ended.text) == ["reported a system failure"]
    ended.ends(EXIT_FAILED)


@pytest.mark.parametrize("width", WIDTHS)
def test_reboots_are_limited(bench, width):
    """A guest's own reboot needs no property, but there is a limit of five in ten seconds."""
    ended = bench.run(guest("reboot", width), width=width, cpus=1, mem="256M")
    assert steps(ended.text) == ["asked for a reboot", "started again"] * 5 + [
        "asked for a reboot", "rebooted 5 times within 10 seconds"]
    assert "FAIL" not in ended.text and ended.text.count("asking for a cold reboot") == 6
    ended.ends(EXIT_FAILED)


# Computes for longer than a turn, and sleeps for about as long, over and over.
PULSE = """li t0, 0x20
csrw sie, t0
1: rdtime s1
li t0, 80000
add s1, s1, t0
2: rdtime t0
bltu t0, s1, 2b
li t1, 70000
add a0, t0, t1
li a1, 0
li a6, 0
li a7, 0x54494d45
ecall
wfi
j 1b
"""


def test_loading_on_another_hart(bench, tmp_path):
    """Capsules that power off are started again, and whichever hart is idle then loads them, in turns
    beside one that wakes up there. Nothing is executed behind the end of a life."""
    files = {"off": "reset SRST_SHUTDOWN, NO_REASON\n", "spin": "1: j 1b\n", "pulse": PULSE}
    images = {name: (flat_binary(tmp_path, name, '#include "small.h"\n' + text, 64), "kernel")
              for name, text in files.items()}
    capsules = {"pulse": {"kernel": '"pulse"', "memory-mib": "<4>", "harts": "<1>"}}
    for name in ("spin", "also"):
        capsules[name] = {"kernel": '"spin"', "memory-mib": "<4>", "harts": "<0>"}
    for i in range(12):
        capsules["off%d" % i] = {"kernel": '"off"', "memory-mib": "<30>", "restart": '"always"',
                                 "harts": "<0 1>"}
    machine = bench.start(command(loads.pack(tmp_path, 64, images, capsules), cpus=2), limit=90)
    for i in range(12):
        machine.expect(rb"starts again in 8 seconds", 60)
    text = machine.text()
    # small.h's words when the call that is to end the capsule comes back.
    assert "FAIL" not in text, re.search("FAIL.*", text).group()
    assert text.count("started again") >= 12 * 3
