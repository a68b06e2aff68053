//! Whole commands timed in turns, by `tests/bench/time_commands.py`: from before the process is made until it has ended, output thrown away.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kaphost_tests::{Built, Failure, Python, Run};
use serde::Deserialize;
use serde_json::{Value, json};

/// Longer than a thousand rounds of anything here.
const LONGEST: Duration = Duration::from_secs(1_200);

/// A command to time.
#[derive(Clone, Debug)]
pub(crate) struct Timed {
    name: String,
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    cwd: PathBuf,
    expect: i32,
    /// Removed before each run: a cache that is to be cold.
    without: Option<PathBuf>,
    /// How many processors it may run on; all of them where it is `None`.
    processors: Option<usize>,
}

/// What a command took.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Taken {
    /// Milliseconds, the median of all rounds.
    pub(crate) median_ms: f64,
    /// Milliseconds, the best round: what the machine's noise adds nothing to.
    pub(crate) best_ms: f64,
    /// The most memory that any round had resident.
    pub(crate) max_rss_kib: f64,
}

impl Timed {
    /// A command with its arguments and environment, that is to end with this exit code.
    ///
    /// # Errors
    /// When something of it is not UTF-8.
    pub(crate) fn new(name: &str, command: &Command, cwd: &Path, expect: i32) -> Result<Self, Failure> {
        let text = |part: &OsStr| {
            part.to_str().map(str::to_owned).ok_or_else(|| Failure::new(format!("{} is not UTF-8; bench needs it to be", part.display())))
        };
        let argv = std::iter::once(command.get_program()).chain(command.get_args()).map(text).collect::<Result<_, _>>()?;
        let given = command.get_envs().filter_map(|(key, value)| Some((key, value?)));
        let env = given.map(|(key, value)| Ok((text(key)?, text(value)?))).collect::<Result<_, Failure>>()?;
        Ok(Self { name: name.to_owned(), argv, env, cwd: cwd.to_owned(), expect, without: None, processors: None })
    }

    /// The same with a folder removed before each run.
    pub(crate) fn without(mut self, folder: PathBuf) -> Self {
        self.without = Some(folder);
        self
    }

    /// The same on so many processors, where there are more.
    pub(crate) fn on_processors(self, processors: usize) -> Self {
        Self { processors: Some(processors), ..self }
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "argv": self.argv,
            "env": self.env,
            "cwd": self.cwd,
            "expect": self.expect,
            "without": self.without,
            "processors": self.processors,
        })
    }
}

/// Times all of them, taking turns.
///
/// # Errors
/// When one cannot be run or ends with another code than it should.
pub(crate) fn time(rounds: usize, commands: &[Timed]) -> Result<BTreeMap<String, Taken>, Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::new(format!("making a folder for the job: {error}")))?;
    let path = folder.path().join("job.json");
    let job = json!({ "rounds": rounds, "commands": commands.iter().map(Timed::json).collect::<Vec<_>>() });
    let failed = |error: std::io::Error| Failure::new(format!("handing over the commands to time: {error}"));
    std::fs::write(&path, job.to_string()).map_err(failed)?;
    let mut script = Python::ready(&Built::find()?)?.script("bench/time_commands.py");
    let run = Run::within(LONGEST, script.stdin(File::open(&path).map_err(failed)?))?;
    if run.code != Some(0) {
        return Err(Failure::new(format!("timing commands: {}", run.stderr.trim_end())));
    }
    serde_json::from_str(&run.stdout).map_err(|error| Failure::new(format!("timing commands: {error}: {run}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.env_clear().args(["-c", script]);
        command
    }

    #[test]
    fn each_round_runs_each_command_once_after_one_to_warm_up() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        std::fs::create_dir(&cache).unwrap();
        let count = Timed::new("count", &shell("echo x >> runs"), folder.path(), 0).unwrap();
        // `mkdir` fails where the folder is left over from the round before.
        let fresh = Timed::new("fresh", &shell("mkdir cache && exit 3"), folder.path(), 3).unwrap().without(cache);
        let taken = time(4, &[count, fresh]).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("runs")).unwrap().lines().count(), 5);
        let fresh = taken["fresh"];
        assert!(fresh.best_ms > 0.0 && fresh.best_ms <= fresh.median_ms && fresh.max_rss_kib > 0.0, "{fresh:?}");
    }

    #[test]
    fn a_command_that_ends_otherwise_ends_the_measurement() {
        let folder = tempfile::tempdir().unwrap();
        let wrong = Timed::new("wrong", &shell("exit 4"), folder.path(), 0).unwrap();
        let failure = time(1, &[wrong]).unwrap_err().to_string();
        assert!(failure.contains("wrong ended with 4, not with 0"), "{failure}");
    }
}
