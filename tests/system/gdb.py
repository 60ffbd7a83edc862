# SPDX-License-Identifier: MIT
"""A machine under the emulator's own debugger: stop at an address, look at every register and CSR,
go on by single instructions. Enough of gdb's remote protocol for that, for machines with one hart."""

import re
import socket
import subprocess
import time

from machine import Slots

SET_UP = 20     # seconds that the emulator may take to listen
ANSWER = 60     # and to answer, which includes running to a breakpoint


class Gdb:
    """Starts the machine of `line` and holds it at its first instruction."""

    def __init__(self, line, folder):
        self.slots = Slots()
        path = folder / "gdb"
        self.buffer = b""
        self.log = open(folder / "machine.log", "wb")
        self.child = subprocess.Popen(
            [*line, "-S", "-gdb", "unix:%s,server=on,wait=off" % path], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=subprocess.STDOUT)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(ANSWER)
        end = time.monotonic() + SET_UP
        while True:
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                assert time.monotonic() < end and self.child.poll() is None
                time.sleep(0.05)
        self.ask("QStartNoAckMode")
        self.socket.sendall(b"+")
        self.ask("?")
        self.numbers = self.describe()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.socket.close()
        self.log.close()
        self.slots.release()

    def read_byte(self):
        if not self.buffer:
            self.buffer = self.socket.recv(65536)
            assert self.buffer, "the emulator has gone"
        first, self.buffer = self.buffer[:1], self.buffer[1:]
        return first

    def ask(self, text):
        """One packet there and one back."""
        data = text.encode()
        self.socket.sendall(b"$%s#%02x" % (data, sum(data) & 0xff))
        while self.read_byte() != b"$":
            pass
        answer = b""
        while b"#" not in self.buffer:
            answer += self.buffer
            self.buffer = self.socket.recv(65536)
            assert self.buffer, "the emulator has gone"
        rest, self.buffer = self.buffer.split(b"#", 1)
        while len(self.buffer) < 2:
            self.buffer += self.socket.recv(2)
        self.buffer = self.buffer[2:]
        return (answer + rest).decode("latin-1")

    def document(self, name):
        text = ""
        while True:
            part = self.ask("qXfer:features:read:%s:%x,ffb" % (name, len(text)))
            text += re.sub("}(.)", lambda c: chr(ord(c.group(1)) ^ 0x20), part[1:])
            if part[0] != "m":
                return text

    def describe(self):
        """The number of each register, by its name."""
        numbers, after = {}, 0
        target = self.document("target.xml")
        for name in re.findall(r'href="([^"]+)"', target) or [None]:
            for words in re.findall(r"<reg ([^>]*)>", self.document(name) if name else target):
                words = dict(re.findall(r'(\w+)="([^"]*)"', words))
                after = int(words.get("regnum", after))
                numbers[words["name"]] = after
                after += 1
        return numbers

    def register(self, name):
        """Its value; None where this hart doesn't have it."""
        answer = self.ask("p%x" % self.numbers[name])
        return None if answer[0] == "E" else int.from_bytes(bytes.fromhex(answer), "little")

    def set_register(self, name, value, size):
        data = value.to_bytes(size, "little").hex()
        assert self.ask("P%x=%s" % (self.numbers[name], data)) == "OK"

    def memory(self, address, size):
        return b"".join(bytes.fromhex(self.ask("m%x,%x" % (at, min(1024, address + size - at))))
                        for at in range(address, address + size, 1024))

    def run_to(self, *addresses, times=1):
        """Until one of these has been come to that often."""
        for address in addresses:
            assert self.ask("Z0,%x,4" % address) == "OK"
        for number in range(times):
            if number:
                self.step()     # off the breakpoint
            self.ask("vCont;c")
        for address in addresses:
            assert self.ask("z0,%x,4" % address) == "OK"
        return self.register("pc")

    def step(self):
        self.ask("vCont;s")
