# SPDX-License-Identifier: MIT
"""Emulated machines to measure on: one hart, instructions as the clock, and the plugin that counts
(count.c). With several harts the clock is the host's: under -icount one would starve the others. What is measured is built before; nothing here builds the hypervisor or its guests."""

import json
import os
import pathlib
import re
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("CACHE") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "diosix")
CROSS = os.environ.get("CROSS", "riscv64-unknown-elf-")
PLUGIN = ROOT / "build/host/bench/count.so"

FIRMWARE = 0x80000000       # where OpenSBI is linked, and room for it
FIRMWARE_END = 0x80200000
SECONDS = 120               # for one run, all of which take less than ten


class Failure(Exception):
    """A measurement that could not be made, in words for the user."""


def tool(*line):
    done = subprocess.run([str(word) for word in line], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure("%s: %s" % (line[0], done.stderr.strip() or done.stdout.strip()))
    return done.stdout


class Width:
    """The files for one width of the machine."""

    def __init__(self, xlen):
        self.xlen = xlen
        self.build = ROOT / ("build/rv%d" % xlen)
        self.folder = self.build / "bench"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.hypervisor = self.build / "diosix.elf"
        self.cost = self.build / "guest/cost"
        self.firmware = CACHE / ("opensbi/rv%d/fw_dynamic.bin" % xlen)
        # The start of a capsule's RAM, and a flat image's or kernel's place in it.
        self.ram = 0x90000000
        self.image_offset = 0x200000 if xlen == 64 else 0x400000
        self.symbols = {name: int(at, 16) for at, name in
                        re.findall(r"^([0-9a-f]+) \w (\S+)$", tool(CROSS + "nm", self.hypervisor),
                                   re.MULTILINE)}
        self.entries = [at for name, at in sorted(self.symbols.items())
                        if name.startswith("trap_entry_")]
        self.functions = self.folder / "functions"
        self.functions.write_text("".join("%x %s\n" % (at, name) for name, at in sorted(
            self.symbols.items(), key=lambda item: item[1])))
        if not self.entries:
            raise Failure("%s has no symbol trap_entry_*" % self.hypervisor)

    def pack(self, name, source):
        """An image of capsules from a manifest's source, by the tool that everybody uses."""
        its, itb = self.folder / (name + ".its"), self.folder / (name + ".itb")
        its.write_text(source)
        tool(ROOT / "tools/make-image", self.xlen, ROOT / "build/host/manifest-check", its, itb,
             self.folder)
        return itb


class Run:
    """What one run gave: the counts (count.c), and all that the guest and its host wrote."""

    def __init__(self, counts, text):
        self.counts = counts
        self.text = text

    def insns(self, event):
        """All instructions of an event, guest's and hypervisor's."""
        if event not in self.counts:
            raise Failure("the event \"%s\" never came; the console's last lines:\n%s"
                          % (event, "\n".join(self.text.splitlines()[-10:])))
        return sum(who["insns"] for who in self.counts[event].values())


def emulator(width, cpu, harts=1):
    """`cpu`: what follows its name. The seed makes the random numbers in the machine's device tree the
    same each time."""
    return ["qemu-system-riscv%d" % width.xlen, "-M", "virt",
            "-cpu", ",".join(["rv%d" % width.xlen] + ([cpu] if cpu else [])),
            "-smp", str(harts), "-display", "none", "-seed", "1"]


def escaped(path):
    """A path as QEMU's options want it."""
    return str(path).replace(",", ",,")


def run(width, name, cpu, words, image, *, entries=(), look=None, functions=None,
        origin=None, until=None, stop=False, harts=1, traps=0):
    """Boot `words` (more of the emulator's command line) and count. `image`: first and last
    physical address of the hypervisor or firmware; see count.c for the others."""
    console, counts = width.folder / (name + ".log"), width.folder / (name + ".json")
    for old in (console, counts):
        old.unlink(missing_ok=True)
    plugin = [escaped(PLUGIN), "out=%s" % escaped(counts), "image=0x%x:0x%x" % image]
    plugin += ["entry=0x%x" % at for at in entries]
    if look:
        plugin.append("look=0x%x" % look)
    if functions:
        plugin.append("functions=%s" % escaped(functions))
    if origin is not None:
        plugin.append("from=0x%x" % origin)
    if until:
        plugin += ["console=%s" % escaped(console), "until=%s" % until.encode().hex()]
    if stop:
        plugin.append("stop=on")
    if traps:
        plugin.append("traps=%d" % traps)
    line = ["timeout", "-k", "1", str(SECONDS), *emulator(width, cpu, harts),
            "-monitor", "none", *(["-icount", "shift=0,sleep=off"] if harts == 1 else []), "-serial", "file:%s" % console,
            "-plugin", ",".join(plugin), *[str(word) for word in words]]
    done = subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          check=False)
    text = console.read_text(errors="replace").replace("\r", "") if console.exists() else ""
    if done.returncode or not counts.exists():
        raise Failure("%s ended with %d: %s\n%s" % (name, done.returncode, done.stderr.strip(),
                                                    "\n".join(text.splitlines()[-10:])))
    return Run(json.loads(counts.read_text()), text)


def on_diosix(width, name, cpu, image, options=None, **more):
    """`options`: words for the hypervisor's command line."""
    end = width.symbols["__image_end"]
    return run(width, name, cpu, ["-m", "512M", "-bios", "none", "-kernel", width.hypervisor,
                                  "-initrd", image, *(["-append", options] if options else [])],
               (width.symbols["__image_start"], end), entries=width.entries,
               look=width.symbols["arch_hart_poll"],
               functions=width.functions, **more)


def host_ram(width, name, cpu, image, options=None):
    """Where in the machine's RAM the first capsule's is: the hypervisor says it."""
    text = on_diosix(width, name, cpu, image, options, until="runs on", stop=True,
                     origin=width.symbols["boot_machine"]).text
    found = re.search(r"Capsule 1: \S+: \d+ MiB at 0x([0-9a-f]+)", text)
    if not found:
        raise Failure("the hypervisor didn't say where the capsule's RAM is")
    return int(found.group(1), 16)


def on_opensbi(width, name, cpu, words, **more):
    return run(width, name, cpu, ["-m", "512M", *words], (FIRMWARE, FIRMWARE_END), **more)


def guest_memory(width, image, cpu, ready, address, size):
    """Bytes of a guest's memory, once it has written `ready` to its console."""
    console, out = width.folder / "memory.log", width.folder / "memory.bin"
    for old in (console, out):
        old.unlink(missing_ok=True)
    line = ["timeout", "-k", "1", str(SECONDS), *emulator(width, cpu), "-m", "512M", "-monitor",
            "stdio", "-serial", "file:%s" % console, "-bios", "none", "-kernel",
            str(width.hypervisor), "-initrd", str(image)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, text=True) as process:
        while process.poll() is None and not (
                console.exists() and ready in console.read_text(errors="replace")):
            time.sleep(0.05)
        if process.poll() is None:
            process.communicate("stop\npmemsave 0x%x 0x%x \"%s\"\nquit\n" % (address, size, out))
    if not out.exists():
        raise Failure("\"%s\" never appeared on the console" % ready)
    return out.read_bytes()
