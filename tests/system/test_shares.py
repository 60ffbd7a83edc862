# SPDX-License-Identifier: MIT
"""Who gets how much of the harts, as the guests themselves see it. With one hart the clock counts
instructions (-icount), so that shares repeat and don't depend on what else the emulator's host does."""

import re

import pytest

from loads import load, loads, shares
from machine import EXIT_DONE

EXACT = ["-icount", "shift=0,sleep=off"]
WIDTHS = [64, 32]


def run(bench, folder, capsules, width=64, limit=90, **cell):
    cell.setdefault("cpus", 1)
    if cell["cpus"] == 1:
        cell.setdefault("extra", EXACT)
    ended = bench.run(loads(folder, width, capsules), limit=limit, width=width, **cell)
    assert "FAIL" not in ended.text and "refused" not in ended.text
    ended.ends(EXIT_DONE)
    found = shares(ended.text)
    assert len(found) == len(capsules)
    return found, ended.text


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("sstc", ["", ",sstc=false"])
def test_weights(bench, tmp_path, width, sstc):
    """100 and 300 on one hart are 25 % and 75 %, within 2 points."""
    found, _ = run(bench, tmp_path, {"less": load(weight="<100>"), "more": load(weight="<300>")},
                   width, cpu="h=false" + sstc)
    assert abs(found[1] - 250) <= 20 and abs(found[2] - 750) <= 20, found


def test_equal(bench, tmp_path):
    """Eight of the same weight have an eighth each."""
    found, _ = run(bench, tmp_path, {"c%d" % n: load() for n in range(8)})
    assert all(abs(share - 125) <= 20 for share in found.values()), found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("beside,ms", [(False, 500), (False, 2000), (True, 500), (True, 2000)])
def test_cap(bench, tmp_path, width, beside, ms):
    """cap-percent 20 is 21 % at most, alone or not, in half a second as in two, and not much less."""
    capsules = {"capped": load(cap_percent="<20>", last=100 + ms)}
    if beside:
        capsules["other"] = load(last=100 + ms)
    found, _ = run(bench, tmp_path, capsules, width)
    assert 190 <= found[1] <= 210, found
    assert not beside or found[2] >= 780, found


def test_cap_of_all_there_is(bench, tmp_path):
    """A ceiling of a whole hart takes nothing away."""
    found, _ = run(bench, tmp_path, {"capped": load(cap_percent="<100>")})
    assert found[1] >= 970, found


@pytest.mark.parametrize("flood", ["off", "ipi", "fence", "past"])
def test_flood(bench, tmp_path, flood):
    """Whatever a guest with several vCPUs floods its hart with, it keeps to its own share: the
    victim has a vCPU of the three, and the hypervisor's work for the others isn't charged to it."""
    found, _ = run(bench, tmp_path, {"victim": load(last=500, weight="<200>"),
                                     "flood": load(flood, last=550, vcpus=2)})
    assert found[1] >= 480, found
    assert found[2] > 0


def test_affinity(bench, tmp_path):
    """Two that name the same hart share it; one that names a hart alone has it, with no turns, no
    balancing and no interrupt on it while it runs; the rest goes where it may."""
    found, text = run(bench, tmp_path, {
        "a": load(harts="<1>", last=1100), "b": load(harts="<1>", last=1100),
        "own": load(harts="<3>", last=1100), "rest": load(last=1100, vcpus=2)}, cpus=4)
    assert len(found) == 4
    starts = dict(re.findall(r"Capsule \d+: (\w+): .* runs on CPU ([\d ]+)$", text, re.M))
    assert starts["a"].strip() == "1" and starts["b"].strip() == "1" and \
        starts["own"].strip() == "3"
    assert set(starts["rest"].split()) <= {"0", "1", "2"}
    # Nothing of the host's has taken it out of its guest: no tick, no call of another hart's, no
    # console. Its neighbours that share a hart had ticks.
    # Lines of capsules that end at once, on different harts, come in any order.
    figures = {number: "\n".join(re.findall(r"Capsule %s: +(?:vCPU 0 on )?(CPU \d: .*|exits: .*)"
                                            % number, text)) for number in "123"}
    assert figures["3"].startswith("CPU 3: ") and "loads: 1, moves: 0" in figures["3"]
    assert not re.search(r"timer interrupt|host IPI|external interrupt", figures["3"]), figures["3"]
    assert "timer interrupt" in figures["1"] and "timer interrupt" in figures["2"]


REFUSED = {
    "weight 0": ({"weight": "<0>"}, r"weight is 0; 1 to 10000 is expected"),
    "weight 10001": ({"weight": "<10001>"}, r"weight is 10001; 1 to 10000 is expected"),
    "cap over the machine": ({"cap_percent": "<401>"},
                             r"cap-percent is 401, but its 4 CPU cores have 400 in all"),
    "cap over its harts": ({"cap_percent": "<101>", "harts": "<2>"},
                           r"cap-percent is 101, but its 1 CPU core ha(s|ve) 100 in all"),
    "no such hart": ({"harts": "<1 7>"},
                     r"harts names CPU 7, which this machine's 4 CPU cores don't include"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused(bench, tmp_path, what):
    """By name and with the numbers; the other capsule starts all the same."""
    wish, sentence = REFUSED[what]
    image = loads(tmp_path, 64, {"bad": load(**wish), "good": load(last=200)})
    ended = bench.run(image, cpus=4).ends(EXIT_DONE)
    assert re.search(r"Capsule bad is refused: .*" + sentence, ended.text), ended.text
    assert len(shares(ended.text)) == 1


def test_no_fit_hart(bench, tmp_path):
    """Hart 0 of the sifive_u has no S-mode: a capsule that names it alone is refused."""
    image = loads(tmp_path, 64, {"bad": load(harts="<0>"), "good": load(last=200)})
    ended = bench.run(image, machine="sifive_u", cpu=None, cpus=3,
                      until="Capsule 2: good: powered off")
    assert re.search(r"Capsule bad is refused: none of its 1 CPU core can run it: .*S-mode",
                     ended.text)


@pytest.mark.parametrize("width", WIDTHS)
def test_64_capsules_on_4_harts(bench, tmp_path, width):
    """All start, and all come to their end."""
    run(bench, tmp_path, {"c%d" % n: load(last=2100) for n in range(64)}, width,
        cpus=4, mem="1G")


def test_64_harts(bench, tmp_path):
    """Each capsule finds a hart."""
    _, text = run(bench, tmp_path, {"c%d" % n: load("sleep", last=1100) for n in range(64)},
                  cpus=64, mem="1G")
    # The harts that said the last words of them, as far as they didn't move.
    harts = set(re.findall(r"^\[\+\] CPU (\d+): Capsule \d+: c\d+: powered off", text, re.M))
    assert len(harts) > 32
