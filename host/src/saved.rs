//! Saved plans: written by `plan --out`, looked at by `show` and `verify`, carried out by `apply`.

mod hold;
mod make;

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use kaphost_saved_plan::{Document, LONGEST_S, Stale, looks_like_one};
use serde_json::{Value, json};

pub(crate) use self::hold::{Held, account};
pub(crate) use self::make::{Before, Making};
use crate::failure::Failure;
use crate::input;
use crate::render::simple::Simple;
use crate::signing;
pub(crate) use kaphost_saved_plan::sha256;

/// Longer than any plan: as a record, for each of many clusters.
const MAX_BYTES: u64 = 64 << 20;
/// Enough to tell what a file is.
const HEAD: u64 = 256;

/// Where the plan goes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Saved plan")]
pub(crate) struct OutArgs {
    /// Write the plan to this file. `kaphost apply FILE` carries out exactly that, once, or refuses. It holds no secret
    #[arg(long, value_name = "PLAN.kapplan")]
    pub(crate) out: Option<PathBuf>,
    /// How long it may be applied, such as 30m or 2d; 7 days at most
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    expires_in: SignedDuration,
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let span: Span = text.parse().map_err(|_| "write a number and a unit, such as 30m, 24h or 2d".to_owned())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| "write minutes, hours or days".to_owned())?;
    let most = LONGEST_S / 86_400;
    if duration < SignedDuration::from_mins(1) || duration.as_secs() > LONGEST_S {
        return Err(format!("a plan is good for a minute at least, and for {most} days at most"));
    }
    Ok(duration)
}

/// Whether a file is meant as a saved plan, by what it begins with and not by its name. What cannot be read is none: whoever reads it as something else says so.
#[must_use]
pub(crate) fn is_one(file: &Path) -> bool {
    // Only of a regular file: reading from a pipe takes away what is read, and may wait for ever.
    let regular = std::fs::metadata(file).is_ok_and(|data| data.is_file());
    let mut head = Vec::new();
    let read = |open: std::fs::File| open.take(HEAD).read_to_end(&mut head);
    regular && std::fs::File::open(file).and_then(read).is_ok() && looks_like_one(&head)
}

/// A saved plan, as it was read.
#[derive(Debug)]
pub(crate) struct Saved {
    /// As the user calls it.
    pub(crate) file: PathBuf,
    /// All of it.
    pub(crate) bytes: Vec<u8>,
    /// The same.
    pub(crate) document: Document,
}

impl Saved {
    /// Reads one.
    ///
    /// # Errors
    /// When it cannot be read, or is not to the byte what was written.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let bytes = input::bytes_within(file, MAX_BYTES).map_err(|why| Failure::Unreadable {
            what: "the saved plan",
            file: file.to_owned(),
            why,
        })?;
        // What is no text was altered, too.
        let document = match std::str::from_utf8(&bytes) {
            Ok(text) => Document::parse(text),
            Err(_) => Err(Stale::Altered { line: None }),
        };
        let document = document.map_err(|stale| stale_plan(file, &[stale], None))?;
        Ok(Self { file: file.to_owned(), bytes, document })
    }

    /// Lower-case hexadecimal SHA-256 of the file.
    #[must_use]
    pub(crate) fn sha256(&self) -> String {
        sha256(&self.bytes)
    }

    /// Whether its time has come and is not over.
    ///
    /// # Errors
    /// When it is not good now.
    pub(crate) fn is_good(&self) -> Result<(), Stale> {
        self.document.good_at(Timestamp::now())
    }

    /// That it is not to be carried out.
    #[must_use]
    pub(crate) fn stale(&self, reasons: &[Stale], ended: Option<Failure>) -> Failure {
        stale_plan(&self.file, reasons, ended)
    }
}

fn stale_plan(file: &Path, reasons: &[Stale], ended: Option<Failure>) -> Failure {
    let one = |stale: &Stale| Simple::new(stale.code(), format!("`{}`: {stale}", file.display())).with_help(stale.help());
    Failure::Stale { file: file.display().to_string(), reasons: reasons.iter().map(one).collect(), ended: ended.map(Box::new) }
}

/// What is said of a plan where it is signed: its frame, and the summary of each decision.
#[must_use]
pub(crate) fn predicate(document: &Document) -> Value {
    let clusters: Vec<Value> = document.clusters.iter().map(|cluster| signing::summary(&cluster.inputs, &cluster.decision)).collect();
    json!({
        "plan": document.id,
        "account": document.account,
        "created": document.created,
        "expires": document.expires,
        "clusters": clusters,
    })
}

/// Puts a file in place whole or not at all, for its owner alone to read.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write(what: &'static str, file: &Path, text: &str) -> Result<(), Failure> {
    let put = || {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        new.write_all(text.as_bytes())?;
        new.as_file().sync_data()?;
        new.persist(file)?;
        Ok(())
    };
    put().map_err(|error: std::io::Error| Failure::Unwritable { what, file: file.to_owned(), why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_minute_to_a_week() {
        let seconds = |text: &str| duration(text).map(|it| it.as_secs());
        assert_eq!(seconds("24h"), Ok(86_400));
        assert_eq!((seconds("90m"), seconds("2d"), seconds("7 days"), seconds("1h30m")), (Ok(5_400), Ok(172_800), Ok(604_800), Ok(5_400)));
        for wrong in ["", "24", "59s", "0h", "-1h", "7d1s", "1mo", "1y", "soon", "99999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_plan_is_told_by_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cluster.kdl");
        std::fs::write(&file, Document::new("1", "2", "", "").text()).unwrap();
        assert!(is_one(&file));
        std::fs::write(&file, "cluster \"a\" region=\"b\" {\n}\n").unwrap();
        assert!(!is_one(&file) && !is_one(folder.path()) && !is_one(&folder.path().join("x")));
        #[cfg(unix)]
        assert!(!is_one(Path::new("/dev/zero")));
    }
}
