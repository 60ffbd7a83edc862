# SPDX-License-Identifier: MIT
"""The rows of the table: what each is called, where its number comes from, and its limit. A
measurement is a dictionary from a row's key to a number of retired instructions."""

import re

from emulator import Failure, on_diosix, on_opensbi
import smp

# The CPU that has a supervisor's timer of its own (Sstc), and the one that lacks it.
CPUS = {"sstc": "h=false", "": "h=false,sstc=false"}

# The other fences, all of whose rows are measured beside those of PMP on a hart without H: what
# follows the CPU's name, and the hypervisor's option.
FENCES = {"H-pmp": ("", "isolation=pmp"), "hext": ("", None)}

# Key, what it says in the table, and the most that Diosix may take on RV64 (None: no limit besides
# the growth).
ROWS = [
    ("null", "SBI call that does nothing (the worst of four)", 85),
    ("spec-version", "  get_spec_version", None),
    ("probe", "  probe_extension", None),
    ("hart-status", "  hart status", None),
    ("unknown", "  an unknown extension", None),
    ("set-timer", "set timer", 60),
    ("set-timer-no-sstc", "set timer, without Sstc", 60),
    ("timer-interrupt", "timer interrupt to the guest's handler", None),
    ("timer-interrupt-no-sstc", "timer interrupt to the guest's handler, without Sstc", None),
    ("ipi", "IPI to itself, call to return with the handler run", None),
    ("fence-i", "remote fence.i to itself", None),
    ("sfence", "remote sfence.vma of a page to itself", None),
    ("dbcn", "console write of 64 bytes (DBCN)", 350),
    ("putchar-64", "64 legacy putchars", 6400),
    ("uart-read", "read of a UART register, translation off", 160),
    ("uart-read-mmu", "read of a UART register, Sv39 or Sv32", 240),
    ("uart-read-sv48", "read of a UART register, Sv48", None),
    ("uart-write", "write of a UART register, translation off", None),
    ("wfi", "WFI with an interrupt pending", None),
    ("sleep", "set timer, sleep in WFI until it is due, return", None),
    ("sleep-no-sstc", "the same without Sstc", None),
    *smp.ROWS,
    ("zero", "zeroing, per MiB", None),
    ("copy", "copying, per MiB", None),
    ("hash", "hashing (crc32), per MiB", None),
    ("reset", "reset to the guest's first instruction, 32 MiB capsule", None),
    ("reset-rest", "  less its zeroing", None),
    ("linux", "Linux, first instruction to shell prompt", None),
    ("linux-guest", "  of that, its own", None),
    ("linux-ciphers", "with its random tests of ciphers, mean of 4 boots", None),
]
# Told, but not the same twice.
UNCHECKED = {"linux-ciphers", *smp.UNCHECKED}

# What the guest calls its rows (tests/guest/cost.c).
FROM_GUEST = {
    "null": "sbi-null", "spec-version": "sbi-get-spec-version", "probe": "sbi-probe-extension",
    "hart-status": "sbi-hart-get-status", "unknown": "sbi-unknown-extension",
    "set-timer": "set-timer", "timer-interrupt": "timer-interrupt",
    "ipi": "ipi-to-self-with-handler", "fence-i": "remote-fence-i", "sfence": "remote-sfence-vma",
    "dbcn": "dbcn-write-64", "putchar-64": "legacy-putchar-64", "uart-read": "uart-read",
    "uart-read-mmu": "uart-read-mmu", "uart-read-sv48": "uart-read-sv48",
    "uart-write": "uart-write", "wfi": "wfi-pending",
}
# Rows that the plugin counts between the guest's markers.
FROM_MARKERS = {"sleep": "1"}
# Rows that are measured again on a CPU without Sstc.
NO_SSTC = ("set-timer", "timer-interrupt", "sleep")

COST_RAM_MIB = 32           # tests/guest/cost.its
COST_ENTRY = 0x84200000     # mk/guest-tests.mk
MIB = 1 << 20

MANIFEST = """/dts-v1/;
/ {
	description = "for measuring";
	#address-cells = <1>;
	capsules = "bench";
	images {
		kernel {
			description = "kernel";
			data = /incbin/("%(kernel)s");
			type = "kernel"; arch = "riscv"; os = "linux"; compression = "none";
			load = <0>; entry = <0>;%(hash)s
		};%(images)s
	};
	configurations {
		default = "bench";
		bench {
			compatible = "diosix,capsule";
			description = "for measuring";
			kernel = "kernel";%(more)s
			memory-base = <0 0x%(base)x>;
			memory-mib = <%(mib)d>;
			vcpus = <1>;
		};
	};
};
"""


