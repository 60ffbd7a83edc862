# SPDX-License-Identifier: MIT
"""Crash reports: what a guest was and did when it failed, in words and numbers that are compared
with its ELF and with what its source does."""

import re
import subprocess

import pytest

from machine import BUILD, EXIT_FAILED, command, guest

WIDTHS = [64, 32]
MARK = 0x5ca1ab1e  # what both guests leave in s7
LINES_MAX, LINE_MAX = 40, 240


def symbols(name, width):
    """Name to address, by the tools."""
    elf = BUILD / ("rv%d/guest/%s.elf" % (width, name))
    lines = subprocess.run(["riscv64-unknown-elf-nm", elf], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    return {line.split()[2]: int(line.split()[0], 16) for line in lines}


class Report:
    """The alerts of a run."""

    def __init__(self, text):
        self.lines = [match.group(1) for match in re.finditer(r"^\[!\] CPU \d+: (.*)$", text, re.M)]

    def find(self, pattern):
        """The one line that has it."""
        found = [match for match in (re.search(pattern, line) for line in self.lines) if match]
        assert len(found) == 1, "%d lines have %r" % (len(found), pattern)
        return found[0]

    def register(self, name):
        return int(self.find(r"(?:^| )%s ([0-9a-f]{8,16})(?: |$)" % name).group(1), 16)

    def symbol(self, what):
        match = self.find(r"^%s is in (\S+) \+ 0x([0-9a-f]+)$" % what)
        return match.group(1), int(match.group(2), 16)

    def after(self, pattern):
        """The lines that follow it and are indented."""
        line = self.find(pattern).string
        rest = self.lines[self.lines.index(line) + 1:]
        while rest and rest[0].startswith("  "):
            yield rest.pop(0)


def crash(bench, name, width, cpus):
    ended = bench.run(guest(name, width), width=width, cpus=cpus).ends(EXIT_FAILED)
    report = Report(ended.text)
    assert len(report.lines) <= LINES_MAX
    assert all(len(line) < LINE_MAX for line in ended.text.split("\n"))
    return report


@pytest.mark.parametrize("cpus", [1, 4])
@pytest.mark.parametrize("width", WIDTHS)
def test_failure_is_explained(bench, width, cpus):
    """A guest's own page fault, which it gives up on: found by its CSRs, with page tables on."""
    report = crash(bench, "crash", width, cpus)
    known = symbols("crash", width)

    report.find(r"Capsule 1: crash: reported a system failure")
    report.find(r"Capsule 1: crash: it reported the failure at pc 0x%x, from S-mode"
                % report.register("pc"))
    name, offset = report.symbol("sepc")
    assert name == "read_nothing"
    fault = known["read_nothing"] + offset
    report.find(r"load page fault at sepc 0x%x, stval 0x40001234, from S-mode" % fault)
    assert report.symbol("pc")[0] == "on_trap"
    assert report.symbol("ra")[0] == "_start"
    assert report.symbol("stvec") == ("on_trap", 0)
    # lw a0, 0(t6) in the machine's halves
    report.find(r"Code around sepc 0x%x, halfwords:.* > a503 000f 8082 " % fault)
    report.find(r"Code around pc .* > 0073 0000 ")
    # Registers that only a full entry saves, and those that a short one does.
    assert report.register("s7") == MARK and report.register("t6") == 0x40001234
    assert report.register("a7") == 0x53525354

    root, page = known["root"], known["_start"]
    levels = list(report.after(r"^Page tables for pc 0x[0-9a-f]+, to execute in S-mode: Sv"))
    faulting = list(report.after(r"^Page tables for address 0x40001234, to load in S-mode: Sv"))
    shift, top = (30, 2) if width == 64 else (22, 1)
    assert levels[0].startswith("  level %d: table 0x%x [%d]: " % (top, root, page >> shift))
    assert "a large page at" in levels[top - 1] and "rwx--ad" in levels[top - 1]
    assert levels[-1] == "  guest-physical 0x%x: the access is allowed" % report.register("pc")
    assert faulting == ["  level %d: table 0x%x [%d]: 0x0" % (top, root, 0x40001234 >> shift),
                        "  the entry is not valid"]
    exits = report.find(r"^Last exits, oldest first.*: (.*)$").group(1)
    assert re.fullmatch(r"(\d+ x )?call DBCN, call SRST", re.sub(r"[a-z]+ interrupt, ", "", exits))


@pytest.mark.parametrize("width", WIDTHS)
def test_stuck_guest_is_stopped(bench, width):
    """A guest whose handler's first instruction raises an exception can't ever go on."""
    report = crash(bench, "stuck", width, 4)
    known = symbols("stuck", width)

    report.find(r"Capsule 1: stuck: illegal instruction at pc 0x%x, mtval 0xffffffff, from S-mode"
                % known["no_code"])
    report.find(r"Capsule 1: stuck: stopped")
    assert report.symbol("pc") == ("no_code", 0)
    assert report.symbol("sepc")[0] == "break_contract"
    assert report.register("s7") == MARK
    report.find(r"Code around pc .* > ffff ffff ")
    assert list(report.after(r"^Page tables for pc .*: Bare$")) == \
        ["  guest-physical 0x%x: translation is off" % known["no_code"]]
    report.find(r"^Last exits.* 2 x illegal instruction$")


@pytest.mark.parametrize("width", WIDTHS)
def test_failure_without_a_trap(bench, width):
    """A report of a guest that has never trapped doesn't invent a trap."""
    report = crash(bench, "failure", width, 1)
    report.find(r"It has had no trap of its own")
    assert not any("Page tables for address" in line for line in report.lines)
    assert report.symbol("pc")[0] == "_start"
