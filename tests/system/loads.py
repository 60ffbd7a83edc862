# SPDX-License-Identifier: MIT
"""Manifests with any number of capsules, and what the guest "load" (tests/guest/load.c) says of its
share of the time."""

import re
import subprocess

from machine import BUILD, CACHE, ROOT

IMAGE = """		%(name)s { description = "%(name)s"; data = /incbin/("%(file)s"); type = "%(type)s";
			arch = "riscv"; os = "linux"; compression = "none"; load = <0>; entry = <0>; };
"""
CAPSULE = """		%s { compatible = "diosix,capsule"; description = "for a test"; %s };
"""
MANIFEST = """/dts-v1/;
/ {
	description = "for a test";
	#address-cells = <1>;
	capsules = %s;
	images {
%s	};
	configurations {
		default = %s;
%s	};
};
"""


def pack(folder, width, images, capsules):
    """`images`: name to (file, type). `capsules`: name to its properties as dts has them."""
    names = ['"%s"' % name for name in capsules]
    (folder / "x.its").write_text(MANIFEST % (
        ", ".join(names),
        "".join(IMAGE % {"name": name, "file": file, "type": kind}
                for name, (file, kind) in images.items()),
        names[0],
        "".join(CAPSULE % (name, " ".join("%s = %s;" % pair for pair in properties.items()))
                for name, properties in capsules.items())))
    search = [BUILD / ("rv%d/guest" % width), CACHE, BUILD / ("rv%d" % width), ROOT]
    options = "-I dts -O dtb -p 512 " + " ".join("-i '%s'" % where for where in search)
    done = subprocess.run(["mkimage", "-E", "-B", "1000", "-D", options, "-f", "x.its", "x.itb"],
                          cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "x.itb"


def load(work="spin", first=100, last=600, vcpus=1, mib=8, **more):
    """The properties of a capsule that does `work` from `first` to `last` (ms); `_` is `-`."""
    properties = {"kernel": '"load"', "memory-mib": "<%d>" % mib, "vcpus": "<%d>" % vcpus,
                  "bootargs": '"work=%s from=%d to=%d"' % (work, first, last)}
    properties.update((name.replace("_", "-"), value) for name, value in more.items())
    return properties


def loads(folder, width, capsules):
    return pack(folder, width, {"load": ("load.bin", "kernel")}, capsules)


def shares(text):
    """What each capsule's last words were, by its number: the spinning ones' share in thousandths
    of a hart, else how often they did what they do."""
    said = re.findall(r"(?:Capsule (\d+): )?LOAD: \w+ (?:share|did) (\d+)", text)
    return {int(number or 1): int(value) for number, value in said}


LINUX_IMAGES = {"linux": ("linux/Image", "kernel"),
                "initrd": ("guests/initramfs.gz", "ramdisk")}


def linux_images(width):
    """Debian's kernel is for 64 bits; the small one of 32 is what `make XLEN=32 guests` built."""
    return LINUX_IMAGES if width == 64 else {**LINUX_IMAGES, "linux": ("guests/Image", "kernel")}


def linux(vcpus=4, mib=128, **more):
    properties = {"kernel": '"linux"', "ramdisk": '"initrd"', "memory-mib": "<%d>" % mib,
                  "vcpus": "<%d>" % vcpus, "bootargs": '"console=ttyS0"'}
    properties.update((name.replace("_", "-"), value) for name, value in more.items())
    return properties
