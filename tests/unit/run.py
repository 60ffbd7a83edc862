#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Run the unit tests' programs and say what passed.

Every program is a cmocka group. Its output is followed line by line, so that a
program that dies (ASan, UBSan, a signal) is blamed on the test it was in. Two
programs run at a time. Ends with 1 when anything failed, or nothing ran.
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import threading
import time

RUN = re.compile(r"^\[ RUN      \] (\S+)")
DONE = re.compile(r"^\[(       OK |  FAILED  | SKIPPED  |  SKIPPED |  ERROR   )\] (\S+)")


def run_program(path, verbose, timeout):
    """Run one program; a list of tests: name, verdict, seconds, log."""
    program = os.path.basename(path) + (" in 32 bits" if "/host32/" in path else "")
    env = dict(os.environ)
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    if verbose:
        env["UNIT_VERBOSE"] = "1"
    tests, log, current, started = [], [], None, 0.0
    begun = time.monotonic()
    late = threading.Event()
    with subprocess.Popen([path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                          stdin=subprocess.DEVNULL, text=True, errors="replace") as child:
        def stop():
            late.set()
            child.kill()

        watch = threading.Timer(timeout, stop)
        watch.start()
        for line in child.stdout:
            log.append(line)
            start, done = RUN.match(line), DONE.match(line)
            if start:
                current, started, log = start.group(1), time.monotonic(), []
            elif done and done.group(2) == current:
                verdict = {"OK": "passed", "SKIPPED": "skipped"}.get(done.group(1).strip(), "failed")
                tests.append({"name": f"{program}: {current}", "verdict": verdict,
                              "seconds": round(time.monotonic() - started, 3), "log": "".join(log)})
                current = None
        watch.cancel()
    died = f"ended with status {child.returncode}"
    if late.is_set():
        died = f"did not end within {timeout} s"
    if current:
        tests.append({"name": f"{program}: {current}", "verdict": "failed",
                      "seconds": round(time.monotonic() - started, 3),
                      "log": "".join(log) + f"{program} {died}\n"})
    elif not tests or (child.returncode and all(t["verdict"] != "failed" for t in tests)):
        # Dead outside of any test: a leak at its end, or a group's set-up.
        tests.append({"name": f"{program}: (whole program)", "verdict": "failed",
                      "seconds": round(time.monotonic() - begun, 3),
                      "log": "".join(log) + f"{program} {died}\n"})
    return tests


def main():
    """Parse the arguments, run everything, report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", nargs="*")
    parser.add_argument("-v", "--verbose", action="store_true", help="a line for every test")
    parser.add_argument("--json", help="write verdicts and durations to this file")
    parser.add_argument("--timeout", type=int, default=300, help="seconds for one program")
    args = parser.parse_args()
    count = {"passed": 0, "failed": 0, "skipped": 0}
    everything = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for tests in pool.map(lambda p: run_program(p, args.verbose, args.timeout), args.programs):
            for test in tests:
                count[test["verdict"]] += 1
                everything.append(test)
                if args.verbose or test["verdict"] != "passed":
                    print(f"{test['verdict'].upper()}: {test['name']} ({test['seconds']:.2f} s)")
                if test["verdict"] != "passed" or (args.verbose and test["log"]):
                    print("".join(f"    {line}\n" for line in test["log"].splitlines()), end="")
            sys.stdout.flush()
    if args.json:
        with open(args.json, "w", encoding="utf-8") as out:
            json.dump({**count, "tests": [{k: t[k] for k in ("name", "verdict", "seconds")}
                                          for t in everything]}, out, indent=1)
    skipped = f", {count['skipped']} skipped" if count["skipped"] else ""
    print(f"unit: {count['passed']} passed, {count['failed']} failed{skipped}")
    if not everything:
        print("unit: there was nothing to run")
    return 1 if count["failed"] or not everything else 0


if __name__ == "__main__":
    sys.exit(main())
