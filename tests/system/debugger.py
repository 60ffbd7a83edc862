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
        self.numbers = {}
        self.ask("qSupported:xmlRegisters=riscv")
        # Without that there are no registers.
        self.ask("qXfer:features:read:target.xml:0,ffb")

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
        while not self.numbers:
            part = self.ask("qXfer:features:read:riscv-csr.xml:%x,ffb" % len(text))
            text += part[1:]
            if part[0] != "m":
                self.numbers = {found: int(number) for found, number in
                                re.findall(r'name="(\w+)"[^>]*regnum="(\d+)"', text)}
        return self.numbers[name]

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

    def stopped(self):
        """Waits until a hart has stopped by itself, at a breakpoint or after a step; which one."""
        while True:
            found = re.search(rb"\$T0[25]thread:([0-9a-f]+);[^#]*#..", self.buffer)
            if found:
                self.buffer = self.buffer[found.end():]
                self.socket.sendall(b"+")
                return int(found.group(1), 16) - 1
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("the emulator has ended")
            self.buffer += more

    def run_to(self, *addresses, hart=None, seconds=20):
        """Until one of these is come to, by any hart; by which. `hart`: it alone runs. None: that
        took too long, and all have been stopped where they were."""
        for address in addresses:
            assert self.ask("Z0,%x,4" % address) == "OK"
        self.socket.settimeout(seconds)
        self.set_off(hart)
        try:
            came = self.stopped()
        except TimeoutError:
            came = None
        self.socket.settimeout(20)
        if came is None:
            self.stop()
        for address in addresses:
            assert self.ask("z0,%x,4" % address) == "OK"
        return came

    def step(self, hart):
        """One instruction of that hart, and of no other."""
        self.send("vCont;s:%x" % (hart + 1))
        self.stopped()

    def set_off(self, hart=None):
        """All go on, or that one alone, until stop() or a breakpoint."""
        self.buffer = b""
        self.send("vCont;c" if hart is None else "vCont;c:%x" % (hart + 1))

    def stop(self):
        """All stop, wherever they are."""
        self.socket.sendall(b"\x03")
        self.stopped()

    def go(self):
        """On, without the debugger; perhaps at once to the machine's end."""
        self.send("D")
        try:
            self.answer()
        except OSError:
            pass
        self.socket.close()
