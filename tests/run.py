#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the tests' stages one after the other, says what failed and why, and ends with one line
that counts everything.

Usage: run.py [-k EXPRESSION] [STAGE...]

A stage that can't go on (a build that breaks) fails the ones that need it; the others run. Logs
are in build/test/STAGE.log, those of the emulated machines in build/test-logs. When all tests run,
tools/check-refusals looks for messages that none of them produced.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUT = ROOT / "build/test"
UNIT_SAID = OUT / "unit-said.txt"  # what unit tests print with, for tools/check-refusals
PYTHON = "/usr/bin/python3"
SLOWEST = 10
WORKERS = 2  # emulators at once, which tests/system/machine.py sees to as well
SHOWN_LINES = 80
LAST_WORDS = ROOT / "build/test-logs/last-words.txt"  # of machines whose tests failed
LAST_WORDS_SHOWN = 30

VERDICTS = ("passed", "failed", "skipped")


def make(target, *values):
    """A target, under the lock of all builds."""
    return [ROOT / "tools/with-lock", "build/.lock", "make", "--no-print-directory", target, *values]


class Stage:
    """A command, what it needs to have passed, and where it leaves its results."""

    def __init__(self, name, line, needs=(), results=None):
        self.name, self.line, self.needs, self.results = name, line, needs, results
        self.log = OUT / (name + ".log")


def pytest_line(expression):
    line = [PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-n", str(WORKERS), "--dist",
            "loadgroup", "-q", "--tb=short", "-rN", "--no-header",
            "--junitxml=%s" % (OUT / "system.xml")]
    return line + (["-k", expression] if expression else []) + ["tests/bench", "tests/system"]


def stages(expression):
    line = [
        Stage("build", make("test-files")),
        Stage("check", make("check"), ["build"], json_results("build/test/check.json")),
        Stage("unit", make("unit"), results=json_results("build/host/unit/result.json")),
        Stage("unit32", make("unit", "HOST_M=-m32"),
              results=json_results("build/host32/unit/result.json")),
        Stage("bench", make("bench-check"), ["build"]),
        Stage("system", pytest_line(expression), ["build"], junit_results("build/test/system.xml")),
    ]
    if platform.machine() != "x86_64":
        # Debian's compilers for other machines make no 32-bit code.
        line = [stage for stage in line if stage.name != "unit32"]
    if not expression:
        line.append(Stage("refusals", ["tools/check-refusals", "--json", OUT / "refusals.json"],
                          results=json_results("build/test/refusals.json")))
    return line


def json_results(name):
    """Results as tests/unit/run.py and tools/check-rules write them."""
    def read():
        return json.loads((ROOT / name).read_text())["tests"]
    read.file = ROOT / name
    return read


def junit_results(name):
    """Results as pytest writes them."""
    def read():
        tests = []
        for case in xml.etree.ElementTree.parse(ROOT / name).iter("testcase"):
            kinds = {child.tag for child in case}
            verdict = "failed" if kinds & {"failure", "error"} else \
                "skipped" if "skipped" in kinds else "passed"
            tests.append({"name": "%s: %s" % (case.get("classname", "").split(".")[-1],
                                              case.get("name")),
                          "verdict": verdict, "seconds": float(case.get("time", 0))})
        return tests
    read.file = ROOT / name
    return read


def run(stage):
    """Runs a stage; its tests, of which it is one itself when it counts none."""
    if stage.results:
        stage.results.file.unlink(missing_ok=True)
    begun = time.monotonic()
    with open(stage.log, "wb") as log:
        status = subprocess.run(stage.line, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, check=False).returncode
    seconds = time.monotonic() - begun
    tests = []
    if stage.results and stage.results.file.exists():
        tests = stage.results()
    failed = any(test["verdict"] == "failed" for test in tests)
    if not tests or (status and not failed):
        # Nothing ran, or it broke outside of any test.
        tests.append({"name": stage.name, "seconds": seconds,
                      "verdict": "failed" if status or stage.results else "passed"})
    return status, seconds, tests


def explain(stage):
    """The end of a log; all of what pytest and the checks say about failures is there."""
    lines = stage.log.read_text(errors="replace").splitlines()
    if stage.name != "system" and len(lines) > SHOWN_LINES:
        lines = ["(the last %d lines of %s)" % (SHOWN_LINES, stage.log.relative_to(ROOT)),
                 *lines[-SHOWN_LINES:]]
    for line in lines:
        print("    " + line)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("-k", dest="expression", help="system tests: only names that match")
    parser.add_argument("stages", nargs="*", help="only these")
    args = parser.parse_args()
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DIOSIX_LOCKED"):
        os.environ.pop(name, None)
    shutil.rmtree(ROOT / "build/test-logs", ignore_errors=True)
    OUT.mkdir(parents=True, exist_ok=True)
    os.environ["UNIT_SAID"] = str(UNIT_SAID)

    chosen = [stage for stage in stages(args.expression)
              if not args.stages or stage.name in args.stages]
    if any(stage.name.startswith("unit") for stage in chosen):
        UNIT_SAID.unlink(missing_ok=True)
    broken, tests, begun = set(), [], time.monotonic()
    for stage in chosen:
        missing = [name for name in stage.needs if name in broken]
        if missing:
            print("%-8s cannot run: %s failed" % (stage.name, ", ".join(missing)), flush=True)
            tests.append({"name": stage.name, "verdict": "failed", "seconds": 0})
            broken.add(stage.name)
            continue
        print("%-8s running, log in %s" % (stage.name, stage.log.relative_to(ROOT)), flush=True)
        status, seconds, found = run(stage)
        counts = [sum(test["verdict"] == verdict for test in found) for verdict in VERDICTS]
        print("%-8s %s in %.0f s" % (stage.name, count_line(counts), seconds), flush=True)
        if status or counts[1]:
            broken.add(stage.name)
            explain(stage)
        tests += found
    return report(tests, time.monotonic() - begun)


def count_line(counts):
    return "%d passed, %d failed" % tuple(counts[:2]) + \
        (", %d skipped" % counts[2] if counts[2] else "")


def report(tests, seconds):
    print("\nThe slowest tests, of %.0f s in all:" % seconds)
    for test in sorted(tests, key=lambda test: -test["seconds"])[:SLOWEST]:
        print("  %7.1f s  %s" % (test["seconds"], test["name"]))
    failures = [test["name"] for test in tests if test["verdict"] == "failed"]
    if failures:
        print("\nWhat failed:")
        if LAST_WORDS.exists():
            lines = LAST_WORDS.read_text(errors="replace").splitlines()
            print("\n".join("    " + line for line in lines[:LAST_WORDS_SHOWN]))
        for name in failures:
            print("  " + name)
    counts = [sum(test["verdict"] == verdict for test in tests) for verdict in VERDICTS]
    if not any(counts):
        counts[1] = 1
    summary = count_line(counts)
    (OUT / "summary").write_text(summary + "\n")
    print("\n" + summary)
    return 1 if counts[1] else 0


if __name__ == "__main__":
    sys.exit(main())
