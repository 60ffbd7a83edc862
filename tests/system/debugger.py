# SPDX-License-Identifier: MIT
"""A debugger for the tests: what nothing in the machine could do to itself."""

import re
import socket
import subprocess
import time

from machine import hypervisor

PC = 32
SATP = 0x180
M_MODE = 3


def stub(path):
    """What the emulator is started with."""
    return ["-gdb", "unix:%s,server=on,wait=off" % path]


def symbols(width=64):
    """Addresses of the hypervisor's functions and data."""
    lines = subprocess.run(["nm", str(hypervisor(width))], capture_output=True, text=True,
                           check=True).stdout
    return {name: int(address, 16)
            for address, name in re.findall(r"^([0-9a-f]+) \w (\S+)$", lines, re.M)}


class Debugger:
    """As much of GDB's remote protocol as is needed, with QEMU's stub."""

    def __init__(self, path, width=64):
        """Stops the machine."""
        self.width = width
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        for _ in range(100):
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                time.sleep(0.1)
        self.buffer = b""
        self.ask("qSupported:xmlRegisters=riscv")

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
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("the emulator has ended")
            self.buffer += more

    def send(self, text):
        data = text.encode()
        self.socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xff))

    def ask(self, text):
        self.send(text)
        return self.answer()

    def register(self, name):
        """The number of a CSR, from the description that the stub gives."""
        text = ""
        self.ask("qXfer:features:read:target.xml:0,ffb")
        while True:
            part = self.ask("qXfer:features:read:riscv-csr.xml:%x,ffb" % len(text))
            text += part[1:]
            if part[0] != "m":
                break
        return int(re.search(r'name="%s"[^>]*regnum="(\d+)"' % name, text).group(1))

    def mode(self, mode):
        """The hart's privilege mode, which has the number before the first CSR's."""
        self.set(self.register("satp") - SATP - 1, mode)

    def set(self, number, value):
        """A register, by its number in the protocol, of the hart that was chosen."""
        data = value.to_bytes(self.width // 8, "little")
        assert self.ask("P%x=%s" % (number, data.hex())) == "OK"

    def get(self, number):
        return int.from_bytes(bytes.fromhex(self.ask("p%x" % number)), "little")

    def read(self, address, size):
        return bytes.fromhex(self.ask("m%x,%x" % (address, size)))

    def write(self, address, data):
        assert self.ask("M%x,%x:%s" % (address, len(data), data.hex())) == "OK"

    def physical(self):
        """Memory is what the bus has, whatever a hart translates."""
        assert self.ask("Qqemu.PhyMemMode:1") == "OK"

    def choose(self, hart):
        """Registers are that hart's from now on."""
        assert self.ask("Hg%x" % (hart + 1)) == "OK"

    def go(self):
        """On, without the debugger; perhaps at once to the machine's end."""
        self.send("D")
        try:
            self.answer()
        except OSError:
            pass
        self.socket.close()
