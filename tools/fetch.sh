#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Fetches what Diosix takes from Debian's archive into a cache outside the checkout: the sources of
# libfdt, cmocka and BearSSL's SHA-256, the stock riscv64 kernel, busybox for riscv64, OpenSBI, U-Boot, and the
# sources that guests/small is built from. Everything comes through apt with a private configuration (own
# sources, lists, status, so that the machine's own package state is never touched) and is verified
# by the archive's signatures. The mirror is the one the machine itself uses; the release is SUITE
# below, taken at its current version.
#
# Usage: fetch.sh CACHE ITEM...
#        ITEM: libfdt | bearssl | linux | busybox | opensbi | u-boot | cmocka | linux-source | musl | busybox-source
#        REFRESH=yes fetches again what the cache already has, at the archive's current version
#        MIRROR=URI  names the archive where the machine's own apt set-up has no Debian
#
# Each item ends as CACHE/ITEM-VERSION/ with a link CACHE/ITEM to it. Both appear by a rename, so
# an interrupted run leaves nothing half-made, and a partial download is resumed by the next run.
# One run at a time works on a cache; others wait for it.

set -euo pipefail
umask 022

SUITE=trixie
GUEST_ARCH=riscv64
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf 'fetch: %s\n' "$*"; }
die() { printf 'fetch: %s\n' "$*" >&2; exit 1; }

[ $# -ge 2 ] || die "usage: fetch.sh CACHE ITEM..."
mkdir -p "$1" || die "cannot make the cache folder $1"
CACHE=$(cd "$1" && pwd)
shift
APT="$CACHE/apt"
WORK=

# The sed that reads apt's answers must not depend on the user's language.
export LC_ALL=C

# What is in the cache already costs nothing, not even apt.
wanted() {
	local item
	for item in "$@"; do
		case $item in
		libfdt | bearssl | linux | busybox | opensbi | u-boot | cmocka | linux-source | musl | busybox-source) ;;
		*) die "no item is called '$item'; there are libfdt, bearssl, linux, busybox, opensbi, u-boot, cmocka," \
			"linux-source, musl and busybox-source" ;;
		esac
		[ "${REFRESH:-no}" != yes ] && [ -e "$CACHE/$item/.complete" ] || echo "$item"
	done
}

