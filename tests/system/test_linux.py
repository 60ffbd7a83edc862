# SPDX-License-Identifier: MIT
"""The stock guest of either width in a capsule, with somebody at its terminal: Debian's kernel, and
the one built from its source for 32 bits."""

import hashlib
import random
import re
import subprocess

import pytest

from machine import BUILD, LINUX, ROOT, Shell, Shells, command, linux
from poison import poisoned

WIDTHS = pytest.mark.parametrize("width", [64, 32])

CELLS = {}
for bits in (64, 32):
    for harts in (1, 4):
        for sstc in (True, False):
            cell_name = "rv%d-%d-harts%s" % (bits, harts, "" if sstc else "-no-sstc")
            CELLS[cell_name] = {"width": bits, "cpus": harts,
                                "cpu": "h=false" + ("" if sstc else ",sstc=false")}
CELLS["rv64-4-harts-hext"] = {"width": 64, "cpus": 4, "cpu": ""}
CELLS["rv64-1-hart-hext-no-sstc"] = {"width": 64, "cpus": 1, "cpu": "sstc=false"}
CELLS["rv64-1-hart-H-pmp"] = {"width": 64, "cpus": 1, "cpu": "", "append": "isolation=pmp"}
CELLS["rv32-1-hart-hext"] = {"width": 32, "cpus": 1, "cpu": ""}

MMU = {64: "sv(39|48|57)", 32: "sv32"}
WRONG = re.compile(r"\b(BUG|Oops|stall|WARNING|Call Trace|soft lockup|hung task)\b")


def healthy(shell, width):
    """The kernel found what a capsule has, and complains about nothing."""
    assert re.fullmatch(r"Linux capsule 6\.12\.\S+ .* riscv%d GNU/Linux\n" % width,
                        shell.run("uname -a"))
    cpuinfo = shell.run("cat /proc/cpuinfo")
    assert cpuinfo.count("processor\t:") == 1
    assert re.search(r"^isa\t+: rv%dimafdc" % width, cpuinfo, re.MULTILINE)
    assert re.search(r"^mmu\t+: %s$" % MMU[width], cpuinfo, re.MULTILINE)
    messages = shell.run("dmesg")
    assert not [line for line in messages.split("\n") if WRONG.search(line)]
    assert "SBI specification v3.0 detected" in messages
    # By the seed, at once: else not before somebody waits for it.
    assert re.search(r"\[ +0\.0+\] random: crng init done", messages)
    if width == 64:  # the small kernel has neither driver
        assert "SBI SUSP extension detected" in messages
        assert "riscv-pmu-sbi: 16 firmware and 2 hardware counters" in messages
    assert not re.search(r"(?i)\b(sbi|pmu)\b.*fail", messages)
    return cpuinfo, messages


def timer_counts(shell):
    """Timer interrupts so far, by /proc/interrupts."""
    line = re.search(r"^.*riscv-timer.*$", shell.run("cat /proc/interrupts"), re.MULTILINE)
    return int(line.group().split()[1])


@pytest.mark.parametrize("cell", CELLS)
def test_boots_to_its_shell(bench, cell):
    """Boot, timers, a process that works, and the end with everything powered off."""
    width = CELLS[cell]["width"]
    shell = bench.shell(linux(width), **CELLS[cell])
    cpuinfo, _ = healthy(shell, width)
    assert ("sstc" in cpuinfo) == ("sstc=false" not in CELLS[cell].get("cpu", ""))
    before = timer_counts(shell)
    shell.run("sleep 1")
    assert timer_counts(shell) > before
    assert shell.run("seq 1 20000 | md5sum").split()[0] == numbers(20000)
    text = shell.power_off()
    lines = [line for line in text.split("\n") if line]
    off = [at for at, line in enumerate(lines)
           if re.fullmatch(r"\[\+\] CPU \d: Capsule 1: linux: powered off", line)]
    # Its figures come between.
    assert off and all(re.match(r"\[\+\] CPU \d: Capsule 1:", line) for line in lines[off[0]:-1])
    assert re.fullmatch(r"\[\+\] CPU \d: Powering off", lines[-1])


def numbers(last):
    return hashlib.md5(b"".join(b"%d\n" % n for n in range(1, last + 1))).hexdigest()


@WIDTHS
def test_messages_of_the_start(bench, width):
    """The first lines, in the manner that users of the original know."""
    text = bench.run(linux(width), width=width, until="Linux version").text
    lines = text.split("\n")
    assert re.fullmatch(r"\[\+\] CPU \d: Welcome to diosix 2\.0\.0-\S+", lines[0])
    assert re.fullmatch(r"\[\?\] CPU \d: Debugging enabled, 4 CPU cores, 512 MiB RAM found",
                        lines[1])
    ready = [re.fullmatch(r"\[\?\] CPU (\d): Physical CPU core RV%dIMAFDC \(QEMU/Unknown\) "
                          r"ready to roll" % width, line) for line in lines[2:6]]
    assert sorted(match.group(1) for match in ready) == ["0", "1", "2", "3"]
    assert re.fullmatch(r"\[\?\] CPU \d: Capsule 1: linux: 128 MiB at 0x[0-9a-f]+, 1 vCPU, .*"
                        r"runs on .*", lines[6])
    assert lines[7].startswith("[    0.000000] Linux version 6.12.")


