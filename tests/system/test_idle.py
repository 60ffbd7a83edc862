# SPDX-License-Identifier: MIT
"""Idle harts and idle guests execute next to nothing: two runs that differ in nothing but a second
in which everybody sleeps, counted by the emulator's plugin (tools/bench)."""

import pathlib
import sys

import pytest

from loads import load, loads

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools/bench"))

import emulator     # noqa: E402

AT_MOST = 2000      # instructions of a hart in a second
SHORT, LONG = 300, 1300


def executed(folder, width, cpu, first, vcpus):
    """All that is executed when the guests sleep until `first`."""
    folder.mkdir()
    image = loads(folder, width.xlen, {name: load("sleep", first, first, vcpus=vcpus)
                                       for name in ("a", "b")})
    run = emulator.on_diosix(width, "idle-%d" % first, cpu, image)
    assert run.text.count("LOAD: ") == 2, run.text
    return sum(run.counts["harts"])


@pytest.mark.parametrize("xlen", [64, 32])
@pytest.mark.parametrize("sstc", ["", ",sstc=false"])
def test_idle(tmp_path, xlen, sstc):
    """Two capsules with two sleeping vCPUs each, on one hart."""
    width = emulator.Width(xlen)
    least = executed(tmp_path / "short", width, "h=false" + sstc, SHORT, 2)
    most = executed(tmp_path / "long", width, "h=false" + sstc, LONG, 2)
    assert most - least <= AT_MOST, "%d instructions in an idle second" % (most - least)
