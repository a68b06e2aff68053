//! kaphost as a user runs it, on a machine that holds nothing: no home, no credentials, no settings but these.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::loopback::Endpoint;
use crate::{Account, Built, Failure, Running};

/// A run that takes longer has hung.
pub(crate) const LONGEST_RUN: Duration = Duration::from_secs(120);
/// Nothing listens on the discard port: a call to AWS from here fails at once.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A home folder of its own and the environment to run kaphost in.
#[derive(Debug)]
pub struct Kaphost {
    program: PathBuf,
    home: TempDir,
    endpoint: Endpoint,
    access_key: String,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Run {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it said as its result.
    pub stdout: String,
    /// What it said about it.
    pub stderr: String,
    /// From start to end.
    pub took: Duration,
    /// The most memory that it held at once, resident, in bytes. Looked at every 2 ms, so what it took just before its end may be
    /// missing. None where the system does not say (only Linux does).
    pub peak_memory_bytes: Option<u64>,
}

impl Kaphost {
    /// kaphost with this account's AWS.
    ///
    /// # Errors
    /// When the program is missing or old, or no temporary folder can be made.
    pub fn on(account: &Account) -> Result<Self, Failure> {
        Self::with(account.endpoint(), account.access_key())
    }

    /// kaphost without any AWS: whatever calls it, fails.
    ///
    /// # Errors
    /// When the program is missing or old, or no temporary folder can be made.
    pub fn offline() -> Result<Self, Failure> {
        Self::with(NOWHERE, "AKIAKAPH000000000000".to_owned())
    }

    fn with(endpoint: &str, access_key: String) -> Result<Self, Failure> {
        let home = tempfile::Builder::new().prefix("kaphost-home-").tempdir().map_err(Failure::while_doing("making a home folder"))?;
        fs::create_dir(home.path().join("work")).map_err(Failure::while_doing("making a working folder"))?;
        Ok(Self { program: Built::find()?.kaphost()?, home, endpoint: Endpoint::parse(endpoint)?, access_key })
    }

    /// The same with a copy of the program, as an installation makes one. What a linker has just written lies in the system's page cache in single pages, a copy in
    /// large ones: a start of the first takes a quarter longer, which is nothing of the program's.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn installed(mut self) -> Result<Self, Failure> {
        let copy = self.home.path().join(format!("kaphost{}", std::env::consts::EXE_SUFFIX));
        fs::copy(&self.program, &copy).map_err(Failure::while_doing(format!("copying {}", self.program.display())))?;
        self.program = copy;
        Ok(self)
    }

    /// The working folder, empty at first.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.home.path().join("work")
    }

    /// The home folder, with the caches and settings that kaphost makes.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file into the working folder; its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.folder().join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(Failure::while_doing(format!("making {}", parent.display())))?;
        }
        fs::write(&path, text).map_err(Failure::while_doing(format!("writing {}", path.display())))?;
        Ok(path)
    }

    /// kaphost with the environment that tests run in and nothing of the caller's. Add arguments, and run it as you like.
    #[must_use]
    pub fn command(&self) -> Command {
        let home = self.home.path();
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder()).env_clear().stdin(Stdio::null());
        for (key, folder) in [
            ("HOME", ""),
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_CACHE_HOME", ".cache"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_STATE_HOME", ".local/state"),
            ("TMPDIR", ""),
            // Named although absent, so that not even a default place is looked at.
            ("AWS_CONFIG_FILE", "no-aws-config"),
            ("AWS_SHARED_CREDENTIALS_FILE", "no-aws-credentials"),
        ] {
            command.env(key, home.join(folder));
        }
        for (key, value) in [
            ("AWS_ENDPOINT_URL", self.endpoint.url()),
            ("AWS_ACCESS_KEY_ID", &self.access_key),
            ("AWS_SECRET_ACCESS_KEY", "emulator"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("NO_COLOR", "1"),
            ("TERM", "dumb"),
            ("COLUMNS", "120"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
        ] {
            command.env(key, value);
        }
        command
    }

    /// Runs kaphost to its end.
    ///
    /// # Errors
    /// When it cannot be started or does not end within two minutes.
    pub fn run<I, S>(&self, arguments: I) -> Result<Run, Failure>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = self.command();
        command.args(arguments);
        Run::of(&mut command)
    }

    /// Runs kaphost and kills it (SIGKILL) once AWS has done the work of its nth call, before it gets that call's answer.
    /// False when it ended by itself, having made fewer calls.
    ///
    /// # Errors
    /// When it cannot be started, or neither ends nor calls within two minutes.
    pub fn kill_after_call<I, S>(&self, account: &Account, nth: u32, arguments: I) -> Result<bool, Failure>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        account.fault(&crate::Rule::new(crate::Fault::Hold).nth(nth))?;
        let mut child = self
            .command()
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Failure::while_doing("starting kaphost"))?;
        let started = Instant::now();
        let held = loop {
            if account.wait_until_held(Duration::from_millis(50))?.is_some() {
                break true;
            }
            if child.try_wait().map_err(Failure::while_doing("waiting for kaphost"))?.is_some() {
                break false;
            }
            if started.elapsed() > LONGEST_RUN {
                end(&mut child);
                return Err(Failure::new(format!("kaphost neither ended nor made call {nth} within {LONGEST_RUN:?}")));
            }
        };
        end(&mut child);
        account.clear_faults()?;
        Ok(held)
    }
}

