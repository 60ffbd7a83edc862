# SPDX-License-Identifier: MIT
"""Two stock Linux with four vCPUs each on four harts, under load, beside a capsule with four vCPUs
that reboots every few seconds: for SOAK_MINUTES (`make soak`). Then as long eight Linux on two harts.
Any complaint is a failure."""

import os
import time

from loads import LINUX_IMAGES, linux, pack
from machine import Shells, command
from test_many import many
from test_smp import LOAD, REST, no_complaint

MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
ROUND = 15      # seconds with each capsule in front
LINUXES = (1, 2)


def test_soak(bench, tmp_path):
    image = pack(tmp_path, 64, {**LINUX_IMAGES, "ends": ("ends.elf", "kernel")}, {
        "one": linux(), "two": linux(), "again": {
            "kernel": '"ends"', "bootargs": '"how=reboot slow=1"', "vcpus": "<4>",
            "memory-base": "<0 0x84000000>", "memory-mib": "<32>"}})
    machine = bench.start(command(image, cpus=4, mem="1G"), Shells, limit=MINUTES * 60 + 900)
    rounds = 0
    machine.expect(rb"Linux version 6\.12\.", 60)
    for number in LINUXES:
        machine.front(number)
        machine.expect(machine.PROMPT, 400)
        machine.attach(number)
        assert machine.run("nproc", 60) == "4\n"
        machine.type(LOAD, 60)
    begun = time.monotonic()
    while time.monotonic() - begun < MINUTES * 60:
        for number in LINUXES:
            machine.attach(number)
            machine.pause(ROUND)
            machine.run("seq 1 1000 | md5sum", 120)
            no_complaint(machine.run("dmesg", 120))
        rounds += 1
        text = machine.text()
        no_complaint(text)
        assert "FAIL" not in text and "stays stopped" not in text
        print("soak: %.1f of %g minutes, %d rounds, the third has restarted %d times" % (
            (time.monotonic() - begun) / 60, MINUTES, rounds,
            text.count("again: started again")), flush=True)
    for number in LINUXES:
        machine.attach(number)
        machine.type(REST, 60)
    assert machine.text().count("again: started again") > MINUTES


def test_eight_on_two_harts(bench, tmp_path):
    many(bench, tmp_path, int(MINUTES * 60), MINUTES * 60 + 900)
