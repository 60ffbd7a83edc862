# SPDX-License-Identifier: MIT
"""Guests with several vCPUs, on as many harts and on fewer: smp-tests.elf by its subjects, the ways
such a capsule ends, and Linux under load, whose every complaint is a failure."""

import re

import pytest

from loads import LINUX_IMAGES, linux, linux_images, pack
from machine import (BUILD, CACHE, EXIT_DONE, EXIT_FAILED, LOGS, Shell, Shells, command, guest,
                     run)

# What fences the capsule on what kind of hart, as in test_guest.py.
FENCES = {"": ("h=false", None), " H pmp": ("", "isolation=pmp"), " hext": ("", None)}
CELLS = {"rv%d%s %d harts%s" % (width, fence, harts, " no sstc" if sstc else ""):
         {"width": width, "cpus": harts, "append": option,
          "cpu": ",".join(word for word in (cpu, sstc) if word)}
         for fence, (cpu, option) in FENCES.items() for width in (64, 32)
         for harts, sstc in ((1, ""), (2, ""), (4, ""), (1, "sstc=false"), (4, "sstc=false"))
         if not (fence and sstc and harts == 1)}


def check(ended, least=100, slow=None):
    """`slow`: what may miss its limit in time."""
    failures = [line for line in re.findall(r"^FAIL: .*$", ended.text, re.M)
                if not slow or slow not in line]
    assert not failures, "\n".join(failures)
    done = re.search(r"^DONE: (\d+) passed, %s failed" % (r"[01]" if slow else 0), ended.text, re.M)
    assert done and int(done.group(1)) > least, "it did not come to its end"


@pytest.mark.parametrize("cell", CELLS)
def test_guest(bench, cell):
    ended = bench.run(guest("smp-tests", CELLS[cell]["width"]), limit=200, mem="256M",
                      **CELLS[cell])
    check(ended)
    ended.ends(EXIT_DONE)


def test_guest_on_firmware():
    """What fails there is a wrong test."""
    line = command(cpus=4, cpu="h=false", bios=CACHE / "opensbi/rv64/fw_dynamic.bin",
                   kernel=BUILD / "rv64/guest/smp-tests.elf")
    # Some things only Diosix promises, and is asked for. Of what has a limit in time this one takes
    # OpenSBI longest, too long on a host that is busy.
    check(run(line, LOGS / "smp-tests-opensbi.log", 120, "\nDONE: "), 80,
          slow="all fence all at once")


def one(folder, name, words, width=64, vcpus=4):
    """A capsule with a guest of the kit, which is linked where it has to be."""
    return pack(folder, width, {"kernel": (name + ".elf", "kernel")}, {name: {
        "kernel": '"kernel"', "bootargs": '"%s"' % words, "memory-base": "<0 0x84000000>",
        "memory-mib": "<32>", "vcpus": "<%d>" % vcpus}})


@pytest.mark.parametrize("width, cpus", [(64, 1), (64, 2), (64, 4), (32, 4)])
def test_no_wakeup_is_lost(bench, tmp_path, width, cpus):
    """By brute force: between two, and among four with timers that come between."""
    image = one(tmp_path, "smp-tests", "only=wfi rounds=20000", width)
    ended = bench.run(image, limit=150, width=width, cpus=cpus)
    assert "FAIL" not in ended.text
    ended.says("thrown to and fro 20000 times, and no wake-up is lost")
    ended.says("passed on 80000 times between timers, and none is lost").ends(EXIT_DONE)


ENDS = {"off": (EXIT_DONE, "powered off"), "asleep": (EXIT_DONE, "powered off"),
        "fail": (EXIT_FAILED, "reported a system failure"),
        "last": (EXIT_DONE, "stopped its last vCPU"),
        "reboot": (EXIT_FAILED, "rebooted 5 times within 10 seconds: it stays stopped"),
        "race": (EXIT_FAILED, "rebooted 5 times within 10 seconds: it stays stopped")}


