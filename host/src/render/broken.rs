//! What the server that runs breaks.

use kaphost_policy::visible;
use serde_json::{Value, json};

use crate::drift::{Break, Judged};
use crate::render::decision::value;
use crate::term::{self, BAD, CHANGED, FAINT, GOOD, POLICY, STRONG, paint};

/// Longest message that is shown whole, in characters.
const MESSAGE_CHARS: usize = 500;

/// For people; nothing where there is nothing to say.
#[must_use]
pub(crate) fn text(judged: &Judged) -> String {
    let mut out = String::new();
    if let Some(why) = &judged.not_asked {
        out.push_str(&format!("{} {why}\n", paint(CHANGED, "No policy could be asked about what runs:")));
    }
    if !judged.breaks.is_empty() {
        out.push_str(&format!("{}\n", paint(STRONG, "What runs breaks policies:")));
    }
    for broken in &judged.breaks {
        out.push_str(&one(broken));
    }
    for (what, list) in [("AWS does not say, and is as the config has it:", &judged.assumed), ("no policy is asked about:", &judged.unsaid)]
    {
        // What nothing is broken by needs no footnotes.
        if !list.is_empty() && (!judged.breaks.is_empty() || what.starts_with("no policy")) {
            let words = format!("{what} {}", list.join(", "));
            for line in textwrap::wrap(&words, textwrap::Options::new(term::width().saturating_sub(2)).subsequent_indent("  ")) {
                out.push_str(&format!("  {}\n", paint(FAINT, line)));
            }
        }
    }
    out
}

fn one(broken: &Break) -> String {
    let is = broken.is.as_ref().map(|is| format!(" is {}", paint(BAD, value(is)))).unwrap_or_default();
    let wanted = broken.wanted.as_ref().map(|wanted| format!(", and should be {}", paint(GOOD, value(wanted)))).unwrap_or_default();
    let how = match (broken.waived, broken.severity) {
        (true, _) => " (waived)".to_owned(),
        (false, Some(severity)) => format!(" ({severity})"),
        (false, None) => String::new(),
    };
    let rule = paint(POLICY, format_args!("{}/{}", broken.policy, broken.rule));
    let mut out = format!("  {}{is}{wanted}\n", paint(STRONG, &broken.path));
    let because = visible(&broken.message, MESSAGE_CHARS);
    let indent = textwrap::Options::new(term::width()).initial_indent("").subsequent_indent("      ");
    let line = format!("      {rule}{how}: {because}");
    for line in textwrap::wrap(&line, indent) {
        out.push_str(&format!("{line}\n"));
    }
    out
}

/// For programs.
#[must_use]
pub(crate) fn json(judged: &Judged) -> Value {
    let one = |broken: &Break| {
        json!({
            "path": broken.path,
            "is": broken.is,
            "wanted": broken.wanted,
            "policy": broken.policy,
            "rule": broken.rule,
            "severity": broken.severity,
            "message": broken.message,
            "waived": broken.waived,
        })
    };
    json!({
        "values": judged.breaks.iter().map(one).collect::<Vec<_>>(),
        "assumed": judged.assumed,
        "not-judged": judged.unsaid,
        "not-asked": judged.not_asked,
    })
}
