#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Sees to the tools that building, running and testing need. On Debian what is missing is installed
# by apt, after saying what and how; anywhere else the packages are named and that is all. When
# nothing is missing this runs no program at all, so make calls it every time.
#
# Usage: setup.sh build|run|guest|test    each level includes the ones before it; `guest` is what
#        building one (guests/small) needs
# By the environment:
#   SETUP=no     report what is missing, install nothing
#   CACHE        folder in which a mark stands while an installation is under way
#   LOCK_WAIT    how many seconds to wait for another package manager (default 900)

set -euo pipefail

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# level, what has to be there (a command, or a file by its path), Debian's package. fetch.sh takes
# third-party source and guests by apt, so that is no entry here.
TOOLS='
build riscv64-unknown-elf-gcc gcc-riscv64-unknown-elf
build riscv64-unknown-elf-ld binutils-riscv64-unknown-elf
build gcc gcc
build /usr/include/stdio.h libc6-dev
build make make
build git git
build flock util-linux
build xz xz-utils
build /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
run python3 python3-minimal
run /usr/lib/python3.*/gzip.py python3
run dtc device-tree-compiler
run mkimage u-boot-tools
run zstd zstd
run qemu-system-riscv64 qemu-system-misc
run qemu-system-riscv32 qemu-system-misc
guest riscv64-linux-gnu-gcc gcc-riscv64-linux-gnu
guest riscv64-linux-gnu-ld binutils-riscv64-linux-gnu
guest flex flex
guest bison bison
guest bc bc
guest bzip2 bzip2
guest patch patch
test /usr/include/cmocka.h libcmocka-dev
test /usr/lib/python3/dist-packages/pytest python3-pytest
test /usr/lib/python3/dist-packages/pexpect python3-pexpect
test /usr/lib/python3/dist-packages/xdist python3-pytest-xdist
test clang-format clang-format
test cppcheck cppcheck
test shellcheck shellcheck
test cpio cpio
'
# Unit tests of 32 bits. There is such a compiler for amd64 only.
[ "$HOSTTYPE" != x86_64 ] || TOOLS+='test /usr/lib/gcc/x86_64-linux-gnu/*/32/libgcc.a gcc-12-multilib
'

case ${1:-} in
build) levels=" build " ;;
run) levels=" build run " ;;
guest) levels=" build run guest " ;;
test) levels=" build run guest test " ;;
*) die "usage: setup.sh build|run|guest|test" ;;
esac

