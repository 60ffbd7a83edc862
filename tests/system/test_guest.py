# SPDX-License-Identifier: MIT
"""The guest tests' results, one test here for each of their subjects in each cell, and the small
guests' ends. One emulator runs all subjects of a cell."""

import re

import pytest

from machine import (CACHE, EXIT_DONE, EXIT_FAILED, LOGS, ROOT, BUILD, command, failures, guest,
                     major, run)
from poison import poisoned

MAIN = (ROOT / "tests/guest/main.c").read_text()
SUBJECTS = re.findall(r'^\t\{"([a-z]+)", \w+\},$', MAIN, re.MULTILINE)
assert len(SUBJECTS) > 10

# What fences the capsule on what kind of hart: what follows the CPU's name, and the option.
FENCES = {"": ("h=false", None), " H pmp": ("", "isolation=pmp"), " hext": ("", None)}

CELLS = {}
for fence, (cpu, option) in FENCES.items():
    for width in (64, 32):
        for harts in (1, 4):
            for sstc in (True, False):
                for poison in (False, True):
                    # With H, poison and Sstc are each tried once, not in every combination.
                    if fence and poison == sstc:
                        continue
                    name = "rv%d%s %d harts%s%s" % (width, fence, harts, "" if sstc else " no sstc",
                                                    " poisoned" if poison else "")
                    words = [word for word in (cpu, "" if sstc else "sstc=false") if word]
                    CELLS[name] = {"width": width, "cpus": harts, "poison": poison,
                                   "cpu": ",".join(words), "append": option}


# Extensions that guests are offered where the hart has them; by the names of QEMU's versions.
MORE = "zk=true,zks=true,svnapot=true,svinval=true"
MORE += ",Zfh=true" if major() < 10 else ",zfh=true,zicond=true,zacas=true,zabha=true,zcb=true"
for fence, (cpu, option) in FENCES.items():
    CELLS["rv64%s more extensions" % fence] = {
        "width": 64, "cpus": 1, "poison": False, "cpu": ",".join(filter(None, [cpu, MORE])),
        "append": option}


def opensbi(width=64):
    """The same ELF on stock firmware, without Diosix: what fails there is a wrong test."""
    return command(width=width, cpus=1, cpu="h=false", append=None,
                   bios=CACHE / ("opensbi/rv%d/fw_dynamic.bin" % width),
                   kernel=BUILD / ("rv%d/guest/guest-tests.elf" % width))


RUNS = {}


def cell_run(name, folder):
    """One run of all subjects for each cell, however many tests look at it."""
    if name not in RUNS:
        if name.endswith("OpenSBI"):
            line = opensbi(int(name[2:4]))
        else:
            cell = dict(CELLS[name])
            poison = cell.pop("poison")
            line = command(guest("guest-tests", cell["width"]), mem="256M", **cell)
            if poison:
                line = poisoned(line, folder.mktemp("poison"))
        # Stock firmware has no one to power off the machine after the last test.
        until = "\nDONE: " if name.endswith("OpenSBI") else None
        RUNS[name] = run(line, LOGS / ("guest-tests-%s.log" % name.replace(" ", "-")), 90, until)
    return RUNS[name]


def subject_lines(text, subject):
    return re.findall(r"^((?:PASS|FAIL|SKIP): %s: .*)$" % subject, text, re.MULTILINE)


def grouped(cells):
    return [pytest.param(cell, marks=pytest.mark.xdist_group(cell)) for cell in cells]


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("cell", grouped(CELLS))
def test_guest(request, tmp_path_factory, cell, subject):
    check_subject(request, tmp_path_factory, cell, subject)


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("cell", grouped(["rv64 OpenSBI"]))
def test_guest_on_firmware(request, tmp_path_factory, cell, subject):
    check_subject(request, tmp_path_factory, cell, subject)


