# SPDX-License-Identifier: MIT
"""What calls cost, in retired instructions of the emulated machine: guest and hypervisor
together, the round trip as the guest sees it. It is no claim about cycles."""

import re

import pytest

from machine import EXIT_DONE, LOGS, command, guest, run

# The most that a row may cost. What firmware alone takes is in docs.
LIMITS = {
    "sbi-null": 85,
    "set-timer": 60,
    "uart-read": 160,
    "uart-read-mmu": 240,
    "legacy-putchar": 100,
}
CPUS = {"sstc": "h=false", "no-sstc": "h=false,sstc=false"}
RUNS = {}


def costs(cpu, width=64):
    """The rows of one run; the same binary that all other tests boot."""
    key = "rv%d-%s" % (width, cpu)
    if key not in RUNS:
        line = command(guest("cost", width), width=width, cpus=1, cpu=CPUS[cpu],
                       extra=["-icount", "shift=0,sleep=off"])
        RUNS[key] = run(line, LOGS / ("cost-%s.log" % key), 60).ends(EXIT_DONE)
    rows = re.findall(r"^.*COST: (\S+) (\d+)$", RUNS[key].text, re.MULTILINE)
    return {name: int(cost) for name, cost in rows}


# Without Sstc a time of 64 bits is compared with the hart's own alarm and written, both by halves.
NARROW_BESIDES = {("no-sstc", "set-timer"): 1.25}


@pytest.mark.parametrize("cpu", [pytest.param(cpu, marks=pytest.mark.xdist_group("cost"))
                                 for cpu in CPUS])
def test_narrow_costs_little_more(cpu):
    """RV32's rows are within 20 % of RV64's."""
    wide, narrow = costs(cpu), costs(cpu, 32)
    assert len(set(wide) & set(narrow)) > 10
    for row in set(wide) & set(narrow):
        assert narrow[row] <= wide[row] * NARROW_BESIDES.get((cpu, row), 1.2), \
            "%s takes %d instructions on RV32, %d on RV64" % (row, narrow[row], wide[row])


@pytest.mark.parametrize("row", LIMITS)
@pytest.mark.parametrize("cpu", [pytest.param(cpu, marks=pytest.mark.xdist_group("cost"))
                                 for cpu in CPUS])
def test_cost(cpu, row):
    cost = costs(cpu)[row]
    assert cost <= LIMITS[row], "%s takes %d instructions; at most %d" % (row, cost, LIMITS[row])
