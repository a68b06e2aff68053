//! A command line that cannot be read, for those who asked for JSON on it: they get a document whatever is wrong.

use std::ffi::OsString;

use crate::failure::Failure;

/// Whether the command line asks for JSON, as far as can be told of one that does not parse. The last `--output` counts, and the
/// environment where there is none.
#[must_use]
pub(crate) fn wants_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut said = None;
    let mut is_next = false;
    for argument in arguments.skip(1) {
        let Some(text) = argument.to_str() else { continue };
        if text == "--" {
            break;
        }
        if is_next {
            said = Some(text == "json");
        } else if let Some(value) = text.strip_prefix("--output=") {
            said = Some(value == "json");
        }
        is_next = text == "--output";
    }
    said.unwrap_or_else(|| std::env::var_os("KAPHOST_OUTPUT").is_some_and(|value| value == "json"))
}

/// What clap says: its first paragraph as the message, its tip as help.
#[must_use]
pub(crate) fn failure(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let words = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = text.split("\n\n").map(words);
    let message = paragraphs.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    let tip = paragraphs.find_map(|paragraph| paragraph.strip_prefix("tip: ").map(str::to_owned));
    Failure::Usage(tip.map_or_else(|| message.to_owned(), |tip| format!("{message}: {tip}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(line: &str) -> bool {
        wants_json(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_last_output_before_the_end_of_options_counts() {
        assert!(asks("kaphost chek --output json"));
        assert!(asks("kaphost --output=text --output=json chek"));
        assert!(!asks("kaphost chek --output json --output text"));
        assert!(!asks("kaphost chek -- --output json"));
        assert!(!asks("kaphost chek --output"));
        assert!(!asks("kaphost chek json"));
    }
}
