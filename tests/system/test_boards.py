# SPDX-License-Identifier: MIT
"""Other machines than QEMU's virt."""

import re

import pytest

from machine import LINUX, Shell, command


@pytest.mark.parametrize("cpus", [2, 5])
def test_sifive_u(bench, cpus):
    """A hart without S-mode, which idles; a UART that is no 16550; nothing that powers it off."""
    shell = bench.start(command(LINUX, machine="sifive_u", cpu=None, cpus=cpus), Shell, limit=150)
    shell.boot(120)
    text = shell.text()
    assert re.search(r"^\[\?\] CPU 0: .* has no S-mode and will only idle$", text, re.MULTILINE)
    assert text.count("ready to roll") == cpus - 1
    assert re.search(r"Capsule 1: linux: .*starting on CPU [1-4]( [1-4])*$", text, re.MULTILINE)
    assert "riscv64" in shell.run("uname -a")
    assert shell.run("seq 1 500").split() == [str(n) for n in range(1, 501)]
    shell.send("poweroff\r")
    shell.expect(rb"Nothing on this machine can power it off: it is safe to do so now", 30)
