# SPDX-License-Identifier: MIT
"""Rows about several vCPUs: taking turns on one hart, and dealing with each other on two.

Turns: guests that spin or sleep (tests/guest/load.c) share a hart, and the plugin counts what each
trap of a kind took from the vector to mret, between two moments at which nothing but turns happens.
Two harts: the guest cost-smp, between its marks."""

from emulator import Failure, on_diosix, on_opensbi

CPU = "h=false"
PLAIN = (CPU, None)         # no H: what fences a capsule is PMP
MANY = 256

ROWS = [
    ("turn-1", "timer, nobody else to run (a capped vCPU), trap to mret", None),
    ("switch-same", "turn's end, to another vCPU of the capsule, trap to mret", None),
    ("switch-other", "turn's end, to another capsule's vCPU, trap to mret", 350),
    ("switch-16", "  the same with 16 vCPUs in all that want to run", None),
    ("switch-%d" % MANY, "  the same with %d" % MANY, None),
    ("switch-vector", "  the same when both use vectors", None),
    ("switch-vector-hext", "  the same with H", None),
    ("vector-hext", "first use of vectors in a turn, with H, trap to mret", None),
    ("wfi-other", "WFI that gives the hart to another capsule, trap to mret", None),
    ("wake-other", "timer wakes it up, in the place of the other, trap to mret", None),
    ("ipi-pair", "IPI there and back, both asleep, sum of two harts", 650),
    ("ipi-other", "IPI to a vCPU that runs, hypervisor on two harts", None),
    ("fence-i-other", "remote fence.i of one that runs, on its hart", None),
    ("sfence-other", "remote sfence.vma of one that runs, on its hart", None),
    ("fence-i-asleep", "remote fence.i of one that sleeps, on its hart", None),
]
# Of several vCPUs of one capsule that spin, one gives its turn to another (core/sched_spin.c): when,
# depends on where an interrupt meets it.
UNCHECKED = {"switch-same", "switch-%d" % MANY}
# Only the hart with vectors is another one: what they add is told, and held to nothing.
VECTORS = {"switch-vector": "h=false,v=true", "switch-vector-hext": "v=true"}
UNCHECKED |= {*VECTORS, "vector-hext"}

# Which guests take the turns that end (below), by row.
ENDS = {"turn-1": [("spin", 1, "\n\t\t\tcap-percent = <100>;")],
        "switch-same": [("spin", 2, "")], "switch-other": [("spin", 1, "")] * 2,
        "switch-16": [("spin", 1, "")] * 16, "switch-%d" % MANY: [("spin", 32, "")] * (MANY // 32)}

# What of tests/guest/cost_smp.c is what row, and which of its instructions count (count.c): those
# of the caller's hart go on for as long as it waits for the other one, which is the emulator's.
NOTHING = "1"
PAIRS = {"ipi-pair": ("2", ("all",)), "ipi-other": ("3", ("starter", "others")),
         "fence-i-other": ("4", ("others",)), "sfence-other": ("5", ("others",)),
         "fence-i-asleep": ("6", ("others",))}

TIMER, ILLEGAL, VIRTUAL = 7, 2, 22
FROM = 200                  # ms
WARM = 100                  # ms more until all have had their first turn, and traps are counted
TURNS = 24                  # that are counted
MANIFEST = """/dts-v1/;
/ {
	description = "for measuring";
	#address-cells = <1>;
	capsules = %(names)s;
	images {
		load {
			description = "load.bin";
			data = /incbin/("../guest/load.bin");
			type = "kernel"; arch = "riscv"; os = "linux"; compression = "none";
			load = <0>; entry = <0>;
		};
	};
	configurations {
		default = "c0";
%(capsules)s	};
};
"""
CAPSULE = """		c%d {
			compatible = "diosix,capsule";
			description = "for measuring";
			kernel = "load";
			bootargs = "%s";
			memory-mib = <8>;
			vcpus = <%d>;%s
		};
"""


def manifest(capsules, ms):
    """From (what it does, vCPUs, more properties), which goes on for `ms`. The first one marks from when on traps count."""
    text = ""
    for number, (work, vcpus, more) in enumerate(capsules):
        words = "work=%s from=%d to=%d" % (work, FROM, FROM + WARM + ms)
        words += "" if number else " count=%d" % WARM
        text += CAPSULE % (number, words, vcpus, more)
    names = ", ".join('"c%d"' % number for number in range(len(capsules)))
    return MANIFEST % {"names": names, "capsules": text}


def trap_mean(run, xlen, cause, interrupt=False):
    """The mean over all traps of a cause between the marks, rounded."""
    wanted = cause | (1 << (xlen - 1) if interrupt else 0)
    for trap in run.counts["traps"]:
        if trap["cause"] == wanted:
            return round(trap["total"] / trap["count"])
    raise Failure("no trap of cause %d between the marks:\n%s" % (cause, run.text[-500:]))


def turns(width, name, capsules, machine, traps=0):
    """`machine`: of FENCES. With `traps` only that many are counted, and then nothing else is of
    interest."""
    cpu, options = machine
    name = "turns-" + name
    run = on_diosix(width, name, cpu, width.pack(name, manifest(capsules, 3000 if traps else 50)),
                    options, traps=traps)
    if "refused" in run.text or "FAIL" in run.text:
        raise Failure("%s: not all loads started:\n%s" % (name, run.text[-500:]))
    return run


def turn_rows(width, machine, keys):
    """The rows of `keys` about turns that end, and the two about one that sleeps."""
    rows = {key: trap_mean(turns(width, key, ENDS[key], machine, TURNS), width.xlen, TIMER, True)
            for key in keys}
    run = turns(width, "sleep", [("sleep", 1, ""), ("spin", 1, "")], machine)
    rows["wfi-other"] = trap_mean(run, width.xlen, ILLEGAL if machine == PLAIN else VIRTUAL)
    rows["wake-other"] = trap_mean(run, width.xlen, TIMER, True)
    return rows


def vector_rows(width):
    rows = {}
    for key, cpu in VECTORS.items():
        run = turns(width, key, [("vector", 1, "")] * 2, (cpu, None), 2 * TURNS)
        rows[key] = trap_mean(run, width.xlen, TIMER, True)
    rows["vector-hext"] = trap_mean(run, width.xlen, ILLEGAL)
    return rows


def pair_rows(run):
    if "DONE: costs of two" not in run.text or "FAIL" in run.text:
        raise Failure("the cost guest for two did not finish:\n" + run.text[-500:])
    rows = {}
    for key, (mark, parts) in PAIRS.items():
        row, nothing = run.counts["rows"].get(mark), run.counts["rows"].get(NOTHING)
        if not row or not nothing:
            raise Failure("the cost guest for two passed no marker %s" % mark)
        rows[key] = sum(row["median"][part] - nothing["median"][part] for part in parts)
    return rows


def diosix_rows(width, machine=PLAIN, keys=tuple(ENDS)):
    """`machine`: the CPU's options and the hypervisor's."""
    cpu, options = machine
    rows = turn_rows(width, machine, keys)
    rows.update(pair_rows(on_diosix(width, "cost-smp", cpu, width.build / "guest/cost-smp.itb",
                                    options, harts=2)))
    return rows


def opensbi_rows(width):
    return pair_rows(on_opensbi(width, "cost-smp-opensbi", CPU, [
        "-bios", width.firmware, "-kernel", width.build / "guest/cost-smp.elf"], harts=2))
