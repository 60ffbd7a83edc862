# SPDX-License-Identifier: MIT
"""What tools/bench makes of numbers, without an emulator: that a row which grew is seen, and named
with both numbers, and that one which did not is let alone."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools/bench"))

import bench    # noqa: E402
import traps    # noqa: E402


@pytest.mark.parametrize("key,new,old,grew", [
    ("dbcn", 1000, 1000, False),
    ("dbcn", 900, 1000, False),
    ("dbcn", 1050, 1000, False),
    ("dbcn", 1051, 1000, True),
    ("wfi", 4, 3, True),
    ("linux", 1060, 1000, False),
    ("linux", 1061, 1000, True),
])
def test_growth(key, new, old, grew):
    found = list(bench.problems(key, "a row", new, old, None))
    assert len(found) == grew
    for text in found:
        assert text.startswith("a row: grew from %d to %d" % (old, new))


def test_limit_holds_whatever_is_kept():
    assert list(bench.problems("set-timer", "set timer", 61, 61, 60)) == [
        "set timer: 61; at most 60 is promised"]
    assert not list(bench.problems("set-timer", "set timer", 60, 60, 60))


def test_row_that_is_not_kept():
    assert list(bench.problems("dbcn", "a row", 1, None, None)) == [
        "a row: not in baseline.json"]


@pytest.mark.parametrize("fence,key,new,what", [
    ("", "dbcn", 120, None),
    ("", "dbcn", 121, "more than 20 % above the 100 of RV64"),
    ("", "linux", 999, None),
    ("", "turn-1", 135, None),
    ("", "turn-1", 136, "more than 35 % above the 100 of RV64"),
    ("", "turn-1", 110, "isn't needed"),
    ("hext", "set-timer", 120, None),
    ("hext", "set-timer", 121, "set timer, hext: 121, which is more than 20 %"),
    ("H-pmp", "set-timer-no-sstc", 125, None),
    ("", "set-timer-no-sstc", 125, "more than 20 %"),
    ("", "uart-read-sv48", 999, None),  # a row that RV64 alone has, or that isn't kept
])
def test_widths_are_compared(fence, key, new, what):
    wide = {row[0]: 100 for row in bench.ROWS if row[0] != "uart-read-sv48"}
    kept = {"diosix": wide, "fences": {"hext": wide, "H-pmp": wide}}
    found = list(bench.check_widths({} if fence else {key: new}, {fence: {key: new}} if fence else {},
                                    kept))
    assert len(found) == (what is not None) and (not what or what in found[0])


@pytest.mark.parametrize("xlen,cause,extension,function,name", [
    (64, 9, 0x10, 0, "SBI Base: get_spec_version"),
    (32, 9, 0x48534d, 2, "SBI HSM: hart_get_status"),
    (64, 9, 0x48534d, 99, traps.SORTED_OUT),
    (64, 9, 0xabcdef0, 0, traps.SORTED_OUT),
    (64, 9, 1, 0, "SBI legacy: console_putchar"),
    (64, 9, 9, 0, traps.SORTED_OUT),
    (64, 2, 0, 0, "exception: illegal instruction"),
    (64, (1 << 63) + 7, 0, 0, "interrupt: timer"),
    (32, (1 << 31) + 3, 0, 0, "interrupt: software (IPI)"),
])
def test_names_of_traps(xlen, cause, extension, function, name):
    assert traps.name_of({"cause": cause, "extension": extension, "function": function},
                         xlen) == name


class Counted:
    """A run that met one kind of trap."""

    def __init__(self, worst, sfence, longest):
        self.counts = {"unsorted": 0, "traps": [{
            "cause": 2, "extension": 0, "function": 0, "count": 2, "total": worst + 10,
            "least": 10, "worst": worst, "longest": longest, "sfence": sfence, "hfence": 0, "pmp": 0}]}


def test_worst_is_taken_over_all_guests():
    found = traps.worst_of([("one", Counted(50, 3, 20)), ("other", Counted(70, 1, 10))], 64)
    assert found == {"exception: illegal instruction": {
        "count": 4, "total": 140, "worst": 70, "longest": 20, "guest": "other", "sfence": 3, "hfence": 0,
        "pmp": 0}}
