#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Builds a small guest system from Debian's sources: a Linux kernel, and for 32 bits, for which
# Debian has no packages, a busybox on musl as well. The sources are in the cache already
# (tools/fetch.sh linux-source musl busybox-source); no network is needed here.
#
# Usage: build.sh 32|64 CACHE KEY
#
# The result is CACHE/small-rv32-KEY: Image, its config, and busybox. It appears by a rename when it
# is whole, so that an interrupted run leaves nothing that looks finished; what that run had built
# is in CACHE/.build-rv32-KEY, where the next one goes on. KEY stands for the recipe: this folder's
# files (mk/guests.mk). Times, names and paths of this machine are kept out of what is built.

set -euo pipefail
umask 022
export LC_ALL=C

SPACE=2000                # MiB that the sources and what is built from them take meanwhile
KERNEL_FILES=890          # about as many are compiled, for saying how far it has come
MUSL_FILES=1350
BUSYBOX_FILES=600

say() { printf 'build: %s\n' "$*"; }
die() { printf 'build: %s\n' "$*" >&2; exit 1; }

[ $# -eq 3 ] && { [ "$1" = 32 ] || [ "$1" = 64 ]; } || die "usage: build.sh 32|64 CACHE KEY"
XLEN=$1 KEY=$3
CACHE=$(cd "$2" 2>/dev/null && pwd) || die "there is no cache folder $2"
HERE=$(cd "$(dirname "${BASH_SOURCE[0]:-.}")" && pwd)
PLACE="$CACHE/small-rv$XLEN-$KEY"
WORK="$CACHE/.build-rv$XLEN-$KEY"
JOBS=$(nproc)
PREFIX=riscv64-linux-gnu-

[ ! -e "$PLACE/.complete" ] || exit 0

exec 9>"$CACHE/.build-lock"
flock -n 9 || {
	say "another run is building a guest; waiting for it"
	flock 9
}
[ ! -e "$PLACE/.complete" ] || exit 0
for item in linux-source $([ "$XLEN" = 64 ] || echo musl busybox-source); do
	[ -e "$CACHE/$item/.complete" ] || die "$item is not in $CACHE; tools/fetch.sh gets it"
done

# What is done already isn't done again: each step leaves a stamp.
step() {
	[ ! -e "$WORK/$1.done" ] || return 0
	say "$2"
	"$1"
	touch "$WORK/$1.done"
}

# Runs make in silence, but for a line when another tenth of about $2 files has been compiled. What
# it said is in $WORK/$1.log, whose end is shown when it fails.
run_make() {
	local name=$1 files=$2
	shift 2
	: >"$WORK/$name.log"
	make -j"$JOBS" "$@" 2>&1 | tee -a "$WORK/$name.log" | awk -v all="$files" -v name="$name" '
		/^ *CC |-gcc .* -c / {
			tenth = int(++count * 10 / all)
			if (tenth > said && tenth < 10) {
				said = tenth
				print "build: " name ": " tenth * 10 " %"
				fflush()
			}
		}' || {
		tail -n 30 "$WORK/$name.log" >&2
		die "$name could not be built; its log is $WORK/$name.log"
	}
}

# What other architectures and the largest driver's headers need isn't unpacked.
unpack_kernel() {
	rm -rf "$WORK/linux"
	mkdir "$WORK/linux"
	tar -xmf "$CACHE/linux-source/linux-source.tar" -C "$WORK/linux" --strip-components=1 \
		--anchored --wildcards --wildcards-match-slash \
		--exclude='*/arch/[!r]*/*.[chS]' --exclude='*/drivers/gpu/drm/amd/include/*' \
		--exclude='*/Documentation/[!K]*' --exclude='*/tools/testing/*' ||
		die "$CACHE/linux-source/linux-source.tar cannot be unpacked; remove its folder and" \
			"run this again"
}

kernel_make() {
	local name=$1 files=$2
	shift 2
	run_make "$name" "$files" -C "$WORK/linux" O="$WORK/kernel" ARCH=riscv \
		CROSS_COMPILE="$PREFIX" KBUILD_BUILD_TIMESTAMP=2025-01-01 KBUILD_BUILD_USER=diosix \
		KBUILD_BUILD_HOST=diosix KBUILD_BUILD_VERSION=1 "$@"
}

# The smallest configuration, with what the fragments ask for; each of their wishes is looked up in
# what has become of it.
configure_kernel() {
	local fragments=("$HERE/kernel.config" "$HERE/kernel-rv$XLEN.config") wish lost=""
	rm -rf "$WORK/kernel"
	mkdir "$WORK/kernel"
	kernel_make configure 1 tinyconfig
	cat "${fragments[@]}" >>"$WORK/kernel/.config"
	kernel_make configure 1 olddefconfig
	while read -r wish; do
		case $wish in
		CONFIG_*=n) ! grep -q "^${wish%=n}=" "$WORK/kernel/.config" || lost+=" $wish" ;;
		CONFIG_*) grep -qxF "$wish" "$WORK/kernel/.config" || lost+=" $wish" ;;
		esac
	done < <(cat "${fragments[@]}")
	[ -z "$lost" ] || die "this kernel's configuration does not take:$lost"
}

kernel_headers() { kernel_make headers 1 headers; }

build_kernel() { kernel_make kernel $KERNEL_FILES Image; }

