//! A program for which the machine stands still: what componentize-py would freeze of it into a component is the same each time.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{
    BuildError,
    process::{self, ProcessError},
};

const SCRIPT: &str = include_str!("still.py");
/// How the script ends where it cannot do it, and has run nothing.
const CANNOT: i32 = 125;
/// What it traces is told apart by numbers and registers of this kind of machine.
pub(super) const KNOWN: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// Runs a program. `root` is a folder of its own: all that it reads beside itself is in there, and what it makes up for the time goes to `tmp` in it. False where that
/// cannot be done: then it has not run, or not to its end.
///
/// # Errors
/// When it does not succeed.
pub(super) fn run(root: &Path, command: &Command) -> Result<bool, BuildError> {
    if !KNOWN {
        return Ok(false);
    }
    let script = root.join("still.py");
    fs::write(&script, SCRIPT).map_err(BuildError::io("write", &script))?;
    let mut still = Command::new("python3");
    still.args(["-I", "-B"]).arg(&script).arg(root).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => still.env(name, value),
            None => still.env_remove(name),
        };
    }
    match process::run_aside(&mut still) {
        Ok(()) => Ok(true),
        Err(ProcessError::Start { .. }) => Ok(false),
        Err(ProcessError::Failed { status, .. }) if status.code() == Some(CANNOT) => Ok(false),
        // It is the program that has failed, whoever has run it.
        Err(ProcessError::Failed { status, .. }) => Err(ProcessError::Failed { line: process::line(command), status }.into()),
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;

    /// Everything that a program may ask the machine, by every way that Python has.
    const ASKS: &str = "import os, random, subprocess, sys, threading, time
here, out = sys.argv[1:]
name = os.listdir(here + '/tmp')[0]
found = [os.urandom(5), hash('a'), random.random(), time.time(), time.monotonic(), time.time_ns(), os.listdir(here + '/files')]
for path in [here + '/files', here + '/files/b', here + '/tmp/' + name + '/c']:
    found += [os.stat(path), os.lstat(path), os.fstat(os.open(path, os.O_RDONLY))]
thread = threading.Thread(target=lambda: found.append(os.urandom(3)))
thread.start()
thread.join()
child = \"import os, sys; print(os.urandom(4), os.listdir(sys.argv[1] + '/files'))\"
found.append(subprocess.run([sys.executable, '-c', child, here], stdout=subprocess.PIPE).stdout)
open(out, 'w').write(repr(found))
";

    #[test]
    fn nothing_of_the_machine_is_seen_by_a_program_that_runs_still() {
        let asked = |made_up: &str, mut files: Vec<&str>| {
            let root = tempfile::tempdir().unwrap();
            let at = |path: &str| root.path().join(path);
            for folder in ["files", "out", &format!("tmp/{made_up}")] {
                fs::create_dir_all(at(folder)).unwrap();
            }
            files.push("more");
            for file in &files {
                fs::write(at(&format!("files/{file}")), "text").unwrap();
            }
            fs::write(at(&format!("tmp/{made_up}/c")), "").unwrap();
            let mut command = Command::new("python3");
            command.args(["-c", ASKS]).arg(root.path()).arg(at("out/said"));
            assert!(run(root.path(), &command).unwrap(), "this system lets nobody trace");
            fs::read_to_string(at("out/said")).unwrap()
        };
        let said = asked(".tmpA", vec!["a", "b", "c", "d", "e"]);
        assert!(said.contains("['a', 'b', 'c', 'd', 'e', 'more']") && said.contains("st_mtime=1577836800"), "{said}");
        assert_eq!(asked(".tmpOther", vec!["e", "c", "b", "d", "a"]), said);
    }

    #[test]
    fn a_program_that_fails_is_told_as_itself() {
        let root = tempfile::tempdir().unwrap();
        let mut command = Command::new("python3");
        command.args(["-c", "import sys; sys.exit(3)"]);
        let error = run(root.path(), &command).unwrap_err().to_string();
        assert!(error.contains("`python3 -c import sys; sys.exit(3)` failed: exit status: 3"), "{error}");
        assert!(!run(root.path(), &Command::new("/nonexistent/program")).unwrap(), "that it is not there is said by running it");
    }
}