def check_subject(request, folder, cell, subject):
    """All of a subject's lines pass, and there is at least one."""
    ended = cell_run(cell, folder)
    request.node.logs = [ended.log]
    lines = subject_lines(ended.text, subject)
    failed = failures("\n".join(lines))
    assert not failed, "\n".join(failed)
    assert lines, "nothing was said about %s; the run ended with %s" % (subject, ended.status)
    if all(line.startswith("SKIP") for line in lines):
        pytest.skip(lines[0])
    own = [line for line in lines if line.startswith("FAIL")]
    if own:
        pytest.skip("the emulator's own: " + own[0])


@pytest.mark.parametrize("cell", grouped(CELLS))
def test_guest_ends(tmp_path_factory, request, cell):
    """The last line is there, its numbers are those of the lines above, and the machine ends."""
    ended = cell_run(cell, tmp_path_factory)
    request.node.logs = [ended.log]
    done = re.search(r"^DONE: (\d+) passed, (\d+) failed, (\d+) skipped$", ended.text, re.M)
    assert done, "no line DONE"
    counted = [len(re.findall("^%s: " % word, ended.text, re.M))
               for word in ("PASS", "FAIL", "SKIP")]
    assert [int(number) for number in done.groups()] == counted
    ended.ends(EXIT_DONE).says("Capsule 1: guest-tests: powered off")


WIDTHS = [64, 32]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["flat", "pic"])
def test_other_kinds_of_image(bench, name, width):
    ended = bench.run(guest(name, width), width=width).ends(EXIT_DONE)
    assert "PASS: flat: " in ended.text and "FAIL" not in ended.text


@pytest.mark.parametrize("width", WIDTHS)
def test_failure_is_a_failure(bench, width):
    bench.run(guest("failure", width), width=width).ends(EXIT_FAILED).says(
        "[!]", "failure: reported a system failure", "Powering off")


@pytest.mark.parametrize("width", WIDTHS)
def test_reboots_without_an_end(bench, width):
    """Five times within ten seconds, each from the pristine image; then it is stopped."""
    ended = bench.run(guest("reboot", width), width=width).ends(EXIT_FAILED).says(
        "reboot: rebooted 5 times within 10 seconds: it stays stopped", "Powering off")
    assert ended.text.count("# reboot: asking for a cold reboot") == 6
    assert ended.text.count("reboot: started again") == 5
    assert "FAIL" not in ended.text


@pytest.mark.parametrize("width", WIDTHS)
def test_last_vcpu_stops(bench, width):
    bench.run(guest("stop", width), width=width).ends(EXIT_DONE).says(
        "stop: stopped its last vCPU", "Powering off")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["faultloop", "tableloop"])
def test_handler_out_of_reach(bench, name, width):
    """A guest whose own trap handler can't be fetched would trap for ever: it is stopped, with the
    cause in words and its registers."""
    ended = bench.run(guest(name, width), width=width).ends(EXIT_FAILED).says(
        name + ": instruction access fault at pc 0x", "from S-mode",
        name + ": stopped: its trap handler itself traps, for ever", "Powering off")
    registers = re.findall(r"\[!\] CPU \d+: +pc ([0-9a-f]+) +ra [0-9a-f]+ +sp [0-9a-f]+", ended.text)
    assert len(registers) == 1 and len(registers[0]) == width // 4
    assert re.search(r"sstatus [0-9a-f]+  stvec [0-9a-f]+  sepc [0-9a-f]+", ended.text)


FOR_EVER = {"spin": "from here on nothing", "ecallloop": "the cheapest call", "forever": "waiting"}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", FOR_EVER)
def test_goes_on_for_ever(bench, name, width):
    """A guest that burns or sleeps away its own time is no failure: it goes on, the terminal
    stays the user's, and no message or trap of the hypervisor's own comes up."""
    machine = bench.start(command(guest(name, width), width=width, cpus=1), limit=30)
    machine.expect(FOR_EVER[name].encode(), 20)
    machine.pause()
    registers = machine.monitor("info registers")
    assert " priv " in registers or " pc " in registers
    machine.pause()
    assert machine.child.isalive()
    after = machine.text().split(FOR_EVER[name])[1]
    assert not re.search(r"\[[!+?]\] CPU", after), after
    machine.send("\x01x")
    machine.ends(EXIT_DONE)
