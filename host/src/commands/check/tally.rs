//! A check of several configs, for people: a line for each, and the sum.

use kaphost_findings::{Checked, Finding, Kind, Level, Outcome, Run, Skipped};
use kaphost_policy::visible;

use crate::term::{BAD, FAINT, GOOD, STRONG, paint};

/// Longest name that a line makes room for, in characters: what is longer moves its own line alone.
const NAME_CHARS: usize = 48;
/// More than any path that somebody wants to read.
const SHOWN_CHARS: usize = 1_000;

/// What stands over everything that is said of one of several.
#[must_use]
pub(super) fn heading(checked: &Checked) -> String {
    format!("{}\n", paint(STRONG, visible(&checked.title(), SHOWN_CHARS)))
}

/// A line for each, and the sum.
#[must_use]
pub(super) fn text(run: &Run) -> String {
    let names: Vec<String> = run.checked.iter().map(|checked| visible(&checked.title(), SHOWN_CHARS)).collect();
    let widest = names.iter().map(|name| name.chars().count()).filter(|count| *count <= NAME_CHARS).max().unwrap_or(0);
    let mut out = String::new();
    for (checked, name) in run.checked.iter().zip(&names) {
        out.push_str(&format!("{name:<widest$}  {}\n", outcome(checked)));
    }
    for Skipped { file, is } in &run.skipped {
        out.push_str(&format!("{:<widest$}  {}\n", visible(file, SHOWN_CHARS), paint(FAINT, format!("not checked: {is}"))));
    }
    let count = |outcome| run.checked.iter().filter(|checked| checked.outcome == outcome).count();
    let parts: Vec<String> = [
        (count(Outcome::Passed), "passed"),
        (count(Outcome::Denied), "denied"),
        (count(Outcome::Invalid), "with mistakes"),
        (count(Outcome::Untrusted), "not judged"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    let of = run.checked.len();
    let sum = if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") };
    out.push_str(&format!("\n{} {sum}, of {of}\n", paint(STRONG, "Checked:")));
    out
}

/// What came of one, and how much was found.
fn outcome(checked: &Checked) -> String {
    let of = |is: fn(&Finding) -> bool| checked.findings.iter().filter(|finding| is(finding)).count();
    let errors = of(|finding| finding.level == Level::Error);
    let (word, style) = match checked.outcome {
        Outcome::Passed => ("passed".to_owned(), GOOD),
        Outcome::Denied => (format!("denied: {}", number(errors, "violation", "violations")), BAD),
        Outcome::Invalid if errors == 0 => ("not judged".to_owned(), BAD),
        Outcome::Invalid => (number(errors, "mistake", "mistakes"), BAD),
        Outcome::Untrusted => ("not judged: a policy failed".to_owned(), BAD),
    };
    let beside: String = [
        (of(|finding| finding.level == Level::Warning), "warning", "warnings"),
        (of(|finding| finding.kind == Kind::Waived), "waived", "waived"),
    ]
    .into_iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, one, more)| format!(", {}", number(count, one, more)))
    .collect();
    format!("{}{}", paint(style, word), paint(FAINT, beside))
}

fn number(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
