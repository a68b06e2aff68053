//! Links what unwinds the stack into the program, where the C compiler has it as an archive: one library less to be found, mapped and relocated at every start, which
//! is a fifth of what a start costs (decision 0012). Where there is none, the program is linked as any other.

use std::env;
use std::path::Path;
use std::process::Command;

/// GCC's unwinder, as an archive. Its licence lets every program that is compiled with GCC or Rust take it in.
const ARCHIVE: &str = "libgcc_eh.a";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|it| it == value);
    // The compiler of another machine has another machine's archive.
    let native = env::var("HOST").ok() == env::var("TARGET").ok();
    if !native || !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") {
        return;
    }
    let asked = Command::new("cc").arg(format!("-print-file-name={ARCHIVE}")).output();
    let answer = asked.ok().filter(|asked| asked.status.success()).and_then(|asked| String::from_utf8(asked.stdout).ok());
    // It repeats the bare name of what it does not have.
    if let Some(folder) = answer.as_deref().map(|answer| Path::new(answer.trim())).filter(|file| file.is_file()).and_then(Path::parent) {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static:-bundle,+verbatim={ARCHIVE}");
    }
}
