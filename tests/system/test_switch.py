# SPDX-License-Identifier: MIT
"""Two capsules that share a hart: each fills every register and CSR that it owns, and finds them
unchanged after thousands of switches."""

import subprocess

import pytest

from machine import EXIT_DONE, command, guest, major

CELLS = {
    "rv64": {"width": 64, "cpu": "h=false"},
    "rv64 no sstc": {"width": 64, "cpu": "h=false,sstc=false"},
    "rv64 no fp": {"width": 64, "cpu": "h=false,f=false,d=false"},
    "rv64 vector": {"width": 64, "cpu": "h=false,v=true"},
    # Vector registers without V, which nothing says but the names of smaller extensions.
    "rv64 Zve64f": {"width": 64, "cpu": "h=false,Zve64f=true"},
    "rv64 zfinx": {"width": 64, "cpu": "h=false,f=false,d=false,zfinx=true"},
    "rv32": {"width": 32, "cpu": "h=false"},
    "rv32 no sstc": {"width": 32, "cpu": "h=false,sstc=false"},
    "rv64 H pmp": {"width": 64, "cpu": "", "append": "isolation=pmp"},
    "rv64 H pmp no sstc": {"width": 64, "cpu": "sstc=false", "append": "isolation=pmp"},
    "rv64 H pmp vector": {"width": 64, "cpu": "v=true", "append": "isolation=pmp"},
    "rv32 H pmp": {"width": 32, "cpu": "", "append": "isolation=pmp"},
    "rv64 hext": {"width": 64, "cpu": ""},
    "rv64 hext no sstc": {"width": 64, "cpu": "sstc=false"},
    "rv32 hext": {"width": 32, "cpu": ""},
    "rv32 hext no sstc": {"width": 32, "cpu": "sstc=false"},
}

# With state that only newer emulators have, which guests aren't offered, but reach.
NEWER = {
    "rv64 jump table": {"width": 64,
                        "cpu": "h=false,f=false,d=false,zcd=false,zcmt=true"},
    "rv64 records": {"width": 64, "cpu": "h=false,smctr=true,ssctr=true"},
    "rv64 hext records": {"width": 64, "cpu": "smctr=true,ssctr=true"},
    "rv32 closed": {"width": 32, "cpu": "h=false,smstateen=true"},
}
CELLS.update(NEWER)


@pytest.mark.parametrize("cell", CELLS)
def test_twins(bench, cell):
    """Nothing of the one is seen by the other."""
    if cell in NEWER and major() < 10:
        pytest.skip("this emulator doesn't have it")
    width = CELLS[cell]["width"]
    check_twins(bench.run(guest("twins", width), limit=150 if cell in NEWER else 60, cpus=1, mem="256M", **CELLS[cell]))


def test_registers_that_the_tree_conceals(bench, tmp_path):
    """The hart has F and D, and its node in the device tree doesn't say so: a guest can use them all
    the same, and finds nothing of its neighbour's."""
    tree = tmp_path / "x.dtb"
    line = command(cpus=1, mem="256M", machine="virt,dumpdtb=%s" % tree)
    subprocess.run(line, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    subprocess.run(["fdtput", "-t", "s", tree, "/cpus/cpu@0", "riscv,isa",
                    "rv64imac_zicsr_zifencei_sstc"], check=True)
    ended = bench.run(guest("twins"), limit=60, cpus=1, mem="256M", extra=["-dtb", tree])
    check_twins(ended)
    assert ", fp 1," in ended.text


@pytest.mark.parametrize("cell", [cell for cell in CELLS if "hext" in cell and cell not in NEWER])
def test_same_address(bench, cell):
    """The same of two guests that are linked, and loaded, at one address."""
    width = CELLS[cell]["width"]
    check_twins(bench.run(guest("same", width), limit=60, cpus=1, mem="256M", **CELLS[cell]))


@pytest.mark.parametrize("cell", ["rv64 hext", "rv32 hext"])
def test_a_fence_of_each_kind(bench, cell):
    """The one by PMP alone, the other by a second stage, as their manifest says, on one hart: at
    each switch one fence goes and the other comes."""
    width = CELLS[cell]["width"]
    ended = bench.run(guest("mixed", width), limit=60, cpus=1, mem="256M", **CELLS[cell])
    check_twins(ended)
    assert ", pmp, runs on" in ended.text and ", hext, runs on" in ended.text


@pytest.mark.parametrize("cell", ["rv64", "rv32"])
def test_no_second_stage_without_h(bench, cell):
    """A capsule that asks for what the hart lacks is refused, in words; the other one runs."""
    width = CELLS[cell]["width"]
    ended = bench.run(guest("mixed", width), limit=60, cpus=1, mem="256M", **CELLS[cell])
    ended.says("Capsule other is refused: none of CPU 0 can run it: isolation is hext, but CPU 0 "
               "has no H extension; "
               "pmp or auto would be accepted", "Capsule 1: one: powered off")


@pytest.mark.parametrize("cell", ["rv64", "rv32 H pmp"])
def test_same_address_without_a_second_stage(bench, cell):
    """PMP doesn't translate: the second one is refused, and the first one runs."""
    width = CELLS[cell]["width"]
    ended = bench.run(guest("same", width), limit=60, cpus=1, mem="256M", **CELLS[cell])
    ended.says("Capsule other is refused: ", "overlaps", "Capsule 1: one: powered off")


def check_twins(ended):
    assert "FAIL" not in ended.text
    ended.says("Capsule 1: PASS: twin A: 2000 rounds", "Capsule 2: PASS: twin B: 2000 rounds")
    ended.ends(EXIT_DONE)
    # That they ran at the same time, so that there was something to see.
    assert max(ended.text.index("# twin %s: 2000 rounds, fp" % tag) for tag in "AB") < \
        ended.text.index("PASS: twin")


@pytest.mark.parametrize("width", [64, 32])
def test_stolen_time(bench, width):
    """What each of two capsules that share a hart is told was stolen is what it misses itself."""
    ended = bench.run(guest("steal", width), limit=60, width=width, cpus=1, mem="256M",
                      extra=["-icount", "shift=0,sleep=off"]).ends(EXIT_DONE)
    assert "FAIL" not in ended.text
    for number in (1, 2):
        ended.says("Capsule %d: PASS: steal: what was stolen is what was missing" % number,
                   "Capsule %d: DONE: " % number)
