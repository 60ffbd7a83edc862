# SPDX-License-Identifier: MIT
"""Manifests for the system tests, good ones and others. They are packed by mkimage alone, without
the host's check, which would refuse the others before the hypervisor could."""

import os
import subprocess

from machine import ROOT

# A guest that says a line and shuts down.
HELLO = 'say "# hello\\r\\n"\nreset SRST_SHUTDOWN, NO_REASON\n'

TEMPLATE = """/dts-v1/;
/ {
	description = "test";
	#address-cells = <1>;
	capsules = %(capsules)s;
	images {
		hello { description = "hello"; data = /incbin/("kernel"); type = "kernel";
			arch = "riscv"; os = "linux"; compression = "none"; load = <0>; entry = <0>; %(hash)s };
	};
	configurations {
		default = "web";
		web { compatible = "diosix,capsule"; description = "w"; %(web)s };
		mail { compatible = "diosix,capsule"; description = "m"; %(mail)s };
	};
};
"""

GOOD = {"kernel": '"hello"', "memory-mib": "<32>", "vcpus": "<1>"}


def properties(changes):
    """The good properties with these instead; None takes one away."""
    return " ".join("%s = %s;" % (name, value) for name, value in {**GOOD, **changes}.items()
                    if value is not None)


def pack(folder, image, capsules='"web"', algo=None, **changes):
    """A manifest with one or two small capsules; `_` in a name stands for `-`. `algo`: of a hash
    over the image."""
    changes = {name.replace("_", "-"): value for name, value in changes.items()}
    (folder / "kernel").write_bytes(image)
    (folder / "x.its").write_text(TEMPLATE % {
        "hash": 'hash-1 { algo = "%s"; };' % algo if algo else "",
        "capsules": capsules, "web": properties(changes), "mail": properties({})})
    done = subprocess.run(["mkimage", "-D", "-I dts -O dtb -p 500", "-f", "x.its", "x.itb"],
                          cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "x.itb"


def flat_binary(folder, name, text, width):
    """Assembles a text, links it at 0 and takes the bytes; flags as in mk/guest-tests.mk."""
    prefix = os.environ.get("CROSS", "riscv64-unknown-elf-")
    arch = "rv%dimac" % width
    abi = "-mabi=" + ("lp64" if width == 64 else "ilp32")
    (folder / (name + ".S")).write_text(text)
    for line in (
            ["gcc", "-march=" + arch + "_zicsr_zifencei", abi, "-I", ROOT / "tests/guest/small",
             "-c", name + ".S"],
            ["gcc", "-march=" + arch, abi, "-nostdlib", "-static",
             "-Wl,-N,-Ttext=0,-e,_start,--build-id=none,--no-warn-rwx-segments", name + ".o",
             "-o", name + ".elf"],
            ["objcopy", "-O", "binary", name + ".elf", name + ".bin"]):
        subprocess.run([prefix + line[0], *line[1:]], cwd=folder, check=True)
    return folder / (name + ".bin")


def assemble(folder, text, width=64):
    """A flat binary from the lines of a small guest (tests/guest/small/small.h)."""
    return flat_binary(folder, "guest", '#include "small.h"\n' + text, width).read_bytes()


def trampoline(folder, target, argument, width=64, before=""):
    """Flash that starts harts at `target` with a1 = `argument`, after the instructions `before`:
    what a loader without a device tree does. Goes to pflash0 of QEMU's virt machine, which the
    harts then start from."""
    text = (".globl _start\n_start: %s\ncsrr a0, mhartid\nli a1, %#x\nli t0, %#x\njr t0\n"
            % (before, argument, target))
    file = flat_binary(folder, "jump", text, width)
    with open(file, "r+b") as flash:
        flash.truncate(32 << 20)
    return file
