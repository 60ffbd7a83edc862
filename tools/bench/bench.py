#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What Diosix costs beside OpenSBI, in retired instructions of the emulated machine, and whether a
row has grown against the numbers that are kept in the repository. docs/bench.md explains both.

Usage: bench.py table|check|update WIDTH...

    table   measure Diosix and OpenSBI and print both side by side
    check   measure Diosix and compare with tests/bench/baseline.json
    update  measure both and write that file
"""

import hashlib
import json
import sys
import time

import linux
from emulator import Failure, PLUGIN, ROOT, Width, on_diosix
from rows import CPUS, FENCES, ROWS, UNCHECKED, diosix_rows, fence_rows, opensbi_rows
from smp import PAIRS
from traps import table as trap_table, worst_of

BASELINE = ROOT / "tests/bench/baseline.json"
GROWTH = 5                  # per cent that a row may grow
LINUX_SPREAD = 1            # per cent that Linux's own way differs from build to build
PAIR_SPREAD = 5             # per cent that rows of two harts differ with what else the host does
# Per cent that Linux may take more than on OpenSBI. RV32's kernel is a small one: its boot is a sixth
# of the other's, and writes nearly as much to its console.
LINUX_LIMIT = {64: 2, 32: 5}
FENCE_LINUX_LIMIT = 3       # the same under the other fences
FENCE_LIMIT = 20            # per cent that a row may take more under another fence
FENCE_SWITCH_LIMIT = 10     # and a change of capsule
WIDTH_LIMIT = 20            # per cent that a row of RV32 may take more than RV64's
# Rows of RV32 that may take more than that: (fence, row), the per cent, and why.
SLEEP = "the clock is read and charged in 64 bits, and the timer written in halves, on both ways"
TURN = "half of RV64's are 64 bits wide: the clock, virtual times, the alarm in halves, ticks waited"
WIDTH_BESIDES = {(fence, key): besides for fence in ("", *FENCES) for key, besides in {
    "switch-other": (30, TURN), "switch-16": (35, TURN), "wake-other": (27, TURN),
    "sleep": (27, SLEEP),
    "turn-1": (35, "it is arithmetic in 64 bits: two looks at the clock, a multiplication for virtual"
                   " time, two for the ceiling's bucket, and a dozen comparisons"),
}.items()}
WIDTH_BESIDES["H-pmp", "set-timer-no-sstc"] = (
    25, "40 instructions of RV64's, of which one adds 64 bits and one compares them")
UPDATE = "if that is meant, `make bench-update` keeps the new numbers; commit them with the reason"


def guest_system(width):
    """Which Linux: rows of another one can't be compared."""
    digest = hashlib.sha256()
    for path in (width.build / "guests/Image", width.build / "guests/initramfs.gz"):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def measure_diosix(width, everything):
    """Rows, and the runs whose traps count: with `everything`, guests that try all the calls."""
    rows, costs = diosix_rows(width)
    runs = [("cost", run) for run in costs]
    found, run = linux.diosix(width, linux.image(width))
    rows.update(found)
    runs.append(("Linux", run))
    if everything:
        for kind, cpu in CPUS.items():
            runs.append(("guest tests", on_diosix(
                width, "guest-tests" + ("" if kind else "-no-sstc"), cpu,
                width.build / "guest/guest-tests.itb")))
    return rows, runs


def measure_fences(width):
    """For each of the other fences its rows; and their runs. After measure_diosix(): Linux is
    packed by then."""
    rows, runs = {}, []
    for fence in FENCES:
        rows[fence], costs = fence_rows(width, fence)
        runs += [("cost, " + fence, run) for run in costs]
        if width.xlen == 64:
            found, run = linux.fenced(width, width.folder / "linux.itb", fence)
            rows[fence].update(found)
            runs.append(("Linux, " + fence, run))
    return rows, runs


def measure_opensbi(width):
    rows = opensbi_rows(width)
    rows.update(linux.opensbi(width, width.folder / "linux.itb"))
    return rows


def grouped(number):
    return "n/a" if number is None else "{:,}".format(number)


def dominant(run):
    """What a boot of the cost guest spends its instructions on, the largest first."""
    functions = {}
    for name, count in run.counts["functions"].items():
        functions[name.split("@")[0]] = functions.get(name.split("@")[0], 0) + count
    whole = sum(functions.values())
    largest = sorted(functions.items(), key=lambda item: -item[1])[:5]
    return ", ".join("%s %.0f %%" % (name, 100 * count / whole) for name, count in largest)


