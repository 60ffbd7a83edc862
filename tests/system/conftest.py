# SPDX-License-Identifier: MIT
"""What all system tests share: machines with a log that is named after the test and shown when it
fails."""

import re
import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from machine import LOGS, Machine, Shell, command, run  # pylint: disable=wrong-import-position

SHOWN_LINES = 60
LAST_WORDS = 8  # how many lines of a log stand in the summary as well


class Bench:
    """Makes machines for one test and takes them away at its end."""

    def __init__(self, name):
        self.name, self.machines, self.logs = name, [], []

    def log(self):
        suffix = "-%d" % len(self.logs) if self.logs else ""
        self.logs.append(LOGS / (self.name + suffix + ".log"))
        return self.logs[-1]

    def run(self, initrd=None, limit=30, until=None, **cell):
        """To the end, without a terminal (machine.run)."""
        return run(command(initrd, **cell), self.log(), limit, until)

    def start(self, line, kind=Machine, **words):
        """With a terminal, by its whole command line."""
        machine = kind(line, self.log(), **words)
        self.machines.append(machine)
        return machine

    def shell(self, initrd, limit=120, **cell):
        """With a terminal, the stock guest booted."""
        return self.start(command(initrd, **cell), Shell, limit=limit).boot(limit)


@pytest.fixture
def bench(request):
    name = re.sub(r"[^A-Za-z0-9.=-]+", "-", request.node.name).strip("-")
    it = Bench(name)
    request.node.bench = it
    yield it
    for machine in it.machines:
        machine.close()


def tail(log, count=SHOWN_LINES):
    text = log.read_bytes().decode("utf-8", "replace").replace("\r", "")
    lines = [re.sub(r"[^\x20-\x7e\t]", lambda c: "\\x%02x" % ord(c.group()), line)
             for line in text.split("\n")]
    return "\n".join(lines[-count:])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """The end of each log of a test that failed."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for machine in getattr(item, "bench", Bench("")).machines:
        machine.file.flush()
    for log in list(getattr(item, "bench", Bench("")).logs) + list(getattr(item, "logs", [])):
        if log.exists():
            report.sections.append(("end of build/test-logs/%s" % log.name, tail(log)))
            with open(LOGS / "last-words.txt", "a") as words:
                words.write("%s\n%s\n" % (item.name, tail(log, LAST_WORDS)))
