#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Install what is missing on Debian 12, and nothing else. Quiet when nothing
# is missing.
#
#   scripts/setup.sh [build] [test] [demo] [guest] [bench] [theft-peers]     default: build
#
# No daemon of an installed package is started: while it installs, and only
# then, a policy-rc.d refuses (unless the machine has one of its own).
# Heimdal's programs clash with MIT's; they are unpacked, not installed, into
# ${XDG_CACHE_HOME:-$HOME/.cache}/lsaiso/heimdal. Only their libraries are
# installed. Older and newer krb5-user of other releases are unpacked there, too.
set -euo pipefail

build="gcc libc6-dev meson ninja-build pkg-config libkrb5-dev nettle-dev libinih-dev libjansson-dev
	libcmocka-dev binutils clang bpftool libbpf-dev libelf-dev zlib1g-dev libtss2-dev libpam0g-dev"
realm="krb5-kdc krb5-admin-server krb5-user krb5-config"
services="kstart apache2 libapache2-mod-auth-gssapi curl openssh-server openssh-client slapd ldap-utils
	libsasl2-modules-gssapi-mit"
peers="sssd-kcm libkrb5-26-heimdal libhcrypto5-heimdal libheimntlm0-heimdal libroken19-heimdal
	libgssapi3-heimdal libhdb9-heimdal libhx509-5-heimdal libkadm5clnt7-heimdal
	libkadm5srv8-heimdal libkafs0-heimdal libotp0-heimdal libsl0-heimdal libasn1-8-heimdal
	libkdc2-heimdal"
tools="python3 python3-gssapi gdb procps iproute2 util-linux"
logon="pamtester login openssl libpam-modules libpam-runtime krb5-pkinit libfaketime"
domain="samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules"
sssd="sssd-common sssd-ad sssd-krb5 sssd-ldap sssd-tools adcli"
ntlm="gss-ntlmssp smbclient"
stacks="python3-impacket openjdk-17-jdk-headless golang-go golang-github-jcmturner-gokrb5.v8-dev"
thieves="gssproxy winbind samba-common-bin keyutils"
machine="qemu-system-x86 busybox-static cpio swtpm tpm2-tools fsverity e2fsprogs kmod"
checks="python3-pytest lsof strace chromium mandoc valgrind libvirt0 libxml2-utils systemd clang clang-tidy clang-format
	libclang-rt-14-dev git"
outputs="prometheus python3-jsonschema"
watches="auditd"

want=
heimdal=no
kernel=no
krb5=no
winbind=no
for set in "${@:-build}"; do
	case $set in
	build) want+=" $build" ;;
	demo) want+=" $build $realm $services $peers $tools" heimdal=yes ;;
	guest) want+=" $machine" kernel=yes ;;
	test | bench)
		want+=" $build $realm $services $peers $tools $thieves $machine $checks $logon $domain $sssd $ntlm $stacks $outputs" heimdal=yes kernel=yes winbind=yes
		krb5=yes
		[ "$set" = test ] || want+=" $watches"
		;;
	theft-peers)
		want+=" $build $realm $services $peers $tools $thieves $domain" heimdal=yes
		;;
	*) echo "usage: scripts/setup.sh [build] [test] [demo] [guest] [bench] [theft-peers]" >&2; exit 2 ;;
	esac
done

# missing PACKAGE...: print those that are not installed
missing()
{
	local installed
	# dpkg-query's status is 1 when it does not know one of them.
	installed=$({ dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true; } |
		awk '$2 == "installed" { print $1 }')
	printf '%s\n' "$@" | grep -vxF "${installed:--}" || true
}

refuse_starts()
{
	[ -e /usr/sbin/policy-rc.d ] && return 0
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	trap 'exit 130' INT TERM HUP
	chmod 755 /usr/sbin/policy-rc.d
}

install()
{
	echo "setup: installing $*"
	refuse_starts
	apt-get -qq -o DPkg::Lock::Timeout=300 update ||
		echo "setup: apt-get update failed, going on with the lists there are" >&2
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install "$@" >/dev/null
}

