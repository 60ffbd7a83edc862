#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Boots the hypervisor with an image of capsules in QEMU, for `make run`. Becomes QEMU, so that the
# terminal and the exit status are QEMU's own, and works without a terminal just as well.
#
# Usage: run.sh                     only checks the values, before anything is built for them
#        run.sh HYPERVISOR IMAGE
# By the environment: QEMU MACHINE CPU CPUS MEM ISOLATION CONSOLE HOSTARGS

set -eu

fail() {
	printf 'run: %s\n' "$*" >&2
	exit 1
}

case ${CPUS:=4} in
'' | *[!0-9]* | 0* | ????*) fail "CPUS=$CPUS is no number of CPUs; write 1 to 512, such as CPUS=4" ;;
esac
[ "$CPUS" -le 512 ] || fail "CPUS=$CPUS is more than QEMU's virt machine has; write 1 to 512"

number=${MEM:=512M}
number=${number%[MGmg]}
case $number in
'' | *[!0-9]* | 0*) fail "MEM=$MEM is no size of memory; write it like MEM=512M or MEM=2G" ;;
esac

case ${ISOLATION:=} in
'' | auto | pmp | hext) ;;
*) fail "ISOLATION=$ISOLATION is not known; write auto, pmp or hext" ;;
esac

case ${CONSOLE:=} in
'' | auto | merged | attached) ;;
*) fail "CONSOLE=$CONSOLE is not known; write auto, merged or attached" ;;
esac

[ $# -gt 0 ] || exit 0
hypervisor=$1 image=$2

command -v "$QEMU" >/dev/null || fail "there is no emulator $QEMU; name one with QEMU="
[ -r "$hypervisor" ] || fail "there is no hypervisor $hypervisor; make builds it"
[ -r "$image" ] || fail "there is no image $image; make image packs it"

hostargs="${ISOLATION:+isolation=$ISOLATION }${CONSOLE:+console=$CONSOLE }${HOSTARGS:-}"
hostargs=${hostargs% }

echo "Leave QEMU with Ctrl-a x; Ctrl-a c is its monitor and back. Ctrl-] is the menu of Diosix."
if [ -n "$hostargs" ]; then
	set -- -append "$hostargs"
else
	set --
fi
exec "$QEMU" -M "${MACHINE:-virt}" -cpu "$CPU" -smp "$CPUS" -m "$MEM" -bios none -nographic \
	-kernel "$hypervisor" -initrd "$image" "$@"