def manifest(width, kernel, mib, *, hashed=False, images="", more=""):
    return MANIFEST % {"kernel": kernel, "mib": mib, "base": width.ram, "images": images,
                       "more": more, "hash": "\n\t\t\thash-1 { algo = \"crc32\"; };"
                       if hashed else ""}


def guest_rows(run):
    printed = dict(re.findall(r"COST: (\S+) (\d+)$", run.text, re.MULTILINE))
    if "DONE: costs" not in run.text:
        raise Failure("the cost guest did not finish:\n" + run.text[-500:])
    rows = {key: int(printed[name]) for key, name in FROM_GUEST.items() if name in printed}
    for key, marker in FROM_MARKERS.items():
        row = run.counts["rows"].get(marker)
        if not row:
            raise Failure("the cost guest passed no marker %s" % marker)
        rows[key] = sum(who["insns"] for who in row["least"].values())
    return rows


def cost_rows(boot, name):
    """The rows of the cost guest, booted by `boot(name, cpu)` on both CPUs. Also both runs."""
    rows, runs = {}, []
    for kind, cpu in CPUS.items():
        runs.append(boot(name + ("-" + kind if kind else "-no-sstc"), cpu))
        found = guest_rows(runs[-1])
        if kind:
            rows.update(found)
            if "before" in runs[-1].counts:
                rows["reset"] = runs[-1].insns("before")
        else:
            rows.update({key + "-no-sstc": found[key] for key in NO_SSTC})
    return rows, runs


def memory_rows(width):
    """Two boots that differ in one thing, so that all else falls out of their difference."""
    def boot(name, mib, image_mib, hashed=False):
        kernel = width.folder / ("flat%d.bin" % image_mib)
        kernel.write_bytes(bytes(range(256)) * (image_mib * MIB // 256))
        image = width.pack(name, manifest(width, kernel.name, mib, hashed=hashed))
        return on_diosix(width, name, CPUS["sstc"], image, origin=width.ram + width.image_offset,
                         stop=True).insns("before")

    less, plain = boot("memory-16", 16, 1), boot("memory-48", 48, 1)
    larger, hashed = boot("image-5", 48, 5), boot("image-5-hashed", 48, 5, True)
    return {"zero": round((plain - less) / 32), "copy": round((larger - plain) / 4),
            "hash": round((hashed - larger) / 5)}


def diosix_rows(width):
    def boot(name, cpu):
        return on_diosix(width, name, cpu, width.cost.with_suffix(".itb"), origin=COST_ENTRY)

    rows, runs = cost_rows(boot, "cost")
    rows.update(smp.diosix_rows(width))
    rows.update(smp.vector_rows(width))
    rows.update(memory_rows(width))
    rows["reset-rest"] = rows["reset"] - COST_RAM_MIB * rows["zero"]
    return rows, runs


def fence_rows(width, fence):
    """The rows of guests under another fence, and the cost guest's runs. Where the capsule's RAM is
    differs, so there is no row from reset to its first instruction."""
    cpu, options = FENCES[fence]

    def boot(name, plain):
        words = [word for word in (cpu, "" if plain == CPUS["sstc"] else "sstc=false") if word]
        return on_diosix(width, name, ",".join(words), width.cost.with_suffix(".itb"), options)

    rows, runs = cost_rows(boot, "cost-" + fence)
    rows.update(smp.diosix_rows(width, FENCES[fence],
                                [key for key in smp.ENDS if key not in smp.UNCHECKED]))
    return rows, runs


def opensbi_rows(width):
    def boot(name, cpu):
        return on_opensbi(width, name, cpu, ["-bios", width.firmware, "-kernel",
                                             width.cost.with_suffix(".elf")], origin=COST_ENTRY)

    rows, _ = cost_rows(boot, "cost-opensbi")
    rows.update(smp.opensbi_rows(width))
    # A real UART: no firmware is in the way of a bare machine's guest.
    return {key: value for key, value in rows.items() if not key.startswith("uart-")}
