# Sourced by the scripts that unpack Debian packages under .servers/, by itself nothing.
# It leaves the working directory at the top of the repository, and holds the lock until
# the script ends.
#
#   .servers/NAME/          the unpacked packages of one program; VERSION is written last
#   .servers/lib/           shared libraries that programs need and the machine lacks
script=$(basename "$0")
cd "$(dirname "$0")/.."
servers=$PWD/.servers
mkdir -p "$servers/.debs" "$servers/lib"
exec 9>"$servers/.lock"
flock 9

for tool in apt-get dpkg dpkg-query ldd; do
	command -v "$tool" >/dev/null || { echo "$script: $tool not found; this script needs Debian" >&2; exit 1; }
done

apt() {
	apt-get -qq -o APT::Sandbox::User=root -o DPkg::Lock::Timeout=300 "$@"
}

# update renews the lists of packages, once for all packages that are missing.
update() {
	[ -e "$servers/.debs/.updated" ] || apt update >&2 || true
	touch "$servers/.debs/.updated"
}

# download PACKAGE leaves the package's file in .debs, whatever version apt offers.
download() {
	ls "$servers/.debs/$1"_*.deb >/dev/null 2>&1 && return
	(cd "$servers/.debs" && apt download "$1" 2>/dev/null) && return
	update
	(cd "$servers/.debs" && apt download "$1") >&2
}

installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# libraries_of FILE.deb names the library packages it depends on, first alternative only.
libraries_of() {
	dpkg -f "$1" Depends | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/:any//; s/ //g' | grep '^lib' || true
}

# unpack PACKAGE FOLDER unpacks the package, and into .servers/lib every library package
# it depends on, directly or not, that this machine has not installed.
unpack() {
	local deb library
	download "$1"
	deb=$(ls "$servers/.debs/$1"_*.deb)
	dpkg -x "$deb" "$2"
	for library in $(libraries_of "$deb"); do
		installed "$library" || [ -e "$servers/lib/.$library" ] && continue
		touch "$servers/lib/.$library"
		unpack "$library" "$servers/lib"
	done
}

# optional PACKAGE says whether this release of Debian has the package and needs it unpacked.
optional() {
	! installed "$1" && apt-cache show "$1" >/dev/null 2>&1
}

# fetch NAME PACKAGE... unpacks a program; its first package's version is the program's.
fetch() {
	local name=$1
	shift
	add "$name" VERSION "$@"
}

# add NAME STAMP PACKAGE... unpacks packages into a program's folder, and writes the first
# one's version to STAMP there.
add() {
	local stamp=$servers/$1/$2 folder=$servers/$1 package
	shift 2
	[ -s "$stamp" ] && return
	echo "fetching $1" >&2
	for package in "$@"; do
		unpack "$package" "$folder"
	done
	dpkg -f "$(ls "$servers/.debs/$1"_*.deb)" Version >"$stamp"
}

# check NAME FILE... fails, saying what is wrong, unless the files of the program are
# there and find all their libraries.
check() {
	local name=$1 file libraries failed=0
	shift
	libraries=$(find "$servers/lib" "$servers/$name" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
	for file in "$@"; do
		if [ ! -e "$servers/$name/$file" ]; then
			echo "$script: $name/$file is missing" >&2
			failed=1
		elif LD_LIBRARY_PATH=$libraries ldd "$servers/$name/$file" | grep 'not found' >&2; then
			echo "$script: $name/$file lacks a library" >&2
			failed=1
		fi
	done
	return "$failed"
}

# version NAME prints which version of a program was unpacked.
version() {
	printf '%-10s %s\n' "$1" "$(cat "$servers/$1/VERSION" 2>/dev/null || echo missing)"
}
