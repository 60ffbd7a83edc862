# SPDX-License-Identifier: MIT
"""The worst cases: what a trap may take, from the vector's first instruction to mret, when the guest
(tests/guest/worst.c) or many neighbours make it as long as they can. Retired instructions of the
hypervisor, counted by the emulator's plugin; docs/worst-case.md says where each limit comes from."""

import pathlib
import sys

import pytest

from loads import load, pack

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools/bench"))

import emulator     # noqa: E402
import traps        # noqa: E402

VCPUS = 32

# The most of each kind on RV64; what isn't here may take SHORT. RV32 may take NARROW times as much.
SHORT, NARROW = 1300, 1.8
LIMITS = {
    # By the number of vCPUs.
    "SBI IPI: send_ipi": 1000 * VCPUS,
    "SBI RFENCE: remote_fence_i": 700 * VCPUS,
    "SBI RFENCE: remote_sfence_vma": 200 * VCPUS,
    "SBI RFENCE: remote_sfence_vma_asid": 200 * VCPUS,
    "exception: load access fault": 200 * VCPUS,
    "exception: store access fault": 200 * VCPUS,
    "exception: load guest-page fault": 200 * VCPUS,
    "exception: store guest-page fault": 200 * VCPUS,
    # Loops over what a call names, or a change of vCPU.
    "SBI DBCN: console_write": 4000,
    "SBI HSM: hart_start": 4000,
    "SBI PMU: counter_start": 2500,
    "SBI PMU: event_get_info": 100 * 256,
    # Whatever a vCPU leaves its hart for, the hart may serve others then.
    "SBI HSM: hart_stop": 4000,
    "exception: illegal instruction": 4000,
    "exception: virtual instruction": 4000,
    "interrupt: timer": 4000,
    # A MiB is zeroed or copied.
    traps.NO_TRAP: 200000,
}
# What any trap may take besides in the merged view, since the hart may have to serve the console: a
# pump that puts lines together, or a vCPU's figures.
PUMP = 28000


def counted(folder, name, width, cpu, images, capsules, options, harts=1):
    xlen = width.xlen
    image = pack(folder, xlen, images, capsules)
    # Files of that name are written: another process may have another test of this kind.
    unique = "-".join(["worst", name, folder.parent.name, folder.name])
    run = emulator.on_diosix(width, unique, cpu, image, options, harts=harts)
    return run, traps.worst_of([(name, run)], xlen)


def check(found, limits, xlen, besides=0, what="worst"):
    """`what`: of a trap as a whole, or the longest time in it without a look at interrupts."""
    for row in traps.table(found):
        print(row)
    bad = ["%s: %d, at most %d" % (name, entry[what], most) for name, entry in found.items()
           for most in [(limits.get(name, SHORT) + besides) * (NARROW if xlen == 32 else 1)]
           if entry[what] > most]
    assert not bad, "; ".join(sorted(bad))


def guest(xlen, **more):
    return {"worst": dict({"kernel": '"worst"', "memory-base": "<0 0x84000000>",
                           "memory-mib": "<32>", "vcpus": "<%d>" % VCPUS}, **more)}


@pytest.mark.parametrize("view", ["attached", "merged"])
@pytest.mark.parametrize("cpu", ["h=false", "h=false,sstc=false", ""])
@pytest.mark.parametrize("xlen", [64, 32])
def test_calls(tmp_path, xlen, cpu, view):
    """Every trap that one guest can provoke, with 32 vCPUs that sleep, run or wait on one hart."""
    run, found = counted(tmp_path, "calls", emulator.Width(xlen), cpu,
                         {"worst": ("worst.elf", "kernel")}, guest(xlen), "console=" + view)
    assert "DONE: worst, %d vCPUs" % VCPUS in run.text and "FAIL" not in run.text
    assert len(found) > 30
    check(found, LIMITS, xlen, PUMP if view == "merged" else 0)


@pytest.mark.parametrize("harts", [2, 4])
def test_calls_on_many(tmp_path, harts):
    """What goes to vCPUs of other harts: a fence waits for them, and serves its own hart's interrupts
    meanwhile. Other kinds may wait for a lock, as long as the emulator lets its holder wait."""
    run, found = counted(tmp_path, "harts", emulator.Width(64), "h=false",
                         {"worst": ("worst.elf", "kernel")}, guest(64, bootargs='"only=others"'),
                         "console=attached", harts)
    assert "DONE: worst, %d vCPUs" % VCPUS in run.text and "FAIL" not in run.text
    sent = {name: entry for name, entry in found.items() if "IPI:" in name or "RFENCE" in name}
    assert len(sent) == 4
    check(sent, LIMITS, 64, what="longest")


def at_once(count):
    """So many vCPUs are woken at the same tick, and capsules end: its last words and the line that
    says so are shown, by a pump each, which looks at all the others' ports."""
    return dict(LIMITS, **{"exception: illegal instruction": 600 * count,
                           "interrupt: timer": 600 * count, "SBI SRST: system_reset": 3 * PUMP})


@pytest.mark.parametrize("xlen", [64, 32])
def test_all_at_once(tmp_path, xlen):
    """Capsules whose timers ring at the same tick, on one hart."""
    count = 60
    run, found = counted(tmp_path, "sleepers", emulator.Width(xlen), "h=false",
                         {"load": ("load.bin", "kernel")},
                         {"c%d" % i: load("sleep", 300, 340, mib=4 if xlen == 64 else 8)
                          for i in range(count)}, "console=merged")
    assert run.text.count("LOAD: ") == count
    check(found, at_once(count), xlen, PUMP)


@pytest.mark.parametrize("xlen", [64, 32])
def test_end_of_a_turn(tmp_path, xlen):
    """100 vCPUs that want to run, on one hart."""
    run, found = counted(tmp_path, "queue", emulator.Width(xlen), "h=false",
                         {"load": ("load.bin", "kernel")},
                         {"c%d" % i: load("spin", 200, 900, vcpus=25) for i in range(4)},
                         "console=merged")
    assert run.text.count("LOAD: ") == 4
    check(found, at_once(100), xlen, PUMP)