@pytest.mark.parametrize("cpus", [1, 4])
@pytest.mark.parametrize("how", ENDS)
def test_ends(bench, tmp_path, how, cpus):
    """Whichever vCPU ends it, all stop; in the next life nothing is left of them."""
    ended = bench.run(one(tmp_path, "ends", "how=" + how), limit=60, cpus=cpus)
    reboots = how in ("reboot", "race")  # more often where ten seconds are short
    assert "FAIL" not in ended.text
    lives = ended.text.count("PASS: ends: all other vCPUs are stopped")
    assert lives >= 6 if reboots else lives == 1
    ended.says("ends: " + ENDS[how][1]).ends(ENDS[how][0])


# --- Linux --------------------------------------------------------------------------------------

COMPLAINT = re.compile(r"lockup|stall|rcu:? .*detected|blocked for more than|hung_task|\bBUG\b|"
                       r"\bOops\b|WARNING|Call Trace|failed to (?:start|come online)", re.I)
# Loops, pipes, sleepers, page faults (each dd touches a fresh megabyte), on all vCPUs.
LOAD = ("for n in 1 2 3 4; do :>/tmp/rounds$n; (while :; do dd if=/dev/zero of=/dev/null bs=1M count=5"
        " 2>/dev/null; seq 1 500 | sort -n | md5sum >/dev/null; usleep 2000; echo >>/tmp/rounds$n;"
        " done) & done")
MORE_ROUNDS = 2
REST = "kill $(jobs -p); wait 2>/dev/null; true"


def no_complaint(text):
    found = [line for line in text.split("\n") if COMPLAINT.search(line)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("cpus", [2, 4])
def test_linux(bench, tmp_path, cpus):
    """Four vCPUs come up; under load each works, goes offline and comes back; the end is clean."""
    shell = bench.shell(pack(tmp_path, 64, LINUX_IMAGES, {"linux": linux()}), limit=400, cpus=cpus)
    assert shell.run("nproc") == "4\n"
    assert shell.run("grep -c ^processor /proc/cpuinfo") == "4\n"
    shell.type(LOAD)
    for number in range(4):
        assert shell.run("taskset %x sh -c 'seq 1 3000 | tail -n 1'" % (1 << number),
                         150) == "3000\n"
    online = "/sys/devices/system/cpu/cpu%d/online"
    for number in (1, 3, 2):
        shell.run("echo 0 > " + online % number, 150)
        assert shell.run("nproc", 150) == "3\n"
        shell.run("echo 1 > " + online % number, 150)
        assert shell.run("nproc", 150) == "4\n"
    shell.type(REST, 150)
    messages = shell.run("dmesg", 150)
    no_complaint(messages)
    no_complaint(shell.power_off())


def goes_on(shell):
    """Each of the loops does some more rounds. The limit is for one that stands still, not for one
    that is slow."""
    for number, line in enumerate(shell.run("wc -l /tmp/rounds[1-4]", 60).splitlines()[:4], 1):
        shell.run("until [ $(wc -l </tmp/rounds%d) -ge %d ]; do sleep 1; done"
                  % (number, int(line.split()[0]) + MORE_ROUNDS), 240)


@pytest.mark.parametrize("width", [32, 64])
def test_two_linux(bench, tmp_path, width):
    """Two with four vCPUs each on four harts, both under load at once: each of its loops goes on in
    each, each vCPU works, and neither kernel complains."""
    image = pack(tmp_path, width, linux_images(width), {"left": linux(), "right": linux()})
    pair = bench.start(command(image, width=width, cpus=4, mem="1G"), Shells, limit=600)
    said = {pair.expect(rb"Capsule (\d): capsule:/# ", 300).group(1) for _ in range(2)}
    assert said == {b"1", b"2"}
    for number in (1, 2):
        pair.attach(number)
        assert pair.run("nproc", 60) == "4\n"
        pair.type(LOAD, 60)
    for number in (1, 2, 1):
        pair.attach(number)
        goes_on(pair)
    for number in (1, 2):
        pair.attach(number)
        for vcpu in range(4):
            assert pair.run("taskset %x sh -c 'seq 1 3000 | tail -n 1'" % (1 << vcpu),
                            150) == "3000\n"
        pair.type(REST, 150)
        no_complaint(pair.run("dmesg", 150))
    no_complaint(pair.text())
    pair.send("poweroff\r")
    pair.expect(rb"right: powered off", 150)
    pair.attach(1)
    no_complaint(pair.power_off())