def show(width, diosix, opensbi, runs):
    print("\nRV%d, retired instructions, emulated" % width.xlen)
    print("%-56s %15s %15s %9s" % ("", "Diosix", "OpenSBI 1.6", "ratio"))
    for key, label, _ in ROWS:
        if key in diosix:
            other = opensbi.get(key)
            ratio = "%.3f" % (diosix[key] / other) if other else ""
            print("%-56s %15s %15s %9s" % (label, grouped(diosix[key]), grouped(other), ratio))
    print("Reset to the guest's first instruction, by Diosix's functions: %s"
          % dominant(runs[0][1]))
    print("\nRV%d, retired instructions of the hypervisor, emulated, from a trap to the return"
          " into a guest" % width.xlen)
    worst = worst_of(runs, width.xlen)
    for line in trap_table(worst):
        print(line)
    return worst


def show_fences(width, diosix, fences):
    print("\nRV%d, retired instructions, emulated, by what fences the capsule" % width.xlen)
    print("%-56s %15s" % ("", "PMP, no H") +
          "".join(" %15s" % {"H-pmp": "PMP, with H"}.get(fence, fence) for fence in fences))
    for key, label, _ in ROWS:
        if key in next(iter(fences.values())):
            print("%-56s %15s" % (label, grouped(diosix[key])) +
                  "".join(" %15s" % grouped(rows.get(key)) for rows in fences.values()))


def problems(key, label, new, old, limit):
    """What is wrong with one row, as sentences. `old` and `limit` may be None."""
    allowed = GROWTH + (LINUX_SPREAD if key.startswith("linux") else 0)
    allowed += PAIR_SPREAD if key in PAIRS else 0
    if limit is not None and new > limit:
        yield "%s: %d; at most %d is promised" % (label, new, limit)
    if old is None:
        yield "%s: not in %s" % (label, BASELINE.name)
    elif new > old * (100 + allowed) / 100:
        yield "%s: grew from %d to %d (%+.1f %%, %d %% is allowed)" % (
            label, old, new, 100 * (new - old) / old, allowed)


def check_linux(width, rows, kept):
    """Against OpenSBI as it was kept; a Linux that isn't the kept one is measured there again."""
    if kept.get("linux-system") == guest_system(width):
        firmware = kept["opensbi"]["linux"]
    else:
        print("RV%d: this Linux isn't the one of %s: compared with OpenSBI only"
              % (width.xlen, BASELINE.name))
        firmware = linux.opensbi(width, width.folder / "linux.itb")["linux"]
    more = 100 * (rows["linux"] - firmware) / firmware
    if more > LINUX_LIMIT[width.xlen]:
        yield "Linux to its prompt: %d, which is %.2f %% more than the %d on OpenSBI; at most " \
            "%d %% is promised" % (rows["linux"], more, firmware, LINUX_LIMIT[width.xlen])


def check_fences(width, rows, fences, kept):
    """Rows under the other fences: against what they were, and against PMP's without H."""
    for fence, found in fences.items():
        labels = {key: label.strip() for key, label, _ in ROWS}
        same = kept.get("linux-system") == guest_system(width) if "linux" in found else True
        for key, new in found.items():
            label = "%s, %s" % (labels[key], fence)
            if not key.startswith("linux") or same:
                yield from problems(key, label, new, kept.get("fences", {}).get(fence, {}).get(key), None)
            limit = FENCE_SWITCH_LIMIT if key.startswith("switch-") else FENCE_LIMIT
            if not key.startswith("linux") and new > rows[key] * (100 + limit) / 100:
                yield "%s: %d, which is more than %d %% above the %d under PMP without H" % (
                    label, new, limit, rows[key])
        if "linux" in found and same:
            firmware = kept["opensbi"]["linux"]
            more = 100 * (found["linux"] - firmware) / firmware
            if more > FENCE_LINUX_LIMIT:
                yield "Linux to its prompt, %s: %d, which is %.2f %% more than the %d on OpenSBI;" \
                    " at most %d %% is promised" % (fence, found["linux"], more, firmware,
                                                    FENCE_LINUX_LIMIT)


