//! The Python that the emulator runs on, and tools that come as its packages: a virtual environment made once for each state of a
//! `requirements.txt`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;
use crate::built::{Built, workspace};

/// The oldest Python that moto supports.
const MINIMUM: (u32, u32) = (3, 10);

/// A Python with everything of one `requirements.txt`.
#[derive(Clone, Debug)]
pub struct Python {
    program: PathBuf,
}

impl Python {
    /// The emulator's. Finds it in the target folder, or makes it there: once, however many tests ask at the same time.
    ///
    /// # Errors
    /// When there is no Python 3.10 with `venv`, or the packages cannot be installed; with pip's own words.
    pub fn ready(built: &Built) -> Result<Self, Failure> {
        Self::with(built, "emulator", "tests/emulator")
    }

    /// The one with the linter of shell scripts.
    ///
    /// # Errors
    /// As `ready`.
    pub fn with_linter(built: &Built) -> Result<Self, Failure> {
        Self::with(built, "boot", "tests/boot")
    }

    /// The one that holds documents to schemas.
    ///
    /// # Errors
    /// As `ready`.
    pub fn with_validators(built: &Built) -> Result<Self, Failure> {
        Self::with(built, "formats", "tests/formats")
    }

    /// The one that drives a browser.
    ///
    /// # Errors
    /// As `ready`.
    pub fn with_browser(built: &Built) -> Result<Self, Failure> {
        Self::with(built, "browser", "tests/browser")
    }

    /// The one that makes components of policies in Python.
    ///
    /// # Errors
    /// As `ready`.
    pub fn with_componentizer(built: &Built) -> Result<Self, Failure> {
        Self::with(built, "componentizer", "guest-policies/sdk-python")
    }

    /// The one whose requirements are in this folder of the workspace. Its own folder starts with this name.
    fn with(built: &Built, folder_name: &str, of: &str) -> Result<Self, Failure> {
        let requirements = workspace().join(of).join("requirements.txt");
        let text = fs::read(&requirements).map_err(Failure::while_doing(format!("reading {}", requirements.display())))?;
        let folder = built.target().join(format!("{folder_name}-venv-{:016x}", fnv1a(&text)));
        let program = folder.join("bin/python");
        // Written last: an environment without it was left half made.
        let complete = folder.join("complete");
        let python = Self { program };
        if complete.exists() {
            return Ok(python);
        }
        fs::create_dir_all(built.target()).map_err(Failure::while_doing(format!("making {}", built.target().display())))?;
        let lock_path = folder.with_extension("lock");
        let lock = File::create(&lock_path).map_err(Failure::while_doing(format!("making {}", lock_path.display())))?;
        lock.lock().map_err(Failure::while_doing(format!("locking {}", lock_path.display())))?;
        if complete.exists() {
            return Ok(python);
        }
        check_version()?;
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), "making a virtual environment (python3-venv is needed)")?;
        run(
            Command::new(&python.program)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary=:all:", "-r"])
                .arg(&requirements),
            "installing packages",
        )?;
        File::create(&complete).map_err(Failure::while_doing(format!("making {}", complete.display())))?;
        Ok(python)
    }

    /// The folder with the programs that the packages bring, for a `PATH`.
    #[must_use]
    pub fn programs(&self) -> &Path {
        self.program.parent().unwrap_or(&self.program)
    }

    /// A program that one of the packages brings.
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.program.with_file_name(name));
        command.env_clear().env("LC_ALL", "C.UTF-8");
        command
    }

    /// A command that runs one of the scripts below `tests/`, such as `bench/boto3_sequential.py`, with no environment but what is given.
    #[must_use]
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        // -B: nothing is written beside the sources. -u: lines arrive when they are printed.
        command.args(["-B", "-u"]).arg(workspace().join("tests").join(name)).env_clear().env("PYTHONHASHSEED", "0");
        command
    }
}

fn check_version() -> Result<(), Failure> {
    let said = run(
        Command::new("python3").args(["-c", "import sys; print(sys.version_info[0], sys.version_info[1])"]),
        "asking for the version of python3 (the emulator is written in Python)",
    )?;
    let mut numbers = said.split_whitespace().filter_map(|word| word.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) >= MINIMUM => Ok(()),
        _ => Err(Failure::new(format!("python3 is {}; the emulator needs {}.{} or newer", said.trim(), MINIMUM.0, MINIMUM.1))),
    }
}

fn run(command: &mut Command, what: &str) -> Result<String, Failure> {
    let output = command.stdin(Stdio::null()).output().map_err(Failure::while_doing(what))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Failure::new(format!("{what}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr))))
}

/// The 64-bit FNV-1a digest: names a folder, protects nothing.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Where the emulator's entry is.
pub(crate) fn server_script() -> &'static Path {
    Path::new("emulator/server.py")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_fnv_1a() {
        // Test vectors of the draft that defines it (draft-eastlake-fnv).
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
