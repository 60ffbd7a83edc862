# SPDX-License-Identifier: MIT
"""Emulated machines for the system tests: a command line from a few words, a limit in time for
everything, and a log of all that was said. At most two emulators run at once, whatever number of
tests does."""

import fcntl
import functools
import os
import pathlib
import re
import subprocess
import time

import pexpect

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
LOGS = BUILD / "test-logs"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "diosix"
EMULATORS_AT_ONCE = 2

# What the hypervisor's exit statuses mean (docs and src/core/boot.h).
EXIT_DONE, EXIT_FAILED, EXIT_NONE = 0, 1, 2
TIMED_OUT = "no end within the limit"


def hypervisor(width=64):
    return BUILD / ("rv%d" % width) / "diosix.elf"


def guest(name, width=64):
    """A manifest of mk/guest-tests.mk."""
    return BUILD / ("rv%d" % width) / "guest" / (name + ".itb")


def linux(width=64):
    """The manifest with the stock guest, as `make run` packs it."""
    return BUILD / ("rv%d/linux.itb" % width)


LINUX = linux()


def emulator(width=64):
    """The program, which `make test QEMU=...` may name: one name serves both widths."""
    return re.sub(r"(32|64)$", str(width), os.environ.get("QEMU") or "qemu-system-riscv64")


# What an emulator does against the specification, by its first version that was seen to: lines of
# the guest tests, which fail on it on OpenSBI. QEMU 10.0.2 leaves the last illegal instruction's bits
# in mtval and stval when mret is the one that is illegal; Diosix fetches what it tells a guest.
ERRATA = {10: ["FAIL: trap: mret: stval is 0 or the instruction"]}


@functools.lru_cache(None)
def major():
    """The emulator's version."""
    said = subprocess.run([emulator(), "--version"], capture_output=True, text=True, check=True,
                          timeout=60).stdout
    return int(re.search(r"version (\d+)\.", said).group(1))


def errata():
    """Beginnings of the lines that say nothing of Diosix on this emulator."""
    return tuple(line for first, lines in ERRATA.items() if major() >= first for line in lines)


def failures(text):
    """The guest tests' lines of failures, without the emulator's own."""
    lines = re.findall(r"^FAIL: .*$", text, re.MULTILINE)
    return [line for line in lines if not (errata() and line.startswith(errata()))]


def passed(text):
    """How many of the guest tests' lines passed; none failed but the emulator's own."""
    done = re.search(r"^DONE: (\d+) passed, (\d+) failed", text, re.MULTILINE)
    assert not failures(text)
    assert done and int(done.group(2)) == len(re.findall("^FAIL: ", text, re.MULTILINE))
    return int(done.group(1))


def command(initrd=None, *, width=64, cpu="h=false", cpus=4, mem="512M", machine="virt",
            kernel=None, bios="none", append=None, extra=()):
    """The emulator's command line. `cpu` is what follows rv64 or rv32, None the machine's own."""
    line = [emulator(width), "-M", machine, "-smp", str(cpus), "-m", mem,
            "-bios", str(bios), "-nographic", "-kernel", str(kernel or hypervisor(width))]
    if cpu and "f=false" in cpu.split(",") and major() >= 10:
        cpu += ",zfa=false"     # newer ones have it unless told, and it needs F
    if cpu is not None:
        line += ["-cpu", ",".join(["rv%d" % width] + ([cpu] if cpu else []))]
    if initrd:
        line += ["-initrd", str(initrd)]
    if append:
        line += ["-append", append]
    return line + [str(word) for word in extra]


class Slots:
    """The right to run `count` emulators; others wait, in this process or another."""

    def __init__(self, count=1):
        folder = BUILD / "test-slots"
        folder.mkdir(parents=True, exist_ok=True)
        self.held = []
        # All or nothing, so that two that want two each can't wait for one another.
        while len(self.held) < count:
            for number in range(EMULATORS_AT_ONCE):
                file = open(folder / str(number), "wb")
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self.held.append(file)
                except OSError:
                    file.close()
                if len(self.held) == count:
                    return
            self.release()
            time.sleep(0.05)

    def release(self):
        for file in self.held:
            file.close()
        self.held = []


def plain(data):
    """Text as it stands on the terminal: the pseudo-terminals' carriage returns taken out."""
    return data.decode("utf-8", "replace").replace("\r", "")


HYPERVISOR_LINE = re.compile(r"\[[+!?]\] CPU \d+: ")


def broken_lines(text):
    """Lines that have a message of the hypervisor's inside a line of a guest's."""
    return [line for line in text.split("\n") if HYPERVISOR_LINE.search(line, 1)]


class Ended:
    """What a machine said till its end: `status` is QEMU's, or TIMED_OUT."""

    def __init__(self, status, text, log):
        self.status, self.text, self.log = status, text, log

    def says(self, *words):
        for word in words:
            assert word in self.text, "%r was not said" % word
        return self

    def ends(self, status):
        assert self.status == status, "ended with %s, expected %s" % (self.status, status)
        assert not broken_lines(self.text)
        return self