unpack_heimdal()
{
	local folder=${XDG_CACHE_HOME:-$HOME/.cache}/lsaiso/heimdal new package
	[ -x "$folder/usr/sbin/kcm" ] && [ -x "$folder/usr/bin/kgetcred" ] &&
		[ -x "$folder/usr/lib/heimdal-servers/kdc" ] && return 0
	echo "setup: unpacking heimdal-clients, heimdal-kcm and heimdal-kdc into $folder"
	mkdir -p "${folder%/*}"
	new=$(mktemp -d "${folder%/*}/new.XXXXXX")
	(cd "$new" && apt-get -qq -o APT::Sandbox::User=root download heimdal-clients \
		heimdal-kcm heimdal-kdc)
	for package in "$new"/*.deb; do
		dpkg -x "$package" "$new"
		rm "$package"
	done
	rm -rf "$folder"
	mv "$new" "$folder"
}

# Installing it would put it into every program's PAM stack.
unpack_pam_winbind()
{
	local folder=${XDG_CACHE_HOME:-$HOME/.cache}/lsaiso/pam-winbind new
	[ -d "$folder" ] && return 0
	echo "setup: unpacking libpam-winbind into $folder"
	mkdir -p "${folder%/*}"
	new=$(mktemp -d "${folder%/*}/new.XXXXXX")
	(cd "$new" && apt-get -qq -o APT::Sandbox::User=root download libpam-winbind)
	dpkg -x "$new"/libpam-winbind_*.deb "$new"
	rm "$new"/*.deb
	mv "$new" "$folder"
}

# For the guest of tests/vm: its kernel is unpacked, so nothing of this machine's boot changes.
unpack_kernel()
{
	local folder=${XDG_CACHE_HOME:-$HOME/.cache}/lsaiso/kernel new package
	[ -e "$folder/vmlinuz" ] && return 0
	apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1 || apt-get -qq update
	package=$(apt-cache depends linux-image-cloud-amd64 |
		awk '$1 == "Depends:" && $2 ~ /^linux-image-[0-9]/ { print $2 }' | head -1)
	[ -n "$package" ] || { echo "setup: no linux-image-cloud-amd64 in the package lists" >&2; return 1; }
	echo "setup: unpacking $package into $folder"
	mkdir -p "${folder%/*}"
	new=$(mktemp -d "${folder%/*}/new.XXXXXX")
	(cd "$new" && apt-get -qq -o APT::Sandbox::User=root download "$package")
	dpkg -x "$new/$package"_*.deb "$new"
	depmod -b "$new" "${package#linux-image-}"
	mv "$new/boot/vmlinuz-${package#linux-image-}" "$new/vmlinuz"
	rm -r "$new"/*.deb "$new/usr" "$new/boot"
	rm -rf "$folder"
	mv "$new" "$folder"
}

# apt for another release (trixie-backports ...), on lists of its own in a folder; Release
# and packages are checked as ever, against the keys of debian-archive-keyring.
apt_of()
{
	local folder=$1 suite=$2 mirror
	mkdir -p "$folder/lists/partial" "$folder/archives/partial"
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
		'Codename: bookworm' | head -1)
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"${mirror:-http://deb.debian.org/debian} $suite main" >"$folder/sources.list"
	cat >"$folder/apt.conf" <<-END
		Dir::Etc::sourcelist "$folder/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::State "$folder";
		Dir::State::lists "$folder/lists";
		Dir::State::status "/dev/null";
		Dir::Cache "$folder";
		APT::Sandbox::User "root";
		APT::Update::Error-Mode "any";
		APT::Update::Post-Invoke-Success { "true"; };
		Acquire::http::Timeout "30";
		Acquire::Languages "none";
	END
	APT_CONFIG=$folder/apt.conf apt-get -qq update
}

# The same for the newest kernel of Debian 13's backports, which is in several packages.
newer_kernel()
{
	local folder=$1 new=$2 apt=$2/apt release
	apt_of "$apt" trixie-backports || return
	release=$(APT_CONFIG=$apt/apt.conf apt-cache depends linux-image-cloud-amd64 |
		awk '$1 == "Depends:" && sub(/^linux-image-/, "", $2) { print $2; exit }')
	[ -n "$release" ] || return
	echo "setup: unpacking linux-image-$release into $folder"
	mkdir "$new/deb" "$new/all" "$new/lib"
	(export APT_CONFIG=$apt/apt.conf && cd "$new/deb" && apt-cache pkgnames linux- |
		grep -xF "$(printf "linux-%s-$release\n" image binary modules base)" |
		xargs apt-get -qq download) || return
	for package in "$new"/deb/*.deb; do
		dpkg -x "$package" "$new/all" || return
	done
	# Debian 13 has /lib in /usr.
	for modules in "$new/all/usr/lib/modules" "$new/all/lib/modules"; do
		[ -d "$modules/$release" ] && mv "$modules" "$new/lib/" && break
	done
	mv "$new/all/boot/vmlinuz-$release" "$new/vmlinuz" 2>/dev/null ||
		mv "$new/lib/modules/$release/vmlinuz" "$new/vmlinuz" || return
	depmod -b "$new" "$release" || return
	rm -r "$apt" "$new/deb" "$new/all"
	rm -rf "$folder"
	mv "$new" "$folder"
}

# For tests that want guest_memfd; without it they are skipped.
unpack_newer_kernel()
{
	local folder=${XDG_CACHE_HOME:-$HOME/.cache}/lsaiso/kernel-newer new
	[ -e "$folder/vmlinuz" ] && return 0
	mkdir -p "${folder%/*}"
	new=$(mktemp -d "${folder%/*}/new.XXXXXX")
	newer_kernel "$folder" "$new" && return
	rm -rf "$new"
	echo "setup: no newer kernel from trixie-backports: tests that need it will be skipped" >&2
}

# MIT krb5 of another release with its C library, to run it from that folder (tests/lib/mit.py).
other_krb5()
{
	local suite=$1 folder=$2 new=$3 apt=$3/apt package
	apt_of "$apt" "$suite" || return
	echo "setup: unpacking krb5-user of $suite into $folder"
	mkdir "$new/deb"
	# What depends on a package's name of one release only is asked for by its start.
	(export APT_CONFIG=$apt/apt.conf && cd "$new/deb" &&
		apt-cache pkgnames lib | grep -xE 'libssl(1\.1|3t64)|lib(gssrpc4|kdb5-10)(t64)?|libzstd1' |
		xargs apt-get -qq download zlib1g libc6 libcom-err2 libss2 libkeyutils1 krb5-user \
			libkrb5-3 libkrb5support0 libk5crypto3 libgssapi-krb5-2 libkadm5clnt-mit12 \
			libkadm5srv-mit12) || return
	for package in "$new"/deb/*.deb; do
		dpkg -x "$package" "$new" || return
	done
	rm -r "$apt" "$new/deb" "$new/usr/share"
	rm -rf "$folder"
	mv "$new" "$folder"
}

# Older and newer clients than this release's; without them tests are skipped.
unpack_krb5()
{
	local suite=$1 folder=${XDG_CACHE_HOME:-$HOME/.cache}/lsaiso/krb5-$1 new
	[ -d "$folder" ] && return 0
	mkdir -p "${folder%/*}"
	new=$(mktemp -d "${folder%/*}/new.XXXXXX")
	other_krb5 "$suite" "$folder" "$new" && return
	rm -rf "$new"
	echo "setup: no krb5-user of $suite: tests that need it will be skipped" >&2
}

command -v apt-get >/dev/null || {
	echo "setup: this script knows Debian only; see scripts/setup.sh for the list of packages" >&2
	exit 1
}

# shellcheck disable=SC2086 # lists of words
mapfile -t needed < <(missing $(printf '%s\n' $want | sort -u))
if [ ${#needed[@]} -gt 0 ]; then
	if [ "$(id -u)" -ne 0 ]; then
		echo "setup: these packages are missing, and only root can install them:" >&2
		printf '    %s\n' "${needed[@]}" >&2
		exit 1
	fi
	install "${needed[@]}"
fi
[ $heimdal = no ] || unpack_heimdal
[ $winbind = no ] || unpack_pam_winbind
[ $krb5 = no ] || { unpack_krb5 bullseye; unpack_krb5 forky; }
[ $kernel = no ] || unpack_kernel
[ $kernel = no ] || unpack_newer_kernel
