# SPDX-License-Identifier: MIT
"""Other machines than QEMU's virt, and that one with other interrupt controllers."""

import pathlib
import re
import subprocess

import pytest

from machine import (EXIT_DONE, EXIT_NONE, LINUX, Shell, command, guest, hypervisor, linux, passed)


@pytest.mark.parametrize("cpus", [2, 5])
def test_sifive_u(bench, cpus):
    """A hart without S-mode, which idles; a UART that is no 16550; nothing that powers it off."""
    shell = bench.start(command(LINUX, machine="sifive_u", cpu=None, cpus=cpus), Shell, limit=150)
    shell.boot(120)
    text = shell.text()
    assert re.search(r"^\[\?\] CPU 0: .* has no S-mode and will only idle$", text, re.MULTILINE)
    assert text.count("ready to roll") == cpus - 1
    assert re.search(r"Capsule 1: linux: .*runs on CPU [1-4]( [1-4])*$", text, re.MULTILINE)
    assert "riscv64" in shell.run("uname -a")
    assert shell.run("seq 1 500").split() == [str(n) for n in range(1, 501)]
    shell.send("poweroff\r")
    shell.expect(rb"Nothing on this machine can power it off: it is safe to do so now", 30)


def changed_tree(file, machine, cpus, *changes):
    """The emulator's tree for the machine, with properties of nodes set to other strings."""
    line = command(machine="%s,dumpdtb=%s" % (machine, file), cpus=cpus, cpu=None)
    subprocess.run(line, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    for node, name, value in changes:
        subprocess.run(["fdtput", "-t", "s", file, node, name, value], check=True)
    return ["-dtb", file]


ICICLE = pathlib.Path(__file__).parent / "icicle.dts"


def test_icicle_kit(bench, tmp_path):
    """Whose tree has to be given, and says that hart 0 is not to be used, though it boots first;
    a UART with registers of 32 bits, RAM in two places, and the tree inside a reservation."""
    tree = tmp_path / "icicle.dtb"
    subprocess.run(["dtc", "-q", "-O", "dtb", "-o", tree, ICICLE], check=True)
    line = command(LINUX, machine="microchip-icicle-kit", cpu=None, cpus=5, mem="2G",
                   extra=["-dtb", tree])
    shell = bench.start(line, Shell, limit=150).boot(120)
    text = shell.text()
    assert "/cpus/cpu@0 is not in use there, left out" in text
    assert text.count("ready to roll") == 4
    assert "2048 MiB RAM found" in text
    assert shell.run("seq 1 500").split() == [str(n) for n in range(1, 501)]
    shell.send("poweroff\r")
    shell.expect(rb"Nothing on this machine can power it off: it is safe to do so now", 30)


def test_boot_elsewhere(bench, tmp_path):
    """The hart that comes first isn't in the tree, nor are those that may come then, but for one."""
    disabled = [("/cpus/cpu@%d" % n, "status", "disabled") for n in range(3)]
    tree = changed_tree(tmp_path / "x.dtb", "virt", 4, *disabled)
    ended = bench.run(guest("stop"), cpus=4, extra=tree)
    ended.says("CPU 3: Welcome to diosix").ends(EXIT_DONE)
    assert "CPU 0: " not in ended.text
    # One that isn't there: nobody comes, and that is said.
    tree = changed_tree(tmp_path / "x.dtb", "virt", 4, *disabled)
    bench.run(guest("stop"), cpus=2, extra=tree).says(
        "The device tree has no usable node for the CPU that booted").ends(EXIT_NONE)


class Typist(Shell):
    """Types a key when the one before has been echoed: QEMU's HTIF has room for one byte."""

    def send(self, text):
        for key in text:
            self.child.send(key)
            if key.isprintable():
                self.expect(re.escape(key.encode()), 30)


@pytest.mark.parametrize("width, cpu", [(64, ""), (32, "h=false")])
def test_spike(bench, width, cpu):
    """HTIF for a terminal and an end, no PLIC, and neither `time` nor htimedelta."""
    shell = bench.start(command(linux(width), width=width, cpu=cpu, cpus=2, machine="spike"),
                        Typist, limit=150)
    shell.boot(120)
    assert "The device tree names no UART" not in shell.text()
    assert "riscv%d" % width in shell.run("uname -a")
    assert shell.run("seq 1 500").split() == [str(n) for n in range(1, 501)]
    shell.power_off()


@pytest.mark.parametrize("width", [64, 32])
@pytest.mark.parametrize("named", [True, False])
def test_spike_status(bench, tmp_path, width, named):
    """Words that the emulator finds by their names in the ELF, and words that the tree names."""
    kernel = hypervisor(width)
    if not named:
        kernel = tmp_path / "stripped.elf"
        subprocess.run(["riscv64-unknown-elf-strip", "-o", kernel, hypervisor(width)], check=True)
    ended = bench.run(None, width=width, cpu="", cpus=1, machine="spike", kernel=kernel)
    ended.says("No manifest", "Powering off").ends(EXIT_NONE)


def test_power_off_by_register(bench, tmp_path):
    """As most chips describe it; QEMU's own device behind another name."""
    tree = changed_tree(tmp_path / "x.dtb", "virt", 1, ("/soc/test@100000", "compatible", "syscon"))
    bench.run(guest("stop"), cpus=1, extra=tree).says("Powering off").ends(EXIT_DONE)


def test_power_off_by_pin(bench, tmp_path):
    """Of sifive_u, whose pin restarts it, which ends an emulator that is told not to restart."""
    tree = changed_tree(tmp_path / "x.dtb", "sifive_u", 2,
                        ("/gpio-restart", "compatible", "gpio-poweroff"))
    ended = bench.run(guest("stop"), machine="sifive_u", cpu=None, cpus=2,
                      extra=[*tree, "-no-reboot"])
    ended.says("Powering off").ends(EXIT_DONE)


APLIC = "virt,aia=aplic"
IMSIC = "virt,aia=aplic-imsic"
# The same without registers for software interrupts: harts call each other by MSI.
MSI = "virt,aia=aplic-imsic,aclint=on"
COMES_BY = {APLIC: "the APLIC", IMSIC: "the APLIC and the CPUs' IMSICs"}
COMES_BY[MSI] = COMES_BY[IMSIC]

AIA_CELLS = {
    "rv64 aplic 1 hart": (64, "h=false", 1, APLIC),
    "rv32 aplic hext 4 harts": (32, "", 4, APLIC),
    "rv32 imsic 1 hart": (32, "h=false", 1, IMSIC),
    "rv64 imsic hext 4 harts": (64, "", 4, IMSIC),
    "rv32 msi 4 harts": (32, "h=false", 4, MSI),
    "rv64 msi hext 1 hart": (64, "", 1, MSI),
}


def driven_by(ended_or_shell, machine):
    """The controller is named, and nothing is polled."""
    text = ended_or_shell.text
    text = text() if callable(text) else text
    assert "The UART's interrupt comes by %s\n" % COMES_BY[machine] in text
    assert "the UART is polled" not in text


@pytest.mark.parametrize("cell", AIA_CELLS)
def test_guest_with_aia(bench, cell):
    """All subjects of the guest tests, whose controller is the virtual PLIC as anywhere else."""
    width, cpu, cpus, machine = AIA_CELLS[cell]
    ended = bench.run(guest("guest-tests", width), limit=90, width=width, cpu=cpu, cpus=cpus,
                      machine=machine, mem="256M")
    driven_by(ended, machine)
    assert passed(ended.text) > 500
    ended.ends(EXIT_DONE)


@pytest.mark.parametrize("width", [64, 32])
def test_calls_by_msi(bench, width):
    """Several vCPUs on two harts, which wake and fence each other by nothing but MSIs."""
    ended = bench.run(guest("smp-tests", width), limit=120, width=width, cpu="h=false", cpus=2,
                      machine=MSI, mem="256M")
    assert not re.findall(r"^FAIL: .*$", ended.text, re.MULTILINE)
    done = re.search(r"^DONE: (\d+) passed, 0 failed", ended.text, re.MULTILINE)
    assert done and int(done.group(1)) > 100
    ended.ends(EXIT_DONE)


@pytest.mark.parametrize("width, cpu", [(64, "h=false"), (32, "h=false"), (64, ""), (32, "")])
def test_interrupt_file_is_nobodys(bench, width, cpu):
    """Two capsules on one hart that fill priorities and the supervisor's interrupt file, where the
    emulator lets them, and find nothing of each other."""
    ended = bench.run(guest("twins", width), limit=90, width=width, cpu=cpu, cpus=1, machine=IMSIC,
                      mem="256M")
    seen = re.findall(r"twin [AB]: .*, siselect 1, (\d+) behind it", ended.text)
    assert len(seen) == 2 and all((int(count) > 0) == (cpu != "") for count in seen)
    for twin in "AB":
        assert re.search("PASS: twin %s: 2000 rounds, nothing changed" % twin, ended.text)
    assert "FAIL" not in ended.text
    ended.ends(EXIT_DONE)


@pytest.mark.parametrize("machine, cpu, cpus", [(APLIC, "h=false", 2), (MSI, "", 4)])
def test_linux_with_aia(bench, machine, cpu, cpus):
    """What is typed comes by an interrupt: without one nothing looks for it."""
    shell = bench.start(command(LINUX, machine=machine, cpu=cpu, cpus=cpus), Shell, limit=150)
    shell.boot(120)
    driven_by(shell, machine)
    assert shell.run("seq 1 500").split() == [str(n) for n in range(1, 501)]
    assert "aplic" not in shell.run("find /proc/device-tree/ -name '*aplic*' -o -name '*imsic*'")
    assert re.search(r"PLIC +10 .*ttyS0", shell.run("cat /proc/interrupts"))
    shell.power_off()