have() {
	case $1 in
	/*) compgen -G "$1" >/dev/null ;;
	*) type -P "$1" >/dev/null ;;
	esac
}

# Fills `packages` and the list for the reader, `report`.
look() {
	local level need package
	packages=() report=
	while read -r level need package; do
		[[ -n $level && $levels == *" $level "* ]] || continue
		have "$need" && continue
		report+="  $need (package $package)"$'\n'
		[[ " ${packages[*]-} " == *" $package "* ]] || packages+=("$package")
	done <<<"$TOOLS"
}

# The mark stands from before apt begins until it is done: tools of a run that was interrupted may
# be unpacked but not configured, which looking for them does not show.
mark=${CACHE:+$CACHE/setup-unfinished}
unfinished() { [[ -n $mark && -e $mark ]]; }

look
[ ${#packages[@]} -gt 0 ] || unfinished || exit 0

if [ ${#packages[@]} -gt 0 ]; then
	say "these tools are needed and are missing:"
	printf '%s' "$report"
fi

if ! [ -e /etc/debian_version ] || ! have apt-get; then
	[ ${#packages[@]} -gt 0 ] || exit 0
	die "this is not Debian, so install what provides them; Debian's packages are:" \
		"${packages[*]}"
fi

options=(-y --no-install-recommends --no-remove -o DPkg::Lock::Timeout="${LOCK_WAIT:-900}"
	-o Dpkg::Use-Pty=0)
update=(apt-get -o DPkg::Lock::Timeout="${LOCK_WAIT:-900}" update)
install=(apt-get install "${options[@]}" "${packages[@]}")

if [ "${SETUP:-yes}" = no ]; then
	[ ${#packages[@]} -gt 0 ] || exit 0
	die "SETUP=no, so nothing is installed; do it with: apt-get install ${packages[*]}"
fi

as_root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$EUID" -ne 0 ]; then
	have sudo || [ ${#packages[@]} -gt 0 ] || exit 0
	have sudo || die "to install them run as root: apt-get update &&" \
		"apt-get install --no-install-recommends ${packages[*]}"
	as_root=(sudo "${as_root[@]}")
fi

# "PID (NAME)" of whoever holds one of apt's or dpkg's locks. They are POSIX record locks, which
# /proc/locks shows to everybody as major:minor:inode. Where a file system hides its device, nobody
# is found, and apt's own waiting has to do.
lock_holder() {
	local file major minor inode pid
	for file in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock \
		/var/cache/apt/archives/lock; do
		read -r major minor inode < <(stat -c '%Hd %Ld %i' "$file" 2>/dev/null) || continue
		inode=$(printf '%02x:%02x:%d' "$major" "$minor" "$inode")
		pid=$(awk -v i="$inode" '$6 == i { print $5; exit }' /proc/locks)
		[ -z "$pid" ] || {
			echo "process $pid ($(cat "/proc/$pid/comm" 2>/dev/null || echo unknown))"
			return
		}
	done
}

# apt itself does not wait for the lock of its lists, and says little while it waits for dpkg's.
wait_for_lock() {
	local holder waited=0
	while holder=$(lock_holder) && [ -n "$holder" ]; do
		((waited % 30 != 0)) || say "$holder is using the package manager;" \
			"waiting for it to finish ($waited s)"
		((waited < ${LOCK_WAIT:-900})) || die "$holder still holds the package manager" \
			"after $waited s; run this again when it has finished"
		sleep 2
		waited=$((waited + 2))
	done
}

# True when dpkg was interrupted and has left something behind.
half_done() {
	[ -n "$(dpkg --audit 2>/dev/null)" ] || compgen -G '/var/lib/dpkg/updates/[0-9]*' >/dev/null
}

# That must be settled before apt does anything.
repair() {
	if half_done; then
		say "an earlier installation was interrupted; repairing: dpkg --configure -a"
		"${as_root[@]}" dpkg --configure -a ||
			say "dpkg could not settle everything by itself; apt goes on from there"
	fi
}

trap 'echo; die "interrupted; the next run goes on from here"' INT TERM

[ -z "$mark" ] || { mkdir -p "$CACHE" && : >"$mark"; }
wait_for_lock
repair
# Whoever held the lock may have installed what is wanted here.
look
install=(apt-get install "${options[@]}" "${packages[@]}")

# Nothing is missing when the interrupted run had unpacked everything: then settling was enough.
if [ ${#packages[@]} -gt 0 ]; then
	say "running: ${as_root[*]} ${update[*]}"
	"${as_root[@]}" "${update[@]}" || say "not every package list could be read; trying anyway"
	say "running: ${as_root[*]} ${install[*]}"
	"${as_root[@]}" "${install[@]}" || {
		half_done || {
			[ -z "$mark" ] || rm -f "$mark"
			die "apt could not install: ${packages[*]} (is there a network?)"
		}
		say "apt failed half-way; trying once more with --fix-broken"
		"${as_root[@]}" apt-get install --fix-broken "${options[@]}" "${packages[@]}" ||
			die "apt could not install: ${packages[*]}"
	}
	hash -r
	look
	[ ${#packages[@]} -eq 0 ] || die "apt is done, yet these are still missing:"$'\n'"$report"
fi
[ -z "$mark" ] || rm -f "$mark"
say "everything that '$1' needs is installed"
