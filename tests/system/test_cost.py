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


def costs(cpu):
    """The rows of one run; the same binary that all other tests boot."""
    if cpu not in RUNS:
        line = command(guest("cost"), cpus=1, cpu=CPUS[cpu],
                       extra=["-icount", "shift=0,sleep=off"])
        RUNS[cpu] = run(line, LOGS / ("cost-%s.log" % cpu), 60).ends(EXIT_DONE)
    rows = re.findall(r"^.*COST: (\S+) (\d+)$", RUNS[cpu].text, re.MULTILINE)
    return {name: int(cost) for name, cost in rows}


@pytest.mark.parametrize("row", LIMITS)
@pytest.mark.parametrize("cpu", [pytest.param(cpu, marks=pytest.mark.xdist_group("cost"))
                                 for cpu in CPUS])
def test_cost(cpu, row):
    cost = costs(cpu)[row]
    assert cost <= LIMITS[row], "%s takes %d instructions; at most %d" % (row, cost, LIMITS[row])