@pytest.mark.parametrize("level, shown", [("alert", ""), ("info", "+"), ("debug", "+?")])
def test_log_level(bench, level, shown):
    """log= on the host's command line leaves out the lines below it."""
    text = bench.run(LINUX, append="log=" + level, until="Linux version").text
    assert {match.group(1) for match in re.finditer(r"^\[(.)\] CPU \d", text, re.M)} == set(shown)


@WIDTHS
def test_terminal(bench, width):
    """Full-screen programs, Ctrl-C, job control and a resized window."""
    shell = bench.shell(linux(width), width=width)
    edit_with_vi(shell)
    interrupt(shell)
    control_jobs(shell)
    resize(shell)
    shell.power_off()


def edit_with_vi(shell):
    shell.run("printf 'one\\ntwo\\nthree\\n' > /tmp/file")
    shell.send("vi /tmp/file\r")
    shell.expect(rb"1/3")
    shell.send("jddGothe last line\x1b")
    # vi waits a moment to see whether the escape begins the code of a key.
    shell.pause()
    shell.send(":wq\r")
    shell.expect(Shell.PROMPT)
    assert shell.run("cat /tmp/file") == "one\nthree\nthe last line\n"


def interrupt(shell):
    shell.send("sleep 1000\r")
    shell.expect(rb"sleep 1000\r")
    shell.pause()
    shell.send("\x03")
    shell.expect(Shell.PROMPT, 10)
    assert "130" in shell.type("echo status $?")


def control_jobs(shell):
    shell.type("sleep 1000 &")
    assert re.search(r"\[1\]\+ +Running +sleep 1000", shell.run("jobs"))
    shell.send("sleep 2000\r")
    shell.expect(rb"sleep 2000\r")
    shell.pause()
    shell.send("\x1a")
    shell.expect(Shell.PROMPT, 10)
    assert re.search(r"\[2\]\+ +Stopped +sleep 2000", shell.run("jobs"))
    shell.send("fg %1\r")
    shell.expect(rb"sleep 1000\r")
    shell.pause()
    shell.send("\x03")
    shell.expect(Shell.PROMPT, 10)
    shell.type("kill -CONT %2; kill %2")
    assert "Running" not in shell.type("jobs")


def resize(shell):
    """`resize` asks the terminal, here the test, how large it is."""
    shell.send("resize\r")
    shell.expect(rb"\x1b\[999;999H\x1b\[6n")
    shell.send("\x1b[41;123R")
    shell.expect(Shell.PROMPT)
    assert shell.run("stty size") == "41 123\n"


def words(count):
    """Text that notices a character that is lost, doubled or swapped."""
    chance = random.Random(2)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:-+/()"
    lines = []
    while sum(map(len, lines)) < count:
        lines.append("".join(chance.choice(letters) for _ in range(62)) + "x\n")
    return "".join(lines)[:count - 1] + "\n"


def paste(shell, text):
    """As a serial line at 115200 baud brings it: 11520 characters a second."""
    for at in range(0, len(text), 16):
        shell.send(text[at:at + 16])
        shell.pause(16 / 11520)


@WIDTHS
def test_typing_is_never_lost(bench, width):
    """4000 characters at terminal speed into a program, then into the shell's line editor, then
    while the guest itself writes as fast as it can."""
    shell = bench.shell(linux(width), width=width)
    pasted = words(4000)
    typed = pasted.replace("\n", "\r")
    digest = hashlib.md5(pasted.encode()).hexdigest()
    shell.send("echo ready; cat > /tmp/a\r")
    shell.expect(rb"\nready\r")
    shell.pause()
    paste(shell, typed + "\x04")
    shell.expect(Shell.PROMPT, 60)
    assert shell.run("md5sum < /tmp/a").split()[0] == digest
    shell.send("cat > /tmp/b <<'THE END'\r")
    shell.expect(rb"> \x1b\[6n")
    paste(shell, typed + "THE END\r")
    shell.expect(Shell.PROMPT, 60)
    assert shell.run("md5sum < /tmp/b").split()[0] == digest
    shell.run("seq 1 3000 > /tmp/seq")
    shell.send("cat /tmp/seq & cat > /tmp/c; wait\r")
    shell.expect(rb"\n1\r")
    paste(shell, typed + "\x04")
    shell.expect(Shell.PROMPT, 60)
    assert shell.run("md5sum < /tmp/c").split()[0] == digest
    shell.power_off()


@WIDTHS
def test_output_is_whole(bench, width):
    """100 KiB of output arrive as they were written."""
    shell = bench.shell(linux(width), width=width)
    output = shell.run("seq 1 20000", 90)
    assert hashlib.md5(output.encode()).hexdigest() == numbers(20000)
    shell.power_off()


