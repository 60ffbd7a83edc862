# SPDX-License-Identifier: MIT
"""Eight stock Linux guests on two harts, all under load inside at the same time: whatever a kernel
has to complain of is a failure. Nobody types: their initramfs begins with the load, and ends."""

import os
import re
import shutil
import subprocess

from loads import linux, pack
from machine import CACHE, EXIT_DONE, ROOT
from test_smp import COMPLAINT, no_complaint

SECONDS = int(os.environ.get("MANY_SECONDS", "15"))  # of load; `make soak` has more

# Two of each at the same time: loops; pipes; sleepers; page faults (a megabyte that is touched and
# given back). A kernel says that a CPU is stuck after 2 * watchdog_thresh seconds.
SCRIPT = r"""
echo 5 > /proc/sys/kernel/watchdog_thresh
end=$(($(date +%%s) + %(seconds)d))
work() {
	n=0
	while [ $(date +%%s) -lt $end ]; do
		"$1"
		n=$((n + 1))
	done
	echo "$1 $n" >> /tmp/done
}
loop() { i=0; while [ $i -lt 300 ]; do i=$((i + 1)); done; }
pipe() { seq 1 300 | sort -n | md5sum > /dev/null; }
nap() { usleep 3000; }
fault() { dd if=/dev/zero of=/dev/null bs=1M count=2 2> /dev/null; }
dmesg -n 4
for what in loop pipe nap fault; do work $what & work $what & done
wait
dmesg | grep -ciE "%(complaint)s" | sed "s/^/COMPLAINTS: /"
dmesg | grep -iE "%(complaint)s"
echo "DONE: $(sort /tmp/done | tr "\n" " ")END"
poweroff -f
"""


def initramfs(folder, seconds):
    """The stock one, whose start goes on with the load instead of the shell."""
    shutil.copytree(ROOT / "guests/initramfs", folder / "root")
    with open(folder / "root/etc/init.d/rcS", "a") as script:
        script.write(SCRIPT % {"seconds": seconds, "complaint": COMPLAINT.pattern.replace("?:", "")})
    subprocess.run([ROOT / "tools/make-initramfs", folder / "root", CACHE / "busybox/busybox",
                    folder / "many.gz"], check=True)
    return folder / "many.gz"


def many(bench, folder, seconds, limit):
    """Six of one vCPU, two of two."""
    capsules = {"c%d" % n: linux(vcpus=1 + n // 7, mib=96) for n in range(1, 9)}
    image = pack(folder, 64, {"linux": ("linux/Image", "kernel"),
                              "initrd": (initramfs(folder, seconds), "ramdisk")}, capsules)
    ended = bench.run(image, cpus=2, mem="1G", limit=limit)
    no_complaint(re.sub("COMPLAINTS: 0\n", "", ended.text))
    for number in "12345678":
        # Where one is silent for a moment within a line, those of others come between its parts.
        told = "".join(re.findall(r"^CPU \d: Capsule %s: (.*)$" % number, ended.text, re.MULTILINE))
        done = re.search(r"DONE: (.*?)END", told)
        assert done, "capsule %s did not come to its end" % number
        what = done.group(1)
        rounds = re.findall(r"(loop|pipe|nap|fault) (\d+)", what)
        assert len(rounds) == 8 and all(int(count) > 0 for _, count in rounds), what
    ended.ends(EXIT_DONE)
    return ended


def test_eight_on_two_harts(bench, tmp_path):
    many(bench, tmp_path, SECONDS, 240 + SECONDS)


def test_complaints_are_seen():
    """As kernels write them."""
    for line in ("watchdog: BUG: soft lockup - CPU#0 stuck for 23s! [sh:123]",
                 "rcu: INFO: rcu_sched self-detected stall on CPU",
                 "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
                 "INFO: task kworker/0:1:12 blocked for more than 120 seconds.",
                 "WARNING: CPU: 1 PID: 9 at kernel/smp.c:1 x+0x1/0x2",
                 "Oops [#1]", "CPU1: failed to come online"):
        assert COMPLAINT.search(line), line