impl Run {
    /// Runs a command to its end, with both streams read as they come.
    ///
    /// # Errors
    /// When it cannot be started or does not end within two minutes; with what it had said by then.
    pub fn of(command: &mut Command) -> Result<Self, Failure> {
        Self::within(LONGEST_RUN, command)
    }

    /// The same with a limit of one's own.
    ///
    /// # Errors
    /// As `of`.
    pub fn within(limit: Duration, command: &mut Command) -> Result<Self, Failure> {
        Running::start(command)?.end_within(limit)
    }

    /// Standard error as one line, without the frames of diagnostics: what was wrapped for a terminal's width reads on.
    #[must_use]
    pub fn said(&self) -> String {
        let words = self.stderr.split_whitespace().filter(|word| !word.chars().all(|letter| "│╭╰─·┬".contains(letter)));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// Both streams and the code, for the message of an assertion.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or_else(|| "none (a signal)".to_owned(), |code| code.to_string());
        write!(f, "exit code {code} after {:?}\n── stdout\n{}── stderr\n{}", self.took, self.stdout, self.stderr)
    }
}

pub(crate) fn end(child: &mut Child) {
    // Either fails only when the child has ended already.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printing_its_environment() -> Kaphost {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("work")).unwrap();
        Kaphost {
            program: "/usr/bin/env".into(),
            home,
            endpoint: Endpoint::parse(NOWHERE).unwrap(),
            access_key: "AKIAKAPH000000000000".to_owned(),
        }
    }

    #[test]
    fn nothing_of_the_callers_environment_gets_through() {
        let kaphost = printing_its_environment();
        let run = kaphost.run::<_, &str>([]).unwrap();
        assert_eq!(run.code, Some(0), "{run}");
        let names: Vec<&str> = run.stdout.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        assert!(!names.contains(&"PATH") && !names.contains(&"CARGO_MANIFEST_DIR"), "{run}");
        for line in ["AWS_ENDPOINT_URL=http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED=true", "NO_COLOR=1", "COLUMNS=120"] {
            assert!(run.stdout.lines().any(|said| said == line), "{line} is not in {run}");
        }
        let home = kaphost.home().to_string_lossy().into_owned();
        for name in ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            assert!(run.stdout.lines().any(|said| said.starts_with(&format!("{name}={home}"))), "{name} leaves the home: {run}");
        }
    }

    #[test]
    fn a_run_that_hangs_is_ended_and_said_to_have_hung() {
        let mut sleep = Command::new("sleep");
        sleep.arg("60");
        let started = Instant::now();
        let failure = Run::within(Duration::from_millis(100), &mut sleep).unwrap_err().to_string();
        assert!(failure.contains("not done after 100ms"), "{failure}");
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn both_streams_and_the_code_are_kept() {
        let mut shell = Command::new("sh");
        let run = Run::of(shell.args(["-c", "echo out; echo err >&2; exit 3"])).unwrap();
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(3), "out\n", "err\n"));
    }
}
