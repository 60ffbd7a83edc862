# SPDX-License-Identifier: MIT
"""`make run` as a user has it: from the command to the shell and back, the emulator's keys, and
without a terminal."""

import os
import pathlib
import re
import subprocess
import time

import pytest

from machine import EXIT_DONE, LINUX, ROOT, Shell, Slots, emulator, plain

# What make itself hands on must not reach the make that is tested.
CLEAN = {name: value for name, value in os.environ.items()
         if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DIOSIX_LOCKED", "XLEN", "QEMU",
                         "MACHINE", "CPU", "CPUS", "MEM", "ISOLATION", "CONSOLE", "HOSTARGS",
                         "BUILD", "KERNEL", "INITRD", "BOOTARGS", "RAM", "VCPUS", "STOCK_GUEST")}
MAKE_RUN = ["make", "run", "SETUP=no"]


@pytest.mark.parametrize("width", [64, 32])
def test_make_run(bench, width):
    """The one command that the README gives, at a terminal, to the guest's poweroff."""
    line = MAKE_RUN + ["QEMU=" + emulator(width)] + ([] if width == 64 else ["XLEN=%d" % width])
    shell = bench.start(line, Shell, limit=180, env=CLEAN).boot(150)
    assert "riscv%d GNU/Linux" % width in shell.run("uname -a")
    text = shell.power_off()
    assert "Leave QEMU with Ctrl-a x" in text
    assert text.rstrip().endswith("Powering off")


def test_make_run_own_values(bench):
    """One's own command line and memory; the hypervisor's options, too."""
    shell = bench.start([*MAKE_RUN, "RAM=112M", "MEM=256M", "CPUS=1", "BOOTARGS=console=ttyS0 a=b",
                         "HOSTARGS=log=info"], Shell, limit=180, env=CLEAN)
    shell.boot(150)
    assert shell.run("cat /proc/cmdline") == "console=ttyS0 a=b\n"
    total = int(re.search(r"MemTotal: +(\d+) kB", shell.run("cat /proc/meminfo")).group(1))
    assert 32 << 10 < total < 112 << 10
    assert "[?]" not in shell.power_off()


def test_make_run_without_terminal(bench):
    """In a log, with nobody typing: the guest comes to its shell, which then waits."""
    log = bench.log()
    slots = Slots()
    try:
        with open(log, "wb") as out, subprocess.Popen(
                MAKE_RUN, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                cwd=ROOT, env=CLEAN) as child:
            end = time.monotonic() + 120
            while b"capsule:/# " not in log.read_bytes():
                assert child.poll() is None, "it ended"
                assert time.monotonic() < end, "the shell did not come"
                time.sleep(0.1)
            assert child.poll() is None
            children = processes_below(child.pid)
            child.terminate()
            for pid in children:
                terminate(pid)
    finally:
        slots.release()
    assert plain(log.read_bytes()).startswith("Leave QEMU with") or "built" in log.read_text()


def processes_below(pid):
    """A process's descendants: make starts the emulator."""
    found = []
    for task in pathlib.Path("/proc/%d/task" % pid).glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *processes_below(int(child))]
    return found


def terminate(pid):
    try:
        os.kill(pid, 15)
    except ProcessLookupError:
        pass


def test_make_run_twice_at_once(bench):
    """Two in one checkout: both come to their shell, and one's end is not the other's."""
    slots = Slots(2)
    first = Shell(MAKE_RUN, bench.log(), limit=200, slots=slots, env=CLEAN)
    second = Shell(MAKE_RUN, bench.log(), limit=200, slots=slots, env=CLEAN)
    bench.machines += [first, second]
    first.boot(150)
    second.boot(150)
    first.run("echo one > /tmp/mark")
    assert second.run("ls /tmp") == ""
    first.power_off()
    assert "riscv64" in second.run("uname -a")
    second.power_off()


@pytest.mark.parametrize("cpus", [1, 4])
def test_emulator_keys(bench, cpus):
    """Ctrl-a c is the monitor: `info registers -a` shows every hart, the guest's in S- or U-mode.
    The guest goes on afterwards, and Ctrl-a x leaves."""
    shell = bench.shell(LINUX, cpus=cpus)
    shell.send("while :; do :; done\r")
    shell.pause()
    registers = shell.monitor("info registers -a")
    assert [int(n) for n in re.findall(r"CPU#(\d+)", registers)] == list(range(cpus))
    assert "stvec" in registers and "satp" in registers
    # The guest's hart has its page tables on; M-mode itself never has.
    satps = [int(value, 16) for value in re.findall(r"satp +([0-9a-f]+)", registers)]
    assert len(satps) == cpus and any(value >> 60 in (8, 9, 10) for value in satps)
    privileges = re.findall(r"\bpriv\s+([0-9a-f]+)", registers, re.IGNORECASE)
    if privileges:
        assert any(int(value, 16) in (0, 1) for value in privileges)
    shell.send("\x03")
    shell.expect(Shell.PROMPT, 20)
    assert "riscv64" in shell.run("uname -a")
    shell.send("\x01x")
    shell.ends(EXIT_DONE)


def test_help_lists_the_verbs():
    text = subprocess.run(["make", "help"], cwd=ROOT, env=CLEAN, capture_output=True, text=True,
                          check=True, timeout=60).stdout
    for word in ("all", "run", "test", "check", "image", "clean", "KERNEL=", "INITRD=", "BOOTARGS=",
                 "RAM=", "VCPUS=", "CPUS=", "MEM=", "XLEN=", "GUEST=", "MANIFEST=", "ISOLATION=", "QEMU="):
        assert re.search(r"^  %s" % re.escape(word), text, re.MULTILINE), word


@pytest.mark.parametrize("values, words", [
    (["XLEN=128"], 'XLEN is "128"; it can be 64 or 32'),
    (["GUEST=hurd"], 'GUEST is "hurd"; it can be debian or small'),
    (["XLEN=32", "GUEST=debian"], "Debian has no packages for 32 bits"),
])
def test_values_that_make_refuses(values, words):
    done = subprocess.run(["make", "run", *values], cwd=ROOT, env=CLEAN, capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.returncode != 0 and words in done.stderr
