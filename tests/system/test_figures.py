# SPDX-License-Identifier: MIT
"""The figures: why each vCPU left its guest, how often, as the console's menu and the end of a
capsule tell."""

import re

import pytest

from loads import load, loads, pack
from machine import EXIT_DONE, command

CELLS = {"rv64": (64, "h=false"), "rv32": (32, "h=false"), "rv64 no sstc": (64, "h=false,sstc=false"),
         "rv64 hext": (64, ""), "rv32 hext": (32, "")}

# What a round of tests/guest/exits.c does.
ROUND = {
    "base": 101, "IPI": 52, "RFENCE": 33, "HSM": 24, "DBCN": 5, "PMU": 66, "SUSP": 7, "STA": 8,
    "FWFT": 9, "SRST": 10, "legacy getchar": 11, "legacy clear IPI": 12, "unknown call": 13,
    "set timer": 144, "TIME": 15, "device access": 160 + 17, "illegal instruction": 18, "WFI": 19,
    "other exception": 20}


def exits(text):
    """The reasons and their numbers that one capsule of one vCPU told last."""
    told = text[text.rindex("vCPU 0 on CPU"):]
    lines = re.findall(r"Capsule 1: +exits: (.*)", told)
    return {name: int(count) for count, name in
            re.findall(r"(\d+) ([A-Za-z][A-Za-z ]*)", ", ".join(lines))}


def after(bench, folder, rounds, width, cpu):
    image = pack(folder, width, {"kernel": ("exits.elf", "kernel")}, {"exits": {
        "kernel": '"kernel"', "bootargs": '"rounds=%d"' % rounds, "memory-base": "<0 0x84000000>",
        "memory-mib": "<32>"}})
    # hext's capsules have their RAM at one address, whatever the kit is linked for.
    ended = bench.run(image, width=width, cpus=1, cpu=cpu, limit=40)
    return exits(ended.says("# exits: %d" % rounds).ends(EXIT_DONE).text)


@pytest.mark.parametrize("cell", CELLS)
def test_each_exit_is_counted_once(bench, tmp_path, cell):
    """By its kind: what two runs differ by is exactly what one did more. Only the timer and other
    interrupts of the host aren't the guest's to know."""
    once, thrice = (after(bench, tmp_path, rounds, *CELLS[cell]) for rounds in (1, 3))
    for of_host in ("timer interrupt", "host IPI", "external interrupt"):
        once.pop(of_host, None), thrice.pop(of_host, None)
    assert set(once) == set(thrice)
    differ = {name: thrice[name] - once[name] for name in thrice if thrice[name] != once[name]}
    assert differ == {name: 2 * count for name, count in ROUND.items()}


def test_menu(bench, tmp_path):
    """`s` tells them of capsules that run, each for itself, up to that moment."""
    image = loads(tmp_path, 64, {"sleeps": load("sleep", last=100000),
                                 "sets": load("past", last=100000)})
    machine = bench.start(command(image, cpus=2), limit=60)
    machine.expect(rb"LOAD: past|load: past")
    seen, ran = [], []
    for _ in range(2):
        machine.pause(1)
        machine.send("\x1d")
        machine.expect(rb"Ctrl-\]: send it \] ")
        machine.send("s")
        told = []
        for number in (b"1", b"2"):
            ran.append(int(machine.expect(rb"Capsule " + number + rb": [^\r]+ ran (\d+) ms").group(1)))
            machine.expect(rb"Capsule " + number + rb": +exits: ([^\r]+)\r")
            told.append({name: int(count) for count, name in re.findall(
                r"(\d+) ([A-Za-z][A-Za-z ]*)", machine.child.match.group(1).decode())})
        seen.append(told)
    for before, after_ in zip(*seen):
        # What there is no room for in the first line isn't looked at.
        assert all(after_[name] >= before[name] for name in before if name in after_)
    # It is never interrupted, and pays for its time all the same.
    assert ran[3] - ran[1] > 400
    (sleeper, setter), (slept, was_set) = seen
    assert slept["WFI"] > sleeper["WFI"] > 100 and was_set.get("WFI", 0) == setter.get("WFI", 0) < 9
    assert was_set["set timer"] > setter["set timer"] + 1000


@pytest.mark.parametrize("width", [64, 32])
def test_of_many(bench, tmp_path, width):
    """A capsule of 32 vCPUs has more figures than the log's ring holds: none is lost at its end, while
    others run, nor at the machine's."""
    image = loads(tmp_path, width, {"many": load("spin", 100, 300, vcpus=32),
                                    "other": load("sleep", 100, 2000, vcpus=32)})
    ended = bench.run(image, width=width, cpus=1, cpu="h=false", limit=100,
                      extra=["-icount", "shift=0,sleep=off"], append="console=attached")
    assert "were lost" not in ended.text
    for number in (1, 2):
        told = re.findall(r"Capsule %d:   vCPU (\d+) on CPU 0: ran" % number, ended.text)
        assert [int(vcpu) for vcpu in told] == list(range(32))
        assert len(re.findall(r"Capsule %d:     exits: " % number, ended.text)) >= 32
    # The first one's were told before the second one's end.
    assert ended.text.index("Capsule 1:   vCPU 31") < ended.text.index("Capsule 2: other: powered")
    ended.ends(EXIT_DONE)