# The Debian mirror that this machine's own apt uses: of its 'main' indexes the one of the release
# that is installed here, so that third parties' repositories are never asked.
find_mirror() {
	local ID="" VERSION_CODENAME="" found=""
	if [ -n "${MIRROR:-}" ]; then
		echo "${MIRROR%/}/"
		return
	fi
	[ ! -r /etc/os-release ] || . /etc/os-release
	[ "$ID" != debian ] || found=$(apt-get indextargets \
		--format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		awk -v c="${VERSION_CODENAME:-none}" '
			$2 != "main" || $3 ~ /^cdrom:/ { next }
			$1 == c || $1 ~ /^(stable|oldstable|testing|unstable|sid)$/ { print $3; exit }')
	[ -n "$found" ] || die "apt on this machine knows no Debian mirror (no 'main' of" \
		"'${VERSION_CODENAME:-its release}' in its sources); name one with MIRROR=URI"
	echo "$found"
}

# The private configuration. It is read after the machine's own, so that proxies and the like hold;
# hooks are cleared because they are meant for the machine's package state.
configure() {
	local mirror
	mirror=$(find_mirror)
	[ -r "$KEYRING" ] || die "$KEYRING is missing (package debian-archive-keyring):" \
		"without it nothing can be verified"
	mkdir -p "$APT/lists/partial" "$APT/archives/partial" "$APT/etc/empty"
	: >"$APT/status"
	cat >"$APT/etc/sources.list" <<-EOT
		deb [arch=$GUEST_ARCH signed-by=$KEYRING] $mirror $SUITE main
		deb-src [signed-by=$KEYRING] $mirror $SUITE main
	EOT
	cat >"$APT/etc/apt.conf" <<-EOT
		Dir::State "$APT";
		Dir::State::status "$APT/status";
		Dir::State::Lists "$APT/lists";
		Dir::Cache "$APT";
		Dir::Cache::archives "$APT/archives";
		Dir::Etc::sourcelist "$APT/etc/sources.list";
		Dir::Etc::sourceparts "$APT/etc/empty";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "$APT/etc/empty";
		APT::Architecture "$GUEST_ARCH";
		#clear APT::Architectures;
		APT::Architectures { "$GUEST_ARCH"; };
		APT::Sandbox::User "";
		APT::Get::AllowUnauthenticated "false";
		Acquire::AllowInsecureRepositories "false";
		Acquire::Languages "none";
		Acquire::PDiffs "false";
		Acquire::Retries "3";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
		Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
		#clear APT::Update::Pre-Invoke;
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear DPkg::Post-Invoke;
		#clear DPkg::Pre-Install-Pkgs;
	EOT
}

apt_get() { apt-get -c "$APT/etc/apt.conf" "$@"; }

update_index() {
	say "reading the signed index of Debian $SUITE (about 20 MB)"
	apt_get -o APT::Update::Error-Mode=any update || die "the index of Debian $SUITE could not be read: is there a network?" \
		"(what is in the cache stays usable)"
}

# "'URI' name size hash" of a package's file, as the signed index has it.
describe_deb() { apt_get download --print-uris "$1" | grep "^'" | tail -n 1; }

# Download what a describe line names to $APT/archives. A finished file is kept until its item is
# installed, a partial one is resumed. apt compares the hash.
download() {
	local uri name size hash
	read -r uri name size hash <<<"$1"
	uri=${uri#\'} uri=${uri%\'}
	case $hash in
	SHA256:* | SHA512:*) ;;
	*) die "the index gives no hash for ${name:-that package} that proves anything" ;;
	esac
	say "downloading $name ($(((size + 524288) / 1048576)) MB)"
	FILE="$APT/archives/$name"
	/usr/lib/apt/apt-helper -c "$APT/etc/apt.conf" download-file "$uri" "$FILE" "$hash" ||
		die "$name could not be downloaded; what has arrived is kept, so run this again"
}

# The version that `apt-cache show` gives, without epoch and made fit for a folder's name.
version_of() {
	apt-cache -c "$APT/etc/apt.conf" -o APT::Cache::AllVersions=false show "$1" |
		sed -n 's/^Version: \([0-9]*:\)\{0,1\}//p' | head -n 1
}

# The real package behind a name that always depends on the current one: linux-image-$GUEST_ARCH,
# linux-source.
current_package() {
	apt-cache -c "$APT/etc/apt.conf" depends "$1" |
		sed -n 's/^ *Depends: \(linux-[a-z]*-[0-9].*\)$/\1/p' | head -n 1
}

# Put the folder $WORK in place as ITEM-VERSION and point the link ITEM at it, each by a rename.
install_item() {
	local item=$1 version=$2
	local place="$CACHE/$item-$version" link="$CACHE/.$item.link.$$"
	touch "$WORK/.complete"
	rm -rf "$place"
	mv -T "$WORK" "$place"
	ln -sfn "$item-$version" "$link"
	mv -T "$link" "$CACHE/$item"
	rm -f "$FILE"
	say "$item $version is in $CACHE/$item"
}

# Download the source package's upstream tarball alone: --tar-only leaves out the .dsc and Debian's
# own changes. VERSION is upstream's.
download_source() {
	local line
	line=$(apt_get source --print-uris --tar-only --download-only "$1" |
		grep "^'.*\.orig\.tar\.") || die "the source index has no $1"
	download "$line"
	VERSION=$(basename "$FILE" | sed 's/^[^_]*_\(.*\)\.orig\.tar\..*$/\1/')
}

