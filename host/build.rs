//! What makes a start of the program shorter, where the system it is built on has it (decision 0012). Where it has not, the program is linked as any other.
//!
//! What unwinds the stack is linked in, where the C compiler has it as an archive: one library less to be found, mapped and relocated, which is a fifth of what a
//! start costs. And relocations are packed, where the C library can read them so: a megabyte less is read.

use std::env;
use std::path::Path;
use std::process::Command;

/// GCC's unwinder, as an archive. Its licence lets every program that is compiled with GCC or Rust take it in.
const ARCHIVE: &str = "libgcc_eh.a";

/// The first glibc that reads packed relocations. An older one refuses the program, and says why.
const GLIBC_PACKED: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|it| it == value);
    // The compiler of another machine has another machine's archive.
    let native = env::var("HOST").ok() == env::var("TARGET").ok();
    if !native || !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    if glibc().is_some_and(|version| version >= GLIBC_PACKED) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    let answer = said("cc", &format!("-print-file-name={ARCHIVE}"));
    // It repeats the bare name of what it does not have.
    if let Some(folder) = answer.as_deref().map(|answer| Path::new(answer.trim())).filter(|file| file.is_file()).and_then(Path::parent) {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static:-bundle,+verbatim={ARCHIVE}");
    }
}

/// The version of this machine's C library. What is built here asks for 2.35 anyway, where the unwinder is that of a compiler of its time.
fn glibc() -> Option<(u32, u32)> {
    let said = said("getconf", "GNU_LIBC_VERSION")?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
}

fn said(program: &str, argument: &str) -> Option<String> {
    let asked = Command::new(program).arg(argument).output().ok().filter(|asked| asked.status.success())?;
    String::from_utf8(asked.stdout).ok()
}