def check_widths(rows, fences, kept):
    """RV32's rows against those that are kept of RV64. Linux is another one, and not compared."""
    labels = {key: label.strip() for key, label, _ in ROWS}
    for fence, found, wide in [("", rows, kept["diosix"]),
                               *((fence, fences[fence], kept["fences"].get(fence, {}))
                                 for fence in fences)]:
        for key, new in found.items():
            if key.startswith("linux") or key in UNCHECKED or not wide.get(key):
                continue
            limit, why = WIDTH_BESIDES.get((fence, key), (WIDTH_LIMIT, None))
            label = labels[key] + (", " + fence if fence else "")
            if new > wide[key] * (100 + limit) / 100:
                yield "%s: %d, which is more than %d %% above the %d of RV64" % (
                    label, new, limit, wide[key])
            elif why and new <= wide[key] * (100 + WIDTH_LIMIT - 5) / 100:
                yield "%s: %d, which is within %d %% of the %d of RV64: WIDTH_BESIDES isn't needed" % (
                    label, new, WIDTH_LIMIT, wide[key])
            elif why:
                print("RV32: %s: %d, %.0f %% above the %d of RV64: %s"
                      % (label, new, 100 * (new / wide[key] - 1), wide[key], why))


def check(widths):
    """True when no row has grown and all promises hold."""
    baseline = json.loads(BASELINE.read_text())
    begun, failed, count = time.monotonic(), [], 0
    for width in widths:
        kept = baseline[str(width.xlen)]
        rows = measure_diosix(width, False)[0]
        same = kept.get("linux-system") == guest_system(width)
        for key, label, limit in ROWS:
            if key not in rows or key in UNCHECKED or (key.startswith("linux") and not same):
                continue
            count += 1
            old = kept["diosix"].get(key)
            failed += ["RV%d: %s" % (width.xlen, text) for text in problems(
                key, label.strip(), rows[key], old, limit if width.xlen == 64 else None)]
            if old is not None and rows[key] < old * (100 - GROWTH) / 100:
                print("RV%d: %s: fell from %d to %d" % (width.xlen, label.strip(), old, rows[key]))
        gone = set(kept["diosix"]) - set(rows)
        failed += ["RV%d: no row \"%s\" any more" % (width.xlen, key) for key in sorted(gone)]
        failed += ["RV%d: %s" % (width.xlen, text) for text in check_linux(width, rows, kept)]
        fences = measure_fences(width)[0]
        count += sum(len(found) for found in fences.values())
        failed += ["RV%d: %s" % (width.xlen, text)
                   for text in check_fences(width, rows, fences, kept)]
        if width.xlen == 32 and "64" in baseline:
            failed += ["RV32: " + text for text in check_widths(rows, fences, baseline["64"])]
    for text in failed:
        print("FAIL: bench: " + text)
    if failed:
        print(UPDATE)
    print("bench: %d rows compared, %d failed, %.0f s" % (count, len(failed),
                                                          time.monotonic() - begun))
    return not failed


def table(widths, update):
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    for width in widths:
        diosix, runs = measure_diosix(width, True)
        fences, fenced = measure_fences(width)
        opensbi = measure_opensbi(width)
        if width.xlen == 64:  # the other one is built without ciphers
            diosix["linux-ciphers"], opensbi["linux-ciphers"] = linux.with_ciphers(width)
        worst = show(width, diosix, opensbi, runs + fenced)
        show_fences(width, diosix, fences)
        baseline[str(width.xlen)] = {
            "diosix": {key: diosix[key] for key in diosix if key not in UNCHECKED},
            "fences": fences,
            "opensbi": {key: opensbi[key] for key in opensbi if key not in UNCHECKED},
            "worst-trap": {name: entry["worst"] for name, entry in sorted(worst.items())}}
        baseline[str(width.xlen)]["linux-system"] = guest_system(width)
    if update:
        BASELINE.parent.mkdir(parents=True, exist_ok=True)
        BASELINE.write_text(json.dumps(baseline, indent=1) + "\n")
        print("\n%s has these numbers now" % BASELINE.relative_to(ROOT))
    return True


def main(verb, widths):
    if not PLUGIN.exists():
        raise Failure("%s is not built; make bench does it" % PLUGIN.relative_to(ROOT))
    widths = [Width(int(width)) for width in widths]
    return check(widths) if verb == "check" else table(widths, verb == "update")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("table", "check", "update") or \
            not set(sys.argv[2:]) <= {"64", "32"}:
        sys.exit(__doc__)
    try:
        sys.exit(not main(sys.argv[1], sys.argv[2:]))
    except Failure as failure:
        sys.exit("bench: %s" % failure)
