#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Bit flips in the hypervisor's data, and what comes of each: `make faults`.

Every trial boots the hostile guest beside the victim on one hart, stops it by a debugger while both
run, flips one bit, and lets it go on to its end. The seed says which bits; the moment is chance.

Usage: flips.py [--width 64|32] [--trials N] [--seed N] [--seconds N]
"""

import argparse
import collections
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

from debugger import Debugger, stub  # pylint: disable=wrong-import-position
from machine import (BUILD, ROOT, command, hypervisor,  # pylint: disable=wrong-import-position
                     plain)

LIMIT = 40          # seconds for one trial
PAGE = 4096
GUESTS = 0x80200000  # what is allocated for the hypervisor lies below
OUTCOMES = ["harmless", "reported", "stood still", "victim disturbed", "escaped", "other"]


def packed(folder, width):
    """The hostile guest for two seconds, the victim for three."""
    text = (ROOT / "tests/guest/hostile.its").read_text()
    text = text.replace("seconds=10", "seconds=2").replace(
        "seconds=13 neighbours=", "seconds=3 late=0 tolerance=500 neighbours=")
    (folder / "x.its").write_text(text)
    options = "-I dts -O dtb -p 512 -i '%s'" % (BUILD / ("rv%d/guest" % width))
    subprocess.run(["mkimage", "-E", "-B", "1000", "-D", options, "-f", "x.its", "x.itb"],
                   cwd=folder, capture_output=True, check=True)
    return folder / "x.itb"


def data_symbols(width):
    """Sorted: address, size and name of everything in .data and .bss."""
    lines = subprocess.run(["nm", "-S", str(hypervisor(width))], capture_output=True, text=True,
                           check=True).stdout
    return sorted((int(at, 16), int(size, 16), name) for at, size, name in
                  re.findall(r"^([0-9a-f]+) ([0-9a-f]+) [dDbB] (\S+)$", lines, re.M))


def used_pages(debugger, start):
    """What the hypervisor has taken after its image and filled with anything."""
    return [at for at in range(start, GUESTS, PAGE)
            if any(any(debugger.read(at + part, 1024)) for part in range(0, PAGE, 1024))]


def choose(dice, symbols, pages):
    """An address, and what is there: static data or what was allocated, half and half."""
    if dice.random() < 0.5:
        at = dice.randrange(sum(size for _, size, _ in symbols))
        for start, size, name in symbols:
            if at < size:
                return start + at, name
            at -= size
    page = dice.choice(pages)
    return page + dice.randrange(PAGE), "allocated"


def judge(text, status):
    if "escape" in text:
        return "escaped"
    if re.search(r"^\[!\]", text, re.M):
        return "reported"
    if "FAIL: victim" in text:
        return "victim disturbed"
    if status is None:
        return "stood still"
    if status == 0 and "PASS: victim" in text and "PASS: hostile" in text:
        return "harmless"
    return "other"


def trial(folder, width, dice, symbols, pages):
    """Where a bit was flipped, which one, and what came of it."""
    path, log = folder / "gdb", folder / "log"
    line = command(folder / "x.itb", width=width, cpus=1,
                   extra=["-icount", "shift=3,sleep=off"] + stub(path))
    with open(log, "wb") as out, subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=out,
                                                  stderr=subprocess.STDOUT) as child:
        end = time.monotonic() + LIMIT
        while b"hostile: seed" not in log.read_bytes() and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(dice.random() * 0.5)
        debugger = Debugger(path, width)
        debugger.physical()
        if not pages:   # the same in each trial
            pages += used_pages(debugger, symbols[-1][0] + symbols[-1][1] + PAGE - 1 & -PAGE)
        at, name = choose(dice, symbols, pages)
        bit = dice.randrange(8)
        debugger.write(at, bytes([debugger.read(at, 1)[0] ^ 1 << bit]))
        debugger.go()
        status = None
        while status is None and time.monotonic() < end:
            time.sleep(0.05)
            status = child.poll()
        child.kill()
    path.unlink(missing_ok=True)
    return at, name, bit, judge(plain(log.read_bytes()), status), plain(log.read_bytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--width", type=int, choices=(64, 32), default=64)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, help="no trial begins later than that")
    wanted = parser.parse_args()
    dice = random.Random(wanted.seed)
    symbols = data_symbols(wanted.width)
    counts = collections.Counter()
    pages = []
    end = time.monotonic() + (wanted.seconds or float("inf"))
    keep = BUILD / "test-logs" / "faults"
    keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        packed(folder, wanted.width)
        for number in range(wanted.trials):
            if time.monotonic() > end:
                break
            at, name, bit, outcome, text = trial(folder, wanted.width, dice, symbols, pages)
            counts[outcome, "static" if name != "allocated" else name] += 1
            if outcome != "harmless":
                log = keep / ("rv%d-%d-%d.log" % (wanted.width, wanted.seed, number))
                log.write_text(text)
                print("%d: bit %d at 0x%x (%s): %s" % (number, bit, at, name, outcome), flush=True)
    for outcome in OUTCOMES:
        print("%-16s static %4d  allocated %4d" % (
            outcome, counts[outcome, "static"], counts[outcome, "allocated"]))


if __name__ == "__main__":
    main()
