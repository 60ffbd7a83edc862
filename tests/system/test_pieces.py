# SPDX-License-Identifier: MIT
"""Guest RAM that is made of several ranges of the host's: the machine has more free RAM than the
capsule asks for, but no range of that size."""

import re

import pytest

from loads import LINUX_IMAGES, linux, pack
from machine import EXIT_DONE, passed


def guest_tests(folder, width, mib=32, **more):
    return pack(folder, width, {"kernel": ("guest-tests.elf", "kernel")}, {"tests": dict({
        "kernel": '"kernel"', "memory-base": "<0 0x84000000>", "memory-mib": "<%d>" % mib,
        "vcpus": "<1>"}, **more)})


def pieces(text):
    """How many pieces the first capsule's RAM has, as the message about it says."""
    found = re.search(r"Capsule 1: \S+: \d+ MiB at 0x[0-9a-f]+(?: and (\d+) places more)?, ", text)
    return 1 + int(found.group(1) or 0)


@pytest.mark.parametrize("width", [64, 32])
def test_guest_tests(bench, tmp_path, width):
    """All that a guest can see of its RAM is as if it were in one piece."""
    ended = bench.run(guest_tests(tmp_path, width), limit=120, width=width, cpus=1, mem="48M",
                      cpu="")
    assert pieces(ended.text) > 1
    assert passed(ended.text) > 500
    ended.ends(EXIT_DONE)


@pytest.mark.parametrize("width", [64, 32])
def test_one_piece_for_pmp(bench, tmp_path, width):
    """PMP doesn't translate, so there it is refused, with the numbers."""
    ended = bench.run(pack(tmp_path, width, {"kernel": ("load.bin", "kernel")}, {"it": {
        "kernel": '"kernel"', "memory-mib": "<46>"}}), width=width, cpus=1, mem="64M",
                      cpu="", append="isolation=pmp")
    ended.says("Capsule it is refused: memory-mib is 46, but there is no 47104 KiB of free RAM "
               "aligned to")
    assert re.search(r"in one piece; the largest piece so aligned has \d+ KiB", ended.text)


def test_too_little_in_all(bench, tmp_path):
    ended = bench.run(pack(tmp_path, 64, {"kernel": ("load.bin", "kernel")}, {"it": {
        "kernel": '"kernel"', "memory-mib": "<64>"}}), cpus=1, mem="64M", cpu="")
    ended.says("Capsule it is refused: memory-mib is 64, but all free RAM, in pieces aligned to "
               "2048 KiB, has ")


def test_linux(bench, tmp_path):
    """Stock Linux, with its kernel in one piece, its ramdisk in another, and most of it used."""
    shell = bench.shell(pack(tmp_path, 64, LINUX_IMAGES, {"linux": linux(1, 400)}), cpus=1, cpu="",
                        limit=240)
    assert pieces(shell.text()) > 1
    assert int(re.search(r"MemTotal: +(\d+)", shell.run("cat /proc/meminfo")).group(1)) > 300000
    shell.run("mkdir -p /mnt && mount -t tmpfs -o size=300m none /mnt", 30)
    shell.run("dd if=/dev/urandom of=/tmp/block bs=1M count=2 2>/dev/null", 60)
    shell.run("for n in $(seq 1 120); do cat /tmp/block >/mnt/$n; done", 150)
    sums = shell.run("for n in $(seq 1 120); do md5sum </mnt/$n; done | sort -u | wc -l", 150)
    assert sums == "1\n"
    shell.power_off()
