# SPDX-License-Identifier: MIT
"""The vector extension: offered where harts have it, of whatever length, and nothing of it is seen
by another guest or in another life (of lives: test_restart.py)."""

import pytest

from loads import pack
from machine import EXIT_DONE, failures, guest, major, passed

FENCES = {"": ("h=false", None), " H pmp": ("", "isolation=pmp"), " hext": ("", None)}
LENGTHS = [128, 256, 512, 1024]

CELLS = {}
for width in (64, 32):
    for fence, (cpu, option) in FENCES.items():
        for cpus in (1, 4):
            # Each length with one fence or another, and with each number of harts.
            length = LENGTHS[(len(CELLS) + len(CELLS) // 4) % 4]
            CELLS["rv%d%s %d harts vlen %d" % (width, fence, cpus, length)] = {
                "width": width, "cpus": cpus, "append": option,
                "cpu": ",".join(word for word in (cpu, "v=true,vlen=%d" % length) if word)}

# A hart with a part of V only.
PART = "Zve64f=true"
# QEMU 10 has mstatus.VS only where it has all of V, so that no part of it can be used there.
NO_PART = pytest.mark.skipif(major() >= 10, reason="the emulator's VS can't be set without V")
PARTS = {"rv64": {"width": 64, "cpu": "h=false," + PART}, "rv32 hext": {"width": 32, "cpu": PART}}


def alone(folder, name, width, vcpus=1):
    """A guest of the kit that does nothing but its subject of vectors."""
    return pack(folder, width, {"kernel": (name + ".elf", "kernel")}, {"it": {
        "kernel": '"kernel"', "bootargs": '"only=vector"', "memory-base": "<0 0x84000000>",
        "memory-mib": "<32>", "vcpus": "<%d>" % vcpus}})


@pytest.mark.parametrize("cell", CELLS)
def test_guest(bench, tmp_path, cell):
    """Off at first, then all zero, then kept over every exit; no device can be reached by it."""
    ended = bench.run(alone(tmp_path, "guest-tests", CELLS[cell]["width"]), limit=60, **CELLS[cell])
    assert passed(ended.text) >= 30
    ended.says("PASS: vector: registers and CSRs are kept over turns that end").ends(EXIT_DONE)


@NO_PART
@pytest.mark.parametrize("cell", PARTS)
def test_part(bench, tmp_path, cell):
    """The same with Zve64f alone."""
    ended = bench.run(alone(tmp_path, "guest-tests", PARTS[cell]["width"]), limit=60, cpus=1,
                      **PARTS[cell])
    assert passed(ended.text) >= 30
    ended.says("PASS: vector: registers and CSRs are kept over turns that end").ends(EXIT_DONE)


@pytest.mark.parametrize("cell", CELLS)
def test_several_harts(bench, tmp_path, cell):
    """Four vCPUs of one guest at once, on one hart and on four; one that starts again is as new."""
    ended = bench.run(alone(tmp_path, "smp-tests", CELLS[cell]["width"], 4), limit=120,
                      **CELLS[cell])
    assert passed(ended.text) == 8
    ended.says("PASS: vector: hart 3 finds its registers and CSRs").ends(EXIT_DONE)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if " 1 harts" in cell])
def test_three_capsules(bench, cell):
    """Two that hold vectors in every round, and one that has never touched them, on one hart."""
    ended = bench.run(guest("vectors", CELLS[cell]["width"]), limit=120, mem="256M", **CELLS[cell])
    assert not failures(ended.text) and "FAIL" not in ended.text
    for number, tag in enumerate("ABC", 1):
        ended.says("Capsule %d: PASS: twin %s: 2000 rounds, nothing changed" % (number, tag))
    ended.ends(EXIT_DONE)
