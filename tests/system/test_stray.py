# SPDX-License-Identifier: MIT
"""A hart that delivers a guest's trap to HS-mode, where nothing runs: what a mistake in delegation,
ours or the hardware's, would do. A debugger makes it, since nothing else can."""

import re
import socket
import time

import pytest

from machine import command, guest

EBREAK = "73001000"


class Debugger:
    """As much of GDB's remote protocol as is needed, with QEMU's stub."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        for _ in range(100):
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                time.sleep(0.1)
        self.buffer = b""

    def answer(self):
        """The next packet's contents. That the machine stopped, which it does when a debugger
        comes, is no answer."""
        while True:
            found = re.search(rb"\$([^#]*)#..", self.buffer)
            if found:
                self.buffer = self.buffer[found.end():]
                self.socket.sendall(b"+")
                if found.group(1).startswith(b"T"):
                    continue
                return found.group(1).decode("latin-1")
            self.buffer += self.socket.recv(65536)

    def send(self, text):
        data = text.encode()
        self.socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xff))

    def ask(self, text):
        self.send(text)
        return self.answer()

    def register(self, name):
        """The number of a CSR, from the description that the stub gives."""
        text = ""
        while True:
            part = self.ask("qXfer:features:read:riscv-csr.xml:%x,ffb" % len(text))
            text += part[1:]
            if part[0] != "m":
                break
        return int(re.search(r'name="%s"[^>]*regnum="(\d+)"' % name, text).group(1))


@pytest.mark.parametrize("width", [64, 32])
def test_stray_entry_to_hs_mode(bench, tmp_path, width):
    """It is caught by the fetch that PMP denies, and named; the machine goes on to its end."""
    path = tmp_path / "gdb"
    machine = bench.start(command(guest("spin", width), width=width, cpu="", cpus=1,
                                  extra=["-gdb", "unix:%s,server=on,wait=off" % path]), limit=60)
    machine.expect(rb"from here on nothing", 20)
    machine.pause()
    debugger = Debugger(path)
    debugger.ask("qSupported:xmlRegisters=riscv")
    debugger.ask("qXfer:features:read:target.xml:0,ffb")
    digits = width // 4
    assert debugger.ask("P%x=%s" % (debugger.register("hedeleg"), "0" * digits)) == "OK"
    pc = int.from_bytes(bytes.fromhex(debugger.ask("p20")), "little")
    assert debugger.ask("M%x,4:%s" % (pc, EBREAK)) == "OK"
    debugger.send("D")
    machine.expect(rb"spin: stopped: the hart delivered one of its traps to HS-mode, "
                   rb"where nothing runs", 20)
    machine.ends(1)
