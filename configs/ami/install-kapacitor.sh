#!/bin/bash
# Puts Kapacitor onto a machine, from the packages of its makers, and what the boot script of kaphost needs. Leaves the service off: the
# boot script configures and starts it. Runs as root; running it again is safe.
#
#   KAPACITOR_VERSION   the version, 1.8.6 unless said
#   KAPACITOR_SHA256    SHA-256 of the package, in hexadecimal; held against the package besides its signature
set -Eeuo pipefail

readonly version="${KAPACITOR_VERSION:-1.8.6}"
readonly sha256="${KAPACITOR_SHA256:-}"
readonly packages=https://dl.influxdata.com/kapacitor/releases
readonly key_url=https://repos.influxdata.com/influxdata-archive.key
# The primary key; packages are signed by subkeys of it, which change. https://www.influxdata.com/blog/package-signing-key-rotation
readonly key_fingerprint=24C975CBA61A024EE1B631787C3D57159FC2F927

die() {
    printf 'install-kapacitor: %s\n' "$*" >&2
    exit 1
}
trap 'die "line $LINENO: \"$BASH_COMMAND\" failed with status $?"' ERR

[[ "$(id --user)" == 0 ]] || die 'only root can install'
[[ "$version" =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || die "KAPACITOR_VERSION is no version such as 1.8.6: $version"
[[ -z "$sha256" || "$sha256" =~ ^[0-9a-f]{64}$ ]] || die "KAPACITOR_SHA256 is not 64 lower-case hexadecimal digits: $sha256"

machine=$(uname --machine)
case "$machine" in
x86_64) debian_arch=amd64 ;;
aarch64) debian_arch=arm64 ;;
*) die "there are no packages for $machine" ;;
esac

# shellcheck source=/dev/null
system=$(. /etc/os-release && printf '%s' "$ID")
case "$system" in
ubuntu | debian)
    export DEBIAN_FRONTEND=noninteractive
    package="kapacitor_${version}-1_$debian_arch.deb"
    apt-get update
    # nvme-cli tells under which names EC2 attached volumes; Amazon Linux has its own tool for that.
    apt-get install --yes --no-install-recommends ca-certificates curl e2fsprogs gpg gpgv nvme-cli xfsprogs
    ;;
amzn)
    package="kapacitor-${version}-1.$machine.rpm"
    tools=(amazon-ec2-utils e2fsprogs xfsprogs)
    # Both come in two builds that cannot be installed together; one of each is there.
    command -v curl >/dev/null || tools+=(curl-minimal)
    command -v gpg >/dev/null || tools+=(gnupg2-minimal)
    dnf install --assumeyes "${tools[@]}"
    ;;
*) die "this is for Ubuntu, Debian and Amazon Linux, not for $system" ;;
esac

folder=$(mktemp --directory)
trap 'rm --recursive --force "$folder"' EXIT
cd "$folder"

fetch() {
    curl --proto '=https' --tlsv1.2 --silent --show-error --fail --location --retry 5 --max-time 600 --output "$2" "$1"
}
fetch "$packages/$package" "$package"
fetch "$packages/$package.asc" "$package.asc"
fetch "$key_url" key.asc

# One key, and the one that is meant; then a signature by it or a subkey of it, and none other.
export GNUPGHOME="$folder/gnupg"
mkdir --mode=0700 "$GNUPGHOME"
keys=$(gpg --batch --with-colons --show-keys key.asc | awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }')
[[ "$keys" == "$key_fingerprint" ]] || die "the key at $key_url is not $key_fingerprint but ${keys:-none}"
gpg --batch --quiet --import key.asc
said=$(gpg --batch --status-fd 1 --verify "$package.asc" "$package" 2>gpg.log) || {
    cat gpg.log >&2
    die "the signature of $package does not hold"
}
if grep --extended-regexp '^\[GNUPG:\] (BADSIG|ERRSIG|EXPSIG|REVKEYSIG) ' <<<"$said" >&2; then
    die "the signature of $package does not hold"
fi
# VALIDSIG ends with the fingerprint of the primary key.
grep --quiet --extended-regexp "^\[GNUPG:\] VALIDSIG .* $key_fingerprint\$" <<<"$said" || die "$package is signed by somebody else"

digest=$(sha256sum "$package" | cut --delimiter=' ' --fields=1)
[[ -z "$sha256" || "$digest" == "$sha256" ]] || die "the SHA-256 of $package is $digest, not $sha256"

case "$package" in
*.deb) apt-get install --yes --no-install-recommends "./$package" ;;
*.rpm) dnf install --assumeyes "./$package" ;;
esac
systemctl disable --now kapacitor.service

installed=$(kapacitord version)
[[ "$installed" == *[\ v]"$version "* ]] || die "kapacitord says it is: $installed"
printf 'version=%s\npackage=%s\nsha256=%s\n' "$version" "$package" "$digest" >/etc/kapacitor/image
printf 'install-kapacitor: %s, sha256 %s\n' "$installed" "$digest"