# Debian has no rv32 library: the compiler's own is that of the bare-metal toolchain, which is there
# for the hypervisor.
build_musl() {
	local arch="-march=rv32imafdc -mabi=ilp32d" libgcc
	libgcc=$(riscv64-unknown-elf-gcc -march=rv32imafdc -mabi=ilp32d -print-libgcc-file-name)
	rm -rf "$WORK/musl" "$WORK/musl-build"
	mkdir "$WORK/musl-build"
	(cd "$WORK/musl-build" && "$CACHE/musl/configure" --target=riscv32-linux-musl \
		--prefix="$WORK/musl" --disable-shared CC="${PREFIX}gcc $arch" AR="${PREFIX}ar" \
		RANLIB="${PREFIX}ranlib" LIBCC="$libgcc" \
		CFLAGS="-Os -fno-stack-protector -w -ffile-prefix-map=$CACHE/=") \
		>"$WORK/musl-configure.log" 2>&1 ||
		die "musl cannot be configured; its log is $WORK/musl-configure.log"
	run_make musl $MUSL_FILES -C "$WORK/musl-build" install
	write_specs "$arch" "$libgcc"
}

# The distribution's compiler is for rv64 and glibc. These specs make it one for rv32 and musl.
write_specs() {
	local arch=$1 libgcc=$2 musl="$WORK/musl" tool
	cat >"$musl/lib/rv32.specs" <<-EOT
		%rename cpp_options old_cpp_options

		*cpp_options:
		-nostdinc -isystem $musl/include -isystem $WORK/kernel/usr/include -isystem include%s %(old_cpp_options)

		*cc1:
		%(cc1_cpu) -nostdinc -isystem $musl/include -isystem $WORK/kernel/usr/include -isystem include%s

		*link_libgcc:
		-L$musl/lib

		*libgcc:
		$libgcc

		*startfile:
		$musl/lib/crt1.o $musl/lib/crti.o

		*endfile:
		$musl/lib/crtn.o

		*link:
		-melf32lriscv -X -nostdlib -static

		*lib:
		--start-group -lc $libgcc --end-group

	EOT
	mkdir -p "$musl/bin"
	printf '#!/bin/sh\nexec %sgcc %s -fno-pie -no-pie -static -specs=%s "$@"\n' "$PREFIX" "$arch" \
		"$musl/lib/rv32.specs" >"$musl/bin/riscv32-linux-musl-gcc"
	chmod +x "$musl/bin/riscv32-linux-musl-gcc"
	for tool in ar ranlib strip nm objcopy objdump ld as; do
		ln -sf "$(type -P "$PREFIX$tool")" "$musl/bin/riscv32-linux-musl-$tool"
	done
}

build_busybox() {
	local name value
	rm -rf "$WORK/busybox"
	mkdir "$WORK/busybox"
	busybox_make configure 1 defconfig
	while IFS='=' read -r name value; do
		case $name in
		CONFIG_*)
			sed -i "/^$name=/d; /^# $name is not set/d" "$WORK/busybox/.config"
			[ "$value" = n ] && echo "# $name is not set" || echo "$name=$value"
			;;
		esac
	done <"$HERE/busybox.config" >"$WORK/busybox/wishes"
	cat "$WORK/busybox/wishes" >>"$WORK/busybox/.config"
	busybox_make configure 1 silentoldconfig </dev/null
	busybox_make busybox $BUSYBOX_FILES busybox
}

busybox_make() {
	local name=$1 files=$2
	shift 2
	PATH="$WORK/musl/bin:$PATH" run_make "$name" "$files" -C "$CACHE/busybox-source" \
		O="$WORK/busybox" KCONFIG_NOTIMESTAMP=1 SOURCE_DATE_EPOCH=1735689600 "$@"
}

# Everything that is kept, at its place at once.
install_guest() {
	rm -rf "$WORK/place" "$PLACE"
	mkdir "$WORK/place"
	cp "$WORK/kernel/arch/riscv/boot/Image" "$WORK/place/Image"
	cp "$WORK/kernel/.config" "$WORK/place/config"
	[ "$XLEN" = 64 ] || cp "$WORK/busybox/busybox" "$WORK/place/busybox"
	touch "$WORK/place/.complete"
	mv -T "$WORK/place" "$PLACE"
	rm -rf "$WORK"
}

# All of it is read before any of it is done, so that an edit meanwhile does no harm.
main() {
	local free begun=$SECONDS
	trap 'echo; die "interrupted; the next run goes on from here"' INT TERM
	mkdir -p "$WORK"
	free=$(df --output=avail -BM "$WORK" | tr -dc '0-9\n' | tail -n 1)
	[ "$free" -ge $SPACE ] || [ -e "$WORK/unpack_kernel.done" ] ||
		die "building needs $SPACE MiB in $CACHE for a while, and $free are free"
	say "building the guest for rv$XLEN from source: about 5 minutes on two CPUs, this once"
	step unpack_kernel "unpacking the kernel's source"
	step configure_kernel "configuring the kernel"
	if [ "$XLEN" = 32 ]; then
		step kernel_headers "the kernel's headers"
		step build_musl "musl, the C library"
		step build_busybox "busybox"
	fi
	step build_kernel "the kernel"
	install_guest
	say "the guest for rv$XLEN is in $PLACE ($((SECONDS - begun)) s)"
}

main
exit
