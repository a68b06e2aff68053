//! How a record and its repetition differ.

use kaphost_policy::visible;
use similar::TextDiff;

use crate::term::{BAD, FAINT, GOOD, paint};

/// Lines around a difference.
const CONTEXT: usize = 3;
/// Longest line that is shown whole, in characters: a document of a policy stands on one line.
const LINE_CHARS: usize = 2000;
/// Lines of a difference that are shown: whoever needs more has both files.
const MOST_LINES: usize = 1000;

/// A unified diff from the record to what replaying it gives; empty when they are equal. Whoever wrote the record chose its bytes, so nothing of it
/// is shown that is not visible.
#[must_use]
pub(crate) fn diff(file: &str, recorded: &str, replayed: &str) -> String {
    if recorded == replayed {
        return String::new();
    }
    let whole = TextDiff::from_lines(recorded, replayed).unified_diff().context_radius(CONTEXT).header(file, "evaluated again").to_string();
    let mut out: String = whole.lines().take(MOST_LINES).map(|line| visible(line, LINE_CHARS) + "\n").collect();
    let left = whole.lines().count().saturating_sub(MOST_LINES);
    if left > 0 {
        out.push_str(&format!("and {left} lines more\n"));
    }
    out
}

/// The same with colours.
#[must_use]
pub(crate) fn painted(diff: &str) -> String {
    let line = |line: &str| match line.as_bytes().first() {
        Some(b'-') => paint(BAD, line),
        Some(b'+') => paint(GOOD, line),
        Some(b'@') => paint(FAINT, line),
        _ => line.to_owned(),
    };
    diff.lines().map(|text| line(text) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_differ_in_nothing() {
        assert_eq!(diff("record.json", "a\nb\n", "a\nb\n"), "");
    }

    #[test]
    fn a_difference_is_shown_with_what_is_around_it() {
        let recorded = "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}\n";
        let replayed = recorded.replace('2', "4");
        let shown = diff("record.json", recorded, &replayed);
        assert_eq!(
            shown,
            "--- record.json\n+++ evaluated again\n@@ -1,5 +1,5 @@\n {\n   \"a\": 1,\n-  \"b\": 2,\n+  \"b\": 4,\n   \"c\": 3\n }\n"
        );
        assert!(painted(&shown).lines().count() == shown.lines().count());
    }

    #[test]
    fn nothing_invisible_is_shown_and_nothing_without_end() {
        let shown = diff("record.json", "\u{9b}31m\u{202e}\n", "x\n");
        assert!(!shown.contains(['\u{9b}', '\u{202e}']), "{shown:?}");
        let long = diff("record.json", "", &"a\n".repeat(5000));
        assert_eq!(long.lines().count(), MOST_LINES + 1);
        assert!(long.ends_with("and 4003 lines more\n"), "{}", &long[long.len() - 30..]);
    }
}