def run(line, log, limit=30, until=None):
    """Runs a machine to its end, or to the end of a line that has `until`, without a terminal. The
    limit kills what goes on, which is no error here: the caller looks at the status."""
    slots = Slots()
    log.parent.mkdir(parents=True, exist_ok=True)
    status = None
    try:
        with open(log, "wb") as out, subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                cwd=ROOT) as child:
            end = time.monotonic() + limit
            while status is None:
                status = child.poll()
                seen = until and "\n" in plain(log.read_bytes()).partition(until)[2]
                if status is None and (seen or time.monotonic() > end):
                    child.kill()
                    child.wait()
                    status = "stopped" if seen else TIMED_OUT
                time.sleep(0.02)
    finally:
        slots.release()
    return Ended(status, plain(log.read_bytes()), log)


class Machine:
    """A machine with somebody at its terminal."""

    def __init__(self, line, log, limit=120, slots=None, size=(24, 80), cwd=ROOT, env=None):
        self.slots = slots or Slots()
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self.end_by = time.monotonic() + limit
        self.child = pexpect.spawn(line[0], line[1:], dimensions=size, cwd=str(cwd), env=env)
        self.child.delaybeforesend = None
        self.file = open(log, "wb")
        self.child.logfile_read = self.file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Takes the emulator away, whatever it does."""
        self.child.close(force=True)
        self.file.close()
        self.slots.release()

    def expect(self, pattern, seconds=30):
        """Waits for a regular expression (bytes); the match, or a failure that says for what."""
        seconds = max(0.1, min(seconds, self.end_by - time.monotonic()))
        try:
            self.child.expect(pattern, timeout=seconds)
        except pexpect.TIMEOUT:
            raise AssertionError("%r did not come within %d s" % (pattern, seconds)) from None
        except pexpect.EOF:
            raise AssertionError("the machine ended before %r came" % pattern) from None
        return self.child.match

    def send(self, text):
        self.child.send(text)

    def pause(self, seconds=1):
        """Lets time pass, with the terminal being read as a terminal would."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.child.expect_exact(b"\0never\0", timeout=min(seconds, 0.1))
            except pexpect.TIMEOUT:
                pass

    def text(self):
        self.file.flush()
        return plain(self.log.read_bytes())

    def ends(self, status, seconds=30):
        """Waits for the end of the emulator; its last words."""
        try:
            self.child.expect(pexpect.EOF,
                              timeout=max(0.1, min(seconds, self.end_by - time.monotonic())))
        except pexpect.TIMEOUT:
            raise AssertionError("the machine did not end within %d s" % seconds) from None
        self.child.close()
        text = self.text()
        assert (self.child.exitstatus, self.child.signalstatus) == (status, None)
        assert not broken_lines(text)
        return text

    def monitor(self, words):
        """What QEMU's monitor answers; the terminal is the machine's again afterwards."""
        self.send("\x01c")
        self.expect(rb"\(qemu\) ")
        self.send(words + "\r")
        self.expect(rb"\(qemu\) ")
        answer = plain(self.child.before)
        self.send("\x01c")
        return answer


class Shell(Machine):
    """A machine that has booted the stock guest, with its shell in front."""

    # The shell asks the terminal where the cursor is after each prompt, and needs no answer.
    PROMPT = rb"capsule:[^\n]*# \x1b\[6n"

    def boot(self, seconds=100):
        """Waits for the first prompt."""
        self.expect(rb"\[\+\] CPU \d+: Welcome to diosix 2\.0\.0-\S+\r", 60)
        self.expect(rb"Linux version 6\.12\.", seconds)
        self.expect(self.PROMPT, seconds)
        return self

    def type(self, text, seconds=30):
        """Types a line and waits for the next prompt; what came in between."""
        self.send(text + "\r")
        self.expect(self.PROMPT, seconds)
        return plain(self.child.before)

    def run(self, line, seconds=30):
        """Output of a command that has to succeed. The quotes keep the echo of the line itself
        from looking like the marks."""
        self.send("echo '<'begin'>'; %s; echo '<'end $?'>'\r" % line)
        self.expect(rb"<begin>\r+\n", seconds)
        status = self.expect(rb"<end (\d+)>", seconds).group(1)
        # Messages of the hypervisor come between two lines of the guest's.
        output = "".join(part for part in plain(self.child.before).splitlines(keepends=True)
                         if not HYPERVISOR_LINE.match(part))
        self.expect(self.PROMPT, seconds)
        assert status == b"0", "%s ended with %s: %s" % (line, status.decode(), output)
        return output

    def power_off(self):
        self.send("poweroff\r")
        return self.ends(EXIT_DONE)


class Shells(Shell):
    """A machine with several capsules that have booted the stock guest, one of which is in front."""

    marks = 0

    def front(self, number):
        """By the menu, which names the capsule."""
        self.send("\x1d")
        self.expect(rb"send it ] ")
        self.send(str(number))
        self.expect(rb"\d: \w+\r+\n")

    def attach(self, number, seconds=120):
        """What it said before is shown again, so its prompt has to be one that comes now."""
        self.front(number)
        self.marks += 1
        self.send("\recho shell $((1000 + %d))\r" % self.marks)
        self.expect(rb"shell %d\r" % (1000 + self.marks), seconds)
        self.expect(self.PROMPT, seconds)