@WIDTHS
def test_reboot_starts_again(bench, width):
    """A guest's reboot starts it from the pristine image: a file made in the first life is gone."""
    shell = bench.shell(linux(width), width=width)
    shell.type("echo here > /trace; cat /trace")
    shell.send("reboot\r")
    shell.expect(rb"Capsule 1: linux: asked for a reboot", 30)
    shell.expect(rb"Capsule 1: linux: started again", 30)
    shell.expect(shell.PROMPT, 100)
    assert "No such file" in shell.type("cat /trace")
    shell.power_off()


@WIDTHS
def test_kernel_panic_starts_again(bench, width):
    """A kernel that panics reboots after a second, as its setting says."""
    shell = bench.shell(linux(width), width=width)
    shell.type("echo 1 > /proc/sys/kernel/panic")
    shell.send("echo c > /proc/sysrq-trigger\r")
    shell.expect(rb"Kernel panic - not syncing")
    shell.expect(rb"Capsule 1: linux: asked for a reboot", 30)
    shell.expect(shell.PROMPT, 100)
    shell.power_off()


def test_suspend_to_ram(bench):
    """`mem` suspends the system through the SBI's SUSP. It sleeps until somebody types, and goes on
    where it was, its timer included."""
    shell = bench.shell(LINUX)
    assert shell.run("cat /sys/power/mem_sleep") == "s2idle [deep]\n"
    shell.run("echo enabled > /sys/class/tty/ttyS0/power/wakeup")
    shell.run("echo N > /sys/module/printk/parameters/console_suspend; dmesg -n 8")
    shell.send("echo mem > /sys/power/state\r")
    shell.expect(rb"Disabling non-boot CPUs")
    before = len(shell.text())
    shell.pause(3)
    assert "suspend exit" not in shell.text()[before:]
    shell.send("\r")
    shell.expect(rb"PM: suspend exit")
    shell.send("\r")
    shell.pause()
    shell.run("dmesg -n 1")
    ticks = timer_counts(shell)
    shell.run("sleep 1")
    assert timer_counts(shell) > ticks
    healthy(shell, 64)
    shell.power_off()


@WIDTHS
def test_poisoned_ram(bench, tmp_path, width):
    """RAM on a board isn't zero at power-on; a quarter of a GiB holds a capsule of 112 MiB."""
    cell = poisoned(command(small_linux(tmp_path, width), width=width, mem="256M"), tmp_path)
    shell = bench.start(cell, Shell, limit=150).boot(120)
    healthy(shell, width)
    shell.power_off()


@pytest.mark.parametrize("width, cpus", [(64, 1), (32, 1), (32, 4)])
def test_two_under_load(bench, tmp_path, width, cpus):
    """Both compute for some seconds, on one hart and on harts of their own. Their shells answer,
    the sums are right, and neither kernel saw a task or a CPU that stood still."""
    image = tmp_path / "two.itb"
    subprocess.run([ROOT / "tools/make-image", str(width), ROOT / "build/host/manifest-check",
                    ROOT / "manifests/two.its", image, BUILD / ("rv%d" % width)], check=True,
                   capture_output=True)
    pair = bench.start(command(image, width=width, cpus=cpus), Shells, limit=240)
    # In the merged view both say that they are there.
    assert {pair.expect(rb"Capsule (\d): capsule:/# ", 150).group(1) for _ in range(2)} == {b"1", b"2"}
    load = "(for n in 1 2 3 4 5 6; do seq 1 20000 | md5sum; done > /tmp/sums; echo all >> /tmp/sums) &"
    for number in (1, 2):
        pair.attach(number)
        pair.type(load)
    for number in (1, 2, 1, 2):
        pair.attach(number)
        assert pair.run("echo $((6 * 7))") == "42\n"
    for number in (1, 2):
        pair.attach(number)
        pair.run("until grep -q all /tmp/sums; do sleep 1; done", 120)
        sums = pair.run("cat /tmp/sums").split()
        assert sums == [numbers(20000), "-"] * 6 + ["all"]
        assert not [line for line in pair.run("dmesg").split("\n") if WRONG.search(line)]
    pair.send("poweroff\r")
    pair.expect(rb"right: powered off")
    pair.attach(1)
    pair.power_off()


def small_linux(folder, width):
    """The stock guest with 112 MiB, by the tools that `make image RAM=112M` uses."""
    source, guests = folder / "small.its", BUILD / ("rv%d/guests" % width)
    subprocess.run([ROOT / "tools/make-manifest", "--kernel", guests / "Image", "--initrd",
                    guests / "initramfs.gz", "--bootargs", "console=ttyS0", "--ram", "112M",
                    source], check=True)
    subprocess.run([ROOT / "tools/make-image", str(width), ROOT / "build/host/manifest-check",
                    source, folder / "small.itb"], check=True, capture_output=True)
    return folder / "small.itb"