fetch_libfdt() {
	download_source device-tree-compiler
	tar -xmf "$FILE" -C "$WORK" --strip-components=2 --wildcards '*/libfdt/*' ||
		die "$FILE has no libfdt in it"
	[ -f "$WORK/libfdt.h" ] && [ -f "$WORK/fdt_ro.c" ] || die "$FILE has no libfdt in it"
	install_item libfdt "$VERSION"
}

# SHA-256 and what it includes, in one folder.
fetch_bearssl() {
	download_source bearssl
	tar -xmf "$FILE" -C "$WORK" --wildcards --transform 's,.*/,,' '*/inc/bearssl*.h' \
		'*/src/inner.h' '*/src/config.h' '*/src/hash/sha2small.c' \
		'*/src/codec/dec32be.c' '*/src/codec/enc32be.c' '*/LICENSE.txt' ||
		die "$FILE has no SHA-256 of BearSSL's in it"
	install_item bearssl "$VERSION"
}

fetch_linux() {
	local package version line
	package=$(current_package "linux-image-$GUEST_ARCH")
	[ -n "$package" ] || die "linux-image-$GUEST_ARCH of $SUITE names no kernel package"
	version=${package#linux-image-}
	line=$(describe_deb "$package")
	download "$line"
	say "taking the kernel out of the package"
	dpkg-deb --fsys-tarfile "$FILE" >"$WORK/data.tar" ||
		die "$FILE cannot be unpacked; remove it and run this again"
	tar -xOf "$WORK/data.tar" "./boot/vmlinux-$version" >"$WORK/Image" ||
		die "$package has no /boot/vmlinux-$version"
	tar -xOf "$WORK/data.tar" "./boot/config-$version" >"$WORK/config" || true
	# The device trees of real boards, which unit tests read; nothing else needs them.
	mkdir "$WORK/dtb"
	tar -xmf "$WORK/data.tar" -C "$WORK/dtb" --strip-components=4 --wildcards \
		'./usr/lib/linux-image-*/*.dtb' || rm -rf "$WORK/dtb"
	rm "$WORK/data.tar"
	[ -s "$WORK/Image" ] || die "$package has an empty /boot/vmlinux-$version"
	install_item linux "$version"
}

fetch_busybox() {
	local version
	version=$(version_of busybox-static)
	download "$(describe_deb busybox-static)"
	dpkg-deb --fsys-tarfile "$FILE" | tar -xf - -C "$WORK" --wildcards --no-anchored \
		--transform 's,.*/,,' 'bin/busybox' || die "busybox-static has no /bin/busybox"
	[ -s "$WORK/busybox" ] || die "busybox-static has an empty /bin/busybox"
	install_item busybox "$version"
}

fetch_opensbi() {
	local version xlen
	version=$(version_of opensbi)
	download "$(describe_deb opensbi)"
	for xlen in 32 64; do
		mkdir "$WORK/rv$xlen"
		dpkg-deb --fsys-tarfile "$FILE" | tar -xf - -C "$WORK/rv$xlen" --wildcards \
			--no-anchored --transform 's,.*/,,' "*riscv${xlen}-*/generic/fw_*" \
			2>"$WORK/err" || true
		[ -s "$WORK/rv$xlen/fw_dynamic.bin" ] || {
			cat "$WORK/err" >&2
			die "opensbi has no generic fw_dynamic.bin for rv$xlen"
		}
	done
	rm "$WORK/err"
	install_item opensbi "$version"
}

# What tests start as a guest, the S-mode build for QEMU's virt, and what starts us on a board: SPL
# for SiFive's HiFive Unleashed, which QEMU emulates, and the image it loads, which has the board's tree.
fetch_u-boot() {
	local package path
	for path in qemu/qemu-riscv64_smode sifive/sifive_unleashed; do
		package=u-boot-${path%/*}
		download "$(describe_deb "$package")"
		mkdir "$WORK/${path#*/}"
		dpkg-deb --fsys-tarfile "$FILE" | tar -xf - -C "$WORK/${path#*/}" --wildcards \
			--no-anchored --transform 's,.*/,,' "u-boot/${path#*/}/u-boot*" ||
			die "$package has no build ${path#*/}"
	done
	for path in qemu-riscv64_smode/u-boot.bin sifive_unleashed/u-boot-spl.bin \
		sifive_unleashed/u-boot.itb; do
		[ -s "$WORK/$path" ] || die "U-Boot's packages have an empty $path"
	done
	install_item u-boot "$(version_of u-boot-qemu)"
}

# A source package's upstream tarball, and Debian's changes applied to it.
fetch_source() {
	local item=$1 package=$2 lines kind line version patch strip=1
	lines=$(apt_get source --print-uris --download-only "$package") || true
	for kind in orig debian; do
		line=$(grep "^'[^']*\.$kind\.tar\.[a-z0-9]*' " <<<"$lines") ||
			die "the source index has no $package with an .$kind.tar"
		download "$line"
		tar -xmf "$FILE" -C "$WORK" --strip-components=$strip ||
			die "$FILE cannot be unpacked; remove it and run this again"
		strip=0
	done
	version=$(basename "$FILE" | sed 's/^[^_]*_\(.*\)\.debian\.tar\..*$/\1/')
	for patch in $(sed 's/#.*//' "$WORK/debian/patches/series"); do
		patch -d "$WORK" -s -p1 <"$WORK/debian/patches/$patch" ||
			die "$package: Debian's $patch cannot be applied"
	done
	install_item "$item" "$version"
}

fetch_musl() { fetch_source musl musl; }
fetch_busybox-source() { fetch_source busybox-source busybox; }

# Left packed: it is large, and only the builder wants it (guests/small/build.sh).
fetch_linux-source() {
	local package
	package=$(current_package linux-source)
	[ -n "$package" ] || die "linux-source of $SUITE names no package"
	download "$(describe_deb "$package")"
	dpkg-deb --fsys-tarfile "$FILE" | tar -xOf - --wildcards "./usr/src/$package.tar.*" \
		>"$WORK/linux-source.tar" || die "$FILE cannot be unpacked; remove it and run this again"
	[ -s "$WORK/linux-source.tar" ] || die "$package has no /usr/src/$package.tar"
	install_item linux-source "$(version_of "$package")"
}

# For unit tests of 32 bits: Debian's library is for the machine's own width only.
fetch_cmocka() {
	local line
	line=$(apt_get source --print-uris --tar-only --download-only cmocka |
		grep "^'[^']*\.orig\.tar\.[a-z0-9]*' ") || die "the source index has no cmocka"
	download "$line"
	tar -xmf "$FILE" -C "$WORK" --strip-components=1
	[ -f "$WORK/src/cmocka.c" ] || die "$FILE has no cmocka.c in it"
	install_item cmocka "$(basename "$FILE" | sed 's/^[^_]*_\(.*\)\.orig\.tar\..*$/\1/')"
}

list=$(wanted "$@")
[ -n "$list" ] || exit 0

command -v apt-get >/dev/null && [ -x /usr/lib/apt/apt-helper ] && command -v dpkg-deb >/dev/null ||
	die "apt and dpkg are needed to take $(echo $list) from Debian's archive, and are not here;" \
		"copy a filled cache to $CACHE"

exec 9>"$CACHE/.lock"
flock -n 9 || {
	say "another run is filling $CACHE; waiting for it"
	flock 9
}
# That other run may have fetched all that is wanted here.
list=$(wanted "$@")
[ -n "$list" ] || exit 0

trap '[ -z "$WORK" ] || rm -rf "$WORK"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
rm -rf "$CACHE"/.work.* "$CACHE"/.*.link.*
configure
update_index
for item in $list; do
	WORK=$(mktemp -d "$CACHE/.work.XXXXXX")
	chmod 755 "$WORK"
	"fetch_$item"
	WORK=
done
# The lists are read again on the next fetch anyway, and are larger than what was kept.
rm -rf "$APT/lists" "$APT/archives" "$APT"/*.bin
