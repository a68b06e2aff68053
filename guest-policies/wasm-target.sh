#!/bin/sh
# Makes wasm32-unknown-unknown usable on a machine where `rustup target add` cannot: Debian and Ubuntu on amd64.
#
#   wasm-target.sh PREFIX      leaves PREFIX/rustc, a compiler that has the target: RUSTC=PREFIX/rustc cargo build …
#
# It unpacks (never installs) Debian's `rustc-web` below PREFIX/VERSION, builds the standard library for the target from
# Debian's own sources without the network, and then points PREFIX/rustc at it. Nothing outside PREFIX is touched, but for
# `apt-get update` when the package is unknown and we are root. About 136 MB to download, 455 MB on disk, two minutes.
# `cargo xtask policies` runs this by itself after it has looked for the target and has tried rustup.
set -eu

target=wasm32-unknown-unknown
host=x86_64-unknown-linux-gnu
prefix=${1:?usage: wasm-target.sh PREFIX}
mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)

say() { echo "wasm-target: $*" >&2; }
fail() {
    say "$1"
    say "any compiler that has the target will do: \`rustup target add $target\`, or your distribution's package, and RUSTC=… if it is not the rustc of your PATH"
    exit 1
}
# Whether a compiler has the target's standard library.
has() { ls "$("$1" --print target-libdir --target $target 2>/dev/null)"/libcore-*.rlib >/dev/null 2>&1; }
candidate() { apt-cache policy rustc-web 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '(none)' || true; }

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || fail "there is no recipe for $(uname -s) on $(uname -m)"
for tool in apt-get apt-cache dpkg tar cargo cc; do
    command -v $tool >/dev/null || fail "the recipe needs $tool, which is not in the PATH"
done

version=$(candidate)
if [ -z "$version" ] && [ "$(id -u)" = 0 ]; then
    say "apt does not know rustc-web yet: apt-get update"
    apt-get -q update >&2 || fail "apt-get update failed"
    version=$(candidate)
fi
[ -n "$version" ] || fail "apt does not know the package rustc-web: run \`apt-get update\` as root; where it is still unknown, this release does not have it"

home=$prefix/$(echo "$version" | tr -c 'A-Za-z0-9.\n' _)
if [ -x "$home/rustc" ] && has "$home/rustc"; then
    ln -sfn "$(basename "$home")/rustc" "$prefix/rustc"
    say "rustc-web $version is already there"
    exit 0
fi

# Everything happens in a folder of its own, so that a run that is cut short leaves nothing that looks finished.
new=$prefix/new.$$
trap 'rm -rf "$new"' EXIT
trap 'exit 130' INT TERM
mkdir -p "$new/work"
cd "$new/work"

series=$(echo "$version" | cut -d. -f1,2) # 1.96
say "getting rustc-web $version"
apt-get -q download "rustc-web=$version" "libstd-rust-web-dev=$version" "libstd-rust-web-$series=$version" "rust-web-src=$version" >&2 ||
    fail "apt-get download failed"
llvm=$(dpkg -f "$(ls libstd-rust-web-"$series"_*.deb)" Depends | tr ', ' '\n\n' | grep -m1 '^libllvm')
# Shared libraries that this compiler loads and that a slim image may lack.
for package in "$llvm" libedit2 libffi8 libxml2 libz3-4; do
    dpkg -s "$package" >/dev/null 2>&1 || apt-get -q download "$package" >&2 || fail "apt-get download $package failed"
done
for deb in *.deb; do
    case $deb in rust-web-src_*) ;; *) dpkg -x "$deb" "$new" ;; esac
done
dpkg --fsys-tarfile rust-web-src_*.deb | tar -x -C "$new" --wildcards './usr/lib/rustlib/src*' './usr/src/rustc-*/library'

# The linker: rustup's own, else Debian's lld of the same LLVM.
bin=$new/usr/lib/rustlib/$host/bin
mkdir -p "$bin"
lld=$(rustc --print sysroot 2>/dev/null)/lib/rustlib/$host/bin/rust-lld
if [ -x "$lld" ]; then
    cp "$lld" "$bin/rust-lld"
else
    number=${llvm#libllvm}
    apt-get -q download "lld-$number" "liblld-$number" >&2 || fail "apt-get download lld-$number failed"
    for deb in *lld-*.deb; do dpkg -x "$deb" "$new"; done
    ln -sf "../../../../llvm-$number/bin/lld" "$bin/rust-lld"
fi

cat >"$new/rustc" <<'X'
#!/bin/sh
# Finds itself through PREFIX/rustc, which is a link, and wherever PREFIX was moved to.
home=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH="$home/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" exec "$home/usr/bin/rustc" "$@"
X
chmod +x "$new/rustc"
"$new/rustc" -V >&2 || fail "Debian's rustc does not start"

say "building the standard library for $target"
mkdir -p seed/src
: >seed/src/lib.rs
cat >seed/Cargo.toml <<'X'
[package]
name = "seed"
version = "0.0.0"
edition = "2021"
[workspace]
[profile.release]
opt-level = "s"
panic = "abort"
debug = false
X
# --offline: what std needs is vendored in rust-web-src. embed-bitcode: so that guests may use LTO. remap: no path of this
# machine in what is built with it. Both spellings of the sources' folder, because one is a link to the other.
sources=$new/usr/lib/rustlib/src/rust
flags=-Cembed-bitcode=yes
for from in "$sources" "$(readlink -f "$sources")" "$new"; do flags="$flags --remap-path-prefix=$from=/rust"; done
(
    cd seed
    unset CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET RUSTC_WRAPPER
    RUSTC="$new/rustc" RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$PWD/../target" RUSTFLAGS="$flags" \
        cargo --config 'source.crates-io.replace-with="vendored"' \
        --config "source.vendored.directory=\"$sources/library/vendor\"" \
        build -q --offline --release --target $target -Zbuild-std=std,panic_abort -Zbuild-std-features=
) >&2 || fail "building the standard library failed"
lib=$new/usr/lib/rustlib/$target/lib
mkdir -p "$lib"
rm -f "$lib"/*
for rlib in target/$target/release/deps/*.rlib; do
    case $rlib in */libseed-*) ;; *) cp "$rlib" "$lib/" ;; esac
done

cd /
rm -rf "$new/work" "$new"/usr/src "$new"/usr/lib/rustlib/src "$new"/usr/share "$new"/usr/bin/rustdoc
has "$new/rustc" || fail "the compiler still lacks $target"
rm -rf "$home"
mv "$new" "$home"
ln -sfn "$(basename "$home")/rustc" "$prefix/rustc"
say "rustc-web $version is ready"
