# SPDX-License-Identifier: MIT
"""A hostile guest beside a victim whose memory, registers and time are watched, and beside a stock
Linux whose shell keeps answering. HOSTILE_SECONDS and HOSTILE_SEED say for how long, and which
attacks (`make hostile`)."""

import os
import re
import subprocess
import time

import pytest

from machine import BUILD, EXIT_DONE, ROOT, Shell, command, guest

SECONDS = int(os.environ.get("HOSTILE_SECONDS", "6"))
SEED = int(os.environ.get("HOSTILE_SEED", "1"))

# Far below what any emulator does: only that attacks were made at all.
OPERATIONS_A_SECOND = 500

# A clock that counts instructions: how late the victim's beats are then depends on the hypervisor
# alone, not on what else the emulator's host does. It works for one hart only.
EXACT = {"cpus": 1, "extra": ["-icount", "shift=3,sleep=off"]}

CELLS = {
    "rv64 1 hart": {"width": 64, **EXACT},
    "rv64 4 harts": {"width": 64, "cpus": 4},
    "rv64 1 hart no sstc": {"width": 64, "cpu": "h=false,sstc=false", **EXACT},
    "rv32 1 hart": {"width": 32, **EXACT},
    "rv32 4 harts": {"width": 32, "cpus": 4},
    "rv64 hext 4 harts": {"width": 64, "cpu": "", "cpus": 4},
    "rv64 hext 1 hart no sstc": {"width": 64, "cpu": "sstc=false", **EXACT},
    "rv32 hext 1 hart": {"width": 32, "cpu": "", **EXACT},
    "rv64 H pmp 1 hart": {"width": 64, "cpu": "", "append": "isolation=pmp", **EXACT},
}
STORM_CELLS = {**CELLS, "rv64 H pmp 2 harts": {"width": 64, "cpu": "", "append": "isolation=pmp",
                                               "cpus": 2}}


def packed(folder, name, width, exact):
    """The manifest of that name with the seed and the time; the victim stays a little longer. Its
    beats may be late by its neighbour's turn and little more, or by any time that isn't exact."""
    text = (ROOT / ("tests/guest/%s.its" % name)).read_text()
    text, changed = re.subn(r"seconds=10 seed=1\b", "seconds=%d seed=%d" % (SECONDS, SEED), text)
    assert changed == 1
    text = text.replace("seconds=13", "seconds=%d" % (SECONDS + 3))
    text = text.replace("neighbours=", "late=%s neighbours=" %
                        ("0 tolerance=500" if exact else "100"))
    (folder / "x.its").write_text(text)
    search = [BUILD / ("rv%d/guest" % width), BUILD / ("rv%d" % width)]
    options = "-I dts -O dtb -p 512 " + " ".join("-i '%s'" % where for where in search)
    done = subprocess.run(["mkimage", "-E", "-B", "1000", "-D", options, "-f", "x.its", "x.itb"],
                          cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "x.itb"


def operations(text):
    """How many attacks were made, from the hostile guest's last words."""
    assert "escape" not in text
    done = re.search(r"PASS: hostile: (\d+) operations, seed %d\b" % SEED, text)
    assert done, "the hostile guest did not come to its end"
    assert int(done.group(1)) > OPERATIONS_A_SECOND * SECONDS
    return int(done.group(1))


def check_hypervisor(text):
    """Nothing was said of a fault, and nothing but the guests' own ends happened to them."""
    assert not re.search(r"^\[!\]", text, re.M), re.search(r"^\[!\].*", text, re.M).group()


@pytest.mark.parametrize("cell", CELLS)
def test_hostile(bench, tmp_path, cell):
    """The hostile guest makes its attacks, and the victim notices nothing."""
    width = CELLS[cell]["width"]
    image = packed(tmp_path, "hostile", width, "extra" in CELLS[cell])
    ended = bench.run(image, limit=SECONDS * 4 + 60, **CELLS[cell])
    operations(ended.text)
    ended.says("Capsule 1: PASS: victim: ")
    check_hypervisor(ended.text)
    ended.ends(EXIT_DONE)


@pytest.mark.parametrize("cell", ["rv64 4 harts", "rv64 1 hart no sstc", "rv32 hext 1 hart",
                                  "rv64 hext 4 harts", "rv64 H pmp 2 harts"])
def test_storm(bench, cell):
    """Several vCPUs at once start, stop, suspend and fence each other and use devices through page
    tables that the others change meanwhile; the victim's memory and registers stay as they are."""
    ended = bench.run(guest("storm", STORM_CELLS[cell]["width"]), limit=60,
                      **STORM_CELLS[cell])
    assert "escape" not in ended.text
    done = re.search(r"PASS: storm: (\d+) operations in (\d+) lives of 4 vCPUs", ended.text)
    assert done and int(done.group(1)) > 1000 and int(done.group(2)) > 20
    ended.says("Capsule 1: PASS: victim: ")
    check_hypervisor(ended.text)
    ended.ends(EXIT_DONE)


class Trio(Shell):
    """A machine with the capsules victim, hostile and linux; each by its number."""

    VICTIM, HOSTILE, LINUX = 1, 2, 3
    shells = 0

    def attach(self, number):
        """By the menu, which names the capsule when it is attached."""
        self.send("\x1d")
        self.expect(rb"send it ] ")
        self.send(str(number))
        self.expect(rb"\d: \w+\r+\n")

    def shell(self):
        """Attaches Linux. What it said before is shown again, so its prompt has to be found."""
        self.attach(self.LINUX)
        self.shells += 1
        self.send("echo shell $((1000 + %d))\r" % self.shells)
        self.expect(rb"shell %d\r" % (1000 + self.shells))
        self.expect(self.PROMPT)

    def talk(self, seconds):
        """Keeps the shell busy; how often it answered."""
        end, answers = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            assert self.run("echo $((6 * %d))" % answers) == "%d\n" % (6 * answers)
            answers += 1
        return answers


@pytest.mark.parametrize("width, cpus", [(64, 1), (64, 2), (64, 4), (32, 1), (32, 4)])
def test_hostile_beside_linux(bench, tmp_path, width, cpus):
    """A shell answers before, while and after the neighbour does its worst."""
    image = packed(tmp_path, "hostile-linux", width, False)
    trio = bench.start(command(image, width=width, cpus=cpus), Trio, limit=SECONDS * 4 + 150)
    trio.expect(rb"hostile: waits for a g", 30)
    trio.attach(trio.LINUX)
    trio.expect(trio.PROMPT, 100)
    trio.run("seq 1 1000 > /tmp/x; md5sum /tmp/x")
    trio.attach(trio.HOSTILE)
    trio.send("g")
    trio.expect(rb"# hostile: seed %d" % SEED)
    trio.shell()
    assert trio.talk(SECONDS) > SECONDS
    # What it said meanwhile is shown again.
    trio.attach(trio.HOSTILE)
    trio.expect(rb"PASS: hostile: \d+ operations[^\n]*\n", 30 + SECONDS)
    operations(trio.text())
    trio.attach(trio.VICTIM)
    trio.send("q")
    trio.expect(rb"(PASS|FAIL): victim: [^\n]*\n")
    trio.shell()
    text = trio.power_off()
    assert "PASS: victim: " in text
    check_hypervisor(text)
