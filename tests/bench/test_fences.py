# SPDX-License-Identifier: MIT
"""What a change of capsule does to the hart's fences, counted by the plugin: an emulator forgives a
fence that is missing, and doesn't feel one that is needless."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools/bench"))

from emulator import Width, on_diosix    # noqa: E402 pylint: disable=wrong-import-position

# Two guests at the same address, and two that can be fenced by PMP; each switches 2000 times.
CELLS = {"hext": ("same", "", None), "H pmp": ("twins", "", "isolation=pmp"),
         "pmp": ("twins", "h=false", None)}
SWITCHES = 4000
# What starting takes: PMP entries are probed, and each guest's first entry is fenced.
PMP_AT_START, FENCES_AT_START = 300, 20
GUEST_PAGE_FAULTS = (20, 21, 23)


@pytest.mark.parametrize("cell,xlen", [("hext", 64), ("hext", 32), ("H pmp", 64), ("pmp", 32)])
def test_fences_at_a_switch(cell, xlen):
    guests, cpu, options = CELLS[cell]
    width = Width(xlen)
    run = on_diosix(width, "fences-" + cell.replace(" ", "-"), cpu,
                    width.build / ("guest/%s.itb" % guests), options)
    assert run.text.count("PASS: twin") == 2, run.text
    did = run.counts["all"]["hypervisor"]
    if cell == "hext":
        assert did["pmp"] <= PMP_AT_START
        assert did["sfence"] + did["hfence"] <= FENCES_AT_START
        # All RAM is mapped before a guest starts, and these touch no device.
        faults = [trap for trap in run.counts["traps"] if trap["cause"] in GUEST_PAGE_FAULTS]
        assert not faults, faults
        return
    # Entries are written and fenced each time; with H one for the second stage, one for the guest's own.
    assert did["pmp"] >= 2 * SWITCHES
    assert did["sfence"] >= SWITCHES
    assert did["hfence"] >= (2 * SWITCHES if cell == "H pmp" else 0)
