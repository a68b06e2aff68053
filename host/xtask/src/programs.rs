//! `cargo xtask demo` and `cargo xtask bench`: build what they show, then hand over to the program of that name in `tests/`.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::workspace::{Workspace, cargo};
use crate::{Result, policies, process};

/// The main job on a real AWS API on loopback, from nothing to nothing.
///
/// # Errors
/// When something does not build, or a command of the demo does not do what it should.
pub(crate) fn demo(args: &[String]) -> Result {
    hand_over("demo", &[], &[], args)
}

/// What kaphost costs, side by side with others: ratios and counts.
///
/// # Errors
/// When something does not build, or a measured job fails.
pub(crate) fn bench(args: &[String]) -> Result {
    hand_over("bench", &["--release"], &["--features", "kaphost-tests/regorus"], args)
}

fn hand_over(program: &str, profile: &[&str], features: &[&str], args: &[String]) -> Result {
    let workspace = Workspace::find()?;
    anstream::eprintln!("xtask {program}: building kaphost and its policies; the first time takes some minutes");
    policies::build(&workspace)?;
    // Both at once: apart, they would ask different features of what they share, and have it built twice.
    let mut build = cargo();
    build.current_dir(&workspace.root).args(["build", "--quiet", "--locked", "--package", "kaphost", "--package", "kaphost-tests"]);
    build.args(["--bin", "kaphost", "--bin", program, "--message-format", "json-render-diagnostics"]).args(profile).args(features);
    let built = process::read(&mut build)?;
    let executable = executable(&built, program).ok_or_else(|| format!("cargo does not say where it put `{program}`"))?;
    let mut run = Command::new(executable);
    // A backtrace for each error is most of what regorus takes where they are asked for: what is measured is what its users have.
    run.env_remove("RUST_BACKTRACE").env_remove("RUST_LIB_BACKTRACE");
    Ok(process::run(run.current_dir(&workspace.root).args(args))?)
}

/// Where cargo says that it put a program.
fn executable(messages: &str, program: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut built = messages.filter(|message| message["reason"] == "compiler-artifact" && message["target"]["name"] == program);
    built.find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_where_cargo_says_it_is() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"bench"},"executable":null}
not json
{"reason":"compiler-artifact","target":{"name":"kaphost"},"executable":"/t/kaphost"}
{"reason":"compiler-artifact","target":{"name":"bench"},"executable":"/t/x86/bench"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable(messages, "bench"), Some(PathBuf::from("/t/x86/bench")));
        assert_eq!(executable(messages, "demo"), None);
    }
}
