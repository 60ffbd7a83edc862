# SPDX-License-Identifier: MIT
"""Traps into the hypervisor by cause and, for SBI calls, by extension and function: the worst that
any of the measured guests met (traps.c counts them)."""

INTERRUPTS = {3: "software (IPI)", 7: "timer", 11: "external"}
EXCEPTIONS = {
    0: "misaligned instruction", 1: "instruction access fault", 2: "illegal instruction",
    3: "breakpoint", 4: "misaligned load", 5: "load access fault", 6: "misaligned store",
    7: "store access fault", 8: "ecall from U-mode", 12: "instruction page fault",
    13: "load page fault", 15: "store page fault", 20: "instruction guest-page fault",
    21: "load guest-page fault", 22: "virtual instruction", 23: "store guest-page fault",
}
# Extension: its name and its functions' (SBI 3.0).
CALLS = {
    0x10: ("Base", ["get_spec_version", "get_impl_id", "get_impl_version", "probe_extension",
                    "get_mvendorid", "get_marchid", "get_mimpid"]),
    0x54494d45: ("Timer", ["set_timer"]),
    0x735049: ("IPI", ["send_ipi"]),
    0x52464e43: ("RFENCE", ["remote_fence_i", "remote_sfence_vma", "remote_sfence_vma_asid",
                            "remote_hfence_gvma_vmid", "remote_hfence_gvma",
                            "remote_hfence_vvma_asid", "remote_hfence_vvma"]),
    0x48534d: ("HSM", ["hart_start", "hart_stop", "hart_get_status", "hart_suspend"]),
    0x53525354: ("SRST", ["system_reset"]),
    0x4442434e: ("DBCN", ["console_write", "console_read", "console_write_byte"]),
    0x504d55: ("PMU", ["num_counters", "counter_get_info", "counter_config_matching",
                       "counter_start", "counter_stop", "counter_fw_read", "counter_fw_read_hi",
                       "snapshot_set_shmem", "event_get_info"]),
    0x53555350: ("SUSP", ["system_suspend"]),
    0x535441: ("STA", ["steal_time_set_shmem"]),
    0x46574654: ("FWFT", ["fwft_set", "fwft_get"]),
}
LEGACY = ["set_timer", "console_putchar", "console_getchar", "clear_ipi", "send_ipi",
          "remote_fence_i", "remote_sfence_vma", "remote_sfence_vma_asid", "shutdown"]
SORTED_OUT = "SBI: no such extension or function"
NO_TRAP = "loading a capsule, before the first guest"


def name_of(trap, xlen):
    cause, extension, function = trap["cause"], trap["extension"], trap["function"]
    if cause == (1 << 64) - 2:
        return NO_TRAP
    if cause == (1 << 64) - 1:
        return "unknown (this emulator does not tell)"
    if cause >> (xlen - 1):
        number = cause & 0xff
        return "interrupt: %s" % INTERRUPTS.get(number, number)
    if cause not in (9, 10):  # from S-mode, from VS-mode
        return "exception: %s" % EXCEPTIONS.get(cause, cause)
    if extension < len(LEGACY):
        return "SBI legacy: %s" % LEGACY[extension]
    name, functions = CALLS.get(extension, (None, []))
    if function < len(functions):
        return "SBI %s: %s" % (name, functions[function])
    return SORTED_OUT


def worst_of(runs, xlen):
    """Name to what the traps of that name took, over (guest's name, run) pairs."""
    found = {}
    for guest, run in runs:
        if run.counts["unsorted"]:
            print("warning: %s: %d traps of more kinds than there is room for"
                  % (guest, run.counts["unsorted"]))
        for trap in run.counts["traps"]:
            entry = found.setdefault(name_of(trap, xlen), {
                "count": 0, "total": 0, "worst": 0, "longest": 0, "guest": "", "sfence": 0, "hfence": 0,
                "pmp": 0})
            entry["count"] += trap["count"]
            entry["total"] += trap["total"]
            if trap["worst"] > entry["worst"]:
                entry.update(worst=trap["worst"], guest=guest)
            for fence in ("sfence", "hfence", "pmp", "longest"):
                entry[fence] = max(entry[fence], trap[fence])
    return found


def table(found):
    yield "%-46s %9s %8s %8s  %-14s %s" % ("trap to mret", "count", "mean", "worst", "worst in",
                                            "sfence/hfence/pmp, at most")
    for name in sorted(found):
        entry = found[name]
        yield "%-46s %9d %8d %8d  %-14s %d/%d/%d" % (
            name, entry["count"], round(entry["total"] / entry["count"]), entry["worst"],
            entry["guest"], entry["sfence"], entry["hfence"], entry["pmp"])
