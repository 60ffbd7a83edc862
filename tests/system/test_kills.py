# SPDX-License-Identifier: MIT
"""Stops and restarts that arrive at any instruction of the hypervisor's (kills.py); many more of them
are `make kills`."""

import os
import random

import pytest

from kills import Kills

CELLS = {"rv64": (64, "h=false"), "rv32": (32, "h=false"), "rv64 hext": (64, ""),
         "rv32 hext no sstc": (32, "sstc=false")}
TRIALS = int(os.environ.get("TRIALS") or 25)


@pytest.mark.parametrize("cell", CELLS)
def test_any_instruction(bench, tmp_path, cell):
    """The victim beside it notices nothing, and the capsule is as new each time."""
    width, cpu = CELLS[cell]
    seed = int(os.environ.get("SEED") or random.randrange(1 << 30))
    print("seed %d" % seed)
    kills = Kills(tmp_path, bench.log(), width, cpu, seed, 60 + 4 * TRIALS)
    bench.machines.append(kills.machine)
    for _ in range(TRIALS):
        kills.trial()
        kills.check()
    kills.end()
    print(dict(kills.counts))
    print(", ".join("%s %d" % place for place in kills.places.most_common()))
    assert kills.counts["posted"] > TRIALS / 2, kills.counts
